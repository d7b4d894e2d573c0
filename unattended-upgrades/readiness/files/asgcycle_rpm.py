"""The checks on Amazon Linux. A part of asgcycle-ready; user data brings it only there."""

from asgcycle_checks import FETCH_SECONDS, READ_SECONDS, few, last_line
from asgcycle_host import Unknown


def reboot(host):
    """Exit code 1 of needs-restarting is also that of its failures: both are not ready."""
    code, out, err = host.run(["needs-restarting", "-r"], READ_SECONDS)
    return None if code == 0 else f"needs-restarting -r: {last_line(err, out)}"


def security_updates(host):
    """dnf and yum fetch what is too old by themselves; 100 is their word for: there are some."""
    tool = "dnf" if host.has("dnf") else "yum"
    # A repository that does not answer must not look like one without updates.
    argv = [tool, "-q", "--security", "--setopt=*.skip_if_unavailable=0", "check-update"]
    # The release that was upgraded to: the image's own would not know of what came after it.
    release = (host.json("etc/asgcycle/ready.json") or {}).get("releasever")
    argv += [f"--releasever={release}"] if release else []
    code, out, err = host.run(argv, FETCH_SECONDS)
    if code not in (0, 100):
        raise Unknown(f"{tool}: {last_line(out, err)}")
    rows = [line.split() for line in out.splitlines()]
    names = [row[0] for row in rows if len(row) == 3]
    return None if code == 0 else "pending: {}".format(few(names) or "see " + " ".join(argv))
