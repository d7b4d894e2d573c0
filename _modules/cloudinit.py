"""
cloud-init on this instance: how far it got, whether a document is valid, how often it booted.

Read from the files cloud-init leaves behind, so that it answers the same on every version.
"""

import time

try:
    import asgcycle_reload

    with asgcycle_reload.library(__file__):
        import aptpolicy.cloud
        import aptpolicy.system
    MISSING = None
except ImportError as exc:
    MISSING = str(exc)

__virtualname__ = "cloudinit"

WITH_SALT_SSH = "for salt-ssh see docs/formula.md"
DEFAULT_WAIT_SECONDS = 900  # a full upgrade with a reboot takes several minutes


def __virtual__():
    if __grains__.get("kernel") != "Linux":
        return False, "cloudinit: only on Linux"
    if MISSING:
        return False, f"cloudinit: {MISSING}. Run saltutil.sync_all; {WITH_SALT_SSH}"
    return __virtualname__


def __init__(opts):
    if not MISSING:
        asgcycle_reload.loaded(__name__, opts)


def status():
    """
    How far cloud-init got at this boot.

    Returns ``{status, stage, errors, recoverable_errors, datasource, started, finished}``;
    status is one of not_installed, disabled, not_started, running, done, degraded, error.

    CLI Example:

    .. code-block:: bash

        salt '*' cloudinit.status
    """
    return aptpolicy.cloud.status(aptpolicy.system.Host())


def wait(timeout=DEFAULT_WAIT_SECONDS):
    """
    Wait until cloud-init is through.

    timeout
        Seconds to wait at most.

    Returns what :py:func:`status` returns, plus ``timed_out``.

    CLI Example:

    .. code-block:: bash

        salt '*' cloudinit.wait timeout=300
    """
    host = aptpolicy.system.Host()
    return aptpolicy.cloud.wait(host, timeout, time.monotonic, time.sleep)


def schema(document):
    """
    Validate a cloud-config document with the cloud-init that is installed; works offline.

    document
        The text, beginning with ``#cloud-config``.

    Returns ``{valid, errors, exit_code}``; ``valid`` is None when cloud-init is not installed.

    CLI Example:

    .. code-block:: bash

        salt '*' cloudinit.schema '#cloud-config'
    """
    return aptpolicy.cloud.schema(aptpolicy.system.Host(), document)


def boot_facts():
    """
    Which instance this is, how often it has booted, and whether a boot followed the upgrade.

    Returns ``{instance_id, previous_instance_id, boot_id, booted, boots, upgrade_started,
    rebooted_since_upgrade, finished}``; None for what is unknown. ``boots`` counts the boots
    that cloud-init has logged. Times are ISO 8601 in UTC.

    CLI Example:

    .. code-block:: bash

        salt '*' cloudinit.boot_facts
    """
    return aptpolicy.cloud.boot_facts(aptpolicy.system.Host())
