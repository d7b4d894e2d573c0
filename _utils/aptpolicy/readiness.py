"""What the readiness agent is told: the content of /etc/asgcycle/ready.json.

One source for the state and for user data, so that the first highstate changes nothing.
"""

import json

from aptpolicy.values import READINESS_CHECKS

# Files of aptpolicy.patched that the agent has beside it.
PATCHED = ("__init__.py", "__main__.py", "decide.py", "dpkg.py", "fetching.py", "needed.py",
           "origins.py", "reading.py", "restart.py", "running.py", "sources.py", "support.py",
           "trial.py")  # fmt: skip
CONFIG = "etc/asgcycle/ready.json"
HOOK_NAME = "asgcycle-ready"
DEFAULT_TIMEOUT_MINUTES = 50  # within the default timeout of a launch hook, 3600 s
DEFAULT_HEARTBEAT_MINUTES = 5
INTERVAL_SECONDS = 10
CONSOLE = "/dev/console"  # what GetConsoleOutput shows


def configuration(policy, hook=None):
    """Return ready.json as a dictionary.

    ``policy``: the checked pillar. ``hook``: the launch hook of the group, or the one that is
    configured already; it holds where the pillar names no group (``readiness:hook:group``).
    """
    group = policy.get("readiness.hook.group")
    if group:
        hook = {
            "group": group,
            "name": policy.get("readiness.hook.name", HOOK_NAME),
            "region": None,
            "endpoint_url": None,
            "heartbeat": 60 * policy.get("readiness.hook.heartbeat", DEFAULT_HEARTBEAT_MINUTES),
        }
    return {
        "checks": list(policy.get("readiness.checks", READINESS_CHECKS)),
        "timeout": 60 * policy.get("readiness.timeout", DEFAULT_TIMEOUT_MINUTES),
        "interval": INTERVAL_SECONDS,
        "console": CONSOLE,
        "hook": hook,
    }


def render(config):
    """Return the file's text."""
    return json.dumps(config, indent=2, sort_keys=True) + "\n"


def known_hook(text):
    """Return the hook that a ready.json names; None without one, or when it cannot be read.

    User data knows the instance's group, the pillar of a minion often does not: its hook is kept.
    """
    try:
        found = json.loads(text or "null")
    except ValueError:
        return None
    return found.get("hook") if isinstance(found, dict) else None
