"""STS: who am I, and assuming a role."""

from __future__ import annotations

from typing import Any

from tests.lab.world import World

from .common import moment


def get_caller_identity(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """GetCallerIdentity."""
    return {
        "UserId": "AIDALABUSER",
        "Account": world.account,
        "Arn": f"arn:aws:iam::{world.account}:user/lab",
    }


def assume_role(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """AssumeRole: any role, for an hour unless told; each time with credentials of its own."""
    key = f"ASIALAB{len(world.sessions):013d}"
    asked = params.get("DurationSeconds", 3600)
    world.sessions[key] = world.now + (world.session_seconds or asked)
    role = params["RoleArn"].rsplit("/", 1)[-1]
    session = params["RoleSessionName"]
    return {
        "Credentials": {
            "AccessKeyId": key,
            "SecretAccessKey": "lab",
            "SessionToken": "lab",
            "Expiration": moment(world.sessions[key]),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": f"AROALAB:{session}",
            "Arn": f"arn:aws:sts::{world.account}:assumed-role/{role}/{session}",
        },
    }


OPERATIONS = {"GetCallerIdentity": get_caller_identity, "AssumeRole": assume_role}
