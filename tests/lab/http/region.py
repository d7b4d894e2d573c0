"""One region: the world, moto's stores, and who of the two answers a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.ec2.models import ec2_backends

from tests.lab.api import OPERATIONS
from tests.lab.http import group_calls, leftovers, merging
from tests.lab.http.mirror import InstanceMirror
from tests.lab.http.stores import Stores
from tests.lab.world import ApiError, World

Params = dict[str, Any]
Handler = Callable[["Region", Params], Params]

#: Of Auto Scaling only what moto keeps is left to it: about groups it would answer, wrongly.
STORED_BY_MOTO = {
    ("autoscaling", operation)
    for operation in (
        "BatchDeleteScheduledAction",
        "BatchPutScheduledUpdateGroupAction",
        "CreateLaunchConfiguration",
        "DeleteLaunchConfiguration",
        "DeletePolicy",
        "DeleteScheduledAction",
        "DescribeLaunchConfigurations",
        "DescribePolicies",
        "DescribeScheduledActions",
        "PutScalingPolicy",
        "PutScheduledUpdateGroupAction",
    )
}
#: CloudFormation would create groups inside moto, past the world.
NOT_OFFERED = {"cloudformation"}
#: What the world answers, by service and operation.
KNOWN = {
    **OPERATIONS,
    "autoscaling": {**group_calls.OPERATIONS, **OPERATIONS["autoscaling"]},
}
#: Calls that need both: the world's instances are in moto, but moto does not know their fate.
MERGED: dict[tuple[str, str], Handler] = {
    **leftovers.HANDLERS,
    **merging.HANDLERS,
}


class Region:
    """A world and what moto keeps beside it, in one account and region.

    Args:
        world: decides about groups, instances, targets, hooks and faults.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.stores = Stores(world.account, world.region)
        self.mirror = InstanceMirror(self.stores.ec2, self.stores.templates)
        #: Groups whose request named no template version: AWS then shows none either.
        self.unversioned: set[str] = set()
        #: Members of a group's description that the world does not interpret, by group name.
        self.extras: dict[str, Params] = {}
        self.stores.push(world)

    def handler(self, service: str, operation: str) -> Callable[[Params], Params] | None:
        """Return what answers a call, or None when that is moto's business."""
        if service in NOT_OFFERED:
            return lambda params: self._refuse(service, operation)
        merged = MERGED.get((service, operation))
        if merged is not None:
            return lambda params: merged(self, params)
        ours = service == "autoscaling" and (service, operation) not in STORED_BY_MOTO
        if ours or (service, operation) == ("sts", "AssumeRole"):
            return lambda params: self.ask_world(service, operation, params)
        return None

    def ask_world(self, service: str, operation: str, params: Params) -> Params:
        """Answer from the world; raises `ApiError` as AWS would refuse."""
        handler = KNOWN[service].get(operation)
        return handler(self.world, params) if handler else self._refuse(service, operation)

    @staticmethod
    def _refuse(service: str, operation: str) -> Params:
        raise ApiError("InvalidAction", f"The lab does not answer {service}:{operation}")

    def keep_extras(self, params: Params) -> None:
        """Remember what a create or update says beyond the world's interest."""
        name = params["AutoScalingGroupName"]
        self.extras.setdefault(name, {}).update(leftovers.uninterpreted(params))
        if "LaunchTemplate" in params:
            versioned = "Version" in params["LaunchTemplate"]
            (self.unversioned.discard if versioned else self.unversioned.add)(name)

    def before_moto(self) -> None:
        """Show moto the instances and registrations as they are now."""
        self.mirror.update(self.world)
        self.stores.push_listeners(self.world)
        for name, balancer in self.world.load_balancers.items():
            stored = self.stores.elb.load_balancers.get(name)
            if stored is not None:
                stored.instance_autoscaling_ids = list(balancer.targets)

    def after_moto(self) -> None:
        """Show the world what a call may have changed in moto."""
        self.stores.pull(self.world)


class Regions:
    """The regions of one account. All but the first come into being when they are first named.

    Args:
        home: the world that the lab was started with; the others are as slow or fast.
    """

    def __init__(self, home: World) -> None:
        self.home = Region(home)
        self._regions = {home.region: self.home}

    def __contains__(self, name: str) -> bool:
        """Say whether there is such a region at AWS."""
        return name in ec2_backends[self.home.world.account]

    def __getitem__(self, name: str) -> Region:
        if name not in self._regions:
            self._regions[name] = Region(empty_like(self.home.world, name))
        return self._regions[name]

    def advance(self, until: float) -> None:
        """Let everything happen that is due up to `until` (epoch seconds)."""
        for region in self._regions.values():
            region.world.advance(until)


def empty_like(world: World, region: str) -> World:
    """Return an empty world in `region`, at the same time and as slow or fast as `world`."""
    return World(
        seed=world.seed,
        start=world.now,
        region=region,
        account=world.account,
        boot=world.boot,
        delays=world.delays,
        assumptions=world.assumptions,
    )
