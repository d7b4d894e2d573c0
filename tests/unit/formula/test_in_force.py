"""What still runs that an upgrade has replaced, and the mildest action against it."""

import os

import pytest

from aptpolicy import inforce
from aptpolicy.patched import needed, restart, running
from aptpolicy.system import Host, Result

MAPS = """\
5571-5572 r--p 00000000 00:2a 11      /usr/sbin/sshd
7f01-7f02 r-xp 00001000 00:2a 12      /usr/lib/x86_64-linux-gnu/libcrypto.so.3 (deleted)
7f03-7f04 r--p 00000000 00:2a 13      /usr/lib/locale/locale-archive (deleted)
7f05-7f06 r-xp 00000000 00:01 14      /memfd:jit (deleted)
7f07-7f08 rwxp 00000000 00:01 15      /dev/zero (deleted)
7f09-7f0a rw-s 00000000 00:01 16      /SYSV00000000 (deleted)
7f0b-7f0c r-xp 00000000 00:2a 17      /tmp/build/libx.so (deleted)
7f0d-7f0e r-xp 00000000 00:2a 18      /usr/local/lib/liby.so (deleted)
7ffd-7ffe r-xp 00000000 00:00 0       [vdso]
"""
CRYPTO = "/usr/lib/x86_64-linux-gnu/libcrypto.so.3"


class Processes:
    """A folder with processes and with the files that dpkg knows."""

    def __init__(self, root):
        self.root = root
        self.write("proc/1/maps", "")
        self.write("var/lib/dpkg/info/libssl3:amd64.list", f"/.\n{CRYPTO}\n")

    def write(self, path, text):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def add(self, pid, unit, maps=MAPS, name="sshd", title=""):
        self.write(f"proc/{pid}/maps", maps)
        self.write(f"proc/{pid}/cgroup", f"0::{unit}\n")
        self.write(f"proc/{pid}/comm", f"{name}\n")
        self.write(f"proc/{pid}/cmdline", f"{title or name}\0-D\0")

    def look(self, release="6.1.0-18-amd64", version="#1 SMP Debian 6.1.76-1 (2024-02-01)"):
        return running.look(self.root, release, version)


@pytest.fixture
def host(tmp_path):
    return Processes(tmp_path)


def test_replaced_program_code_of_a_package_is_found_with_process_unit_and_package(host):
    host.add(7, "/system.slice/ssh.service")
    assert host.look()["processes"] == [
        {
            "pid": 7,
            "name": "sshd",
            "unit": "ssh.service",
            "files": [CRYPTO],
            "packages": ["libssl3"],
        }
    ]


@pytest.mark.parametrize(
    "path", ["/memfd:jit", "/dev/zero", "/SYSV0", "/tmp/x.so", "/usr/local/lib/y.so", "/opt/own.so"]
)
def test_what_no_package_has_brought_does_not_count(host, path):
    host.add(7, "/system.slice/x.service", f"0-1 r-xp 0 00:01 4   {path} (deleted)\n")
    assert host.look()["processes"] == []


@pytest.mark.parametrize(
    ("path", "listed", "package"),
    [
        ("/opt/vendor/bin/agent", "/opt/vendor/bin/agent", ["vendor"]),
        ("/usr/lib/libexpat.so.1.8.10", "/usr/lib/libexpat.so.1.8.11", ["vendor"]),
        ("/usr/lib/x/libc-2.31.so", "/lib/x/libc-2.33.so", ["vendor"]),
        ("/usr/lib/x/libm.so.6", "/lib/x/libm.so.6", ["vendor"]),
        ("/usr/sbin/gone", "/usr/sbin/other", []),
        ("/usr/lib/libexpat.so.1", "/usr/lib/libexpatw.so.1", []),
    ],
)
def test_the_package_is_found_under_older_names_and_unowned_system_files_count(
    host, path, listed, package
):
    host.write("var/lib/dpkg/info/vendor.list", f"/.\n{listed}\n")
    host.add(7, "/system.slice/x.service", f"0-1 r-xp 0 00:01 4   {path} (deleted)\n")
    (found,) = host.look()["processes"]
    assert (found["files"], found["packages"]) == ([path], package)


