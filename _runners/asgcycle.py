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

import salt.utils.args

try:
    import asgcycle_reload

    with asgcycle_reload.library(__file__):
        from asgroll import asking, launch_verbs, undo, verbs
        from asgroll.master import Master
        from userdata import show
    MISSING = None
except ImportError as exc:  # the library or boto3 is not there: say which
    MISSING = str(exc)

__virtualname__ = "asgcycle"


def __virtual__():
    if MISSING:
        return (
            False,
            f"asgcycle needs its library and boto3 ({MISSING}): run "
            "`salt-run saltutil.sync_all` and install boto3 into Salt's Python "
            "(`salt-pip install boto3`)",
        )
    return __virtualname__


def __init__(opts):
    if not MISSING:
        asgcycle_reload.loaded(__name__, opts)


def _master():
    return Master(__opts__, __salt__, lambda: __jid_event__)


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
    return verbs.of_group(_master(), group, extra, policy, verbs.plan)


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
    work = verbs.plan if test else undo.roll
    return verbs.of_group(_master(), group, extra, policy, work)


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
    return verbs.of_group(_master(), group, extra, policy, undo.resume, choosing=False)


def abort(group=None, *extra, **policy):
    """
    End a roll: give back the sizes and processes that it changed. What was replaced stays
    replaced. A roll that is running, here or on another master, is asked to do it itself.

    :param group: name of the Auto Scaling Group.
    :param policy: policy keys, overriding pillar.
    :return: as ``roll``, with exit code 0 when everything was put back, or when a running roll was
        asked to (``status: asked``).

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.abort web
    """
    return verbs.of_group(_master(), group, extra, policy, verbs.abort, choosing=False)


def pause(group=None, *extra, **policy):
    """
    Ask the roll of a group to stop: nothing more is terminated, and the capacity that it has added
    stays. From any terminal, on any master that may write the group's tags.

    :param group: name of the Auto Scaling Group.
    :param policy: ``region``, ``profile``, ``role_arn``, ``endpoint_url``.
    :return: ``{"data": {group: {"result": bool, "status": "asked" or "refused", …}}, …}``. The
        roll itself ends with exit code 4 at its next look at the group.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.pause web
    """
    return verbs.of_group(_master(), group, extra, policy, verbs.pause)


def approve(group=None, *extra, **policy):
    """
    Let a roll go on that waits at a checkpoint (``approve: manual``).

    :param group: name of the Auto Scaling Group.
    :param policy: ``region``, ``profile``, ``role_arn``, ``endpoint_url``.
    :return: as ``pause``.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.approve web
    """
    return verbs.of_group(_master(), group, extra, policy, verbs.approve)


def recover(group=None, *extra, **policy):
    """
    Put back what a roll has changed, from the tags on the group, when its journal is lost.

    Gives back the roll's share of the desired capacity, MaxSize and the suspended processes. Who
    was in the group before the roll is not touched. With a journal use ``abort``.

    :param group: name of the Auto Scaling Group.
    :param policy: policy keys, overriding pillar.
    :return: as ``abort``.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.recover web
    """
    return verbs.of_group(_master(), group, extra, policy, verbs.recover, choosing=False)


def rollback(group=None, *extra, **policy):
    """
    Go back to what ran before the last roll: pin the launch template version (or configuration)
    that its instances were launched from, and replace every instance that is newer.

    A roll that has not ended is aborted first. Without a roll on record, what ``publish`` has
    replaced is pinned. Refused where neither is known.

    :param group: name of the Auto Scaling Group.
    :param policy: policy keys, overriding pillar.
    :return: as ``roll``.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.rollback web
    """
    return verbs.of_group(_master(), group, extra, policy, undo.go_back, choosing=False)


def status(group=None, *extra, **unknown):
    """
    Show the last roll of a group, or of every group, as the journal knows it. About one group AWS
    is asked as well: whether its last launches were abandoned one after the other, and which
    checks its new instances may skip.

    :param group: name of an Auto Scaling Group; all that were ever rolled when left out, and then
        nobody but the journal is asked.
    :return: ``{"data": {group: {"result": bool, "status": …, "running": bool, …}}, …}``;
        ``result`` is False when a roll has left something changed on its group, or launches were
        abandoned in a row (``abandoned`` says why, and the bus hears it too). ``running`` is
        also true of a roll that another master works on, as long as a shared journal says so.
        ``launches`` says why AWS could not be asked; that changes nothing in ``result``.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.status
        salt-run asgcycle.status web
    """
    return asking.status(_master(), group, extra, salt.utils.args.clean_kwargs(**unknown))


def history(group=None, *extra, **policy):
    """
    List the rolls of a group that have ended, newest first.

    :param group: name of the Auto Scaling Group.
    :param policy: ``region``, ``profile``, ``role_arn``, ``endpoint_url``.
    :return: ``{"data": {group: {"result": True, "rolls": [{"roll_id", "status", "started_at",
        "wall_seconds", "replaced", "victims", "launched", "failed", "reason"}, …]}}, …}``;
        ``launched``: the launch template versions or launch configurations of its replacements.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.history web
    """
    return verbs.of_group(_master(), group, extra, policy, verbs.history)


