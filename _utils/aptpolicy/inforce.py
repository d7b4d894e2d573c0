"""Put into force what is installed: reexec and restarts, and what is left afterwards."""

from aptpolicy.patched import needed, restart, running
from aptpolicy.runs import iso
from aptpolicy.system import CommandFailed

MICROSECONDS = 1_000_000


def answer(host, unsupported=None):
    """The mildest sufficient action; see the execution module for the answer."""
    look = host.in_force()
    return {**needed.needed(look, unsupported), "unknown": look["unknown"]}


def restarted(host, spare=(), test=False):
    """Carry out what is milder than a reboot; see the execution module for the answer."""
    before = needed.needed(host.in_force())
    planned = restart.plan(before, running.unit_of(host.text("proc/self/cgroup") or ""), spare)
    failed = {} if test else restart.carry_out(planned, _runner(host))
    after = before if test else needed.needed(host.in_force())
    left = [one for one in after["reasons"] if test or one["what"] not in planned["afterwards"]]
    return {
        "result": not failed and not [one for one in left if one["action"] != needed.ENDS],
        **planned,
        "failed": failed,
        "left": left,
        "action": after["action"],
    }


def reboot(host):
    """Reasons for a reboot, and a scheduled shutdown."""
    scheduled = None
    for line in (host.text("run/systemd/shutdown/scheduled") or "").splitlines():
        name, _, value = line.partition("=")
        if name == "USEC" and value.isdigit():
            scheduled = iso(int(value) / MICROSECONDS)
    look = host.in_force()
    reasons = [r for r in needed.needed(look)["reasons"] if r["action"] == needed.REBOOT]
    return {
        "required": bool(reasons),
        "packages": look["flag"] or [],
        "reasons": reasons,
        "scheduled": scheduled,
    }


def _runner(host):
    def run(argv, seconds):
        try:
            done = host.run(argv, seconds)
        except CommandFailed as exc:
            return 1, "", str(exc)
        return done.code, done.out, done.err

    return run
