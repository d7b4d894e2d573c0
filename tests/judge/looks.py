"""When the caller last looked, and what nobody could know after that.

A look excuses only what came after it. It excuses nothing any more once it is old, and targets have
to be read as often as the group: who does not look has no excuse.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.judge.fleet import GROUP_ITSELF, Member
from tests.lab.world import history as h

GROUP_READ = "DescribeAutoScalingGroups"
TARGET_READS = ("DescribeTargetHealth", "DescribeInstanceHealth")
#: Seconds. One turn of a dozen calls, each of which takes 20 s, ends within this time.
OLD = 240.0


def is_look(record: h.Record) -> bool:
    """Whether the caller has read the group, and got the answer."""
    return isinstance(record, h.Call) and (record.actor, record.operation, record.outcome) == (
        "caller",
        GROUP_READ,
        "ok",
    )


@dataclass(slots=True)
class Looks:
    """
    The caller's last looks. Times are epoch seconds.

    :ivar began: when the roll began: nobody has to look before.
    :ivar unseen: for how many seconds answers may show what was before.
    """

    began: float
    unseen: float = 0.0
    group: float = 0.0
    _group_before: float = 0.0
    _targets: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.group = self._group_before = self.began

    def take(self, record: h.Call) -> None:
        """Note a call of anybody's."""
        if record.actor != "caller" or record.outcome != "ok":
            return
        if record.operation == GROUP_READ:
            self.group, self._group_before = record.time, self.group
        elif record.operation in TARGET_READS:
            params = dict(record.params)
            name = params.get("TargetGroupArn") or params.get("LoadBalancerName")
            self._targets[name] = record.time

    def since(self, where: str, now: float) -> float:
        """
        From when on changes are news to the caller at ``now``.

        :param where: the name of a balancer, or ``GROUP_ITSELF``.
        """
        looked = self.group
        if where != GROUP_ITSELF:
            looked = max(self._targets.get(where, self.began), self._group_before)
        return max(looked, now - OLD) - self.unseen

    def taken_for_serving(self, member: Member, now: float) -> bool:
        """
        Whether a careful caller takes an instance that does not serve for one that does.

        Either AWS says so still: its application has stopped to answer, and no health check has
        found that out, or there is none. Or what AWS says has changed after the last look. One
        whose application has never answered is no such case: to be InService is not to be ready.
        """
        if not member.served:
            return False
        if member.shows:
            return True
        return (
            member.hidden_at >= self.since(member.hidden_by, now) >= member.shown_at - self.unseen
        )
