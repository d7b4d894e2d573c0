"""From facts to a verdict."""

import math

import pytest

from aptpolicy import verdict
from aptpolicy.effective import Difference
from aptpolicy.verdict import SECONDS_PER_DAY, Excluded, Facts, Timer

HEALTHY = {
    "intended": True,
    "installed": True,
    "effective": True,
    "security_matches": True,
    "lists_age": 3600,
    "timers": (Timer("apt-daily.timer"), Timer("apt-daily-upgrade.timer")),
    "pending": (),
    "success_age": 3600,
}


def reason(action):
    return {"action": action, "what": "it", "why": "that is why"}


ONE = ("libc6",)
FOREIGN = (Excluded("libc6", "not_allowed"),)


@pytest.mark.parametrize(
    ("change", "expected", "code"),
    [
        ({}, "ok", None),
        ({"intended": False, "effective": False}, "disabled", "disabled"),
        ({"intended": None, "effective": False}, "disabled", "disabled"),
        ({"intended": None}, "ok", None),
        ({"effective": False}, "misconfigured", "switched_off"),
        ({"refused": ("mail:to is refused",), "intended": None}, "misconfigured", "policy_refused"),
        ({"installed": False}, "misconfigured", "not_installed"),
        ({"differences": (Difference("Mail", "a", "b"),)}, "misconfigured", "overridden"),
        ({"security_matches": False}, "misconfigured", "no_security_repository"),
        ({"timers": (Timer("t", active=False),)}, "misconfigured", "timer_inactive"),
        ({"timers": (Timer("t", enabled=False),)}, "misconfigured", "timer_disabled"),
        ({"timers": (Timer("t", masked=("t.service",)),)}, "misconfigured", "masked"),
        ({"unknown": ("no bus",), "lists_age": None, "pending": None}, "unknown", "unknown"),
        ({"interrupted": True}, "blocked", "dpkg_interrupted"),
        ({"broken": ("nginx",)}, "blocked", "dpkg_broken"),
        ({"lock_age": 2 * 3600}, "blocked", "lock"),
        ({"lock_age": 60}, "ok", None),
        ({"last_run_failed": True}, "blocked", "last_run_failed"),
        ({"excluded": (Excluded("libc6", "held"),)}, "blocked", "held"),
        ({"excluded": (Excluded("libc6", "blacklisted"),)}, "blocked", "blacklisted"),
        ({"excluded": (Excluded("libc6", "not_whitelisted"),)}, "blocked", "not_whitelisted"),
        ({"excluded": (Excluded("libc6", "pinned"),)}, "blocked", "pinned"),
        ({"excluded": (Excluded("libc6", "not_trusted"),)}, "blocked", "not_trusted"),
        ({"excluded": (Excluded("libc6", "kept_back", "it needs x"),)}, "blocked", "kept_back"),
        ({"excluded": (Excluded("libc6", "phased"),)}, "ok", None),
        ({"pending": ONE, "kept_back": ("libc6",)}, "blocked", "left_back"),
        ({"pending": (), "kept_back": ("libc6",)}, "ok", None),
        ({"pending": ONE}, "ok", None),
        ({"pending": ONE, "ran_with_these_lists": True}, "blocked", "left"),
        ({"ran_with_these_lists": True}, "ok", None),
        ({"excluded": FOREIGN, "ran_with_these_lists": True}, "blocked", "not_allowed"),
        (
            {"excluded": FOREIGN, "security_matches": False},
            "misconfigured",
            "no_security_repository",
        ),
        ({"pending": ONE, "success_age": None}, "stale", "never_ran"),
        ({"pending": ONE, "success_age": 4 * SECONDS_PER_DAY}, "stale", "old_run"),
        ({"pending": (), "success_age": 4 * SECONDS_PER_DAY}, "ok", None),
        ({"lists_age": math.inf}, "stale", "no_lists"),
        ({"lists_age": 4 * SECONDS_PER_DAY}, "stale", "old_lists"),
        ({"lists_age": 4 * SECONDS_PER_DAY, "max_age_days": 7}, "ok", None),
        ({"needed": (reason("reboot"),)}, "reboot_pending", "reboot_required"),
        ({"needed": (reason("restart"),)}, "restart_pending", "restart_service"),
        ({"needed": (reason("reexec"),)}, "restart_pending", "reexec_systemd"),
        ({"needed": (reason("ends"),)}, "restart_pending", "has_to_end"),
        ({"needed": (reason("replace"),)}, "unsupported", "unsupported"),
    ],
)
def test_facts_lead_to_a_verdict_and_its_reason(change, expected, code):
    answer, reasons = verdict.judge(Facts(**{**HEALTHY, **change}))
    assert answer == expected
    assert [reason.code for reason in reasons] == ([code] if code else [])


def test_the_worst_reason_decides_and_all_are_told_worst_first():
    facts = Facts(**{**HEALTHY, "needed": (reason("reboot"),), "interrupted": True,
                     "security_matches": False})  # fmt: skip
    answer, reasons = verdict.judge(facts)
    assert answer == "misconfigured"
    assert [r.verdict for r in reasons] == ["misconfigured", "blocked", "reboot_pending"]


def test_what_is_unknown_is_held_against_nobody():
    unknown = {**HEALTHY, "security_matches": None, "pending": None, "timers": ()}
    assert verdict.judge(Facts(**unknown))[0] == "ok"


def test_a_policy_that_is_off_is_neither_stale_nor_misconfigured():
    off = {**HEALTHY, "intended": False, "effective": False, "security_matches": False,
           "pending": ONE, "success_age": None, "installed": False}  # fmt: skip
    assert verdict.judge(Facts(**off))[0] == "disabled"
