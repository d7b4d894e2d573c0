"""What every part of the world shares: time, chance, the stores, the records of change."""

from __future__ import annotations

import copy
import random
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import wraps
from itertools import count
from typing import Any, TypeVar

from . import causes
from .assumptions import CODE, WORDS, checked
from .clock import Clock
from .errors import ApiError, group_not_found, instance_not_found, pending_delete
from .history import History, Launch, Lifecycle, Size
from .model import (
    ACTIVE,
    Activity,
    BootTimes,
    Debt,
    Delays,
    Group,
    Instance,
    LaunchData,
    LoadBalancer,
    TargetGroup,
)
from .templates import Templates

# The account setting of DescribeAccountSettings that makes AWS launch before it terminates.
LAUNCH_FIRST = "launchBeforeTerminate"
# 2026-01-01T00:00:00Z: any fixed instant will do, so that runs can be compared.
DEFAULT_START = 1767225600.0
# What a refusal says, and its code, where the lab's own are only assumed.
OTHER_WORDS = "The request could not be completed in the current state of the resource."
OTHER_CODES = {"ValidationError": "ValidationException"}
# Seconds after which an activity that is late is listed.
LATE_ACTIVITY = 20.0
Method = TypeVar("Method", bound=Callable[..., Any])


def mutation(method: Method) -> Method:
    """Let a public operation take the effects that are due at once (all of them at delay 0)."""

    @wraps(method)
    def operation(self: Core, *args: Any, **kwargs: Any) -> Any:
        result = method(self, *args, **kwargs)
        self.clock.advance(self.now)
        return result

    return operation  # type: ignore[return-value]


