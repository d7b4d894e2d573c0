"""The library is imported whole, whenever its files change."""

import itertools
import os
import sys
import threading
import time
from pathlib import Path

import pytest

import asgcycle_reload
from tests.unit.reload.conftest import LOADER, PARTS, settle

FILES = len(PARTS) + 1
STEPS = 2 * FILES  # a download and a copy


def of_the_library(module):
    """The versions of its parts, as the loader module sees them."""
    return {getattr(module.aptpolicy, part).version() for part in PARTS}


def run(steps, number=None):
    for _ in itertools.islice(steps, number):
        pass


def test_a_change_is_seen_at_the_next_load_and_an_old_job_keeps_what_it_has(formula):
    old = formula.load()
    assert old.versions() == {1}
    run(formula.sync(2))
    formula.loader(2)
    settle()
    assert formula.load().versions() == {2}
    assert old.versions() == {1}


def test_what_has_not_changed_is_not_imported_again(formula):
    first = formula.load()
    assert formula.load().aptpolicy is first.aptpolicy
    run(formula.sync(1))  # the same content, new times
    settle()
    assert formula.load().aptpolicy is first.aptpolicy


def test_a_library_that_somebody_imported_plainly_is_replaced(formula):
    sys.modules["aptpolicy"] = object()  # as version 0.1 of the formula has left it
    asgcycle_reload._STATE.pop("tree", None)
    assert formula.load().versions() == {1}


@pytest.mark.parametrize("begun", range(STEPS + 1))
@pytest.mark.parametrize("during", ["the waiting", "the reading", "the import"])
def test_in_no_interleaving_with_a_sync_is_the_library_half_old(
    formula, clock, monkeypatch, begun, during
):
    """57 of them: how far the sync is when the loading begins, and during what it goes on."""
    formula.load()
    sync = formula.sync(2)
    run(sync, begun)
    clock.meanwhile = sync
    if during == "the reading":
        plain = Path.read_bytes

        def read(path):
            next(sync, None)
            return plain(path)

        monkeypatch.setattr(Path, "read_bytes", read)
    if during == "the import":
        plain_code = asgcycle_reload._Loader.get_code

        def code(loader, name):
            next(sync, None)
            return plain_code(loader, name)

        monkeypatch.setattr(asgcycle_reload._Loader, "get_code", code)
    found = formula.load()
    assert found.MISSING is None
    assert of_the_library(found) in ({1}, {2})
    run(sync)
    settle()
    assert of_the_library(formula.load()) == {2}


@pytest.mark.parametrize("copied", range(1, FILES))
def test_a_copy_that_was_interrupted_is_refused_with_what_to_do(formula, clock, copied):
    run(formula.sync(2), FILES + copied)
    refused = formula.load().MISSING
    assert f"{FILES - copied} files in {formula.utils} are not those" in refused
    assert "run saltutil.sync_all" in refused
    assert clock.passed == pytest.approx(asgcycle_reload.PATIENCE_SECONDS, abs=0.2)


@pytest.mark.parametrize("downloaded", range(1, FILES))
def test_a_download_that_was_interrupted_changes_nothing(formula, clock, downloaded):
    run(formula.sync(2), downloaded)
    assert formula.load().versions() == {1}
    assert clock.passed < asgcycle_reload.PATIENCE_SECONDS / 2


def test_files_without_a_download_beside_them_are_waited_for_until_they_are_quiet(formula, clock):
    for path in formula.served.rglob("*.py"):
        path.unlink()
    copy = formula.copy(2)
    run(copy, 3)
    clock.meanwhile = copy
    formula.loader(2)
    assert formula.load().versions() == {2}
    assert clock.passed > asgcycle_reload.QUIET_SECONDS


