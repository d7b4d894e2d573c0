"""What each check says of a host."""

from __future__ import annotations

import json
import os

import pytest

from aptpolicy import values
from tests.unit.readiness.agent import NOTHING_PENDING, OLD_LIBRARY, checks, edges, host

RPM = {"usr/bin/apt-get": None}


def said(root, files=None, **answers):
    """Return check → why for every check that does not pass."""
    return dict(checks.look(host(root, files, **answers), list(checks.CHECKS)))


def test_a_host_without_anything_against_it_passes(tmp_path):
    assert said(tmp_path) == {}


def test_the_pillar_knows_the_same_checks():
    assert tuple(checks.CHECKS) == values.READINESS_CHECKS


# -- cloud-init


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"run/cloud-init/result.json": None}, "stage none yet"),
        (
            {
                "run/cloud-init/result.json": None,
                "run/cloud-init/status.json": '{"v1": {"stage": "modules-final"}}',
            },
            "stage modules-final",
        ),
        ({"run/cloud-init/result.json": '{"v1": {"errors": ["no network"]}}'}, "no network"),
        ({"run/cloud-init/result.json": '{"v1": {"err'}, "unknown"),
        ({"run/cloud-init/result.json": "{}"}, "unknown"),
        ({"run/cloud-init/disabled": ""}, "disabled"),
        (
            {"run/cloud-init/result.json": None, "usr/bin/cloud-init": None},
            "not installed",
        ),
    ],
)
def test_cloud_init_has_to_have_ended_without_errors(tmp_path, files, words):
    assert words in said(tmp_path, files)["cloud-init"]


# -- reboot


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"run/reboot-required": ""}, "an update"),
        (
            {"run/reboot-required": "", "run/reboot-required.pkgs": "libc6\nlibc6\ndbus\n"},
            "asked for by libc6, dbus",
        ),
        ({"run/systemd/shutdown/scheduled": "USEC=1"}, "scheduled"),
        (OLD_LIBRARY, "ssh.service: runs replaced libssl3"),
        ({"usr/local/lib/asgcycle/patched/__main__.py": None}, "is not here yet"),
    ],
)
def test_a_reboot_is_pending(tmp_path, files, words):
    assert words in said(tmp_path, files)["reboot"]


def test_amazon_linux_is_asked_by_needs_restarting(tmp_path):
    told = said(
        tmp_path, RPM, **{"needs-restarting": (1, "Core libraries\nReboot is required\n", "")}
    )
    assert told["reboot"] == "needs-restarting -r: Reboot is required"


def test_without_needs_restarting_a_reboot_is_unknown(tmp_path):
    missing = edges.Unknown("needs-restarting is not installed")
    assert said(tmp_path, RPM, **{"needs-restarting": missing})["reboot"].startswith("unknown: ")


# -- security updates


USED = [["http://deb.example.org/debian-security", "bookworm-security"]]


def answered(*names, **more):
    """What the package ``patched`` prints about a host with these updates pending."""
    rows = [{"name": name, "security": True, "state": "pending"} for name in names]
    return 0, json.dumps({**NOTHING_PENDING, "packages": rows, **more}), ""


LOCKED = {"what": "installed", "why": "process 7 holds /var/lib/dpkg/lock"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (answered("openssl", "libssl3"), "pending: openssl, libssl3"),
        (answered(broken=["nginx"]), "not fully installed: nginx"),
        (answered(unknown=[LOCKED]), "unknown: installed: process 7 holds"),
        ((1, "", "Segmentation fault\n"), "unknown: Segmentation fault"),
        (edges.Unknown("python3 gave no answer within 120 s"), "unknown: python3 gave no answer"),
    ],
)
def test_what_apt_has_pending_or_cannot_say_is_not_ready(tmp_path, answer, words):
    assert words in said(tmp_path, **{"asgcycle/patched": answer})["security-updates"]


