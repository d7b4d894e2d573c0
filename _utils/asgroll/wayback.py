"""
Looks whether a group can go back to what it launched from before: what a rollback needs, and what
`on_failure: rollback` promises. Both ask the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from asgroll import launch, rollback
from asgroll.aws import ALIAS
from asgroll.awslaunch import AwsLaunch
from asgroll.errors import AwsError, Missing, NoWayBackError
from asgroll.launch import Launch
from asgroll.policy import Policy
from asgroll.preflight import Assessment
from asgroll.world import Recipe


@dataclass
class Way:
    """
    How a group launches now, and what it would be pinned to.

    ``obstacles`` are certain: it cannot be gone. ``unknown`` is what could not be told, ``notes``
    what should be known.
    """

    now: Launch
    back: dict[str, str]
    obstacles: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find(
    aws: AwsLaunch,
    now: Launch,
    ran: Iterable[str],
    policy: Policy,
    clock: float,
    rolled_out: Iterable[str] = (),
) -> Way:
    """
    :param now: how the group launches now.
    :param ran: what the replaced instances were, or those to be replaced are, launched from.
    :param clock: seconds since the epoch.
    :param rolled_out: what the group launched from during the last roll.
    :raises NoWayBackError: nothing is known to go back to.
    :raises AwsError: what the group launches from now cannot be read.
    """
    stands_for = {written: aws.resolve(written) for written in now.written}
    recorded = dict(zip(now.written, launch.previous(now), strict=False))
    way = Way(now, rollback.targets(stands_for, ran, recorded, rolled_out))
    named: dict[str, Recipe] = {}
    for spec in dict.fromkeys(way.back.values()):
        recipe = _read(aws, spec, way)
        if recipe is not None:
            named[spec] = recipe
    if named:
        _look_at_images(aws, named, policy, clock, way)
    return way


def _read(aws: AwsLaunch, spec: str, way: Way) -> Recipe | None:
    """What ran before with the image that it launches; None where that cannot be had."""
    try:
        recipe = aws.recipe(spec)
        image = aws.image_of(recipe)
    except Missing as exc:
        way.obstacles.append(f"{spec}, which ran before, cannot be launched any more: {exc}")
    except AwsError as exc:
        way.unknown.append(f"whether {spec}, which ran before, still exists is not known: {exc}")
    else:
        if recipe.image.startswith(ALIAS):
            way.notes.append(
                f"{spec} takes its image from {recipe.image}, which is {image} now: going back "
                "brings that one, whatever ran before"
            )
        return replace(recipe, image=image)
    return None


def _look_at_images(
    aws: AwsLaunch, named: dict[str, Recipe], policy: Policy, clock: float, way: Way
) -> None:
    """Whether the images can still be launched."""
    wanted = {recipe.image for recipe in named.values()}
    try:
        images = aws.images(wanted)
    except AwsError as exc:
        which = ", ".join(sorted(wanted))
        way.unknown.append(f"whether {which} can still be launched is not known: {exc}")
        return
    for spec, recipe in named.items():
        problem = rollback.unusable(images.get(recipe.image), clock, policy.accept)
        if problem:
            way.obstacles.append(f"the image {recipe.image} of {spec}, which ran before, {problem}")


def promised(
    found: Assessment, name: str, policy: Policy, aws: AwsLaunch, clock: float
) -> Assessment:
    """A roll that promises to go back has to know for certain where to, before it begins."""
    victims = found.choice.victims.values()
    if policy.on_failure != "rollback" or not victims:
        return found
    ran = [victim.spec for victim in victims if victim.spec]
    said, notes = against(name, ran, policy, aws, clock)
    return replace(found, obstacles=(*found.obstacles, *said), warnings=(*found.warnings, *notes))


def against(
    name: str,
    ran: Iterable[str],
    policy: Policy,
    aws: AwsLaunch,
    clock: float,
    rolled_out: Iterable[str] = (),
) -> tuple[list[str], list[str]]:
    """What speaks against promising to go back, what is not known included; and what to know."""
    try:
        way = find(aws, aws.launch(name), ran, policy, clock, rolled_out)
        problems, notes = [*way.obstacles, *way.unknown], way.notes
    except (NoWayBackError, AwsError) as exc:
        problems, notes = [str(exc)], []
    return [f"on_failure: rollback: {text}; set on_failure: pause" for text in problems], notes
