"""What became of the last run: from the plugin's record, the tool's log and apt's history.

unattended-upgrades calls postrun plugins only from 2.11 on, and never for a crash. Its log tells
the rest. The messages are translated, so they are recognised with the catalogs of the host itself:
a language without a catalog is one in which the tool cannot write.
"""

import datetime
import gettext
import math
import re
from dataclasses import dataclass

from aptpolicy.system import REBOOT_REQUIRED

DOMAIN = "unattended-upgrades"
LOG_DIR = "/var/log/unattended-upgrades"
LOG_NAME = "unattended-upgrades.log"
HISTORY = "var/log/apt/history.log"
# Ubuntu's language packs have a folder of their own.
CATALOGS = ("usr/share/locale", "usr/share/locale-langpack")
# From the last line of a run, or its record, to the tool's stamp: mails, plugins, events.
END_OF_RUN_SECONDS = 300
CLOCK_SECONDS = 1  # apt's history is written to the second

# Messages of the tool (2.3 to 2.13). Marked ones are never translated.
STARTED = "Starting unattended upgrades script"
COMPLETED = (
    "All upgrades installed",
    "No packages found that can be upgraded unattended and no pending auto-removals",
)
# Warnings of runs that end with exit code 1.
FAILED = (
    "Package %s has conffile prompt and needs to be upgraded manually",
    "System is on metered connection, stopping",
    "System is on battery power, stopping",  # untranslated
    "SIGNAL received, stopping",  # untranslated
)
# Errors that say nothing about the upgrades of the run above them.
HARMLESS = (
    "No /usr/bin/mail or /usr/sbin/sendmail, can not send mail. "
    "You probably want to install the mailx package.",
    "Lock file is already taken, exiting",  # untranslated, and said by a second process
)
DRY_RUN = "--dry-run"  # untranslated, and an option in any language

_LINE = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) ([A-Z]+) (.*)")
_UPGRADED = re.compile(r"([a-z0-9][a-z0-9+.-]+):[a-z0-9-]+ \(")
_ERRORS = frozenset({"ERROR", "CRITICAL"})


@dataclass(frozen=True)
class Run:
    """One run in the log; ``began`` and ``ended`` in seconds since the epoch.

    ``completed``: it said that it came to its end. Downloads of apt's other job, dry runs and
    runs that were cut off do not, or are ``dry``.
    """

    began: float
    ended: float
    failed: bool = False
    completed: bool = False
    dry: bool = False


class Messages:
    """The messages that matter, in every language of the host."""

    def __init__(self, catalogs=()):
        self._catalogs = tuple(catalogs)
        self.started = self._matcher((STARTED,))
        self.completed = self._matcher(COMPLETED)
        self.failed = self._matcher(FAILED)
        self.harmless = self._matcher(HARMLESS)

    def _matcher(self, texts):
        said = {catalog.gettext(text) for catalog in self._catalogs for text in texts}
        forms = (re.escape(text).replace("%s", ".*") for text in sorted(said | set(texts)))
        return re.compile("|".join(forms))

    @classmethod
    def of(cls, host):
        """Read the catalogs below the host's root; one that cannot be read is left out."""
        found = []
        for folder in CATALOGS:
            for path in (host.root / folder).glob(f"*/LC_MESSAGES/{DOMAIN}.mo"):
                try:
                    with open(path, "rb") as handle:
                        found.append(gettext.GNUTranslations(handle))
                except (OSError, ValueError, UnicodeDecodeError):
                    continue
        return cls(found)


def parse_log(text, messages):
    """The tool's log → ``(runs, when the log begins)``, oldest run first."""
    runs, begins = [], None
    for line in text.splitlines():
        match = _LINE.match(line)
        if not match:
            continue
        second, said = _local(match[1]), match[4]
        if second is None or messages.harmless.fullmatch(said):
            continue
        when = second + int(match[2]) / 1000
        begins = when if begins is None else begins
        failed = match[3] in _ERRORS or bool(messages.failed.fullmatch(said))
        # A run that is stopped at once does not say that it has started.
        over = runs and runs[-1].completed and when > runs[-1].ended + END_OF_RUN_SECONDS
        if messages.started.fullmatch(said) or (over and failed):
            runs.append(Run(when, when, failed))
        elif runs and not over:
            completed = bool(messages.completed.fullmatch(said))
            runs[-1] = _continued(runs[-1], when, failed, completed, DRY_RUN in said)
    return tuple(runs), begins


def _continued(run, when, failed, completed, dry):
    return Run(
        began=run.began,
        ended=when,
        failed=run.failed or failed,
        completed=run.completed or completed,
        dry=run.dry or dry,
    )


def upgraded_between(history, began, ended):
    """Packages that the tool upgraded in a span of time, by apt's history.log."""
    names = set()
    for block in history.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        command, start = fields.get("Commandline", ""), fields.get("Start-Date")
        if not start or "unattended-upgrade" not in command or DRY_RUN in command:
            continue
        when = _local(" ".join(start.split()))
        if when is not None and began - CLOCK_SECONDS <= when <= ended + CLOCK_SECONDS:
            names.update(_UPGRADED.findall(fields.get("Upgrade", "")))
    return sorted(names)


def _local(text):
    """Local time as the logs write it → seconds since the epoch; None when it is no time."""
    try:
        return datetime.datetime.strptime(text, "%Y-%m-%d %H:%M:%S").timestamp()
    except ValueError:
        return None


