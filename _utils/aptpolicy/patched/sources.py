"""The lines and stanzas of apt's sources: where each stands, which have to be fetched.

apt itself does not say where a source comes from before its list has been fetched. What is read
here decides nothing: it names a place for a person, and copies entries for a fetch of their own.
"""

import os
import re
from collections import namedtuple
from urllib.parse import urlsplit

MAIN, PARTS = "etc/apt/sources.list", "etc/apt/sources.list.d"
LINE, STANZA = ".list", ".sources"
NETRC, NETRC_PARTS = "etc/apt/auth.conf", "etc/apt/auth.conf.d"
#: What only a token of Ubuntu Pro opens. An attached host has one; without it nothing comes.
ESM = "esm.ubuntu.com"
_LINE = re.compile(r"\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)")
_FIELD = re.compile(r"([A-Za-z0-9-]+):\s*(.*)")
_NO = ("no", "false", "without", "off", "disable", "0")  # how apt's StringToBool reads it

#: ``place``: file:line, of a stanza its first. ``kind``: LINE or STANZA. ``text``: an entry of
#: this URI and suite alone.
Entry = namedtuple("Entry", "place uri suite kind text")


def entries(root="/"):
    """Every enabled entry for binary packages, one for each URI and suite."""
    found = []
    for relative in _files(root):
        text = _text(root, relative)
        read = _stanzas if relative.endswith(STANZA) else _lines
        found += read("/" + relative, text)
    return found


def named(text, found):
    """The entries that a line of apt's is about, exactly: one URI may begin like another."""
    return [entry for entry in found if _about(entry).search(text)]


def places(found, uri, suite):
    """Where a repository is written, as a text; empty where that is not known."""
    return ", ".join(entry.place for entry in found if (entry.uri, entry.suite) == (uri, suite))


def lacks_token(uri, root="/"):
    """Whether a source is one of Ubuntu Pro's, and apt has no token for it."""
    parts = urlsplit(uri)
    if parts.hostname != ESM or parts.username:
        return False
    names = [NETRC] + [os.path.join(NETRC_PARTS, name) for name in _names(root, NETRC_PARTS)]
    known = " ".join(_text(root, name) for name in names)
    return not re.search(rf"\bmachine\s+(?:\w+://)?{re.escape(ESM)}", known)


def _about(entry):
    uri = re.escape(re.sub("//[^/@]*@", "//", entry.uri))  # apt does not show who asks
    return re.compile(rf"{uri}/?(?:/dists/| ){re.escape(entry.suite)}(?![^\s/'])")


def _files(root):
    found = [MAIN]
    found += [
        os.path.join(PARTS, name)
        for name in sorted(_names(root, PARTS))
        if name.endswith((LINE, STANZA))
    ]
    return found


def _names(root, folder):
    try:
        return os.listdir(os.path.join(root, folder))
    except FileNotFoundError:
        return []


def _lines(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.match(line)
        if match:
            uri, suite = match.group(1).rstrip("/"), match.group(2).rstrip("/")
            yield Entry(f"{path}:{number}", uri, suite, LINE, line + "\n")


def _stanzas(path, text):
    begin, lines = 0, []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.strip():
            if not line.startswith("#"):
                begin, lines = (begin or number), [*lines, line]
            continue
        yield from _stanza(f"{path}:{begin}", lines)
        begin, lines = 0, []


def _stanza(place, lines):
    fields, name = {}, None
    for line in lines:
        match = _FIELD.match(line)
        if match:
            name = match.group(1).lower()
            fields[name] = [match.group(2)]
        elif name and line[:1] in " \t":
            fields[name].append(line)
    words = {key: " ".join(value).split() for key, value in fields.items()}
    if "deb" not in words.get("types", ()) or words.get("enabled", ["yes"])[0].lower() in _NO:
        return
    others = [
        "{}: {}\n".format(key, "\n".join(value))
        for key, value in fields.items()
        if key not in ("types", "uris", "suites")
    ]
    for uri in words.get("uris", ()):
        for suite in words.get("suites", ()):
            alone = f"Types: deb\nURIs: {uri}\nSuites: {suite}\n" + "".join(others) + "\n"
            yield Entry(place, uri.rstrip("/"), suite.rstrip("/"), STANZA, alone)


def _text(root, relative):
    try:
        with open(os.path.join(root, relative), encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except FileNotFoundError:
        return ""
