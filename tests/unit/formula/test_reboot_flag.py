"""The hook of dpkg that writes the flag for a reboot, run as dpkg runs it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aptpolicy import compiled
from aptpolicy.patched import needed
from tests.unit.formula.systems import BOOKWORM, NOBLE, policy

REPO = Path(__file__).parents[3]
RUNNING = "6.1.0-18-amd64"
MAPS = "7f01-7f02 r-xp 00001000 00:2a 12      {} (deleted)\n"
LIBC = "/usr/lib/x86_64-linux-gnu/libc.so.6"
DBUS = "/usr/bin/dbus-daemon"
SYSTEMD = "/usr/lib/systemd/systemd"


class Host:
    """A root, and the hook as the formula installs it."""

    def __init__(self, folder):
        self.root, self.library = folder / "root", folder / "lib"
        (self.library / "patched").mkdir(parents=True)
        shutil.copy(REPO / "unattended-upgrades/files/reboot-flag", self.library)
        for name in compiled.REBOOT_FLAG_MODULES:
            shutil.copy(REPO / "_utils/aptpolicy/patched" / name, self.library / "patched")
        self.write("proc/1/maps")
        self.write("proc/stat", "btime 1000\n")
        for package, path in {"libc6:amd64": LIBC, "dbus-daemon": DBUS, "systemd": SYSTEMD}.items():
            self.write(f"var/lib/dpkg/info/{package}.list", f"/.\n{path}\n")
        (self.root / "run").mkdir()

    def write(self, path, text=""):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def runs_old(self, pid, unit, path):
        self.write(f"proc/{pid}/maps", MAPS.format(path))
        self.write(f"proc/{pid}/cgroup", f"0::{unit}\n")
        self.write(f"proc/{pid}/comm", "it\n")
        self.write(f"proc/{pid}/cmdline", "it\0")

    def flagged(self):
        """Call the hook; the packages beside the flag, None without a flag."""
        subprocess.run(
            [sys.executable, str(self.library / "reboot-flag"), str(self.root)], check=True, env={}
        )
        if not (self.root / "run/reboot-required").exists():
            return None
        return (self.root / "run/reboot-required.pkgs").read_text().split()


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_where_nothing_old_runs_there_is_no_flag(host):
    assert host.flagged() is None


@pytest.mark.parametrize(
    ("pid", "unit", "path", "asking"),
    [
        (1, "/init.scope", LIBC, ["libc6"]),
        (9, "/system.slice/nginx.service", LIBC, ["libc6"]),
        (9, "/system.slice/dbus.service", DBUS, ["dbus-daemon"]),
        (1, "/init.scope", SYSTEMD, None),  # systemctl daemon-reexec is enough
        (9, "/system.slice/systemd-journald.service", SYSTEMD, None),
        (9, "/user.slice/user-0.slice/session-1.scope", DBUS, None),
    ],
)
def test_the_flag_is_there_exactly_where_only_a_reboot_helps(host, pid, unit, path, asking):
    host.runs_old(pid, unit, path)
    assert host.flagged() == asking


def test_microcode_which_the_initramfs_hands_over_asks_for_one(host):
    host.write("var/lib/dpkg/info/intel-microcode.list", "/.\n")  # unpacked after the boot
    assert host.flagged() == ["intel-microcode"]


def test_an_initramfs_that_was_only_made_anew_does_not(host):
    host.write("boot/initrd.img-6.1.0-18-amd64", "made after the boot")
    host.write("var/lib/dpkg/info/initramfs-tools.list", "/.\n")
    assert host.flagged() is None


@pytest.mark.parametrize(
    ("kernel", "names"),
    [
        ({"running": RUNNING, "newest": "6.1.0-20-amd64", "replaced": None},
         ["linux-image-6.1.0-20-amd64"]),
        ({"running": RUNNING, "newest": None, "replaced": "6.1.90-1"},
         [f"linux-image-{RUNNING}"]),
        ({"running": RUNNING, "newest": None, "replaced": None}, []),
        (None, []),
    ],
)  # fmt: skip
def test_a_newer_kernel_of_the_flavour_asks_for_one(kernel, names):
    look = {"processes": [], "kernel": kernel, "microcode": [], "flag": ["by a package"]}
    assert needed.rebooting(look) == names


def test_packages_that_have_asked_themselves_stay_and_are_not_named_twice(host):
    host.write("run/reboot-required")
    host.write("run/reboot-required.pkgs", "linux-image-1\nlibc6\n")
    host.runs_old(1, "/init.scope", LIBC)
    host.runs_old(9, "/system.slice/dbus.service", DBUS)
    assert host.flagged() == ["linux-image-1", "libc6", "dbus-daemon"]
    assert host.flagged() == ["linux-image-1", "libc6", "dbus-daemon"]


@pytest.mark.parametrize("module", ["running.py", "needed.py", "decide.py"])
def test_what_cannot_be_looked_at_counts_as_a_reason(host, module):
    (host.library / "patched" / module).write_text("no Python\n")
    assert host.flagged() == ["unknown"]


def test_where_nothing_runs_as_in_an_image_under_construction_there_is_nothing_to_reboot(host):
    host.runs_old(9, "/system.slice/dbus.service", DBUS)
    shutil.rmtree(host.root / "proc/1")
    assert host.flagged() is None


WHEN_NEEDED = {"reboot": {"policy": "when_needed"}}


@pytest.mark.parametrize(
    ("pillar", "system", "hook", "packages"),
    [
        (None, BOOKWORM, False, set()),
        (WHEN_NEEDED, BOOKWORM, True, set()),
        (WHEN_NEEDED, NOBLE, False, {"update-notifier-common"}),
        (None, NOBLE, False, set()),
    ],
)
def test_the_hook_is_where_a_policy_reboots_and_no_package_of_the_system_writes_the_flag(
    pillar, system, hook, packages
):
    found = compiled.compiled(pillar, None, system, "i-1")
    assert bool(found["reboot_flag"]) is hook
    assert set(found["packages"]) & {"update-notifier-common", "reboot-notifier"} == packages
    assert bool(compiled.reboot_flag(policy(pillar, system))) is hook
