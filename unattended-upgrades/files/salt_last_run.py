"""Plugin of unattended-upgrades 2.11 and newer: keeps the last run as JSON, tells the master.

Managed by Salt, formula unattended-upgrades. Loaded by the system's Python.
"""

import datetime
import json
import os
import shutil
import subprocess

RECORD = "/var/lib/unattended-upgrades/salt-last-run.json"
EVENT_TAG = "unattended-upgrades/run"
EVENT_SECONDS = 30  # salt-call without a master to answer must not hold up the run
FIELDS = (
    "success",
    "result",
    "packages_upgraded",
    "packages_kept_back",
    "packages_removed",
    "reboot_required",
)


class UnattendedUpgradesPluginSaltLastRun:
    """The class name's prefix is what unattended-upgrades looks for."""

    def postrun(self, result):
        """Called with a dictionary after a run; exceptions only end up in the tool's log."""
        record = {name: result.get(name) for name in FIELDS}
        now = datetime.datetime.now(datetime.timezone.utc)
        record["time"] = now.isoformat(timespec="milliseconds")
        self.keep(record)
        self.tell(record)

    def keep(self, record):
        """Replace the record at once, so that no reader sees half of it."""
        temporary = RECORD + ".new"
        with open(temporary, "w", encoding="utf-8") as handle:
            json.dump(record, handle)
        os.replace(temporary, RECORD)

    def tell(self, record):
        """Fire a Salt event where salt-call is installed; best effort."""
        salt_call = shutil.which("salt-call")
        if salt_call:
            subprocess.run(  # noqa: S603 - a fixed list, no shell
                [salt_call, "--out=quiet", "event.send", EVENT_TAG, json.dumps(record)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=EVENT_SECONDS,
                check=False,
            )
