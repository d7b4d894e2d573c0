"""All reading and running on the host; every command has a deadline.

Functions of the other modules get plain values from here. ``root`` is for tests and images.
"""

import gzip
import json
import os
import re
import subprocess
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from aptpolicy import effective, patched, readiness
from aptpolicy.errors import AptPolicyError
from aptpolicy.patched import dpkg, running

LOG_BYTES = 1_048_576  # of a log's end; one run at the highest verbosity writes half of it
COMMAND_SECONDS = 30  # reading commands; each takes well under a second on a healthy host
PYTHON = "/usr/bin/python3"  # has python-apt where unattended-upgrades is installed
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",  # the tool's messages are translated
    "DEBIAN_FRONTEND": "noninteractive",
    "HOME": "/root",
}

PERIODIC_DIR = "var/lib/apt/periodic"
LISTS_DIR = "var/lib/apt/lists"
KEPT_BACK = "var/lib/unattended-upgrades/kept-back"
LAST_RUN = "var/lib/unattended-upgrades/salt-last-run.json"
REBOOT_REQUIRED = "run/reboot-required"
UPGRADE_CONFIG = "etc/unattended-upgrades/apt.conf"  # read in unattended upgrades alone
MAILERS = ("usr/sbin/sendmail", "usr/bin/mail")  # what unattended-upgrade looks for
DAILY_SUCCESS_STAMP = "upgrade-stamp"  # written by apt.systemd.daily after exit code 0
UPDATE_STAMP = "update-success-stamp"  # written by a hook, see aptpolicy.fragment
COMPLETION_STAMP = "unattended-upgrades-stamp"  # written by the tool itself

READ_BY_APT = re.compile(r"[A-Za-z0-9_-]+(\.conf)?")  # names in apt.conf.d, apt.conf(5)


class CommandFailed(AptPolicyError):
    """A command that only reads did not answer; ``unknown``, not ``absent``."""


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


