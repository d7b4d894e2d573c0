"""The measured figures as a page of Markdown. Only figures that were measured in this run."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asgroll.pace import SHORTEST_PAUSE_SECONDS
from benchmarks.peers import bound
from benchmarks.peers.many import SIZE, SURGE
from benchmarks.peers.stage import BOOT, DELAYS, DRAIN_SECONDS, Case, Measured
from tests.lab.inprocess import CALL_SECONDS

OURS = "asgcycle"
#: Models that work in batches with a barrier; the others replace one at a time.
BARRIERS = ("bouncer batch-canary", "Ansible replace_all_instances", "Instance Refresh")


@dataclass(frozen=True)
class Row:
    """All rolls of one case."""

    case: Case
    rolls: tuple[Measured, ...]

    def of(self, tool: str) -> Measured:
        """One tool's roll."""
        return next(roll for roll in self.rolls if roll.tool == tool)

    @property
    def against_bound(self) -> float:
        """Our makespan as a multiple of the lower bound."""
        return self.of(OURS).seconds / self.case.lower_bound

    @property
    def against_best_barrier(self) -> float:
        """The makespan of the best model with a barrier as a multiple of ours."""
        return min(self.of(tool).seconds for tool in BARRIERS) / self.of(OURS).seconds


def page(
    command: str,
    rows: Sequence[Row],
    many: Sequence[Mapping[str, Any]],
    models: Mapping[str, Any],
    plot: str,
) -> str:
    """
    The whole page.

    :param command: how it was made.
    :param many: what ``benchmarks.peers.many`` has measured, one entry for each number of groups.
    :param models: name of each tool and the module that models it.
    :param plot: file name of the plot beside the page.
    """
    return "\n".join(
        [
            "# How long a roll takes",
            "",
            f"Made by `{command}`. Times are virtual: the same seed gives the same figures, except "
            "for CPU and memory.",
            "",
            *_world(),
            "",
            "## Makespan",
            "",
            "From the first call until the tool has ended and nobody is leaving the group any "
            "more. `serving` is the lowest number of instances that truly served, `total` the "
            "highest number in the group, both as the emulated AWS knows them.",
            "",
            f"![Makespans as multiples of the lower bound]({plot})",
            "",
            *_makespans(rows),
            "",
            "Surge 1 leaves nothing to win by a window: there is no batch that could wait.",
            "",
            "## Against the bound and the best barrier",
            "",
            *_summary(rows),
            "",
            "## Many groups at once",
            "",
            f"Groups of {SIZE} instances, surge {SURGE}, one thread each in one process. CPU and "
            "memory are those of the machine that made this page; the memory includes the emulated "
            "AWS and its groups. All share one set of API clients.",
            "",
            *_many(many),
            "",
            "## The bound",
            "",
            _text(bound),
            "",
            f"**Lower bound.** {_text(bound.lower_bound)}",
            "",
            f"**Ideal.** {_text(bound.ideal)}",
            "",
            "## The models",
            "",
            "Each calls the API of the emulated AWS as the real tool does, at its own intervals. "
            "None is the tool itself.",
            "",
            *[f"**{name}.** {_text(module)}\n" for name, module in models.items()],
        ]
    )


def _world() -> list[str]:
    share = f"{BOOT.straggler_share:.0%}"
    return [
        "The world: a group in three zones behind a target group; all instances are replaced. The "
        "times from a launch until the application answers are log-normal, median "
        f"{BOOT.median:g} s, sigma {BOOT.sigma:g}, and {share} of the "
        f"instances take {BOOT.straggler_seconds:g} s longer; the k-th launch takes equally long "
        f"whoever rolls. The group reacts after {DELAYS.reaction:g} s, a target is checked "
        f"every {DELAYS.check_interval:g} s, drains for {DRAIN_SECONDS:g} s, and "
        f"the machine ends {DELAYS.termination:g} s later. A call takes {CALL_SECONDS:g} s.",
    ]


def _makespans(rows: Sequence[Row]) -> list[str]:
    lines = [
        "| instances | surge | tool | makespan | × bound | serving | total | launches "
        "| calls per replaced | reads a look |",
        "|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        case = row.case
        head = f"| {case.size} | {case.surge} ({', '.join(case.shares)})"
        lines.append(f"{head} | *lower bound* | {_clock(case.lower_bound)} | 1.00 | | | | | |")
        lines.append(
            f"{head} | *ideal* | {_clock(case.ideal)} | {case.ideal / case.lower_bound:.2f} "
            "| | | | | |"
        )
        for roll in row.rolls:
            times = roll.seconds / case.lower_bound
            calls = sum(roll.calls.values()) / case.size
            looks = f"{roll.reads_a_look:.1f}" if "DescribeAutoScalingGroups" in roll.calls else ""
            lines.append(
                f"{head} | {roll.tool} | {_clock(roll.seconds)} | {times:.2f} "
                f"| {roll.lowest_serving} | {roll.highest_total} | {roll.launches} "
                f"| {calls:.1f} | {looks} |"
            )
    return lines


def _summary(rows: Sequence[Row]) -> list[str]:
    lines = [
        "| instances | surge | ours × bound | ours × ideal | best barrier × ours "
        "| looks a minute | calls per replaced |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        ours, case = row.of(OURS), row.case
        looks = 60 * ours.calls["DescribeAutoScalingGroups"] / ours.seconds
        lines.append(
            f"| {case.size} | {case.surge} | {row.against_bound:.3f} "
            f"| {ours.seconds / case.ideal:.3f} | {row.against_best_barrier:.2f} "
            f"| {looks:.1f} | {sum(ours.calls.values()) / case.size:.1f} |"
        )
    lines += [
        "",
        f"Ours looks at most every {SHORTEST_PAUSE_SECONDS:g} s, with one call for the group and "
        "one for each target group, whatever the size.",
    ]
    return lines


def _many(many: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        "| groups | instances replaced | CPU of the rolls | CPU a group | CPU of the emulated AWS "
        "| largest memory | growth while rolling | virtual time |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for entry in many:
        each = 1000 * entry["cpu_seconds"] / entry["groups"]
        lines.append(
            f"| {entry['groups']} | {entry['instances']} | {entry['cpu_seconds']:.1f} s "
            f"| {each:.0f} ms | {entry['lab_cpu_seconds']:.1f} s | {entry['peak_mib']} MiB "
            f"| {entry['growth_mib']} MiB | {_clock(entry['virtual_seconds'])} |"
        )
    return lines


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _text(thing: Any) -> str:
    """A docstring as paragraphs, without its list of arguments."""
    text = (inspect.getdoc(thing) or "").split("\n:param", maxsplit=1)[0]
    return text.strip().replace("``", "`")
