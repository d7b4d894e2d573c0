"""What a runner function needs of Salt: pillar, journal, locks, the event bus. Knows Salt."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import salt.cache
import salt.utils.args
import salt.utils.user
from salt.exceptions import SaltException

from asgroll import journal, lease, session
from asgroll.awslaunch import AwsLaunch
from asgroll.bus import EventBus
from asgroll.errors import PolicyError
from asgroll.policy import Policy, environment_of, layers_for, parse, section
from userdata import onmaster
from userdata.mime import UserData


@dataclass(frozen=True)
class Master:
    """
    The Salt side of one call of a runner function.

    :param opts: the master's configuration (``__opts__``).
    :param runners: the other runners (``__salt__``).
    :param jid_event: gives ``__jid_event__``; asked once, as late as it is needed, because a
        loader outside a real call does not have it.
    """

    opts: Mapping[str, Any]
    runners: Mapping[str, Callable[..., Any]]
    jid_event: Callable[[], Any]

    def pillar(self, minion: str | None = None, **grains: Any) -> dict[str, Any]:
        """
        The pillar that a minion with these grains would see; by default the master's own.

        :raises PolicyError: it does not render. A broken pillar is never an empty one.
        """
        who = minion or self.opts["id"]
        try:
            rendered = self.runners["pillar.show_pillar"](minion=who, **grains)
        except SaltException as exc:
            rendered = {"_errors": [str(exc)]}
        if rendered.get("_errors"):
            whose = f"of {minion}" if minion else f"of the master ({who})"
            raise PolicyError(
                f"the pillar {whose} does not render: {error}" for error in rendered["_errors"]
            )
        return rendered

    def layers(self, group: str, arguments: Mapping[str, Any]) -> list:
        """The configuration layers of a group, weakest first (``policy.layers_for``)."""
        given = salt.utils.args.clean_kwargs(**arguments)
        return layers_for(group, self.pillar().get("asgcycle"), given)

    def environment(self, group: str) -> str | None:
        """The environment of a group (``policy.environment_of``)."""
        return environment_of(group, self.pillar().get("asgcycle"))

    def policy(self, group: str, arguments: Mapping[str, Any]) -> Policy:
        """The Policy of a group from pillar and arguments; raises PolicyError."""
        return parse(self.layers(group, arguments))

    def user_data(self, group: str) -> UserData | None:
        """
        What new instances of a group boot with; None when pillar has no ``user_data`` for it.

        :raises PolicyError: with everything that is wrong with what pillar says.
        """
        if not section(self.layers(group, {}), "user_data"):
            return None
        return onmaster.for_group(self, group, {})

    def journal(self) -> journal.CacheJournal:
        """The journal in the master's cache."""
        return journal.CacheJournal(salt.cache.Cache(self.opts))

    def lock(self, arn: str, group: str):
        """Hold the group's lock on this master (``journal.lock``)."""
        return journal.lock(self.opts["cachedir"], arn, group)

    def locked(self, arn: str, group: str) -> bool:
        """Whether a process on this master works on the group now."""
        return journal.locked(self.opts["cachedir"], arn, group)

    def owner(self) -> str:
        """Who we are to other masters: the same for every process that shares our locks."""
        return f"{self.opts['id']}.{journal.identity(self.opts['cachedir'])}"

    def user(self) -> str:
        """Who typed the command."""
        return salt.utils.user.get_specific_user()

    def lease(
        self, aws: AwsLaunch, policy: Policy, sleep: Callable[[float], None], settled: str = ""
    ) -> lease.Lease | lease.Unleased:
        """
        The lease of this run on a group; nothing where the policy says ``lease: false``.

        :param settled: a roll that is known to have put everything back, whatever its tag says.
        """
        if not policy.lease:
            return lease.Unleased()
        return lease.Lease(
            aws,
            self.owner(),
            uuid.uuid4().hex[:12],
            clock=time.time,
            sleep=sleep,
            lease_time=policy.lease_time,
            settle_time=policy.settle_time,
            settled=settled,
        )

    def bus(self, policy: Policy) -> EventBus:
        """The event bus and the terminal, for the time of a roll."""
        return EventBus(self.opts, self.jid_event(), policy)

    def aws(self, policy: Policy) -> AwsLaunch:
        """The gateway to the policy's region and account."""
        return AwsLaunch(session.client_factory(policy))

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def steady_clock(self) -> Callable[[], float]:
        """Seconds since the epoch that go on evenly when somebody sets the clock of the master."""
        offset = time.time() - time.monotonic()
        return lambda: time.monotonic() + offset
