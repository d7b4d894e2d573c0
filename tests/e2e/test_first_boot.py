"""An instance boots with the rendered user data, patches itself, reboots, and only then joins."""

from __future__ import annotations

import salt.utils.crypt

from tests.e2e import instance
from tests.e2e.instance import INSTANCE_ID, UPDATE
from tests.formula import system
from tests.unit.userdata.build import composed
from userdata import settings

AGENT = "asgcycle-ready.service"
MINION = "salt-minion.service"


def user_data(release, master):
    """The user data of a group whose instances join ``master``."""
    found = settings.parse(
        [
            (
                "pillar",
                {
                    "os": "debian",
                    "release": str(release),
                    "apt": instance.mirror(),
                    "minion": {
                        "master": master.config["interface"],
                        "master_port": master.config["ret_port"],
                        "publish_port": master.config["publish_port"],
                        "enable_fqdns_grains": False,
                    },
                    "grains": {"role": "web"},
                },
            )
        ]
    )
    return composed(found).content


def test_it_upgrades_then_reboots_then_joins_and_only_then_is_ready(
    release, master, keys, repository, store, tmp_path
):
    layers, setup = instance.image(release, repository, store)
    with instance.launched(layers, setup, user_data(release, master)) as launched:
        waiting = launched.await_line("the master has not accepted the key of this minion")
        host = launched.host
        assert waiting.startswith("asgcycle: not ready: reboot: ")

        # what the master needs to know this very instance is on the console
        received = tmp_path / "key.pub"
        received.write_text(keys.run("--print", INSTANCE_ID).data["minions_pre"][INSTANCE_ID])
        shown = salt.utils.crypt.pem_finger(str(received))
        assert f"asgcycle: minion-key sha256:{shown}" in launched.lines()
        keys.run("--accept", INSTANCE_ID, "--yes")
        launched.await_line(f"asgcycle: ready instance={INSTANCE_ID}")

        assert system.security_pending(host) == {}
        assert system.installed(host)[UPDATE] == "2"
        assert host.read("/etc/role") == "web\n"
        assert host.exists("/run/asgcycle/ready")
        assert not host.exists("/run/reboot-required")

        events = launched.journal()
        first, second = dict.fromkeys(event.boot for event in events)
        order = [
            (first, "asgcycle: upgrading: security"),
            (first, "asgcycle: upgraded"),
            (first, "asgcycle: rebooting"),
            (second, f"asgcycle: joining as {INSTANCE_ID}"),
            (second, "asgcycle: minion-key sha256:"),
            (second, "asgcycle: not ready: reboot: the master has not accepted"),
            (second, f"asgcycle: ready instance={INSTANCE_ID}"),
        ]
        seen = iter((event.boot, event.text) for event in events)
        for boot, words in order:
            assert any(words in text and boot == at for at, text in seen), words
        minion = [event for event in events if event.unit == MINION]
        assert minion
        assert {event.boot for event in minion} == {second}
        assert not [e for e in events if e.boot == first and "asgcycle: ready" in e.text]
