"""
Unattended upgrades: the policy of a Debian or Ubuntu minion, what became of it, and running it.

The pillar is ``unattended_upgrades``; every key is listed in docs/formula-keys.md. Decisions are
made in the library ``aptpolicy``, which ``saltutil.sync_utils`` brings to the minion; nothing
here needs python-apt in Salt's own Python.
"""

import contextlib
import copy
import datetime
import logging
import time

import salt.loader
from salt.exceptions import CommandExecutionError

try:
    import asgcycle_reload

    with asgcycle_reload.library(__file__):
        import aptpolicy.aptformula
        import aptpolicy.compiled
        import aptpolicy.errors
        import aptpolicy.fragment
        import aptpolicy.holds
        import aptpolicy.inforce
        import aptpolicy.observe
        import aptpolicy.plans
        import aptpolicy.private
        import aptpolicy.readiness
        import aptpolicy.running
        import aptpolicy.runs
        import aptpolicy.system
        import aptpolicy.values
        import aptpolicy.versions
    MISSING = None
except ImportError as exc:
    MISSING = str(exc)

log = logging.getLogger(__name__)

__virtualname__ = "unattended_upgrades"

WITH_SALT_SSH = "for salt-ssh see docs/formula.md"
DEFAULT_RUN_SECONDS = 3600  # a full catch-up with a kernel on a small instance takes minutes
DEFAULT_DRY_RUN_SECONDS = 600  # downloads, but installs nothing


def __virtual__():
    if __grains__.get("os_family") != "Debian":
        return False, "unattended_upgrades: only Debian and its derivatives have it"
    if MISSING:
        return False, f"unattended_upgrades: {MISSING}. Run saltutil.sync_all; {WITH_SALT_SSH}"
    return __virtualname__


def __init__(opts):
    if not MISSING:
        asgcycle_reload.loaded(__name__, opts)


def compile(saltenv="base"):
    """
    Turn the pillar into everything the formula writes. Changes nothing.

    saltenv
        The environment in which apt-formula is looked for.

    Returns ``{ok, errors, warnings, enabled, environment, fragment, fragment_shown, directives,
    upgrade_config, upgrade_drop_in, packages, reboot_flag, hold, needrestart, plugin, patched,
    grain_refresh, readiness, timers: {unit: drop-in}, services: {unit: drop-in}, snapshot,
    apt_formula: {used, available, report}}``; with errors, everything after ``warnings`` is
    empty. Passwords of proxies are left out. Raises nothing for a bad pillar.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.compile
    """
    host = aptpolicy.system.Host()
    given = [
        __pillar__.get("unattended_upgrades"),
        __pillar__.get("apt"),
        host.changed_at("var/lib/dpkg/status"),
        host.text(aptpolicy.readiness.CONFIG),
        saltenv,
    ]
    # Each state file of the formula asks; nothing changes the answer while they are rendered.
    key = repr(aptpolicy.values.plain(given))
    kept = __context__.setdefault("unattended_upgrades.compile", {})
    if key not in kept:
        kept.clear()
        kept[key] = _compiled(host, saltenv)
    return copy.deepcopy(kept[key])


def _compiled(host, saltenv):
    with _told():
        answer = aptpolicy.compiled.compiled(
            __pillar__.get("unattended_upgrades"),
            __pillar__.get("apt"),
            _operating_system(host),
            __grains__["id"],
            grain=__salt__["grains.get"],
            has_apt_formula=__salt__["slsutil.file_exists"]("apt/unattended.sls", saltenv=saltenv),
            apt_formula_works="osmajorrelease" in __grains__,
            calendar_error=host.calendar_error,
            ready_json=host.text(aptpolicy.readiness.CONFIG),
            dpkg_error=host.dpkg_error,
            present=host.text(aptpolicy.observe.FRAGMENT),
        )
    for warning in answer["warnings"]:
        log.warning("unattended_upgrades: %s", warning)
    return answer


def status():
    """
    One verdict for this host, with reasons; reads only.

    Returns ``{verdict, reasons: [{verdict, code, message}], warnings, enabled, pending_security,
    excluded_security, pending_point_release, excluded_point_release, last_success,
    supported_until, needed, reboot_required, snapshot, checked_seconds}``. The verdict is one of
    ok, restart_pending, reboot_pending, stale, unknown, blocked, misconfigured, unsupported,
    disabled; ``needed`` is the action of :py:func:`needed`. Numbers are None when unknown.
    ``snapshot``: ``{delay, wanted, follows, lag_days, checked, why}`` where one is followed.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.status
    """
    began = time.monotonic()
    try:
        answer = _observe().status()
    except CommandExecutionError as exc:
        answer = aptpolicy.observe.unreadable(exc)
    return {**answer, "checked_seconds": round(time.monotonic() - began, 3)}


