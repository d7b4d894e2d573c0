"""How progress and answers look in a terminal."""

import importlib.util
import time
from pathlib import Path

import pytest

from asgroll import inform, report
from asgroll.model import Cause, Failure, Phase, Termination
from asgroll.preflight import Assessment
from asgroll.selection import choose
from asgroll.world import Recipe
from tests.unit.asgroll.build import NOW, SPEC, instance, new, policy, roll, world

FILE = Path(__file__).resolve().parents[3] / "_output" / "asgcycle.py"
OLD = [instance(f"i-old{n}", "ab"[n % 2]) for n in range(2)]


@pytest.fixture
def show():
    spec = importlib.util.spec_from_file_location("asgcycle_output", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.__opts__ = {"color": False}
    return module.output


def progress(**changes):
    message = {
        "at": NOW,
        "text": "i-new serves",
        "replaced": 5,
        "victims": 10,
        "serving": 10,
        "failures": 0,
        "eta_seconds": 180.0,
    }
    return {"suffix": "progress", "event": {"message": message | changes}}


def test_an_event_is_one_line_with_time_bar_counts_and_estimate(show):
    clock = time.strftime("%H:%M:%S", time.localtime(NOW))
    assert show(progress()) == (
        f"{clock} [#####.....]  5/10 replaced · serving 10 · ETA 3m · i-new serves"
    )
    assert "· 2 failed ·" in show(progress(failures=2))
    assert "ETA" not in show(progress(eta_seconds=None))


def done_roll(**fields):
    left = {
        i.id: Termination(i.id, NOW, Cause.VICTIM, False, leaving_at=NOW, gone_at=NOW + 30)
        for i in OLD
    }
    known = {f"i-new{n}": new(f"i-new{n}", seen=NOW - 90, ready_at=NOW) for n in range(2)}
    return roll(*OLD, terminations=left, replacements=known, ended_at=NOW + 220, **fields)


def answer(data):
    return {"data": {"web": data}, "outputter": "asgcycle", "retcode": 0}


def test_the_closing_table_pairs_old_and_new_and_proves_the_invariants(show):
    data = report.summary(done_roll(phase=Phase.DONE), policy(), {"SetDesiredCapacity": 1}, NOW)
    text = show(answer(data | {"turns": 7}))
    assert text.startswith("web: done")
    assert "i-old0  a     terminated  30s    i-new0       a     1m30s" in text
    assert "2 of 2 replaced, launches 2" in text
    assert "took 3m40s, ideal 3m30s in 7 turns" in text
    assert "calls: SetDesiredCapacity 1" in text


def test_a_halt_says_why_what_is_left_and_what_to_type(show):
    halted = done_roll(
        phase=Phase.HALTED,
        reason="too many",
        failures=(Failure(NOW, "i-x not ready", "Pending"),),
        delta=1,
        expected_desired=3,
        suspended=frozenset({"AZRebalance"}),
    )
    data = report.summary(halted, policy(), {}, NOW) | {
        "next": inform.next_step(halted),
        "evidence": {"console of i-x": "line one\nline two"},
    }
    text = show(answer(data))
    assert "web: halted — too many" in text
    assert "✗ i-x not ready: Pending" in text
    assert "left changed: desired is 3, should be 2" in text
    assert "left changed: suspended AZRebalance" in text
    assert "next: `salt-run asgcycle.resume web`" in text
    assert "    | line two" in text


def test_a_plan_lists_victims_changes_and_obstacles(show):
    view = world(*OLD, maximum=2)
    choice = choose(OLD, (Recipe(SPEC),), {}, policy(), NOW)
    found = Assessment((), ("watch out",), view, choice, (SPEC,))
    data, code = inform.plan("web", found, roll(*OLD, max_size=2), policy())
    text = show(answer(data))
    assert code == 0
    assert "2 to replace, in this order:" in text
    assert "would change: max 2 → 3, back to 2 at the end" in text
    assert "! watch out" in text
    refused, code = inform.plan("web", Assessment(("no way",)), None, policy())
    assert code == 2
    assert "✗ no way\n  Nothing was changed." in show(answer(refused))


def test_an_interrupted_roll_is_shown_with_the_way_out(show):
    text = show(answer(inform.status(done_roll(delta=1, expected_desired=3), running=False)))
    assert text.startswith("web: interrupted")
    assert "asgcycle.abort web" in text


def test_an_answer_from_the_job_cache_looks_the_same(show):
    kept = answer(report.summary(done_roll(phase=Phase.DONE), policy(), {}, NOW))
    assert show({"master": {"fun": "runner.asgcycle.roll", "return": kept}}) == show(kept)


def test_what_is_not_the_runners_is_shown_as_it_is(show):
    assert show("plain text") == "plain text"
    assert show({"web": "odd"}) == "web: odd"


PUBLISHED = {
    "result": True,
    "status": "published",
    "obstacles": [],
    "warnings": [],
    "changes": ["new version of lt-1: version 6 with this user data"],
    "from_specs": ["lt-1:6"],
    "to_specs": ["lt-1:7"],
    "previous": "lt-1:6",
    "bytes": 4321,
    "sha256": "0123456789ab",
}


def test_a_publish_says_from_where_to_where_and_what_is_next(show):
    assert show(answer({**PUBLISHED, "next": "roll it"})).splitlines() == [
        "web: published",
        "  launches from lt-1:6 → lt-1:7",
        "  user data: 4321 bytes, sha256:0123456789ab",
        "  in use before: lt-1:6",
        "  done: new version of lt-1: version 6 with this user data",
        "  next: roll it",
    ]


def test_a_dry_run_of_a_publish_shows_the_difference(show):
    shown = show(
        answer({**PUBLISHED, "status": "planned", "diff": ["@@ -1 +1 @@", "-old", "+new"]})
    )
    assert "  would be done: new version of lt-1" in shown
    assert shown.splitlines()[-3:] == ["  | @@ -1 +1 @@", "  | -old", "  | +new"]


def test_a_refused_publish_says_what_it_has_left(show):
    left = {"status": "refused", "result": False, "obstacles": ["denied"], "left": ["lt-1:7 was"]}
    shown = show(answer({**PUBLISHED, **left})).splitlines()
    assert shown[:3] == ["web: refused", "  ✗ denied", "  The group is as it was."]
    assert "  not done: new version of lt-1: version 6 with this user data" in shown
    assert "  left: lt-1:7 was" in shown


def test_a_hook_is_shown_with_those_of_others(show):
    hook = {
        "result": True,
        "status": "created",
        "hook": "asgcycle-ready: waits 30m",
        "other_hooks": ["drain (terminating)"],
        "changes": ["new hook asgcycle-ready"],
    }
    assert show(answer(hook)).splitlines() == [
        "web: created",
        "  wanted: asgcycle-ready: waits 30m",
        "  left alone: drain (terminating)",
        "  done: new hook asgcycle-ready",
    ]
