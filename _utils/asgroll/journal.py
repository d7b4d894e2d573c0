"""
Where a roll is remembered: schema-versioned snapshots, and an intent before each call.

A snapshot is written once a turn; between two snapshots the intents and outcomes of the turn are
kept in a small record of their own, so that what is written per call does not grow with the group.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Protocol, TextIO
from urllib.parse import quote

from asgroll.actions import Action, Resume, SetDesired, SetMax, Suspend, Terminate
from asgroll.errors import Busy, JournalError
from asgroll.model import (
    Cause,
    Extremes,
    Failure,
    PendingChange,
    Phase,
    Replacement,
    Roll,
    Termination,
    Victim,
)
from asgroll.outcome import applied, unclear

SCHEMA = 1
BANK = "asgcycle/rolls"
TURN_BANK = "asgcycle/turns"
HISTORY_BANK = "asgcycle/history"
#: Closing reports kept for each group; a year of weekly rolls.
KEPT_REPORTS = 52
#: A look whether a group is locked shares the lock for an instant: so often and long to wait.
LOOKS, LOOK_SECONDS = 50, 0.01
#: File systems allow names of 255 bytes; longer escaped group names are hashed.
_KEY_LENGTH = 200


class How(str, Enum):
    """What is known of a call."""

    INTENDED = "intended"
    APPLIED = "applied"
    NOT_APPLIED = "not applied"
    UNCLEAR = "unclear"


class Journal(Protocol):
    """What the engine needs of a journal."""

    def save(self, roll: Roll) -> None:
        """Keep a snapshot; the intents recorded before it are settled by it."""

    def intent(self, roll: Roll, action: Action, now: float) -> None:
        """Record that this action is about to be sent."""

    def outcome(self, roll: Roll, action: Action, how: How, now: float) -> None:
        """Record how the action of the last intent went, at the time of its answer."""

    def rewritten(self) -> bool:
        """Whether somebody else has written a snapshot since our last one."""


class MemoryJournal:
    """Forgets everything with the process: for benchmarks and tests."""

    def __init__(self):
        self.rolls: dict[str, Roll] = {}
        self.entries: list[tuple[str, Action, How]] = []

    def save(self, roll: Roll) -> None:
        """Keep a snapshot."""
        self.rolls[roll.group] = roll

    def intent(self, roll: Roll, action: Action, now: float) -> None:
        """Remember that this action is about to be sent."""
        self.entries.append((roll.group, action, How.INTENDED))

    def outcome(self, roll: Roll, action: Action, how: How, now: float) -> None:
        """Remember how it went."""
        self.entries.append((roll.group, action, how))

    def rewritten(self) -> bool:
        """Nobody else knows of it."""
        return False


class CacheJournal:
    """
    Rolls in ``salt.cache``, whatever its driver.

    :param cache: a ``salt.cache.Cache``.
    :raises JournalError: from every method, when the store cannot be read or written; an
        unreadable journal is never taken for "there is no roll".
    """

    def __init__(self, cache):
        self._cache = cache
        self._turn: list[dict[str, Any]] = []
        self._saved: tuple[str, dict[str, Any]] | None = None

    def save(self, roll: Roll) -> None:
        """Keep a snapshot; entries recorded before it are settled by it."""
        key, plain = key_of(roll.arn, roll.group), to_plain(roll)
        self._store(BANK, key, plain)
        self._turn, self._saved = [], (key, plain)

    def rewritten(self) -> bool:
        """Whether somebody else has written a snapshot of the group since our last one."""
        if self._saved is None:
            return False
        key, plain = self._saved
        with _as_journal_error(f"read {key!r}"):
            return self._cache.fetch(BANK, key) != plain

    def intent(self, roll: Roll, action: Action, now: float) -> None:
        """Record that this action is about to be sent."""
        fields = _plain(action)
        kind = type(action).__name__
        self._turn.append({"kind": kind, "fields": fields, "at": now, "how": How.INTENDED.value})
        self._store_turn(roll)

    def outcome(self, roll: Roll, action: Action, how: How, now: float) -> None:
        """Record how the action of the last intent went, at the time of its answer."""
        self._turn[-1] |= {"how": how.value, "at": now}
        self._store_turn(roll)

    def _store_turn(self, roll: Roll) -> None:
        # the number says which snapshot these entries follow: that one, and no later one
        record = {"roll": roll.id, "turns": roll.turns, "entries": self._turn}
        self._store(TURN_BANK, key_of(roll.arn, roll.group), record)

    def load(self, arn: str, group: str) -> Roll | None:
        """
        The last roll of a group, ended or not; None when there never was one.

        What was sent after the last snapshot is played back; a call without a recorded outcome
        counts as unclear.
        """
        return self._read(key_of(arn, group))

    def all(self) -> tuple[list[Roll], list[str]]:
        """The last roll of every group, newest first, and what is wrong with unreadable entries."""
        with _as_journal_error("list its entries"):
            keys = self._cache.list(BANK) or []
        rolls, problems = [], []
        for key in keys:
            try:
                rolls.append(self._read(key))
            except JournalError as exc:
                problems.append(str(exc))
        found = [roll for roll in rolls if roll is not None]
        return sorted(found, key=lambda r: r.started_at, reverse=True), problems

    def archive(self, roll: Roll, closing: Mapping[str, Any]) -> None:
        """Keep the closing report of a roll that has ended; the oldest ones of its group go."""
        bank = f"{HISTORY_BANK}/{key_of(roll.arn, roll.group)}"
        # a roll that was taken up again replaces what it said before
        self._store(bank, f"{roll.started_at:015.3f} {roll.id}", _plain(closing))
        with _as_journal_error("drop old reports"):
            for key in sorted(self._cache.list(bank) or [])[:-KEPT_REPORTS]:
                self._cache.flush(bank, key)

    def history(self, arn: str, group: str) -> list[dict[str, Any]]:
        """The closing reports of a group's rolls, newest first."""
        bank = f"{HISTORY_BANK}/{key_of(arn, group)}"
        with _as_journal_error(f"read the history of {group}"):
            keys = sorted(self._cache.list(bank) or [], reverse=True)
            return [self._cache.fetch(bank, key) for key in keys]

    def _read(self, key: str) -> Roll | None:
        with _as_journal_error(f"read {key!r}"):
            if not self._cache.contains(BANK, key):
                return None
            plain, turn = self._cache.fetch(BANK, key), self._cache.fetch(TURN_BANK, key)
        try:
            roll = from_plain(plain)
            if turn and turn.get("roll") == roll.id and turn.get("turns") == roll.turns + 1:
                for entry in turn["entries"]:
                    roll = _played_back(roll, entry)
                roll = roll.with_(turns=roll.turns + 1)
            return roll
        except (JournalError, AttributeError, KeyError, TypeError) as exc:
            raise JournalError(
                f"the journal's entry {key!r} cannot be used: {exc}. Look at the group, put its "
                f"sizes right by hand, then drop it: salt-run cache.flush {BANK} key={key!r}"
            ) from exc

    def _store(self, bank: str, key: str, data: Mapping[str, Any]) -> None:
        with _as_journal_error(f"write {key}"):
            self._cache.store(bank, key, data)


