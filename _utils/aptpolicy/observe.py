"""Look at a host once and answer questions about it as plain data."""

import datetime
import re
from dataclasses import dataclass

from aptpolicy import effective, fragment, origins, schedule, verdict
from aptpolicy.errors import Refused
from aptpolicy.system import REBOOT_REQUIRED, CommandFailed

FRAGMENT = f"etc/apt/apt.conf.d/{fragment.FRAGMENT_NAME}"
MICROSECONDS = 1_000_000
# From the plugin's record to the tool's stamp: the event, closing logs, apt's own stamp.
END_OF_RUN_SECONDS = 300


@dataclass(frozen=True)
class View:
    """One look at a host. ``policy`` None: refused (see ``refused``) or never deployed."""

    host: object
    system: object
    now: float
    policy: object
    refused: tuple
    configuration: effective.Configuration
    repositories: tuple | None
    packages: tuple
    broken: tuple
    probe_error: str | None
    installed: bool

    @classmethod
    def read(cls, host, system, now, policy_and_refusals=None):
        """Read the host at time ``now`` (seconds since the epoch).

        ``policy_and_refusals``: what was meant, None when nothing was. Raises
        :class:`CommandFailed` when even apt's configuration cannot be read.
        """
        policy, refused = policy_and_refusals or (None, ())
        configuration = host.configuration()
        try:
            probed, error = host.probe(), None
        except CommandFailed as exc:
            probed, error = {}, str(exc)
        repositories = probed.get("repositories")
        return cls(
            host=host,
            system=system,
            now=now,
            policy=policy,
            refused=tuple(refused),
            configuration=configuration,
            repositories=None
            if repositories is None
            else tuple(origins.Repository(**fields) for fields in repositories),
            packages=tuple(probed.get("packages", ())),
            broken=tuple(probed.get("broken", ())),
            probe_error=error,
            installed=system.tool_version is not None,
        )

    # -- patterns ---------------------------------------------------------------------------

    def patterns(self):
        """``(source, entry, pattern or None, error or None)`` for every effective origin."""
        found = []
        for source, key in effective.UNATTENDED_LISTS.items():
            for entry in self.configuration.listing(key):
                try:
                    pattern = entry
                    if source == "Allowed-Origins":
                        pattern = origins.legacy_to_pattern(origins.legacy_pair(entry))
                    found.append((source, entry, origins.check_pattern(pattern, self.system), None))
                except Refused as exc:
                    found.append((source, entry, None, f"allowed: {exc.allowed}"))
        return tuple(found)

    def _matches(self, pattern, repository):
        return origins.matches(pattern, repository, self.system)

    def _is_security(self, repository):
        return any(self._matches(p, repository) for p in origins.security_patterns(self.system))

    def _is_allowed(self, repository):
        return any(self._matches(p, repository) for _, _, p, _ in self.patterns() if p)

    def security_matches(self):
        """Whether a security repository is allowed; None when no lists are known."""
        if not self.repositories:
            return None
        allowed = [r for r in self.repositories if self._is_allowed(r)]
        known = origins.security_patterns(self.system)
        return any(self._is_security(r) for r in allowed) if known else bool(allowed)

    # -- packages ---------------------------------------------------------------------------

    def waiting(self):
        """Packages with a newer version as dictionaries; None when apt could not be asked."""
        if self.repositories is None:
            return None
        allowed = [self._is_allowed(r) for r in self.repositories]
        security = [self._is_security(r) for r in self.repositories]
        blacklist = self.configuration.listing("Unattended-Upgrade::Package-Blacklist")
        return [
            self._waiting(package, allowed, security, blacklist)
            for package in sorted(self.packages, key=lambda p: (p["name"], p["arch"]))
            if any(version["priority"] > 0 for version in package["newer"])
        ]

    def _waiting(self, package, allowed, security, blacklist):
        """One package: the newest version that counts, security and allowed ones first."""
        usable = [v for v in package["newer"] if v["priority"] > 0]

        def rank(version):
            places = version["repositories"]
            return (any(allowed[i] for i in places), any(security[i] for i in places))

        best = max(usable, key=rank)  # usable is newest first, and max keeps the first of equals
        return {
            "name": package["name"],
            "arch": package["arch"],
            "installed": package["installed"],
            "candidate": best["version"],
            "repositories": [vars(self.repositories[i]) for i in best["repositories"]],
            "security": any(security[i] for v in usable for i in v["repositories"]),
            "allowed": any(allowed[i] for i in best["repositories"]),
            "held": package["held"],
            "blacklisted": any(_matches_name(regex, package["name"]) for regex in blacklist),
        }

    # -- answers ----------------------------------------------------------------------------

    def pending(self, security_only=True):
        waiting = self.waiting()
        packages = [p for p in waiting or () if p["security"] or not security_only]
        count = None if waiting is None else len(packages)
        return {"packages": packages, "count": count, "error": self.probe_error}

    def policy_answer(self):
        known = self.repositories or ()
        return {
            "settings": {
                **self.configuration.section("Unattended-Upgrade"),
                **self.configuration.section("APT::Periodic"),
            },
            "patterns": [
                {
                    "pattern": entry,
                    "source": source,
                    "matches": [str(r) for r in known if pattern and self._matches(pattern, r)],
                    "error": error,
                }
                for source, entry, pattern, error in self.patterns()
            ],
            "repositories": [vars(repository) for repository in known],
        }

    def differences(self):
        if self.policy is None:
            return ()
        return effective.differences(fragment.directives(self.policy), self.configuration)

    def verify(self):
        found = self.differences()
        patterns = self.policy_answer()["patterns"]
        problems = [*self.refused]
        problems += [
            f"{p['source']} {p['pattern']!r}: {p['error']}" for p in patterns if p["error"]
        ]
        problems += [
            f"{d.key} is {d.effective!r}, meant was {d.intended!r}" + self._where(d) for d in found
        ]
        problems += [self.probe_error] if self.probe_error else []
        if self.security_matches() is False and self._wants_upgrades():
            problems.append("no origin pattern matches a security repository")
        return {
            "ok": not problems,
            "problems": problems,
            "differences": [
                {
                    "key": d.key,
                    "intended": d.intended,
                    "effective": d.effective,
                    "where": list(self.host.later_files_naming(d.key, fragment.FRAGMENT_NAME)),
                }
                for d in found
            ],
            "unmatched_patterns": [
                p["pattern"]
                for p in patterns
                if not p["matches"]
                and self.repositories
                and p["pattern"] not in origins.OPTIONAL_PATTERNS
            ],
            "lists_missing": self.repositories == (),
        }

    def _where(self, difference):
        files = self.host.later_files_naming(difference.key, fragment.FRAGMENT_NAME)
        return f" (see {', '.join(files)})" if files else ""

    def _wants_upgrades(self):
        return self.policy.enabled if self.policy else self._effective()

    def _effective(self):
        return self.configuration.is_on("APT::Periodic::Enable") and self.configuration.is_on(
            "APT::Periodic::Unattended-Upgrade"
        )

    def facts(self):
        waiting = self.waiting()
        last = last_run(self.host)
        success = last_success(self.host)
        lists = self.host.lists_changed_at()
        lock = self.host.lock_holder()
        return verdict.Facts(
            intended=self.policy.enabled if self.policy else None,
            refused=self.refused,
            installed=self.installed,
            effective=self._effective(),
            differences=self.differences(),
            security_matches=self.security_matches(),
            lists_age=None if lists is None or not self.repositories else self.now - lists,
            max_age_days=self.policy.max_age_days if self.policy else 3,
            timers=tuple((unit, t["active"]) for unit, t in timers(self.host).items()),
            waiting=None if waiting is None else tuple(_as_waiting(p) for p in waiting),
            interrupted=self.host.interrupted(),
            broken=self.broken,
            kept_back=self.host.kept_back(),
            success_age=None if success is None else self.now - success,
            last_run_failed=last.get("success") is False,
            ran_with_these_lists=bool(lists) and (self.host.last_completion() or 0) > lists,
            reboot_required=self.host.exists(REBOOT_REQUIRED),
            lock_age=lock[2] if lock else None,
        )

    def status(self):
        facts = self.facts()
        answer, reasons = verdict.judge(facts)
        security = None if facts.waiting is None else [w for w in facts.waiting if w.security]
        return {
            "verdict": answer,
            "reasons": [vars(reason) for reason in reasons],
            "enabled": bool(facts.effective and facts.installed),
            "pending_security": None if security is None else len(security),
            "pending_allowed": None
            if facts.waiting is None
            else sum(w.allowed and not (w.held or w.blacklisted) for w in facts.waiting),
            "last_success": iso(last_success(self.host)),
            "reboot_required": facts.reboot_required,
        }


