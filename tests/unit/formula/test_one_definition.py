"""The same situations through everything that speaks of patched: one answer.

What apt has read is given; how it is read is compared with the tool itself on real systems
(tests/formula/test_one_definition.py).
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

import aptpolicy.system
from aptpolicy.patched import decide
from aptpolicy.system import Host, Result
from tests.unit.formula.machine import Machine
from tests.unit.formula.situations import SITUATIONS
from tests.unit.formula.test_state_module import load
from tests.unit.readiness import agent
from tests.unit.readiness.agent import checks

REPO = Path(__file__).parents[3]


FILES = (
    "proc/1/maps",
    "var/lib/dpkg/status",
    "usr/bin/apt-get",
    "usr/local/lib/asgcycle/patched/__main__.py",
    "run/asgcycle/lists",
)
"""What every one of these hosts has."""


class Played(Machine):
    """A host in a situation; every command of every consumer ends here."""

    def __init__(self, root, situation):
        super().__init__(root)
        self.situation = situation
        self.repositories = situation.repositories or ()
        self.facts = {"packages": situation.packages, "broken": [], "unknown": []}
        if situation.packages is not None:
            self.facts["packages"] = list(situation.packages)
        self.facts.update(situation.facts)
        if situation.repositories is None:
            self.facts["repositories"] = None
        self.dump += situation.dump
        for path in FILES:
            self.write(path)
        for path, text in situation.files.items():
            self.write(path, text)
        (root / "run/asgcycle/lists").touch()

    def run(self, argv, seconds):
        if argv[0] in ("apt-config", "systemctl"):
            return super().run(argv, seconds)
        answer = decide.decide(self.read(), self.situation.kept_back)
        return Result(0, json.dumps({**answer, "support": self.support}), "")


@pytest.fixture(params=SITUATIONS, ids=lambda one: one.name.replace(" ", "_"))
def played(request, tmp_path):
    return Played(tmp_path, request.param)


def test_there_are_thirty_situations_at_least_and_each_once():
    names = [one.name for one in SITUATIONS]
    assert len(names) == len(set(names)) >= 30


def test_pending(played):
    found, meant = played.view().pending(), played.situation
    assert tuple(one["name"] for one in found["packages"]) == meant.pending
    assert {one["name"]: one["reason"] for one in found["excluded"]} == meant.excluded
    assert tuple(one["what"] for one in found["unknown"]) == meant.unknown
    assert (found["count"] is None) == (meant.packages is None)


def test_status(played):
    found, meant = played.view().status(), played.situation
    known = meant.packages is not None
    assert found["pending_security"] == (len(meant.pending) if known else None)
    assert found["excluded_security"] == (len(meant.excluded) if known else None)
    codes = [one["code"] for one in found["reasons"]]
    assert codes.count("unknown") == len(meant.unknown)
    assert found["needed"] == meant.action
    assert ("has_to_end" in codes) == meant.ends
    assert {r for r in meant.excluded.values() if r != "phased"} <= {*codes, *_unsaid(found)}
    if meant.unknown or meant.ends or meant.action != "nothing":
        assert found["verdict"] != "ok"


def _unsaid(status):
    """Where no security archive is allowed at all, that is what is said."""
    codes = [one["code"] for one in status["reasons"]]
    return ["not_allowed"] if "no_security_repository" in codes else []


def test_verify(played):
    problems = " ".join(played.view().verify()["problems"])
    for what in played.situation.unknown:
        assert (f"unknown {what}:" in problems) == (what in decide.OF_POLICY)


def test_the_state_upgraded(played):
    functions = {"unattended_upgrades.pending": lambda security_only: played.view().pending(False)}
    found, meant = load(functions, test=True).upgraded("now"), played.situation
    if meant.packages is None:
        assert found["result"] is False
        assert all(what in found["comment"] for what in meant.unknown)
    elif meant.pending:
        assert found["result"] is None
        assert found["comment"].endswith(": " + ", ".join(meant.pending))
    else:
        assert found["result"] is True


def test_the_grain(played, monkeypatch):
    monkeypatch.setattr(aptpolicy.system, "Host", lambda: Host(played.root, played.run))
    path = REPO / "_grains/unattended_upgrades.py"
    spec = importlib.util.spec_from_file_location("grain_under_test", path)
    module = importlib.util.module_from_spec(spec)
    module.__opts__ = {"cachedir": str(played.root)}
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.aptpolicy.system, "Host", lambda: Host(played.root, played.run))
    meant = played.situation
    known = meant.packages is not None
    for _ in range(2):  # the second time the counts are those that were kept
        found = module.unattended_upgrades()["unattended_upgrades"]
        assert found["pending_security"] == (len(meant.pending) if known else None)
        assert found["excluded_security"] == (len(meant.excluded) if known else None)
        assert found["reboot_required"] == (meant.action == "reboot")
    if meant.action in ("restart", "reexec", "nothing"):
        assert found["restart_required"] == (meant.action != "nothing")


def test_the_agent_that_user_data_brings(played, capsys):
    def run(argv, seconds):
        done = played.run(argv, seconds)
        return done.code, done.out, done.err

    host, meant = agent.edges.Host(str(played.root), run), played.situation
    why = dict(checks.look(host, ["reboot", "security-updates"]))
    if meant.unknown:
        assert why["security-updates"].startswith(f"unknown: {meant.unknown[0]}")
    elif meant.pending:
        assert why["security-updates"] == "pending: " + ", ".join(meant.pending)
    else:
        assert "security-updates" not in why
    assert ("reboot" in why) == (meant.action != "nothing" or meant.ends)
    assert agent.agent.say_pending(host) == (2 if meant.unknown else 0)
    assert tuple(capsys.readouterr().out.split()) == meant.pending


def test_the_modules_under_test_are_those_of_the_repository():
    assert Path(sys.modules["patched"].__file__).parent == REPO / "_utils/aptpolicy/patched"
