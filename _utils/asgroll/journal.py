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
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from asgroll.errors import Busy, JournalError
from asgroll.model import (
    Action,
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

SCHEMA = 1
BANK = "asgcycle/rolls"
TURN_BANK = "asgcycle/turns"
#: File systems allow names of 255 bytes; longer escaped group names are hashed.
_KEY_LENGTH = 200


class Journal(Protocol):
    """What the engine needs of a journal."""

    def save(self, roll: Roll) -> None:
        """Keep a snapshot; the intents recorded before it are settled by it."""

    def intent(self, roll: Roll, action: Action) -> None:
        """Record that this action is about to be sent."""

    def outcome(self, roll: Roll, action: Action, how: str) -> None:
        """Record how it went: applied, not applied, or unclear."""


class MemoryJournal:
    """Forgets everything with the process: for benchmarks and tests."""

    def __init__(self):
        self.rolls: dict[str, Roll] = {}
        self.entries: list[tuple[str, Action, str]] = []

    def save(self, roll: Roll) -> None:
        self.rolls[roll.group] = roll

    def intent(self, roll: Roll, action: Action) -> None:
        self.entries.append((roll.group, action, "intended"))

    def outcome(self, roll: Roll, action: Action, how: str) -> None:
        self.entries.append((roll.group, action, how))


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

    def save(self, roll: Roll) -> None:
        key = key_of(roll.region, roll.group)
        self._store(BANK, key, to_plain(roll))
        if self._turn:
            self._turn = []
            self._store(TURN_BANK, key, {"schema": SCHEMA, "entries": []})

    def intent(self, roll: Roll, action: Action) -> None:
        self._append(roll, action, "intended")

    def outcome(self, roll: Roll, action: Action, how: str) -> None:
        self._append(roll, action, how)

    def _append(self, roll: Roll, action: Action, how: str) -> None:
        entry = {"action": type(action).__name__, **_plain(dataclasses.asdict(action)), "how": how}
        self._turn.append(entry)
        record = {"schema": SCHEMA, "roll": roll.id, "entries": self._turn}
        self._store(TURN_BANK, key_of(roll.region, roll.group), record)

    def load(self, region: str, group: str) -> Roll | None:
        """The last roll of a group, ended or not; None when there never was one."""
        return self._read(key_of(region, group))

    def all(self) -> list[Roll]:
        """The last roll of every group, newest first."""
        with _as_journal_error("list"):
            keys = self._cache.list(BANK) or []
        rolls = [roll for key in keys if (roll := self._read(key)) is not None]
        return sorted(rolls, key=lambda r: r.started_at, reverse=True)

    def _read(self, key: str) -> Roll | None:
        with _as_journal_error(f"read {key}"):
            if not self._cache.contains(BANK, key):
                return None
            return from_plain(self._cache.fetch(BANK, key))

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
            "setting and its disk"
        ) from exc


def key_of(region: str, group: str) -> str:
    """A file-name safe key for a group, readable where its length allows."""
    key = quote(f"{region} {group}", safe=" +,=@")
    if len(key) > _KEY_LENGTH:
        key = f"{key[:100]}-{hashlib.sha256(key.encode()).hexdigest()}"
    return key


# --- plain data ----------------------------------------------------------------------------------

_NESTED_MAPS = {
    "victims": Victim,
    "replacements": Replacement,
    "terminations": Termination,
}
_SETS = ("initial", "suspended", "vanished", "counted_launch_failures")


def to_plain(roll: Roll) -> dict[str, Any]:
    """A Roll as dicts, lists, texts and numbers, with the schema version."""
    return {"schema": SCHEMA, **_plain(dataclasses.asdict(roll))}


def _plain(value: Any) -> Any:
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
            values[name] = frozenset(values[name])
        values["failures"] = tuple(Failure(**f) for f in values["failures"])
        values["specs"] = tuple(values["specs"])
        for name, kind in (("pending", PendingChange), ("extremes", Extremes)):
            if values[name] is not None:
                values[name] = kind(**values[name])
        values["phase"] = Phase(values["phase"])
        values["outcome"] = Phase(values["outcome"])
        return Roll(**values)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise JournalError(f"a journal entry is damaged: {exc!r}") from exc


def _nested(kind: type, data: Mapping[str, Any]):
    if kind is Termination:
        data = {**data, "cause": Cause(data["cause"])}
    return kind(**data)


# --- one actor per group on this master ----------------------------------------------------------


@contextlib.contextmanager
def lock(directory: str | os.PathLike, region: str, group: str) -> Iterator[None]:
    """
    Hold the group's lock; the kernel frees it when the process dies, however it dies.

    :raises Busy: another process on this master holds it.
    """
    folder = Path(directory) / "asgcycle"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{key_of(region, group)}.lock"
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise Busy(
                f"another process on this master is rolling {group} (lock {path}); "
                f"see `salt-run asgcycle.status {group}`"
            ) from exc
        yield
