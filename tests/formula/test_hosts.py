"""What every test here stands on: a booted release, Salt in it, security updates pending."""


def test_salt_of_this_environment_runs_in_a_booted_host(start, release):
    minion = start(release)
    assert minion.call("grains.get", "osfinger").value == f"Debian-{release}"
    assert minion.call("service.available", "systemd-journald").value is True


def test_security_updates_are_pending_and_nothing_is_installed_yet(start, release):
    minion = start(release)
    simulated = minion.host.run("apt-get", "-s", "dist-upgrade").lines
    waiting = [line for line in simulated if line.startswith("Inst ")]
    assert waiting
    assert all("Debian-Security:" in line for line in waiting)
    assert minion.call("pkg.version", "unattended-upgrades").value == ""
