"""
Grain ``unattended_upgrades``: ``{reboot_required, pending_security}``, to select minions by.

``salt -G 'unattended_upgrades:reboot_required:True' …``. The number is None when unknown. It is
counted again only after dpkg's status or the package lists have changed, because grains are
loaded by every command.
"""

import json
import logging
import os

import salt.utils.platform

try:
    import asgcycle_reload

    with asgcycle_reload.library(__file__):
        import aptpolicy.observe
        import aptpolicy.system
        import aptpolicy.versions
    MISSING = None
except ImportError as exc:
    MISSING = str(exc)

log = logging.getLogger(__name__)

CACHE_NAME = "unattended-upgrades-pending.json"
INPUTS = ("var/lib/dpkg/status", "var/lib/apt/lists", "etc/apt/apt.conf.d", "etc/apt/preferences.d")
DISTRIBUTIONS = {"debian": "Debian", "ubuntu": "Ubuntu", "raspbian": "Raspbian"}


def __init__(opts):
    if not MISSING:
        asgcycle_reload.loaded(__name__, opts)


def unattended_upgrades():
    """Return the grain, or nothing where there is no apt."""
    if not salt.utils.platform.is_linux():
        return {}
    if MISSING:
        log.error("the grain unattended_upgrades is not computed: %s", MISSING)
        return {}
    host = aptpolicy.system.Host()
    if not host.exists("var/lib/dpkg/status"):
        return {}
    return {
        "unattended_upgrades": {
            "reboot_required": host.exists(aptpolicy.system.REBOOT_REQUIRED),
            "pending_security": _pending(host),
        }
    }


def _pending(host):
    stamp = [host.changed_at(path) for path in INPUTS]
    path = os.path.join(__opts__.get("cachedir", "/var/cache/salt/minion"), CACHE_NAME)
    try:
        with open(path, encoding="utf-8") as handle:
            cached = json.load(handle)
        if cached["stamp"] == stamp:
            return cached["pending"]
    except (OSError, ValueError, KeyError, TypeError):
        log.debug("no usable count in %s", path)
    try:
        view = aptpolicy.observe.View.read(host, _operating_system(host), 0.0)
        pending = view.pending()["count"]
    except aptpolicy.system.CommandFailed as exc:
        log.debug("pending security updates are unknown: %s", exc)
        return None
    _keep(path, {"stamp": stamp, "pending": pending})
    return pending


def _keep(path, content):
    try:
        with open(path + ".new", "w", encoding="utf-8") as handle:
            json.dump(content, handle)
        os.replace(path + ".new", path)
    except OSError as exc:
        log.debug("cannot keep the count: %s", exc)


def _operating_system(host):
    """From os-release, because other grains may not be loaded yet."""
    fields = {}
    for line in (host.text("etc/os-release") or "").splitlines():
        name, _, value = line.partition("=")
        fields[name] = value.strip().strip('"')
    return aptpolicy.versions.OperatingSystem(
        distribution=DISTRIBUTIONS.get(fields.get("ID", ""), fields.get("ID", "")),
        codename=fields.get("VERSION_CODENAME", ""),
        release=fields.get("VERSION_ID", ""),
    )
