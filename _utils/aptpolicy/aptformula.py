"""Read a pillar written for apt-formula (``apt:unattended``) and say what never took effect.

The corrected settings are a layer below ``unattended_upgrades``. Findings tell, setting by
setting, what apt-formula 0.12.0 made of it and what happens now.
"""

import re
from dataclasses import dataclass

from aptpolicy import keys, origins, values
from aptpolicy.errors import Problem, Refused

TEMPLATE_HOOKS = ("unattended_config_template", "periodic_config_template")
# Settings of the packaged 20auto-upgrades, which sorts after apt-formula's 10periodic and wins.
BEATEN_PERIODIC = {
    "update_package_lists": "periodic.update_package_lists",
    "unattended_upgrade": "periodic.unattended_upgrade",
}
SECURITY_ARCHIVE = re.compile(r"-security\Z")


@dataclass(frozen=True)
class Finding:
    """``key`` below ``apt:unattended``, its ``value``, the ``problem`` before, what is ``now``."""

    key: str
    value: object
    problem: str
    now: str


def read(apt_pillar, system):
    """``apt`` pillar → ``(flat settings for the lower layer, findings)``.

    Nothing here refuses: a value that cannot be mended is left out and found.
    """
    apt_pillar = values.plain(apt_pillar) if isinstance(apt_pillar, dict) else {}
    unattended = apt_pillar.get("unattended")
    unattended = unattended if isinstance(unattended, dict) else {}
    layer, findings = {}, []
    for name, value in unattended.items():
        key = keys.BY_APT_FORMULA.get(name)
        if name in TEMPLATE_HOOKS:
            problem = "the hook is looked up with a colon in a plain mapping and never found"
            findings.append(Finding(name, value, problem, "ignored: there are no templates"))
        elif key is None:
            findings.append(Finding(name, value, "apt-formula does not read it", "ignored"))
        else:
            _one(name, key, value, system, layer, findings)
    _mail_report(unattended, layer, findings)
    _strict_whitelist(unattended, layer, findings)
    _silent_defaults(unattended, system, findings)
    if apt_pillar.get("clean_apt_conf_d"):
        problem = "with the state apt.apt_conf it removes and re-adds upgrade settings at every run"
        now = "do not run apt.apt_conf with it next to this formula"
        findings.append(Finding("clean_apt_conf_d", True, problem, now))
    return layer, tuple(findings)


def breaking(apt_pillar):
    """Problems of texts that apt-formula would write into apt.conf and thereby break apt."""
    unattended = apt_pillar.get("unattended") if isinstance(apt_pillar, dict) else None
    found = []
    for name, value in unattended.items() if isinstance(unattended, dict) else ():
        entries = value if isinstance(value, (list, tuple, dict)) else [value]
        for entry in entries:
            if values.UNQUOTABLE.search(str(entry)):
                allowed = "a text without double quotes, line breaks and control characters"
                advice = "apt-formula writes it as it is, and apt could not read its file."
                found.append(Problem(name, str(entry), allowed, advice, root="apt:unattended"))
    return found


def _one(name, key, value, system, layer, findings):
    reader = {
        "allowed_origins": _allowed_origins,
        "origins_patterns": _origins_patterns,
    }.get(name)
    if reader:
        mended = reader(value, system, findings)
        if mended:
            layer["origins"] = list(dict.fromkeys([*layer.get("origins", []), *mended]))
        return
    mended, note = _mended(key, value)
    if mended is None:
        findings.append(Finding(name, value, "cannot be read", f"left out: {note}"))
        return
    layer[key.name] = mended
    if note:
        findings.append(Finding(name, value, note, f"{mended!r}"))
    elif name in BEATEN_PERIODIC and str(value) not in ("1", "True"):
        problem = "10periodic loses to the packaged 20auto-upgrades: it had no effect"
        findings.append(Finding(name, value, problem, f"{mended!r} takes effect"))


