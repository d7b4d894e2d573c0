"""Short ways to say a world, a roll and a policy; every test says only what it is about."""

from asgroll.gates import judge
from asgroll.model import Replacement, Roll, Victim
from asgroll.policy import parse
from asgroll.tracker import fold
from asgroll.world import READY, Answer, Group, Instance, TargetHealth, Verdict, World

NOW = 1_000_000.0
SPEC = "lt-0aa:2"
OLD_SPEC = "lt-0aa:1"


def policy(**keys):
    return parse([("test", keys)])


def instance(key, zone="a", lifecycle="InService", *, ready=True, **fields):
    answer = READY if ready else Answer("traffic", Verdict.NOT_YET, "web: initial")
    defaults = {"healthy": True, "spec": OLD_SPEC, "answer": answer}
    return Instance(id=key, zone=zone, lifecycle=lifecycle, **(defaults | fields))


def world(*instances, desired=None, minimum=0, maximum=10, **group):
    members = {i.id: i for i in instances}
    held = sum(i.weight for i in instances if i.holds_capacity)
    return World(
        group=Group(
            name="web",
            min_size=minimum,
            max_size=maximum,
            desired=held if desired is None else desired,
            specs=group.pop("specs", (SPEC,)),
            suspended=frozenset(group.pop("suspended", ("AZRebalance", "InstanceRefresh"))),
            **group,
        ),
        instances=members,
        taken_at=NOW,
    )


def judged(view, targets):
    """
    The view with the gates' answers for ``{name: {instance: state or (state, reason, description,
    override)}}``; the last three may be left out.
    """
    health = {
        name: {
            key: TargetHealth(*((state,) if isinstance(state, str) else state))
            for key, state in members.items()
        }
        for name, members in targets.items()
    }
    return judge(World(group=view.group, instances=view.instances, targets=health))


def roll(*victims, initial=(), desired=None, **fields):
    """A roll of the given victims (instances), begun an instant ago."""
    members = [*victims, *initial]
    total = sum(i.weight for i in members) if desired is None else desired
    defaults = {
        "id": "r1",
        "group": "web",
        "arn": "arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:x:y/web",
        "started_at": NOW,
        "progress_at": NOW,
        "initial": frozenset(i.id for i in members),
        "victims": {
            i.id: Victim(
                i.id, i.zone, i.weight, i.launched_at, i.spec, standby=i.lifecycle == "Standby"
            )
            for i in victims
        },
        "specs": (SPEC,),
        "max_size": 10,
        "desired": total,
        "expected_desired": total,
        "tellers": frozenset(),
    }
    return Roll(**(defaults | fields))


def new(key, zone="a", *, ready=True, seen=NOW, **fields):
    """What the roll remembers of an instance that appeared later."""
    ready_at = {"ready_at": seen, "healthy_since": seen} if ready else {}
    return Replacement(key, zone, seen, spec=SPEC, **(ready_at | fields))


def after(view, state, now=NOW, **keys):
    """The roll after an observation."""
    return fold(state, view, policy(**keys), now)


def believed(view, state, **keys):
    """Seen twice, long enough apart not to be an old answer."""
    once = after(view, state, NOW, settle_time=10, **keys)
    return after(view, once, NOW + 10, settle_time=10, **keys)
