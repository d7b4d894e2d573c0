"""
How a roll looks in a terminal: a line per event while it runs, a table when it has ended.

Used by itself for the answers of the ``asgcycle`` runner; ``--out=json`` and ``--out=yaml`` give
the plain data instead. Needs nothing but Salt, so that a stored job can be shown anywhere.
"""

import time

import salt.utils.color

BAR = 10
_BAD = ("refused", "halted", "interrupted", "paused")


def output(data, **kwargs):
    """
    Render a progress event or an answer of the runner.

    :param data: ``{"suffix", "event"}`` for progress, else ``{"data": {group: …}, …}``.
    :return: text.

    CLI Example:

    .. code-block:: bash

        salt-run asgcycle.status --out=asgcycle
    """
    if isinstance(data, dict) and "event" in data and "suffix" in data:
        return _progress(data["event"].get("message", data["event"]))
    groups = _answer(data)
    if not isinstance(groups, dict):
        return str(groups)
    return "\n\n".join(_group(name, found) for name, found in groups.items())


def _answer(data):
    """The groups of an answer, also of one that the job cache has kept under the master's id."""
    if not isinstance(data, dict):
        return data
    if isinstance(data.get("data"), dict):
        return data["data"]
    if isinstance(data.get("return"), dict):
        return _answer(data["return"])
    kept = list(data.values())
    if len(kept) == 1 and isinstance(kept[0], dict) and isinstance(kept[0].get("return"), dict):
        return _answer(kept[0])
    return data


def _colors():
    return salt.utils.color.get_colors(__opts__.get("color"), __opts__.get("color_theme"))


def _progress(message):
    if not isinstance(message, dict) or "text" not in message:
        return str(message)
    clock = time.strftime("%H:%M:%S", time.localtime(message["at"]))
    done, total = message["replaced"], message["victims"]
    filled = BAR * done // total if total else BAR
    bar = "#" * filled + "." * (BAR - filled)
    eta = message.get("eta_seconds")
    left = f" · ETA {span(eta)}" if eta else ""
    failed = f" · {message['failures']} failed" if message.get("failures") else ""
    width = len(str(total))
    return (
        f"{clock} [{bar}] {done:>{width}}/{total} replaced · serving {message['serving']}"
        f"{failed}{left} · {message['text']}"
    )


def _group(name, found):
    if not isinstance(found, dict):
        return f"{name}: {found}"
    lines = [_headline(name, found)]
    parts = (
        _obstacles,
        _plan,
        _table,
        _figures,
        _listing,
        _rolls,
        _user_data,
        _launch,
        _tail,
    )
    for part in parts:
        lines += part(name, found)
    return "\n".join(lines)


def _headline(name, found):
    colors = _colors()
    status = found.get("status", "")
    color = colors["LIGHT_GREEN"] if found.get("result") else colors["LIGHT_RED"]
    if status == "stopped":
        color = colors["YELLOW"]
    said = found.get("comment") or found.get("reason") or ""
    title = f"{name}: {status}" if status else f"{name}:"
    return f"{color}{title}{colors['ENDC']}{' — ' + said if said else ''}"


def _obstacles(name, found):
    lines = [f"  ✗ {text}" for text in found.get("obstacles", [])]
    if found.get("abandoned"):
        colors = _colors()
        lines.append(f"  {colors['LIGHT_RED']}✗ {found['abandoned']}{colors['ENDC']}")
    if found.get("launches"):
        lines.append(f"  ! its launches are {found['launches']}")
    lines += [f"  ! {found['skipping']}"] if found.get("skipping") else []
    lines += [f"  ! {text}" for text in found.get("warnings", [])]
    if found.get("status") == "refused":
        untouched = "The group is as it was." if found.get("left") else "Nothing was changed."
        lines.append(f"  {untouched}")
    return lines


def _plan(name, found):
    if "kept" not in found:
        return []
    lines = [f"  {found['victims']} to replace" + (", in this order:" if found["victims"] else "")]
    rows = [
        [str(number), row["instance"], row["zone"], row["spec"], _age(row), row["why"]]
        for number, row in enumerate(found.get("instances", []), 1)
    ]
    lines += _aligned(["", "instance", "zone", "launched from", "age", "why"], rows)
    lines += [f"  kept: {r['instance']} ({r['zone']}): {r['why']}" for r in found["kept"]]
    for text in found.get("changes", []):
        lines.append(f"  would change: {text}")
    lines += [f"  {text}" for text in found.get("waits", [])]
    if found.get("checkpoints"):
        limits = ", ".join(map(str, found["checkpoints"]))
        lines.append(f"  checkpoints: after {limits} of {found['victims']}")
    if "mutations" in found:
        expected = found.get("expected_seconds")
        took = f"about {span(expected)}" if expected else "unknown: the group shows no past launch"
        lines.append(
            f"  expected: {found['mutations']} changes of capacity, "
            f"{found['reads_per_turn']} reads a turn, time {took}"
        )
    return lines


