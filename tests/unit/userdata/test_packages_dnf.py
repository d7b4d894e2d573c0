"""What Amazon Linux's part of the first boot asks of yum and dnf; both are stand-ins here."""

import pytest

from tests.unit.userdata.stand_ins import System


@pytest.fixture
def system(tmp_path):
    return System(tmp_path, "packages-dnf.sh")


@pytest.mark.parametrize(
    ("manager", "command", "releasever", "called"),
    [
        ("yum", "upgrade_security", "", "yum -y upgrade --security"),
        ("yum", "upgrade_all", "", "yum -y upgrade"),
        ("dnf", "upgrade_security", "latest", "dnf -y --releasever=latest upgrade --security"),
        ("dnf", "upgrade_all", "2023.6.1", "dnf -y --releasever=2023.6.1 upgrade"),
        ("dnf", "upgrade_all", "", "dnf -y upgrade"),
    ],
)
def test_the_upgrade_is_of_the_kind_and_release_that_was_asked_for(
    system, manager, command, releasever, called
):
    system.has(manager)
    assert system.run(command, RELEASEVER=releasever) == (0, [called])


def test_an_upgrade_that_fails_is_not_taken_for_done(system):
    system.has("dnf", code=1)
    assert system.run("upgrade_all")[0] == 1


@pytest.mark.parametrize(("answer", "required"), [(0, False), (1, True), (2, True)])
def test_without_a_clear_no_it_reboots(system, answer, required):
    system.has("dnf")
    system.has("needs-restarting", code=answer)
    assert (system.run("reboot_required")[0] == 0) is required


def test_the_tool_that_tells_of_reboots_is_installed_where_it_is_missing(system):
    system.has("yum")
    assert system.run("prepare") == (0, ["yum -y install yum-utils"])
    system.calls.unlink()
    system.has("needs-restarting")
    assert system.run("prepare") == (0, [])


def test_the_minion_comes_in_its_version_from_its_own_repository(system):
    system.has("dnf")
    assert system.run("install_minion", SALT_VERSION="3008.3") == (
        0,
        ["dnf -y --enablerepo=asgcycle-salt install salt-minion-3008.3"],
    )


def test_the_proxy_is_written_once(system):
    system.has("yum")
    configuration = system.folder / "yum.conf"
    configuration.write_text("[main]\ngpgcheck=1\n")
    for _ in range(2):
        system.run(f"CONFIGURATION={configuration}; use_proxy", PROXY="http://p.example.com:3128")
    assert configuration.read_text() == "[main]\ngpgcheck=1\nproxy=http://p.example.com:3128\n"
