"""Moto's launch templates and configurations, in the place of the world's own store."""

from __future__ import annotations

from datetime import timezone
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.types import Base64EncodedString

from tests.lab.world.errors import ApiError
from tests.lab.world.model import LaunchData, TemplateRef
from tests.lab.world.templates import (
    ALIAS,
    DEFAULT_IMAGE,
    DEFAULT_TYPE,
    Templates,
    inherited,
    parameter_value,
)


class MotoTemplate:
    """A launch template of moto's under the names that the world uses."""

    def __init__(self, stored: Any) -> None:
        self.stored = stored
        self.id: str = stored.id
        self.name: str = stored.name

    @property
    def default(self) -> int:
        """The number of the default version."""
        return self.stored.default_version_number

    @property
    def latest(self) -> int:
        """The highest version number."""
        return self.stored.latest_version_number


class MotoVersion:
    """A version of moto's under the names that the world uses."""

    def __init__(self, stored: Any) -> None:
        self.number: int = stored.number
        self.description: str = stored.description or ""
        self.created: float = stored.create_time.replace(tzinfo=timezone.utc).timestamp()
        self.instance_tags: dict[str, str] = stored.instance_tags
        self.data: dict[str, Any] = dict(stored.data)
        if "UserData" in self.data:
            self.data["UserData"] = _text(self.data["UserData"])


class MotoTemplates:
    """Moto's launch templates and configurations in the place of the world's own `Templates`."""

    def __init__(self, ec2: Any, autoscaling: Any, ssm: Any) -> None:
        self._ec2 = ec2
        self._ssm = ssm
        self._autoscaling = autoscaling
        self.tokens: dict[tuple[str, str], tuple[dict[str, Any], int]] = {}
        #: (template id, number): moto keeps versions in a list and cannot delete one
        self._deleted: set[tuple[str, int]] = set()
        #: Whether a new version takes the number after the highest that is left.
        self.reuses_numbers = False

    @property
    def templates(self) -> dict[str, MotoTemplate]:
        """Every template by its id."""
        return {key: MotoTemplate(item) for key, item in self._ec2.launch_templates.items()}

    def find(self, template_id: str | None = None, name: str | None = None) -> MotoTemplate:
        """Return a template by id or name; raise `ApiError` when there is no such one."""
        try:
            if template_id:
                return MotoTemplate(self._ec2.get_launch_template(template_id))
            return MotoTemplate(self._ec2.get_launch_template_by_name(name))
        except ServiceException as missing:
            raise ApiError(missing.code, missing.message) from None

    def version(self, template: MotoTemplate, wanted: str | int | None) -> MotoVersion:
        """Return one version: a number, ``$Latest``, ``$Default`` or None (the default)."""
        numbers = self.numbers(template)
        words = {None: template.default, "$Default": template.default, "$Latest": numbers[-1]}
        number = str(words.get(wanted, wanted))
        if not number.isdecimal() or int(number) not in numbers:
            text = (
                f"Could not find the specified version {wanted} for the launch template with ID "
                f"{template.id}."
            )
            raise ApiError("InvalidLaunchTemplateId.VersionNotFound", text)
        return MotoVersion(template.stored.get_version(number))

    def numbers(self, template: MotoTemplate) -> list[int]:
        """Return the numbers of all versions, ascending."""
        stored = (item.number for item in template.stored.versions)
        return [number for number in stored if (template.id, number) not in self._deleted]

    def resolve(self, ref: TemplateRef) -> LaunchData:
        """Return what a launch from `ref` uses now; raise `ApiError` when there is no such one."""
        template = self.find(ref.template_id, ref.name)
        version = self.version(template, ref.version)
        return LaunchData(
            image_id=self.image(version.data.get("ImageId", DEFAULT_IMAGE)),
            instance_type=version.data.get("InstanceType", DEFAULT_TYPE),
            user_data=version.data.get("UserData"),
            template_id=template.id,
            template_name=template.name,
            version=str(version.number),
        )

    def image(self, named: str) -> str:
        """Return the image id that a template's ``ImageId`` stands for now."""
        if not named.startswith(ALIAS):
            return named
        name = named.removeprefix(ALIAS)
        stored = self._ssm.get_parameters([name]).get(name)
        return parameter_value({name: stored.value} if stored else {}, name)

    def configuration(self, name: str) -> LaunchData:
        """Return what a launch from the launch configuration `name` uses."""
        found = self._autoscaling.launch_configurations.get(name)
        if found is None:
            # The world's own store knows AWS's text for it.
            return Templates(lambda: 0.0).configuration(name)
        return LaunchData(
            image_id=found.image_id,
            instance_type=found.instance_type,
            user_data=_text(found.user_data),
            configuration=found.name,
        )

    def has_configuration(self, name: str) -> bool:
        """Say whether there is such a launch configuration."""
        return name in self._autoscaling.launch_configurations

    def create_launch_template_version(
        self,
        template: MotoTemplate,
        data: dict[str, Any],
        source: str | int | None = None,
        description: str = "",
    ) -> MotoVersion:
        """Add a version; with `source`, on top of that version's data."""
        base = inherited(self.version(template, source).data) if source is not None else {}
        if self.reuses_numbers:
            self._forget_deleted(template)
        return MotoVersion(template.stored.create_version(typed({**base, **data}), description))

    def _forget_deleted(self, template: MotoTemplate) -> None:
        """Take what is deleted off moto's list, as far as it is the newest there."""
        stored = template.stored
        while (template.id, stored.versions[-1].number) in self._deleted:
            self._deleted.remove((template.id, stored.versions.pop().number))

    def delete_launch_template_versions(self, template: MotoTemplate, versions: list[int]) -> None:
        """Delete versions; the default one is refused."""
        for number in versions:
            if number == template.default:
                text = "Cannot delete the default version of a launch template."
                raise ApiError("OperationNotPermitted", text)
            self._deleted.add((template.id, self.version(template, number).number))

    def modify_launch_template(self, template: MotoTemplate, default: str | int) -> MotoTemplate:
        """Make another version the default."""
        template.stored.default_version_number = self.version(template, default).number
        return template


def encoded(user_data: Any) -> Base64EncodedString | None:
    """Return user data, which is base64 already, as moto keeps it."""
    return None if user_data is None else Base64EncodedString(str(user_data))


def _text(user_data: Any) -> str | None:
    return None if user_data is None else str(user_data)


def typed(data: dict[str, Any]) -> dict[str, Any]:
    """Return launch template data as moto keeps it."""
    # moto breaks on user data of a template that is a plain string.
    if data.get("UserData") is None:
        return dict(data)
    return {**data, "UserData": encoded(data["UserData"])}
