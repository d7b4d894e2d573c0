"""The judge of the roll: each invariant is broken once, and only that one is told."""

import pytest

from verify.judging import Evidence, Look, verdict

BEFORE = {
    "MinSize": 1,
    "MaxSize": 4,
    "DesiredCapacity": 2,
    "SuspendedProcesses": [],
    "Tags": [{"Key": "asgcycle-verify", "Value": "x"}],
    "Instances": [{"InstanceId": "old1"}, {"InstanceId": "old2"}],
}


def look(states, serving):
    return Look(states, frozenset(serving.split()))


#: A roll without fault: one up, one down, twice.
GOOD = (
    look({"old1": "InService", "old2": "InService"}, "old1 old2"),
    look({"old1": "InService", "old2": "InService", "new1": "Pending"}, "old1 old2"),
    look({"old1": "Terminating", "old2": "InService", "new1": "InService"}, "old2 new1"),
    look(
        {"old2": "InService", "new1": "InService", "new2": "InService"},
        "old2 new1 new2",
    ),
    look({"old2": "Terminating", "new1": "InService", "new2": "InService"}, "new1 new2"),
    look({"new1": "InService", "new2": "InService"}, "new1 new2"),
)


def broken(looks=GOOD, after=BEFORE, **more):
    evidence = Evidence(BEFORE, list(looks), [after] * len(looks), **more)
    return sorted({item.rule for item in verdict(evidence) if not item.agrees})


def test_a_roll_without_fault_breaks_nothing():
    assert broken(answered=7) == []


@pytest.mark.parametrize(
    ("rule", "changed"),
    [
        ("I1", {"looks": [*GOOD[:2], look(GOOD[2].members, "old2"), *GOOD[3:]]}),
        (
            "I2",
            {
                "looks": [
                    GOOD[0],
                    look({**GOOD[3].members, "old1": "InService"}, "old1 old2 new1"),
                    *GOOD[2:],
                ]
            },
        ),
        ("I5", {"after": {**BEFORE, "MaxSize": 5}}),
        ("I5", {"after": {**BEFORE, "DesiredCapacity": 3}}),
        ("I5", {"after": {**BEFORE, "SuspendedProcesses": [{"ProcessName": "AZRebalance"}]}}),
        ("I5", {"after": {**BEFORE, "Tags": [*BEFORE["Tags"], {"Key": "k", "Value": "v"}]}}),
        ("I1", {"answered": 7, "unanswered": 1}),
    ],
)
def test_each_invariant_is_told_when_it_is_broken(rule, changed):
    assert broken(**changed) == [rule]


def test_an_old_instance_that_stays_is_told():
    stays = [*GOOD[:-2], look({"old2": "InService", "new1": "InService"}, "old2 new1")]
    assert "I3" in broken(looks=stays)


def test_a_replacement_that_was_launched_for_nothing_is_told():
    third = look({**GOOD[-1].members, "new3": "Terminating"}, "new1 new2")
    assert broken(looks=[*GOOD[:-1], third, GOOD[-1]]) == ["I3", "I4"]


def test_what_aws_does_after_the_roll_is_not_the_rolls():
    evidence = Evidence(BEFORE)
    for number, one in enumerate(GOOD[:-1]):
        # one answer is old and has no marks
        seen = Look(one.members, one.serving, rolling=number != 2)
        evidence.add(seen, {**BEFORE, "MaxSize": 5})
    evidence.add(GOOD[-1], BEFORE)
    evidence.add(look({**GOOD[-1].members, "aws1": "Pending"}, "new1"), {**BEFORE, "MaxSize": 9})
    assert evidence.end == len(GOOD)
    assert [item for item in verdict(evidence) if not item.agrees] == []


def test_what_is_still_changed_when_the_marks_are_gone_is_told():
    evidence = Evidence(BEFORE)
    for one in GOOD[:-1]:
        evidence.add(Look(one.members, one.serving, rolling=True), BEFORE)
    evidence.add(GOOD[-1], {**BEFORE, "MaxSize": 5})
    assert [item.rule for item in verdict(evidence) if not item.agrees] == ["I5"]


def test_an_application_that_was_never_reached_is_not_judged():
    evidence = Evidence(BEFORE, list(GOOD), [BEFORE] * len(GOOD))
    assert "requests without an answer" not in {item.point for item in verdict(evidence)}


def test_a_target_whose_traffic_is_taken_away_does_not_serve():
    from verify.judging import _gets_traffic

    row = {"TargetHealth": {"State": "healthy"}}
    assert _gets_traffic(row)
    assert _gets_traffic({**row, "AdministrativeOverride": {"State": "no_override"}})
    for state in ("zonal_shift_active", "zonal_shift_delegated_to_dns", "unknown"):
        assert not _gets_traffic({**row, "AdministrativeOverride": {"State": state}})
    assert not _gets_traffic({"TargetHealth": {"State": "unused"}})
