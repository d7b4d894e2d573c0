"""
Whether an instance is what its group would launch now. Pure; docs/policy.md says it in words.

Compared are the launch template and version (or the launch configuration), the image, and the
instance type where the group names types. What cannot be told is never "up to date".
"""

from __future__ import annotations

from dataclasses import dataclass

from asgroll.world import Instance, Machine, Recipe


@dataclass(frozen=True)
class Comparison:
    """``outdated`` None: that is not known. ``why`` says what differs, or what is not known."""

    outdated: bool | None
    why: str


UP_TO_DATE = Comparison(False, "is up to date")
#: AWS shows neither of the two of an instance whose launch configuration is deleted (boto/boto#629,
#: aws/aws-cli#4391), nor of one that was attached by hand.
_NO_SPEC = "its launch configuration is deleted, or it was not launched by the group"


def compare(instance: Instance, machine: Machine | None, recipes: tuple[Recipe, ...]) -> Comparison:
    """
    :param machine: what EC2 tells of the instance; None when it does not.
    :param recipes: what the group would launch now, resolved.
    """
    if not any(recipe.spec for recipe in recipes):
        return Comparison(None, "the group shows neither launch template nor launch configuration")
    if not instance.spec:
        return Comparison(True, _NO_SPEC)
    kind = instance.type or (machine.type if machine else "")
    fitting = [r for r in recipes if not r.types or kind in r.types]
    same = [r for r in recipes if r.spec == instance.spec]
    if not same:
        return Comparison(True, f"runs {instance.spec}")
    if not fitting:
        if not kind:
            return Comparison(None, "AWS does not tell its instance type")
        return Comparison(True, f"is a {kind}, which the group does not launch any more")
    same = [r for r in fitting if r.spec == instance.spec]
    if not same:
        other = ", ".join(dict.fromkeys(r.spec for r in fitting))
        return Comparison(True, f"runs {instance.spec}; as a {kind} the group launches {other}")
    return _compare_images(instance.image or (machine.image if machine else ""), same)


def _compare_images(runs: str, recipes: list[Recipe]) -> Comparison:
    if runs and any(runs == recipe.image for recipe in recipes):
        return UP_TO_DATE
    for recipe in recipes:
        if recipe.unknown:
            return Comparison(None, f"the image of {recipe.spec} is not known: {recipe.unknown}")
    if not runs:
        return Comparison(None, "EC2 does not tell which image it runs; try again later")
    now = ", ".join(dict.fromkeys(recipe.image for recipe in recipes))
    return Comparison(True, f"runs {runs}; launched now: {now}")
