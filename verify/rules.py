"""The rules on which the emulated AWS is built, and why some of them cannot be asked for."""

from __future__ import annotations

import re
from pathlib import Path

RULES = Path(__file__).resolve().parents[1] / "tests" / "lab" / "RULES.md"
_ROW = re.compile(r"^\| ([A-Z]{2}-\d+) \| (.+?) \|", re.MULTILINE)
#: Reason → rules that a public API cannot answer, or not within an hour and a few cents.
REASONS: dict[str, str] = {
    "is about the emulated AWS itself, or about what is checked before anything is sent": (
        "AP-4 AP-5 AS-14 LA-11 MP-7 FA-2 FA-5 FA-6 FA-7 FA-8 FA-13 FA-14 FA-15"
    ),
    "AWS does it when it happens, not when it is asked to": (
        "LA-5 LA-8 LA-12 LA-13 HE-7 TG-10 CR-1 CR-2 CR-3 AZ-7 FA-1 FA-4 FA-9 FA-12 FA-17 FA-18 "
        "FA-19 FA-22"
    ),
    "would need an application that fails when it is told to": "HE-2 HE-3 TG-7 UP-1 UP-2 UP-3 UP-4",
    "who is served, users say: the roll's I1 is judged by it": "UP-5",
    "would need another group, other permissions, policies or alarms": (
        "AS-16 LA-3 LA-6 TE-7 TE-9 TG-5 AZ-4 FA-3 FA-10 FA-11 FA-16 EC-6"
    ),
    "would change a setting of the whole account": "AS-17 MP-5",
    "would leave an instance that no group looks after": "HE-5 HK-10",
    "would take longer than the rest together": "AZ-5 AZ-6 IR-1 ME-4 MP-2 MP-3 MP-6",
}
NO_PROBE = "nobody has written a probe for it"


def known() -> dict[str, str]:
    """Return rule id → what it says."""
    return dict(_ROW.findall(RULES.read_text("utf-8")))


def why_not() -> dict[str, str]:
    """Return rule id → why it cannot be asked for."""
    return {rule: reason for reason, rules in REASONS.items() for rule in rules.split()}
