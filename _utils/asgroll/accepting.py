"""
The obstacles that a person may accept by name with the policy key ``accept``: which there are, and
what somebody who accepts one takes upon himself. Everything else that speaks against a roll has to
be changed.
"""

from __future__ import annotations

ACCEPTABLE: dict[str, str] = {
    "no-readiness": (
        "Nothing tells when a new instance is ready: it counts as serving as soon as its machine "
        "runs, and an old one goes for it."
    ),
    "timeouts": (
        "`ready_timeout` or `drain_timeout` is shorter than what a lifecycle hook or draining may "
        "take: usually it is quicker, and what is not counts as a failure."
    ),
    "health-check-type": (
        "The group is behind a load balancer and does not use its health checks: an instance that "
        "the load balancer finds unhealthy after the roll is not replaced."
    ),
    "traffic-source": (
        "Traffic comes from something else than target groups and classic load balancers: whether "
        "it reaches an instance is not checked."
    ),
    "unused-target-group": (
        "No listener forwards to a target group: it does not count for as long as that is so."
    ),
    "nobody-serves": (
        "No instance serves when the roll begins: what it brings has nothing to be compared with. "
        "A rollback begins all the same."
    ),
    "zonal-shift": (
        "Traffic is shifted away from a zone, or AWS does not know: what is there does not count "
        "as serving, and the roll waits while less than live − `max_unavailable` does."
    ),
    "unseen-zonal-shift": (
        "A load balancer does not tell of zonal shifts (`zonal_shift_delegated_to_dns`): its "
        "targets count by their health, and a shift that begins during the roll is not noticed."
    ),
    "deprecated-image": (
        "What a rollback would launch is from a deprecated image: it may lack updates, and its "
        "owner may deregister it at any time."
    ),
    "warm-pool": (
        "Replacements come from the warm pool, launched and patched when the pool was filled."
    ),
    "capacity-units": (
        "The sizes of the group are not instances (`DesiredCapacityType`), or its weights are far "
        "from them. The weights that AWS shows are taken for what each instance contributes."
    ),
    "waiting-launches": (
        "`asgcycle.hook remove=True` abandons the launches that wait for the hook now."
    ),
}
