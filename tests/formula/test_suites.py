"""The pillars of kitchen.yml's suites with kitchen.yml's assertion."""

import pytest

from tests.formula.conftest import FORMULA, PILLARS

RELEASE = 12
"""Other tests try most keys on the newest release: here an older one reads them."""


@pytest.mark.parametrize("suite", sorted(path.stem for path in PILLARS.glob("*.sls")))
def test_a_suite_applies_takes_effect_and_is_idempotent(start, suite):
    minion = start(RELEASE, applied=True)
    minion.pillar_file(PILLARS / f"{suite}.sls")
    first = minion.apply(FORMULA)
    assert not first.failed, first.failed
    effective = minion.call("state.single", "unattended_upgrades.effective", name="verify")
    assert effective.exit == 0, effective.value
    second = minion.apply(FORMULA)
    assert not second.failed
    assert second.changed == {}
    minion.host.run("apt-get", "check")
