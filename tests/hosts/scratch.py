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
LOCK = "lock"


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
        self.path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=store))
        self._lock = _try_lock(self.path / LOCK)
        self.cgroups = [parent / (CGROUP_PREFIX + self.path.name) for parent in _own_cgroups()]
        for group in self.cgroups:
            group.mkdir()

    def remove(self) -> None:
        """Remove directory and control groups; nothing of the host may run any more."""
        _remove(self.path, self.cgroups)
        if self._lock:
            self._lock.close()


def reap(store: Path) -> None:
    """Remove what test runs that no longer live have left below ``store``."""
    for path in store.iterdir():
        if held := _try_lock(path / LOCK):
            _remove(path, [parent / (CGROUP_PREFIX + path.name) for parent in _own_cgroups()])
            held.close()


def _try_lock(path: Path) -> IO[str] | None:
    """Return the locked file, or None when another process holds it or it is gone."""
    try:
        handle = path.open("w")
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle


def _remove(path: Path, cgroups: list[Path]) -> None:
    for group in cgroups:
        for directory, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(directory)
    shutil.rmtree(path, ignore_errors=True)


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