def test_processes_of_a_container_are_named_apart(host):
    host.add(7, "/system.slice/docker-1.scope")
    host.add(8, "/system.slice/private.service")
    for pid, namespace, root in ((1, "a", "/"), (7, "b", "other"), (8, "c", "/")):
        folder = host.root / f"proc/{pid}"
        (folder / "ns").mkdir()
        (folder / "ns/mnt").symlink_to(f"mnt:[{namespace}]")
        (host.root / "other").mkdir(exist_ok=True)
        (folder / "root").symlink_to(host.root if root == "/" else host.root / root)
    look = host.look()
    assert look["containers"] == ["docker-1.scope"]
    assert [one["unit"] for one in look["processes"]] == ["private.service"]


def test_processes_that_may_not_be_looked_at_are_unknown(host, monkeypatch):
    host.add(7, "/system.slice/ssh.service")
    real = running._text

    def refuse(path):
        if path.endswith("7/maps"):
            raise PermissionError
        return real(path)

    monkeypatch.setattr(running, "_text", refuse)
    assert host.look()["unknown"] == [
        {"what": "running", "why": "1 of 2 processes may not be looked at; root may"}
    ]


def test_without_proc_it_is_unknown(tmp_path):
    assert running.look(tmp_path)["unknown"][0]["what"] == "running"


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/ssh.service\n", "ssh.service"),
        ("0::/init.scope\n", "init.scope"),
        ("0::/system.slice/system-getty.slice/getty@tty1.service\n", "getty@tty1.service"),
        ("0::/user.slice/user-0.slice/user@0.service/app.slice/x.service\n", "user@0.service"),
        ("0::/user.slice/user-0.slice/session-3.scope\n", "session-3.scope"),
        ("0::/system.slice/containerd.service/sub\n", "containerd.service"),
        ("4:cpu:/\n1:name=systemd:/system.slice/cron.service\n0::/\n", "cron.service"),
        ("0::/\n", None),
        ("", None),
    ],
)
def test_the_unit_of_a_process(cgroup, unit):
    assert running.unit_of(cgroup) == unit


@pytest.mark.parametrize(
    ("release", "installed", "newest"),
    [
        ("6.1.0-18-cloud-amd64", ["6.1.0-9-cloud-amd64", "6.1.0-18-cloud-amd64"], None),
        ("6.1.0-9-cloud-amd64", ["6.1.0-18-cloud-amd64"], "6.1.0-18-cloud-amd64"),
        ("6.1.0-18-amd64", ["6.1.0-20-cloud-amd64", "6.1.0-20-rt-amd64"], None),
        ("6.1.0-18-rt-amd64", ["6.1.0-20-amd64", "6.1.0-19-rt-amd64"], "6.1.0-19-rt-amd64"),
        ("6.12.48+deb13-amd64", ["6.12.57+deb13-amd64"], "6.12.57+deb13-amd64"),
        ("6.12.48+deb13-cloud-amd64", ["6.12.57+deb13-amd64"], None),
        ("6.1.0-0.deb11.9-amd64", ["6.1.0-0.deb11.13-amd64"], "6.1.0-0.deb11.13-amd64"),
        ("5.15.0-1051-aws", ["5.15.0-1052-aws", "5.4.0-2000-aws"], "5.15.0-1052-aws"),
        ("5.15.0-1068-aws-fips", ["5.15.0-1084-aws"], None),
        ("5.15.0-1068-aws-fips", ["5.15.0-1084-aws", "5.15.0-1070-aws-fips"],
         "5.15.0-1070-aws-fips"),
        ("6.8.0-1020-aws-64k", ["6.8.0-1021-aws"], None),
        ("6.8.0-31-generic", ["6.8.0-40-lowlatency", "6.8.0-40-generic-64k"], None),
        ("6.8.0-31-generic", ["6.8.0-40-generic"], "6.8.0-40-generic"),
        ("6.8.1-1015-realtime", ["6.8.1-1016-realtime"], "6.8.1-1016-realtime"),
        ("6.6.31+rpt-rpi-v8", ["6.6.51+rpt-rpi-v8", "6.6.51+rpt-rpi-2712"], "6.6.51+rpt-rpi-v8"),
        ("6.1.0-rc7-amd64", ["6.1.0-1-amd64"], "6.1.0-1-amd64"),
        ("6.1.0-1-amd64", ["6.1.0-rc7-amd64"], None),
        ("6.1.0-18-amd64", ["old-by-hand"], None),
        ("6.1.0-18-amd64", [], None),
    ],
)  # fmt: skip
def test_only_a_newer_kernel_of_the_same_flavour_waits_for_a_reboot(release, installed, newest):
    assert running.kernel(release, "", installed, None)["newest"] == newest


