"""One roll of the group by the product, as a person starts it: `salt-run`, without a daemon."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verify.settings import Run

REPO = Path(__file__).resolve().parents[1]
#: Instances above the live capacity while it rolls.
SURGE = 1
#: Seconds of the product's own waits; an emulated AWS that lives faster divides them.
PAUSES = {"poll_interval": 15.0, "settle_time": 30.0}
#: Seconds for everything, and for putting back what was changed when it is told to stop.
LONGEST, STOPPING = 3600, 120


@dataclass(frozen=True)
class Rolled:
    """How the roll ended: salt-run's exit code, and what it has answered."""

    code: int
    answer: str


class Roll:
    """A running `salt-run asgcycle.roll`.

    Args:
        run: whose group.
        folder: an empty folder for configuration, cache and output.

    Raises:
        OSError: `salt-run` cannot be started.
    """

    def __init__(self, run: Run, folder: Path) -> None:
        self._out = folder / "roll.out"
        program = Path(sys.executable).with_name("salt-run")
        with self._out.open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed program
                [str(program), f"--config-dir={_configure(folder)}", "--out=json", *_command(run)],
                stdout=out,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                # Ctrl-C is for us; we pass it on
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        """Say whether it has not ended yet."""
        return self._process.poll() is None

    def ended(self) -> Rolled:
        """Wait for its end."""
        code = self._process.wait(timeout=LONGEST)
        return Rolled(code, _told(self._out.read_text("utf-8", errors="replace")))

    def stop(self) -> None:
        """Let it put back what it changed, and end it."""
        if not self.running:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=STOPPING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _command(run: Run) -> list[str]:
    policy: dict[str, Any] = {
        "region": run.region,
        "surge": SURGE,
        "on_failure": "abort",
        **{key: max(run.pause(seconds), 0.2) for key, seconds in PAUSES.items()},
    }
    policy |= {
        key: value
        for key, value in (("profile", run.profile), ("endpoint_url", run.endpoint_url))
        if value
    }
    return ["asgcycle.roll", run.name, *(f"{key}={value}" for key, value in policy.items())]


def _configure(folder: Path) -> Path:
    configuration = folder / "conf"
    for name in ("conf", "pillar", "states", "cache/proc"):
        (folder / name).mkdir(parents=True)
    master = {
        "id": "asgcycle-verify_master",
        "user": pwd.getpwuid(os.getuid()).pw_name,
        "root_dir": str(folder),
        "pki_dir": str(folder / "pki"),
        "cachedir": str(folder / "cache"),
        "sock_dir": str(folder / "sock"),
        "log_file": str(folder / "log"),
        "log_level": "error",
        "file_roots": {"base": [str(folder / "states")]},
        "pillar_roots": {"base": [str(folder / "pillar")]},
        "module_dirs": [str(REPO)],
    }
    # JSON is YAML
    (configuration / "master").write_text(json.dumps(master))
    return configuration


def _told(output: str) -> str:
    """Return what the roll said in the end, in a line or two."""
    decoder, text, last = json.JSONDecoder(), output.strip(), None
    while text:
        try:
            last, end = decoder.raw_decode(text)
        except ValueError:
            return text.splitlines()[-1]
        text = text[end:].lstrip()
    data = last.get("data", {}) if isinstance(last, dict) else {}
    told = next(iter(data.values()), {}) if isinstance(data, dict) else {}
    if not isinstance(told, dict):
        return str(told)
    why = told.get("obstacles") or [told.get("reason") or told.get("comment") or ""]
    return f"{told.get('status', 'unknown')}: {'; '.join(map(str, why))}".rstrip(": ")
