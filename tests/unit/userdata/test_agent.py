"""The readiness agent that instances fetch: one file, small user data, the same bytes anywhere."""

import gzip
import io
import tarfile

import pytest
import yaml

from tests.unit.userdata.build import REPO, SYSTEMS, chosen, composed, master_files, refusals
from tests.unit.userdata.test_compose import HOOK
from userdata import agent
from userdata.errors import UserDataError

#: Of the 16 KB that EC2 takes the other half is for the user's own.
SMALL = 8 * 1024
PLACE = {"url": "https://mirror.example.org/agent.tar", "sha256": "0a" * 32}
FILES = REPO / "unattended-upgrades" / "readiness" / "files"


def archived():
    return agent.archive(master_files().read)


def entries():
    with tarfile.open(fileobj=io.BytesIO(archived())) as tar:
        return {one.name: (one.mode, tar.extractfile(one).read()) for one in tar}


def written(built):
    found = yaml.safe_load(built.text)["write_files"]
    return {entry["path"]: entry["content"] for entry in found}


@pytest.mark.parametrize("system", SYSTEMS)
def test_with_a_launch_hook_user_data_is_under_half_of_what_ec2_takes(system):
    built = composed(chosen(system, agent=PLACE), hook=HOOK)
    assert len(gzip.compress(built.text.encode(), mtime=0)) < SMALL
    inline = composed(chosen(system), hook=HOOK)
    assert len(gzip.compress(inline.text.encode(), mtime=0)) > SMALL


def test_such_user_data_names_the_place_and_has_no_agent_itself():
    files = written(composed(chosen(agent=PLACE), hook=HOOK))
    assert not [path for path in files if path.startswith("/usr/local/")]
    assert "/etc/systemd/system/asgcycle-ready.service" not in files
    assert "/etc/asgcycle/ready.json" in files
    assert f"AGENT_URL={PLACE['url']}\n" in files["/etc/asgcycle/first-boot.conf"]
    assert f"AGENT_SHA256={PLACE['sha256']}\n" in files["/etc/asgcycle/first-boot.conf"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_archive_has_every_file_of_the_agent_that_user_data_would_bring(system):
    inline = written(composed(chosen(system), hook=HOOK))
    brought = {
        path: text
        for path, text in inline.items()
        if path.startswith("/usr/local/") or path.endswith("asgcycle-ready.service")
    }
    packed = entries()
    assert len(brought) >= 5
    for path, text in brought.items():
        assert packed[path.lstrip("/")][1].decode() == text


def test_it_has_every_module_the_definition_of_patched_and_one_program():
    packed = entries()
    beside = {f"usr/local/lib/asgcycle/{path.name}" for path in FILES.glob("*.py")}
    definition = {
        f"usr/local/lib/asgcycle/patched/{path.name}"
        for path in (REPO / "_utils/aptpolicy/patched").glob("*.py")
    }
    assert beside | definition < set(packed)
    programs = {name for name, (mode, _) in packed.items() if mode == 0o755}
    assert programs == {"usr/local/sbin/asgcycle-ready"}


def test_equal_files_give_equal_bytes():
    assert archived() == archived()
    with tarfile.open(fileobj=io.BytesIO(archived())) as tar:
        assert {(one.mtime, one.uid, one.gid, one.uname) for one in tar} == {(0, 0, 0, "")}


def test_another_checksum_than_that_of_this_formula_is_warned_about():
    (warning,) = composed(chosen(agent=PLACE)).warnings
    assert "salt-run asgcycle.agent" in warning
    ours = {**PLACE, "sha256": agent.checksum(archived())}
    assert composed(chosen(agent=ours)).warnings == ()


def test_an_agent_that_this_master_cannot_make_is_no_reason_to_refuse():
    def read(path):
        raise UserDataError([f"{path}: not on the master's file server"])

    with pytest.raises(UserDataError):
        agent.archive(read)


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"url": PLACE["url"]}, "agent.sha256: is missing"),
        ({"sha256": PLACE["sha256"]}, "agent.url: is missing"),
        ({**PLACE, "sha256": "abc"}, "the 64 digits of a SHA-256"),
        ({**PLACE, "url": "s3://bucket/agent.tar"}, "agent.url"),
    ],
)
def test_half_a_place_is_refused(place, words):
    said = refusals({"os": "debian", "minion": {"master": "m"}, "agent": place})
    assert words in str(said)
