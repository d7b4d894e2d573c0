"""The hosts themselves: isolated from each other and gone without a trace."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts import capability, roots
from tests.hosts.machine import Host, HostError, Setup
from tests.hosts.scratch import CGROUP_PREFIX, reap

pytestmark = pytest.mark.skipif(
    bool(capability.why_not()), reason=f"no hosts on this machine: {capability.why_not()}"
)

KILLED_WHILE_RUNNING = """
import os, signal, sys
from pathlib import Path
from tests.hosts.machine import Host, Setup
host = Host(Setup((Path(sys.argv[1]),), name="orphan"))
host.start()
print(host.scratch, host._leader, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def root():
    if reason := roots.why_unreachable(12):
        pytest.skip(reason)
    return roots.obtain(roots.Recipe(12))


@pytest.fixture(scope="module")
def setup(root):
    return Setup((root,), name="probe")


@pytest.fixture(scope="module")
def host(setup):
    with Host(setup) as host:
        yield host


def _cgroups(scratch):
    """Return the control groups of one host; other test runs may have hosts of their own."""
    named = Path("/sys/fs/cgroup").rglob(CGROUP_PREFIX + Path(scratch).name)
    return [path for path in named if path.is_dir()]


def test_systemd_runs_as_the_first_process(host):
    assert host.read("/proc/1/comm").strip() == "systemd"


def test_a_failing_command_raises_with_what_it_printed(host):
    with pytest.raises(HostError, match="No such file"):
        host.run("ls", "/nowhere")


def test_a_command_over_its_deadline_is_killed(host):
    assert host.run("sleep", "30", check=False, deadline_s=0.2).exit == 124


def test_what_one_host_writes_another_host_does_not_see(host, setup):
    host.write("/etc/mine", "1")
    with Host(setup) as other:
        assert not other.exists("/etc/mine")


def test_the_systemds_of_two_hosts_manage_control_groups_of_their_own(host, setup):
    with Host(setup) as other:
        first, second = (_groups_of_pid_1(one) for one in (host, other))
    assert first
    assert first.isdisjoint(second)


def _groups_of_pid_1(host):
    """Return what this machine calls the control groups that systemd in the host manages."""
    lines = Path(f"/proc/{host._leader}/cgroup").read_text().splitlines()
    rows = (line.split(":", 2) for line in lines)
    return {group for _, name, group in rows if name in ("", "name=systemd")}


def test_a_host_without_boot_runs_commands_without_systemd(root):
    with Host(Setup((root,), boot=False)) as plain:
        assert plain.read("/proc/1/comm").strip() != "systemd"


def test_a_frozen_host_is_the_base_of_further_hosts(setup, root, tmp_path):
    first = Host(setup)
    first.start()
    first.write("/etc/frozen", "kept")
    layers = first.freeze(tmp_path / "layer")
    with Host(Setup(layers)) as second:
        assert second.read("/etc/frozen") == "kept"
    assert not (root / "etc/frozen").exists()


def test_a_stopped_host_leaves_no_process_no_mount_no_directory_and_no_control_group(setup):
    with Host(setup) as short:
        scratch, leader = short.scratch, short._leader
        assert _cgroups(scratch)
    assert not scratch.exists()
    assert not Path(f"/proc/{leader}").exists()
    assert str(scratch) not in Path("/proc/self/mounts").read_text()
    assert _cgroups(scratch) == []


def test_a_killed_test_run_takes_its_hosts_with_it_and_the_next_one_tidies_up(root):
    died = subprocess.run(
        [sys.executable, "-c", KILLED_WHILE_RUNNING, str(root)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=60,
    )
    assert died.returncode == -signal.SIGKILL
    scratch, leader = died.stdout.split()
    _await_death(int(leader))
    reap(Path(scratch).parent)
    assert not Path(scratch).exists()
    assert _cgroups(scratch) == []


def _await_death(pid: int) -> None:
    """Wait until a process that is no child of ours is gone, by its pidfd."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], 10)[0], f"{pid} still runs"
    finally:
        os.close(descriptor)
