"""
Grain ``unattended_upgrades``: ``{reboot_required, restart_required, pending_security,
excluded_security, supported_until}``, to select minions by.

``salt -G 'unattended_upgrades:reboot_required:True' …``. None means unknown. The numbers are
counted again only after dpkg's status or the package lists have changed, because grains are
loaded by every command; what runs is looked at each time.
"""

import json
import logging
import os

import salt.utils.platform

try:
    import asgcycle_reload

    with asgcycle_reload.library(__file__):
        import aptpolicy.inforce
        import aptpolicy.patched.decide
        import aptpolicy.system
    MISSING = None
except ImportError as exc:
    MISSING = str(exc)

log = logging.getLogger(__name__)

CACHE_NAME = "unattended-upgrades-pending.json"
INPUTS = ("var/lib/dpkg/status", "var/lib/apt/lists", "etc/apt/apt.conf.d", "etc/apt/preferences.d")
UNKNOWN = {"pending_security": None, "excluded_security": None, "supported_until": None}


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
    return {"unattended_upgrades": {**_in_force(host), **_counts(host)}}


def _in_force(host):
    """Whether a reboot or restarts are needed; what is not known is not said to be needed not."""
    found = aptpolicy.inforce.answer(host)
    actions = {one["action"] for one in found["reasons"]}
    otherwise = None if found["unknown"] else False
    return {
        "reboot_required": "reboot" in actions or otherwise,
        "restart_required": bool(actions & {"restart", "reexec"}) or otherwise,
    }


def _counts(host):
    stamp = [host.changed_at(path) for path in INPUTS]
    path = os.path.join(__opts__.get("cachedir", "/var/cache/salt/minion"), CACHE_NAME)
    try:
        with open(path, encoding="utf-8") as handle:
            cached = json.load(handle)
        if cached["stamp"] == stamp:
            return {name: cached["counts"][name] for name in UNKNOWN}
    except (OSError, ValueError, KeyError, TypeError):
        log.debug("no usable count in %s", path)
    decide = aptpolicy.patched.decide
    try:
        answer = host.patched()
    except aptpolicy.system.CommandFailed as exc:
        log.debug("pending security updates are unknown: %s", exc)
        return UNKNOWN
    if answer["packages"] is None:
        return UNKNOWN
    states = {"pending_security": decide.PENDING, "excluded_security": decide.EXCLUDED}
    counts = {name: len(decide.security(answer, state)) for name, state in states.items()}
    counts["supported_until"] = answer["support"]["until"]
    _keep(path, {"stamp": stamp, "counts": counts})
    return counts


def _keep(path, content):
    try:
        with open(path + ".new", "w", encoding="utf-8") as handle:
            json.dump(content, handle)
        os.replace(path + ".new", path)
    except OSError as exc:
        log.debug("cannot keep the count: %s", exc)