@pytest.mark.parametrize(
    ("version", "image", "replaced"),
    [
        ("#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)", "6.1.76-1", None),
        ("#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)", "6.1.82-1", "6.1.82-1"),
        ("#101-Ubuntu SMP Tue Nov 14 13:29:11 UTC 2023", "5.15.0-91.101", None),
        ("#101-Ubuntu SMP Tue Nov 14 13:29:11 UTC 2023", "5.15.0-91.102", "5.15.0-91.102"),
        ("#56~22.04.1-Ubuntu SMP", "6.5.0-45.56~22.04.1", None),
        ("#1 SMP by hand", "1.0", None),
        ("#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)", None, None),
    ],
)
def test_a_kernel_whose_package_was_replaced_under_the_same_name_is_seen(version, image, replaced):
    assert running.kernel("6.1.0-18-amd64", version, [], image)["replaced"] == replaced


def test_the_kernels_package_microcode_and_the_flag_are_read(host):
    host.write("boot/vmlinuz-6.1.0-20-amd64", "")
    host.write("var/lib/dpkg/status", "Package: linux-image-6.1.0-18-amd64\n"
               "Status: install ok installed\nVersion: 6.1.82-1\n\n")  # fmt: skip
    host.write("proc/stat", "cpu 1\nbtime 1000\n")
    host.write("var/lib/dpkg/info/amd64-microcode.list", "/.\n")
    host.write("run/reboot-required", "")
    host.write("run/reboot-required.pkgs", "libc6\nlibc6\n")
    reasons = needed.needed(host.look())["reasons"]
    assert {one["action"] for one in reasons} == {"reboot"}
    assert [one["what"] for one in reasons] == [
        "the kernel", "the kernel", "amd64-microcode", "/run/reboot-required",
    ]  # fmt: skip
    os.utime(host.root / "var/lib/dpkg/info/amd64-microcode.list", (900, 900))
    assert host.look()["microcode"] == []
    host.write("run/systemd/container", "")
    assert host.look()["kernel"] is None


def look(*processes, **more):
    rows = [
        {"pid": 7 + n, "name": name, "unit": unit, "files": ["/usr/lib/x.so"], "packages": packages}
        for n, (name, unit, packages) in enumerate(processes)
    ]
    return {"processes": rows, "kernel": None, "microcode": [], "flag": None, **more}


