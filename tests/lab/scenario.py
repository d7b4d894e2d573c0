"""A world from a plain dict (or the YAML it came from): groups in service, and what will go wrong.

See ``EXAMPLE`` for the shape; a key that is not known is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from tests.lab.world import (
    DEFAULT_START,
    BootTimes,
    Delays,
    Fault,
    Group,
    Hook,
    MixedPolicy,
    Override,
    TemplateRef,
    World,
)
from tests.lab.world.assumptions import checked
from tests.lab.world.core import LAUNCH_FIRST
from tests.lab.world.demand import Scheduled
from tests.lab.world.model import TargetGroup

# Age of the initial instances where a scenario does not say: a week.
DEFAULT_AGE = 7 * 86400.0
# Seconds that the console proposes for HealthCheckGracePeriod (user guide, health check grace
# period): with the API's 0 a group with ELB checks replaces whatever does not answer at once.
CONSOLE_GRACE = 300.0
EXAMPLE = """\
seed: 7
boot: {median: 60, sigma: 0.3, straggler_share: 0.05, straggler_seconds: 300}  # application answers
delays: {reaction: 5, running: 10, registration: 15, check_interval: 10}  # InService when running
groups:
  web:
    min: 2
    max: 8
    desired: 6
    zones: [a, b, c]
    target_groups: [{name: web, deregistration_delay: 30}]
    load_balancers: [{name: web-classic, draining: 10}]
    template:
      name: web
      versions: [{ImageId: ami-00000000000000001}, {ImageId: ami-00000000000000002}]
      default: 2
      use: $Default
      launched_on: 1
    health_check_type: ELB
    protected: 1
