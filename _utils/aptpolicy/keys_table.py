"""Write docs/formula-keys.md from the table the formula itself uses.

``python -m aptpolicy.keys_table > docs/formula-keys.md`` (with ``_utils`` on PYTHONPATH).
"""

import sys

from aptpolicy import keys

NO = "–"
INTRODUCTION = """\
# Every key of unattended-upgrades and APT::Periodic

Generated from `_utils/aptpolicy/keys.py` by `python -m aptpolicy.keys_table`; do not edit.

The pillar key stands below `unattended_upgrades`; dots mean nesting. “Needs” is the first
unattended-upgrades (or Ubuntu release) that reads the key; on older ones the formula warns and
leaves it out. “Default” is what the tool does without the key, “we write” what the formula sets
when the pillar is silent.

Compared with apt-formula 0.12.0 (names below `apt:unattended`), voxpupuli's
puppet-unattended_upgrades (main branch of December 2025) and jnv's Ansible role (last release of
2022). A name in parentheses is accepted there but never takes effect on its own. `RandomSleep`,
which the last two also set, is read by no supported release: timers do that work now.
"""
# Accepted by apt-formula, then beaten by the packaged 20auto-upgrades, overwritten by the default
# of mail_only_on_error, or crashing the run for want of a whitelist.
WITHOUT_EFFECT = frozenset(
    {
        "update_package_lists",
        "unattended_upgrade",
        "mail_report",
        "package_whitelist_strict",
    }
)
COUNTED = ("apt_formula", "puppet", "ansible")


def rows():
    """One tuple of cells per apt key, header first."""
    yield ("pillar key", "apt.conf", "kind", "needs", "default", "we write", "apt-formula",
           "puppet", "Ansible role", "what it does")  # fmt: skip
    for key in keys.KEYS:
        yield (
            f"`{key.name}`",
            f"`{key.apt}`",
            _kind(key),
            f"Ubuntu {key.ubuntu_since}" if key.ubuntu_since else key.since or NO,
            key.default,
            _ours(key),
            _apt_formula(key),
            _code(key.puppet),
            _code(key.ansible),
            key.doc,
        )


def formula_rows():
    yield ("pillar key", "kind", "default", "what it does")
    for key in keys.FORMULA_KEYS:
        yield (f"`{key.name}`", _kind(key), key.default, key.doc)


def document():
    """The whole document."""
    total = len(keys.KEYS)
    counts = {name: sum(bool(getattr(key, name)) for key in keys.KEYS) for name in COUNTED}
    summary = (
        f"Of {total} keys of apt and unattended-upgrades this formula sets {total}, "
        f"apt-formula {counts['apt_formula']}, puppet-unattended_upgrades {counts['puppet']}, "
        f"jnv's role {counts['ansible']}.\n"
    )
    own = "\n## What only the formula knows\n"
    return "\n".join([INTRODUCTION, summary, _table(rows()), own, _table(formula_rows())]) + "\n"


def _table(lines):
    header, *body = lines
    marked = [header, tuple("---" for _ in header), *body]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in marked)


def _cell(text):
    return str(text).replace("|", "\\|")


def _kind(key):
    return ", ".join(key.choices) if key.choices else key.kind.replace("_", " ")


def _ours(key):
    if key.name == "origins":
        return "all security updates of the release"
    if key.name == "dpkg.options":
        return "those of `dpkg.conffile`"
    if key.ours is None:
        return NO
    if key.ours == ():
        return "cleared"
    return str(key.ours).lower()


def _apt_formula(key):
    name = _code(key.apt_formula)
    return f"({name})" if key.apt_formula in WITHOUT_EFFECT else name


def _code(name):
    return f"`{name}`" if name else NO


if __name__ == "__main__":
    sys.stdout.write(document())
