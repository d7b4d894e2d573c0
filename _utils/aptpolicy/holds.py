"""Holding packages, and ending those holds again that nobody else has placed.

What the formula has held is written down, one name a line. First boots write the same file
(userdata/files/packages-apt.sh).
"""

from dataclasses import dataclass

RECORD = "var/lib/unattended-upgrades/salt-holds"


@dataclass(frozen=True)
class Plan:
    """``hold``, ``release``: what to do; ``ours``: the holds that are the formula's then."""

    hold: tuple
    release: tuple
    ours: tuple


def plan(wanted, held, ours):
    """What to do so that ``wanted`` are held; holds of others are neither ended nor claimed."""
    hold = set(wanted) - set(held)
    return Plan(
        hold=tuple(sorted(hold)),
        release=tuple(sorted(set(ours) & set(held) - set(wanted))),
        ours=tuple(sorted(hold | set(ours) & set(wanted))),
    )


def enforce(host, wanted, test=False):
    """Hold the installed ones of ``wanted``; see the execution module for the answer's shape.

    A hold on what is not installed would stop apt from ever installing it.
    """
    missing = [name for name in wanted if not host.installed_version(name)]
    ours = (host.text(RECORD) or "").split()
    if not wanted and not ours:
        return {"held": [], "released": [], "not_installed": []}
    wanted = set(wanted) - set(missing)
    decided = plan(wanted, host.command(["apt-mark", "showhold"]).split(), ours)
    if not test:
        _do(host, decided, ours)
    return {
        "held": list(decided.hold),
        "released": list(decided.release),
        "not_installed": missing,
    }


def _do(host, decided, ours):
    # Written down before it is done: a hold that is cut off in between is not taken for another's.
    _write(host, {*ours, *decided.ours})
    for action, names in (("hold", decided.hold), ("unhold", decided.release)):
        if names:
            host.command(["apt-mark", action, *names])
    _write(host, decided.ours)


def _write(host, names):
    host.replace(RECORD, "".join(f"{name}\n" for name in sorted(names)))
