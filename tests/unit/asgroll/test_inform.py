"""What `status` tells of a roll."""

import pytest

from asgroll import inform
from asgroll.model import Phase
from tests.unit.asgroll.build import NOW, instance, roll

OLD = [instance(f"i-old{n}") for n in range(3)]
FIELDS = {"owner": "one", "alive_until": NOW + 90, "delta": 1, "expected_desired": 4}


@pytest.mark.parametrize(
    ("us", "now", "phase", "expected"),
    [
        pytest.param("two", NOW, Phase.ROLLING, "rolling", id="another master works on it"),
        pytest.param("two", NOW, Phase.RESTORING, "restoring", id="or puts it back"),
        pytest.param("two", NOW + 90, Phase.ROLLING, "interrupted", id="it was not heard of since"),
        pytest.param("one", NOW, Phase.ROLLING, "interrupted", id="ours, and nobody has the lock"),
        pytest.param("two", NOW, Phase.STOPPED, "paused", id="it has ended"),
    ],
)
def test_a_roll_of_another_master_is_not_called_interrupted_while_it_may_live(
    us, now, phase, expected
):
    found = roll(*OLD, phase=phase, **FIELDS)
    told = inform.status(found, False, inform.elsewhere(found, us, now))
    assert (told["status"], told["result"]) == (expected, expected in ("rolling", "restoring"))
    assert bool(told["next"]) is not told["result"]


def test_a_roll_that_is_done_but_left_something_can_only_be_aborted():
    told = inform.status(roll(*OLD, phase=Phase.DONE, delta=1), False)
    assert "asgcycle.abort" in told["next"]
    assert "asgcycle.resume" not in told["next"]
