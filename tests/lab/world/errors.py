"""The one error of the emulated API, and AWS's own texts for the refusals that recur."""

from __future__ import annotations


class ApiError(Exception):
    """A call refused the way AWS refuses it.

    Args:
        code: the error code of the API, as ``ValidationError``.
        message: AWS's text.
        status: HTTP status of the answer.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def validation(message: str) -> ApiError:
    """Return the ``ValidationError`` with this text."""
    return ApiError("ValidationError", message)


def group_not_found() -> ApiError:
    """Return the answer to a call that names a group which does not exist."""
    return validation("AutoScalingGroup name not found - null")


def instance_not_found(instance_id: str) -> ApiError:
    """Return the answer to a call for an instance that no group manages."""
    return validation(
        f"Instance Id not found - No managed instance found for instance ID {instance_id}"
    )


def not_in_group(instance_id: str, group: str) -> ApiError:
    """Return the answer to a call for an instance of another group."""
    return validation(f"The instance {instance_id} is not part of Auto Scaling group {group}.")


def invalid_instance_ids(ids: list[str]) -> ApiError:
    """Return EC2's answer to ids that do not exist."""
    text = (
        "The instance ID '{}' does not exist"
        if len(ids) == 1
        else "The instance IDs '{}' do not exist"
    )
    return ApiError("InvalidInstanceID.NotFound", text.format(", ".join(ids)))


def activity_in_progress(activity: str) -> ApiError:
    """Return the refusal while another scaling activity of the group runs or cools down."""
    return ApiError(
        "ScalingActivityInProgress",
        f"Scaling activity {activity} is in progress and blocks this action",
    )


def pending_delete() -> ApiError:
    """Return the refusal of changes to a group that is being deleted."""
    return validation("The AutoScaling group may not be modified while it is pending delete")
