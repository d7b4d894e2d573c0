"""The texts of scaling activities.

Their forms are those of public answers of DescribeScalingActivities: the user guide's "verify a
scaling activity", re:Post's "why did my Auto Scaling group scale down" and "why did Amazon EC2
Auto Scaling terminate an instance", Netflix/edda#60 and buildkite/buildkite-agent-scaler#351;
"executed policy" is Eucalyptus's, which rebuilt this API. ``stamp`` is the instant as AWS writes it
there, capacities are what stood there just before and what stands there after.
"""

from __future__ import annotations

import json

FAILED = "Launching EC2 instance failed."
# What every Cause says where its words are assumed to be others.
IN_OTHER_WORDS = "The capacity of the group was adjusted."
DRAINING = " - Waiting For ELB Connection Draining."


# -- why the desired capacity changed -----------------------------------------------------------


def created(stamp: str, after: int) -> str:
    """Somebody created the group."""
    return (
        f"At {stamp} a user request created an AutoScalingGroup changing the desired capacity "
        f"from 0 to {after}.  "
    )


def set_explicitly(stamp: str, before: int, after: int) -> str:
    """Somebody called SetDesiredCapacity."""
    return (
        f"At {stamp} a user request explicitly set group desired capacity changing the desired "
        f"capacity from {before} to {after}.  "
    )


def constraints(stamp: str, who: str, sizes: tuple[int, int], before: int, after: int) -> str:
    """Somebody (``a user request``, ``a scheduled action``) changed min, max or desired."""
    low, high = sizes
    return (
        f"At {stamp} {who} update of AutoScalingGroup constraints to min: {low}, max: {high}, "
        f"desired: {after} changing the desired capacity from {before} to {after}.  "
    )


def alarm(stamp: str, name: str, policy: str, before: int, after: int) -> str:
    """An alarm made a scaling policy act."""
    return (
        f"At {stamp} a monitor alarm {name} in state ALARM triggered policy {policy} changing the "
        f"desired capacity from {before} to {after}.  "
    )


def executed(stamp: str, policy: str, before: int, after: int) -> str:
    """Somebody called ExecutePolicy."""
    return (
        f"At {stamp} a user request executed policy {policy} changing the desired capacity from "
        f"{before} to {after}.  "
    )


# -- what the group did -------------------------------------------------------------------------


def started(stamp: str, before: int, after: int) -> str:
    """The group launches what is missing."""
    return (
        f"At {stamp} an instance was started in response to a difference between desired and "
        f"actual capacity, increasing the capacity from {before} to {after}."
    )


def shrunk(stamp: str, before: int, after: int, instance: str) -> str:
    """The group terminates what is too much."""
    return (
        f"At {stamp} an instance was taken out of service in response to a difference between "
        f"desired and actual capacity, shrinking the capacity from {before} to {after}.  "
        f"At {stamp} instance {instance} was selected for termination."
    )


def requested(stamp: str, instance: str, sizes: tuple[int, int] | None) -> str:
    """Somebody called TerminateInstanceInAutoScalingGroup; ``sizes`` where desired was lowered."""
    smaller = f", shrinking the capacity from {sizes[0]} to {sizes[1]}" if sizes else ""
    return (
        f"At {stamp} instance {instance} was taken out of service in response to a user request"
        f"{smaller}."
    )


def taken_out(stamp: str, because: str) -> str:
    """The group takes an instance out of service because of ``because``."""
    return f"At {stamp} an instance was taken out of service in response to {because}."


def replaced(stamp: str, reason: str) -> str:
    """An instance is launched for one that a health check or a refresh has taken out.

    Empty for other reasons: what such a launch says is ``started``.
    """
    whose = {
        "maintenance": "an unhealthy instance needing to be replaced",
        "unhealthy": "an unhealthy instance needing to be replaced",
        "refresh": "an instance refresh",
    }.get(reason)
    return f"At {stamp} an instance was launched in response to {whose}." if whose else ""


def balanced(stamp: str, zone: str) -> str:
    """An instance is launched to even out the zones."""
    return (
        f"At {stamp} instances were launched to balance instances in zones {zone} with other zones "
        "resulting in more than desired number of instances in the group."
    )


def at_risk(stamp: str) -> str:
    """Capacity Rebalancing launches an instance for one at risk of being reclaimed."""
    return (
        f"At {stamp} an instance was launched in response to a Spot Instance being at elevated "
        "risk of interruption."
    )


# -- the rest of an activity --------------------------------------------------------------------


def details(subnet: str, zone: str) -> str:
    """Where the instance is, or was tried: JSON in a string."""
    return json.dumps({"Subnet ID": subnet, "Availability Zone": zone}, separators=(",", ":"))


def with_reason(description: str, message: str) -> str:
    """Return a description that ends with why the activity failed or was cancelled."""
    return f"{description}.  Status Reason: {message}"
