"""
What one turn looks at: the group and its load balancers, and what only some turns have to ask for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from asgroll.aws import Aws
from asgroll.awswords import to_hook
from asgroll.errors import AwsError, Missing
from asgroll.gates import Gate, heeding, judge
from asgroll.model import Phase, Roll
from asgroll.policy import Policy
from asgroll.world import World

#: An instance refresh that somebody starts meanwhile is noticed within this time.
REFRESH_SECONDS = 60.0


class Look:
    """
    Observes one group for one roll.

    :param gates: what "ready" means.
    :param cannot_see: told, with the roll and a text, what could not be asked although the group
        itself could be seen.
    """

    def __init__(
        self,
        aws: Aws,
        policy: Policy,
        gates: tuple[Gate, ...],
        cannot_see: Callable[[Roll, str], None],
    ):
        self._aws, self._policy, self._gates = aws, policy, gates
        self._cannot_see = cannot_see
        self._refresh = ""
        self._refresh_at: float | None = None
        self._gone_since: float | None = None

    def at(self, roll: Roll, now: float) -> World:
        """
        One observation, judged by the gates.

        :raises AwsError: the group, its load balancers or the alarms could not be seen.
        """
        seen = self._aws.observe(roll.group, now)
        world = judge(heeding(seen, self._policy.accept, roll.unused), self._gates)
        self._gone_since = None
        rolling = roll.phase is Phase.ROLLING
        if self._policy.alarms and rolling:
            world = replace(world, alarms=self._aws.alarms(self._policy.alarms))
        if rolling:
            world = replace(world, refresh=self._active_refresh(roll, now))
        if rolling and self._asks_hooks(world, roll):
            hooks = map(to_hook, self._aws.hooks(roll.group))
            world = replace(world, hooks=frozenset(hook.name for hook in hooks if hook.launch))
        lacking = roll.short_since is not None and world.capacity < roll.expected_desired
        weighed = roll.pending is not None and roll.pending.instance
        puzzled = roll.sent or weighed or (roll.doubted is not None and roll.cut)
        if lacking or puzzled:
            try:
                world = replace(world, activities=self._aws.activities(roll.group))
            except AwsError as exc:
                self._cannot_see(roll, f"cannot see what AWS says of its activities: {exc}")
        return world

    def _asks_hooks(self, world: World, roll: Roll) -> bool:
        """Whether nothing but a launch hook tells who is ready: it may be deleted meanwhile."""
        if roll.tellers is None:
            return not (world.targets or self._policy.healthy_for)
        return not (roll.tellers <= set(world.targets) or self._policy.healthy_for)

    def due_in(self, roll: Roll, now: float) -> float:
        """Seconds until a look for an instance refresh is due."""
        if roll.phase is not Phase.ROLLING or self._refresh_at is None:
            return math.inf
        return max(0.0, self._refresh_at + REFRESH_SECONDS - now)

    def group_is_gone(self, exc: AwsError, now: float) -> bool:
        """
        Whether the group does not exist any more. One answer may lack a group that is there, so it
        has to be absent for ``settle_time``, and in two answers.
        """
        if not isinstance(exc, Missing) or exc.operation != "DescribeAutoScalingGroups":
            return False
        if self._gone_since is None:
            self._gone_since = now
            return False
        return now - self._gone_since >= self._policy.settle_time

    def _active_refresh(self, roll: Roll, now: float) -> str:
        """The instance refresh that owns the group, by the last look for one, once a minute."""
        if self._refresh_at is None:
            self._refresh_at = now  # what speaks against a roll was asked for a moment ago
        if now - self._refresh_at >= REFRESH_SECONDS:
            self._refresh_at = now
            try:
                self._refresh = self._aws.active_refresh(roll.group) or ""
            except AwsError as exc:
                self._cannot_see(roll, f"cannot see whether an instance refresh runs: {exc}")
        return self._refresh
