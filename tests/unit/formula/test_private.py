"""A file that only root may read."""

import os
from pathlib import Path

import pytest

from aptpolicy import private


@pytest.fixture
def path(tmp_path):
    return tmp_path / "zz-proxy"


def mode(path):
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_it_is_written_for_its_owner_alone_whatever_the_umask(path, mask):
    before = os.umask(mask)
    try:
        assert private.keep(path, "text") == "written"
    finally:
        os.umask(before)
    assert (path.read_text(), mode(path)) == ("text", 0o600)
    assert private.keep(path, "text") is None


def test_one_that_others_may_read_is_written_anew_and_never_shared_meanwhile(path, monkeypatch):
    path.write_text("old")
    path.chmod(0o644)
    seen = []
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: (seen.append(mode(Path(a))), replace(a, b)))
    assert private.keep(path, "old") == "written"
    assert (seen, mode(path)) == ([0o600], 0o600)


def test_in_test_mode_nothing_is_done(path):
    assert private.keep(path, "text", test=True) == "written"
    assert not path.exists()
    private.keep(path, "text")
    assert private.keep(path, "", test=True) == "removed"
    assert path.exists()


def test_without_a_text_it_goes(path):
    assert private.keep(path, "") is None
    private.keep(path, "text")
    assert private.keep(path, "") == "removed"
    assert not path.exists()


def test_what_a_killed_run_has_left_is_no_obstacle_and_apt_does_not_read_it(path):
    left = path.with_name("zz-proxy~")
    left.write_text("half")
    assert private.keep(path, "text") == "written"
    assert not left.exists()
