"""What cloud-init did on this instance, read from the files it leaves behind.

The files have been the same since cloud-init 18; the exit codes and words of its command line
have not.
"""

import json
import re
import tempfile
from pathlib import Path

from aptpolicy.runs import iso
from aptpolicy.system import CommandFailed

STATUS = "run/cloud-init/status.json"
RESULT = "run/cloud-init/result.json"
DISABLED = "run/cloud-init/disabled"
LOG = "var/log/cloud-init.log"
INSTANCE = "var/lib/cloud/instance"
DATA = "var/lib/cloud/data"
UPGRADE_MARKER = f"{INSTANCE}/sem/config_package_update_upgrade_install"
FINAL = frozenset({"done", "degraded", "error", "disabled", "not_installed"})
STAGES = ("init-local", "init", "modules-config", "modules-final")
SCHEMA_SECONDS = 60
CLOUD_CONFIG = "#cloud-config"
# Logged once at every boot, by the first stage.
_BOOT_LINE = re.compile(r"Cloud-init v\. \S+ running 'init-local'")


def status(host):
    """State of cloud-init; see the execution module for the answer's shape."""
    told = _json(host, STATUS)
    result = _json(host, RESULT)
    stages = {name: told[name] for name in STAGES if isinstance(told.get(name), dict)}
    errors = [str(e) for stage in stages.values() for e in stage.get("errors") or ()]
    errors += [str(e) for e in result.get("errors") or () if str(e) not in errors]
    recoverable = {}
    for stage in stages.values():
        for level, messages in (stage.get("recoverable_errors") or {}).items():
            recoverable.setdefault(level, []).extend(map(str, messages))
    return {
        "status": _word(host, told, result, errors, recoverable),
        "stage": told.get("stage"),
        "errors": errors,
        "recoverable_errors": recoverable,
        "datasource": told.get("datasource") or result.get("datasource"),
        "started": iso(min((s["start"] for s in stages.values() if s.get("start")), default=None)),
        "finished": iso(stages.get("modules-final", {}).get("finished")) if result else None,
    }


def _word(host, told, result, errors, recoverable):
    if host.exists(DISABLED):
        return "disabled"
    if not told:
        return "not_started" if host.exists("usr/bin/cloud-init") else "not_installed"
    if errors:
        return "error"
    if not result:
        return "running"
    return "degraded" if recoverable else "done"


def wait(host, timeout, clock, sleep, poll_seconds=2.0):
    """Poll until cloud-init is through or ``timeout`` seconds have passed."""
    end = clock() + timeout
    while True:
        seen = status(host)
        ended = seen["status"] in FINAL and (seen["status"] != "error" or host.exists(RESULT))
        if ended or clock() >= end:
            return {**seen, "timed_out": not ended}
        sleep(poll_seconds)


def schema(host, document):
    """Validate a cloud-config document with the installed cloud-init, offline."""
    if not document.startswith(CLOUD_CONFIG):
        message = f"the first line has to be {CLOUD_CONFIG}: a template header or MIME is refused"
        return {"valid": False, "errors": [message], "exit_code": None}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as handle:
        handle.write(document)
        handle.flush()
        argv = ["cloud-init", "schema", "--config-file", handle.name]
        try:
            result = host.run(argv, SCHEMA_SECONDS)
        except CommandFailed as exc:
            return {"valid": None, "errors": [str(exc)], "exit_code": None}
    said = (result.err + result.out).replace(handle.name, "document")
    lines = [line for line in said.splitlines() if line.strip()]
    return {
        "valid": result.code == 0,
        "errors": [] if result.code == 0 else lines,
        "exit_code": result.code,
    }


def boot_facts(host):
    """Which instance this is, how often it has booted, and whether a boot followed the upgrade."""
    booted_at = _boot_time(host)
    upgraded_at = host.changed_at(UPGRADE_MARKER)
    return {
        "instance_id": _line(host, f"{DATA}/instance-id"),
        "previous_instance_id": _previous(host),
        "boot_id": _line(host, "proc/sys/kernel/random/boot_id"),
        "booted": iso(booted_at),
        "boots": len(_BOOT_LINE.findall(host.text(LOG) or "")) or None,
        "upgrade_started": iso(upgraded_at),
        "rebooted_since_upgrade": None
        if upgraded_at is None or booted_at is None
        else booted_at > upgraded_at,
        "finished": iso(host.changed_at(f"{INSTANCE}/boot-finished")),
    }


def _previous(host):
    previous = _line(host, f"{DATA}/previous-instance-id")
    return None if previous == "NO_PREVIOUS_INSTANCE_ID" else previous


def _line(host, path):
    return (host.text(path) or "").strip() or None


def _boot_time(host):
    match = re.search(r"^btime (\d+)$", host.text("proc/stat") or "", re.MULTILINE)
    return float(match.group(1)) if match else None


def _json(host, path):
    try:
        found = json.loads((Path(host.root) / path).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    answer = found.get("v1") if isinstance(found, dict) else None
    return answer if isinstance(answer, dict) else {}