@pytest.mark.parametrize("age", [None, checks.LISTS_SECONDS + 60, -60])
def test_package_lists_that_are_old_or_of_the_future_say_nothing(tmp_path, age):
    machine = host(tmp_path, {"run/asgcycle/lists": None if age is None else "{}"})
    if age:
        then = os.stat(tmp_path).st_mtime - age
        os.utime(tmp_path / "run/asgcycle/lists", (then, then))
    assert "package lists" in dict(checks.look(machine, ["security-updates"]))["security-updates"]
    assert machine.run.count("asgcycle/patched") == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (
            (100, "\nopenssl.x86_64   1:3.0.8-1.amzn2023   amazonlinux\n", ""),
            "pending: openssl.x86_64",
        ),
        ((100, "", ""), "pending: see dnf"),
        (
            (1, "", "Error: Failed to download metadata for repo 'amazonlinux'\n"),
            "unknown: dnf: Error",
        ),
    ],
)
def test_amazon_linux_is_asked_by_dnf(tmp_path, answer, words):
    told = said(tmp_path, {**RPM, "usr/bin/dnf": ""}, **{"check-update": answer})
    assert words in told["security-updates"]


@pytest.mark.parametrize(
    ("config", "releases"),
    [(None, []), ("{}", []), ('{"releasever": "2023.6.20250115"}', ["2023.6.20250115"])],
)
def test_dnf_is_asked_for_the_release_that_the_first_boot_has_upgraded_to(
    tmp_path, config, releases
):
    files = {**RPM, "usr/bin/dnf": ""}
    machine = host(tmp_path, {**files, **({"etc/asgcycle/ready.json": config} if config else {})})
    asked = []
    machine.run = lambda argv, seconds: (asked.append(argv), (0, "", ""))[1]
    assert checks.security_updates(machine) is None
    (argv,) = asked
    found = [word.partition("=")[2] for word in argv if word.startswith("--releasever")]
    assert found == releases


# -- highstate


def test_without_a_highstate_in_this_boot_it_is_not_clean(tmp_path):
    assert said(tmp_path, {"run/asgcycle/highstate": None}) == {
        "highstate": "no clean highstate in this boot"
    }


FAILED = """{"local": {
  "file_|-motd_|-/etc/motd_|-managed": {"__id__": "motd", "result": false, "comment": "no source"},
  "pkg_|-vim_|-vim_|-installed": {"__id__": "vim", "result": true}}}"""


@pytest.mark.parametrize(
    ("out", "err", "words"),
    [
        (FAILED, "", "failed states: motd"),
        ("[WARNING ] a log line\n" + FAILED, "", "failed states: motd"),
        ('{"local": ["Rendering SLS \'base:web\' failed"]}', "", "salt-call: Rendering SLS"),
        (
            "Minion failed to authenticate with the master, has the minion key been accepted?\n",
            "",
            "the master has not accepted the key of this minion",
        ),
        ("", "SystemExit: 77\n", "the master has denied or rejected the key of this minion"),
        ("", "Unable to sign_in to master: timeout\n", "salt-call: Unable to sign_in to master"),
        ("", "", "it printed nothing"),
    ],
)
def test_why_a_highstate_was_not_clean_is_said_in_a_line(out, err, words):
    assert words in checks.highstate_trouble(out, err)


SOURCES = {
    "etc/apt/sources.list": "deb http://deb.example.org/debian-security bookworm-security main\n",
    "etc/apt/sources.list.d/vendor.list": "# docker\ndeb http://vendor.example.com/apt stable x\n",
    "run/asgcycle/lists": None,
}


def fetched(root, out, code=0, alone=(0, "", "")):
    """Fetch lists: why not, the warnings, and the host; ``alone``: what the second run says."""
    answers = {
        "SourceParts=": alone,
        "apt-get": (code, out, ""),
        "asgcycle/patched": answered(used=USED),
    }
    machine = host(root, SOURCES, **answers)
    return (*checks.fetch_lists(machine), machine)