def _age(row):
    launched = row.get("launched_at")
    return span(max(0, time.time() - launched)) if launched else "?"


def _table(name, found):
    if "wall_seconds" not in found:
        return []
    rows = [
        [
            row["instance"],
            row["zone"],
            row["state"],
            span(row["drain_seconds"]),
            row["replacement"] or "-",
            row["replacement_zone"] or "-",
            span(row["boot_seconds"]),
        ]
        for row in found.get("instances", [])
    ]
    return _aligned(["old", "zone", "", "drain", "replaced by", "zone", "boot"], rows)


def _figures(name, found):
    if "wall_seconds" not in found:
        return []
    calls = ", ".join(f"{op} {n}" for op, n in found.get("calls", {}).items())
    lines = [
        f"  {found['replaced']} of {found['victims']} replaced, launches {found['launches']}, "
        f"lowest serving {found['lowest_serving']} (live {found['live']}), "
        f"highest total {found['highest_total']}",
        f"  took {span(found['wall_seconds'])}, ideal {span(found['ideal_seconds'])} "
        f"in {found.get('turns', '?')} turns",
        f"  calls: {calls}",
    ]
    if found.get("below_floor"):
        lines.append(
            f"  serving was {found['below_floor']} below the floor at worst (see the events)"
        )
    return lines


def _listing(name, found):
    if "launches_from" not in found or "kept" in found:
        return []
    outdated = found.get("outdated")
    return [
        f"  desired {found['desired']} (min {found['min']}, max {found['max']}), "
        f"{found['in_service']} of {found['instances']} in service, "
        f"{'?' if outdated is None else outdated} outdated, launches from "
        f"{found['launches_from']}"
    ]


def _user_data(name, found):
    """The document itself starts at the left margin: people copy it from here."""
    if "parts" not in found:
        return []
    packed = ", compressed" if found["compressed"] else ""
    lines = [f"  {found['size']} of {found['limit']} bytes{packed}"]
    lines += [f"  {p['name']}: {p['type']}, {p['size']} bytes" for p in found["parts"]]
    if "against" in found:
        return [*lines, f"  compared with {', '.join(found['against'])}"]
    return [*lines, "", *found["user_data"].splitlines()]


def _rolls(name, found):
    rows = [
        [
            row["roll_id"],
            time.strftime("%Y-%m-%d %H:%M", time.localtime(row["started_at"])),
            span(row["wall_seconds"]),
            row["status"],
            f"{row['replaced']}/{row['victims']}",
            row.get("launched") or "",
            row["reason"] or "",
        ]
        for row in found.get("rolls", [])
    ]
    return _aligned(["roll", "started", "took", "", "replaced", "launched from", ""], rows)


def _launch(name, found):
    """What ``publish`` and ``hook`` change or would change."""
    done = {"planned": "would be done", "refused": "not done"}.get(found.get("status"), "done")
    lines = []
    if "hook" in found:
        lines.append(f"  wanted: {found['hook']}")
        lines += [f"  left alone: {text}" for text in found["other_hooks"]]
    if found.get("to_specs"):
        before, after = ", ".join(found["from_specs"]), ", ".join(found["to_specs"])
        lines += [
            f"  launches from {before if before == after else f'{before} → {after}'}",
            f"  user data: {found['bytes']} bytes, sha256:{found['sha256']}",
        ]
        if found["previous"]:
            lines.append(f"  in use before: {found['previous']}")
    if "hook" in found or "to_specs" in found:
        lines += [f"  {done}: {text}" for text in found["changes"]]
    lines += [f"  left: {text}" for text in found.get("left", [])]
    return lines + [f"  | {line}".rstrip() for line in found.get("diff", [])]


def _tail(name, found):
    lines = []
    if "running" in found:
        lines.append(
            f"  {found['replaced']} of {found['victims']} replaced, serving {found['serving']} "
            f"(live {found['live']}), roll {found['roll_id']}"
            + (", running now" if found["running"] else "")
        )
    lines += [f"  ✗ {text}" for text in found.get("failures", [])]
    for key, text in found.get("evidence", {}).items():
        lines += [f"  {key}:", *(f"    | {line}" for line in text.splitlines())]
    for what, state in (found.get("left_changed") or {}).items():
        if isinstance(state, dict):
            state = f"is {state['now']}, should be {state['should_be']}"
        else:
            state = ", ".join(state)
        lines.append(f"  left changed: {what} {state}")
    if found.get("next"):
        lines.append(f"  next: {found['next']}")
    return lines


def _aligned(header, rows):
    if not rows:
        return []
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    padded = (
        [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        for row in [header, *rows]
    )
    return ["  " + "  ".join(row).rstrip() for row in padded]


def span(seconds):
    """``90`` → ``1m30s``; ``-`` when there is nothing to show."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f}s"
    rest, parts = round(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2])
