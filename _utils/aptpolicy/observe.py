"""Look at a host once and answer questions about it as plain data."""

import re
from dataclasses import dataclass
from functools import cached_property

from aptpolicy import effective, fragment, origins, runs, schedule, verdict
from aptpolicy.errors import Refused
from aptpolicy.runs import iso
from aptpolicy.system import REBOOT_REQUIRED, UPDATE_STAMP, CommandFailed
from aptpolicy.values import loose_boolean

FRAGMENT = f"etc/apt/apt.conf.d/{fragment.FRAGMENT_NAME}"
MICROSECONDS = 1_000_000
UPDATE_HOOKS = "APT::Update::Post-Invoke-Success"
MASKED = frozenset({"masked", "masked-runtime"})
NOT_INSTALLED = "unattended-upgrades is not installed"


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
        return [
            self._waiting(package, allowed, security)
            for package in sorted(self.packages, key=lambda p: (p["name"], p["arch"]))
            if any(version["priority"] > 0 for version in package["newer"])
        ]

    def _waiting(self, package, allowed, security):
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
            "blacklisted": self._is_listed("Package-Blacklist", package["name"]),
            "not_whitelisted": self._whitelist_is_strict
            and not self._is_listed("Package-Whitelist", package["name"]),
        }

    def _is_listed(self, key, name):
        regexes = self.configuration.listing(f"Unattended-Upgrade::{key}")
        return any(_matches_name(regex, name) for regex in regexes)

    @property
    def _whitelist_is_strict(self):
        said = self.configuration.scalar("Unattended-Upgrade::Package-Whitelist-Strict")
        return loose_boolean(said) is True

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
        problems += self._obstacles() if self._wants_upgrades() else []
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

    def _obstacles(self):
        """Why nothing would be upgraded although the settings are right."""
        if not self.installed:
            yield NOT_INSTALLED
        if self.security_matches() is False:
            yield "no origin pattern matches a security repository"
        found, error = self._timers()
        yield from [error] if error else []
        for timer in found:
            yield from (f"{unit} is masked: systemctl unmask {unit}" for unit in timer.masked)

    def _timers(self):
        """``(timers for the verdict, error)``; the error says why they are not known."""
        try:
            found = timers(self.host)
        except CommandFailed as exc:
            return (), str(exc)
        names = ("active", "enabled", "masked")
        return tuple(
            verdict.Timer(unit, **{name: told[name] for name in names})
            for unit, told in found.items()
        ), None

    def _where(self, difference):
        files = self.host.later_files_naming(difference.key, fragment.FRAGMENT_NAME)
        return f" (see {', '.join(files)})" if files else ""

    def _wants_upgrades(self):
        return self.policy.enabled if self.policy else self._effective()

    def _effective(self):
        return self.configuration.is_on("APT::Periodic::Enable") and self.configuration.is_on(
            "APT::Periodic::Unattended-Upgrade"
        )

    @cached_property
    def traces(self):
        """What the runs have left."""
        return runs.Traces.of(self.host, self.configuration)

    def _lists_changed_at(self):
        hooks = self.configuration.listing(UPDATE_HOOKS)
        return self.host.lists_changed_at(hooked=any(UPDATE_STAMP in hook for hook in hooks))

    def facts(self):
        waiting = self.waiting()
        success = self.traces.last_success
        lists = self._lists_changed_at()
        lock = self.host.lock_holder()
        found_timers, timers_error = self._timers()
        return verdict.Facts(
            intended=self.policy.enabled if self.policy else None,
            refused=self.refused,
            installed=self.installed,
            effective=self._effective(),
            differences=self.differences(),
            security_matches=self.security_matches(),
            lists_age=None if lists is None or not self.repositories else self.now - lists,
            max_age_days=self.policy.max_age_days if self.policy else 3,
            timers=found_timers,
            unanswered=tuple(filter(None, (self.probe_error, timers_error))),
            waiting=None if waiting is None else tuple(_as_waiting(p) for p in waiting),
            interrupted=self.host.interrupted(),
            broken=self.broken,
            kept_back=self.host.kept_back(),
            success_age=None if success is None else self.now - success,
            last_run_failed=runs.last_run(self.host, self.traces)["success"] is False,
            ran_with_these_lists=bool(lists) and (self.traces.last_began or 0) > lists,
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
            else sum(w.allowed and w.free for w in facts.waiting),
            "last_success": iso(self.traces.last_success),
            "reboot_required": facts.reboot_required,
        }


def _as_waiting(package):
    names = ("name", "security", "allowed", "held", "blacklisted", "not_whitelisted")
    return verdict.Waiting(**{name: package[name] for name in names})


def _matches_name(regex, name):
    try:
        return re.match(regex, name) is not None
    except re.error:
        return False


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
        answer = host.timer(unit)
        if answer is not None:
            shown, service = answer
            states = {unit: shown, unit.replace(".timer", ".service"): service}
            found[unit] = {
                "active": shown.get("ActiveState") == "active",
                "enabled": shown.get("UnitFileState") in ("enabled", "static"),
                "masked": [n for n, of in states.items() if of.get("LoadState") in MASKED],
                "next": shown.get("NextElapseUSecRealtime") or None,
                "last": shown.get("LastTriggerUSec") or None,
                "calendar": re.findall(r"OnCalendar=([^;]*?) ;", shown.get("TimersCalendar", "")),
            }
    return found


def unreadable(error):
    """The answer of ``status`` where apt cannot even read its configuration."""
    reason = verdict.Reason(verdict.MISCONFIGURED, "apt_configuration", str(error))
    unknown = ("pending_security", "pending_allowed", "last_success", "reboot_required")
    return {
        "verdict": reason.verdict,
        "reasons": [vars(reason)],
        "enabled": None,
        **dict.fromkeys(unknown),
    }