def pending(security_only=True):
    """
    Packages for which a repository has a newer version: what unattended-upgrade would install
    now, and what it would not.

    security_only
        False lists all of them, with ``security`` telling which are security updates.

    Returns ``{packages: [{name, arch, installed, candidate, repositories, security, kind, state,
    reason, detail}], excluded, count, counts: {pending, excluded}, unknown: [{what, why}]}``.
    ``excluded`` has the same keys, reasons: held, blacklisted, not_whitelisted, not_allowed,
    pinned, not_trusted, phased, kept_back. ``kind`` is security, point_release (of Debian) or
    other; ``counts`` has the numbers of each, whatever is listed. Numbers are None when unknown.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.pending
    """
    return _observe().pending(security_only)


def policy():
    """
    The effective configuration, and which repositories each origin pattern matches.

    Returns ``{settings, patterns: [{pattern, source, matches, kinds, error}], notes,
    repositories, hours_to_install: {best, typical, worst, unknown}, hours_after: {environment:
    hours}, needrestart: {mode, set_by} or None}``.

    ``hours_to_install``: from the publication of an update to the begin of its installation here,
    by the schedule that systemd and apt go by. ``hours_after``: how long after every host of
    another environment of the pillar has begun to install an update the first one of this
    environment can, at the least; negative when it may be the first.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.policy
    """
    view = _observe()
    others = aptpolicy.compiled.other_environments(
        __pillar__.get("unattended_upgrades"), __pillar__.get("apt"), view.system, __grains__["id"]
    )
    found = {}
    if view.policy:
        others.pop(view.policy.environment, None)
        found = aptpolicy.plans.leads(view.policy, others, aptpolicy.plans.utc_offset(view.now))
    return {**view.policy_answer(), "hours_after": found}


def verify():
    """
    Compare what was meant with what apt uses.

    Returns ``{ok, problems, differences: [{key, intended, effective, where}],
    unmatched_patterns, lists_missing}``.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.verify
    """
    return _observe().verify()


def run(deadline=DEFAULT_RUN_SECONDS):
    """
    Upgrade now, by unattended-upgrade itself, under the same policy as the timer.

    deadline
        Seconds to wait for locks and the run together. At the deadline the run is asked to
        stop at its next safe point (SIGTERM); it is never killed.

    Returns ``{result, exit_code, timed_out, upgraded, kept_back, reboot_required, comment,
    output}``.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.run deadline=1800
    """
    return _running().run(deadline)


def dry_run(deadline=DEFAULT_DRY_RUN_SECONDS):
    """
    What a run would upgrade. Leaves no trace: stamps, logs, kept-back and archives are private.

    deadline
        Seconds to wait for locks and the run together.

    Returns what :py:func:`run` returns, with ``would_upgrade`` instead of ``upgraded``.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.dry_run
    """
    return _running().dry_run(deadline)


def hold(packages, test=False):
    """
    Hold packages, and end the holds that this function or the first boot has placed on others.

    packages
        Names; an empty list ends all of those holds. Holds that somebody else has placed stay.
    test
        True only tells what would be done.

    Returns ``{held, released, not_installed}``: names whose hold is new, has ended, and that are
    not held because they are not installed. Raises CommandExecutionError when apt-mark fails.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.hold '[docker-ce]'
    """
    with _told():
        return aptpolicy.holds.enforce(aptpolicy.system.Host(), packages, test)


def write_proxies(path, test=False):
    """
    Write the proxies that have a password into a file that only root may read, or remove it.

    path
        The file, in apt's ``apt.conf.d``.
    test
        True only tells what would be done.

    Returns ``{done}``: written, removed, or None when the file is as wanted. What it holds is
    never told. Raises CommandExecutionError when the pillar is refused.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.write_proxies \\
            /etc/apt/apt.conf.d/zz-salt-unattended-upgrades-proxy test=True
    """
    meant, refused = _intended(_operating_system(aptpolicy.system.Host()))
    if meant is None:
        raise CommandExecutionError("; ".join(refused))
    text = aptpolicy.fragment.private(meant)
    return {"done": aptpolicy.private.keep(path, text, test)}


