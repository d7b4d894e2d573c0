"""Pillar and arguments to a policy: what is allowed, and how a mistake is told."""

from collections import OrderedDict

import pytest

from asgroll.errors import PolicyError
from asgroll.policy import KEYS, Policy, layers_for, parse
from asgroll.values import Amount, Select, format_duration, parse_duration


def problems(**keys):
    with pytest.raises(PolicyError) as caught:
        parse([("pillar", keys)])
    return caught.value.problems


def test_without_configuration_the_defaults_work():
    assert parse([]) == Policy()
    assert (Policy().surge, Policy().max_unavailable) == (Amount(1), Amount(0))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(90, 90), ("90", None), ("90s", 90), ("15m", 900), ("1h30m", 5400), ("14d", 1209600)],
)
def test_durations(text, seconds):
    if seconds is None:
        with pytest.raises(ValueError, match="a duration"):
            parse_duration(text)
    else:
        assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (1.25, "1.2s"), (61, "1m1s"), (5400, "1h30m"), (90061, "1d1h")]
)
def test_durations_are_told_in_two_parts_at_most(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("all", Select("all")),
        ("outdated", Select("outdated")),
        ({"older_than": "14d"}, Select("older_than", older_than=1209600)),
        ("older_than:14d", Select("older_than", older_than=1209600)),
        (
            {"instances": ["i-0123456789abcdef0"]},
            Select("instances", instances=("i-0123456789abcdef0",)),
        ),
        (
            "instances:i-0123abcd,i-0123abce",
            Select("instances", instances=("i-0123abcd", "i-0123abce")),
        ),
    ],
)
def test_ways_to_select(given, expected):
    assert parse([("argument", {"select": given})]).select == expected


BAD = [
    ("surge", "x"),
    ("surge", -1),
    ("surge", True),
    ("surge", 1.5),
    ("max_unavailable", "101%"),
    ("raise_max", "yes"),
    ("select", "some"),
    ("select", {"older_than": 0}),
    ("select", {"instances": ["i-*"]}),
    ("select", {"instances": []}),
    ("order", "random"),
    ("protected", "ignore"),
    ("standby", None),
    ("suspend", ["Launch"]),
    ("suspend", ["Terminate"]),
    ("ready_timeout", 0),
    ("drain_timeout", "soon"),
    ("healthy_for", -5),
    ("poll_interval", "0s"),
    ("settle_time", []),
    ("max_failures", -1),
    ("max_failures", "two"),
    ("max_failures", "101%"),
    ("count_failures", "some"),
    ("canary", "none"),
    ("canary", 1.5),
    ("checkpoints", [0, 5]),
    ("checkpoints", ["120%"]),
    ("checkpoints", {"first": 1}),
    ("bake", "a while"),
    ("approve", "yes"),
    ("alarms", 5),
    ("lease", "off"),
    ("lease_time", 0),
    ("on_failure", "retry"),
    ("on_signal", "ignore"),
    ("accept", ["everything"]),
    ("region", 5),
    ("profile", ""),
    ("role_arn", "arn:aws:s3:::bucket"),
    ("endpoint_url", "aws.example"),
    ("endpoint_url", "http://exa mple"),
    ("endpoint_url", "https://[::1"),
]


@pytest.mark.parametrize(("key", "value"), BAD)
def test_a_bad_value_is_told_with_key_value_and_what_is_allowed(key, value):
    (text,) = problems(**{key: value})
    assert text.startswith(f"pillar: {key}: {value!r} is not allowed; give ")


def test_a_mapping_is_shown_plainly_whatever_its_type():
    (text,) = problems(select=OrderedDict(newest=1))
    assert "select: {'newest': 1} is not allowed" in text


def test_every_key_that_takes_a_value_has_a_bad_one_in_the_table():
    assert {key for key, _ in BAD} == set(KEYS)


def test_an_unknown_key_is_told_with_the_one_that_was_meant():
    (text,) = problems(max_unavailible=1)
    assert "unknown key 'max_unavailible'. Did you mean max_unavailable?" in text


