"""A mirror that sets an Origin of its own: what it marks counts as security everywhere."""

from __future__ import annotations

import json

import pytest

from tests.formula import system
from tests.formula.conftest import CURRENT, FORMULA
from tests.hosts.repository import Deb

MAIN = {"Origin": "Acme", "Label": "Acme", "Codename": "trixie"}
SECURITY = {**MAIN, "Label": "Acme-Security"}
POLICY = {
    "origins": ["acme-security"],
    "third_party": {
        "acme-main": {"origin": "Acme", "label": "Acme"},
        "acme-security": {"origin": "Acme", "label": "Acme-Security", "security": True},
    },
}
PATCHED = "/usr/local/lib/asgcycle/patched"


@pytest.fixture(scope="module")
def archive(repository):
    repository.publish("acme", [Deb("fixed", "1"), Deb("other", "1"), Deb("other", "2")], **MAIN)
    repository.publish("acme-security", [Deb("fixed", "2")], **SECURITY)
    return repository


@pytest.fixture(scope="module")
def layers(ground, archive):
    """Return a host that knows this mirror alone, with the policy applied."""
    with ground.host(CURRENT, applied=True, binds=(archive.bind,)) as minion:
        host = minion.host
        archive.alone(host, "acme", "acme-security")
        host.run("apt-get", "install", "-qy", "fixed=1", "other=1")
        minion.pillar({"unattended_upgrades": POLICY})
        applied = minion.apply(FORMULA, f"{FORMULA}.readiness")
        assert not applied.failed, applied.failed
        assert applied.states_of(
            "unattended-upgrades-config-effective-unattended_upgrades-effective"
        ).get("warnings", []) == ["third_party acme-main: not named in origins."]
        return ground.freeze(minion, "own-origin")


@pytest.fixture
def minion(ground, layers, archive, running):
    return running.enter_context(ground.on(layers, binds=(archive.bind,)))


def test_every_answer_counts_what_is_marked_and_nothing_else(minion):
    assert minion.call("unattended_upgrades.verify").value["ok"] is True
    status = minion.call("unattended_upgrades.status").value
    assert (status["pending_security"], status["excluded_security"]) == (1, 0)
    pending = minion.call("unattended_upgrades.pending", security_only=False).value
    assert [(one["name"], one["kind"]) for one in pending["packages"]] == [("fixed", "security")]
    assert [(one["name"], one["reason"]) for one in pending["excluded"]] == [
        ("other", "not_allowed")
    ]
    (pattern,) = minion.call("unattended_upgrades.policy").value["patterns"]
    assert pattern["kinds"] == ["security"]
    minion.call("saltutil.sync_all")
    grain = minion.call("grains.get", "unattended_upgrades").value
    assert grain["pending_security"] == 1
    # what the readiness agent asks
    agent = json.loads(minion.host.run("python3", PATCHED).stdout)
    assert [one["name"] for one in agent["packages"] if one["security"]] == ["fixed"]
    assert [uri_suite[1] for uri_suite in agent["used"]] == ["acme-security"]


def test_the_daily_run_installs_it_and_no_more(minion):
    assert system.run_daily_upgrade(minion.host) == "success"
    found = system.installed(minion.host)
    assert (found["fixed"], found["other"]) == ("2", "1")
