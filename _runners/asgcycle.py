"""
Replace the instances of EC2 Auto Scaling Groups by new ones, without losing capacity.

:maintainer: asgcycle
:depends: boto3

A new instance starts in the group, becomes ready in every target group and load balancer, and
only then an old one is terminated. Configuration comes from the pillar key ``asgcycle`` of the
master (see ``pillar.example``); every key may be given on the command line as well.

Exit codes of ``plan`` and ``roll``: 0 done, 2 refused before anything changed, 3 halted on
failures, 4 stopped by a person.
"""

import contextlib
import logging
import time
import uuid

import salt.cache
import salt.utils.args
import salt.utils.event
from salt.exceptions import SaltException

log = logging.getLogger(__name__)

try:
    from asgroll import events, inform, journal, preflight, report, session
    from asgroll.aws import Aws
    from asgroll.engine import Engine
    from asgroll.errors import AsgrollError, PolicyError
    from asgroll.model import Phase
    from asgroll.policy import layers_for, parse
    from asgroll.stopping import EndedAtOnce, StopSignals

    MISSING = None
except ImportError as exc:  # the library or boto3 is not there: say which
    MISSING = str(exc)

__virtualname__ = "asgcycle"

OUTPUTTER = "asgcycle"


def __virtual__():
    if MISSING:
        return (
            False,
            f"asgcycle needs its library and boto3 ({MISSING}): run "
            "`salt-run saltutil.sync_all` and install boto3 into Salt's Python "
            "(`salt-pip install boto3`)",
        )
    return __virtualname__


def plan(group=None, *extra, **policy):
    """
    Show what a roll would do: who goes, why and in which order, what would be changed on the
    group, and everything that stands against it. Changes nothing.

    :param group: name of the Auto Scaling Group.
    :param policy: policy keys, overriding pillar (``docs/policy.md`` lists them).
    :return: ``{"data": {group: {"result": bool, "obstacles": […], "instances": […], …}},
        "outputter": "asgcycle", "retcode": 0 or 2}``. Nothing is raised for what a user can cause.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.plan web
        salt-run asgcycle.plan web select=outdated surge=2
    """
    return _answer(group, extra, policy, _plan)


def roll(group=None, *extra, **policy):
    """
    Replace the selected instances of a group by new ones and report what was done.

    :param group: name of the Auto Scaling Group.
    :param policy: policy keys, overriding pillar (``docs/policy.md`` lists them);
        ``test=True`` shows the plan instead.
    :return: ``{"data": {group: {"result": bool, "status": …, "instances": […], …}},
        "outputter": "asgcycle", "retcode": 0, 2, 3 or 4}``. Nothing is raised for what a user can
        cause.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.roll web
        salt-run asgcycle.roll web select='{older_than: 14d}' surge=10% healthy_for=2m
    """
    test = policy.pop("test", False)
    return _answer(group, extra, policy, _plan if test else _roll)


def resume(group=None, *extra, **policy):
    """
    Go on with a roll that was paused or interrupted, with a fresh failure budget.

    :param group: name of the Auto Scaling Group.
    :param policy: policy keys, overriding pillar.
    :return: as ``roll``.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.resume web
    """
    return _answer(group, extra, policy, _resume)


def abort(group=None, *extra, **policy):
    """
    End a roll that was paused or interrupted: give back the sizes and processes that it changed.

    What was replaced stays replaced. A roll that is running is stopped by a signal to its process
    instead: Ctrl-C, or SIGTERM to the pid that ``abort`` names when it refuses.

    :param group: name of the Auto Scaling Group.
    :param policy: policy keys, overriding pillar.
    :return: as ``roll``, with exit code 0 when everything was put back.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.abort web
    """
    return _answer(group, extra, policy, _abort)


def status(group=None, *extra, **unknown):
    """
    Show the last roll of a group, or of every group, as the journal knows it. Asks nobody else.

    :param group: name of an Auto Scaling Group; all that were ever rolled when left out.
    :return: ``{"data": {group: {"result": bool, "status": …, "running": bool, …}}, …}``;
        ``result`` is False when a roll has left something changed on its group.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.status
        salt-run asgcycle.status web
    """
    given = [*map(str, extra), *salt.utils.args.clean_kwargs(**unknown)]
    if given:
        return _refusal(group, [f"status takes the name of one group; not {', '.join(given)}"])
    try:
        known, damaged = _journal().all()
    except AsgrollError as exc:
        return _refusal(group, [str(exc)])
    rolls = [r for r in known if group in (None, r.group)]
    if damaged:
        return _refusal(group, damaged)
    if not rolls:
        text = f"no roll of {group} is on record" if group else "no roll is on record"
        return _shape({group or "asgcycle": {"result": True, "comment": text}}, 0)
    data = {}
    for known in rolls:
        running = journal.locked(__opts__["cachedir"], known.arn, known.group)
        name = known.group if known.group not in data else known.arn
        data[name] = inform.status(known, running)
    return _shape(data, 0 if all(d["result"] for d in data.values()) else report.HALTED)