def test_all_problems_are_told_at_once():
    assert len(problems(surge="x", order="y", nonsense=1)) == 3


@pytest.mark.parametrize("unavailable", [0, "0%"])
def test_no_room_to_replace_anything_is_refused(unavailable):
    (text,) = problems(surge=0, max_unavailable=unavailable)
    assert "leaves no room to replace anything" in text


def test_healthy_for_must_fit_into_the_ready_timeout():
    (text,) = problems(healthy_for="20m", ready_timeout="15m")
    assert "healthy_for: 20m must be shorter than ready_timeout: 15m" in text


def test_the_time_of_a_lease_must_span_several_observations():
    (text,) = problems(lease_time="1m", poll_interval="20s")
    assert "lease_time: 1m must be at least 4 times poll_interval: 20s" in text
    assert parse([("pillar", {"lease_time": 1, "lease": False})]).lease_time == 1


def test_an_approval_needs_the_tags_that_bring_it():
    (text,) = problems(approve="manual", canary=1, lease=False)
    assert "approve: manual needs lease: true" in text


@pytest.mark.parametrize("given", [{"bake": "5m"}, {"approve": "manual"}, {"bake": 1, "canary": 0}])
def test_what_only_takes_effect_at_checkpoints_needs_one(given):
    (text,) = problems(**given)
    assert "take effect at checkpoints, and there is none" in text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([1, "10%", "50%"], (Amount(1), Amount(percent=10.0), Amount(percent=50.0))),
        ("1,10%", (Amount(1), Amount(percent=10.0))),
        (5, (Amount(5),)),
    ],
)
def test_checkpoints_are_read_from_pillar_and_command_line(given, expected):
    assert parse([("pillar", {"checkpoints": given})]).checkpoints == expected


# --- layers --------------------------------------------------------------------------------------

PILLAR = {
    "defaults": {"surge": 1, "poll_interval": "10s"},
    "environments": {"prod": {"surge": 2, "max_failures": 0}},
    "groups": {
        "web-*": {"environment": "prod", "surge": 3},
        "web-eu-*": {"surge": 4},
        "web-eu-1": {"surge": 5},
    },
}


@pytest.mark.parametrize(
    ("group", "arguments", "surge"),
    [
        ("db", {}, 1),
        ("web-us", {}, 3),
        ("web-eu-2", {}, 4),
        ("web-eu-1", {}, 5),
        ("web-eu-1", {"surge": 6}, 6),
    ],
)
def test_the_more_exact_layer_wins(group, arguments, surge):
    policy = parse(layers_for(group, PILLAR, arguments))
    assert policy.surge == Amount(surge)
    assert policy.poll_interval == 10
    assert policy.max_failures == Amount(2 if group == "db" else 0)


@pytest.mark.parametrize(
    ("pillar", "said"),
    [
        ([], "must be a mapping"),
        ({"default": {}}, "unknown key 'default'"),
        ({"groups": ["web"]}, "asgcycle:groups: must be a mapping"),
        ({"groups": {"web": 3}}, "asgcycle:groups:web: must be a mapping"),
        ({"groups": {"web": {"environment": "prd"}}}, "environment 'prd' of group web"),
        ({"groups": {"web": {"environment": ["prod"]}}}, "environment ['prod'] of group web"),
        ({"groups": {123: {}}}, "the key 123 must be a text"),
        ({"defaults": {True: 1}}, "the key True must be a text"),
    ],
)
def test_a_pillar_of_another_shape_is_told(pillar, said):
    with pytest.raises(PolicyError) as caught:
        layers_for("web", pillar, {})
    assert said in str(caught.value)


def test_mistakes_of_a_layer_that_is_overridden_are_told_all_the_same():
    pillar = {"defaults": {"surge": "many"}}
    with pytest.raises(PolicyError, match="asgcycle:defaults: surge: 'many'"):
        parse(layers_for("web", pillar, {"surge": 2}))