def _as_waiting(package):
    names = ("name", "security", "allowed", "held", "blacklisted")
    return verdict.Waiting(**{name: package[name] for name in names})


def _matches_name(regex, name):
    try:
        return re.match(regex, name) is not None
    except re.error:
        return False


def iso(seconds):
    """Seconds since the epoch → ISO 8601 in UTC, None → None."""
    if seconds is None:
        return None
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.replace(microsecond=0).isoformat()


def _written_at(record):
    """When the plugin wrote its record, in seconds since the epoch; None if it is not one."""
    try:
        return datetime.datetime.fromisoformat(record["time"]).timestamp()
    except (TypeError, KeyError, ValueError):
        return None


def _is_of_newest_run(record, host):
    """Whether the plugin's record is of the newest run that left a trace.

    The tool writes its stamp at the end of every run, after the record and whether the run has
    succeeded or not. apt's daily job writes its own stamp only after a success.
    """
    written_at = _written_at(record)
    if written_at is None:
        return False
    end_of_run = written_at + END_OF_RUN_SECONDS
    if (host.last_completion() or 0) > end_of_run:
        return False
    return (host.last_daily_success() or 0) <= (end_of_run if record.get("success") else written_at)


def last_success(host):
    """When a run last succeeded, in seconds since the epoch; None when none is known.

    Without the plugin a completed run counts as a success: its stamp does not tell.
    """
    record = host.last_run()
    failed = _is_of_newest_run(record, host) and not record.get("success")
    times = [host.last_daily_success(), None if failed else host.last_completion()]
    return max((time for time in times if time), default=None)


