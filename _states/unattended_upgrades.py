"""
Assert that an upgrade policy takes effect, hold packages, bring a system up to date.

The states call the execution module ``unattended_upgrades``.
"""

from salt.exceptions import CommandExecutionError

try:
    import asgcycle_reload
except ImportError:  # then there is no execution module either, which says why
    asgcycle_reload = None

__virtualname__ = "unattended_upgrades"


def __init__(opts):
    if asgcycle_reload:
        asgcycle_reload.loaded(__name__, opts)


def __virtual__():
    if "unattended_upgrades.verify" in __salt__:
        return __virtualname__
    return False, "unattended_upgrades: the execution module is not available"


FRAGMENT = "/etc/apt/apt.conf.d/zz-salt-unattended-upgrades"
UPGRADE_CONFIG = "/etc/unattended-upgrades/apt.conf"


def effective(name, refresh="auto", fragment=FRAGMENT):
    """
    Fail when a setting is overridden elsewhere or no security repository is matched.

    name
        Any text; it only names the state.
    refresh
        ``auto`` downloads package lists when there are none at all, as on a new cloud image;
        ``False`` never does.
    fragment
        The file whose policy is asserted; only looked at in test mode.

    .. code-block:: yaml

        the policy holds:
          unattended_upgrades.effective
    """
    ret = {"name": name, "changes": {}, "result": True, "comment": ""}
    if __opts__["test"] and _outdated(fragment):
        ret["result"] = None
        ret["comment"] = "The policy is not deployed yet; what takes effect is known afterwards."
        return ret
    found = __salt__["unattended_upgrades.verify"]()
    if found["lists_missing"] and refresh == "auto":
        if __opts__["test"]:
            ret["result"] = None
            ret["comment"] = "Package lists would be downloaded, there are none."
            return ret
        __salt__["pkg.refresh_db"]()
        found = __salt__["unattended_upgrades.verify"]()
        if not found["lists_missing"]:
            ret["changes"]["package lists"] = {"old": "none", "new": "downloaded"}
    ret["warnings"] = list(_intended().get("warnings", ()))
    problems = list(found["problems"])
    if found["lists_missing"]:
        problems.append("there are no package lists: check the apt sources, then pkg.refresh_db")
    ret["result"] = not problems
    if problems:
        ret["comment"] = "The policy does not take effect:\n" + "\n".join(problems)
    else:
        ret["comment"] = "The policy takes effect." + _unmatched(found["unmatched_patterns"])
    return ret


def upgraded(name, deadline=3600):
    """
    Install now whatever the policy would install by itself.

    name
        Any text; it only names the state.
    deadline
        Seconds for locks and upgrades together.

    .. code-block:: yaml

        everything is patched before the application starts:
          unattended_upgrades.upgraded:
            - deadline: 1800
    """
    ret = {"name": name, "changes": {}, "result": True, "comment": "Nothing to upgrade."}
    waiting = _installable()
    if waiting is None:
        ret["result"] = False
        ret["comment"] = "What waits is not known: " + _why_unknown(_pending())
        return ret
    if not waiting:
        return ret
    if __opts__["test"]:
        ret["result"] = None
        ret["comment"] = f"{len(waiting)} packages would be upgraded: " + ", ".join(waiting)
        return ret
    answer = __salt__["unattended_upgrades.run"](deadline=deadline)
    ret["changes"] = {"upgraded": answer["upgraded"]} if answer["upgraded"] else {}
    left = _installable()
    ret["result"] = bool(answer["result"]) and left == []
    ret["comment"] = f"{len(answer['upgraded'])} packages upgraded."
    if not ret["result"]:
        tail = "\n".join(answer["output"][-10:])
        waiting = "unknown" if left is None else ", ".join(left) or "none"
        ret["comment"] = f"{answer['comment']}; still waiting: {waiting}\n{tail}"
    return ret


