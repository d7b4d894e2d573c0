"""The settings of the launch hook, and how a group's hooks are compared with them."""

import pytest

from asgroll.errors import PolicyError
from asgroll.launch_hook import Found, LaunchHook, decide, parse

TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"


def shown(**changes):
    """The wanted hook as AWS shows it."""
    return {**LaunchHook().request, "GlobalTimeout": 172800, **changes}


def test_later_layers_win_key_by_key():
    wanted = parse([("a", {"name": "up", "timeout": "1h"}), ("b", {"timeout": 90})])
    assert wanted == LaunchHook(name="up", timeout=90)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"timeout": "29s"}, "timeout: '29s' is not allowed; give a duration from 30s to 2h"),
        ({"timeout": "3h"}, "a duration from 30s to 2h; heartbeats extend it"),
        ({"timeout": "soon"}, "timeout: 'soon' is not allowed; give a duration"),
        ({"default_result": "CONTINUE"}, "default_result: 'CONTINUE' is not allowed"),
        ({"name": "a b"}, "name: 'a b' is not allowed; give up to 255 letters"),
        ({"tiemout": 60}, "unknown key 'tiemout'. Did you mean timeout?"),
        (["timeout"], "must be a mapping of keys"),
    ],
)
def test_bad_settings_are_named_with_what_is_allowed(section, said):
    with pytest.raises(PolicyError) as refused:
        parse([("pillar asgcycle:defaults:launch_hook", section)])
    (text,) = refused.value.problems
    assert text.startswith("pillar asgcycle:defaults:launch_hook: ")
    assert said in text


@pytest.mark.parametrize(
    ("hooks", "found"),
    [
        ([], Found(False)),
        ([shown()], Found(True)),
        ([shown(NotificationMetadata="who")], Found(True)),
        (
            [shown(HeartbeatTimeout=60, DefaultResult="CONTINUE")],
            Found(
                True,
                (
                    "HeartbeatTimeout is 60, wanted 1800",
                    "DefaultResult is CONTINUE, wanted ABANDON",
                ),
            ),
        ),
        (
            [shown(LifecycleTransition=TERMINATING)],
            Found(
                True,
                (
                    f"LifecycleTransition is {TERMINATING}, wanted "
                    "autoscaling:EC2_INSTANCE_LAUNCHING",
                ),
                foreign=True,
            ),
        ),
        (
            [shown(LifecycleHookName="drain", LifecycleTransition=TERMINATING)],
            Found(False, others=("drain (terminating)",)),
        ),
    ],
)
def test_the_hooks_of_a_group_are_compared(hooks, found):
    assert decide(hooks, LaunchHook()) == found


def test_a_hook_tells_how_long_it_waits():
    assert str(LaunchHook(timeout=1800)) == (
        "asgcycle-ready: waits 30m, with heartbeats up to 2d, then ABANDON"
    )
