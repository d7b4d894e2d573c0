"""Plays probes one after the other on one stage, and rolls the group once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from verify import judging, things
from verify.account import Account, Refused, Unusable
from verify.probes import BALANCED, LAST, PLAIN, UNHEARD, Probe
from verify.rolling import Roll
from verify.settings import BALANCER_READY, DRAIN, SIZE, Run
from verify.stage import Finding, Stage, TooLate
from verify.transcript import Transcript

#: Seconds in which a load balancer's name reaches the resolvers.
NAME_READY = 120.0


class Teller(Protocol):
    """Tells a person how it goes."""

    def step(self, text: str) -> None:
        """Something was made or begins."""

    def probed(self, name: str, findings: list[Finding], why: str) -> None:
        """A probe has been played; ``why`` it could not be played to its end, or empty."""


@dataclass
class Played:
    """What came of it.

    Args:
        findings: of all probes and the roll.
        unclear: rule or invariant → why its probe was not played to its end.
        asked: whether the application was asked from here, and why not.
    """

    findings: list[Finding] = field(default_factory=list)
    unclear: dict[str, str] = field(default_factory=dict)
    asked: str = ""


class Play:
    """One run, from the first thing made to the last probe; whoever calls it cleans up.

    Args:
        run, account, transcript: see `Stage`.
        network: where the instances go.
        probes: which, in any order.
        rolls: whether the group is rolled.
        tell: told of everything.
        judge_account: makes a second account for the judge; injected.
    """

    def __init__(
        self,
        run: Run,
        account: Account,
        transcript: Transcript,
        network: things.Network,
        probes: Iterable[Probe],
        rolls: bool,
        tell: Teller,
        judge_account: Callable[[Run], Account] = Account,
    ) -> None:
        self._run, self._account, self._transcript = run, account, transcript
        self._network, self._probes, self._rolls = network, list(probes), rolls
        self._tell, self._judge_account = tell, judge_account
        self.played = Played()

    def all(self) -> None:
        """Make the group, play every probe, roll.

        Raises:
            Refused, TooLate, Unusable: it cannot go on.
        """
        stage = self._make()
        self._account.listener = self._transcript.call
        stage.rest()
        self._phase(stage, PLAIN)
        traffic = [probe for probe in self._probes if probe.when in (UNHEARD, BALANCED)]
        if self._run.balanced and (traffic or self._rolls):
            name = self._balance(stage)
            balanced = [probe for probe in traffic if probe.when == BALANCED]
            first, others = balanced[:1], balanced[1:]
            for probe in first:
                self._one(stage, probe)
            if self._rolls:
                self._roll(stage, name)
            for probe in others:
                self._one(stage, probe)
        self._phase(stage, LAST)

    def _phase(self, stage: Stage, when: str) -> None:
        for probe in self._probes:
            if probe.when == when:
                self._one(stage, probe)

    # -- making ---------------------------------------------------------------------------------

    def _make(self) -> Stage:
        run, account = self._run, self._account
        group = things.security_group(account, run, self._network)
        self._tell.step("made the security group")
        template = things.template(account, run, group)
        self._tell.step("made the launch template")
        request = things.group_request(run, template)
        account.soon("autoscaling", "CreateAutoScalingGroup", **request)
        self._tell.step(f"made the group {run.name}; waiting for {SIZE} instances")
        return Stage(run, account, self._transcript, self._network, template)

    def _balance(self, stage: Stage) -> str:
        """Make what balances; return the load balancer's DNS name."""
        self._account.listener = None
        stage.target_group = things.target_group(self._account, self._run, self._network)
        self._tell.step("made the target group")
        self._account.listener = self._transcript.call
        self._phase(stage, UNHEARD)
        self._account.listener = None
        arn, name = things.load_balancer(self._account, self._run, stage.target_group)
        self._tell.step("made load balancer and listener; waiting for them")

        def active() -> bool:
            data = self._account.must("elbv2", "DescribeLoadBalancers", LoadBalancerArns=[arn])
            return data["LoadBalancers"][0].get("State", {}).get("Code") == "active"

        stage.wait("the load balancer is active", active, BALANCER_READY)
        self._account.listener = self._transcript.call
        return name

    # -- probes ---------------------------------------------------------------------------------

    def _one(self, stage: Stage, probe: Probe) -> None:
        self._transcript.probe = probe.name
        already = len(stage.findings)
        why = ""
        try:
            probe.play(stage)
        except (TooLate, Refused) as broken:
            why = self._transcript.text(str(broken))
        found = stage.findings[already:]
        self.played.findings += found
        self._account_for(probe, found, why)
        self._tell.probed(probe.name, found, why)
        if probe.when != LAST:
            self._transcript.probe = f"rest after {probe.name}"
            stage.rest()

    def _account_for(self, probe: Probe, found: list[Finding], why: str) -> None:
        """A rule whose probe broke is unclear, unless what was found already differs."""
        if not why:
            return
        differing = {item.rule for item in found if not item.agrees}
        for rule in probe.rules:
            if rule not in differing:
                self.played.unclear[rule] = why
                self._transcript.write("unclear", probe=probe.name, rule=rule, why=why)

    # -- the roll -------------------------------------------------------------------------------

    def _roll(self, stage: Stage, dns_name: str) -> None:
        self._transcript.probe = "roll"
        if stage.target_group not in stage.group()["TargetGroupARNs"]:
            stage.must("AttachLoadBalancerTargetGroups", TargetGroupARNs=[stage.target_group])
        data = {"UserData": things.user_data(2), "InstanceType": self._run.instance_type}
        stage.use_version(stage.version("1", **data))
        stage.must("UpdateAutoScalingGroup", HealthCheckType="ELB")
        # as any other group; it is the product's to suspend what is in its way
        stage.must("ResumeProcesses")
        stage.wait("the targets are healthy", lambda: _healthy(stage) == SIZE)
        stage.wait("nobody is leaving", lambda: len(stage.members()) == SIZE)
        address = judging.reachable(self._run, dns_name, NAME_READY)
        self.played.asked = address and "asked"
        self._tell.step("rolling the group with the product; " + _who_judges(address))
        judge = judging.Judge(
            self._judge_account(self._run), self._run, stage.target_group, address
        )
        judge.start()
        try:
            why, rolled = self._rolled()
        finally:
            evidence = judge.stop()
        findings = judging.verdict(evidence)
        findings.insert(0, Finding("roll", "how it ended", 0, rolled, self._transcript.text(why)))
        for finding in findings:
            self._transcript.write("finding", probe="roll", **vars(finding))
        self._seen(evidence)
        self.played.findings += findings
        self._tell.probed("roll", findings, "")
        self._transcript.probe = "rest after roll"
        stage.rest()
        # what was terminated has to have drained, so that the next probe counts its own targets
        stage.sleep(self._run.pause(DRAIN))

    def _seen(self, evidence: judging.Evidence) -> None:
        """Write how well it was judged; nobody serves for certain while nobody looks."""
        counts = {key: getattr(evidence, key) for key in ("answered", "unanswered", "blind")}
        for one in evidence.looks:
            members = {self._transcript.text(key): state for key, state in one.members.items()}
            serving = sorted(self._transcript.text(key) for key in one.serving)
            self._transcript.write("look", members=members, serving=serving, rolling=one.rolling)
        self._transcript.write("judged", looks=len(evidence.looks), **counts)
        if evidence.blind:
            self.played.unclear["I1"] = f"{evidence.blind} looks at the group had no answer"

    def _rolled(self) -> tuple[str, int]:
        with tempfile.TemporaryDirectory(prefix="asgcycle-verify-") as folder:
            try:
                roll = Roll(self._run, Path(folder))
            except OSError as missing:
                raise Unusable(f"salt-run cannot be started: {missing}") from missing
            try:
                ended = roll.ended()
            finally:
                roll.stop()
        return ended.answer, ended.code


def _healthy(stage: Stage) -> int:
    return sum(row["State"] == "healthy" for row in stage.health().values())


def _who_judges(address: str) -> str:
    if address:
        return "asking the application meanwhile"
    return "the application cannot be asked from here"