def list_(*extra, **policy):
    """
    List the Auto Scaling Groups of the region with their sizes and how many instances are
    outdated.

    :param policy: ``region``, ``profile``, ``role_arn``, ``endpoint_url``.
    :return: ``{"data": {group: {"result": True, "desired": …, "outdated": …, …}}, …}``

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.list region=eu-central-1
    """
    if extra:
        given = " ".join(map(str, extra))
        return _refusal("", [f"list takes key=value pairs only; {given!r} is not understood"])
    try:
        chosen = _policy("", policy)
        found = inform.inventory(Aws(session.client_factory(chosen)))
    except PolicyError as exc:
        return _refusal("", exc.problems)
    except AsgrollError as exc:
        return _refusal("", [str(exc)])
    return _shape(found or {"asgcycle": {"result": True, "comment": "no group here"}}, 0)


__func_alias__ = {"list_": "list"}


# --- wiring --------------------------------------------------------------------------------------


def _answer(group, extra, arguments, work):
    """Validate, wire, call, shape; whatever a user can cause becomes a message and exit code 2."""
    name = "" if group is None else str(group).strip()
    problems = []
    if work in (_resume, _abort) and "select" in arguments:
        problems.append("select: the victims were chosen when the roll began and stay the same")
    if not name:
        problems.append("give the name of an Auto Scaling Group, like: salt-run asgcycle.roll web")
    if extra:
        given = " ".join(map(str, extra))
        problems.append(f"one group, then key=value pairs; {given!r} is not understood")
    try:
        policy = _policy(name, arguments)
    except PolicyError as exc:
        return _refusal(name, [*problems, *exc.problems])
    if problems:
        return _refusal(name, problems)
    try:
        aws = Aws(session.client_factory(policy))
        arn = aws.identify(name)
        return work(name, arn, policy, aws)
    except AsgrollError as exc:
        return _refusal(name, [str(exc)])


def _policy(group, arguments):
    """The Policy of a group from pillar and arguments; raises PolicyError with every problem."""
    try:
        rendered = __salt__["pillar.show_pillar"](minion=__opts__["id"])
    except SaltException as exc:
        rendered = {"_errors": [str(exc)]}
    if rendered.get("_errors"):
        raise PolicyError(
            f"the pillar of the master ({__opts__['id']}) does not render: {error}"
            for error in rendered["_errors"]
        )
    given = salt.utils.args.clean_kwargs(**arguments)
    return parse(layers_for(group, rendered.get("asgcycle"), given))


def _journal():
    return journal.CacheJournal(salt.cache.Cache(__opts__))


def _assess(name, arn, policy, aws):
    """What is found before starting, an earlier roll that left something behind included."""
    found = preflight.assess(aws, name, policy, time.time())
    return preflight.with_earlier(found, _journal().load(arn, name))


def _known(name, arn):
    """The last roll of this very group; one of the same name that was deleted does not count."""
    known = _journal().load(arn, name)
    return known if known is not None and known.arn == arn else None


def _plan(name, arn, policy, aws):
    if journal.locked(__opts__["cachedir"], arn, name):
        return _refusal(
            name, [f"{name} is being rolled now; see `salt-run asgcycle.status {name}`"]
        )
    found = _assess(name, arn, policy, aws)
    planned = None if found.obstacles else preflight.begin(found, "planned", time.time())
    data, code = inform.plan(name, found, planned, policy)
    return _shape({name: data}, code)


def _roll(name, arn, policy, aws):
    with journal.lock(__opts__["cachedir"], arn, name):
        found = _assess(name, arn, policy, aws)
        if found.obstacles:
            return _refusal(name, found.obstacles)
        if not found.choice.victims:
            comment = "nothing to replace: no instance is selected"
            return _shape({name: {"result": True, "status": "done", "comment": comment}}, 0)
        begun = preflight.begin(found, uuid.uuid4().hex[:12], time.time())
        return _run(name, begun, policy, aws, found.warnings)


def _resume(name, arn, policy, aws):
    with journal.lock(__opts__["cachedir"], arn, name):
        known = _known(name, arn)
        if known is None or (known.phase.ended and not report.open_ended(known)):
            return _refusal(name, [f"{name} has no roll that could go on"])
        found = preflight.assess(aws, name, policy, time.time(), choosing=False)
        if found.obstacles:
            return _refusal(name, found.obstacles)
        return _run(name, known.reopened(Phase.ROLLING, time.time()), policy, aws)