class Core:
    """State and small helpers; see ``World`` for the arguments."""

    def __init__(
        self,
        seed: int = 0,
        start: float = DEFAULT_START,
        region: str = "eu-central-1",
        account: str = "123456789012",
        boot: BootTimes | None = None,
        delays: Delays | None = None,
        templates: Any = None,
        assumptions: Mapping[str, str] | None = None,
    ) -> None:
        self.assumptions = checked(assumptions)
        self.seed = seed
        self.start = start
        self.region = region
        self.account = account
        self.boot = boot or BootTimes()
        self.delays = delays or Delays()
        self.clock = Clock(start)
        self.random = random.Random(seed)
        self.history = History()
        self.groups: dict[str, Group] = {}
        self.instances: dict[str, Instance] = {}
        self.target_groups: dict[str, TargetGroup] = {}
        self.load_balancers: dict[str, LoadBalancer] = {}
        self.alarms: dict[str, str] = {}
        self.account_settings = {LAUNCH_FIRST: "disabled"}
        #: what DescribeImages says of an image besides that it is available; None: deregistered
        self.images: dict[str, dict[str, str] | None] = {}
        # Seconds that an assumed role's credentials last; None means what the caller asks for.
        self.session_seconds: float | None = None
        # Access keys of assumed roles, and when they expire.
        self.sessions: dict[str, float] = {}
        self.templates = templates if templates is not None else Templates(lambda: self.now)
        self._numbers = count(1)
        self._names = count(1)
        self._turns = count(1)
        self._past: dict[str, deque[tuple[float, Any]]] = {}
        self._reads: dict[str, int] = {}
        self.templates.reuses_numbers = self.assumes("EC-8", "reused")

    # -- what is assumed of AWS -----------------------------------------------------------------

    def assumes(self, rule: str, name: str) -> bool:
        """Say whether a rule of ``assumptions.TABLE`` has this behaviour here."""
        return self.assumptions[rule] == name

    def worded(self, rule: str, error: ApiError) -> ApiError:
        """Return a refusal whose words are assumed, in the words and code assumed here."""
        chosen = self.assumptions[rule]
        if chosen not in (WORDS, CODE):
            return error
        code = OTHER_CODES.get(error.code, error.code) if chosen == CODE else error.code
        return ApiError(code, OTHER_WORDS, error.status)

    # -- time ---------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """The current instant in epoch seconds."""
        return self.clock.now

    @property
    def elapsed(self) -> float:
        """Seconds since the world began; the unit in which faults say ``at`` and ``until``."""
        return self.clock.now - self.start

    def advance(self, until: float) -> None:
        """Let everything happen that is due up to ``until`` (epoch seconds)."""
        self.clock.advance(until)

    def stamp(self, when: float | None = None) -> str:
        """Return an instant the way AWS writes it in causes: ``2026-01-01T00:00:00Z``."""
        moment = datetime.fromtimestamp(self.now if when is None else when, timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

    # -- names --------------------------------------------------------------------------------

    def new_instance_id(self) -> str:
        """Return the next instance id: 17 hex digits, in sequence."""
        return f"i-{next(self._numbers):017x}"

    def new_uuid(self) -> str:
        """Return the next activity id, token or refresh id: a UUID's form, in sequence."""
        number = next(self._names)
        return f"{self.seed & 0xFFFFFFFF:08x}-0000-4000-8000-{number:012x}"

    def arn(self, service: str, rest: str) -> str:
        """Return an ARN in this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"

    # -- lookups ------------------------------------------------------------------------------

    def group(self, name: str) -> Group:
        """Return a group, or raise ``ValidationError`` with AWS's text."""
        try:
            return self.groups[name]
        except KeyError:
            raise self.worded("AS-9", group_not_found()) from None

    def modifiable(self, name: str) -> Group:
        """Return a group that is not being deleted, or raise ``ValidationError``."""
        found = self.group(name)
        if found.status:
            raise pending_delete()
        return found

    def managed(self, instance_id: str) -> Instance:
        """Return an instance that a group manages, or raise ``ValidationError``."""
        instance = self.instances.get(instance_id)
        if instance is None or instance.group is None or instance.lifecycle in ("", "Terminated"):
            raise instance_not_found(instance_id)
        return instance

    # -- change -------------------------------------------------------------------------------

    def changing(self, thing: Group | TargetGroup | LoadBalancer) -> None:
        """Announce a change before making it: remembers what stale reads may still show."""
        window = self.stale_window()
        if window:
            self._remember(thing, window)

    def stale_window(self) -> float:
        """Return for how many seconds after a change reads may show what was before it."""
        return self.delays.stale_reads

    def as_read(self, thing: Any) -> Any:
        """Return what a describe call sees of a group, target group or load balancer now.

        The thing itself, or, inside the stale window, the copy from before the oldest change.
        """
        past = self._past.get(_key(thing))
        window = self.stale_window()
        if not past or not window:
            return thing
        while past and past[0][0] + window <= self.now:
            past.popleft()
        return self._stale(thing, past[0][1]) if past else thing

    def _stale(self, now: Any, before: Any) -> Any:
        """Return what a read inside the stale window sees: what was, in part or in turns."""
        key = _key(now)
        if self.assumes("FA-9", "replicas"):
            self._reads[key] = self._reads.get(key, 0) + 1
            return now if self._reads[key] % 2 else before
        if not isinstance(now, Group) or self.assumes("FA-9", "oldest"):
            return before
        sizes, members = (now, before) if self.assumes("FA-9", "members-lag") else (before, now)
        seen = copy.copy(sizes)
        seen.instances = members.instances
        return seen

    def forget_past(self) -> None:
        """Let reads show the present: what has been set up so far was never different."""
        self._past.clear()

    def _remember(self, thing: Any, window: float) -> None:
        past = self._past.setdefault(_key(thing), deque())
        while past and past[0][0] + window <= self.now:
            past.popleft()
        if past and past[-1][0] == self.now:
            return
        before = copy.copy(thing)
        if isinstance(thing, Group):
            before.instances = {key: copy.copy(item) for key, item in thing.instances.items()}
            before.suspended, before.tags = dict(thing.suspended), dict(thing.tags)
        else:
            before.targets = dict(thing.targets)
        past.append((self.now, before))

    def touch(self, instance: Instance) -> None:
        """Announce a visible change of an instance, before making it."""
        group = self.groups.get(instance.group)
        if group is not None:
            self.changing(group)
            group.changes.append(instance.id)
        instance.revision += 1

    def move(self, instance: Instance, after: str) -> None:
        """Change an instance's lifecycle state, and with it what its group counts."""
        group = self.groups[instance.group]
        self.touch(instance)
        before, counted = instance.lifecycle, instance.counts
        instance.lifecycle = after
        change = instance.counts - counted
        if change:
            group.units += change * instance.weight
            group.zone_counts[instance.zone] = group.zone_counts.get(instance.zone, 0) + change
        group.pending += after.startswith("Pending") - before.startswith("Pending")
        self.history.append(Lifecycle(self.now, group.name, instance.id, before, after))

    def begin_to_count(self, instance: Instance) -> None:
        """Count a successor as capacity from now on."""
        group = self.groups[instance.group]
        counted = instance.counts
        instance.successor_of, instance.extra = "", False
        if instance.counts and not counted:
            group.units += instance.weight
            group.zone_counts[instance.zone] = group.zone_counts.get(instance.zone, 0) + 1

    def set_size(self, group: Group, field: str, value: int, actor: str, how: str = "set") -> None:
        """Change desired, min or max (``field``) of a group; record by whom and how (``Size``)."""
        attribute = field if field == "desired" else f"{field}_size"
        before = getattr(group, attribute)
        if before == value:
            return
        self.changing(group)
        setattr(group, attribute, value)
        self.history.append(Size(self.now, group.name, field, before, value, actor, how))

    def add_instance(
        self,
        group: Group,
        data: LaunchData,
        weight: int,
        zone: str,
        why: Debt,
        launched: float,
        **settings: Any,
    ) -> Instance:
        """Make an instance of a group and record its launch; settings are fields of it."""
        made = Instance(
            id=self.new_instance_id(),
            group=group.name,
            zone=zone,
            launch=data,
            instance_type=data.instance_type,
            weight=weight,
            launch_time=launched,
            actor=why.actor,
            reason=why.reason,
            tags={key: value for key, (value, propagate) in group.tags.items() if propagate},
            **settings,
        )
        number = int(made.id[2:], 16)
        made.private_ip = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self.changing(group)
        self.instances[made.id] = group.instances[made.id] = made
        group.changes.append(made.id)
        version = data.version or data.configuration or ""
        self.history.append(
            Launch(
                self.now,
                group.name,
                made.id,
                zone,
                data.instance_type,
                weight,
                version,
                why.actor,
                why.reason,
            )
        )
        return made

    def members(self, group: Group, *states: str) -> list[Instance]:
        """Return the group's instances in these lifecycle states (all that count by default)."""
        wanted = frozenset(states) or ACTIVE
        return [item for item in group.instances.values() if item.lifecycle in wanted]

    def start_activity(
        self, group: Group, description: str, cause: str, status: str, zone: str
    ) -> Activity:
        """Add a scaling activity about something in ``zone``, newest first, and return it."""
        activity = Activity(
            self.new_uuid(),
            group.name,
            description,
            cause,
            self.now,
            status,
            details=causes.details(group.subnet(zone), zone),
        )
        if self.assumes("CA-1", WORDS):
            activity.cause = causes.IN_OTHER_WORDS
        if self.assumes("CA-7", "late"):
            activity.listed_from = self.now + LATE_ACTIVITY
        group.activities.appendleft(activity)
        return activity

    def end_activity(
        self, activity: Activity | None, status: str = "Successful", message: str | None = None
    ) -> None:
        """Close a scaling activity; nothing happens when it is closed already."""
        if activity is None or activity.end is not None:
            return
        activity.status, activity.progress, activity.end = status, 100, self.now
        activity.message = message
        group = self.groups.get(activity.group)
        if group is not None and self.assumes("AS-8", "ended"):
            group.last_scaling = self.now
        if message:
            activity.description = causes.with_reason(activity.description, message)


def _key(thing: Group | TargetGroup | LoadBalancer) -> str:
    return thing.name if isinstance(thing, LoadBalancer) else thing.arn
