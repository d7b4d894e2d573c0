"""The mildest action after which nothing runs any more what upgrades have replaced. Pure."""

# From mild to strong.
NOTHING, RESTART, REEXEC, REBOOT, REPLACE = "nothing", "restart", "reexec", "reboot", "replace"
STRENGTH = (NOTHING, RESTART, REEXEC, REBOOT, REPLACE)
ENDS = "ends"  # by itself, or when somebody logs out

MANAGER = "init.scope"
KERNEL = "the kernel"
SSH = ("ssh.service", "sshd.service")
# Started anew they would take the bus or the network away from everything else.
NOT_RESTARTED = ("dbus.service", "dbus-broker.service", "networking.service", "ifup@")
# The work of one boot or one run.
ENDING = ("apt-daily", "cloud-")
# Everything runs on it, from the first process on.
ALL_RUN_ON = ("libc6",)


def needed(look, unsupported=None):
    """
    What has to happen on a host.

    ``look``: what :func:`patched.running.look` returns. ``unsupported``: why no more updates will
    come, None while they come. ``{action, services, reexec, reasons: [{action, what, why}]}``;
    the action is the strongest of the reasons': nothing, restart, reexec, reboot or replace.
    Sessions and jobs that only have to end have the action ``ends`` and need nothing else.
    """
    reasons = [_reason(REPLACE, "the release", unsupported)] if unsupported else []
    reasons += _of_kernel(look) + _of_processes(look["processes"])
    actions = [one["action"] for one in reasons if one["action"] != ENDS]
    return {
        "action": max(actions, key=STRENGTH.index) if actions else NOTHING,
        "services": [one["what"] for one in reasons if one["action"] == RESTART],
        "reexec": REEXEC in actions,
        "reasons": reasons,
    }


def _reason(action, what, why):
    return {"action": action, "what": what, "why": why}


def _of_kernel(look):
    kernel, found = look["kernel"], []
    if kernel and kernel["newest"]:
        why = "{newest} is installed, {running} runs".format(**kernel)
        found.append(_reason(REBOOT, KERNEL, why))
    if kernel and kernel["replaced"]:
        why = "{running} runs as it was before version {replaced} of its package".format(**kernel)
        found.append(_reason(REBOOT, KERNEL, why))
    found += [_reason(REBOOT, name, "takes effect at a boot") for name in look["microcode"]]
    if look["flag"] is not None:
        names = ", ".join(look["flag"]) or "an update"
        found.append(_reason(REBOOT, "/run/reboot-required", f"asked for by {names}"))
    return found


def _of_processes(processes):
    """A reason for each unit, and one for what all units run on."""
    by_unit = {}
    for one in processes:
        by_unit.setdefault((action_of(one), one["unit"] or _described(one)), []).append(one)
    found = []
    for (action, what), group in sorted(by_unit.items()):
        packages = sorted({name for one in group for name in one["packages"]})
        files = sorted({path for one in group for path in one["files"]})
        found.append(_reason(action, what, "runs replaced " + few(packages or files)))
    base = sorted({name for one in processes for name in one["packages"]} & set(ALL_RUN_ON))
    return [
        _reason(REBOOT, name, "was replaced, and everything runs on it") for name in base
    ] + found


def rebooting(look):
    """Packages for which only a reboot helps, whether or not one has asked for it."""
    found = []
    for one in needed(dict(look, flag=None))["reasons"]:
        if one["action"] == REBOOT and one["what"] == KERNEL:
            found.append("linux-image-" + (look["kernel"]["newest"] or look["kernel"]["running"]))
        elif one["action"] == REBOOT:
            found += _packages(one["what"], look["processes"]) or [one["what"]]
    return sorted(set(found))


def _packages(unit, processes):
    """What the processes of a unit run of which a newer version is installed."""
    ours = [one for one in processes if (one["unit"] or _described(one)) == unit]
    return [name for one in ours for name in one["packages"]]


def action_of(process):
    """What puts a process right that runs replaced files."""
    unit = process["unit"] or ""
    if process["pid"] == 1 or unit == MANAGER:
        return REEXEC
    if unit.startswith(NOT_RESTARTED):
        return REBOOT
    session = unit in SSH and process["name"].startswith(("sshd: ", "sshd-session"))
    if session and "listener" in process["name"]:
        session = False  # sshd: /usr/sbin/sshd -D [listener] …
    ends = unit.startswith(("user@", *ENDING)) or not unit.endswith(".service")
    return ENDS if session or ends else RESTART


def _described(process):
    return "process {pid} ({name})".format(**process)


def few(names, most=4):
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
