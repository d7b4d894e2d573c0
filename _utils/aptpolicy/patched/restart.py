"""Carry out what is milder than a reboot: daemon-reexec and restarts of services."""

from .needed import SSH

SECONDS = 120  # for one service; systemd's own limit for stopping is 90
# Restarted from within they would take this very process along: systemd does it a moment later.
AFTERWARDS = ("salt-minion.service", "asgcycle-ready.service")
DELAY_SECONDS = 10  # time to return the result


def plan(needed, own_unit=None, spare=()):
    """``{reexec, restart, afterwards, spared}`` of what :func:`patched.needed.needed` returns.

    ``own_unit``: the unit that this process belongs to. ``spare``: units to be left alone.
    """
    services = [unit for unit in needed["services"] if unit not in spare]
    last = [unit for unit in services if unit in AFTERWARDS or unit == own_unit]
    return {
        "reexec": needed["reexec"],
        "restart": [unit for unit in services if unit not in last],
        "afterwards": last,
        "spared": [unit for unit in needed["services"] if unit in spare],
    }


def carry_out(planned, run):
    """Do it; ``run(argv, seconds)`` returns ``(exit code, output, errors)``.

    Returns unit → what was said against it, of those that could not be restarted.
    """
    failed = {}
    if planned["reexec"]:
        _try(run, ["systemctl", "daemon-reexec"], "systemd", failed)
    for unit in planned["restart"]:
        # systemd would stop sshd first and then find that it does not start.
        if unit in SSH and not _try(run, ["/usr/sbin/sshd", "-t"], unit, failed):
            continue
        _try(run, ["systemctl", "try-restart", unit], unit, failed)
    if planned["afterwards"]:
        later = ["systemd-run", "--collect", f"--on-active={DELAY_SECONDS}"]
        later += ["systemctl", "try-restart", *planned["afterwards"]]
        _try(run, later, ", ".join(planned["afterwards"]), failed)
    return failed


def _try(run, argv, what, failed):
    code, out, err = run(argv, SECONDS)
    if code != 0:
        failed[what] = (err.strip() or out.strip() or f"exit {code}").splitlines()[-1]
    return code == 0