@pytest.mark.parametrize(
    "out",
    [
        "Hit:1 http://deb.example.org/debian-security bookworm-security InRelease\n",
        "W: Download is performed unsandboxed as root\n",
    ],
)
def test_lists_of_which_every_one_was_fetched_are_fetched_once(tmp_path, out):
    why, warnings, machine = fetched(tmp_path, out)
    assert (why, warnings, machine.run.count("apt-get")) == (None, [], 1)
    assert checks.fresh_lists(machine)


@pytest.mark.parametrize(
    ("code", "out"),
    [
        (100, "E: The repository is not signed.\n"),
        (100, ""),
        (100, "E: Could not get lock /var/lib/apt/lists/lock.\n"),
        # apt before 2.1, Ubuntu 20.04
        (0, "Err:1 http://deb.example.org/debian-security bookworm-security InRelease\n"),
        (
            0,
            "W: Failed to fetch http://deb.example.org/debian-security/dists/"
            "bookworm-security/InRelease\n",
        ),
    ],
)
def test_after_any_trouble_what_counts_is_fetched_alone_and_that_decides(tmp_path, code, out):
    why, _, machine = fetched(tmp_path, out, code, alone=(code, out, ""))
    assert why.startswith("apt-get update: ")
    assert not checks.fresh_lists(machine)
    why, _, machine = fetched(tmp_path, out, code)
    assert why is None
    assert checks.fresh_lists(machine)
    written = tmp_path / "run/asgcycle/sources"
    assert [path.name for path in written.iterdir()] == ["used.list"]
    assert (written / "used.list").read_text() == SOURCES["etc/apt/sources.list"]


def test_a_dead_repository_of_others_is_a_warning_that_names_its_line(tmp_path):
    dead = "E: The repository 'http://vendor.example.com/apt stable Release' has no Release file.\n"
    why, warnings, _ = fetched(tmp_path, dead, 100)
    assert why is None
    assert warnings == ["/etc/apt/sources.list.d/vendor.list:2: " + dead.strip()]


def test_a_mirror_that_swallows_everything_does_not_keep_the_others_from_being_fetched(tmp_path):
    def silence():
        raise edges.Unknown("apt-get gave no answer within 300 s")

    answers = {"SourceParts=": (0, "", ""), "apt-get": silence}
    answers["asgcycle/patched"] = answered(used=USED)
    machine = host(tmp_path, SOURCES, **answers)
    assert checks.fetch_lists(machine) == (None, ["apt-get gave no answer within 300 s"])
    assert checks.fresh_lists(machine)


def test_a_needed_repository_that_is_written_nowhere_is_not_taken_for_fetched(tmp_path):
    answers = {"apt-get": (100, "E: no\n", "")}
    answers["asgcycle/patched"] = answered(used=[["http://elsewhere.example.org", "x-security"]])
    why, _ = checks.fetch_lists(host(tmp_path, SOURCES, **answers))
    assert "http://elsewhere.example.org x-security is in no file" in why


def test_only_the_named_checks_are_made(tmp_path):
    machine = host(tmp_path, {"run/reboot-required": "", "run/asgcycle/highstate": None})
    assert [name for name, _ in checks.look(machine, ["highstate"])] == ["highstate"]


def test_an_unreadable_file_is_unknown(tmp_path):
    machine = host(tmp_path)
    (tmp_path / "run/cloud-init/result.json").unlink()
    (tmp_path / "run/cloud-init/result.json").mkdir()
    assert "unknown" in dict(checks.look(machine, ["cloud-init"]))["cloud-init"]


def test_the_running_kernel_is_that_of_the_system(tmp_path):
    version, _, flavour = os.uname().release.partition("-")
    newer = f"9{version}-{flavour}" if flavour else f"9{version}"
    told = said(tmp_path, {f"boot/vmlinuz-{newer}": ""})
    assert f"{newer} is installed, {os.uname().release} runs" in told["reboot"]
