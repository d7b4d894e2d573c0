"""200 launches with faults: abandoned when security updates are at stake, and only then."""

from __future__ import annotations

import random

import pytest

from tests.functional.readiness import launches
from tests.functional.readiness.launches import ESM, SECURITY, VENDOR, Archive, Launch, Network

LAUNCHES = 200
BATCH = 20
CANNOT = launches.missing()
pytestmark = pytest.mark.skipif(bool(CANNOT), reason=CANNOT)

LINE = "deb [signed-by={key}] http://{host}/ {suite} main\n"
STANZA = "Types: deb\nURIs: http://{host}/\nSuites: {suite}\nComponents: main\nSigned-By: {key}\n\n"
ESM_LINE = f"deb http://{ESM}/infra/ubuntu jammy-infra-security main\n"
PIN = "Package: plain\nPin: version 1\nPin-Priority: 1001\n"

OF_OTHERS = ("gone", "broken", "silent", "closed", "portal", "expired", "foreign key", "no key",
             "esm", "pinned", "held", "phased", "vendor's update", "main's update")  # fmt: skip
"""What has nothing to do with what the policy would install."""

OF_SECURITY = ("gone", "broken", "silent", "closed", "portal", "expired", "foreign key", "failed")
"""Faults of the security archive, or of the upgrade: nobody can say that the host is patched."""


class Story:
    """What happens to one launch, drawn from its seed."""

    def __init__(self, seed: int) -> None:
        draw = random.Random(seed)
        self.others = set(draw.sample(OF_OTHERS, draw.randint(1, 3)))
        rare = [2 if fault == "silent" else 9 for fault in OF_SECURITY]  # it takes long
        self.security = draw.choice((None, *draw.choices(OF_SECURITY, rare)))
        self.form = draw.choice((LINE, STANZA))
        self.image_has_lists = draw.random() < 0.5
        if self.security == "failed":  # a pin or a hold would make it none of the policy's
            self.others -= {"pinned", "held"}

    def __str__(self) -> str:
        how = "stanzas" if self.form is STANZA else "lines"
        lists = "lists of the image" if self.image_has_lists else "no lists"
        return f"{sorted(self.others)}, security {self.security}, {how}, {lists}"

    def configure(self, launch: Launch, archive: Archive, network: Network) -> None:
        """Bring it about."""
        good = launch.root / "etc/key.gpg"
        network.hosts.update({SECURITY: archive.good, VENDOR: archive.good, ESM: "closed"})
        keys = {SECURITY: good, VENDOR: good}
        for host, faults in ((VENDOR, self.others), (SECURITY, {self.security})):
            for fault in faults & {"gone", "broken", "silent", "closed", "portal"}:
                network.hosts[host] = fault
            if "expired" in faults:
                network.hosts[host] = archive.old
            if "foreign key" in faults:
                network.hosts[host] = archive.foreign
        if "no key" in self.others:
            keys[VENDOR] = launch.root / "etc/nowhere.gpg"
        kind = "sources" if self.form is STANZA else "list"
        for host, name in ((SECURITY, "own"), (VENDOR, "vendor")):
            suites = launches.SUITES[host]
            text = "".join(
                self.form.format(host=host, suite=suite, key=keys[host]) for suite in suites
            )
            launch.write(f"etc/apt/sources.list.d/{name}.{kind}", text)
        if "esm" in self.others:
            launch.write("etc/apt/sources.list.d/esm.list", ESM_LINE)
        if "pinned" in self.others:
            launch.write("etc/apt/preferences.d/local", PIN)
        behind = self.others & {"pinned", "held"} or self.security == "failed"
        launch.install(
            held=("plain",) if "held" in self.others else (),
            plain="1" if behind else "2",
            staged="1" if "phased" in self.others else "2",
            tools="0" if self.others & {"vendor's update", "main's update"} else "3",
        )


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return Archive(tmp_path_factory.mktemp("archive"))


@pytest.fixture(scope="module")
def network():
    return Network()


@pytest.fixture(scope="module")
def port(network):
    with network.up() as found:
        yield found


@pytest.fixture(scope="module")
def image(tmp_path_factory, archive, network, port):
    """An image whose lists were fetched when everything was well."""
    found = Launch(tmp_path_factory.mktemp("image") / "root", port, archive.keys)
    story = Story(0)
    story.others, story.security, story.form = set(), None, LINE
    story.configure(found, archive, network)
    ready, console = found.wait()
    assert ready, console
    return found


@pytest.mark.parametrize("first", range(0, LAUNCHES, BATCH))
def test_a_launch_is_abandoned_when_security_updates_are_at_stake_and_only_then(
    first, tmp_path, archive, network, port, image
):
    wrong = []
    for seed in range(first, first + BATCH):
        story = Story(seed)
        launch = Launch(tmp_path / str(seed), port, archive.keys)
        if story.image_has_lists:
            launch.has_lists_of(image)
        story.configure(launch, archive, network)
        ready, console = launch.wait()
        if ready != (story.security is None):
            wrong.append(f"{seed}: {story}: {console}")
    assert wrong == []


def test_every_fault_is_among_the_launches():
    stories = [Story(seed) for seed in range(LAUNCHES)]
    assert {fault for story in stories for fault in story.others} == set(OF_OTHERS)
    assert {story.security for story in stories} == {None, *OF_SECURITY}
    abandoned = sum(story.security is not None for story in stories)
    assert LAUNCHES / 4 < abandoned < 3 * LAUNCHES / 4
