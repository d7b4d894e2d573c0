"""What apt really uses: read ``apt-config dump``, compare it with what was meant."""

import re
from dataclasses import dataclass

from aptpolicy.errors import without_logins

_LINE = re.compile(r'(?P<name>\S+) "(?P<value>.*)";\Z')
UNATTENDED_LISTS = {
    "Origins-Pattern": "Unattended-Upgrade::Origins-Pattern",
    "Allowed-Origins": "Unattended-Upgrade::Allowed-Origins",
}


@dataclass(frozen=True)
class Difference:
    """A setting whose effect is not what was meant; ``effective`` None: not set at all."""

    key: str
    intended: object
    effective: object


class Configuration:
    """The effective configuration; names compare without regard to case, as in apt."""

    def __init__(self, entries):
        self.entries = tuple(entries)
        self._scalars = {}
        self._children = {}
        for name, value in self.entries:
            folded = name.lower()
            parent, separator, leaf = folded.rpartition("::")
            if leaf:
                self._scalars[folded] = value
            if separator:
                self._children.setdefault(parent, []).append(value)

    def scalar(self, name, default=None):
        """Value of a single setting."""
        return self._scalars.get(name.lower(), default)

    def listing(self, name):
        """Values of a list as the tool reads them: anonymous and, by accident, named entries."""
        return tuple(self._children.get(name.lower(), ()))

    def section(self, prefix):
        """All settings below a prefix, lists as lists, names as apt prints them."""
        result = {}
        for name, value in self.entries:
            if not name.lower().startswith(prefix.lower() + "::"):
                continue
            if name.endswith("::"):
                below = result.get(name[:-2])
                result[name[:-2]] = [*(below if isinstance(below, list) else []), value]
            else:
                result.setdefault(name, value)
        return result

    def is_on(self, name):
        """Whether an interval of APT::Periodic or its Enable is not zero."""
        default = "1" if name.lower().endswith("::enable") else "0"
        value = self.scalar(name, default) or default
        return value.rstrip("smhd") != "0"


def parse(dump):
    """``apt-config dump`` → :class:`Configuration`."""
    entries = []
    for line in dump.splitlines():
        match = _LINE.match(line)
        if match:
            entries.append((match["name"], match["value"]))
    return Configuration(entries)


def differences(directives, configuration):
    """Compare intended directives with the effective configuration."""
    found = []
    for name, intended in directives:
        if isinstance(intended, tuple):
            effective = configuration.listing(name)
            if not _is_as_meant(name, intended, effective):
                found.append(Difference(name, list(intended), list(effective)))
        else:
            effective = configuration.scalar(name)
            if effective != intended and not (effective is None and intended == ""):
                found.append(Difference(name, _shown(intended), _shown(effective)))
    return tuple(found)


def _is_as_meant(name, intended, effective):
    """Lists are ours alone, but for dpkg's options: those of the host stay beside ours."""
    if name != "DPkg::Options":
        return effective == intended
    about_files = [{one for one in options if one.startswith("--force-conf")}
                   for options in (intended, effective)]  # fmt: skip
    return set(intended) <= set(effective) and about_files[0] == about_files[1]


def _shown(value):
    return value if value is None else without_logins(value)
