"""A directory and a control group for each running host, removed even after a kill -9.

Whatever a dead test run left behind is recognised by its lock, which died with it, and removed by
the next one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tests.hosts.roots import cache_directory

CGROUP_PREFIX = "asgcycle-host-"
CGROUP_MOUNT = re.compile(r"^\S+ (\S+) (cgroup2?) (\S+)")
LOCK_SUFFIX = ".lock"


class Scratch:
    """A directory for one host, held by a lock as long as this process lives.

    Attributes:
        path: the directory.
        cgroups: the host's own control groups, one for each hierarchy that systemd uses.
    """

    def __init__(self, name: str) -> None:
        store = cache_directory() / "run"
        store.mkdir(exist_ok=True)
        reap(store)
        self.path, self._lock = _claim(store, name)
        self.cgroups = _cgroups_of(self.path)
        for directory in (self.path, *self.cgroups):
            directory.mkdir()

    def remove(self) -> None:
        """Remove directory and control groups; nothing of the host may run any more."""
        _remove(self.path)
        self._lock.close()


def reap(store: Path) -> None:
    """Remove what test runs that no longer live have left below ``store``."""
    for lock in store.glob(f"*{LOCK_SUFFIX}"):
        with contextlib.suppress(OSError), lock.open("r+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(lock.with_suffix(""))


def _claim(store: Path, name: str) -> tuple[Path, IO[str]]:
    """Return a free path below ``store`` and the open lock that says that it is taken.

    The lock gets its name when it is already held, so that nobody can take it for an orphan.
    """
    descriptor, unnamed = tempfile.mkstemp(prefix=f".{name}-", dir=store)
    handle = os.fdopen(descriptor, "r+")
    fcntl.flock(handle, fcntl.LOCK_EX)
    path = store / Path(unnamed).name.lstrip(".")
    Path(unnamed).rename(path.with_suffix(LOCK_SUFFIX))
    return path, handle


def _remove(path: Path) -> None:
    for group in _cgroups_of(path):
        for directory, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(directory)
    shutil.rmtree(path, ignore_errors=True)
    path.with_suffix(LOCK_SUFFIX).unlink(missing_ok=True)


def _cgroups_of(path: Path) -> list[Path]:
    """Return the control groups of the host in ``path``, whether or not they exist."""
    return [parent / (CGROUP_PREFIX + path.name) for parent in _own_cgroups()]


def _own_cgroups() -> Iterator[Path]:
    """Yield this process's control group in systemd's hierarchy, and in the unified one."""
    mounts = {}
    for line in Path("/proc/self/mounts").read_text().splitlines():
        if (found := CGROUP_MOUNT.match(line)) is None:
            continue
        where, kind, options = found.groups()
        if kind == "cgroup2":
            mounts[""] = where
        elif "name=systemd" in options:
            mounts["name=systemd"] = where
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers in mounts:
            yield Path(mounts[controllers]) / group.lstrip("/")
