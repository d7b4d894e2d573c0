"""The pure world: clock, groups, instances, targets, templates, faults and their history.

No I/O, no threads, no wall clock: time moves when somebody calls ``advance``.
"""

from __future__ import annotations

from .core import DEFAULT_START
from .ec2 import Machines
from .errors import ApiError
from .faults import Faults
from .groups import PROCESSES, Groups
from .hooks import Hooks
from .launching import Launching
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
from .scaling import Scaling
from .seeding import Seeding
from .targets import Targets
from .templates import Templates
from .terminating import Terminating


class World(Seeding, Groups, Scaling, Launching, Terminating, Hooks, Targets, Machines, Faults):
    """An AWS account in one region.

    Args:
        seed: seeds everything random.
        start: the first instant, epoch seconds.
        region, account: names used in ARNs.
        boot: distribution of boot times.
        delays: how long AWS takes for what it does by itself.
        templates: a store with ``resolve`` and ``configuration``; by default one of its own.
    """


__all__ = [
    "DEFAULT_START",
    "PROCESSES",
    "ApiError",
    "BootTimes",
    "Delays",
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
