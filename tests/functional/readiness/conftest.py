"""Instances of an emulated group, each with the readiness agent as a process and its own gate."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.functional.readiness.imds import Imds
from tests.unit.readiness.agent import BESIDE, FINE, SOURCE

HOOK = "asgcycle-ready"
PATIENCE_S = 30
GATE = "run/reboot-required"
"""While this file is there, the instance is not ready."""


class Machine:
    """One instance's file system, metadata service and agent."""

    def __init__(self, instance_id: str, root: Path, endpoint_url: str, imds: Imds) -> None:
        self.id, self.root, self.imds = instance_id, root, imds
        self.process: subprocess.Popen | None = None
        hook = {"group": "web", "name": HOOK, "region": None, "endpoint_url": endpoint_url}
        config = {
            "checks": ["cloud-init", "reboot"],
            "interval": 0.05,
            "console": str(root / "console"),
            "imds": imds.url,
            "hook": {**hook, "heartbeat": 0.2},
        }
        files = {**FINE, GATE: "", "etc/asgcycle/ready.json": json.dumps(config)}
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)

    def configure(self, **settings: Any) -> None:
        """Change ready.json before the agent is started."""
        path = self.root / "etc/asgcycle/ready.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))

    def boot(self) -> None:
        """Start the agent."""
        self.process = subprocess.Popen(
            [sys.executable, "-B", str(SOURCE), "--root", str(self.root)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(BESIDE)},
        )

    def open_gate(self) -> None:
        """Let the instance be ready from now on."""
        (self.root / GATE).unlink()

    def ended(self) -> int:
        """Wait for the agent's end and return its exit code."""
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """End the agent at once, as a crash of the instance would."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stderr.close()

    def console(self) -> list[str]:
        """Return the lines on the console."""
        path = self.root / "console"
        return path.read_text().splitlines() if path.exists() else []

    def await_console(self, words: str) -> None:
        """Wait for a line with ``words``."""
        await_that(lambda: any(words in line for line in self.console()), words)


def await_that(condition: Any, what: str) -> None:
    """Wait until ``condition()`` is true."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"not in {PATIENCE_S} s: {what}"
        time.sleep(0.01)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Any]:
    """Return a function: instance id and endpoint of AWS → :class:`Machine`, not yet booted."""
    with ExitStack() as stack:

        def make(instance_id: str, endpoint_url: str) -> Machine:
            imds = stack.enter_context(Imds(instance_id))
            made = Machine(instance_id, tmp_path / instance_id, endpoint_url, imds)
            stack.callback(made.kill)
            return made

        yield make
