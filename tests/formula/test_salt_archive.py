"""The first boot's installation of Salt from an archive, on a real system."""

import hashlib
import io
import platform
import shlex
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts import capability, roots
from tests.hosts.machine import Host, Setup

PARTS = Path(__file__).parents[2] / "unattended-upgrades" / "userdata" / "files"
RUN = """
say() { echo "$@"; }
fail() { echo "failed: $*"; exit 9; }
. /srv/parts/salt-onedir.sh
install_minion
"""


def archive(path: Path) -> str:
    """An archive with a minion in the place of Salt's own; returns its checksum."""
    script = b"#!/bin/sh\necho salt-minion of the archive\n"
    with tarfile.open(path, "w:xz") as packed:
        entry = tarfile.TarInfo("salt/salt-minion")
        entry.size, entry.mode = len(script), 0o755
        packed.addfile(entry, io.BytesIO(script))
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def mirror(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("mirror")


@pytest.fixture
def host(mirror: Path) -> Iterator[Host]:
    if reason := capability.why_not() or roots.why_unreachable(12):
        pytest.skip(f"no real hosts on this machine: {reason}")
    root = roots.obtain(roots.Recipe(12, packages=("cloud-init",)))
    fetch = (PARTS / "fetch.sh", "/etc/asgcycle/fetch.sh")
    binds = ((PARTS, "/srv/parts"), (mirror, "/srv/mirror"), fetch)
    with Host(Setup((root,), name="archive", binds=binds)) as running:
        yield running


def install(host: Host, checksum: str, machine: str | None = None):
    line = f"{machine or platform.machine()} file:///srv/mirror/salt.tar.xz {checksum}"
    return host.run("sh", "-c", f"ONEDIR={shlex.quote(line)}\n{RUN}", check=False)


def test_what_the_archive_holds_is_on_the_path(host, mirror):
    done = install(host, archive(mirror / "salt.tar.xz"))
    assert done.exit == 0, str(done)
    assert host.run("salt-minion").stdout == "salt-minion of the archive\n"


def test_an_archive_with_another_checksum_is_not_unpacked(host, mirror):
    archive(mirror / "salt.tar.xz")
    done = install(host, "0" * 64)
    assert done.exit != 0
    assert "FAILED" in done.stdout
    assert not host.exists("/opt/saltstack")


def test_a_machine_without_an_archive_is_told(host):
    assert "failed: there is no archive of Salt for" in install(host, "0" * 64, "riscv64").stdout
