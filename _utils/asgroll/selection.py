"""Chooses the victims: who is replaced, and why the others are not. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from asgroll.model import Victim
from asgroll.outdated import Comparison, compare
from asgroll.policy import Policy
from asgroll.values import format_duration
from asgroll.world import IN_SERVICE, STANDBY, Instance, Machine, Recipe

#: The way back replaces what was launched from another version or configuration. What its image
#: is does not count: a parameter may have moved on since, and old instances stay.
OTHER_VERSION = "other version"
#: How many instances a message names.
_NAMED = 3


@dataclass(frozen=True)
class Choice:
    """``victims`` oldest first; ``kept`` maps the others to why; ``problems`` stop the roll."""

    victims: Mapping[str, Victim] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def choose(
    instances: Iterable[Instance],
    recipes: tuple[Recipe, ...],
    machines: Mapping[str, Machine],
    policy: Policy,
    now: float,
    protects_new: bool = False,
) -> Choice:
    """
    :param instances: the members of the group.
    :param protects_new: whether the group protects what it launches from scale-in.
    :param recipes: what the group launches now, resolved to numbers and images.
    :param machines: what EC2 tells, by instance id.
    :param now: seconds since the epoch.
    """
    members = {i.id: i for i in instances if not i.leaving}
    problems = [
        f"select: {key} is not an instance of this group (or is already leaving it)"
        for key in policy.select.instances
        if key not in members
    ]
    if explained(members.values(), protects_new):
        policy = replace(policy, protected="replace")
    victims: list[Victim] = []
    kept: dict[str, str] = {}
    untold: dict[str, list[str]] = {}
    for key, instance in members.items():
        machine = machines.get(key)
        found = _selected(instance, recipes, machine, policy, now)
        if found.outdated is None:
            untold.setdefault(found.why, []).append(key)
        elif not found.outdated:
            kept[key] = found.why
        else:
            answer = _exempt(instance, policy)
            if answer == "replace":
                launched = machine.launched_at if machine else None
                victims.append(_victim(instance, launched, found.why, protects_new))
            elif answer == "refuse":
                problems.append(_refusal(instance))
            else:
                kept[key] = f"{_special(instance)}, skipped by policy"
    problems += [_untold(why, keys) for why, keys in untold.items()]
    victims.sort(key=lambda v: (v.launched_at or 0.0, v.id))
    return Choice({v.id: v for v in victims}, kept, tuple(problems))


def explained(instances: Iterable[Instance], protects_new: bool) -> bool:
    """
    Whether protection from scale-in says nothing about any single instance: the group protects what
    it launches (NewInstancesProtectedFromScaleIn), and nobody has made a difference since. Where
    some are not protected, somebody may have chosen those that are: in doubt it is a person's wish.
    """
    members = [i for i in instances if i.lifecycle in (IN_SERVICE, STANDBY)]
    return protects_new and bool(members) and all(i.protected for i in members)


def _selected(
    instance: Instance,
    recipes: tuple[Recipe, ...],
    machine: Machine | None,
    policy: Policy,
    now: float,
) -> Comparison:
    """Whether it is selected, and why."""
    select = policy.select
    if select.kind == "all":
        return Comparison(True, "all are replaced")
    if select.kind == "instances":
        named = instance.id in select.instances
        return Comparison(named, "named in select" if named else "not named in select")
    if select.kind == "outdated":
        return compare(instance, machine, recipes)
    if select.kind == OTHER_VERSION:
        other = instance.spec not in {recipe.spec for recipe in recipes}
        return Comparison(other, f"runs {instance.spec}" if other else "runs what is pinned")
    if machine is None:
        return Comparison(None, "EC2 does not tell when it was launched; try again later")
    age = now - machine.launched_at
    told = f"launched {format_duration(max(age, 0))} ago"
    return Comparison(age > select.older_than, told)


def _untold(why: str, keys: list[str]) -> str:
    more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
    named = ", ".join(keys[:_NAMED]) + more
    return f"select: whether to replace {named} is not known: {why}"


def _special(instance: Instance) -> str:
    return "in Standby" if instance.lifecycle == STANDBY else "protected from scale-in"


def _exempt(instance: Instance, policy: Policy) -> str:
    """replace, skip or refuse; Standby and protection may both apply, the strictest wins."""
    answers = {"replace"}
    if instance.lifecycle == STANDBY:
        answers.add(policy.standby)
    if instance.protected:
        answers.add(policy.protected)
    return next(a for a in ("refuse", "skip", "replace") if a in answers)


def _refusal(instance: Instance) -> str:
    standby = instance.lifecycle == STANDBY
    key = "standby" if standby else "protected"
    return (
        f"{instance.id} is {_special(instance)}; set {key}: skip to leave it alone or "
        f"{key}: replace to include it"
    )


def _victim(instance: Instance, launched: float | None, why: str, protects_new: bool) -> Victim:
    # protection by the group begins when the instance enters service (user guide, "Use instance
    # scale-in protection")
    coming = protects_new and instance.lifecycle.startswith("Pending")
    return Victim(
        id=instance.id,
        zone=instance.zone,
        weight=instance.weight,
        launched_at=launched,
        spec=instance.spec,
        standby=instance.lifecycle == STANDBY,
        protected=instance.protected or coming,
        why=why,
    )