@dataclass(frozen=True)
class Traces:
    """Everything that runs have left. Times in seconds since the epoch, None when there is none.

    ``record``: the plugin's. ``runs``, ``log_begins``: of the tool's log. ``completion``: the
    tool's own stamp, also written by dry runs and by failed runs. ``daily_success``: the stamp of
    apt's daily job, also written on days that are no update days.
    """

    record: object = None
    runs: tuple = ()
    log_begins: float | None = None
    completion: float | None = None
    daily_success: float | None = None

    @classmethod
    def of(cls, host, configuration):
        runs, begins = _read_log(host, configuration)
        return cls(host.last_run(), runs, begins, host.last_completion(), host.last_daily_success())

    @property
    def recorded_at(self):
        """When the plugin wrote its record; None when it is no record."""
        try:
            return datetime.datetime.fromisoformat(self.record["time"]).timestamp()
        except (TypeError, KeyError, ValueError):
            return None

    @property
    def outcomes(self):
        """Runs of the log that were meant to upgrade and came to an end."""
        begins = [*(run.began for run in self.runs), math.inf]
        pairs = zip(self.runs, begins[1:], strict=True)
        return [run for run, then in pairs if not run.dry and self._ended(run, then)]

    def _ended(self, run, then):
        """``then``: when the next run began; a stamp after that is not of this one."""
        stamped = _follows(self.completion, run.ended) and self.completion < then
        return run.failed or run.completed or stamped

    def success_of(self, run):
        """Whether a run of the log has succeeded; None when nothing tells."""
        if run.failed:
            return False
        confirmed = run.completed or _follows(self.daily_success, run.ended)
        return True if confirmed else None

    @property
    def record_is_newest(self):
        """Whether the plugin's record is of the newest run that left a trace."""
        if self.recorded_at is None:
            return False
        if self.outcomes:
            return self.recorded_at >= self.outcomes[-1].began
        end = self.recorded_at + END_OF_RUN_SECONDS
        if (self._stamp(self.completion) or 0) > end:
            return False
        success = self.record.get("success")
        return (self._stamp(self.daily_success) or 0) <= (end if success else self.recorded_at)

    def _stamp(self, stamp):
        """A stamp, if it is older than the log: what is newer, the log tells better."""
        return (
            stamp if self.log_begins is None or stamp is None or stamp < self.log_begins else None
        )

    @property
    def last_success(self):
        """When a run last succeeded; None when none is known.

        Without log and plugin a completed run counts as a success: its stamp does not tell.
        """
        times = [run.ended for run in self.outcomes if self.success_of(run)]
        times.append(self._stamp(self.daily_success))
        succeeded = bool(self.recorded_at and self.record.get("success"))
        if succeeded:
            times.append(self.recorded_at)
        if succeeded or not self.record_is_newest:
            times.append(self._stamp(self.completion))
        return max((time for time in times if time), default=None)

    @property
    def last_began(self):
        """When the newest real run began, or at least a moment of it."""
        if self.record_is_newest:
            return self.recorded_at
        if self.outcomes:
            return self.outcomes[-1].began
        return self._stamp(self.completion)


def _follows(stamp, ended):
    """Whether a stamp was written at the end of the run that ended then."""
    return stamp is not None and -CLOCK_SECONDS <= stamp - ended <= END_OF_RUN_SECONDS


def _read_log(host, configuration):
    folder = configuration.scalar("Unattended-Upgrade::LogDir") or LOG_DIR
    name = configuration.scalar("Unattended-Upgrade::LogFile") or LOG_NAME
    messages = Messages.of(host)
    text = ""
    # logrotate moves it away once a month, and the next run may be a day off.
    for suffix in ("", ".1", ".1.gz"):
        text = host.log(f"{folder}/{name}{suffix}".lstrip("/")) + text
        runs, begins = parse_log(text, messages)
        if any(not run.dry and (run.failed or run.completed) for run in runs):
            break
    return runs, begins


def last_run(host, traces):
    """The newest run that left a trace; see the execution module for the answer's shape."""
    if traces.record_is_newest:
        names = ("success", "time", "packages_upgraded", "packages_kept_back", "reboot_required")
        return {"source": "plugin", **{name: traces.record.get(name) for name in names}}
    if traces.outcomes:
        run = traces.outcomes[-1]
        success = traces.success_of(run)
        return {
            "source": "log",
            "success": success,
            "time": iso(run.ended),
            "packages_upgraded": _upgraded(host, run),
            # The tool writes the file only at the end of a successful run.
            "packages_kept_back": list(host.kept_back()) if success else None,
            "reboot_required": host.exists(REBOOT_REQUIRED),
        }
    stamp = traces.last_success
    return {
        "source": "stamps" if stamp else None,
        "success": True if stamp else None,
        "time": iso(stamp),
        "packages_upgraded": None,
        "packages_kept_back": list(host.kept_back()) if stamp else None,
        "reboot_required": host.exists(REBOOT_REQUIRED) if stamp else None,
    }


def _upgraded(host, run):
    text = host.log(HISTORY)
    if not upgraded_between(text, run.began, run.ended):
        text = host.log(f"{HISTORY}.1.gz") + "\n\n" + text
    return upgraded_between(text, run.began, run.ended) if text.strip() else None


def iso(seconds):
    """Seconds since the epoch → ISO 8601 in UTC, None → None."""
    if seconds is None:
        return None
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.replace(microsecond=0).isoformat()
