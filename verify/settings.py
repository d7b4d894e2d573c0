"""What a run is: its id and names, its sizes, and how long it waits for what."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

#: On everything that a run makes; the value is the run's id. Nothing without it is ever touched.
TAG = "asgcycle-verify"
RUN_ID = re.compile(r"[0-9a-f]{8}")
#: TCP port on which the application answers.
PORT = 8080
#: Instances at rest. Two are the least that show zones, victims and a roll that loses nothing.
SIZE = 2
MIN, MAX = 1, SIZE + 2
#: Seconds between two looks; AWS shows a change of a group within about that time.
POLL = 5.0
#: Seconds after which "nothing happens" is believed. A group reacts within about half a minute.
QUIET = 60.0
#: Seconds for a launch or a termination, with a drain and a hook.
READY = 900.0
#: Seconds that a load balancer takes at most until it is active.
BALANCER_READY = 600.0
#: Seconds that the targets drain; long enough to be seen by several looks.
DRAIN = 30
#: Real seconds that a deadline has at least, however fast the endpoint's time runs.
SHORTEST = 30.0


@dataclass(frozen=True)
class Run:
    """One run.

    Args:
        id: eight hexadecimal digits; part of every name, and the value of the tag.
        region: where.
        subnets: where the instances go; all in one VPC.
        image: id of the machine image.
        instance_type: the smallest that the image can have.
        balanced: with a network load balancer, its target group and a listener.
        scheme: ``internal`` or ``internet-facing``, of that load balancer.
        allow_from: CIDR blocks that may reach the application besides the VPC's own.
        endpoint_url: one endpoint for all services; None is AWS itself.
        application_url: where the judge asks the application; by default the load balancer's name.
        profile: profile of the AWS configuration files.
        speed: how many times as fast as the clock an emulated AWS lives; 1 for the real one.
    """

    id: str
    region: str
    subnets: tuple[str, ...]
    image: str = ""
    instance_type: str = ""
    balanced: bool = True
    scheme: str = "internal"
    allow_from: tuple[str, ...] = ()
    endpoint_url: str | None = None
    application_url: str | None = None
    profile: str | None = None
    speed: float = 1.0

    @property
    def name(self) -> str:
        """The name of everything that has one: at most 32 characters, as load balancers want."""
        return f"{TAG}-{self.id}"

    def pause(self, seconds: float) -> float:
        """Return how many real seconds a pause of so many seconds of the endpoint takes."""
        return seconds / self.speed

    def patience(self, seconds: float) -> float:
        """Return how many real seconds to wait for what takes so many at the endpoint."""
        return max(seconds / self.speed, min(seconds, SHORTEST))


def new_id() -> str:
    """Return an id that no other run has."""
    return uuid.uuid4().hex[:8]
