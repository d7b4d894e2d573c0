"""first-boot.sh step by step: what it does at which boot, with stand-ins for what it calls."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts import capability, roots
from tests.hosts.machine import Host, Setup

SCRIPT = Path(__file__).parents[2] / "unattended-upgrades" / "userdata" / "files" / "first-boot.sh"
ID = "i-0123456789abcdef0"
LOG = "/srv/calls"
CALLED = f'#!/bin/sh\necho "$(basename "$0") $*" >>{LOG}\n'
STAND_INS = {
    # a reboot ends the script as the end of the system would
    "systemctl": CALLED + 'if [ "$1" = reboot ]; then kill -KILL $PPID; fi\n',
    "asgcycle-ready": CALLED + '[ "$1" != skips ] || [ -e /srv/skips ]\n',
    "cloud-init": '#!/bin/sh\necho "$VERSION"\n',
    "sleep": CALLED,
    "sync": "#!/bin/sh\n",
}
PACKAGES = f"""
prepare() {{ echo prepare >>{LOG}; [ ! -e /srv/no-lists ]; }}
upgrade_security() {{ echo upgrade_security >>{LOG}; }}
upgrade_all() {{ echo upgrade_all >>{LOG}; }}
reboot_required() {{ [ -e /srv/flag ]; }}
install_minion() {{ echo install_minion >>{LOG}; }}
"""
AGENT = [
    "systemctl daemon-reload",
    "systemctl enable asgcycle-ready.service",
    "systemctl start --no-block asgcycle-ready.service",
]
START = [
    "systemctl unmask salt-minion.service",
    "systemctl enable salt-minion.service",
    "systemctl restart salt-minion.service",
    "asgcycle-ready key",
]
REBOOT = ["systemctl reboot"]


class Instance:
    """A system whose boots are runs of the script."""

    def __init__(self, host: Host):
        self.host = host
        host.write("/usr/local/sbin/first-boot", SCRIPT.read_text(), "755")
        for name, text in STAND_INS.items():
            host.write(f"/usr/local/sbin/{name}", text, "755")
        host.write("/etc/asgcycle/packages.sh", PACKAGES)
        host.write("/etc/salt/grains", "role: web\n")
        self.launch(ID)

    def launch(self, key: str):
        """What cloud-init does for a new instance of an image."""
        self.host.write("/var/lib/cloud/data/instance-id", f"{key}\n")
        folder = f"/var/lib/cloud/instances/{key}"
        self.host.sh(f"mkdir -p {folder}; ln -sfn {folder} /var/lib/cloud/instance")

    def settings(self, **settings: str):
        lines = "".join(f"{name}={value}\n" for name, value in settings.items())
        self.host.write("/etc/asgcycle/first-boot.conf", lines)

    def boot(self, version: str = "") -> tuple[int, list[str]]:
        """The script's exit code at a boot, and what it called."""
        self.host.write(LOG, "")
        done = self.host.run("first-boot", check=False, environment={"VERSION": version})
        return done.exit, self.host.read(LOG).splitlines()


@pytest.fixture(scope="module")
def system() -> Iterator[Host]:
    if reason := capability.why_not() or roots.why_unreachable(12):
        pytest.skip(f"no real hosts on this machine: {reason}")
    root = roots.obtain(roots.Recipe(12, packages=("cloud-init",)))
    with Host(Setup((root,), name="order", boot=False)) as host:
        yield host


@pytest.fixture
def instance(system: Host) -> Instance:
    system.sh("rm -rf /srv/* /var/lib/cloud /etc/salt /etc/asgcycle")
    return Instance(system)


@pytest.mark.parametrize(
    ("upgrade", "steps"),
    [
        ("security", ["prepare", "upgrade_security"]),
        ("all", ["prepare", "upgrade_all"]),
        ("none", []),
    ],
)
@pytest.mark.parametrize(
    ("reboot", "flag", "reboots"),
    [
        ("never", True, False),
        ("if_required", False, False),
        ("if_required", True, True),
        ("always", False, True),
    ],
)
def test_it_upgrades_then_reboots_once_then_joins(instance, upgrade, steps, reboot, flag, reboots):
    instance.settings(UPGRADE=upgrade, REBOOT=reboot, SALT_SOURCE="preinstalled")
    if flag:
        instance.host.write("/srv/flag", "")
    first = instance.boot()[1]
    if reboots:
        assert first == [*AGENT, *steps, *REBOOT]
        assert instance.boot() == (0, [*AGENT, *START])
    else:
        assert first == [*AGENT, *steps, *START]
    assert instance.boot() == (0, [])


def test_an_upgrade_that_cannot_be_made_keeps_the_instance_out_and_is_tried_at_the_next_boot(
    instance,
):
    instance.settings(UPGRADE="all", REBOOT="never", SALT_SOURCE="preinstalled")
    instance.host.write("/srv/no-lists", "")
    code, called = instance.boot()
    assert code == 1
    assert called == [*AGENT, *(["prepare", "sleep 20"] * 4), "prepare", "asgcycle-ready skips"]
    instance.host.run("rm", "/srv/no-lists")
    assert instance.boot() == (0, [*AGENT, "prepare", "upgrade_all", *START])


def test_a_group_that_may_skip_security_updates_joins_without_the_upgrade(instance):
    instance.settings(UPGRADE="security", REBOOT="if_required", SALT_SOURCE="preinstalled")
    instance.host.write("/srv/no-lists", "")
    instance.host.write("/srv/skips", "")
    tried = [*(["prepare", "sleep 20"] * 4), "prepare", "asgcycle-ready skips"]
    assert instance.boot() == (0, [*AGENT, *tried, *START])


def test_the_minion_gets_the_instance_id_and_nothing_of_the_images(instance):
    instance.settings(UPGRADE="none", REBOOT="never", SALT_SOURCE="repository")
    instance.host.write("/etc/salt/minion_id", "image")
    instance.host.write("/etc/salt/pki/minion/minion.pem", "of the image")
    called = instance.boot()[1]
    assert called[3:5] == ["systemctl unmask salt-minion.service", "install_minion"]
    assert instance.host.read("/etc/salt/minion.d/zz-asgcycle-id.conf") == f"id: {ID}\n"
    assert not instance.host.exists("/etc/salt/minion_id")
    assert not instance.host.exists("/etc/salt/pki/minion")


def test_an_image_made_of_an_instance_begins_anew(instance):
    instance.settings(UPGRADE="all", REBOOT="never", SALT_SOURCE="preinstalled")
    instance.boot()
    instance.launch("i-0fedcba9876543210")
    assert "upgrade_all" in instance.boot()[1]
    assert "i-0fedcba9876543210" in instance.host.read("/etc/salt/minion.d/zz-asgcycle-id.conf")


@pytest.mark.parametrize(
    ("told", "grains"),
    [
        ("7", "role: web\nlaunch_template_version: 7\n"),
        ("CI_MISSING_JINJA_VAR/ds", "role: web\n"),
        ("", "role: web\n"),
    ],
)
def test_the_launch_template_version_is_a_grain_where_the_metadata_tells_it(instance, told, grains):
    instance.settings(UPGRADE="none", REBOOT="never", SALT_SOURCE="preinstalled")
    instance.boot(version=told)
    assert instance.host.read("/etc/salt/grains") == grains