@pytest.mark.parametrize(
    ("name", "unit", "package", "action"),
    [
        ("nginx", "nginx.service", "libssl3", "restart"),
        ("systemd", "init.scope", "libssl3", "reexec"),
        ("dbus-daemon", "dbus.service", "libexpat1", "reboot"),
        ("dhclient", "networking.service", "libssl3", "reboot"),
        ("dhclient", "ifup@eth0.service", "libssl3", "reboot"),
        ("nginx", "nginx.service", "libc6", "reboot"),
        ("bash", "session-3.scope", "libtinfo6", "ends"),
        ("sshd: root@pts/0", "ssh.service", "libssl3", "ends"),
        ("sshd-session", "ssh.service", "libssl3", "ends"),
        ("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", "ssh.service", "libssl3",
         "restart"),
        ("(sd-pam)", "user@0.service", "libssl3", "ends"),
        ("unattended-upgr", "apt-daily-upgrade.service", "libssl3", "ends"),
        ("bash", None, "libssl3", "ends"),
    ],
)  # fmt: skip
def test_the_mildest_sufficient_action(name, unit, package, action):
    found = needed.needed(look((name, unit, [package])))
    assert action in [one["action"] for one in found["reasons"]]
    assert found["action"] == ("nothing" if action == "ends" else action)


def test_the_strongest_reason_decides_and_restarts_are_listed_all_the_same():
    found = needed.needed(
        look(("a", "b.service", []), ("c", "a.service", []), ("systemd", "init.scope", [])),
        unsupported="its end was yesterday",
    )
    assert found["action"] == "replace"
    assert found["services"] == ["a.service", "b.service"]
    assert found["reexec"] is True


def test_nothing_is_needed_where_everything_is_in_force():
    assert needed.needed(look()) == {
        "action": "nothing", "services": [], "reexec": False, "reasons": [],
    }  # fmt: skip


STALE = ("nginx.service", "salt-minion.service", "ssh.service", "docker.service")


def commands(*failing):
    run = []

    def answer(argv, seconds):
        run.append(" ".join(argv))
        bad = any(word in run[-1] for word in failing)
        return (1, "", "line one\nit is broken\n") if bad else (0, "", "")

    return run, answer


def planned():
    found = needed.needed(look(*((u, u, []) for u in (*STALE, "init.scope"))))
    return restart.plan(found, "own.service", spare=["docker.service"])


def test_services_are_restarted_sshd_after_a_check_and_the_minion_later():
    run, answer = commands()
    assert restart.carry_out(planned(), answer) == {}
    assert run == [
        "systemctl daemon-reexec",
        "systemctl try-restart nginx.service",
        "/usr/sbin/sshd -t",
        "systemctl try-restart ssh.service",
        "systemd-run --collect --on-active=10 systemctl try-restart salt-minion.service",
    ]
    assert planned()["spared"] == ["docker.service"]


def test_an_sshd_that_would_not_start_again_is_not_stopped():
    run, answer = commands("sshd -t")
    assert restart.carry_out(planned(), answer) == {"ssh.service": "it is broken"}
    assert "systemctl try-restart ssh.service" not in run


def test_what_this_very_process_runs_in_is_restarted_afterwards():
    found = needed.needed(look(("x", "own.service", [])))
    assert restart.plan(found, "own.service")["afterwards"] == ["own.service"]


class Restarting(Processes):
    """Processes whose maps are clean once their unit was restarted."""

    def __init__(self, root):
        super().__init__(root)
        self.ran = []

    def run(self, argv, seconds):
        self.ran.append(argv)
        if argv[-1] == "nginx.service":
            self.write("proc/7/maps", "")
        return Result(0, "", "")


def test_restart_says_what_is_left_and_in_test_mode_does_nothing(tmp_path):
    machine = Restarting(tmp_path)
    machine.add(7, "/system.slice/nginx.service")
    host = Host(tmp_path, machine.run)
    told = inforce.restarted(host, test=True)
    assert (told["restart"], machine.ran) == (["nginx.service"], [])
    assert told["result"] is False
    done = inforce.restarted(host)
    assert (done["result"], done["left"], done["action"]) == (True, [], "nothing")


def test_a_service_that_goes_on_with_the_old_file_is_left_and_no_success(tmp_path):
    machine = Restarting(tmp_path)
    machine.add(7, "/system.slice/stubborn.service")
    done = inforce.restarted(Host(tmp_path, machine.run))
    assert done["result"] is False
    assert [one["what"] for one in done["left"]] == ["stubborn.service"]