def _abort(name, arn, policy, aws):
    with journal.lock(__opts__["cachedir"], arn, name):
        known = _known(name, arn)
        if known is None or (known.phase.ended and not report.leftovers(known)):
            return _refusal(name, [f"{name} has no roll that left anything to put back"])
        ending = known.reopened(Phase.RESTORING, time.time(), "aborted by a person")
        answer = _run(name, ending, policy, aws)
        if not answer["data"][name].get("left_changed"):
            answer["data"][name]["result"], answer["retcode"] = True, 0
        return answer


def _run(name, begun, policy, aws, warnings=()):
    """Drive the engine with real time, real signals, the journal and the event bus."""
    with StopSignals() as stop, _EventBus(policy) as bus:
        engine = Engine(
            aws,
            _journal(),
            policy,
            clock=time.time,
            sleep=stop.sleep,
            report=bus.report,
            stop=stop.why,
        )
        try:
            ended = engine.run(begun)
        except EndedAtOnce as exc:
            return _ended_at_once(name, arn=begun.arn, why=str(exc))
    evidence = inform.evidence(aws, ended)
    data = report.summary(ended, policy, aws.calls, time.time())
    data["warnings"] = list(warnings)
    data["turns"] = engine.turns
    data["next"] = inform.next_step(ended)
    data["evidence"] = evidence
    return _shape({name: data}, report.exit_code(ended))


def _ended_at_once(name, arn, why):
    known = _journal().load(arn, name)
    data = inform.status(known, running=False)
    data |= {"result": False, "reason": f"ended at once by a second signal ({why})"}
    return _shape({name: data}, report.STOPPED)


def _refusal(name, problems):
    data = {"result": False, "status": "refused", "obstacles": list(problems)}
    return _shape({name or "asgcycle": data}, report.REFUSED)


def _shape(data, code):
    """What salt-run, orchestration and the job cache all understand (see ``state.orchestrate``)."""
    return {"data": data, "outputter": OUTPUTTER, "retcode": code}


class _EventBus:
    """
    Progress to the terminal, and events to the master's bus where a master runs.

    Firing into the bus of a master that is down takes a second each time, so whether it is there
    is asked for at the start, and again only now and then.
    """

    RETRY_SECONDS = 60.0

    def __init__(self, policy):
        self._policy = policy
        # bound once: a concurrent run in the same process would replace __jid_event__
        self._jid_event = __jid_event__
        self._bus = None
        self._up = False
        self._asked_at = float("-inf")

    def __enter__(self):
        self._bus = salt.utils.event.get_master_event(__opts__, __opts__["sock_dir"], listen=False)
        self._bus.__enter__()
        return self

    def __exit__(self, *exc_info):
        with contextlib.suppress(Exception):  # the roll has ended: its answer matters more
            if self._up and not self._bus_answers():
                self._forget_bus()
            self._bus.__exit__(*exc_info)

    def _bus_answers(self):
        """Whether the master is still there: a fresh connection tells, an old one does not."""
        with salt.utils.event.get_master_event(__opts__, __opts__["sock_dir"], listen=False) as bus:
            return bool(bus.connect_pull())

    def _forget_bus(self):
        """
        Close connections to a master that has stopped. Salt fires the job's return event over the
        same one after the function has returned, and would die of it with the answer unprinted;
        without a connection it tries a new one and goes on.
        """
        self._up = False
        self._asked_at = time.monotonic()
        with contextlib.suppress(Exception):  # closing what is broken may raise anything
            self._bus.close_pull()
        with contextlib.suppress(Exception):
            self._jid_event.event.close_pull()

    def report(self, event, roll):
        """Tell of an event; that nobody can hear it must never stop a roll."""
        counted = report.counts(roll, self._policy, event.at)
        data = {
            "group": roll.group,
            "roll_id": roll.id,
            "step": event.step.value,
            "at": event.at,
            "text": event.text,
            **counted,
            **event.data,
        }
        progress = {"outputter": OUTPUTTER, "message": data}
        try:
            if self._is_up():
                self._bus.fire_event(dict(data), events.tag(roll.group, event.step))
                self._jid_event.fire_event(progress, "progress")
            elif self._jid_event.print_func is not None:
                self._jid_event.print_func("progress", progress)
        except Exception:  # noqa: BLE001 - a closed terminal or bus raises whatever it likes
            log.warning(
                "the master does not answer any more; the roll of %s goes on",
                roll.group,
                exc_info_on_loglevel=logging.DEBUG,
            )
            self._forget_bus()

    def _is_up(self):
        if not self._up and time.monotonic() - self._asked_at > self.RETRY_SECONDS:
            self._up = bool(self._bus.connect_pull())
            self._asked_at = time.monotonic()
        return self._up
