"""The Salt side: what a runner function is given."""

import time

import pytest

from asgroll.errors import PolicyError
from asgroll.lease import Lease, Unleased
from asgroll.master import Master
from asgroll.policy import parse


def master(tmp_path, **runners):
    opts = {"id": "salt_master", "cachedir": str(tmp_path)}
    return Master(opts, {name.replace("__", "."): call for name, call in runners.items()}, None)


def test_deadlines_do_not_follow_a_clock_that_somebody_sets(tmp_path, monkeypatch):
    now = master(tmp_path).steady_clock()
    before = now()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 7200)
    assert now() - before < 60


def test_all_processes_of_one_cache_folder_are_one_owner(tmp_path):
    one, two = master(tmp_path / "a"), master(tmp_path / "b")
    assert one.owner() == master(tmp_path / "a").owner()
    assert one.owner() != two.owner()
    assert one.owner().startswith("salt_master.")


def test_a_lease_can_be_done_without(tmp_path):
    made = [
        master(tmp_path).lease(None, parse([("test", {"lease": wanted})]), time.sleep)
        for wanted in (True, False)
    ]
    assert [type(one) for one in made] == [Lease, Unleased]


def test_a_pillar_that_does_not_render_is_an_error_and_not_empty(tmp_path):
    broken = master(
        tmp_path, pillar__show_pillar=lambda **_: {"_errors": ["line 3"], "asgcycle": {}}
    )
    with pytest.raises(PolicyError, match=r"pillar of the master \(salt_master\) does not render"):
        broken.layers("web", {})