def test_bytecode_of_the_same_second_and_size_is_not_taken_for_another_source(formula, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    stamp = (1_700_000_000, 1_700_000_000)
    for version in (1, 2, 3):
        run(formula.sync(version))
        formula.loader(version)
        for path in formula.utils.rglob("*.py"):
            os.utime(path, stamp)
        settle()
        assert formula.load().versions() == {version}
    kept = list(formula.utils.rglob("*.pyc"))
    assert len(kept) == FILES
    asgcycle_reload._STATE.pop("tree")
    monkeypatch.setattr(asgcycle_reload._Loader, "source_to_code", None)  # all from bytecode
    assert formula.load().versions() == {3}


NEWER = LOADER + "\ndef more():\n    return aptpolicy.a.new_function(1)\n"
OTHER_ARGUMENTS = LOADER + "\ndef more():\n    return aptpolicy.a.version(loud=True)\n"
NEW_MODULE = LOADER.replace("{imports}", "{imports}\n        import aptpolicy.new\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            NEWER,
            "aptpolicy.a.new_function(1): module 'aptpolicy.a' has no attribute 'new_function'",
        ),
        (OTHER_ARGUMENTS, "aptpolicy.a.version(loud=True): got an unexpected keyword argument"),
        (NEW_MODULE, "No module named 'aptpolicy.new'"),
    ],
)
def test_a_loader_module_that_is_newer_than_the_library_waits_and_then_says_so(
    formula, clock, text, said
):
    formula.loader(1, text)
    refused = formula.load().MISSING
    assert said in refused
    assert "run saltutil.sync_all" in refused
    assert clock.passed == pytest.approx(asgcycle_reload.PATIENCE_SECONDS, abs=0.2)


def test_a_loader_module_that_is_newer_gets_the_library_that_arrives_meanwhile(formula, clock):
    formula.load()
    formula.loader(2, NEWER)
    text = "VERSION = 2\n\ndef version():\n    return 2\n\ndef new_function(x):\n    return x\n"
    plain = formula.files
    formula.files = lambda version: plain(2) | {"aptpolicy/a.py": text}
    clock.meanwhile = formula.sync(2)
    found = formula.load()
    assert found.MISSING is None
    assert (found.versions(), found.more()) == ({2}, 1)


def test_two_copies_do_not_mix(formula, tmp_path):
    """A wheel, or a file tree, beside what was synchronised: each loader module has its own."""
    other = type(formula)(tmp_path / "other")
    other.loader(5)
    run(other.sync(5))
    settle()
    for _ in range(2):
        assert formula.load().versions() == {1}
        assert other.load().versions() == {5}


def test_threads_that_load_at_once_while_it_changes_each_get_one_version(formula, monkeypatch):
    monkeypatch.setattr(asgcycle_reload, "time", time)
    found, problems, enough = [], [], threading.Event()

    def load():
        try:
            while not enough.is_set():
                module = formula.load()
                found.append(of_the_library(module))
        except Exception as exc:  # noqa: BLE001 -- of a thread, told below
            problems.append(exc)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for version in range(2, 8):
        run(formula.sync(version))
        settle()
        # However slow the machine: the next change comes when this one has been loaded by somebody.
        patience = time.monotonic() + 60
        while {version} not in found and not problems and time.monotonic() < patience:
            time.sleep(0.01)
    enough.set()
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert [versions for versions in found if len(versions) != 1] == []
    assert set().union(*found) >= set(range(2, 8))


def test_without_any_library_the_message_names_where_it_was_looked_for(formula, monkeypatch):
    for path in sorted(formula.utils.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    monkeypatch.setattr(sys, "path", [p for p in sys.path if not Path(p, "aptpolicy").is_dir()])
    assert f"neither in {formula.utils} nor on Python's path" in formula.load().MISSING


def test_it_replaces_itself_too(formula):
    own = Path(asgcycle_reload.__file__).read_text()
    (formula.utils / "asgcycle_reload.py").write_text(own + "\nNEW = 1\n")
    settle()
    try:
        assert formula.load().versions() == {1}
        assert asgcycle_reload.NEW == 1
    finally:
        vars(asgcycle_reload).pop("NEW", None)


def test_files_that_are_run_by_another_python_are_of_the_version_that_runs_too(formula):
    old = formula.load().aptpolicy
    run(formula.sync(2))
    settle()
    formula.load()
    source = old.__loader__.get_data(str(formula.utils / "aptpolicy" / "a.py"))
    assert source.startswith(b"VERSION = 1\n")
