"""Look at a host once and answer questions about it as plain data."""

import math
import re
from dataclasses import dataclass
from functools import cached_property

from aptpolicy import checks, effective, fragment, origins, plans, runs, schedule, snapshot, verdict
from aptpolicy.errors import Refused
from aptpolicy.patched import decide, needed, support
from aptpolicy.runs import iso
from aptpolicy.system import UPDATE_STAMP, CommandFailed

FRAGMENT = f"etc/apt/apt.conf.d/{fragment.FRAGMENT_NAME}"
UPDATE_HOOKS = "APT::Update::Post-Invoke-Success"
MASKED = frozenset({"masked", "masked-runtime"})
NOT_INSTALLED = "unattended-upgrades is not installed"
NOT_DEPLOYED = (
    "no policy is deployed here: neither the pillar unattended_upgrades nor its file in "
    "apt.conf.d is there; state.apply unattended-upgrades"
)
UNASKED = {
    "repositories": None,
    "packages": None,
    "broken": [],
    "unknown": [],
    "warnings": [],
    "allowed": [],
    "support": {"until": None, "unknown": None},
}


@dataclass(frozen=True)
class View:
    """
    One look at a host. ``policy`` None: refused (see ``refused``) or never deployed.
    ``answer``: what :mod:`aptpolicy.patched` says of it.
    """

    host: object
    system: object
    now: float
    policy: object
    refused: tuple
    configuration: effective.Configuration
    answer: dict
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
            answer = host.patched()
        except CommandFailed as exc:
            answer = {**UNASKED, "unknown": [decide.note("packages", str(exc))]}
        return cls(
            host=host,
            system=system,
            now=now,
            policy=policy,
            refused=tuple(refused),
            configuration=configuration,
            answer=answer,
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

    def security_matches(self):
        """Whether a security repository is allowed; None when no lists are known."""
        known = self.answer["repositories"]
        return any(one["allowed"] and one["security"] for one in known) if known else None

    def _matched(self, pattern):
        """Rows of the repositories that a pattern matches; of none, when it cannot be read."""
        rows = self.answer["repositories"] if pattern else ()
        return [row for row in rows or () if self._matches(pattern, _repository(row))]

    # -- answers ----------------------------------------------------------------------------

    def pending(self, security_only=True):
        rows = self.answer["packages"]
        wanted = [row for row in rows or () if row["security"] or not security_only]
        by_state = {
            state: [row for row in wanted if row["state"] == state]
            for state in (decide.PENDING, decide.EXCLUDED)
        }
        return {
            "packages": by_state[decide.PENDING],
            "excluded": by_state[decide.EXCLUDED],
            "count": None if rows is None else len(by_state[decide.PENDING]),
            "counts": {state: decide.counted(self.answer, state) for state in by_state},
            "unknown": self.answer["unknown"],
        }

    def policy_answer(self):
        rows = [
            (source, entry, error, self._matched(pattern))
            for source, entry, pattern, error in self.patterns()
        ]
        return {
            "settings": {
                **self.configuration.section("Unattended-Upgrade"),
                **self.configuration.section("APT::Periodic"),
            },
            "patterns": [
                {
                    "pattern": entry,
                    "source": source,
                    "matches": [str(_repository(row)) for row in found],
                    "kinds": sorted({row["kind"] for row in found}),
                    "error": error,
                }
                for source, entry, error, found in rows
            ],
            "notes": list(self._notes()),
            "hours_to_install": plans.told(self.host, self.configuration, self.now),
            "repositories": self.answer["repositories"] or [],
            "needrestart": self._needrestart(),
        }

    def _notes(self):
        """What the effective origins leave out."""
        patterns = [pattern for _, _, pattern, _ in self.patterns() if pattern]
        if patterns and origins.leaves_out_point_releases(patterns, self.system):
            yield checks.LEAVES_OUT

    def _needrestart(self):
        """Which mode needrestart has, and who says so; None where nobody does."""
        mode = self.policy.get("needrestart.mode") if self.policy else "unmanaged"
        if mode != "unmanaged":
            return {"mode": mode, "set_by": "this policy"}
        if self.system.distribution == "Ubuntu" and self.system.release_is_at_least("24.04"):
            return {"mode": "automatic", "set_by": "needrestart itself, on Ubuntu since 24.04"}
        return None

    def differences(self):
        if self.policy is None:
            return ()
        return effective.differences(fragment.directives(self.policy), self.configuration)

    def verify(self):
        found = self.differences()
        patterns = self.policy_answer()["patterns"]
        problems = [*self.refused]
        problems += [NOT_DEPLOYED] if self.policy is None and not self.refused else []
        problems += [
            f"{p['source']} {p['pattern']!r}: {p['error']}" for p in patterns if p["error"]
        ]
        problems += [
            f"{d.key} is {d.effective!r}, meant was {d.intended!r}" + self._where(d) for d in found
        ]
        problems += [_of_note(n) for n in self.answer["unknown"] if n["what"] in decide.OF_POLICY]
        problems += [*filter(None, [self._snapshot.stale]), *self._snapshot.bypasses]
        problems += self._obstacles() if self._wants_upgrades() else []
        problems += self._unsent_mail()
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
                and self.answer["repositories"]
                and p["pattern"] not in origins.OPTIONAL_PATTERNS
            ],
            "lists_missing": self.answer["repositories"] == [],
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

    def _unsent_mail(self):
        """Why no mail would come although one is asked for."""
        to = self.configuration.scalar("Unattended-Upgrade::Mail")
        if to and not self.host.has_mailer():
            yield (
                f"mail to {to} cannot be sent: there is neither /usr/sbin/sendmail nor "
                "/usr/bin/mail; install a mailer (extra_packages: [msmtp-mta] or [bsd-mailx]) or "
                "leave out mail:to"
            )

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

    @cached_property
    def look(self):
        """What still runs that an upgrade has replaced."""
        return self.host.in_force()

    @cached_property
    def needed(self):
        """The mildest action after which everything installed is in force."""
        return needed.needed(self.look, self.support[0])

    @cached_property
    def support(self):
        """``(why no more updates come, a warning)``."""
        return support.judged(self.answer["support"], self.system, self.now)

    @cached_property
    def _snapshot(self):
        """What there is to say of a dated snapshot that this host follows, or should."""
        lines = self.answer["allowed"]
        return snapshot.look(self.host, self.now, self.policy, lines, self.system.distribution)

    def _lists_age(self, changed_at):
        if self.answer["repositories"] is None:
            return None
        return self.now - changed_at if changed_at and self.answer["repositories"] else math.inf

    def _lists_changed_at(self):
        hooks = self.configuration.listing(UPDATE_HOOKS)
        return self.host.lists_changed_at(hooked=any(UPDATE_STAMP in hook for hook in hooks))

    def facts(self):
        success = self.traces.last_success
        lists = self._lists_changed_at()
        lock = self.host.lock_holder()
        found_timers, timers_error = self._timers()
        pending = decide.security(self.answer, decide.PENDING)
        excluded = decide.security(self.answer, decide.EXCLUDED)
        look = self.look
        return verdict.Facts(
            intended=self.policy.enabled if self.policy else None,
            refused=self.refused,
            installed=self.installed,
            effective=self._effective(),
            differences=self.differences(),
            security_matches=self.security_matches(),
            lists_age=self._lists_age(lists),
            max_age_days=self.policy.max_age_days if self.policy else 3,
            timers=found_timers,
            unknown=(
                *map(_of_note, self.answer["unknown"] + look["unknown"]),
                *_unknown_support(self.answer["support"]),
                *([timers_error] if timers_error else ()),
            ),
            pending=None if pending is None else tuple(row["name"] for row in pending),
            excluded=tuple(
                verdict.Excluded(row["name"], row["reason"], row["detail"])
                for row in excluded or ()
            ),
            interrupted=self.host.interrupted(),
            broken=tuple(self.answer["broken"]),
            kept_back=self.host.kept_back(),
            success_age=None if success is None else self.now - success,
            last_run_failed=runs.last_run(self.host, self.traces)["success"] is False,
            ran_with_these_lists=bool(lists) and (self.traces.last_began or 0) > lists,
            needed=tuple(self.needed["reasons"]),
            lock_age=lock[2] if lock else None,
            snapshot=self._snapshot.stale,
            bypasses=self._snapshot.bypasses,
        )

    def status(self):
        facts = self.facts()
        answer, reasons = verdict.judge(facts)
        return {
            "verdict": answer,
            "reasons": [vars(reason) for reason in reasons],
            "warnings": [
                *self.answer["warnings"],
                *filter(None, self.support[1:]),
                *self._snapshot.warnings,
            ],
            "snapshot": self._snapshot.told,
            "enabled": bool(facts.effective and facts.installed),
            "pending_security": None if facts.pending is None else len(facts.pending),
            "excluded_security": None if facts.pending is None else len(facts.excluded),
            **{
                f"{state}_point_release": counts and counts[decide.POINT_RELEASE]
                for state in (decide.PENDING, decide.EXCLUDED)
                for counts in [decide.counted(self.answer, state)]
            },
            "last_success": iso(self.traces.last_success),
            "supported_until": self.answer["support"]["until"],
            "needed": self.needed["action"],
            "reboot_required": self.needed["action"] == needed.REBOOT,
        }


def _unknown_support(found):
    if found["unknown"]:
        yield f"how long security updates come: {found['unknown']}"


def _repository(row):
    return origins.Repository(**{name: row[name] for name in origins.Repository._fields})


def _of_note(note):
    """An entry of ``unknown`` as a text."""
    return "unknown {what}: {why}".format(**note)


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
    unknown = ("snapshot", "pending_security", "excluded_security", "pending_point_release",
               "excluded_point_release", "last_success", "supported_until", "needed",
               "reboot_required")  # fmt: skip
    return {
        "verdict": reason.verdict,
        "reasons": [vars(reason)],
        "warnings": [],
        "enabled": None,
        **dict.fromkeys(unknown),
    }
