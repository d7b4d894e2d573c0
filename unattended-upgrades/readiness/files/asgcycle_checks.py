"""What has to hold before an instance is ready. A part of asgcycle-ready, managed by Salt."""

import json
import os
import re
import sys

from asgcycle_host import STATE, Unknown

LISTS = STATE + "/lists"  # its time: when apt has last fetched every list
CLEAN = STATE + "/highstate"  # its time: when the highstate was last clean
LISTS_SECONDS = 3600  # lists older than this say nothing about what is pending now
READ_SECONDS = 120  # a command that only reads; a small instance under load is slow
FETCH_SECONDS = 300
FAILED = "cloud-init failed"


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
    """No installed update asks for a reboot, and none is scheduled."""
    if host.exists("run/systemd/shutdown/scheduled"):
        return "a shutdown is scheduled"
    if not host.has("apt-get"):
        return rpm_reboot(host)
    if host.exists("run/reboot-required"):
        names = dict.fromkeys((host.text("run/reboot-required.pkgs") or "").split())
        return "reboot required by {}".format(few(names) or "an update")
    newer = newer_kernel(os.uname().release, installed_kernels(host))
    return "kernel {} is installed, but {} runs".format(*newer) if newer else None


def installed_kernels(host):
    """Releases of the kernels in /boot; none in a container."""
    try:
        names = os.listdir(host.path("boot"))
    except FileNotFoundError:
        return []
    return [name[len("vmlinuz-") :] for name in names if name.startswith("vmlinuz-")]


def newer_kernel(running, installed):
    """``(installed, running)`` when a newer kernel waits for a reboot, else None."""
    newest = max(installed, key=kernel_version, default=running)
    return (newest, running) if kernel_version(newest) > kernel_version(running) else None


def kernel_version(release):
    """The numbers before the flavour: 6.1.0-18-cloud-amd64 → (6, 1, 0, 18)."""
    return tuple(map(int, re.findall(r"\d+", re.match(r"[\d.]*(-\d+)*", release).group())))


def rpm_reboot(host):
    """Exit code 1 of needs-restarting is also that of its failures: both are not ready."""
    code, out, err = host.run(["needs-restarting", "-r"], READ_SECONDS)
    return None if code == 0 else f"needs-restarting -r: {last_line(err, out)}"


def security_updates(host):
    """No security repository has a newer version of what is installed."""
    if not host.has("apt-get"):
        return rpm_security_updates(host)
    if not fresh_lists(host):
        return "the package lists are not of the last hour"
    argv = [sys.executable, os.path.abspath(sys.argv[0]), "pending"]  # this program once more
    code, out, err = host.run(argv, READ_SECONDS)
    if code != 0:
        raise Unknown(last_line(err, out))
    return f"pending: {few(out.split())}" if out.split() else None


def fresh_lists(host):
    age = host.age(LISTS)
    return age is not None and 0 <= age < LISTS_SECONDS


def rpm_security_updates(host):
    """dnf and yum fetch what is too old by themselves; 100 is their word for: there are some."""
    tool = "dnf" if host.has("dnf") else "yum"
    # A repository that does not answer must not look like one without updates.
    argv = [tool, "-q", "--security", "--setopt=*.skip_if_unavailable=0", "check-update"]
    code, out, err = host.run(argv, FETCH_SECONDS)
    if code not in (0, 100):
        raise Unknown(f"{tool}: {last_line(out, err)}")
    rows = [line.split() for line in out.splitlines()]
    names = [row[0] for row in rows if len(row) == 3]
    return None if code == 0 else "pending: {}".format(few(names) or "see " + " ".join(argv))


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


def fetch_lists(host):
    """Bring apt's package lists up to date; None when every one was fetched, else why not."""
    argv = ["apt-get", "-q", "update", "-o", "APT::Update::Error-Mode=any"]
    code, out, err = host.run(argv, FETCH_SECONDS)
    # Before apt knew that option a failed download was only a warning.
    failed = re.findall(r"^(?:E:|Err:|W: Failed).*", out + err, re.MULTILINE)
    if code != 0 or failed:
        return f"apt-get update: {last_line(out, err, *failed)}"
    host.write(LISTS, {"boot_id": host.boot_id()})
    return None


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


# -- pending security updates of apt ----


def pending():
    """Print each package that a security repository has a newer version of; return 0.

    Left out is what unattended-upgrades would never install: held and blacklisted packages, and
    what is not on a strict whitelist. A process of its own, so that apt's configuration and
    lists are read anew each time and a hanging apt has a deadline.
    """
    try:
        import apt_pkg
    except ImportError:
        raise Unknown("python3-apt is not installed; unattended-upgrades brings it")
    try:
        apt_pkg.init()
        cache = apt_pkg.Cache(None)
    except apt_pkg.Error as exc:
        raise Unknown(f"apt: {exc}")
    files = {entry.id for entry in cache.file_list if is_security(entry)}
    if not files:
        raise Unknown("apt knows no security repository")
    excluded = exclusion(apt_pkg.config)
    policy = apt_pkg.Policy(cache)
    policy.read_pinfile(apt_pkg.config.find_file("Dir::Etc::preferences"))
    policy.read_pindir(apt_pkg.config.find_dir("Dir::Etc::preferencesparts"))
    for package in cache.packages:
        current = package.current_ver
        if not current or package.selected_state == apt_pkg.SELSTATE_HOLD:
            continue
        newer = any(
            apt_pkg.version_compare(version.ver_str, current.ver_str) > 0
            and policy.get_priority(version) > 0
            and any(entry.id in files for entry, _ in version.file_list)
            for version in package.version_list
        )
        halfway = package.current_state != apt_pkg.CURSTATE_INSTALLED
        if halfway or (newer and not excluded(package.name)):
            sys.stdout.write(package.name + "\n")
    return 0


def is_security(entry):
    """Whether a repository of apt is Debian's or Ubuntu's security archive, ESM included."""
    names = (entry.archive or "", entry.codename or "")
    return entry.label == "Debian-Security" or (
        (entry.origin or "").startswith(("Debian", "Ubuntu"))
        and any(name.endswith("-security") for name in names)
    )


def exclusion(config):
    """A function that tells whether the policy of unattended-upgrades leaves a package out."""
    root = "Unattended-Upgrade::"
    black = config.value_list(root + "Package-Blacklist")
    white = config.value_list(root + "Package-Whitelist")
    strict = config.find_b(root + "Package-Whitelist-Strict", False)

    def excluded(name):
        if any(re.match(pattern, name) for pattern in black):
            return True
        return strict and not any(re.match(pattern, name) for pattern in white)

    return excluded