def last_run(host):
    """The plugin's record if it belongs to the newest run, else what the stamps tell."""
    stamp = last_success(host)
    record = host.last_run()
    if _is_of_newest_run(record, host):
        names = ("success", "time", "packages_upgraded", "packages_kept_back", "reboot_required")
        return {"source": "plugin", **{name: record.get(name) for name in names}}
    return {
        "source": "stamps" if stamp else None,
        "success": True if stamp else None,
        "time": iso(stamp),
        "packages_upgraded": None,
        "packages_kept_back": list(host.kept_back()) if stamp else None,
        "reboot_required": host.exists(REBOOT_REQUIRED) if stamp else None,
    }


def reboot(host):
    """The reboot flag and a scheduled shutdown."""
    scheduled = None
    for line in (host.text("run/systemd/shutdown/scheduled") or "").splitlines():
        name, _, value = line.partition("=")
        if name == "USEC" and value.isdigit():
            scheduled = iso(int(value) / MICROSECONDS)
    return {
        "required": host.exists(REBOOT_REQUIRED),
        "packages": list(host.reboot_packages()),
        "scheduled": scheduled,
    }


def timers(host):
    """State of the two apt timers; empty where systemd does not run."""
    found = {}
    for unit in schedule.TIMER_UNITS.values():
        shown = host.timer(unit)
        if shown is not None:
            found[unit] = {
                "active": shown.get("ActiveState") == "active",
                "enabled": shown.get("UnitFileState") in ("enabled", "static"),
                "next": shown.get("NextElapseUSecRealtime") or None,
                "last": shown.get("LastTriggerUSec") or None,
                "calendar": re.findall(r"OnCalendar=([^;]*?) ;", shown.get("TimersCalendar", "")),
            }
    return found