class Host:
    """The host whose file system begins at ``root``."""

    def __init__(self, root="/", run=None):
        self.root = Path(root)
        self.run = run or run_command

    def command(self, argv, seconds=COMMAND_SECONDS):
        """Run a reading command; raises :class:`CommandFailed` with what it said."""
        result = self.run(argv, seconds)
        if result.code != 0:
            raise CommandFailed(f"{' '.join(argv)}: exit {result.code}: {result.err.strip()}")
        return result.out

    def log(self, relative):
        """The end of a log, compressed or not; empty when it is missing or may not be read."""
        path = self.root / relative
        try:
            if path.suffix == ".gz":
                with gzip.open(path) as handle:
                    found = handle.read()
            else:
                with open(path, "rb") as handle:
                    handle.seek(max(0, handle.seek(0, os.SEEK_END) - LOG_BYTES))
                    found = handle.read()
        except (OSError, EOFError, zlib.error):
            return ""
        return found[-LOG_BYTES:].decode("utf-8", "replace")

    def configuration(self):
        """The effective apt configuration, as unattended upgrades have it."""
        return effective.parse(self.configuration_dump())

    def configuration_dump(self):
        """The same as ``apt-config dump`` prints it."""
        found = self.upgrade_environment()
        before = ["env", *(f"{name}={value}" for name, value in found.items())] if found else []
        return self.command([*before, "apt-config", "dump"])

    def upgrade_environment(self):
        """What the environment of unattended upgrades has beside ours."""
        path = self.root / UPGRADE_CONFIG
        return {"APT_CONFIG": str(path)} if path.exists() else {}

    def has_mailer(self):
        """Whether unattended-upgrade could send a mail."""
        return any(self.exists(path) for path in MAILERS)

    def patched(self):
        """What :mod:`aptpolicy.patched` says of this host's packages, asked of its own Python."""
        home = os.path.dirname(patched.__file__)
        with tempfile.TemporaryDirectory() as folder:
            # Of the version that runs here: what is on the disk may be a newer one by now.
            program = Path(folder, "patched")
            program.mkdir()
            for name in readiness.PATCHED:
                program.joinpath(name).write_bytes(
                    patched.__loader__.get_data(os.path.join(home, name))
                )
            said = self.command([PYTHON, "-B", str(program)])
        try:
            return json.loads(said)
        except ValueError as exc:
            raise CommandFailed(f"the list of packages cannot be read: {exc}") from exc

    def in_force(self):
        """What still runs that an upgrade has replaced; see aptpolicy.patched.running."""
        return running.look(self.root)

    def tool_version(self):
        """Installed version of unattended-upgrades, None when it is not installed."""
        return self.installed_version("unattended-upgrades")

    def installed_version(self, package):
        """Installed version of a package, None when it is not installed."""
        fmt = "${db:Status-Status} ${Version}\n"  # a line for each architecture
        result = self.run(["dpkg-query", "-W", "-f", fmt, package], COMMAND_SECONDS)
        status, _, version = result.out.partition("\n")[0].partition(" ")
        there = result.code == 0 and status not in ("", "not-installed", "config-files")
        return version.strip() if there else None

    def text(self, relative):
        """A file's text, None when there is none: missing, a folder, or of a process that ended."""
        try:
            return (self.root / relative).read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ProcessLookupError):
            return None

    def replace(self, relative, text):
        """Write a file so that it is there as a whole or not at all; no text removes it."""
        path = self.root / relative
        if not text:
            path.unlink(missing_ok=True)
        elif self.text(relative) != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f"{path.name}.new")
            fresh.write_text(text, encoding="utf-8")
            os.replace(fresh, path)

    def changed_at(self, relative):
        """Modification time in seconds since the epoch, None when the file is missing."""
        try:
            return (self.root / relative).stat().st_mtime
        except FileNotFoundError:
            return None

    def exists(self, relative):
        return (self.root / relative).exists()

    def lists_changed_at(self, hooked):
        """When package lists were last fetched, None when there are none.

        ``hooked``: apt leaves a stamp when an update did not fail as a whole. Without it only
        the folder of partial downloads tells, which a failing update touches as well.
        """
        folder = self.root / LISTS_DIR
        try:
            names = [e for e in os.scandir(folder) if e.name.endswith(("Release", "Packages"))]
        except FileNotFoundError:
            return None
        if not names:
            return None
        # apt keeps a list's own time stamp, but touches the folder when it puts a new one there.
        times = [folder.stat().st_mtime, self.changed_at(f"{PERIODIC_DIR}/{UPDATE_STAMP}")]
        if not hooked:
            times.append(self.changed_at(f"{LISTS_DIR}/partial"))
        return max(time for time in times if time is not None)

    def last_completion(self):
        """When unattended-upgrade last came to its end, successful or not; None when never."""
        return self.changed_at(f"{PERIODIC_DIR}/{COMPLETION_STAMP}")

    def last_daily_success(self):
        """When apt's daily job last upgraded with success; None when never."""
        return self.changed_at(f"{PERIODIC_DIR}/{DAILY_SUCCESS_STAMP}")

    def kept_back(self):
        return tuple((self.text(KEPT_BACK) or "").split())

    def last_run(self):
        """What the postrun plugin wrote, None when there is nothing readable."""
        try:
            return json.loads(self.text(LAST_RUN) or "null")
        except ValueError:
            return None

    def interrupted(self):
        """Whether dpkg left a journal behind."""
        return dpkg.interrupted(self.root)

    def booted(self):
        """Whether systemd is the init of this host (sd_booted(3))."""
        return (self.root / "run/systemd/system").is_dir()

    def timer(self, unit):
        """``systemctl show`` of a timer and of its service as two dictionaries: state, calendar,
        random delay, what runs before the service.

        None where systemd does not run.
        """
        if not self.booted():
            return None
        service = unit.replace(".timer", ".service")
        wanted = (
            "LoadState,ActiveState,UnitFileState,NextElapseUSecRealtime,LastTriggerUSec,"
            "TimersCalendar,RandomizedDelayUSec,ExecStartPre"
        )
        text = self.command(["systemctl", "show", unit, service, f"--property={wanted}"])
        units = [_properties(block) for block in text.split("\n\n")]
        return units[0], units[1] if len(units) > 1 else {}

    def calendar_error(self, expression):
        """What systemd says against a calendar expression; None when it is fine or unknown."""
        try:
            result = self.run(["systemd-analyze", "calendar", expression], COMMAND_SECONDS)
        except CommandFailed:
            return None
        return None if result.code == 0 else (result.err.strip() or "not a calendar expression")

    def dpkg_error(self, options):
        """What dpkg says against options; None when they are fine or dpkg is not there."""
        try:
            result = self.run(["dpkg", *options, "--print-architecture"], COMMAND_SECONDS)
        except CommandFailed:
            return None
        return None if result.code == 0 else result.err.strip().partition("\n")[0]

    def lock_holder(self, ignore=()):
        """``(path, pid, age in seconds)`` of a held package lock, or None."""
        holder = dpkg.lock_holder(self.root, ignore)
        return holder and (*holder, self._process_age(holder[1]))

    def _process_age(self, pid):
        stat, uptime = self.text(f"proc/{pid}/stat"), self.text("proc/uptime")
        if not stat or not uptime:
            return 0.0
        started = int(stat.rpartition(")")[2].split()[19])  # field 22, proc(5)
        return float(uptime.split()[0]) - started / os.sysconf("SC_CLK_TCK")

    def later_files_naming(self, key, after):
        """Configuration files read after ``after`` that name ``key``: who overrides it."""
        leaf = key.rpartition("::")[2].lower()
        folder = self.root / "etc/apt/apt.conf.d"
        names = sorted(p.name for p in folder.glob("*") if READ_BY_APT.fullmatch(p.name))
        later = [f"etc/apt/apt.conf.d/{name}" for name in names if name > after]
        candidates = [*later, "etc/apt/apt.conf"]
        return tuple(f"/{path}" for path in candidates if leaf in (self.text(path) or "").lower())


def _properties(block):
    shown = {}
    for line in block.splitlines():
        name, _, value = line.partition("=")
        # One line for each calendar expression.
        shown[name] = f"{shown[name]}\n{value}" if name in shown else value
    return shown


def run_command(argv, seconds):
    """Run ``argv`` without a shell; raises :class:`CommandFailed` when it cannot or too slow."""
    try:
        done = subprocess.run(  # noqa: S603 - a fixed list of arguments, no shell
            argv, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            errors="replace", timeout=seconds, check=False,
        )  # fmt: skip
    except FileNotFoundError as exc:
        raise CommandFailed(f"{argv[0]}: not installed") from exc
    except subprocess.TimeoutExpired as exc:
        raise CommandFailed(f"{' '.join(argv)}: no answer within {seconds} s") from exc
    return Result(done.returncode, done.stdout, done.stderr)
