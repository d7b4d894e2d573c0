"""Pillars and facts → what the formula writes, as plain data."""

from aptpolicy import aptformula, fragment, policy, readiness, schedule, snapshot
from aptpolicy.errors import PolicyRefused, Problem, Refused, without_logins
from aptpolicy.values import use_apt_formula
from aptpolicy.versions import POSTRUN_PLUGIN_VERSION

APT_FORMULA_SYSTEMS = frozenset({"Debian", "Ubuntu"})  # its map is empty elsewhere
# Packages that a setting needs to mean anything.
NEEDED_BY = (
    ("only_on_ac_power", "powermgmt-base"),
    ("skip_updates_on_metered_connections", "python3-gi"),
)
# Packages that others ask for a reboot. Debian's own, reboot-notifier, brings a mail server, so
# that a hook of ours does it there.
FLAG_PACKAGES = {"Ubuntu": ("update-notifier-common",)}
# Files of aptpolicy.patched that the hook has beside it.
REBOOT_FLAG_MODULES = ("__init__.py", "decide.py", "needed.py", "origins.py", "running.py")


def read_policy(pillar, apt_pillar, system, minion_id, *, grain=None, composed=False):
    """Return ``(policy, ())``, or ``(None, messages)`` when the pillar is refused."""
    layer, _ = aptformula.read(apt_pillar, system)
    name = pillar.get("environment_grain") if isinstance(pillar, dict) else None
    chosen = grain(name if isinstance(name, str) else "environment") if grain else None
    try:
        result = policy.from_pillar(
            pillar, system, minion_id, fallback=layer, grain_environment=chosen, composed=composed
        )
    except PolicyRefused as exc:
        return None, tuple(str(problem) for problem in exc.problems)
    return result, ()


def other_environments(pillar, apt_pillar, system, minion_id):
    """``{name: policy}`` of each environment that the pillar defines and that is no bad one."""
    names = (pillar.get("environments") or {}) if isinstance(pillar, dict) else {}
    found = {
        name: read_policy({**pillar, "environment": name}, apt_pillar, system, minion_id)[0]
        for name in names
    }
    return {name: one for name, one in found.items() if one}


def compiled(
    pillar,
    apt_pillar,
    system,
    minion_id,
    *,
    grain=None,
    has_apt_formula=False,
    apt_formula_works=True,
    calendar_error=None,
    ready_json=None,
    dpkg_error=None,
    present=None,
):
    """Everything the formula writes, or the errors that keep it from writing.

    ``grain``: function from a grain's name to its value. ``has_apt_formula``: its states are in
    the file roots. ``apt_formula_works``: its map can be rendered here (it compares
    ``osmajorrelease``, which testing lacks). ``calendar_error``: function that asks systemd about
    a calendar expression. ``ready_json``: text of the readiness agent's present configuration.
    ``dpkg_error``: function that asks dpkg about its options. ``present``: text of the fragment
    that is there now.
    """
    used, problem = _composition(pillar, system, has_apt_formula, apt_formula_works)
    report = aptformula.read(apt_pillar, system)[1]
    answer, errors = read_policy(pillar, apt_pillar, system, minion_id, grain=grain, composed=used)
    errors = [*errors, *([str(problem)] if problem else [])]
    errors += map(str, aptformula.breaking(apt_pillar) if used else ())
    timers = policy.timers(answer) if answer else ()
    errors += _calendar_errors(timers, calendar_error)
    errors += _dpkg_errors(answer, dpkg_error)
    result = {
        "ok": not errors,
        "errors": errors,
        "warnings": list(answer.warnings) if answer else [],
        "apt_formula": {
            "used": used,
            "available": has_apt_formula,
            "report": [vars(finding) for finding in report],
        },
    }
    if errors:
        return result
    written = _written(answer, timers, readiness.known_hook(ready_json))
    # A former version has written passwords of proxies into it: no diff of that.
    shown = without_logins(present or "") == (present or "")
    return {**result, **written, "fragment_shown": shown}


def _written(answer, timers, known_hook):
    return {
        "enabled": answer.enabled,
        "environment": answer.environment,
        "assert_effective": answer.get("assert_effective", True),
        "include_apt_repositories": answer.get("include_apt_repositories", False),
        "lookup": answer.get("lookup", {}),
        "fragment": fragment.render(answer),
        "directives": [
            [name, list(value) if isinstance(value, tuple) else without_logins(value)]
            for name, value in fragment.directives(answer)
        ],
        "upgrade_config": fragment.upgrade_config(answer),
        "upgrade_drop_in": fragment.drop_in(),
        "packages": _packages(answer),
        "reboot_flag": reboot_flag(answer),
        "hold": list(answer.get("hold", ())),
        "needrestart": fragment.needrestart(answer),
        "plugin": answer.system.tool_is_at_least(POSTRUN_PLUGIN_VERSION),
        "patched": list(readiness.PATCHED),
        "grain_refresh": answer.grain_refresh,
        "readiness": readiness.render(readiness.configuration(answer, known_hook)),
        "timers": {timer.unit: schedule.drop_in(timer) for timer in timers},
        "services": {
            unit: schedule.service_drop_in(commands)
            for unit, commands in policy.services(answer).items()
        },
        "snapshot": snapshot.written(answer),
    }


def reboot_flag(answer):
    """The files of the hook that writes the flag for a reboot; none where a package does it."""
    wanted = answer.get("reboot.policy") and answer.system.distribution not in FLAG_PACKAGES
    return list(REBOOT_FLAG_MODULES) if wanted else []


def _packages(answer):
    needed = [
        package for name, package in NEEDED_BY if name in answer.explicit and answer.get(name)
    ]
    if answer.get("reboot.policy"):
        needed += FLAG_PACKAGES.get(answer.system.distribution, ())
    if fragment.needrestart(answer) is not None:
        needed.append("needrestart")
    return list(dict.fromkeys([*needed, *answer.get("extra_packages", ())]))


def _composition(pillar, system, available, works):
    """Whether to build on apt-formula: ``(used, problem)``."""
    wish = pillar.get("use_apt_formula", "auto") if isinstance(pillar, dict) else "auto"
    try:
        wish = use_apt_formula("auto" if wish is None else wish)
    except Refused:
        return False, None  # told by the policy itself
    possible = available and works and system.distribution in APT_FORMULA_SYSTEMS
    if wish is not True or possible:
        return bool(wish) and possible, None
    if not available:
        return False, Problem(
            "use_apt_formula", True, "true only where apt/unattended.sls is in the file roots",
            "Add apt-formula to file_roots or gitfs_remotes, or set auto.",
        )  # fmt: skip
    return False, Problem(
        "use_apt_formula", True, "true only where apt-formula's map can be rendered",
        "It knows Debian and Ubuntu releases with a number; set auto or false here.",
    )  # fmt: skip


def _calendar_errors(timers, calendar_error):
    if calendar_error is None:
        return []
    names = {unit: name for name, unit in schedule.TIMER_UNITS.items()}
    found = []
    for timer in timers:
        for expression in timer.calendars:
            said = calendar_error(expression)
            if said:
                found.append(
                    str(Problem(f"timers.{names[timer.unit]}.calendar", expression,
                                "what systemd-analyze calendar accepts", said))
                )  # fmt: skip
    return found


def _dpkg_errors(answer, dpkg_error):
    """An option that dpkg does not know would fail every installation on the host."""
    options = answer.dpkg_options if answer and dpkg_error else ()
    said = dpkg_error(options) if options else None
    if not said:
        return []
    return [str(Problem("dpkg.options", list(options), "what the installed dpkg knows", said))]
