"""Answers that are not what there is: one thing left out, listed twice, or nothing at all.

AWS promises eventual consistency only, so a single answer may lack what the next one has again.
The faults are those of ``tests.lab.world.faults.ANSWER_KINDS``; this module applies them to an
answer after its handler has made it, the same way for both front ends.
"""

from __future__ import annotations

from typing import Any

from tests.lab.world import Fault, World

Answer = dict[str, Any]
Row = dict[str, Any]
# Where the rows of an operation's answer are, and what they name an instance by.
ROWS = {
    "DescribeAutoScalingGroups": "AutoScalingGroups",
    "DescribeAutoScalingInstances": "AutoScalingInstances",
    "DescribeInstanceRefreshes": "InstanceRefreshes",
    "DescribeScalingActivities": "Activities",
    "DescribeTargetHealth": "TargetHealthDescriptions",
    "DescribeInstanceHealth": "InstanceStates",
    "DescribeTags": "Tags",
}
GROUPS = "DescribeAutoScalingGroups"


def distorted(world: World, service: str, operation: str, answer: Answer) -> Answer:
    """Return an answer as the faults that strike this call let the caller see it.

    Rows may be shared with other answers: nothing is changed in place.
    """
    for index, fault in world.odd_answers(service, operation):
        change = _CHANGES[fault.kind]
        answer = change(world, index, fault, operation, answer)
    return answer


def _empty(_: World, __: int, fault: Fault, operation: str, answer: Answer) -> Answer:
    if fault.get("of", "all") == "members":
        return _in_group(fault, answer, lambda rows: [])
    if operation not in ROWS:
        return answer
    rows = [row for row in answer[ROWS[operation]] if not _is_about(fault, row)]
    return {key: value for key, value in answer.items() if key != "NextToken"} | {
        ROWS[operation]: rows
    }


def _missing(world: World, index: int, fault: Fault, operation: str, answer: Answer) -> Answer:
    def less(rows: list[Row]) -> list[Row]:
        gone = set(world.picked_rows(index, fault, [_instance(row) for row in rows]))
        return [row for row in rows if _instance(row) not in gone]

    return _among_instances(fault, operation, answer, less)


def _twice(world: World, index: int, fault: Fault, operation: str, answer: Answer) -> Answer:
    def more(rows: list[Row]) -> list[Row]:
        again = set(world.picked_rows(index, fault, [_instance(row) for row in rows]))
        return [*rows, *(row for row in rows if _instance(row) in again)]

    return _among_instances(fault, operation, answer, more)


def _group_twice(_: World, __: int, fault: Fault, operation: str, answer: Answer) -> Answer:
    rows = answer.get(ROWS[GROUPS], [])
    return {**answer, ROWS[GROUPS]: [*rows, *(row for row in rows if _is_about(fault, row))]}


_CHANGES = {
    "empty_answer": _empty,
    "member_missing": _missing,
    "member_twice": _twice,
    "target_missing": _missing,
    "target_twice": _twice,
    "group_twice": _group_twice,
}


def _among_instances(fault: Fault, operation: str, answer: Answer, change: Any) -> Answer:
    """Change the rows of an answer that stand for instances."""
    if operation == GROUPS:
        return _in_group(fault, answer, change)
    key = ROWS[operation]
    return {**answer, key: change(answer[key])}


def _in_group(fault: Fault, answer: Answer, change: Any) -> Answer:
    """Change the members of the group that a fault names, by default of the first one."""
    rows = list(answer[ROWS[GROUPS]])
    for place, row in enumerate(rows):
        if _is_about(fault, row) and "Instances" in row:
            rows[place] = {**row, "Instances": change(row["Instances"])}
            break
    return {**answer, ROWS[GROUPS]: rows}


def _is_about(fault: Fault, row: Row) -> bool:
    named = fault.get("group")
    return named is None or row.get("AutoScalingGroupName", named) == named


def _instance(row: Row) -> str:
    return row["Target"]["Id"] if "Target" in row else row["InstanceId"]
