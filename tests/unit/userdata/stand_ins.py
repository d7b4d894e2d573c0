"""Stand-ins for the programs that a part of the first boot calls."""

import subprocess

from tests.unit.userdata.build import REPO

FILES = REPO / "unattended-upgrades" / "userdata" / "files"
STAND_IN = '#!/bin/sh\necho "$(basename "$0") $*" >>"$CALLS"\n'


class System:
    """A folder of stand-ins that is the whole PATH, beside what a shell needs."""

    def __init__(self, folder, part):
        self.folder = folder
        self.part = FILES / part
        self.calls = folder / "calls"
        for name in ("basename", "cat", "sh", "grep"):
            (folder / name).symlink_to(f"/usr/bin/{name}")

    def has(self, name, code=0, says=""):
        path = self.folder / name
        path.write_text(f"{STAND_IN}printf '%s' '{says}'\nexit {code}\n")
        path.chmod(0o755)

    def run(self, command, **settings):
        """The exit code of a command after the part has been sourced, and what was called."""
        done = subprocess.run(
            ["/bin/sh", "-uc", f'. "$PART"; {command}'],
            env={
                "PATH": str(self.folder),
                "CALLS": str(self.calls),
                "PART": str(self.part),
                **settings,
            },
            capture_output=True,
            text=True,
        )
        assert done.stderr == ""
        return done.returncode, self.calls.read_text().splitlines() if self.calls.exists() else []
