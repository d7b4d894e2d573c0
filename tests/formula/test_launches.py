"""The agent over the formula's own policy on a real system: what holds a launch back, and what not.

A sample; tests/functional/readiness plays 200 launches over the real apt, without the system.
"""

from __future__ import annotations

import time

import pytest

from tests.formula.conftest import CURRENT, SECURITY, VENDOR
from tests.formula.test_readiness import AGENT, apply
from tests.hosts.repository import MOUNT, Deb

DEADLINE_S = 90
PINS = "/etc/apt/preferences.d/local"
LISTS = "/etc/apt/sources.list.d"
READY, PENDING, LIST = "asgcycle: ready instance=", "pending: plain", "apt-get update: "
DEAD = "deb http://127.0.0.1:9/apt stable main\n"
NO_TOKEN = "deb http://esm.ubuntu.com/infra/ubuntu trixie-infra-security main\n"
LOST_KEY = f"deb [signed-by=/etc/nowhere.gpg] file:{MOUNT} vendor main\n"
OURS = f"{LISTS}/local.list"

SITUATIONS = {
    "a vendor's repository is dead": ({f"{LISTS}/v.list": "# v\n" + DEAD}, "upgrade", READY,
                                      f"warning: {LISTS}/v.list:2: "),
    "a vendor's key is lost": ({f"{LISTS}/v.list": LOST_KEY}, "upgrade", READY,
                               f"warning: {LISTS}/v.list:1: "),
    "Ubuntu Pro without a token": ({f"{LISTS}/esm.list": NO_TOKEN}, "upgrade", READY,
                                   f"warning: {LISTS}/esm.list:1: "),
    "pinned": ({PINS: "Package: plain\nPin: version 1\nPin-Priority: 1001\n"}, "", READY, ""),
    "held": ({}, "apt-mark hold plain", READY, ""),
    "the upgrade has failed": ({}, "", PENDING, ""),
    "the upgrade has failed beside a dead vendor": ({f"{LISTS}/v.list": DEAD}, "", PENDING, ""),
    "the security archive is gone": (
        {OURS: f"deb [signed-by={MOUNT}/key.gpg] http://127.0.0.1:9/apt trixie-security main\n"
               f"deb [signed-by={MOUNT}/key.gpg] file:{MOUNT} main-pocket main\n"},
        "", f"{LIST}{OURS}:1: ", ""),
    "the security archive's key is lost": (
        {OURS: f"deb [signed-by=/etc/nowhere.gpg] file:{MOUNT} trixie-security main\n"},
        "", f"{LIST}{OURS}:1: ", ""),
}  # fmt: skip
"""Files, what is done, and what the agent says then: of readiness, and besides."""


@pytest.fixture(scope="module")
def archive(repository):
    repository.publish("main-pocket", [Deb("plain", "1")], Origin="Debian", Label="Debian")
    repository.publish("trixie-security", [Deb("plain", "2")], **SECURITY)
    repository.publish("vendor", [Deb("tools", "1")], **VENDOR)
    return repository


@pytest.fixture(scope="module")
def layers(ground, archive):
    with ground.host(CURRENT, applied=True, binds=(archive.bind,)) as minion:
        host = minion.host
        archive.alone(host, "main-pocket", "trixie-security")
        host.run("apt-get", "install", "-qy", "plain=1")
        apply(minion, checks=["security-updates"])
        host.run("systemctl", "stop", AGENT)
        host.run("rm", "-rf", "/run/asgcycle")
        return ground.freeze(minion, "launches")


def journal_with(host, words):
    """Return the agent's journal once a line has ``words``."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        lines = host.run("journalctl", "-b", "-u", AGENT, "-o", "cat").lines
        if any(words in line for line in lines):
            return lines
        time.sleep(0.2)
    raise AssertionError(f"no {words!r} in {lines}")


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_launch_waits_for_what_the_policy_would_install_and_for_nothing_else(
    ground, layers, archive, running, name
):
    files, done, told, besides = SITUATIONS[name]
    minion = running.enter_context(ground.on(layers, binds=(archive.bind,)))
    host = minion.host
    host.run("systemctl", "stop", AGENT)  # the system has booted, and the agent with it
    host.run("rm", "-rf", "/run/asgcycle")
    for path, text in files.items():
        host.write(path, text)
    if done:
        host.sh("unattended-upgrade" if done == "upgrade" else done)
    host.run("systemctl", "start", AGENT)
    lines = journal_with(host, told)
    assert any(besides in line for line in lines)
    assert host.exists("/run/asgcycle/ready") == (told == READY)
