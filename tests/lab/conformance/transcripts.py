"""Compare a transcript of `bin/verify-aws` with the lab, rule by rule.

The probes that the transcript has played are played again, against the lab. What they find there
is compared with what they found where the transcript is from. The roll is not played again: it is
about the product, not about AWS.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

from tests.lab.http import LabServer
from verify import finding, rules, transcript
from verify.account import Account, Refused, Unusable
from verify.playing import Play
from verify.probes import PROBES
from verify.settings import Run, new_id
from verify.stage import NO_IMAGE, TooLate
from verify.telling import wrapped

#: Virtual seconds in a real one: a probe takes a second or two.
SPEED = 40.0
#: An AWS in which every state lasts long enough to be seen by a few looks.
SCENARIO: dict[str, Any] = {
    "boot": {"median": 60, "sigma": 0.1},
    "delays": {"reaction": 20, "running": 20, "registration": 60, "termination": 60},
    # the lab has no catalogue of images: the one that a probe names does not exist
    "faults": [{"kind": "bad_image", "mode": "missing", "image": NO_IMAGE}],
}
IMAGE = "ami-00000000000000001"
#: Findings that are about the product.
OF_THE_ROLL = "roll"
AGREES, DIFFERS, NOT_PROBED = "agrees", "differs", "not probed"
#: The texts of errors differ, what happens does not.
WORDS = "agrees in other words"
#: Unknown is not the same as agreeing.
NOT_REACHED = "its probe did not come so far"


@dataclass
class Compared:
    """One rule: the verdict, and what is to be said of it."""

    rule: str
    verdict: str
    said: list[str] = field(default_factory=list)


def findings(lines: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return (rule, point) → the finding, of those about AWS."""
    return {
        (line["rule"], line["point"]): line
        for line in lines
        if line["kind"] == "finding" and line["probe"] != OF_THE_ROLL
    }


def compare(real: list[dict[str, Any]], lab: list[dict[str, Any]]) -> list[Compared]:
    """Return what the two transcripts say of every rule that there is."""
    there, here = findings(real), findings(lab)
    unclear = {line["rule"]: line["why"] for line in real if line["kind"] == "unclear"}
    stuck = {line["rule"]: line["why"] for line in lab if line["kind"] == "unclear"}
    reasons = rules.why_not()
    reasons |= {rule: "its probe was not chosen" for probe in PROBES for rule in probe.rules}
    reasons |= {
        rule: NOT_REACHED
        for probe in PROBES
        if probe.name in real[0]["probes"]
        for rule in probe.rules
    }
    known = dict.fromkeys([*rules.known(), *(rule for rule, _ in there)])
    compared = []
    for rule in known:
        points = [key for key in there if key[0] == rule]
        missing = [key[1] for key in points if key not in here]
        said = [text for key in points if (text := _difference(there[key], here.get(key)))]
        words = [text for key in points if (text := _wording(there[key], here.get(key)))]
        if said:
            compared.append(Compared(rule, DIFFERS, said))
        elif rule in unclear or rule in stuck or missing:
            why = unclear.get(rule) or f"in the lab: {stuck.get(rule) or NOT_REACHED}"
            compared.append(Compared(rule, NOT_PROBED, [why]))
        elif not points:
            compared.append(Compared(rule, NOT_PROBED, [reasons.get(rule, rules.NO_PROBE)]))
        else:
            compared.append(Compared(rule, WORDS if words else AGREES, words))
    return compared


def _difference(there: dict[str, Any], here: dict[str, Any] | None) -> str:
    if here is None or there["seen"] == here["seen"]:
        return ""
    said = f" ({there['text']})" if there["text"] else ""
    return f"{there['point']}: seen {there['seen']}{said}, the lab {here['seen']}"


def _wording(there: dict[str, Any], here: dict[str, Any] | None) -> str:
    if here is None or transcript.alike(there["text"]) == transcript.alike(here["text"]):
        return ""
    return f"{there['point']}: “{there['text']}”, the lab “{here['text']}”"


