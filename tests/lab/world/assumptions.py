"""What no public source says of AWS, as switches: the lab's own choice and what else may be.

Each rule of RULES.md whose source says "assumed" has its line here. A world takes the default of
each unless it is told otherwise (``World(assumptions={"TE-8": "refused"})``, the key
``assumptions`` of a scenario, ``bin/lab --assume TE-8=refused``); ``draw`` and ``OTHERS`` are for
whoever lets chance decide. What relies on one of these rules has to be safe under all of them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

WORDS, CODE = "other-words", "other-code"
# A refusal whose words are ours: the same refusal in other words, or with another code as well.
REFUSAL = {
    WORDS: "refused with the same code in words that say nothing",
    CODE: "refused with ValidationException, as newer services do",
}
ONLY_WORDS = {WORDS: REFUSAL[WORDS]}


@dataclass(frozen=True, slots=True)
class Assumption:
    """One rule that nobody can look up.

    Args:
        default: the name of what the lab does where nobody says otherwise.
        means: what that is, in a few words.
        others: what AWS may do instead: name → what it means.
        why_kept: why there is no other behaviour to draw; empty where there is one.
    """

    default: str
    means: str
    others: Mapping[str, str] = field(default_factory=dict)
    why_kept: str = ""


def _text(means: str, others: Mapping[str, str] = REFUSAL) -> Assumption:
    return Assumption("as-written", means, others)


def _kept(why: str) -> Assumption:
    return Assumption("as-written", "as RULES.md says", why_kept=why)


TABLE: Mapping[str, Assumption] = {
    # -- groups ---------------------------------------------------------------------------------
    "AS-2": _text("a desired capacity below the minimum is refused in the words of its opposite"),
    "AS-3": _text("sizes that contradict each other are refused in the lab's words"),
    "AS-4": Assumption(
        "at-once",
        "desired moves in the instant in which a bound is moved past it",
        {"later": "desired follows with the group's next reaction"},
    ),
    "AS-8": Assumption(
        "started",
        "the cooldown counts from the start of the last launch or termination",
        {"ended": "it counts anew from the end of each activity"},
    ),
    "AS-9": _text("a call on an unknown group is refused in the words that moto knows"),
    "AS-12": Assumption(
        "refused",
        "an unknown process is refused",
        {"ignored": "an unknown process is left out, the others are suspended or resumed"},
    ),
    "AS-16": Assumption(
        "denied",
        "who is not the operator of a group is refused with AccessDenied",
        {"validation": "they are refused with ValidationError"},
    ),
    # -- launches -------------------------------------------------------------------------------
    "LA-4": Assumption(
        "first",
        "of zones with equally many instances the one that the group names first",
        {"last": "the one that the group names last", "any": "any of them, by chance"},
    ),
    "LA-5": Assumption(
        "at-once",
        "where one zone has no capacity another is taken in the same instant, nothing is listed",
        {
            "fails-first": "a failed activity is listed, another zone is tried with the next one",
            "same-zone": "the same zone is tried until it has capacity (balanced-only)",
        },
    ),
    "LA-6": Assumption(
        "stays",
        "what the last launch of a weighted group overshoots by stays",
        {"shrinks": "what fits into the overshoot is terminated"},
    ),
    "LA-8": Assumption(
        "failed",
        "the activity of a machine that ends in Pending is Failed",
        {"cancelled": "it is Cancelled", WORDS: "it is Failed, without EC2's reason"},
    ),
    "LA-12": Assumption(
        "steady",
        "after a failed launch the group waits the same time each time",
        {"longer": "it waits twice as long each time, up to ten minutes"},
    ),
    # -- activities -----------------------------------------------------------------------------
    "CA-1": Assumption(
        "as-reported",
        "a Cause has the form that public activities show",
        {WORDS: "it is in other words, and without numbers"},
    ),
    "CA-2": Assumption(
        "differences-only",
        "all changes since the group last acted stand in one Cause, changes taken back in none",
        {
            "latest": "only the last change before the group acts stands in the Cause",
            "taken-back-too": "changes that were taken back stand in the Cause of what comes next",
            "none": "no change stands there, only what the group does",
        },
    ),
    "CA-7": Assumption(
        "at-once",
        "an activity is listed as soon as it begins",
        {"late": "it is listed 20 seconds later"},
    ),
    "CA-8": Assumption(
        "whole-step",
        "each of several launches names the capacity before the first and after the last",
        {"own-step": "each names the capacity before and after itself"},
    ),
    # -- lifecycle hooks ------------------------------------------------------------------------
    "HK-6": _text("an unknown hook is refused in the lab's words"),
    "HK-9": _text("a heartbeat timeout out of bounds is refused in the lab's words"),
    # -- load balancers -------------------------------------------------------------------------
    "TG-1": Assumption(
        "with-service",
        "an instance is registered in the instant in which it becomes InService",
        {
            "before": "it is registered 20 seconds before, and may be healthy while it is Pending",
            "after": "it is registered 20 seconds after, and until then unknown to load balancers",
        },
    ),
    "TG-7": _kept("scenarios set interval and thresholds, which makes one like the other"),
    # -- terminations ---------------------------------------------------------------------------
    "TE-1": Assumption(
        "at-once",
        "the replacement is launched with the group's next reaction, while the old one still ends",
        {"when-gone": "it is launched once the terminated instance has left the group"},
    ),
    "TE-2": Assumption(
        "at-the-call",
        "a decrement lowers desired when the call is answered",
        {"when-gone": "it lowers desired when the instance has left; a new desired cancels it"},
    ),
    "TE-3": Assumption(
        "desired",
        "a decrement is refused when desired would fall below the minimum",
        {"in-service": "it is refused when what is InService would fall below the minimum"},
    ),
    "TE-6": Assumption(
        "until-ended",
        "a terminating instance is listed as a member until its machine has ended",
        {
            "hidden": "it is listed no longer as soon as it terminates",
            "until-shutdown": "it leaves the group when its machine begins to shut down",
            "lingers": "it stays listed as Terminated for a minute after its machine has ended",
        },
    ),
    "TE-7": Assumption(
        "weight",
        "a decrement lowers desired by the weight of the instance",
        {"one": "it lowers desired by one unit, whatever the instance weighs"},
    ),
    "TE-8": Assumption(
        "counts-again",
        "terminating again is accepted, and a second decrement counts again",
        {
            "ignored": "it is accepted and does nothing",
            "refused": "it is refused with ValidationError",
            "not-found": "it is refused as if no group had such an instance",
        },
    ),
    "TE-9": Assumption(
        "all-or-none",
        "with InstanceIds all are terminated, or the call is refused and none is",
        {"in-part": "those that can be are terminated, and only they are in the answer"},
    ),
    "TE-13": Assumption(
        "terminates",
        "with Terminate suspended a call terminates all the same",
        {
            "refused": "it is refused with ValidationError",
            "held": "it is accepted, the instance serves until Terminate is resumed",
        },
    ),
    "TE-14": Assumption(
        "accepted",
        "an instance that is still Pending is terminated by a call like any other",
        {"refused": "it is refused with ValidationError"},
    ),
    "TE-15": Assumption(
        "not-counted",
        "terminating an instance in Standby leaves desired alone, also with decrement",
        {"counted": "with decrement desired falls all the same"},
    ),
    # -- members --------------------------------------------------------------------------------
    "ME-1": _text("Standby below the minimum is refused in the lab's words"),
    "ME-2": Assumption(
        "refused",
        "leaving Standby is refused when desired would exceed the maximum",
        {"capped": "the instance leaves Standby, and desired stays at the maximum"},
    ),
    "ME-3": _text("an instance that is not in Standby is refused in the lab's words"),
    "ME-7": _text("attaching an instance of another group is refused in the lab's words"),
    # -- zones ----------------------------------------------------------------------------------
    "AZ-5": Assumption(
        "ten-percent",
        "AZRebalance acts after the world's delay and may exceed the maximum by 10 percent or one",
        {
            "at-once": "it acts with the group's next reaction",
            "never-above-max": "it waits while the group is at its maximum",
        },
    ),
    "AZ-8": Assumption(
        "oldest",
        "of instances that the termination policies leave, the oldest goes",
        {"newest": "the newest goes", "any": "any of them goes, by chance"},
    ),
    "AZ-9": Assumption(
        "like-others",
        "scale-in may take an instance that is still Pending like any other",
        {
            "pending-first": "it takes what is still Pending first",
            "in-service-only": "it takes nothing that is still Pending",
        },
    ),
    # -- who sets totals ------------------------------------------------------------------------
    "DM-2": Assumption(
        "units",
        "target tracking is proportional to what the group has now, whatever it was launched for",
        {"desired": "it is proportional to the desired capacity of now"},
    ),
    # -- replacements that are launched first ---------------------------------------------------
    "CR-2": Assumption(
        "once",
        "what ends otherwise while its successor boots is replaced by this one",
        {"twice": "it is replaced by another one as well, and the group scales in afterwards"},
    ),
    "CR-3": _kept("stories put nobody into Standby and detach nobody"),
    "MP-2": Assumption(
        "one-at-least",
        "one is launched first even where the maximum percentage leaves no room for a whole one",
        {"none": "none is launched first there: what is unhealthy goes at once"},
    ),
    "MP-7": Assumption(
        "at-once",
        "a call terminates at once also where AWS itself would launch first",
        {"waits": "a call without decrement waits for the replacement, as AWS itself does there"},
    ),
    # -- refresh, EC2 ---------------------------------------------------------------------------
    "IR-2": _text("the code is the model's, the words are the lab's", ONLY_WORDS),
    "IR-3": _text("the code is the model's, the words are the lab's", ONLY_WORDS),
    "IR-4": _text("the code is the model's, the words are the lab's", ONLY_WORDS),
    "IR-6": Assumption(
        "paused",
        "a refresh started while InstanceRefresh is suspended is InProgress and replaces nothing",
        {
            "pending": "it stays Pending until the process is resumed",
            "refused": "it is refused with ValidationError",
        },
    ),
    "IR-7": Assumption(
        "at-once",
        "a refresh is listed as soon as it is started",
        {"late": "it is listed 30 seconds later, and acts before"},
    ),
    "EC-4": _kept("the console is read by people only"),
    "EC-8": Assumption(
        "not-reused",
        "the number of a deleted version is not given again",
        {"reused": "a new version takes the number after the highest that is left"},
    ),
    # -- calls, faults --------------------------------------------------------------------------
    "AP-2": _kept("the product asks for no more than the limits, whatever the refusal is called"),
    "FA-1": Assumption(
        "as-documented",
        "throttled, denied and expired calls have the codes of the query protocol",
        {"exceptions": "their codes end with Exception, as those of newer services do"},
    ),
    "FA-2": _kept("the fault's key `applied` says which, and stories draw both"),
    "FA-9": Assumption(
        "oldest",
        "a stale read shows the whole of a group as it was before the oldest change in the window",
        {
            "members-lag": "sizes, tags and processes are those of now, the members are old",
            "sizes-lag": "the members are those of now; sizes, tags and processes are old",
            "replicas": "every other read shows what is, the others what was",
        },
    ),
    "FA-17": _kept("the fault's keys say what is left out or doubled, how often and of whom"),
    "FA-18": _kept("the fault's keys say what is left out, and how often"),
    "FA-19": _kept("the fault draws the time, unless its key `seconds` says it"),
}
#: Rule → what else AWS may do, for whoever draws one of them (or none).
OTHERS: Mapping[str, tuple[str, ...]] = {
    rule: tuple(item.others) for rule, item in TABLE.items() if item.others
}


def checked(given: Mapping[str, str] | None) -> dict[str, str]:
    """Return the behaviour of every rule: what is given, the default elsewhere.

    Raises:
        ValueError: an unknown rule or behaviour; the message says which there are.
    """
    chosen = {rule: item.default for rule, item in TABLE.items()}
    for rule, name in (given or {}).items():
        if rule not in TABLE:
            known = ", ".join(OTHERS)
            raise ValueError(f"assumptions: {rule} is no assumed rule; there are: {known}")
        allowed = [TABLE[rule].default, *TABLE[rule].others]
        if name not in allowed:
            raise ValueError(
                f"assumptions: {rule} cannot be {name!r}; allowed: {', '.join(allowed)}"
            )
        chosen[rule] = name
    return chosen


def draw(rng: random.Random, share: float = 0.3) -> dict[str, str]:
    """Return other behaviours for about ``share`` (0 to 1) of the rules that have any."""
    return {rule: rng.choice(names) for rule, names in OTHERS.items() if rng.random() < share}
