"""Reads what a group would launch now: numbers and images, for a comparison with what it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from asgroll.aws import Aws
from asgroll.errors import AwsError
from asgroll.world import Group, Recipe


def launched_now(aws: Aws, group: Group, resolved: Mapping[str, Recipe]) -> tuple[Recipe, ...]:
    """
    What the group would launch now, each with its number and its image.

    :param resolved: by what is written on the group (``Group.specs``), what it stands for.
    :return: an image that cannot be read is ``unknown`` with the reason, never left out.
    """
    images: dict[str, Recipe] = {}
    found = []
    for written in group.recipes:
        plain = resolved[written.spec]
        if written.image:  # an override's own
            plain = replace(plain, image=written.image)
        elif written.spec in images:
            plain = images[written.spec]
        else:
            plain = images[written.spec] = with_image(aws, plain)
        found.append(replace(plain, types=written.types))
    return tuple(found)


def with_image(aws: Aws, recipe: Recipe) -> Recipe:
    """The resolved recipe with the image that a launch would take now, or why it is unknown."""
    if recipe.image.startswith("ami-") or recipe.unknown:
        return recipe
    try:
        return replace(recipe, image=aws.image_of(recipe))
    except AwsError as exc:
        return replace(recipe, image="", unknown=str(exc))
