"""What Debian's and Ubuntu's part of the first boot asks of apt, which is a stand-in here."""

import pytest

from tests.unit.userdata.stand_ins import System

APT_GET = "apt-get -qy -o DPkg::Lock::Timeout=300"
UPDATE = f"{APT_GET} -o APT::Update::Error-Mode=any update"


@pytest.fixture
def system(tmp_path):
    found = System(tmp_path, "packages-apt.sh")
    found.has("dpkg-query", says="openssl 1")
    return found


@pytest.mark.parametrize(
    ("code", "says", "good"),
    [
        (0, "Hit:1 http://deb.example.org bookworm InRelease", True),
        (0, "W: Download is performed unsandboxed as root", True),
        (100, "E: The repository is not signed.", False),
        # apt before 2.1, Ubuntu 20.04
        (0, "Err:1 http://deb.example.org focal-security InRelease", False),
        (0, "W: Failed to fetch http://deb.example.org/dists/focal/InRelease", False),
    ],
)
def test_a_list_that_cannot_be_fetched_is_an_error_whatever_apt_makes_of_it(
    system, code, says, good
):
    system.has("apt-get", code, says)
    assert (system.run("prepare", REBOOT="never", DONE=str(system.folder))[0] == 0) is good


SECURITY_CAME = "Hit:2 http://deb.example.org/debian-security bookworm-security InRelease"
VENDOR_DEAD = (
    "Err:3 http://vendor.example.com/debian bookworm Release",
    "E: The repository http://vendor.example.com/debian bookworm Release has no Release file.",
)
NO_KEY = (
    "W: GPG error: http://vendor.example.com/apt stable InRelease: NO_PUBKEY 63BFD264355AB0F6",
    "E: The repository http://vendor.example.com/apt stable InRelease is not signed.",
)
ESM_CLOSED = "Err:4 https://esm.ubuntu.com/infra/ubuntu jammy-infra-security InRelease"
SECURITY_DEAD = "Err:2 http://deb.example.org/debian-security bookworm-security Release"


@pytest.mark.parametrize(
    ("lines", "good"),
    [
        ((SECURITY_CAME, *VENDOR_DEAD), True),
        ((SECURITY_CAME, *NO_KEY, "E: Some index files failed to download."), True),
        ((SECURITY_CAME, ESM_CLOSED), True),
        ((SECURITY_CAME, *VENDOR_DEAD, "E: Could not get lock."), False),
        ((SECURITY_CAME, "E: Failed to fetch store: no space left"), False),
        ((SECURITY_DEAD,), False),
        ((SECURITY_DEAD, *VENDOR_DEAD), False),
        # its index came, its packages did not
        ((SECURITY_CAME, SECURITY_DEAD.replace(" Release", "/main amd64 Packages")), False),
        # nobody can say where security updates come from here
        (("Hit:1 http://mirror.example.org/ours prod InRelease", *VENDOR_DEAD), False),
        ((ESM_CLOSED.replace("Err", "Hit"), *VENDOR_DEAD), True),
    ],
)
def test_a_dead_vendor_does_not_keep_a_host_from_its_security_updates(system, lines, good):
    system.has("apt-get", 100, "\n".join(lines))
    settings = {"REBOOT": "never", "DONE": str(system.folder)}
    assert (system.run("prepare", UPGRADE="all", **settings)[0] == 0) is False
    system.has("apt-get", 100, "\n".join(lines))
    code, _ = system.run("update_lists", UPGRADE="security", **settings)
    assert (code == 0) is good


@pytest.mark.parametrize(("after", "reboots"), [("openssl 1", False), ("openssl 2", True)])
def test_it_asks_for_a_reboot_as_soon_as_something_was_upgraded(system, after, reboots):
    system.has("apt-get")
    settings = {"REBOOT": "if_required", "DONE": str(system.folder)}
    assert system.run("prepare", **settings)[0] == 0
    system.has("dpkg-query", says=after)
    assert (system.run("reboot_required", **settings)[0] == 0) is reboots
    system.run("prepare", **settings)  # tried again after a failure
    assert (system.run("reboot_required", **settings)[0] == 0) is reboots


def test_without_an_upgrade_only_the_flag_asks_for_a_reboot(system):
    assert system.run("reboot_required", DONE=str(system.folder))[0] != 0


def test_the_minion_comes_in_its_version_from_lists_that_were_fetched(system):
    system.has("apt-get")
    code, called = system.run("install_minion", SALT_VERSION="3008.3")
    assert (code, called[0]) == (0, UPDATE)
    assert called[1].startswith(f"{APT_GET} install ")
    assert called[1].endswith(" salt-common=3008.3 salt-minion=3008.3")


def test_a_minion_is_not_installed_from_lists_that_were_not_fetched(system):
    system.has("apt-get", code=100)
    assert system.run("install_minion", SALT_VERSION="3008.3") == (1, [UPDATE])
