"""The states `effective` and `upgraded`, with the execution module played by a dictionary."""

import importlib.util
from pathlib import Path

import pytest
from salt.exceptions import CommandExecutionError

SOURCE = Path(__file__).parents[3] / "_states" / "unattended_upgrades.py"
FINE = {"problems": [], "unmatched_patterns": [], "lists_missing": False}


def load(functions, test=False):
    spec = importlib.util.spec_from_file_location("states_under_test", SOURCE)
    module = importlib.util.module_from_spec(spec)
    module.__opts__ = {"test": test}
    module.__salt__ = functions
    spec.loader.exec_module(module)
    return module


def answers(*results):
    """A function that gives these answers in turn and stays with the last."""
    left = list(results)
    return lambda *arguments, **keywords: left.pop(0) if len(left) > 1 else left[0]


def effective(*verified, test=False, deployed="same", refreshed=None, proxies=None):
    calls = refreshed if refreshed is not None else []
    functions = {
        "unattended_upgrades.verify": answers(*verified),
        "unattended_upgrades.compile": answers(
            {"fragment": "same", "upgrade_config": "same", "warnings": ["mind this"]}
        ),
        "unattended_upgrades.write_proxies": lambda path, test: {"done": test and proxies},
        "file.file_exists": answers(deployed is not None),
        "file.read": answers(deployed),
        "pkg.refresh_db": lambda: calls.append("refreshed"),
    }
    return load(functions, test).effective("the policy")


def test_a_policy_that_takes_effect_passes_without_changes():
    found = effective(FINE)
    assert found["result"] is True
    assert found["changes"] == {}


def test_warnings_about_the_pillar_are_shown_with_the_state():
    assert effective(FINE)["warnings"] == ["mind this"]


def test_every_problem_is_in_the_comment_of_the_failure():
    found = effective({**FINE, "problems": ["Mail is 'x'", "no security repository"]})
    assert found["result"] is False
    assert "Mail is 'x'" in found["comment"]
    assert "no security repository" in found["comment"]


def test_missing_lists_are_fetched_once_and_reported_as_a_change():
    calls = []
    found = effective({**FINE, "lists_missing": True}, FINE, refreshed=calls)
    assert calls == ["refreshed"]
    assert found["result"] is True
    assert found["changes"]


def test_lists_that_cannot_be_fetched_are_a_failure():
    found = effective({**FINE, "lists_missing": True})
    assert found["result"] is False
    assert "no package lists" in found["comment"]


@pytest.mark.parametrize("deployed", [None, "older"])
def test_in_test_mode_a_policy_that_is_not_deployed_yet_is_not_judged(deployed):
    found = effective({**FINE, "problems": ["x"]}, test=True, deployed=deployed)
    assert found["result"] is None


def test_in_test_mode_a_deployed_policy_is_judged_and_nothing_is_fetched():
    assert effective({**FINE, "problems": ["x"]}, test=True)["result"] is False
    calls = []
    found = effective({**FINE, "lists_missing": True}, test=True, refreshed=calls)
    assert found["result"] is None
    assert calls == []


def waiting(*names):
    return {"packages": [{"name": name} for name in names], "count": len(names), "unknown": []}


UNKNOWN = {"what": "packages", "why": "no python3-apt"}
NO_ANSWER = {"packages": [], "count": None, "unknown": [UNKNOWN]}
RAN = {"result": True, "upgraded": ["libc6"], "output": ["done"], "comment": "finished"}


def upgraded(*pending, run=RAN, test=False):
    functions = {
        "unattended_upgrades.pending": answers(*pending),
        "unattended_upgrades.run": answers(run),
    }
    return load(functions, test).upgraded("now")


def test_a_patched_system_has_no_changes():
    found = upgraded(waiting())
    assert (found["result"], found["changes"]) == (True, {})


def test_upgrades_are_reported_as_changes():
    found = upgraded(waiting("libc6"), waiting())
    assert found["result"] is True
    assert found["changes"] == {"upgraded": ["libc6"]}


def test_in_test_mode_nothing_runs_and_the_packages_are_named():
    found = upgraded(waiting("libc6"), run=None, test=True)
    assert found["result"] is None
    assert "libc6" in found["comment"]


def test_a_run_that_leaves_updates_behind_is_a_failure_with_its_output():
    found = upgraded(waiting("libc6", "curl"), waiting("curl"))
    assert found["result"] is False
    assert "curl" in found["comment"]
    assert "done" in found["comment"]


def test_an_apt_that_cannot_be_asked_after_the_run_is_no_success():
    found = upgraded(waiting("libc6"), NO_ANSWER)
    assert found["result"] is False
    assert "unknown" in found["comment"]


def test_an_apt_that_cannot_be_asked_is_a_failure_with_its_reason():
    found = upgraded(NO_ANSWER)
    assert found["result"] is False
    assert "no python3-apt" in found["comment"]


def test_without_the_execution_module_the_states_say_so():
    assert load({}).__virtual__()[0] is False


def test_in_test_mode_proxies_that_are_not_written_yet_are_no_problem_of_the_policy():
    found = effective({**FINE, "problems": ["the proxy is none"]}, test=True, proxies="written")
    assert found["result"] is None


@pytest.mark.parametrize(
    ("done", "test", "result", "changes"),
    [(None, False, True, {}), (None, True, True, {}), ("written", False, True, {"/f": "written"}),
     ("removed", True, None, {"/f": "removed"})],
)  # fmt: skip
def test_the_state_of_the_proxies_tells_what_was_done_and_nothing_of_the_content(
    done, test, result, changes
):
    module = load({"unattended_upgrades.write_proxies": lambda path, test: {"done": done}}, test)
    found = module.proxies_written("/f")
    assert (found["result"], found["changes"]) == (result, changes)


def test_a_refused_pillar_fails_the_state_of_the_proxies():
    def refuse(path, test):
        raise CommandExecutionError("the pillar is refused")

    found = load({"unattended_upgrades.write_proxies": refuse}).proxies_written("/f")
    assert (found["result"], found["comment"]) == (False, "/f: the pillar is refused")