def _mended(key, value):
    """``(value that our parser takes, what was wrong with it)``; ``(None, why)`` if hopeless."""
    note = ""
    if key.kind in ("bool", "reboot_policy", "flag"):
        value, note = _boolean(key, value)
    elif key.kind == "reboot_time" and isinstance(value, int) and not isinstance(value, bool):
        note = (
            f"YAML read the unquoted time as the number {value}: shutdown -r {value} means minutes"
        )
        value = f"{value // 60 % 24:02d}:{value % 60:02d}"
    elif key.kind in ("days", "strings", "regexes") and isinstance(value, str):
        note = "a text where a list is expected" if key.kind == "days" else ""
        value = value.split() if value.strip() else []
    elif key.kind == "strings" and len(value) > 1:
        note = "a list was written as Python prints it"
    elif key.kind == "regexes" and isinstance(value, dict):
        value = list(value)
    elif key.kind in ("count", "verbosity") and isinstance(value, str) and value.isdigit():
        value = int(value)
    elif key.kind == "interval" and isinstance(value, bool):
        note = "True and False are not integers: APT::Periodic ran on regardless"
        value = int(value)
    if value in ("", None):
        return None, "it is empty"
    try:
        values.parse(key.kind, value, key.choices)
    except Refused as exc:
        return None, f"allowed: {exc.allowed}"
    return value, note


def _boolean(key, value):
    truth = values.loose_boolean(value)
    if truth is None:
        return value, ""
    if key.kind == "reboot_policy":
        return ("when_needed" if truth else "never"), ""
    if key.kind == "flag":
        broken = isinstance(value, bool)
        return int(truth), (f'Enable "{value}" is not an integer: the jobs ran' if broken else "")
    return truth, ""


def _allowed_origins(value, system, findings):
    return _each_origin("allowed_origins", value, system, findings, _from_pair)


def _origins_patterns(value, system, findings):
    return _each_origin("origins_patterns", value, system, findings, _from_pattern)


def _each_origin(name, value, system, findings, convert):
    mended = []
    for entry in value if isinstance(value, (list, tuple)) else [value]:
        try:
            new, note = convert(entry, system)
        except Refused as exc:
            problem = "crashes unattended-upgrade at every run"
            findings.append(Finding(name, entry, problem, f"left out; allowed: {exc.allowed}"))
            continue
        mended.append(new)
        if note:
            findings.append(Finding(name, entry, note, f"the word {new!r}"))
    return mended


def _from_pair(entry, system):
    origins.legacy_pair(entry)
    origins.check_macros(entry, system)
    origin, archive = entry.split(":", 1)
    own = origin in ("${distro_id}", system.distribution)
    if own and SECURITY_ARCHIVE.search(archive):
        note = "" if system.distribution == "Ubuntu" else "matches no repository of Debian"
        return "security", note
    pattern = origins.legacy_to_pattern(entry)
    return origins.check_pattern(pattern, system), ""


def _from_pattern(entry, system):
    origins.check_pattern(entry, system)
    fields = dict(part.split("=") for part in entry.split(",") if part.count("=") == 1)
    label = fields.get("label", fields.get("l", ""))
    if system.distribution == "Debian" and label == "Debian-Security":
        by_archive = {"archive", "suite", "a"} & set(fields)
        note = "matches no repository once the release has moved on" if by_archive else ""
        return "security", note
    return entry, ""


def _mail_report(unattended, layer, findings):
    """Its default for mail_only_on_error is the text 'false', which Jinja holds for true."""
    wanted = layer.pop("mail.only_on_error", None)
    said = unattended.get("mail_only_on_error", "false")
    forced = bool(said)
    if wanted:
        layer["mail.report"] = "only-on-error"
    report = layer.get("mail.report")
    if forced and report not in (None, "only-on-error"):
        problem = "was always overwritten by only-on-error"
        findings.append(Finding("mail_report", report, problem, f"{report!r} takes effect"))


def _strict_whitelist(unattended, layer, findings):
    if layer.get("whitelist_strict"):
        del layer["whitelist_strict"]
        problem = "apt-formula has no whitelist, and strict alone crashes the run"
        now = "left out; set unattended_upgrades:whitelist_strict and whitelist"
        findings.append(Finding("package_whitelist_strict", True, problem, now))


def _silent_defaults(unattended, system, findings):
    if unattended and not {"origins_patterns", "allowed_origins"} & set(unattended):
        words = ", ".join(origins.default_words(system))
        ubuntu = system.distribution == "Ubuntu"
        lacking = "lacks the release pocket and ESM" if ubuntu else "matches no repository"
        findings.append(Finding("origins_patterns", None, f"the default {lacking}", words))