def report(group=None, *extra, roll_id=None, **policy):
    """
    Show the closing report of a roll again.

    :param group: name of the Auto Scaling Group.
    :param roll_id: which roll, as ``history`` lists them; the last one when left out.
    :param policy: ``region``, ``profile``, ``role_arn``, ``endpoint_url``.
    :return: as ``roll``, with exit code 0 when there is such a report, else 2.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.report web
        salt-run asgcycle.report web roll_id=3f2a9c81d001
    """
    wanted = None if roll_id is None else str(roll_id)
    return verbs.of_group(_master(), group, extra, policy, verbs.closing_report(wanted))


def user_data(group=None, *extra, **policy):
    """
    Show what new instances of a group would boot with: the user data rendered from the pillar that
    they would see, validated, with its size. Changes nothing, and asks AWS only for a difference.

    :param group: name of the Auto Scaling Group.
    :param policy: policy keys, overriding pillar (``docs/policy.md`` lists them), and
        ``user_data`` with keys of ``docs/user-data.md``; ``diff=True`` shows in what it differs
        from what the group launches with now.
    :return: ``{"data": {group: {"result": bool, "user_data": text, "parts": […], "size": bytes,
        "limit": bytes, "compressed": bool}}, "outputter": "asgcycle", "retcode": 0 or 2}``; with
        ``diff=True`` instead of the text ``status`` (same or different), ``against`` (what it was
        compared with) and ``diff`` (lines). Nothing is raised for what a user can cause.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.user_data web
        salt-run asgcycle.user_data web diff=True
        salt-run asgcycle.user_data web user_data='{upgrade: all}'
    """
    return show.user_data(_master(), group, extra, policy)


def agent(*extra, **arguments):
    """
    Write the readiness agent into a file, for a place from which new instances fetch it: user data
    is small then. Its checksum is pinned there; a new one belongs to each update of the formula.

    :param arguments: ``file``, an absolute path on the master; without it nothing is written.
    :return: ``{"data": {"agent": {"result": bool, "status": …, "file": …, "size": bytes, "sha256":
        …, "next": what to put into pillar}}, "outputter": "asgcycle", "retcode": 0 or 2}``. Nothing
        is raised for what a user can cause.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.agent
        salt-run asgcycle.agent file=/srv/www/asgcycle-agent.tar
    """
    return show.agent(_master(), extra, arguments)


def publish(group=None, *extra, **policy):
    """
    Make a group launch with the user data that pillar asks for: a new launch template version with
    only the user data changed (or a new launch configuration where the group has one), and the
    group pinned to it. Running instances stay; the next roll brings it in. Unchanged user data
    makes no new version. What was in use before is kept in the group's tag ``asgcycle:previous``.

    :param group: name of the Auto Scaling Group.
    :param policy: policy keys, overriding pillar (``docs/policy.md`` lists them);
        ``test=True`` or ``dry_run=True`` shows the difference instead and changes nothing.
    :return: ``{"data": {group: {"result": bool, "status": …, "from_specs": […], "to_specs": […],
        "previous": …, "changes": […], "diff": […]}}, "outputter": "asgcycle", "retcode": 0, 2 or
        3}``: 2 is refused with the group as it was, 3 when that is not certain. Nothing is raised
        for what a user can cause.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.publish web test=True
        salt-run asgcycle.publish web
    """
    return launch_verbs.publish(_master(), group, extra, policy)


def hook(group=None, *extra, **policy):
    """
    Check the launch lifecycle hook of a group, which keeps new instances out of service until they
    say that they are patched and ready. Its settings are ``launch_hook`` in pillar. Hooks of other
    names are left alone.

    :param group: name of the Auto Scaling Group.
    :param policy: ``create=True`` creates it, or changes one with other settings; ``remove=True``
        removes it; ``test=True`` or ``dry_run=True`` only says what would be done.
        ``skip=security-updates`` (or ``reboot``, or both) with ``for=2h`` (24 h at most) lets new
        instances of this group be ready without that check for so long; ``skip=none`` ends it.
        Policy keys as for ``roll``.
    :return: ``{"data": {group: {"result": bool, "status": …, "hook": …, "other_hooks": […],
        "changes": […], "skipping": …}}, "outputter": "asgcycle", "retcode": 0, 2 or 3}``: a check
        gives 2 when the hook is missing or different. With ``skip`` the status is ``skipping``,
        ``ended`` or ``unchanged``. Nothing is raised for what a user can cause.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.hook web
        salt-run asgcycle.hook web create=True
        salt-run asgcycle.hook web remove=True
        salt-run asgcycle.hook web skip=security-updates for=2h
        salt-run asgcycle.hook web skip=none
    """
    return launch_verbs.hook(_master(), group, extra, policy)


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
    return verbs.inventory(_master(), extra, policy)


__func_alias__ = {"list_": "list"}
