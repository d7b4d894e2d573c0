"""The flag for a reboot on real Debian systems: what asks for one, and what comes along with it."""

import pytest

from tests.formula import system
from tests.formula.conftest import FORMULA

POLICY = {"unattended_upgrades": {"reboot": {"policy": "when_needed"}}}
FLAG, PACKAGES = "/run/reboot-required", "/run/reboot-required.pkgs"
HOOK = "/etc/dpkg/dpkg.cfg.d/zz-salt-unattended-upgrades"
LIBRARY = "/usr/local/lib/unattended-upgrades"
MAILERS = {"exim4-daemon-light", "bsd-mailx", "mailutils", "postfix", "reboot-notifier"}
ARCHIVES = "/var/cache/apt/archives"


@pytest.fixture(scope="module")
def layers(ground, release):
    """A release with a policy that reboots when that is needed."""
    with ground.host(release, applied=True) as minion:
        minion.pillar(POLICY)
        result = minion.apply(FORMULA)
        assert not result.failed, result.failed
        again = minion.apply(FORMULA)
        assert again.changed == {}, again.changed
        return ground.freeze(minion, f"reboots-{release}")


@pytest.fixture
def minion(ground, layers, running):
    return running.enter_context(ground.on(layers))


def _replaced(minion, package):
    """Unpack a package anew, by dpkg itself, as an upgrade would."""
    host = minion.host
    host.sh(f"cd /run && apt-get download -qq {package} && dpkg -i {package}_*.deb")


def _flagged(minion):
    host = minion.host
    return host.read(PACKAGES).split() if host.exists(FLAG) else None


def test_no_mail_server_comes_along(minion):
    found = system.installed(minion.host)
    assert MAILERS & set(found) == set()
    assert minion.host.sh("ls /usr/sbin/sendmail /usr/bin/mail 2>/dev/null || true").lines == []


@pytest.mark.parametrize(("package", "asked_by"), [("libc6", "libc6"), ("dbus-daemon", "dbus")])
def test_what_only_a_reboot_puts_in_force_asks_for_it(minion, package, asked_by):
    assert _flagged(minion) is None
    _replaced(minion, package)
    assert any(name.startswith(asked_by) for name in _flagged(minion)), _flagged(minion)
    status = minion.call("unattended_upgrades.reboot_required").value
    assert status["required"] is True
    before = minion.host.read(PACKAGES)
    _replaced(minion, package)
    assert minion.host.read(PACKAGES) == before


@pytest.mark.parametrize("package", ["openssl", "systemd"])
def test_what_something_milder_puts_in_force_does_not(minion, package):
    _replaced(minion, package)
    assert _flagged(minion) is None


def test_a_hook_that_cannot_look_asks_for_a_reboot_and_does_not_fail_dpkg(minion):
    minion.host.write(f"{LIBRARY}/patched/running.py", "this is no Python\n")
    _replaced(minion, "openssl")
    assert _flagged(minion) == ["unknown"]


@pytest.mark.parametrize("by", ["clean", "a policy that never reboots"])
def test_it_is_taken_back(minion, by):
    if by == "clean":
        result = minion.apply(f"{FORMULA}.clean")
    else:
        minion.pillar({"unattended_upgrades": {}})
        result = minion.apply(FORMULA)
    assert not result.failed, result.failed
    assert not minion.host.exists(HOOK)
    assert not minion.host.exists(LIBRARY)
    _replaced(minion, "libc6")
    assert _flagged(minion) is None
