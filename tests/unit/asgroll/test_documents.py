"""What is written for people is what the code does."""

from pathlib import Path

import pytest
import yaml
from salt.state import STATE_INTERNAL_KEYWORDS

from asgroll import launch_hook
from asgroll.accepting import ACCEPTABLE
from asgroll.policy import KEYS, SUSPENDABLE, layers_for, parse, section
from asgroll.policy_docs import SUSPENDED, page

REPO = Path(__file__).resolve().parents[3]
PILLAR = yaml.safe_load((REPO / "pillar.example").read_text())


def test_the_page_of_policy_keys_is_current():
    assert (REPO / "docs" / "policy.md").read_text() == page()


def test_the_page_says_what_it_means_that_a_process_rests():
    assert set(SUSPENDED) == set(SUSPENDABLE)


@pytest.mark.parametrize("group", ["web", "web-canary", "batch-1", "anything"])
def test_the_example_pillar_is_a_good_policy(group):
    parse(layers_for(group, PILLAR["asgcycle"], {}))


def test_the_page_of_the_first_boot_lists_the_keys_of_the_launch_hook():
    page = (REPO / "docs" / "first-boot.md").read_text()
    hook = launch_hook.LaunchHook()
    defaults = {"name": hook.name, "timeout": "30m", "default_result": hook.default_result}
    assert hook.timeout == 30 * 60
    for key, (_, about) in launch_hook.KEYS.items():
        assert f"| `{key}` | `{defaults[key]}` | {about} |" in page


def test_the_example_pillar_has_a_launch_hook_that_a_roll_is_patient_enough_for():
    layers = layers_for("anything", PILLAR["asgcycle"], {})
    hook = launch_hook.parse(section(layers, "launch_hook"))
    assert hook.timeout < parse(layers).ready_timeout


def test_the_example_pillar_shows_every_key():
    shown = set(PILLAR["asgcycle"]["defaults"])
    text = (REPO / "pillar.example").read_text()
    missing = [key for key in KEYS if key not in shown and f"# {key}:" not in text]
    assert missing == []


def test_the_example_pillar_and_the_page_name_every_obstacle_that_may_be_accepted():
    for text in ((REPO / "pillar.example").read_text(), page()):
        assert [name for name in ACCEPTABLE if name not in text] == []


def test_the_environments_of_the_example_differ_in_what_is_rolled():
    policies = {
        group: parse(layers_for(group, PILLAR["asgcycle"], {}))
        for group in ("web", "web-canary", "batch-1")
    }
    assert len({str(policy) for policy in policies.values()}) == 3


def test_the_only_key_that_an_orchestration_swallows_is_the_one_that_says_so():
    assert set(KEYS) & set(STATE_INTERNAL_KEYWORDS) == {"order"}
    assert "kwarg: {order:" in KEYS["order"].about
