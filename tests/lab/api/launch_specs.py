"""What a request says to launch from."""

from __future__ import annotations

from typing import Any

from tests.lab.world import MixedPolicy, Override, TemplateRef, World

#: Members of an override that the world knows; the others are only shown again.
INTERPRETED = frozenset({"InstanceType", "WeightedCapacity", "LaunchTemplateSpecification"})


def launch_of(world: World, params: dict[str, Any]) -> TemplateRef | MixedPolicy | str | None:
    """Return what a request says to launch from, or None when it does not say."""
    if "LaunchTemplate" in params:
        return template_ref(world, params["LaunchTemplate"])
    if "MixedInstancesPolicy" in params:
        return _mixed(world, params["MixedInstancesPolicy"])
    return params.get("LaunchConfigurationName")


def template_ref(world: World, spec: dict[str, str]) -> TemplateRef:
    """Return the reference a LaunchTemplateSpecification makes, checked to exist."""
    template = world.templates.find(spec.get("LaunchTemplateId"), spec.get("LaunchTemplateName"))
    ref = TemplateRef(template.id, template.name, spec.get("Version", "$Default"))
    world.templates.resolve(ref)
    return ref


def _mixed(world: World, policy: dict[str, Any]) -> MixedPolicy:
    template = policy["LaunchTemplate"]
    overrides = tuple(
        Override(
            item["InstanceType"],
            int(item["WeightedCapacity"]) if "WeightedCapacity" in item else None,
            template_ref(world, item["LaunchTemplateSpecification"])
            if "LaunchTemplateSpecification" in item
            else None,
            tuple((key, value) for key, value in item.items() if key not in INTERPRETED),
        )
        for item in template.get("Overrides", ())
    )
    return MixedPolicy(
        template_ref(world, template["LaunchTemplateSpecification"]),
        overrides,
        tuple(policy.get("InstancesDistribution", {}).items()),
    )
