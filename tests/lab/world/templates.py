"""Launch templates and launch configurations: the port through which launches are resolved."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import ApiError, validation
from .model import LaunchData, TemplateRef

DEFAULT_IMAGE = "ami-00000000000000001"
DEFAULT_TYPE = "t3.micro"
#: How a template names an image by a Systems Manager parameter.
ALIAS = "resolve:ssm:"


@dataclass(slots=True)
class Version:
    """One version of a launch template; ``data`` is its LaunchTemplateData."""

    number: int
    data: dict[str, Any]
    created: float
    description: str = ""


@dataclass(slots=True)
class Template:
    """A launch template."""

    id: str
    name: str
    created: float
    default: int = 1
    versions: dict[int, Version] = field(default_factory=dict)
    #: the highest number ever given: a deleted version's is not given again
    numbered: int = 0

    @property
    def latest(self) -> int:
        """The highest version number."""
        return max(self.versions)

    def add(self, version: Version) -> Version:
        """Take in a version under its number."""
        self.versions[version.number] = version
        self.numbered = version.number
        return version


@dataclass(frozen=True, slots=True)
class Configuration:
    """A launch configuration."""

    name: str
    image_id: str
    instance_type: str
    created: float
    user_data: str | None = None


def inherited(data: dict[str, Any]) -> dict[str, Any]:
    """Return what a new version takes over from the data of its source version.

    "Snapshots applied to the block device mapping are ignored when creating a new version unless
    they are explicitly included": API reference of CreateLaunchTemplateVersion.
    """
    taken = copy.deepcopy(dict(data))
    for mapping in taken.get("BlockDeviceMappings", ()):
        mapping.get("Ebs", {}).pop("SnapshotId", None)
    return taken


def parameter_value(parameters: Mapping[str, str], name: str) -> str:
    """Return a parameter's value; refuse as EC2 does when there is none (the text is assumed)."""
    if name not in parameters:
        raise ApiError(
            "InvalidParameterValue", f"The Systems Manager parameter {name} does not exist."
        )
    return parameters[name]


class Templates:
    """Stores templates and configurations.

    The world needs only ``resolve`` and ``configuration``, the API also ``find``, ``version``,
    ``numbers`` and what changes templates: another store that answers these can take its place.

    Args:
        now: returns the current instant in epoch seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        #: (template id, ClientToken) → what was asked for with it, and the version's number
        self.tokens: dict[tuple[str, str], tuple[dict[str, Any], int]] = {}
        self.templates: dict[str, Template] = {}
        self.configurations: dict[str, Configuration] = {}
        #: Whether a new version takes the number after the highest that is left.
        self.reuses_numbers = False
        #: Systems Manager parameters that hold image ids
        self.parameters: dict[str, str] = {}

    # -- the port -----------------------------------------------------------------------------

    def resolve(self, ref: TemplateRef) -> LaunchData:
        """Return what a launch from ``ref`` would use now; ``$Latest``/``$Default`` resolved.

        Raises:
            ApiError: no such template or version.
        """
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
        """Return the image id that a template's ``ImageId`` stands for now.

        Raises:
            ApiError: no such Systems Manager parameter.
        """
        if not named.startswith(ALIAS):
            return named
        return parameter_value(self.parameters, named.removeprefix(ALIAS))

    def configuration(self, name: str) -> LaunchData:
        """Return what a launch from the launch configuration ``name`` would use.

        Raises:
            ApiError: no such launch configuration.
        """
        found = self.configurations.get(name)
        if found is None:
            raise validation(
                f"Launch configuration name not found - Launch configuration {name} not found"
            )
        return LaunchData(
            image_id=found.image_id,
            instance_type=found.instance_type,
            user_data=found.user_data,
            configuration=found.name,
        )

    def has_configuration(self, name: str) -> bool:
        """Say whether there is such a launch configuration."""
        return name in self.configurations

    # -- launch templates ---------------------------------------------------------------------

    def find(self, template_id: str | None = None, name: str | None = None) -> Template:
        """Return a template by id or, without one, by name."""
        if template_id:
            if template_id in self.templates:
                return self.templates[template_id]
            raise ApiError(
                "InvalidLaunchTemplateId.NotFound",
                f"The specified launch template, with template ID {template_id}, does not exist.",
            )
        for template in self.templates.values():
            if template.name == name:
                return template
        raise ApiError(
            "InvalidLaunchTemplateName.NotFoundException",
            f"The specified launch template, with template name {name}, does not exist.",
        )

    def version(self, template: Template, wanted: str | int | None) -> Version:
        """Return one version: a number, ``$Latest``, ``$Default`` or None (the default)."""
        number = {
            None: template.default,
            "$Default": template.default,
            "$Latest": template.latest,
        }.get(wanted, wanted)
        try:
            return template.versions[int(number)]
        except (KeyError, ValueError):
            raise ApiError(
                "InvalidLaunchTemplateId.VersionNotFound",
                f"Could not find launch template version {wanted} of {template.id}",
            ) from None

    def numbers(self, template: Template) -> list[int]:
        """Return the numbers of all versions, ascending."""
        return sorted(template.versions)

    def create_launch_template(
        self, name: str, data: dict[str, Any], description: str = ""
    ) -> Template:
        """Create a template with version 1."""
        if any(template.name == name for template in self.templates.values()):
            raise ApiError(
                "InvalidLaunchTemplateName.AlreadyExistsException",
                "Launch template name already in use.",
            )
        template = Template(f"lt-{len(self.templates) + 1:017x}", name, self._now())
        template.add(Version(1, dict(data), self._now(), description))
        self.templates[template.id] = template
        return template

    def create_launch_template_version(
        self,
        template: Template,
        data: dict[str, Any],
        source: str | int | None = None,
        description: str = "",
    ) -> Version:
        """Add a version; with ``source``, on top of that version's data."""
        base = inherited(self.version(template, source).data) if source is not None else {}
        number = (template.latest if self.reuses_numbers else template.numbered) + 1
        return template.add(Version(number, {**base, **data}, self._now(), description))

    def modify_launch_template(self, template: Template, default: str | int) -> Template:
        """Make another version the default."""
        template.default = self.version(template, default).number
        return template

    def delete_launch_template_versions(self, template: Template, versions: list[int]) -> None:
        """Delete versions; the default one is refused."""
        for number in versions:
            if number == template.default:
                raise ApiError(
                    "OperationNotPermitted",
                    "Cannot delete the default version of a launch template.",
                )
            template.versions.pop(self.version(template, number).number)

    # -- launch configurations ----------------------------------------------------------------

    def create_launch_configuration(
        self,
        name: str,
        image_id: str = DEFAULT_IMAGE,
        instance_type: str = DEFAULT_TYPE,
        user_data: str | None = None,
    ) -> Configuration:
        """Create a launch configuration; they cannot be changed afterwards."""
        if name in self.configurations:
            raise ApiError(
                "AlreadyExists",
                f"Launch Configuration by this name already exists - A launch configuration "
                f"already exists with the name {name}",
            )
        made = Configuration(name, image_id, instance_type, self._now(), user_data)
        self.configurations[name] = made
        return made
