"""The calls to AWS that publishing user data and keeping a launch hook need, beside a roll's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from asgroll import launch
from asgroll.aws import Aws
from asgroll.awswords import to_group
from asgroll.errors import Missing
from asgroll.launch import Launch, Source
from asgroll.world import Image

#: Page size of DescribeLaunchTemplateVersions (API reference).
VERSIONS_PAGE = 200


class AwsLaunch(Aws):
    """The gateway, with what groups launch from and their lifecycle hooks."""

    # --- reading

    def launch(self, name: str) -> Launch:
        """
        How a group launches now.

        :raises Missing: no such group in this region.
        """
        raw = self._group(name)
        waiting = [
            i["InstanceId"]
            for i in raw.get("Instances", [])
            if i.get("LifecycleState") == "Pending:Wait"
        ]
        return Launch(
            group=to_group(raw),
            settings=launch.settings_of(raw),
            waiting=tuple(waiting),
        )

    def sources(self, found: Launch) -> dict[str, Source]:
        """
        What each thing that a group launches from stands for now.

        :raises Missing: a template, a version or a configuration does not exist (any more).
        """
        read = self._version if found.templated else self._configuration
        return {written: read(written, found.group.name) for written in found.written}

    def _configuration(self, written: str, group: str) -> Source:
        found = self.configuration(written)
        if found is None:
            raise _gone(f"the launch configuration {written}", group)
        return found

    def _version(self, written: str, group: str) -> Source:
        key, _, version = written.rpartition(":")
        what = f"version {version} of the launch template {key}"
        try:
            answer = self._call(
                "ec2", "DescribeLaunchTemplateVersions", **_named(key), Versions=[version]
            )
        except Missing as exc:
            raise _gone(what, group) from exc
        if not answer["LaunchTemplateVersions"]:
            raise _gone(what, group)
        return to_source(key, answer["LaunchTemplateVersions"][0])

    def alternatives(self, source: Source, content: bytes) -> Source | None:
        """
        What is there already and could be used instead of making a copy of ``source`` with other
        user data: a later version that differs in nothing else, the newest one; or the launch
        configuration of the name that the copy would get.
        """
        if not source.version:
            request = launch.configuration_request(source, content)
            return self.configuration(request["LaunchConfigurationName"])
        pages = self._pages(
            "ec2",
            "DescribeLaunchTemplateVersions",
            **_named(source.key),
            MinVersion=source.version,
            MaxResults=VERSIONS_PAGE,
        )
        later = (to_source(source.key, raw) for p in pages for raw in p["LaunchTemplateVersions"])
        same = [v for v in later if not launch.differing(source, v.data, content)]
        return max(same, key=lambda v: int(v.version), default=None)

    def configuration(self, name: str) -> Source | None:
        """A launch configuration, or None when there is none of this name."""
        answer = self._call(
            "autoscaling", "DescribeLaunchConfigurations", LaunchConfigurationNames=[name]
        )
        for raw in answer["LaunchConfigurations"]:
            return Source(name, data=raw)
        return None

    def images(self, ids: Iterable[str]) -> dict[str, Image]:
        """The images of these ids that there are for this account, deprecated or disabled too."""
        found = {}
        pages = self._pages(
            "ec2",
            "DescribeImages",
            Filters=[{"Name": "image-id", "Values": sorted(ids)}],
            IncludeDeprecated=True,
            IncludeDisabled=True,
        )
        for raw in (image for page in pages for image in page["Images"]):
            found[raw["ImageId"]] = to_image(raw)
        return found

    # --- changing (one attempt each)

    def create_version(self, source: Source, data: Mapping[str, Any], content: bytes) -> Source:
        """
        Make a version of a launch template on top of ``source``.

        Without a ClientToken of ours: the same wish again would be answered with the version made
        first, also when somebody has deleted that one. ``alternatives`` finds what is there.
        """
        answer = self._call(
            "ec2",
            "CreateLaunchTemplateVersion",
            change=True,
            **_named(source.key),
            SourceVersion=source.version,
            VersionDescription=launch.description(source, content),
            LaunchTemplateData=dict(data),
        )
        return to_source(source.key, answer["LaunchTemplateVersion"])

    def create_configuration(self, request: Mapping[str, Any], content: bytes) -> None:
        """Make a launch configuration; boto3 encodes its user data, unlike a template's."""
        self._call(
            "autoscaling",
            "CreateLaunchConfiguration",
            change=True,
            **{**request, "UserData": content},
        )

    def point(self, name: str, settings: Mapping[str, Any]) -> None:
        """Set what a group launches from, and nothing else about it."""
        self._call(
            "autoscaling",
            "UpdateAutoScalingGroup",
            change=True,
            AutoScalingGroupName=name,
            **settings,
        )

    def put_hook(self, name: str, settings: Mapping[str, Any]) -> None:
        """Create a lifecycle hook or change the settings that are given."""
        self._call(
            "autoscaling", "PutLifecycleHook", change=True, AutoScalingGroupName=name, **settings
        )

    def delete_hook(self, name: str, hook: str) -> None:
        """Delete a lifecycle hook; launches that wait for it are abandoned."""
        self._call(
            "autoscaling",
            "DeleteLifecycleHook",
            change=True,
            AutoScalingGroupName=name,
            LifecycleHookName=hook,
        )


def _named(key: str) -> dict[str, str]:
    """How a request names a launch template: by its id, or where only that is known by its name."""
    return {"LaunchTemplateId" if key.startswith("lt-") else "LaunchTemplateName": key}


def _gone(what: str, group: str) -> Missing:
    return Missing(
        f"{group} launches from {what}, which does not exist: every launch fails; set the group "
        "to one that exists, then publish again"
    )


def to_image(raw: Mapping[str, Any]) -> Image:
    """An image of DescribeImages in our words."""
    end = raw.get("DeprecationTime")
    # Python 3.10 does not know the letter
    ends = datetime.fromisoformat(end.replace("Z", "+00:00")).timestamp() if end else None
    return Image(raw.get("State", ""), ends)


def to_source(key: str, raw: Mapping[str, Any]) -> Source:
    """A version of DescribeLaunchTemplateVersions in our words."""
    return Source(key, str(raw["VersionNumber"]), raw.get("LaunchTemplateData", {}))
