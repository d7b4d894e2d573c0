"""The journal: what is kept, how it is read back, and that damage is never "no roll"."""

import dataclasses
import fcntl
import json
import multiprocessing

import pytest
import salt.cache
import salt.config
from hypothesis import given, settings
from hypothesis import strategies as st

from asgroll.actions import Resume, SetDesired, SetMax, Suspend, Terminate
from asgroll.errors import Busy, JournalError
from asgroll.journal import BANK, CacheJournal, How, from_plain, key_of, lock, locked, to_plain
from asgroll.model import Cause, Extremes, Failure, PendingChange, Phase, Termination
from tests.unit.asgroll.build import NOW, instance, new, roll

OLD = [instance(f"i-old{n}", launched_at=NOW - n) for n in range(3)]
FULL = roll(
    *OLD,
    phase=Phase.RESTORING,
    outcome=Phase.HALTED,
    delta=1,
    expected_desired=4,
    max_set=4,
    suspended=frozenset({"AZRebalance"}),
    pending=PendingChange(NOW, 3, 4, applied=None),
    replacements={"i-new": new("i-new")},
    terminations={"i-old0": Termination("i-old0", NOW, Cause.VICTIM, True, unclear=True)},
    vanished=frozenset({"i-old1"}),
    failures=(Failure(NOW, "what", "why"),),
    counted_launch_failures=frozenset({"a"}),
    extremes=Extremes(3, 4),
)


@pytest.fixture
def cache(tmp_path):
    opts = salt.config.master_config(None)
    return salt.cache.Cache(opts | {"cachedir": str(tmp_path)}, cachedir=str(tmp_path))


def test_a_roll_survives_being_written_as_json():
    assert from_plain(json.loads(json.dumps(to_plain(FULL)))) == FULL


def test_a_roll_survives_the_cache(cache):
    CacheJournal(cache).save(FULL)
    assert CacheJournal(cache).load(FULL.arn, FULL.group) == FULL
    assert CacheJournal(cache).all() == ([FULL], [])


def test_no_roll_is_none(cache):
    assert CacheJournal(cache).load(FULL.arn, "other") is None
    assert CacheJournal(cache).all() == ([], [])


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda d: [], id="not a mapping"),
        pytest.param(lambda d: {k: v for k, v in d.items() if k != "schema"}, id="no schema"),
        pytest.param(lambda d: d | {"schema": 99}, id="a newer schema"),
        pytest.param(lambda d: {k: v for k, v in d.items() if k != "victims"}, id="a hole"),
        pytest.param(lambda d: d | {"surprise": 1}, id="a field too many"),
        pytest.param(lambda d: d | {"phase": "dancing"}, id="an unknown word"),
    ],
)
def test_damage_is_an_error_and_never_no_roll(cache, damage):
    cache.store(BANK, key_of(FULL.arn, FULL.group), damage(to_plain(FULL)))
    with pytest.raises(JournalError):
        CacheJournal(cache).load(FULL.arn, FULL.group)


def test_a_truncated_file_is_an_error(cache, tmp_path):
    CacheJournal(cache).save(FULL)
    (path,) = (tmp_path / BANK).glob("*.p")
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(JournalError, match="cannot read"):
        CacheJournal(cache).load(FULL.arn, FULL.group)


ACTIONS = [
    Suspend(("AZRebalance",)),
    SetMax(5),
    SetDesired(3, 4),
    Terminate("i-old0", 1, False, Cause.VICTIM, ""),
    Resume(("AZRebalance",)),
]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("how", [How.APPLIED, How.UNCLEAR, How.NOT_APPLIED, None])
def test_what_was_sent_after_the_last_snapshot_is_played_back(cache, action, how):
    start = roll(*OLD)
    journal = CacheJournal(cache)
    journal.save(start)
    later = start.with_(turns=start.turns + 1)
    journal.intent(later, action, NOW)
    if how is not None:
        journal.outcome(later, action, how, NOW)
    found = CacheJournal(cache).load(start.arn, start.group)
    changed = how is not How.NOT_APPLIED
    if isinstance(action, Terminate):
        assert ("i-old0" in found.terminations) is changed
        if changed:
            assert found.terminations["i-old0"].unclear is (how is not How.APPLIED)
    elif isinstance(action, SetDesired):
        assert (found.pending is not None) is changed
        assert found.delta == (1 if how is How.APPLIED else 0)
    elif isinstance(action, SetMax):
        assert (found.max_set == 5) is changed
    elif isinstance(action, Suspend):
        assert (found.suspended == {"AZRebalance"}) is changed
    else:
        assert found.suspended == frozenset()


def test_nothing_is_played_back_twice(cache):
    start, action = roll(*OLD), SetDesired(3, 4)
    journal = CacheJournal(cache)
    journal.save(start)
    later = start.with_(turns=start.turns + 1)
    journal.intent(later, action, NOW)
    journal.outcome(later, action, How.APPLIED, NOW)
    taken_up = CacheJournal(cache).load(start.arn, start.group)
    assert taken_up.delta == 1
    CacheJournal(cache).save(taken_up)  # and died right after it, before anything else
    assert CacheJournal(cache).load(start.arn, start.group) == taken_up


def test_one_damaged_entry_does_not_hide_the_others(cache):
    CacheJournal(cache).save(FULL)
    cache.store(BANK, key_of(FULL.arn, "broken"), {"schema": 99})
    rolls, problems = CacheJournal(cache).all()
    assert rolls == [FULL]
    assert "broken" in problems[0]
    assert "cache.flush" in problems[0]


@settings(max_examples=100, derandomize=True)
@given(st.text(min_size=1, max_size=255))
def test_every_group_name_has_a_usable_key(name):
    key = key_of(FULL.arn, name)
    assert len(key.encode()) <= 240
    assert "/" not in key
    assert "\0" not in key


def test_the_same_name_in_two_accounts_is_two_keys():
    other = FULL.arn.replace("123456789012", "210987654321")
    assert key_of(FULL.arn, "web") != key_of(other, "web")


def _hold(directory, ready, done):
    with lock(directory, FULL.arn, "web"):
        ready.set()
        done.wait(10)


def test_the_lock_keeps_another_process_out_and_frees_itself_when_killed(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(str(tmp_path), ready, done))
    holder.start()
    assert ready.wait(20)
    try:
        assert locked(tmp_path, FULL.arn, "web")
        assert not locked(tmp_path, FULL.arn, "db")
        with pytest.raises(Busy, match="another process"), lock(tmp_path, FULL.arn, "web"):
            pass
    finally:
        holder.kill()
        holder.join()
    assert not locked(tmp_path, FULL.arn, "web")


def test_every_field_of_a_roll_is_in_the_full_example():
    plain = roll(*OLD)
    same = {
        f.name for f in dataclasses.fields(plain) if getattr(plain, f.name) == getattr(FULL, f.name)
    }
    # fields whose type is plain text, a number or a list of text need no example of their own
    assert not same & {"pending", "replacements", "terminations", "failures", "extremes"}


def test_somebody_who_only_looks_at_the_lock_keeps_no_roll_out(tmp_path, monkeypatch):
    with lock(tmp_path, FULL.arn, "web"):
        (path,) = tmp_path.rglob("*.lock")
    with path.open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        monkeypatch.setattr("time.sleep", lambda _: fcntl.flock(looking, fcntl.LOCK_UN))
        with lock(tmp_path, FULL.arn, "web"):
            assert locked(tmp_path, FULL.arn, "web")
