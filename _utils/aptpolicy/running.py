"""Run unattended-upgrade: wait for locks, keep a deadline, never kill dpkg."""

import fcntl
import os
import re
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from aptpolicy.system import ENVIRONMENT, KEPT_BACK, REBOOT_REQUIRED, CommandFailed

TOOL = "usr/bin/unattended-upgrade"
DAILY_LOCK = "var/lib/apt/daily_lock"  # what apt.systemd.daily holds while it works
POLL_SECONDS = 1.0
STOP_GRACE_SECONDS = 120  # after SIGTERM the tool finishes its current step
OUTPUT_LINES = 40
# Said in the C locale, which this module sets.
WOULD_UPGRADE = re.compile(r"Packages that will be upgraded: (.*)")


class Runner:
    """Runs the tool on a host. Clock and sleep are arguments so that tests need no waiting."""

    def __init__(self, host, clock=time.monotonic, sleep=time.sleep, popen=subprocess.Popen):
        self.host = host
        self.clock = clock
        self.sleep = sleep
        self.popen = popen

    def run(self, deadline):
        """Upgrade within ``deadline`` seconds; see the execution module for the answer."""
        before = self._versions()
        environment = {**ENVIRONMENT, **self.host.upgrade_environment()}
        answer = self._with_locks(deadline, lambda left: self._tool(["-v"], left, environment))
        after = self._versions()
        answer["upgraded"] = sorted({key[0] for key, v in after.items() if before.get(key, v) != v})
        return self._finished(answer)

    def dry_run(self, deadline):
        """Say what a run would upgrade; see the execution module for the answer."""
        with tempfile.TemporaryDirectory(prefix="unattended-dry-run-") as folder:
            environment = {**ENVIRONMENT, "APT_CONFIG": self._private_configuration(Path(folder))}
            with self._kept_back_restored():
                answer = self._with_locks(
                    deadline, lambda left: self._tool(["--dry-run", "-v"], left, environment)
                )
                found = WOULD_UPGRADE.search("\n".join(answer["output"]))
                answer["would_upgrade"] = sorted(found.group(1).split()) if found else []
                answer = self._finished(answer)
        return answer

    def _finished(self, answer):
        answer["output"] = answer["output"][-OUTPUT_LINES:]
        answer["kept_back"] = list(self.host.kept_back())
        answer["reboot_required"] = self.host.exists(REBOOT_REQUIRED)
        return answer

    def _versions(self):
        """Versions by ``(name, architecture)``."""
        fmt = "${Package} ${Architecture} ${Version}\n"
        rows = (
            line.split() for line in self.host.command(["dpkg-query", "-W", "-f", fmt]).splitlines()
        )
        return {
            (row[0], row[1]): row[2] for row in rows if len(row) == len(("name", "arch", "version"))
        }

    def _with_locks(self, deadline, work):
        """Take the daily lock and wait for dpkg's; ``work(seconds left)`` runs under it."""
        end = self.clock() + deadline
        path = self.host.root / DAILY_LOCK
        if not path.parent.is_dir() or not self.host.exists(TOOL):
            return _answer(None, "unattended-upgrades is not installed", [])
        with open(path, "a", encoding="utf-8") as lock:
            waited_for = "apt's daily job"
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    holder = self._foreign_holder()
                    if holder is None:
                        return work(end - self.clock())
                    waited_for = "process {1} with {0}".format(*holder)
                    fcntl.flock(lock, fcntl.LOCK_UN)
                except BlockingIOError:
                    waited_for = "apt's daily job"
                if self.clock() >= end:
                    text = f"no lock within {deadline} s: held by {waited_for}"
                    return {**_answer(None, text, []), "timed_out": True}
                self.sleep(POLL_SECONDS)

    def _foreign_holder(self):
        """Who holds one of dpkg's locks; our own daily lock does not count."""
        holder = self.host.lock_holder(ignore=(DAILY_LOCK,))
        return holder[:2] if holder and holder[1] != os.getpid() else None

    def _tool(self, arguments, seconds, environment):
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            process = self.popen(
                [str(self.host.root / TOOL), *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            timed_out = False
            try:
                code = process.wait(max(seconds, 1))
            except subprocess.TimeoutExpired:
                timed_out = True
                code = self._stop(process)
            output.seek(0)
            lines = output.read().splitlines()
        return {**_answer(code, _comment(code, timed_out), lines), "timed_out": timed_out}

    def _stop(self, process):
        """Ask for an end at the next safe point; a run that goes on is left alone."""
        process.terminate()
        try:
            return process.wait(STOP_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            return None

    @contextmanager
    def _kept_back_restored(self):
        """The tool rewrites this file even in a dry run, at a fixed place."""
        path = self.host.root / KEPT_BACK
        content = path.read_bytes() if path.exists() else None
        times = path.stat() if content is not None else None
        try:
            yield
        finally:
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)
                os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))

    def _private_configuration(self, folder):
        """A configuration file equal to the effective one, but with traces in ``folder``."""
        for name in ("log", "archives/partial", "state/periodic"):
            (folder / name).mkdir(parents=True)
        root = self.host.root
        try:
            dump = self.host.configuration_dump()
        except CommandFailed:
            dump = ""
        private = {
            "Unattended-Upgrade::LogDir": folder / "log",
            "Unattended-Upgrade::Mail": "",
            "Unattended-Upgrade::SyslogEnable": "false",
            "Unattended-Upgrade::Automatic-Reboot": "false",
            "Dir::Cache::archives": f"{folder}/archives/",
            "Dir::State": f"{folder}/state/",
            "Dir::State::lists": f"{root / 'var/lib/apt/lists'}/",
            "Dir::State::status": root / "var/lib/dpkg/status",
            "Dir::State::extended_states": root / "var/lib/apt/extended_states",
            "Dir::Etc::parts": "/dev/null",
            "Dir::Etc::main": "/dev/null",
        }  # fmt: skip
        # A value with a quote inside could not be read back.
        lines = [line for line in dump.splitlines() if re.fullmatch(r'\S+ "[^"]*";', line)]
        lines += [f'{name} "{value}";' for name, value in private.items()]
        path = folder / "apt.conf"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)


def _answer(code, comment, output):
    return {
        "result": code == 0,
        "exit_code": code,
        "timed_out": False,
        "comment": comment,
        "output": output,
    }


def _comment(code, timed_out):
    if timed_out and code is None:
        return "the deadline passed and the run has not stopped yet; it was not killed"
    if timed_out:
        return "the deadline passed; the run stopped at a safe point"
    if code == 0:
        return "finished"
    return f"unattended-upgrade ended with exit code {code}; its output says why"
