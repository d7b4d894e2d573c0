"""A cloud-config document: read, merged, written so that a person can read it."""

from __future__ import annotations

from typing import Any

import yaml

from userdata.errors import UserDataError

HEADER = "#cloud-config"


class _Readable(yaml.SafeDumper):
    """Texts of several lines as blocks, everything in the order in which it was given."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Readable.add_representer(str, _text)


def read(text: str, source: str) -> dict[str, Any]:
    """
    The mapping that a cloud-config holds.

    :param source: where the text comes from, for messages.
    :raises UserDataError: it has another first line, is no YAML, or no mapping.
    """
    if text.partition("\n")[0].rstrip() != HEADER:
        raise UserDataError([f"{source}: the first line has to be {HEADER}."])
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f", line {mark.line + 1} of what was rendered" if mark else ""
        what = getattr(exc, "problem", None) or exc
        raise UserDataError([f"{source}{where}: not YAML: {what}."]) from exc
    if not isinstance(found, dict):
        raise UserDataError(
            [f"{source}: has to render to a mapping of keys, not to {type(found).__name__}."]
        )
    return found


def extended(base: dict[str, Any], extra: dict[str, Any], path: str = "extra") -> dict[str, Any]:
    """
    ``extra`` merged in: mappings by key, lists appended, everything else replaced.

    :raises UserDataError: a list or mapping of ours would be replaced by something else.
    """
    result = dict(base)
    for key, value in extra.items():
        below, where = result.get(key), f"{path}:{key}"
        for kind, name in ((dict, "a mapping"), (list, "a list")):
            if isinstance(below, kind) and not isinstance(value, kind):
                raise UserDataError([f"{where}: has to be {name}, it is merged with ours."])
        if isinstance(below, dict):
            result[key] = extended(below, value, where)
        elif isinstance(below, list):
            result[key] = below + value
        else:
            result[key] = value
    return result


def write(data: dict[str, Any]) -> str:
    """The document as text; equal data give equal text."""
    body = yaml.dump(
        data,
        Dumper=_Readable,
        sort_keys=False,
        default_flow_style=False,
        allow_unicode=True,
        width=1000,  # long lines are not folded: they are commands and URLs
    )
    return f"{HEADER}\n{body}"
