"""What a person reads: a line a probe, 80 columns, and the sum at the end."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterable

from verify import rules
from verify.costs import BASIS, Cost
from verify.playing import Played
from verify.probes import PROBES, Probe
from verify.settings import SIZE, TAG, Run
from verify.stage import Finding

WIDTH = 80
#: Exit codes.
AGREES, DIFFERS, REFUSED, FAILED = range(4)


class Terminal:
    """Prints; each line with the time of day.

    Args:
        out: prints one line.
    """

    def __init__(self, out: Callable[[str], None]) -> None:
        self._out = out

    def step(self, text: str) -> None:
        """Something was made or begins."""
        self._line(time.strftime("%H:%M:%S"), text)

    def probed(self, name: str, findings: list[Finding], why: str) -> None:
        """A probe has been played."""
        parts = []
        differing = [item for item in findings if not item.agrees]
        names = {item.rule for item in differing}
        agreeing = _once(item.rule for item in findings if item.rule not in names)
        if agreeing:
            parts.append(f"{' '.join(agreeing)} agree")
        if differing:
            parts.append(f"{' '.join(_once(item.rule for item in differing))} DIFFER")
        if why:
            parts.append("broken off")
        self._line(time.strftime("%H:%M:%S"), f"{name:<17}{'; '.join(parts)}")
        for item in differing:
            self._line("", f"  {told(item)}")
        if why:
            self._line("", f"  {why}")

    def _line(self, head: str, text: str) -> None:
        for line in wrapped(f"{head:<10}", text):
            self._out(line)


def told(finding: Finding) -> str:
    """Say what a finding is, in words."""
    words = f"{finding.rule} {finding.point}: expected {finding.expected}, seen {finding.seen}"
    return f"{words} ({finding.text})" if finding.text else words


def wrapped(head: str, text: str, hang: bool = False) -> list[str]:
    """Return the text behind ``head``, or with it hanging before later lines; 80 columns."""
    lines = textwrap.wrap(
        text if hang else head + text,
        WIDTH,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
        drop_whitespace=True,
    )
    return lines or [head.rstrip()]


def beforehand(run: Run, account: str, who: str, cost: Cost, zones: int) -> list[str]:
    """Return what a person is told before anything is made."""
    where = run.endpoint_url or "AWS"
    balancer = f", a network load balancer ({run.scheme})" if run.balanced else ""
    price = (
        f"at most {cost.dollars:.2f} USD"
        if cost.dollars is not None
        else f"unknown, for the price of {run.instance_type} is not known here"
    )
    lines = [
        f"run {run.id} in {run.region}, {where}, account {account}",
        f"as {who}",
        f"makes: one Auto Scaling Group of {SIZE} {run.instance_type} in {zones} zones"
        f"{balancer}, a launch template, a security group, all tagged {TAG}={run.id}",
        f"takes: up to about {cost.minutes} minutes, {cost.instance_minutes} instance minutes",
        f"costs: {price} ({BASIS})",
        f"if it dies: bin/verify-aws --region {run.region} --clean {run.id}",
    ]
    return [part for line in lines for part in wrapped("  ", line, hang=True)]


def summary(
    played: Played, chosen: Iterable[Probe], left: list[str], problem: str, cost: Cost
) -> tuple[list[str], int]:
    """Return what is printed at the end, and the exit code."""
    differing = _once(item.rule for item in played.findings if not item.agrees)
    unclear = [rule for rule in played.unclear if rule not in differing]
    agreeing = _once(
        item.rule
        for item in played.findings
        if item.rule not in differing and item.rule not in unclear
    )
    lines = [""]
    lines += _listed("agrees", agreeing)
    lines += _listed("DIFFERS", differing)
    for item in played.findings:
        if not item.agrees:
            lines += wrapped(" " * 12, told(item))
    lines += _listed("unclear", unclear)
    for rule in unclear:
        lines += wrapped(" " * 12, f"{rule}: {played.unclear[rule]}")
    done = {*differing, *unclear, *agreeing}
    for why, those in not_probed(done, chosen).items():
        lines += wrapped(f"{'not probed':<12}", f"{len(those)}, {why}: {' '.join(those)}")
    bound = "unknown" if cost.dollars is None else f"at most {cost.dollars:.2f} USD"
    lines.append(f"{'cost':<12}{bound}")
    if problem:
        lines += wrapped(f"{'FAILED':<12}", problem)
    for text in left:
        lines += wrapped(f"{'LEFT':<12}", text)
    if not left:
        lines.append(f"{'left':<12}nothing")
    if problem or left or unclear:
        return lines, FAILED
    return lines, DIFFERS if differing else AGREES


def not_probed(done: set[str], chosen: Iterable[Probe]) -> dict[str, list[str]]:
    """Return reason → rules that this run has not asked for."""
    reasons = rules.why_not()
    reasons |= {rule: "its probe was not chosen" for probe in PROBES for rule in probe.rules}
    asked = "its probe did not come so far, or needs two zones"
    reasons |= {rule: asked for probe in chosen for rule in probe.rules}
    found: dict[str, list[str]] = {}
    for rule in rules.known():
        if rule not in done:
            found.setdefault(reasons.get(rule, rules.NO_PROBE), []).append(rule)
    return found


def _listed(word: str, those: list[str]) -> list[str]:
    return wrapped(f"{word:<12}", f"{len(those)}: {' '.join(those)}") if those else []


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
