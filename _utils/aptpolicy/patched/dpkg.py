"""Whether dpkg's database stands still: an interrupted run, a lock that somebody holds."""

import os

JOURNAL = "var/lib/dpkg/updates"
LOCKS = ("var/lib/dpkg/lock-frontend", "var/lib/dpkg/lock", "var/lib/apt/daily_lock")


def interrupted(root="/"):
    """Whether dpkg left a journal behind, as apt itself tells it."""
    try:
        names = os.listdir(os.path.join(root, JOURNAL))
    except FileNotFoundError:
        return False
    return any(name.isdigit() for name in names)


def lock_holder(root="/", ignore=()):
    """``(path, pid)`` of a held package lock, or None.

    Read from /proc/locks, because trying the lock could fail a package manager that starts at
    that moment.
    """
    wanted = {}
    for relative in LOCKS:
        try:
            if relative not in ignore:
                wanted[os.stat(os.path.join(root, relative)).st_ino] = relative
        except FileNotFoundError:
            continue
    for line in _lines(os.path.join(root, "proc/locks")):
        fields = line.split()
        if len(fields) < 6 or "->" in fields:
            continue
        inode = int(fields[5].rsplit(":", 1)[1])
        if inode in wanted and _has_open(root, fields[4], wanted[inode]):
            return "/" + wanted[inode], int(fields[4])
    return None


def _has_open(root, pid, relative):
    """Whether a process has a file open: another file system may use the same inode number.

    True as well for a process that may not be looked at, or that left the lock to a child.
    """
    folder = os.path.join(root, "proc", pid, "fd")
    try:
        links = [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError:
        return True
    return any(_same_file(link, os.path.join(root, relative)) for link in links)


def _same_file(link, path):
    try:
        return os.path.samefile(link, path)
    except OSError:
        return False


def _lines(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read().splitlines()
    except OSError:
        return []
