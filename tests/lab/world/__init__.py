"""The pure world: clock, groups, instances, targets, templates, faults and their history.

No I/O, no threads, no wall clock: time moves when somebody calls ``advance``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .application import Applications
from .core import DEFAULT_START
from .demand import Demand
from .ec2 import Machines
from .errors import ApiError
from .faults import KINDS, CallFault, Fault
from .groups import PROCESSES, Groups
from .hooks import Hooks
from .launching import Launching
from .members import Members
from .model import (
    BootTimes,
    Delays,
    Group,
    Hook,
    Instance,
    LoadBalancer,
    MixedPolicy,
    Override,
    Target,
    TargetGroup,
    TemplateRef,
)
from .refresh import Refreshes
from .scaling import Scaling
from .seeding import Seeding
from .succession import Successions
from .targets import Targets
from .templates import Templates
from .terminate_calls import TerminateCalls
from .terminating import Terminating
from .trouble import Trouble


class World(
    Seeding,
    Groups,
    Scaling,
    Demand,
    Launching,
    TerminateCalls,
    Terminating,
    Members,
    Hooks,
    Refreshes,
    Successions,
    Targets,
    Applications,
    Machines,
    Trouble,
):
    """An AWS account in one region.

    Args:
        seed: seeds everything random.
        start: the first instant, epoch seconds.
        region, account: names used in ARNs.
        boot: distribution of the times until the application in a new instance answers.
        delays: how long AWS takes for what it does by itself.
        templates: a store with ``resolve`` and ``configuration``; by default one of its own.
        faults: what will go wrong.
        assumptions: rule → behaviour, where it is not the default of ``assumptions.TABLE``.
    """

    def __init__(
        self,
        seed: int = 0,
        start: float = DEFAULT_START,
        region: str = "eu-central-1",
        account: str = "123456789012",
        boot: BootTimes | None = None,
        delays: Delays | None = None,
        templates: Templates | None = None,
        faults: Iterable[Fault] = (),
        assumptions: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(seed, start, region, account, boot, delays, templates, assumptions)
        self.start_trouble(faults)


__all__ = [
    "DEFAULT_START",
    "KINDS",
    "PROCESSES",
    "ApiError",
    "BootTimes",
    "CallFault",
    "Delays",
    "Fault",
    "Group",
    "Hook",
    "Instance",
    "LoadBalancer",
    "MixedPolicy",
    "Override",
    "Target",
    "TargetGroup",
    "TemplateRef",
    "Templates",
    "World",
]
