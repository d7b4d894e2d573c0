"""What has to hold before an instance is ready. A part of asgcycle-ready, managed by Salt."""

import json
import os
import sys

from asgcycle_host import STATE, Unknown

LISTS = STATE + "/lists"  # its time: when apt has last fetched every list
CLEAN = STATE + "/highstate"  # its time: when the highstate was last clean
LISTS_SECONDS = 3600  # lists older than this say nothing about what is pending now
READ_SECONDS = 120  # a command that only reads; a small instance under load is slow
FETCH_SECONDS = 300
FAILED = "cloud-init failed"
DEFINITION = "usr/local/lib/asgcycle/patched"
DEFINITION_SOURCE = "salt://_utils/aptpolicy/patched"


def last_line(*texts):
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"


def few(names, most=5):
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# -- the checks: None when passed, else why not; they change nothing ----


def cloud_init(host):
    """cloud-init has done its work of this boot without errors."""
    if host.exists("run/cloud-init/disabled"):
        return "cloud-init is disabled here; leave this check out"
    result = host.json("run/cloud-init/result.json")
    if result is None:
        told = (host.json("run/cloud-init/status.json") or {}).get("v1")
        if told is None and not host.has("cloud-init"):
            return "cloud-init is not installed here; leave this check out"
        return "cloud-init is at stage {}".format((told or {}).get("stage") or "none yet")
    errors = result.get("v1", {}).get("errors")
    if errors is None:
        raise Unknown("cloud-init's result names no errors and no success")
    return f"{FAILED}: {few(map(str, errors), 2)}" if errors else None


def reboot(host):
    """Nothing runs what an upgrade has replaced, and no reboot is scheduled."""
    if host.exists("run/systemd/shutdown/scheduled"):
        return "a shutdown is scheduled"
    if not host.has("apt-get"):
        import asgcycle_rpm  # Amazon Linux has it, and only that

        return asgcycle_rpm.reboot(host)
    reasons = in_force(host)["reasons"]
    return few(["{what}: {why}".format(**one) for one in reasons], 2) or None


def in_force(host):
    """What has to happen so that everything installed is in force, as ``patched`` says it."""
    if lacks_definition(host):
        raise Unknown(f"/{DEFINITION} is not here yet")
    from patched import needed, running

    look = running.look(host.root)
    if look["unknown"]:
        raise Unknown("{what}: {why}".format(**look["unknown"][0]))
    return needed.needed(look)


def restart_services(host):
    """Carry out what is milder than a reboot; None when it was done, else why not."""
    from patched import restart

    failed = restart.carry_out(restart.plan(in_force(host)), host.run)
    return few([f"restart of {unit}: {said}" for unit, said in failed.items()], 2) or None


def security_updates(host):
    """Nothing is left that unattended-upgrade would install, and that is known."""
    if not host.has("apt-get"):
        import asgcycle_rpm

        return asgcycle_rpm.security_updates(host)
    if not fresh_lists(host):
        return "the package lists are not of the last hour"
    answer = packages(host)
    if answer["unknown"]:
        raise Unknown("{what}: {why}".format(**answer["unknown"][0]))
    if answer["broken"]:
        return "not fully installed: {}".format(few(answer["broken"]))
    names = pending(answer)
    return f"pending: {few(names)}" if names else None


def packages(host):
    """What the package ``patched`` says; a process of its own, as apt may hang."""
    if lacks_definition(host):
        raise Unknown(f"/{DEFINITION} is not here yet")
    code, out, err = host.run([sys.executable, "-B", host.path(DEFINITION)], READ_SECONDS)
    if code != 0:
        raise Unknown(last_line(err, out))
    return json.loads(out)


def pending(answer):
    """Names of the security updates that are to be installed."""
    from patched import decide

    return [one["name"] for one in decide.security(answer, decide.PENDING) or ()]


def fresh_lists(host):
    age = host.age(LISTS)
    return age is not None and 0 <= age < LISTS_SECONDS


def highstate(host):
    """A highstate has ended without a failed state in this boot."""
    return None if host.exists(CLEAN) else "no clean highstate in this boot"


CHECKS = {
    "cloud-init": cloud_init,
    "reboot": reboot,
    "security-updates": security_updates,
    "highstate": highstate,
}


def look(host, checks):
    """Yield ``(check, why)`` of each check that does not pass, in the order of CHECKS."""
    for name, check in CHECKS.items():
        if name not in checks:
            continue
        try:
            why = check(host)
        except (Unknown, OSError) as exc:
            why = f"unknown: {exc}"
        if why:
            yield name, why


# -- what the waiting agent does so that a check can pass ----


def lacks_definition(host):
    """Whether the definition of patched is missing: user data has no room for it."""
    return host.has("apt-get") and not host.exists(DEFINITION + "/__main__.py")


def fetch_definition(host):
    """Take it from the master, as the state does; None when it is there, else why not."""
    target = os.path.dirname(host.path(DEFINITION))
    argv = ["salt-call", "--out=json", "cp.get_dir", DEFINITION_SOURCE, target]
    code, out, err = host.run(argv, FETCH_SECONDS)
    if code != 0:
        return highstate_trouble(out, err)
    missing = lacks_definition(host)
    return f"the master has no {DEFINITION_SOURCE} in its file roots" if missing else None


def fetch_lists(host):
    """Bring apt's lists up to date: ``(why not, warnings)``; why not is None when they are."""
    from patched import fetching

    def run(argv, seconds):
        try:
            return host.run(argv, seconds)
        except Unknown as exc:  # a mirror that swallows everything: the others may be there
            return 1, "", str(exc)

    why, warnings = fetching.fetch(run, lambda: packages(host), host.root)
    if why is None:
        host.write(LISTS, {"boot_id": host.boot_id()})
    return (f"apt-get update: {why}" if why else None), warnings


def apply_highstate(host, seconds):
    """Apply the highstate; None when it was clean, else why not."""
    # queue: startup_states or the master may be applying one at this moment.
    argv = ["salt-call", "--out=json", "--retcode-passthrough", "state.highstate", "queue=True"]
    code, out, err = host.run(argv, seconds)
    if code != 0:
        return highstate_trouble(out, err)
    host.write(CLEAN, {"boot_id": host.boot_id()})
    return None


def highstate_trouble(out, err):
    """What salt-call says against itself, in a few words."""
    if "has the minion key been accepted" in out + err:
        return "the master has not accepted the key of this minion"
    if "SystemExit: 77" in out + err:  # EX_NOPERM of salt.defaults.exitcodes
        return "the master has denied or rejected the key of this minion"
    try:
        told = json.loads(out[out.index("{") :])["local"]
    except (ValueError, KeyError, TypeError):
        return f"salt-call: {last_line(out, err)}"
    if isinstance(told, dict):
        rows = [row for row in told.values() if isinstance(row, dict)]
        failed = [str(row.get("__id__") or row.get("comment"))
                  for row in rows if row.get("result") is False]  # fmt: skip
        return f"failed states: {few(failed, 3)}"
    return f"salt-call: {told[0] if isinstance(told, list) and told else told}"