@contextlib.contextmanager
def _as_journal_error(what: str) -> Iterator[None]:
    try:
        yield
    except JournalError:
        raise
    except Exception as exc:  # every cache driver raises errors of its own
        raise JournalError(
            f"the journal cannot {what}: {type(exc).__name__}: {exc}; check the master's `cache` "
            "setting, and the disk or the server that it names"
        ) from exc


def key_of(arn: str, group: str) -> str:
    """
    A file-name safe key for a group, readable where its length allows.

    Account and region are part of it: one master may roll groups of the same name in several.
    """
    region, account = [*arn.split(":"), "", "", "", "", ""][3:5]
    key = quote(f"{region} {account} {group}", safe=" +,=@")
    if len(key) > _KEY_LENGTH:
        key = f"{key[:100]}-{hashlib.sha256(key.encode()).hexdigest()}"
    return key


# --- plain data ----------------------------------------------------------------------------------

_NESTED_MAPS = {
    "victims": Victim,
    "replacements": Replacement,
    "terminations": Termination,
}
_NESTED = {"pending": PendingChange, "sent": PendingChange, "extremes": Extremes}
_ACTIONS = {kind.__name__: kind for kind in (Suspend, Resume, SetMax, SetDesired, Terminate)}
_SCALARS = frozenset({str, int, float, bool, type(None)})
_SETS = ("initial", "suspended", "vanished", "counted_launch_failures", "unused")


def to_plain(roll: Roll) -> dict[str, Any]:
    """A Roll as dicts, lists, texts and numbers, with the schema version."""
    return {"schema": SCHEMA, **_plain(roll)}


