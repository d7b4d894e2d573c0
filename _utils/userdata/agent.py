"""
The readiness agent as one file, which instances fetch where user data has no room for it.

The same formula gives the same bytes on every master: a tar archive without compression, whose
entries have no time and no owner.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable

from aptpolicy import readiness

_FILES = "salt://unattended-upgrades/readiness/files"
_MODULES = ("asgcycle_host.py", "asgcycle_checks.py", "asgcycle_rpm.py", "asgcycle_hook.py")
_LIBRARY = "usr/local/lib/asgcycle"
#: Path on the instance → where the master's file server has it.
CONTENT = {
    "usr/local/sbin/asgcycle-ready": f"{_FILES}/asgcycle-ready",
    "etc/systemd/system/asgcycle-ready.service": f"{_FILES}/asgcycle-ready.service",
    **{f"{_LIBRARY}/{name}": f"{_FILES}/{name}" for name in _MODULES},
    **{
        f"{_LIBRARY}/patched/{name}": f"salt://_utils/aptpolicy/patched/{name}"
        for name in readiness.PATCHED
    },
}
PROGRAMS = ("usr/local/sbin/asgcycle-ready",)


def archive(read: Callable[[str], str]) -> bytes:
    """
    The agent with everything that it loads on any system, the definition of patched included.

    :param read: a path of the file server → its text.
    :raises UserDataError: of ``read``, when a file is not there.
    """
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path, source in sorted(CONTENT.items()):
            content = read(source).encode()
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o755 if path in PROGRAMS else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def checksum(content: bytes) -> str:
    """SHA-256, as ``agent.sha256`` takes it."""
    return hashlib.sha256(content).hexdigest()
