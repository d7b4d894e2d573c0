"""The readiness agent as a module, and hosts for it that are a directory and canned commands."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

REPO = Path(__file__).parents[3]
SOURCE = REPO / "unattended-upgrades/readiness/files/asgcycle-ready"
BESIDE = REPO / "_utils/aptpolicy"
"""Where the package ``patched`` is, which an instance has beside the agent."""


def load() -> tuple[Any, ...]:
    """Return the agent's script as a module, and the modules beside it: checks, hook, host.

    That for Amazon Linux is loaded as well, as it is imported by name when it is needed.
    """
    loader = importlib.machinery.SourceFileLoader("asgcycle_ready", str(SOURCE))
    spec = importlib.util.spec_from_loader("asgcycle_ready", loader)
    script = importlib.util.module_from_spec(spec)
    keep, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.path.insert(0, str(SOURCE.parent))
    if str(BESIDE) not in sys.path:
        sys.path.append(str(BESIDE))
    try:
        loader.exec_module(script)
        beside = [
            importlib.import_module(f"asgcycle_{name}") for name in ("checks", "hook", "host")
        ]
        importlib.import_module("asgcycle_rpm")
    finally:
        sys.dont_write_bytecode = keep
        sys.path.remove(str(SOURCE.parent))
    return (script, *beside)


agent, checks, hook, edges = load()

FINE = {
    "usr/bin/cloud-init": "",
    "usr/bin/apt-get": "",
    "run/cloud-init/result.json": '{"v1": {"errors": []}}',
    "proc/sys/kernel/random/boot_id": "boot-1\n",
    "usr/local/lib/asgcycle/patched/__main__.py": "",
    "proc/1/maps": "",
    "run/asgcycle/lists": "{}",
    "run/asgcycle/highstate": "{}",
}
"""A Debian host on which every check passes."""

OLD_LIBRARY = {
    "proc/7/maps": "7f00-7f01 r-xp 00000000 00:01 3  /usr/lib/libssl.so.3 (deleted)\n",
    "proc/7/cgroup": "0::/system.slice/ssh.service\n",
    "proc/7/comm": "sshd\n",
    "var/lib/dpkg/info/libssl3:amd64.list": "/.\n/usr/lib/libssl.so.3\n",
}
"""What sshd looks like after an upgrade of a library that it uses."""

NOTHING_PENDING = {"packages": [], "broken": [], "unknown": [], "used": []}
ANSWERS = {
    "asgcycle/patched": (0, json.dumps(NOTHING_PENDING), ""),
    "apt-get": (0, "Reading package lists...\n", ""),
    "state.highstate": (0, "{}", ""),
    "needs-restarting": (0, "", ""),
    "check-update": (0, "", ""),
    "sshd -t": (0, "", ""),
    "systemctl": (0, "", ""),
}
"""Commands by a word of theirs, and what they answer."""


class Commands:
    """Answers commands from a table, a test's own first; a value may be a function."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers | {key: ANSWERS[key] for key in ANSWERS if key not in answers}
        self.run: list[list[str]] = []

    def __call__(self, argv: list[str], seconds: float) -> tuple[int, str, str]:
        self.run.append(argv)
        word = next(word for word in self.answers if word in " ".join(argv))
        answer = self.answers[word]
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    def count(self, word: str) -> int:
        """Return how often a command with ``word`` was run."""
        return sum(word in " ".join(argv) for argv in self.run)


def host(root: Path, files: dict[str, str | None] | None = None, **answers: Any) -> Any:
    """Return a host below ``root``: :data:`FINE`, changed by ``files`` (None removes one)."""
    for path, text in {**FINE, **(files or {})}.items():
        if text is not None:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
    return edges.Host(str(root), Commands(**answers))


def config(root: Path, **settings: Any) -> dict[str, Any]:
    """Return the agent's configuration, with a console below ``root`` and no metadata service."""
    nowhere = {"console": str(root / "console"), "imds": "http://127.0.0.1:9"}
    return {**agent.DEFAULTS, **nowhere, **settings}


def console(root: Path) -> list[str]:
    """Return the lines on the console."""
    path = root / "console"
    return path.read_text().splitlines() if path.exists() else []


def marker(root: Path) -> dict[str, Any] | None:
    """Return what the marker says, None when there is none."""
    path = root / "run/asgcycle/ready"
    return json.loads(path.read_text()) if path.exists() else None
