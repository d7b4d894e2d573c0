"""What a run costs at most, before it costs anything.

Basis: on-demand list prices of US East (N. Virginia) as published by AWS on its price pages, read
in 2025; no taxes, no discounts. Other regions cost up to about twice as much: `DEARER`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from verify.probes import BALANCED, PROBES, UNHEARD, Probe
from verify.settings import SIZE, Run

BASIS = "list prices of us-east-1 read in 2025, doubled for dear regions"
#: US dollars an hour, Linux, on demand.
INSTANCE = {"t3.nano": 0.0052, "t4g.nano": 0.0042, "t3.micro": 0.0104, "t4g.micro": 0.0084}
#: An hour of a public IPv4 address, which subnets may give to instances.
ADDRESS = 0.005
#: A gigabyte of a gp3 volume for a month of 730 hours; images have up to this many gigabytes.
VOLUME_MONTH, VOLUME_GIGABYTES, MONTH_HOURS = 0.08, 10, 730
#: An hour of a network load balancer and of its one capacity unit. Begun hours count as whole.
BALANCER, CAPACITY_UNIT = 0.0225, 0.006
DEARER = 2.0
#: Minutes that an instance lives for one launch in a probe, that the probe waits for it, and that a
#: probe takes besides.
LIFE, MINUTES_A_LAUNCH, MINUTES_A_PROBE = 5, 2, 1
#: Minutes of the roll, of the load balancer's start, of the end.
ROLL_MINUTES, BALANCER_MINUTES, END_MINUTES = 10, 4, 6


@dataclass(frozen=True)
class Cost:
    """An estimate.

    Args:
        minutes: how long the run takes at most.
        instance_minutes: how long its instances live, together.
        dollars: the bound; None for an instance type whose price is not known here.
    """

    minutes: int
    instance_minutes: int
    dollars: float | None


def estimate(run: Run, chosen: Iterable[Probe] = PROBES, rolls: bool = True) -> Cost:
    """Return what a run with these probes costs at most."""
    probes = list(chosen)
    launches = sum(probe.launches for probe in probes)
    balanced = run.balanced and (
        rolls or any(probe.when in (UNHEARD, BALANCED) for probe in probes)
    )
    minutes = len(probes) * MINUTES_A_PROBE + launches * MINUTES_A_LAUNCH + END_MINUTES
    minutes += ROLL_MINUTES * rolls + BALANCER_MINUTES * balanced
    extra = launches * LIFE + (SIZE * ROLL_MINUTES if rolls else 0)
    instance_minutes = minutes * SIZE + extra
    price = INSTANCE.get(run.instance_type)
    if price is None:
        return Cost(minutes, instance_minutes, None)
    volume = VOLUME_MONTH * VOLUME_GIGABYTES / MONTH_HOURS
    dollars = instance_minutes / 60 * (price + ADDRESS + volume)
    if balanced:
        dollars += -(-minutes // 60) * (BALANCER + CAPACITY_UNIT)
    return Cost(minutes, instance_minutes, dollars * DEARER)
