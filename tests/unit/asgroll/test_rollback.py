"""What a group goes back to."""

import pytest

from asgroll.errors import NoWayBackError
from asgroll.rollback import ran_before, targets, unusable
from asgroll.world import Image
from tests.unit.asgroll.build import NOW, instance, roll


@pytest.mark.parametrize(
    ("now", "were", "recorded", "expected"),
    [
        pytest.param({"lt-a:2": "lt-a:2"}, ["lt-a:1"] * 3, {}, {"lt-a:2": "lt-a:1"}, id="ran"),
        pytest.param(
            {"lt-a:$Latest": "lt-a:3"}, ["lt-a:1"], {}, {"lt-a:$Latest": "lt-a:1"}, id="unpinned"
        ),
        pytest.param(
            {"lt-a:3": "lt-a:3"},
            ["lt-a:1"],
            {"lt-a:3": "lt-a:2"},
            {"lt-a:3": "lt-a:1"},
            id="what ran counts before what was published",
        ),
        pytest.param(
            {"lt-a:3": "lt-a:3"},
            ["lt-a:1", "lt-a:2"],
            {"lt-a:3": "lt-a:2"},
            {"lt-a:3": "lt-a:2"},
            id="several ran: what was published",
        ),
        pytest.param(
            {"lt-a:3": "lt-a:3"}, [], {"lt-a:3": "lt-a:2"}, {"lt-a:3": "lt-a:2"}, id="no journal"
        ),
        pytest.param(
            {"lt-a:2": "lt-a:2", "lt-b:5": "lt-b:5"},
            ["lt-a:1", "lt-b:5"],
            {},
            {"lt-a:2": "lt-a:1"},
            id="one template of several has changed",
        ),
        pytest.param({"web-2": "web-2"}, ["web-1"], {}, {"web-2": "web-1"}, id="configuration"),
        pytest.param(
            {"lt-a:2": "lt-a:2"}, ["lt-a:1", "lt-a:2"], {}, {"lt-a:2": "lt-a:1"}, id="part was new"
        ),
    ],
)
def test_the_group_goes_back_to_what_is_known_to_have_run(now, were, recorded, expected):
    assert targets(now, were, recorded) == expected


@pytest.mark.parametrize(
    ("now", "were"),
    [
        pytest.param({"lt-a:1": "lt-a:1"}, ["lt-a:1"], id="one version ran"),
        pytest.param({"lt-a:1": "lt-a:1"}, ["lt-a:0", "lt-a:1"], id="several ran"),
        pytest.param(
            {"lt-a:1": "lt-a:1", "lt-b:5": "lt-b:5"}, ["lt-a:1", "lt-b:5"], id="of two templates"
        ),
    ],
)
def test_a_group_that_was_taken_back_already_is_not_taken_back_further(now, were):
    assert targets(now, were, {}, ["lt-a:2", "lt-b:5"]) == {}


@pytest.mark.parametrize(
    ("were", "recorded", "said"),
    [
        (["lt-a:2"], {}, "nothing else than lt-a:2 is known"),
        ([], {}, "nothing else than lt-a:2 is known"),
        (["lt-a:0", "lt-a:1"], {}, r"several versions \(lt-a:0, lt-a:1\)"),
        ([], {"lt-a:2": "lt-a:2"}, "nothing else than lt-a:2 is known"),
        (["lt-x:1"], {}, "nothing else than lt-a:2 is known"),
    ],
)
def test_without_anything_to_go_back_to_it_is_refused_with_the_reason(were, recorded, said):
    with pytest.raises(NoWayBackError, match=said):
        targets({"lt-a:2": "lt-a:2"}, were, recorded)


def test_the_victims_of_a_rollback_are_not_gone_back_to():
    victims = [instance("i-1", spec="lt-a:7")]
    assert ran_before(roll(*victims)) == ("lt-a:7",)
    assert ran_before(roll(*victims, rollback=True)) == ()
    assert ran_before(None) == ()


@pytest.mark.parametrize(
    ("image", "accept", "said"),
    [
        (Image("available"), (), ""),
        (Image("available", NOW + 1), (), ""),
        (Image("available", NOW - 7200), (), "is deprecated since 2h"),
        (Image("available", NOW - 7200), ("deprecated-image",), ""),
        (Image("disabled"), ("deprecated-image",), "is in state disabled"),
        (Image("pending"), (), "is in state pending"),
        (Image("", NOW - 1), (), "is in state "),
        (None, ("deprecated-image",), "is deregistered, or not shared"),
    ],
    ids=str,
)
def test_an_image_may_not_be_usable_any_more(image, accept, said):
    found = unusable(image, NOW, accept)
    assert found.startswith(said)
    assert bool(found) is bool(said)
