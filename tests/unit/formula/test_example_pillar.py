"""The example pillar is itself a good pillar, in every environment."""

import re
from pathlib import Path

import pytest
import yaml

from aptpolicy import fragment, keys, plans
from tests.unit.formula.systems import BOOKWORM, JAMMY, TRIXIE, policy

EXAMPLE = Path(__file__).parents[3] / "pillar.example"
PILLAR = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["unattended_upgrades"]


@pytest.mark.parametrize("system", [BOOKWORM, TRIXIE, JAMMY], ids=lambda s: s.codename)
@pytest.mark.parametrize("environment", [None, "dev", "staging", "prod"])
def test_the_example_is_accepted_in_every_environment(environment, system):
    result = policy(PILLAR, system, grain_environment=environment)
    assert result.environment == environment
    unexpected = [w for w in result.warnings if "base applies" not in w and "docker" not in w]
    assert unexpected == []


def test_dev_moves_first_and_reboots_by_itself_while_prod_does_not():
    dev = policy(PILLAR, grain_environment="dev")
    prod = policy(PILLAR, grain_environment="prod")
    assert dev.get("reboot.policy")
    assert not prod.get("reboot.policy")
    assert dict(fragment.directives(dev))["Unattended-Upgrade::Update-Days"] == ()
    assert len(dev.patterns) > 1


def test_what_the_example_says_of_staging_and_production_is_true():
    staging, prod = (policy(PILLAR, grain_environment=name) for name in ("staging", "prod"))
    (said,) = re.findall(r"least (\d+) hours before", EXAMPLE.read_text(encoding="utf-8"))
    assert plans.leads(prod, {"staging": staging}) == {"staging": float(said)}
    assert float(said) >= 24
    without = {**PILLAR, "snapshot": None}
    without["environments"] = {
        name: {**overlay, "snapshot": None} for name, overlay in PILLAR["environments"].items()
    }
    staging, prod = (policy(without, grain_environment=name) for name in ("staging", "prod"))
    assert plans.leads(prod, {"staging": staging})["staging"] < 0


def test_the_example_shows_every_group_of_keys():
    groups = {
        key.name.partition(".")[0] for key in keys.KEYS + keys.FORMULA_KEYS if "." in key.name
    }
    text = EXAMPLE.read_text(encoding="utf-8").partition("\nunattended_upgrades:\n")[2]
    assert [group for group in sorted(groups) if f" {group}:" not in text] == []
