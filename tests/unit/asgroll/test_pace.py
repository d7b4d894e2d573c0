"""How long a roll pauses: a small share of what is waited for, between 3 s and poll_interval."""

from dataclasses import replace

import pytest

from asgroll.model import Cause, PendingChange, Termination
from asgroll.pace import pause
from tests.unit.asgroll.build import NOW, instance, new, policy, roll

OLD = instance("i-old")


def booted(seconds, number=1):
    """New instances that have become ready after so many seconds, long ago."""
    return {
        f"i-r{n}": new(f"i-r{n}", seen=NOW - 9000, ready_at=NOW - 9000 + seconds)
        for n in range(number)
    }


def booting(*ages):
    """New instances that are not ready and were first seen so many seconds ago."""
    return {f"i-b{age}": new(f"i-b{age}", ready=False, seen=NOW - age) for age in ages}


def leaving(age, gone=None):
    asked = NOW - age
    gone_at = None if gone is None else asked + gone
    return Termination(f"i-t{age}", asked, Cause.VICTIM, decrement=False, gone_at=gone_at)


def a_roll(replacements=(), terminations=(), **fields):
    return roll(
        OLD,
        replacements=dict(replacements),
        terminations={t.id: t for t in terminations},
        **fields,
    )


PAUSES = {
    "nothing is on its way": (a_roll(booted(100)), 15.0),
    "the first ones boot, nothing is known": (a_roll(booting(20)), 3.0),
    "nothing is known and it takes long": (a_roll(booting(400)), 10.0),
    "nothing is known and it takes very long": (a_roll(booting(4000)), 15.0),
    "it can be ready at any moment": (a_roll(booted(100) | booting(80)), 3.0),
    "a slow image": (a_roll(booted(480) | booting(300)), 12.0),
    "a very slow image": (a_roll(booted(2000) | booting(1500)), 15.0),
    "half of the shortest time has not passed": (a_roll(booted(100) | booting(42)), 8.0),
    "it has only just been launched": (a_roll(booted(100) | booting(0)), 15.0),
    "the oldest decides when to begin": (a_roll(booted(100) | booting(0, 30, 80)), 3.0),
    "only a straggler is left": (a_roll(booted(100, 5) | booting(400)), 10.0),
    "a change of ours is not visible yet": (
        a_roll(booted(100), pending=PendingChange(NOW, 5, 6, applied=True)),
        3.0,
    ),
    "another desired capacity has to be believed": (a_roll(doubted=3), 3.0),
    "a victim that one answer lacked": (a_roll(missing={"i-old": NOW}), 3.0),
    "the last ones leave": (a_roll(booted(100), [leaving(500, gone=60), leaving(50)]), 3.0),
    "the last ones have just been asked": (
        a_roll(booted(100), [leaving(500, gone=60), leaving(18)]),
        12.0,
    ),
    "one boots while others leave": (a_roll(booted(100) | booting(80), [leaving(0)]), 3.0),
    "a call was refused": (a_roll(booted(100) | booting(80), refusals=1), 15.0),
}


@pytest.mark.parametrize(("state", "expected"), PAUSES.values(), ids=PAUSES)
def test_the_pause_is_a_small_share_of_what_is_waited_for(state, expected):
    assert pause(state, policy(), NOW) == pytest.approx(expected)


@pytest.mark.parametrize("state", [state for state, _ in PAUSES.values()], ids=list(PAUSES))
@pytest.mark.parametrize("interval", [1, 5, 15, 60])
def test_poll_interval_is_the_longest_pause(state, interval):
    assert pause(state, policy(poll_interval=interval), NOW) <= interval


def test_a_short_poll_interval_is_obeyed():
    assert pause(a_roll(booted(100) | booting(80)), policy(poll_interval=1), NOW) == 1


def test_what_failed_or_was_terminated_is_not_waited_for():
    gone = {key: replace(item, gone_at=NOW) for key, item in booting(80).items()}
    assert pause(a_roll(booted(100) | gone), policy(), NOW) == 15