class Silent:
    """Tells nobody."""

    def step(self, text: str) -> None:
        """Say nothing."""

    def probed(self, name: str, findings: list[Any], why: str) -> None:
        """Say nothing."""


def replay(
    head: dict[str, Any], scenario: dict[str, Any], speed: float = SPEED
) -> list[dict[str, Any]]:
    """Play the probes of a transcript against the lab; return the lines that this writes.

    Args:
        head: the transcript's first line.
        scenario: of the lab; `SCENARIO`, or one in which rules are otherwise.
        speed: virtual seconds in a real one.
    """
    probes = [probe for probe in PROBES if probe.name in head["probes"]]
    with (
        LabServer({"region": head["region"], **scenario}, speed=speed) as lab,
        tempfile.TemporaryDirectory(prefix="asgcycle-transcript-") as folder,
    ):
        run = _run(lab.endpoint_url, head, speed)
        account = _Testing(run)
        network = finding.network(account, run)
        path = Path(folder, "lab.jsonl")
        with closing(transcript.Transcript(path, run)) as written:
            written.write("run", **{key: head[key] for key in head if key not in ("kind", "at")})
            play = Play(run, account, written, network, probes, False, Silent())
            try:
                play.all()
            except (TooLate, Refused, Unusable) as why:
                raise SystemExit(f"the lab broke off: {why}") from why
        return transcript.read(path)


class _Testing(Account):
    """With credentials that only the lab takes, whatever the environment has."""

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                region_name=self._run.region,
                endpoint_url=self._run.endpoint_url,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",
            )
        return self._clients[service]


def _run(endpoint: str, head: dict[str, Any], speed: float) -> Run:
    run = Run(
        id=new_id(),
        region=head["region"],
        subnets=(),
        image=IMAGE,
        instance_type=head["instance_type"],
        balanced=head["balanced"],
        endpoint_url=endpoint,
        speed=speed,
    )
    subnets = _Testing(run).must("ec2", "DescribeSubnets")["Subnets"]
    of_zones = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in subnets}
    chosen = [of_zones[zone] for zone in sorted(of_zones)][: head["zones"]]
    return Run(**{**vars(run), "subnets": tuple(chosen)})


def told(compared: list[Compared]) -> list[str]:
    """Return the report, in lines of 80 columns."""
    lines: list[str] = []
    for verdict in (DIFFERS, WORDS):
        for one in (one for one in compared if one.verdict == verdict):
            lines += wrapped(f"{one.rule:<7}", f"{verdict}: {'; '.join(one.said)}")
    reasons: dict[str, list[str]] = {}
    for one in compared:
        if one.verdict == NOT_PROBED:
            reasons.setdefault(one.said[0], []).append(one.rule)
    for why, those in reasons.items():
        lines += wrapped("not probed ", f"{len(those)}, {why}: {' '.join(those)}")
    for verdict in (AGREES, WORDS, DIFFERS):
        those = [one.rule for one in compared if one.verdict == verdict]
        lines += wrapped(f"{verdict}: ", f"{len(those)} {' '.join(those)}".rstrip())
    return lines


def main(path: Path, out: Callable[[str], None] = print) -> int:
    """Read, replay, compare, report; 1 when a rule differs, 2 when the file is no transcript."""
    try:
        real = transcript.read(path)
    except transcript.Unreadable as why:
        out(f"bin/lab conformance: {why}")
        return 2
    head = real[0]
    unknown = set(head["probes"]) - {probe.name for probe in PROBES}
    if unknown:
        out(f"not known here, passed over: {', '.join(sorted(unknown))}")
    where = "AWS" if head["endpoint"] == "AWS" else "another endpoint than AWS"
    out(f"transcript of {where}, {head['region']}, {len(head['probes'])} probes, played again")
    compared = compare(real, replay(head, SCENARIO))
    for line in told(compared):
        out(line)
    return 1 if any(one.verdict == DIFFERS for one in compared) else 0


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--transcript`` to the arguments of `bin/lab conformance`."""
    parser.add_argument(
        "--transcript", type=Path, metavar="FILE", help="compare one of bin/verify-aws instead"
    )
