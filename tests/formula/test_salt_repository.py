"""The minion's package on a real Debian: its repository, its key and its version from pillar."""

from collections.abc import Iterator

import pytest
import yaml

from tests.hosts import capability, roots
from tests.hosts.machine import Host, Setup
from tests.hosts.repository import MOUNT, Deb, Repository
from tests.unit.userdata.build import armored, chosen, composed

WANTED, NEWER = "3008.3", "3008.4"
MIRROR = "https://mirror.example.com/salt"
PREPARED = """
say() { echo "$@"; }
. /etc/asgcycle/first-boot.conf
. /etc/asgcycle/packages.sh
"""


def debs(version: str) -> list[Deb]:
    return [
        Deb("salt-common", version),
        Deb("salt-minion", version, depends=f"salt-common (= {version})"),
    ]


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Repository:
    if reason := capability.why_not() or roots.why_unreachable(12):
        pytest.skip(f"no real hosts on this machine: {reason}")
    made = Repository(tmp_path_factory.mktemp("salt") / "repository")
    made.publish("stable", [*debs(WANTED), *debs(NEWER)])
    return made


@pytest.fixture
def host(repository: Repository) -> Iterator[Host]:
    """A system with the files that user data writes, where the mirror is a folder."""
    key = armored((repository.public / "key.gpg").read_bytes())
    salt = {"source": "repository", "version": WANTED, "url": MIRROR, "key": key}
    document = yaml.safe_load(composed(chosen(salt=salt)).text.replace(MIRROR, f"file:{MOUNT}"))
    root = roots.obtain(roots.Recipe(12, packages=("cloud-init",)))
    with Host(Setup((root,), name="salt", boot=False, binds=(repository.bind,))) as running:
        for entry in document["write_files"]:
            running.write(entry["path"], entry["content"])
        only = "-oDir::Etc::SourceList=/etc/apt/sources.list.d/asgcycle-salt.list"
        running.run("apt-get", "update", "-q", only, "-oDir::Etc::SourceParts=-")
        running.run("rm", "/etc/apt/sources.list")
        yield running


def version(host: Host) -> str:
    return host.run("dpkg-query", "-W", "-f", "${Version}", "salt-minion").stdout


def test_the_version_of_pillar_is_installed_though_a_newer_one_is_there(host):
    host.sh(f"{PREPARED}install_minion")
    assert version(host) == WANTED


def test_no_later_upgrade_moves_it_from_its_version(host):
    host.sh(f"{PREPARED}install_minion; upgrade_all")
    assert version(host) == WANTED
    host.run("rm", "/etc/apt/preferences.d/asgcycle-salt")
    host.sh(f"{PREPARED}upgrade_all")
    assert version(host) == NEWER