def _plain(value: Any) -> Any:
    # in one pass, what there is most of first: asdict would copy all of a large group every turn
    kind = type(value)
    if kind in _SCALARS:
        return value
    if dataclasses.is_dataclass(kind):
        return {name: _plain(getattr(value, name)) for name in kind.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (frozenset, set)):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value.value if isinstance(value, (Phase, Cause)) else value


def from_plain(data: Any) -> Roll:
    """
    The Roll that ``to_plain`` described.

    :raises JournalError: not a roll of this schema, or damaged.
    """
    if not isinstance(data, Mapping) or "schema" not in data:
        raise JournalError("a journal entry is damaged: it is not a roll")
    if data["schema"] != SCHEMA:
        raise JournalError(
            f"a journal entry has schema {data['schema']}, this version reads {SCHEMA}; "
            "use the version of asgcycle that wrote it"
        )
    values = {k: v for k, v in data.items() if k != "schema"}
    try:
        for name, kind in _NESTED_MAPS.items():
            values[name] = {k: _nested(kind, v) for k, v in values[name].items()}
        for name in _SETS:
            values[name] = frozenset(values.get(name, ()))
        if values.get("tellers") is not None:
            values["tellers"] = frozenset(values["tellers"])
        values["failures"] = tuple(Failure(**f) for f in values["failures"])
        values["specs"] = tuple(values["specs"])
        for name, kind in _NESTED.items():
            if values.get(name) is not None:
                values[name] = kind(**values[name])
        values["phase"] = Phase(values["phase"])
        values["outcome"] = Phase(values["outcome"])
        return Roll(**values)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise JournalError(f"a journal entry is damaged: {exc!r}") from exc


def _played_back(roll: Roll, entry: Mapping[str, Any]) -> Roll:
    try:
        kind, how, at = _ACTIONS[entry["kind"]], How(entry["how"]), entry["at"]
        fields = {k: tuple(v) if isinstance(v, list) else v for k, v in entry["fields"].items()}
        if kind is Terminate:
            fields["cause"] = Cause(fields["cause"])
        action = kind(**fields)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise JournalError(f"a journal entry is damaged: {exc!r}") from exc
    if how is How.NOT_APPLIED:
        return roll
    return (applied if how is How.APPLIED else unclear)(roll, action, at)


def _nested(kind: type, data: Mapping[str, Any]):
    if kind is Termination:
        data = {**data, "cause": Cause(data["cause"])}
    return kind(**data)


# --- one actor per group on this master ----------------------------------------------------------


@contextlib.contextmanager
def lock(directory: str | os.PathLike, arn: str, group: str) -> Iterator[None]:
    """
    Hold the group's lock; the kernel frees it when the process dies, however it dies.

    :raises Busy: another process on this master holds it.
    :raises JournalError: the lock's file cannot be used.
    """
    with _lock_file(directory, arn, group) as handle:
        try:
            _take(handle)
        except BlockingIOError as exc:
            handle.seek(0)
            raise Busy(
                f"another process on this master (pid {handle.read().strip() or 'unknown'}) works "
                f"on {group}; see `salt-run asgcycle.status {group}`"
            ) from exc
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def _take(handle: TextIO) -> None:
    """Lock a file, or raise BlockingIOError. Whoever only looks (``locked``) is waited for."""
    for _ in range(LOOKS):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.flock(handle, fcntl.LOCK_UN)
        time.sleep(LOOK_SECONDS)
    raise BlockingIOError


def identity(directory: str | os.PathLike) -> str:
    """
    What tells this master's lock folder from every other one, made up once and kept beside the
    locks: whoever shares it also shares the locks.
    """
    path = Path(directory) / "asgcycle" / "identity"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            fresh = path.with_name(f"identity.{os.getpid()}")
            fresh.write_text(os.urandom(4).hex())
            try:
                os.link(fresh, path)  # complete or not at all, and only once
            finally:
                fresh.unlink()
        return path.read_text().strip()
    except OSError as exc:
        raise JournalError(f"{path} cannot be used: {exc.strerror}") from exc


@contextlib.contextmanager
def _lock_file(directory: str | os.PathLike, arn: str, group: str) -> Iterator[TextIO]:
    path = Path(directory) / "asgcycle" / f"{key_of(arn, group)}.lock"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = path.open("a+")
    except OSError as exc:
        raise JournalError(
            f"the lock {path} cannot be used: {exc.strerror}; does the folder belong to the user "
            "that the master runs as?"
        ) from exc
    with handle:
        yield handle


def locked(directory: str | os.PathLike, arn: str, group: str) -> bool:
    """Whether a process on this master holds the group's lock now."""
    with _lock_file(directory, arn, group) as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
