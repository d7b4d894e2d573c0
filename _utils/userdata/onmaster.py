"""The master's file server and renderer, as ``compose`` needs them. The only module with Salt."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import salt.fileclient
import salt.loader
import salt.template
from salt.exceptions import SaltException

from asgroll import launch_hook
from asgroll.policy import parse as check
from asgroll.policy import section
from userdata import compose, formula
from userdata.errors import UserDataError
from userdata.mime import UserData
from userdata.settings import parse


class MasterFiles:
    """
    :param opts: the master's configuration (``__opts__``).
    :param pillar: what the new instance would see; templates have it as ``pillar``.
    :param grains: what the new instance will have; templates have them as ``grains``.
    """

    def __init__(self, opts: Mapping[str, Any], pillar: Mapping[str, Any], grains: Mapping):
        self._opts = {
            **copy.deepcopy(dict(opts)),
            "file_client": "local",
            "pillar": dict(pillar),
            "grains": dict(grains),
        }
        self._client = salt.fileclient.get_file_client(self._opts)

    def read(self, path: str) -> str:
        """The text of a file; raises UserDataError when the file server does not have it."""
        return self._cached(path).read_text(encoding="utf-8")

    def render(self, path: str, variables: Mapping[str, Any]) -> str:
        """Salt's own jinja renderer; raises UserDataError with file and line."""
        local = self._cached(path)
        modules = salt.loader.minion_mods(self._opts)
        renderers = salt.loader.render(self._opts, modules)
        try:
            rendered = salt.template.compile_template(
                str(local), renderers, "jinja", [], [], context=dict(variables)
            )
        except SaltException as exc:
            raise UserDataError([f"{path}{_where(str(exc))}"]) from exc
        return rendered.read() if hasattr(rendered, "read") else str(rendered)

    def _cached(self, path: str) -> Path:
        local = self._client.cache_file(path)
        if not local:
            raise UserDataError(
                [
                    f"{path}: not on the master's file server; add this formula to gitfs_remotes "
                    "or file_roots, or correct the path."
                ]
            )
        return Path(local)


def _where(message: str) -> str:
    """``X; line 3 --- source`` of Salt → ``, line 3: X.``"""
    match = re.match(r"(?s)(.*?); line (\d+)\b", message)
    what, line = (match[1], f", line {match[2]}") if match else (message, "")
    return f"{line}: {what.strip().splitlines()[-1] if what.strip() else 'cannot be rendered'}."


def for_group(master: Any, group: str, arguments: Mapping[str, Any]) -> UserData:
    """
    What new instances of a group boot with, from the pillar that they would see.

    :param master: an ``asgroll.master.Master``.
    :param arguments: of the command line, overriding pillar.
    :raises UserDataError: with every problem that was found.
    :raises asgroll.errors.PolicyError: a pillar that does not render, or is not shaped as
        documented.
    """
    layers = master.layers(group, arguments)
    check(layers)
    settings = parse(section(layers, "user_data"))
    environment = master.environment(group)
    grains = formula.grains(settings, group, environment)
    pillar = master.pillar(formula.INSTANCE, **{k: v for k, v in grains.items() if k != "id"})
    files = MasterFiles(master.opts, pillar, grains)
    request = compose.Request(
        group,
        environment,
        settings,
        formula.from_pillar(pillar, settings, grains),
        _hook(group, layers),
    )
    return compose.compose(request, files.read, files.render)


def _hook(group: str, layers: list) -> dict[str, Any] | None:
    """
    What the readiness agent has to know of the group's launch hook, if pillar asks for one. The
    region it knows by itself: user data is the same whoever renders it.
    """
    found = section(layers, "launch_hook")
    if not found:
        return None
    hook = launch_hook.parse(found)
    return {
        "group": group,
        "name": hook.name,
        "region": None,
        "endpoint_url": None,
        "heartbeat": hook.heartbeat,
    }
