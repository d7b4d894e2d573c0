"""What the first boot does with apt, on a real Debian with a small archive."""

import datetime

import pytest

from tests.formula import system
from tests.formula.conftest import FORMULA, REPOSITORY

PACKAGES = REPOSITORY / FORMULA / "userdata" / "files" / "packages-apt.sh"


POLICY = "/etc/apt/apt.conf.d/zz-salt-unattended-upgrades"
OTHER_DAY = (datetime.date.today() + datetime.timedelta(days=3)).strftime("%a")
SHUTDOWN = "#!/bin/sh\ntouch /srv/shut-down\n"


@pytest.mark.parametrize(
    "later",
    [
        'InstallOnShutdown "true"',
        f'Update-Days {{"{OTHER_DAY}";}}',
        'Automatic-Reboot "true"',
    ],
)
def test_it_upgrades_now_and_does_not_reboot_whatever_the_policy_says_for_later(small, later):
    small.pillar({"unattended_upgrades": {}})
    assert not small.apply(FORMULA).failed
    policy = small.host.read(POLICY)
    small.host.write(POLICY, f"{policy}\nUnattended-Upgrade::{later};\n")
    before = small.host.run("apt-config", "dump").stdout
    small.host.write("/run/reboot-required", "")
    small.host.sh("rm -f /sbin/shutdown")
    small.host.write("/sbin/shutdown", SHUTDOWN, "755")
    small.host.write("/run/packages.sh", PACKAGES.read_text(encoding="utf-8"))
    small.host.sh(". /run/packages.sh; upgrade_security")
    assert system.installed(small.host)["plain"] == "2"
    assert not small.host.exists("/srv/shut-down")
    assert small.host.run("apt-config", "dump").stdout == before
