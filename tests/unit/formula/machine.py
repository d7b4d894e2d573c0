"""A folder that looks like a host, with canned answers of its commands."""

import json
import os

from aptpolicy import effective, observe
from aptpolicy.patched import SECURITY_KEY, decide, reading
from aptpolicy.system import Host, Result
from tests.unit.formula.systems import BOOKWORM

NOW = 1_800_000_000.0
DAY = 86_400
SECURITY = {"origin": "Debian", "label": "Debian-Security", "archive": "oldstable-security",
            "codename": "bookworm-security", "component": "main", "site": "s"}  # fmt: skip
MAIN = {"origin": "Debian", "label": "Debian", "archive": "oldstable", "codename": "bookworm",
        "component": "main", "site": "m"}  # fmt: skip


def package(name, *newer, held=False):
    """A package as it is read: ``newer`` are (version, places, whether apt would take it)."""
    versions = [
        {"version": version, "repositories": places, "phased": False}
        for version, places, _ in newer
    ]
    candidate = next((version for version, _, taken in newer if taken), "1")
    return {"name": name, "arch": "amd64", "installed": "1", "held": held, "newer": versions,
            "candidate": candidate}  # fmt: skip


class Machine:
    """A host below ``root`` whose commands answer what the test puts into ``answers``."""

    def __init__(self, root):
        self.root = root
        self.dump = (
            'Unattended-Upgrade::Origins-Pattern:: "origin=Debian,'
            'codename=${distro_codename}-security,label=Debian-Security";\n'
            'APT::Periodic::Unattended-Upgrade "1";\n'
        )
        self.repositories = [SECURITY, MAIN]
        self.facts = {"packages": [], "broken": [], "unknown": []}
        self.shown = "ActiveState=active\nUnitFileState=enabled\n"
        self.fails = {}
        self.support = {"until": "2028-06-30", "unknown": None}

    def run(self, argv, seconds):
        for word, error in self.fails.items():
            if word in " ".join(argv):
                return Result(100, "", error)
        if argv[0] == "apt-config":
            return Result(0, self.dump, "")
        if argv[0] == "systemctl":
            return Result(0, self.shown, "")
        answer = decide.decide(self.read())
        return Result(0, json.dumps({**answer, "support": self.support}), "")

    def read(self):
        """What the system's Python has read, the policy from the same configuration."""
        configuration = effective.parse(self.dump)
        unattended = "Unattended-Upgrade::"
        return {
            **reading.NOTHING,
            "system": [BOOKWORM.distribution, BOOKWORM.codename, BOOKWORM.release],
            "repositories": [list(one.values()) for one in self.repositories],
            "trusted": [True] * len(self.repositories),
            "patterns": list(configuration.listing(f"{unattended}Origins-Pattern")),
            "pairs": list(configuration.listing(f"{unattended}Allowed-Origins")),
            "security": list(configuration.listing(SECURITY_KEY)),
            "blacklist": list(configuration.listing(f"{unattended}Package-Blacklist")),
            "whitelist": list(configuration.listing(f"{unattended}Package-Whitelist")),
            "strict": configuration.scalar(f"{unattended}Package-Whitelist-Strict") == "true",
            **self.facts,
        }

    def write(self, path, text="", age=0.0):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        os.utime(target, (NOW - age, NOW - age))

    @property
    def host(self):
        return Host(self.root, self.run)

    def view(self, intended=None):
        meant = (intended, ()) if intended else None
        return observe.View.read(self.host, BOOKWORM, NOW, meant)
