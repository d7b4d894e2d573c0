"""A history written by hand: three old instances a, b, c that serve behind one target group."""

from __future__ import annotations

from tests.judge.invariants import Report, check, examine
from tests.lab.world import history as h

GROUP = "web"
TG = "arn:tg"
CLASSIC = "classic"


class Story:
    """
    Adds records one by one.

    :param desired: units that everybody wants.
    :param bounds: MinSize and MaxSize.
    :param members: ids of the instances of the beginning, one letter each.
    :param balancers: what they are registered in.
    """

    def __init__(
        self,
        desired: int = 3,
        weight: int = 1,
        members: str = "abc",
        bounds: tuple[int, int] = (1, 4),
        balancers: tuple[str, ...] = (TG,),
    ) -> None:
        self.now = 0.0
        self.records: list[h.Record] = []
        self.balancers = balancers
        self.sizes = {"min": bounds[0], "max": bounds[1], "desired": desired}
        self.add(h.GroupChange, GROUP, "created", "setup")
        for name, value in self.sizes.items():
            self.add(h.Size, GROUP, name, 0, value, "setup")
        for name in balancers:
            self.add(h.Attachment, GROUP, name, True, "setup")
            if name.startswith("arn:"):
                self.add(h.Listener, name, True)
        for key in members:
            self.launch(key, "setup", weight=weight).serve(key)
        self.since = len(self.records)
        self.look()

    def add(self, kind: type, *fields: object) -> Story:
        self.records.append(kind(self.now, *fields))
        return self

    def later(self, seconds: float = 10.0) -> Story:
        self.now += seconds
        return self

    def call(
        self, operation: str, service: str = "autoscaling", outcome: str = "ok", **params: str
    ) -> Story:
        fields = (service, operation, tuple(sorted(params.items())), "caller", outcome)
        return self.add(h.Call, *fields)

    def look(self) -> Story:
        """Read the group and every balancer."""
        self.call("DescribeAutoScalingGroups")
        for name in self.balancers:
            if name.startswith("arn:"):
                self.call("DescribeTargetHealth", "elbv2", TargetGroupArn=name)
            else:
                self.call("DescribeInstanceHealth", "elb", LoadBalancerName=name)
        return self

    def size(self, name: str, value: int, actor: str = "caller", how: str = "set") -> Story:
        before, self.sizes[name] = self.sizes[name], value
        return self.add(h.Size, GROUP, name, before, value, actor, how)

    def launch(
        self, key: str, actor: str = "caller", reason: str = "desired", weight: int = 1
    ) -> Story:
        self.add(h.Launch, GROUP, key, "zone", "t3.micro", weight, "1", actor, reason)
        return self.add(h.Lifecycle, GROUP, key, "", "Pending")

    def in_service(self, key: str) -> Story:
        return self.add(h.Lifecycle, GROUP, key, "Pending", "InService")

    def answers(self, key: str, does: bool = True) -> Story:
        return self.add(h.Application, GROUP, key, does)

    def target(self, key: str, before: str, after: str, name: str = "") -> Story:
        for balancer in (name,) if name else self.balancers:
            self.add(h.TargetHealth, balancer, key, before, after)
        return self

    def serve(self, key: str) -> Story:
        """All that it takes to be reached by users."""
        self.in_service(key).answers(key)
        return self.target(key, "initial", "healthy")

    def fails(self, key: str) -> Story:
        """Stop to answer, and be found out by the load balancers."""
        return self.answers(key, False).target(key, "healthy", "unhealthy")

    def end(self, key: str, actor: str = "caller", decrement: bool = False) -> Story:
        """Be terminated: out of the balancers at once."""
        if decrement:
            self.size("desired", self.sizes["desired"] - 1, actor, "by")
        self.add(h.Termination, GROUP, key, actor, "request", decrement)
        self.add(h.Lifecycle, GROUP, key, "InService", "Terminating")
        return self.target(key, "healthy", "draining")

    def report(
        self, victims: str = "abc", surge: int = 1, unavailable: int = 0, **options: object
    ) -> Report:
        options.setdefault("finished", False)
        options.setdefault("since", self.since)
        return examine(self.records, GROUP, set(victims), surge, unavailable, **options)

    def rules(
        self, victims: str = "abc", surge: int = 1, unavailable: int = 0, **options: object
    ) -> list[str]:
        """The names of the broken invariants, in order."""
        options.setdefault("finished", False)
        options.setdefault("since", self.since)
        found = check(self.records, GROUP, set(victims), surge, unavailable, **options)
        return [violation.rule for violation in found]
