"""The real `salt-run` as a process, with a master's configuration that no daemon uses."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPO = Path(__file__).resolve().parents[2]
#: Seconds after which a process that should have ended is a failed test.
PATIENCE = 120


@dataclass(frozen=True)
class Done:
    """How a process ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[Any]:
        """The JSON documents printed under ``--out=json``: one per event, then the answer."""
        decoder, text, found = json.JSONDecoder(), self.out.strip(), []
        while text:
            document, end = decoder.raw_decode(text)
            found.append(document)
            text = text[end:].lstrip()
        return found

    def of(self, group: str) -> dict[str, Any]:
        """The answer about one group under ``--out=json``."""
        return self.documents[-1]["data"][group]


class SaltRun:
    """
    :param folder: an empty folder to live in.
    :param endpoint: where AWS is to be found; nowhere else is asked.
    :param master: configuration of the master on top.
    """

    def __init__(self, folder: Path, endpoint: str, **master: Any):
        self.folder = folder
        self.conf = folder / "conf"
        for name in ("conf", "pillar", "states", "cache/proc"):
            (folder / name).mkdir(parents=True)
        (folder / "pillar" / "top.sls").write_text("base: {'*': [data]}\n")
        self.pillar({})
        (self.conf / "master").write_text(yaml.safe_dump(self._master() | master))
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        self.environment = clean | {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def _master(self) -> dict[str, Any]:
        return {
            "id": "test_master",
            "user": pwd.getpwuid(os.getuid()).pw_name,
            "root_dir": str(self.folder),
            "pki_dir": str(self.folder / "pki"),
            "cachedir": str(self.folder / "cache"),
            "sock_dir": str(self.folder / "sock"),
            "log_file": str(self.folder / "log"),
            "log_level": "error",
            "file_roots": {"base": [str(self.folder / "states")]},
            "pillar_roots": {"base": [str(self.folder / "pillar")]},
            "module_dirs": [str(REPO)],
        }

    def pillar(self, data: Any) -> None:
        """Set the pillar of the master: data, or the text of an SLS file."""
        text = data if isinstance(data, str) else yaml.safe_dump(data)
        (self.folder / "pillar" / "data.sls").write_text(text)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen:
        """Start `salt-run` with these arguments."""
        program = Path(sys.executable).with_name("salt-run")
        return subprocess.Popen(
            [str(program), "--config-dir", str(self.conf), *arguments],
            env=self.environment,
            **options,
        )

    def __call__(self, *arguments: str, out: str | None = "json") -> Done:
        """Run `salt-run` to its end."""
        chosen = [f"--out={out}"] if out else []
        process = self.start(
            *chosen, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        printed, errors = process.communicate(timeout=PATIENCE)
        return Done(process.returncode, printed, errors)