def held(name, packages):
    """
    Hold exactly these packages: holds of this state on other packages end, holds that somebody
    else has placed stay. What is not installed is not held: apt could then not install it.

    name
        Any text; it only names the state.
    packages
        Names; an empty list ends every hold of this state.

    .. code-block:: yaml

        what is upgraded by hand:
          unattended_upgrades.held:
            - packages: [docker-ce]
    """
    ret = {"name": name, "changes": {}, "result": True, "comment": "The holds are as wanted."}
    try:
        found = __salt__["unattended_upgrades.hold"](packages, test=__opts__["test"])
    except CommandExecutionError as exc:
        return {**ret, "result": False, "comment": f"The holds could not be set: {exc}"}
    done = {key: found[key] for key in ("held", "released") if found[key]}
    if done:
        told = "; ".join(f"{key}: {', '.join(names)}" for key, names in done.items())
        ret.update(changes=done, comment=f"To be {told}." if __opts__["test"] else f"{told}.")
        ret["result"] = None if __opts__["test"] else True
    if found["not_installed"]:
        ret["comment"] += f" Not held, as not installed: {', '.join(found['not_installed'])}."
    return ret


def proxies_written(name):
    """
    Keep the proxies that have a password in a file that only root may read; remove it when there
    is none. What it holds is in no return, no event and no log.

    name
        The file, in apt's ``apt.conf.d``.

    .. code-block:: yaml

        /etc/apt/apt.conf.d/zz-salt-unattended-upgrades-proxy:
          unattended_upgrades.proxies_written
    """
    ret = {"name": name, "changes": {}, "result": True, "comment": "It is as wanted."}
    try:
        done = __salt__["unattended_upgrades.write_proxies"](name, test=__opts__["test"])["done"]
    except (CommandExecutionError, OSError) as exc:
        return {**ret, "result": False, "comment": f"{name}: {exc}"}
    if done:
        ret["changes"] = {name: done}
        ret["comment"] = f"{name}: to be {done}." if __opts__["test"] else f"{name}: {done}."
        ret["result"] = None if __opts__["test"] else True
    return ret


def grain_refreshed(name, minutes=4):
    """
    Have the running minion compare its grain ``unattended_upgrades`` with the host.

    A minion computes its grains when it starts. The job is in its schedule, at once and without a
    restart; Salt's own ``grains_refresh_every`` fires an event upon which no grain is computed.

    name
        Of the job in the minion's schedule.
    minutes
        Between two looks; 0 takes the job out of the schedule.

    .. code-block:: yaml

        asgcycle-refresh-grain:
          unattended_upgrades.grain_refreshed:
            - minutes: 4
    """
    # Nobody hears the event when no minion runs yet: it reads the file when it starts.
    offline = not __salt__["event.fire"]({}, "unattended-upgrades/is-there-a-minion")
    if not minutes:
        return __states__["schedule.absent"](name, offline=offline)
    return __states__["schedule.present"](
        name,
        function="unattended_upgrades.refresh_grain",
        seconds=minutes * 60,
        maxrunning=1,
        return_job=False,
        offline=offline,
    )


def _pending():
    return __salt__["unattended_upgrades.pending"](security_only=False)


def _installable():
    """Names the policy would upgrade now; None when apt could not be asked."""
    found = _pending()
    return None if found["count"] is None else [one["name"] for one in found["packages"]]


def _why_unknown(found):
    return "; ".join("{what}: {why}".format(**one) for one in found["unknown"])


def _outdated(fragment):
    """Whether a run that changes things would write another configuration first."""
    meant = _intended()
    files = {fragment: meant.get("fragment"), UPGRADE_CONFIG: meant.get("upgrade_config")}
    for path, text in files.items():
        if not __salt__["file.file_exists"](path) or __salt__["file.read"](path) != text:
            return True
    proxies = __salt__["unattended_upgrades.write_proxies"](f"{fragment}-proxy", test=True)
    return bool(proxies["done"])


def _intended():
    return __salt__["unattended_upgrades.compile"](saltenv=__opts__.get("saltenv") or "base")


def _unmatched(patterns):
    return " No repository matches: " + "; ".join(patterns) + "." if patterns else ""
