"""Writes docs/user-data.md from the tables of keys: ``python -m userdata.settings_docs``."""

from __future__ import annotations

import sys

from userdata.mime import LIMIT
from userdata.settings import KEYS, Settings

_HEAD = f"""\
# What a new instance does at its first boot: the keys

Below `user_data` in the pillar of the master, in `asgcycle:defaults`, an environment or a group,
next to the keys of [policy.md](policy.md); which of them wins is told there. Dots mean nesting. A
mapping is merged by key, everything else is replaced, `null` takes a value back. This page is made
from the code (`python -m userdata.settings_docs`). The way from here to the first boot:
[first-boot.md](first-boot.md).

An unknown key, a bad value, or anything that looks like a secret is refused, and every problem is
told at once: whoever may read an instance's user data could read the secret too. All of it together
may be {LIMIT} bytes; what is larger is compressed, and refused when that does not help.

What is upgraded (`origins`, `blacklist`, `hold`) and what has to hold before the instance is ready
(`readiness`) is not said here again: it is the policy `unattended_upgrades` in the pillar that the
instance will see ([formula-keys.md](formula-keys.md)).

| key | default | meaning |
|---|---|---|
"""
_VARIABLES = {
    "group": "name of the Auto Scaling Group",
    "environment": "its environment, or none",
    "os": "the key `os`",
    "package_manager": "`apt` or `dnf` (which stands for yum too)",
    "apt": "the `apt` key of cloud-config (mirrors, proxy), or none",
    "apt_policy": "of the formula's policy: `fragment` and the `path` for it, its `private` part "
    "with proxies that have a password (mode 0600, `path` with `-proxy` behind it), "
    "`upgrade_config` for `/etc/unattended-upgrades/apt.conf`; or none",
    "first_boot_settings": "what first-boot.sh reads, as shell assignments",
    "salt_source": "the key `salt.source`",
    "salt_repository": "`url`, `key`, `version`, or none",
    "minion_config": "text of a file for `/etc/salt/minion.d`",
    "grains_file": "text of `/etc/salt/grains`",
    "ready_json": "configuration of the readiness agent",
    "agent": "`url` and `sha256` of the readiness agent where instances fetch it, or none",
    "agent_modules": "texts of the agent's modules for `/usr/local/lib/asgcycle`, by file name",
    "files": "texts of `first_boot`, `packages`, `fetch`, `salt_onedir`, `agent`, `agent_unit`",
}
_TAIL = """
## A template of your own

`template: salt://…` is rendered by Salt's jinja renderer on the master, with `pillar` and `grains`
as the new instance would see them, and has to give a cloud-config with `#cloud-config` in its first
line. Start from a copy of `unattended-upgrades/userdata/cloud-config.jinja`. Pass data as JSON:
`{{ minion_config | json }}`. Beside everything that Salt gives to a template it has:

| variable | what it is |
|---|---|
"""


def page() -> str:
    """The whole page as text."""
    least = Settings()
    keys = [
        f"| `{name}` | {_default(getattr(least, name.replace('.', '_')))} | {key.about} |\n"
        for name, key in KEYS.items()
    ]
    variables = [f"| `{name}` | {about} |\n" for name, about in _VARIABLES.items()]
    return "".join([_HEAD, *keys, _TAIL, *variables])


def variables() -> set[str]:
    """The names of the variables that the page promises."""
    return set(_VARIABLES)


def _default(value) -> str:
    if value in ("", (), {}):
        return ""
    return f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(page())