faults: []
assumptions: {}  # such as {TE-8: refused, FA-9: replicas}: see tests/lab/RULES.md
"""
TOP = {
    "seed",
    "start",
    "region",
    "account",
    "boot",
    "delays",
    "launch_before_terminate",
    "groups",
    "alarms",
    "images",
    "parameters",
    "faults",
    "assumptions",
}
GROUP = {
    "min",
    "max",
    "desired",
    "zones",
    "target_groups",
    "load_balancers",
    "template",
    "mixed",
    "configuration",
    "launched_on_configuration",
    "health_check_type",
    "grace_period",
    "cooldown",
    "termination_policies",
    "new_instances_protected",
    "capacity_type",
    "operator",
    "default_warmup",
    "capacity_rebalance",
    "maintenance",
    "retains",
    "hooks",
    "protected",
    "standby",
    "suspended",
    "tags",
    "age",
    "scheduled",
    "target_tracking",
    "instance_zones",
    "subnets",
}
TEMPLATE = {"name", "versions", "default", "use", "launched_on"}
CONFIGURATION = {"name", "image_id", "instance_type", "user_data"}
MIXED = {"overrides", "distribution"}
OVERRIDE = {"type", "weight"}
BALANCER = {
    "name",
    "draining",
    "health_check_interval",
    "healthy_threshold",
    "unhealthy_threshold",
}
# Fields of a target group that are the lab's own.
NOT_GIVEN = {"arn", "targets", "changes", "shifted"}
# Settings of a group that are fields of the model as they stand.
PLAIN = (
    "health_check_type",
    "grace_period",
    "cooldown",
    "new_instances_protected",
    "capacity_type",
    "operator",
    "default_warmup",
    "capacity_rebalance",
    "retains",
    "subnets",
)


class ScenarioError(ValueError):
    """A scenario that cannot be built; the message names the place and the key."""


def build(spec: dict[str, Any]) -> World:
    """Return the world that ``spec`` describes, its initial instances in service and healthy.

    Raises:
        ScenarioError: an unknown key, or one that is missing.
    """
    known("scenario", spec, TOP)
    world = World(
        seed=spec.get("seed", 0),
        start=spec.get("start", DEFAULT_START),
        region=spec.get("region", "eu-central-1"),
        account=str(spec.get("account", "123456789012")),
        boot=_dataclass("boot", BootTimes, spec.get("boot", {})),
        delays=_dataclass("delays", Delays, spec.get("delays", {})),
        assumptions=_assumptions(spec.get("assumptions", {})),
    )
    world.templates.parameters.update(spec.get("parameters", {}))
    for name, group in spec.get("groups", {}).items():
        _group(world, name, group)
        world.reconcile_soon(world.groups[name])
    world.alarms.update(spec.get("alarms", {}))
    if spec.get("launch_before_terminate", False):
        world.account_settings[LAUNCH_FIRST] = "enabled"
    world.images.update(spec.get("images", {}))
    world.forget_past()
    for fault in spec.get("faults", ()):
        world.inject(_fault(fault))
    return world


def known(where: str, given: dict[str, Any], allowed: Iterable[str]) -> None:
    """Refuse keys that are not allowed, naming them, the place and what is allowed."""
    if not isinstance(given, dict):
        raise ScenarioError(f"{where}: a mapping is needed, not {given!r}")
    unknown = sorted(set(given) - set(allowed))
    if unknown:
        raise ScenarioError(
            f"{where}: unknown key {', '.join(unknown)}; allowed: {', '.join(sorted(allowed))}"
        )


def _fault(spec: dict[str, Any]) -> Fault:
    try:
        return Fault(**spec)
    except (TypeError, ValueError) as error:
        raise ScenarioError(f"faults: {error}") from None


def _assumptions(given: dict[str, str]) -> dict[str, str]:
    if not isinstance(given, dict):
        raise ScenarioError(f"assumptions: a mapping is needed, not {given!r}")
    try:
        return checked(given)
    except ValueError as error:
        raise ScenarioError(str(error)) from None


def _dataclass(where: str, kind: type, given: dict[str, Any]) -> Any:
    known(where, given, [field.name for field in fields(kind)])
    return kind(**given)


def _group(world: World, name: str, spec: dict[str, Any]) -> None:
    where = f"groups.{name}"
    known(where, spec, GROUP)
    zones = tuple(_zone(world, zone) for zone in spec.get("zones", ["a"]))
    desired = spec.get("desired", spec.get("min", 0))
    settings = {key: spec[key] for key in PLAIN if key in spec}
    if "maintenance" in spec:
        known(f"{where}.maintenance", spec["maintenance"], ("min", "max"))
        settings["maintenance"] = (spec["maintenance"]["min"], spec["maintenance"]["max"])
    if "ELB" in spec.get("health_check_type", ""):
        settings.setdefault("grace_period", CONSOLE_GRACE)
    group = world.seed_group(
        name,
        spec.get("min", desired),
        spec.get("max", desired),
        desired,
        zones,
        launch=_launch(world, where, name, spec),
        target_group_arns=_target_groups(world, where, spec),
        load_balancer_names=_load_balancers(world, where, spec, zones),
        tags=_tags(spec.get("tags", {})),
        termination_policies=tuple(spec.get("termination_policies", ("Default",))),
        **settings,
    )
    _demand(world, where, group, spec)
    for hook in spec.get("hooks", ()):
        made = _dataclass(f"{where}.hooks", Hook, hook)
        group.hooks[made.name] = made
    _instances(world, where, group, spec, zones)
    group.suspended.update(dict.fromkeys(spec.get("suspended", ()), "User suspended"))


def _demand(world: World, where: str, group: Group, spec: dict[str, Any]) -> None:
    actions = []
    for item in spec.get("scheduled", ()):
        known(f"{where}.scheduled", item, ("name", "at", "min", "max", "desired"))
        name, at = item.get("name", f"action-{len(actions)}"), world.start + item["at"]
        sizes = (item.get("min"), item.get("max"), item.get("desired"))
        actions.append(Scheduled(name, at, *sizes))
    world.schedule(group, actions)
    tracking = spec.get("target_tracking")
    if tracking is not None:
        known(f"{where}.target_tracking", tracking, ("name", "target", "load"))
        target = tracking.get("target", 100.0)
        load = tracking.get("load", target * group.desired)
        world.track(group, tracking.get("name", "tracking"), target, load)


def _zone(world: World, zone: str) -> str:
    return f"{world.region}{zone}" if len(zone) == 1 else zone


def _tags(tags: dict[str, str]) -> dict[str, tuple[str, bool]]:
    return {key: (str(value), True) for key, value in tags.items()}


def _launch(world: World, where: str, name: str, spec: dict[str, Any]) -> Any:
    if "configuration" in spec:
        return _configurations(world, where, spec)
    template = spec.get("template", {})
    known(f"{where}.template", template, TEMPLATE)
    versions = template.get("versions") or [{}]
    made = world.templates.create_launch_template(template.get("name", name), versions[0])
    for data in versions[1:]:
        world.templates.create_launch_template_version(made, data)
    if "default" in template:
        world.templates.modify_launch_template(made, template["default"])
    ref = TemplateRef(made.id, made.name, str(template.get("use", "$Default")))
    if "mixed" not in spec:
        return ref
    known(f"{where}.mixed", spec["mixed"], MIXED)
    overrides = []
    for item in spec["mixed"].get("overrides", ()):
        known(f"{where}.mixed.overrides", item, OVERRIDE)
        overrides.append(Override(item["type"], item.get("weight")))
    distribution = tuple(spec["mixed"].get("distribution", {}).items())
    return MixedPolicy(ref, tuple(overrides), distribution)


def _configurations(world: World, where: str, spec: dict[str, Any]) -> str:
    for key in ("launched_on_configuration", "configuration"):
        given = spec.get(key)
        if given is not None:
            known(f"{where}.{key}", given, CONFIGURATION)
            world.templates.create_launch_configuration(**given)
    return spec["configuration"]["name"]


def _target_groups(world: World, where: str, spec: dict[str, Any]) -> list[str]:
    allowed = {field.name for field in fields(TargetGroup)} - NOT_GIVEN
    arns = []
    for item in spec.get("target_groups", ()):
        given = {"name": item} if isinstance(item, str) else item
        known(f"{where}.target_groups", given, allowed)
        arns.append(world.create_target_group(**given).arn)
    return arns


def _load_balancers(world: World, where: str, spec: dict[str, Any], zones: tuple) -> list[str]:
    names = []
    for item in spec.get("load_balancers", ()):
        given = {"name": item} if isinstance(item, str) else item
        known(f"{where}.load_balancers", given, BALANCER)
        names.append(world.create_load_balancer(zones=zones, **given).name)
    return names


def _instances(
    world: World, where: str, group: Group, spec: dict[str, Any], zones: tuple[str, ...]
) -> None:
    version = spec.get("template", {}).get("launched_on")
    configuration = spec.get("launched_on_configuration", {}).get("name")
    age = float(spec.get("age", DEFAULT_AGE))
    protected, standby = spec.get("protected", 0), spec.get("standby", 0)
    placed = [_zone(world, zone) for zone in spec.get("instance_zones", ())]
    number = 0
    while group.units < group.desired:
        world.seed_instance(
            group,
            zone=placed[number] if number < len(placed) else zones[number % len(zones)],
            version=None if version is None else str(version),
            configuration=configuration,
            launch_time=world.now - age + number,
            protected=number < protected,
        )
        number += 1
    for _ in range(standby):
        world.seed_instance(
            group,
            zone=zones[number % len(zones)],
            version=None if version is None else str(version),
            configuration=configuration,
            launch_time=world.now - age + number,
            standby=True,
        )
        number += 1
