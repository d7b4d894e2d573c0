"""Settings, the formula's policy and the files of the formula → ``UserData``."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import yaml

from aptpolicy import compiled
from userdata import agent, document, mime, secrets
from userdata.errors import UserDataError
from userdata.formula import DISTRIBUTIONS, Policy, minion_grains
from userdata.kinds import Part
from userdata.settings import Settings, warnings, without_accepted

FORMULA = "salt://unattended-upgrades"
#: Names under which templates find the text of a file, and where it comes from.
FILES = {
    "first_boot": f"{FORMULA}/userdata/files/first-boot.sh",
    "packages": f"{FORMULA}/userdata/files/packages-{{manager}}.sh",
    "fetch": f"{FORMULA}/userdata/files/fetch.sh",
    "salt_onedir": f"{FORMULA}/userdata/files/salt-onedir.sh",
    "agent": f"{FORMULA}/readiness/files/asgcycle-ready",
    "agent_unit": f"{FORMULA}/readiness/files/asgcycle-ready.service",
}
#: Those that only user data brings: there is room for what they do, not for why.
SCRIPTS = ("first_boot", "packages", "fetch", "salt_onedir")
#: Modules of the agent: of every one, on Amazon Linux, where the group has a launch hook.
AGENT_MODULES = ("asgcycle_host.py", "asgcycle_checks.py")
RPM_MODULE, HOOK_MODULE = "asgcycle_rpm.py", "asgcycle_hook.py"


@dataclass(frozen=True)
class Request:
    """
    What user data is made of. ``hook`` is ``ready.json``'s: ``{"group", "name", "region",
    "endpoint_url", "heartbeat"}``, or None when the group has no launch hook of ours.
    """

    group: str
    environment: str | None
    settings: Settings
    policy: Policy
    hook: Mapping[str, Any] | None = None


#: Path of the file server → text; raises UserDataError when it is not there.
Read = Callable[[str], str]
#: Path of a template and its variables → text; raises UserDataError with file and line.
Render = Callable[[str, Mapping[str, Any]], str]


def compose(request: Request, read: Read, render: Render) -> mime.UserData:
    """
    The user data of a group's new instances. Equal input gives equal bytes.

    :raises UserDataError: with every problem that was found.
    """
    parts, _ = _parts(request, read, render)
    problems = list(_secrets(request, read, render))
    problems += [
        f"{part.name}: holds half a character (a lone surrogate like '\\ud83d'), which is no text."
        for part in parts
        if not _is_text(part.content)
    ]
    if problems:
        raise UserDataError(dict.fromkeys(problems))
    notes = (*warnings(request.settings), *_of_the_agent(request.settings, read))
    return replace(mime.pack(parts), warnings=notes)


def _of_the_agent(settings: Settings, read: Read) -> Iterator[str]:
    """Whether the instances fetch another agent than the one of this formula."""
    if not settings.agent_url:
        return
    try:
        ours = agent.checksum(agent.archive(read))
    except UserDataError as exc:
        yield f"agent.sha256: not compared with the agent of this formula: {exc}"
        return
    if ours != settings.agent_sha256:
        yield (
            "agent.sha256: is not that of this formula's agent, which was updated since, or never "
            "published: `salt-run asgcycle.agent` writes it anew, with what to put into pillar."
        )


def _parts(request: Request, read: Read, render: Render) -> tuple[tuple[Part, ...], dict]:
    """``(the parts of the user data, what the template alone gives)``."""
    settings = request.settings
    rendered = render(settings.template, variables(request, read))
    base = document.read(rendered, settings.template)
    text = document.write(document.extended(base, settings.extra))
    return (Part("cloud-config.yaml", mime.CLOUD_CONFIG, text), *settings.parts), base


def _secrets(request: Request, read: Read, render: Render) -> Iterator[str]:
    """Why this user data would give away a secret, without what was accepted."""
    settings = without_accepted(request.settings)
    policy = request.policy
    proxies = [name for name in policy.proxies if name not in settings.accept]
    for name in proxies:
        yield f"{secrets.Found(name, 'a password in a URL')}"
    parts, base = _parts(
        replace(request, settings=settings, policy=replace(policy, private="")), read, render
    )
    for part in parts:
        for what in secrets.in_text(part.content):
            yield f"{part.name}: {what} is refused in user data."
    for found in secrets.in_data(base):
        yield f"{settings.template}: {found.path}: {found.what} is refused."


def _is_text(content: str) -> bool:
    try:
        content.encode()
    except UnicodeEncodeError:
        return False
    return True


def variables(request: Request, read: Read) -> dict[str, Any]:
    """What a template is given; docs/user-data.md lists it."""
    settings = request.settings
    manager = "apt" if settings.uses_apt else "dnf"
    files = {name: read(path.format(manager=manager)) for name, path in FILES.items()}
    files.update({name: bare(files[name]) for name in SCRIPTS})
    ready_json = request.policy.ready_json(request.hook, _releasever(settings))
    return {
        "group": request.group,
        "environment": request.environment,
        "os": settings.os,
        "package_manager": manager,
        "apt_policy": _apt_policy(request.policy),
        "apt": _apt(settings),
        "first_boot_settings": _shell(_first_boot(request, read)),
        "salt_source": settings.salt_source,
        "salt_repository": _repository(settings),
        "minion_config": _yaml(settings.minion),
        "grains_file": _yaml(minion_grains(settings, request.group, request.environment)),
        "ready_json": ready_json,
        "agent": {"url": settings.agent_url, "sha256": settings.agent_sha256}
        if settings.agent_url
        else None,
        "agent_modules": _agent_modules(settings, ready_json, read),
        "files": files,
    }


def bare(script: str) -> str:
    """A script of a shell without the lines that are only a comment."""
    first, *lines = script.splitlines(keepends=True) or [""]
    return first + "".join(line for line in lines if not line.lstrip().startswith("#"))


def _agent_modules(settings: Settings, ready_json: str, read: Read) -> dict[str, str]:
    """The texts of the modules that an agent with this configuration loads on this system."""
    names = [*AGENT_MODULES]
    names += [] if settings.uses_apt else [RPM_MODULE]
    names += [HOOK_MODULE] if json.loads(ready_json)["hook"] else []
    return {name: read(f"{FORMULA}/readiness/files/{name}") for name in names}


def _first_boot(request: Request, read: Read) -> dict[str, str]:
    """What first-boot.sh and the parts that it sources have to know."""
    settings = request.settings
    return {
        "UPGRADE": settings.upgrade,
        "REBOOT": settings.reboot,
        "SALT_SOURCE": settings.salt_source,
        "SALT_VERSION": settings.salt_version,
        "ONEDIR": "\n".join(
            f"{machine} {archive['url']} {archive['sha256']}"
            for machine, archive in settings.salt_archives.items()
        ),
        "HOLD": " ".join(request.policy.hold),
        "FLAG_PACKAGES": " ".join(compiled.FLAG_PACKAGES.get(DISTRIBUTIONS.get(settings.os), ())),
        "RELEASEVER": _releasever(settings),
        "AGENT_URL": settings.agent_url,
        "AGENT_SHA256": settings.agent_sha256,
        "PROXY": settings.proxy,
    }


def _apt_policy(policy: Policy) -> dict[str, str] | None:
    if not policy.fragment:
        return None
    names = ("path", "fragment", "private", "upgrade_config")
    return {name: getattr(policy, name) for name in names}


def _apt(settings: Settings) -> dict[str, Any] | None:
    """The ``apt`` key of cloud-config, or None when the AMI's own sources stay."""
    found: dict[str, Any] = {}
    for key, uri in (
        ("primary", settings.apt_mirror),
        ("security", settings.apt_security_mirror),
    ):
        if uri:
            found[key] = [{"arches": ["default"], "uri": uri}]
    if settings.uses_apt and settings.proxy:
        found["proxy"] = settings.proxy
    return found or None


def _releasever(settings: Settings) -> str:
    wanted = settings.dnf_releasever
    return wanted if settings.os == "amazon-linux-2023" and wanted != "image" else ""


def _repository(settings: Settings) -> dict[str, str] | None:
    if settings.salt_source != "repository":
        return None
    return {
        "url": settings.salt_url,
        "key": settings.salt_key,
        "version": settings.salt_version,
    }


def _shell(settings: Mapping[str, str]) -> str:
    """Lines that a shell reads; what is empty is left out."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in settings.items() if value)


def _yaml(data: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(data), default_flow_style=False, allow_unicode=True)