def last_run():
    """
    The last run: from the postrun plugin (unattended-upgrades 2.11 and newer), else from the
    tool's log and apt's history, else from stamps. Dry runs do not count.

    Returns ``{source, success, time, packages_upgraded, packages_kept_back, reboot_required}``;
    source is plugin, log or stamps; None for what cannot be known.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.last_run
    """
    host = aptpolicy.system.Host()
    with _told():
        traces = aptpolicy.runs.Traces.of(host, host.configuration())
    return aptpolicy.runs.last_run(host, traces)


def kept_back():
    """
    Names of the packages the last run kept back.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.kept_back
    """
    return list(aptpolicy.system.Host().kept_back())


def reboot_required():
    """
    Whether what is installed needs a reboot to be in force, and a reboot that is scheduled.

    Returns ``{required, packages, reasons, scheduled}``: the packages that have asked for it, and
    every reason; ``scheduled`` is a time in ISO 8601 or None.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.reboot_required
    """
    return aptpolicy.inforce.reboot(aptpolicy.system.Host())


def needed():
    """
    The mildest action after which everything that is installed is in force, and why.

    Returns ``{action, services, reexec, reasons: [{action, what, why}], unknown: [{what, why}]}``.
    The action is nothing, restart (of these services), reexec (of systemd), reboot or replace; a
    session or a job that only has to end is a reason with the action ``ends``.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.needed
    """
    view = _observe()
    return {**view.needed, "unknown": view.answer["unknown"] + view.look["unknown"]}


def restart(spare=None, test=False):
    """
    Restart the services that run replaced files, and systemd itself by daemon-reexec; no reboot.

    Sessions of sshd go on. sshd is restarted only when it accepts its configuration; salt-minion,
    and whatever this call runs in, ten seconds after the answer.

    spare
        Units to be left alone, such as docker.service.
    test
        True only tells what would be done.

    Returns ``{result, reexec, restart, afterwards, spared, failed: {unit: reason}, left: [{action,
    what, why}], action}``: the units of ``restart`` were restarted, those of ``afterwards`` will
    be; ``left`` has not come into force by it, ``action`` is what that needs.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.restart test=True
    """
    with _told():
        return aptpolicy.inforce.restarted(aptpolicy.system.Host(), spare or (), test)


def timers():
    """
    The two apt timers as systemd sees them; empty where systemd does not run.

    Returns ``{unit: {active, enabled, masked, next, last, calendar}}``; ``masked`` lists the
    timer and its service if they are.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.timers
    """
    with _told():
        return aptpolicy.observe.timers(aptpolicy.system.Host())


def migrate():
    """
    What a pillar written for apt-formula asked for and never got, and what happens now.

    Returns ``[{key, value, problem, now}]``, keys below ``apt:unattended``.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.migrate
    """
    system = _operating_system(aptpolicy.system.Host())
    _, findings = aptpolicy.aptformula.read(__pillar__.get("apt"), system)
    return [vars(finding) for finding in findings]


def refresh_grain():
    """
    Have the minion and the master learn the grain ``unattended_upgrades`` when it has changed.

    The formula has every minion call this on a schedule. As long as nothing has changed nobody is
    asked or told: a refresh has the master render the pillar.

    Returns whether it had changed.

    CLI Example:

    .. code-block:: bash

        salt '*' unattended_upgrades.refresh_grain
    """
    grains = salt.loader.grain_funcs(__opts__)
    found = grains["unattended_upgrades.unattended_upgrades"]().get("unattended_upgrades")
    if found == __grains__.get("unattended_upgrades"):
        return False
    return __salt__["saltutil.refresh_grains"]()


def _intended(system):
    """What the pillar asks for: ``(policy, ())``, or ``(None, messages)``."""
    return aptpolicy.compiled.read_policy(
        __pillar__.get("unattended_upgrades"),
        __pillar__.get("apt"),
        system,
        __grains__["id"],
        grain=__salt__["grains.get"],
    )


def _operating_system(host):
    return aptpolicy.versions.from_grains(__grains__, host.tool_version())


@contextlib.contextmanager
def _told():
    """A command that did not answer becomes Salt's own error."""
    try:
        yield
    except aptpolicy.system.CommandFailed as exc:
        raise CommandExecutionError(str(exc)) from exc


def _observe():
    host = aptpolicy.system.Host()
    policy_and_refusals = None
    with _told():
        system = _operating_system(host)
        if "unattended_upgrades" in __pillar__ or host.exists(aptpolicy.observe.FRAGMENT):
            policy_and_refusals = _intended(system)
        now = datetime.datetime.now(datetime.timezone.utc).timestamp()
        return aptpolicy.observe.View.read(host, system, now, policy_and_refusals)


def _running():
    return aptpolicy.running.Runner(aptpolicy.system.Host())
