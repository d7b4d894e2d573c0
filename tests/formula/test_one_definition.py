"""What is pending and excluded, compared with what the installed unattended-upgrade would do."""

from __future__ import annotations

import pytest

from tests.formula.conftest import CURRENT, SECURITY, VENDOR
from tests.hosts.repository import Deb

LOCAL = "/etc/apt/apt.conf.d/zzz-local"
PINS = "/etc/apt/preferences.d/local"
DEAD_LINE = "deb [trusted=yes] file:/srv/nowhere any main\n"
WOULD = "Packages that will be upgraded: "
DRY_RUN_S = 300


def pin(package, where, priority):
    return f"Package: {package}\nPin: {where}\nPin-Priority: {priority}\n"


SITUATIONS = {
    "nothing special": ({}, [], {}),
    "pinned at 1001": ({PINS: pin("plain", "version 1", 1001)}, [], {"plain": "pinned"}),
    "the archive pinned at -1": (
        {PINS: pin("*", "release n=trixie-security", -1)},
        [],
        # what a vendor has in a newer version the tool takes from the archive all the same
        {"plain": "pinned", "tools": "pinned", "needy": "pinned"},
    ),
    "held": ({}, ["apt-mark hold plain"], {"plain": "held"}),
    "blacklisted": (
        {LOCAL: 'Unattended-Upgrade::Package-Blacklist { "pla"; };'},
        [],
        {"plain": "blacklisted"},
    ),
    "a strict whitelist": (
        {LOCAL: 'Unattended-Upgrade::Package-Whitelist { "plain$"; };\n'
                'Unattended-Upgrade::Package-Whitelist-Strict "true";'},
        [],
        {"tools": "not_whitelisted", "newer-elsewhere": "not_whitelisted",
         "needy": "not_whitelisted"},
    ),
    "a vendor's version preferred": (
        {PINS: pin("newer-elsewhere", "release l=Vendor", 1001)}, [], {},
    ),
    "a dead line": ({"/etc/apt/sources.list.d/dead.list": DEAD_LINE}, [], {}),
}  # fmt: skip
"""Files, commands, and what is excluded then; ``needy`` always is: it needs a vendor's package."""


@pytest.fixture(scope="module")
def archive(repository):
    names = ("plain", "tools", "newer-elsewhere", "needy")
    main = {"Origin": "Debian", "Label": "Debian", "Codename": "trixie"}
    repository.publish("main-pocket", [Deb(name, "1") for name in names], **main)
    fixed = [Deb(name, "2") for name in names[:3]] + [Deb("needy", "2", depends="only-vendor")]
    repository.publish("trixie-security", fixed, **SECURITY)
    vendors = [Deb("only-vendor", "1"), Deb("newer-elsewhere", "3")]
    repository.publish("vendor", vendors, **VENDOR)
    return repository


@pytest.fixture(scope="module")
def layers(ground, archive):
    with ground.host(CURRENT, applied=True, binds=(archive.bind,)) as minion:
        host = minion.host
        archive.alone(host, "main-pocket", "trixie-security", "vendor")
        wanted = ("plain=1", "tools=1", "newer-elsewhere=1", "needy=1")
        host.run("apt-get", "install", "-qy", *wanted)
        return ground.freeze(minion, "one-definition")


@pytest.mark.parametrize("name", SITUATIONS)
def test_pending_is_what_the_tool_would_install(ground, layers, archive, running, name):
    files, commands, excluded = SITUATIONS[name]
    minion = running.enter_context(ground.on(layers, binds=(archive.bind,)))
    for path, text in files.items():
        minion.host.write(path, text)
    for command in commands:
        minion.host.sh(command)
    answer = minion.call("unattended_upgrades.pending").value
    said = minion.host.run("unattended-upgrade", "--dry-run", "-v", deadline_s=DRY_RUN_S).lines
    would = [line[len(WOULD) :].split() for line in said if line.startswith(WOULD)]
    assert [one["name"] for one in answer["packages"]] == sorted(would[0] if would else [])
    told = {one["name"]: one["reason"] for one in answer["excluded"]}
    assert told == {"needy": "kept_back", **excluded}
    assert answer["unknown"] == []
    if "needy" not in excluded:
        (needy,) = [one for one in answer["excluded"] if one["name"] == "needy"]
        assert "only-vendor" in needy["detail"]
