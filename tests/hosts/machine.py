"""A host: an overlay over a cached root, run by systemd-nspawn, entered through its namespaces."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from tests.hosts.scratch import Scratch

BOOT_DEADLINE_S = 60
RUN_DEADLINE_S = 180
STOP_DEADLINE_S = 20
POLL_S = 0.02
GRACE_S = 10
"""How much later than a command's own deadline its wrapper is given up."""

BOOTED_STATES = ("running", "degraded")
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
}

# The first process dies with the thread that has started it, even by SIGKILL (setpriv).
# The overlay is mounted in a mount namespace of its own and everything runs in a PID namespace
# of its own: both are gone with the first process, however it dies. "volatile" leaves out fsync.
# nspawn exits with 133 when the host wants to reboot (systemd-nspawn(1), --keep-unit).
# Moving into a control group of its own keeps the systemds of several hosts apart.
LAUNCH = """
set -e
for group in $CGROUPS; do echo 0 > "$group/cgroup.procs"; done
mount -t overlay host -o "lowerdir=$LOWER,upperdir=$SCRATCH/upper,workdir=$SCRATCH/work,volatile" \
    "$SCRATCH/merged"
set +e
code=133
while [ "$code" = 133 ]; do
    systemd-nspawn --quiet --register=no --keep-unit --directory="$SCRATCH/merged" "$@"
    code=$?
done
exit "$code"
"""


class HostError(RuntimeError):
    """A host did not start or a command in it failed; the message carries what it printed."""


@dataclass(frozen=True)
class Done:
    """What a command in a host did: exit code, what it printed, and how long it took (seconds)."""

    command: tuple[str, ...]
    exit: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def lines(self) -> list[str]:
        """Its standard output in lines."""
        return self.stdout.splitlines()

    def __str__(self) -> str:
        return (
            f"$ {shlex.join(self.command)}\nexit {self.exit} after {self.seconds:.2f} s\n"
            f"{self.stdout[-4000:]}\n{self.stderr[-4000:]}"
        )


@dataclass(frozen=True)
class Setup:
    """How a host is started.

    ``layers`` are directories laid over each other, the top one first, never written to.
    ``binds`` are (source, target) directories bound read-only, ``shared`` the same read-write.
    ``boot`` runs systemd as PID 1; without it PID 1 only waits. ``arguments`` go to nspawn.
    """

    layers: tuple[Path, ...]
    name: str = "host"
    boot: bool = True
    binds: tuple[tuple[Path, str], ...] = ()
    shared: tuple[tuple[Path, str], ...] = ()
    arguments: tuple[str, ...] = field(default=())

    def nspawn_arguments(self) -> list[str]:
        """Return the command line of nspawn after the directory."""
        binds = [f"--bind-ro={source}:{target}" for source, target in self.binds]
        binds += [f"--bind={source}:{target}" for source, target in self.shared]
        payload = ["--boot"] if self.boot else ["--as-pid2", "sleep", "infinity"]
        named = [f"--machine={self.name}", f"--hostname={self.name}", "--console=pipe"]
        return [*named, *binds, *self.arguments, *payload]


class Host:
    """A running host; use it in a ``with``, or call :meth:`start` and :meth:`stop`."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._scratch: Scratch | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def __enter__(self) -> Host:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def scratch(self) -> Path:
        """The host's directory on this machine: ``upper`` holds what it has written."""
        if self._scratch is None:
            raise HostError("the host is not running")
        return self._scratch.path

    def start(self, wait: bool = True) -> None:
        """Start the host and return when systemd says that it has come up.

        Args:
            wait: False returns at once, for a host that reboots before it has come up.

        Raises:
            HostError: it did not come up in time; the message ends with its console.
        """
        self._scratch = Scratch(self.setup.name)
        for part in ("upper", "work", "merged"):
            (self.scratch / part).mkdir()
        try:
            self._launch()
            if wait:
                self._await_boot()
        except BaseException:  # an interrupt, too, must leave no machine running
            self.stop()
            raise

    def enter(self) -> None:
        """Find PID 1 again, after a start without waiting or a reboot of the host's own.

        Raises:
            HostError: there is none at this moment.
        """
        self._leader = self._find_leader()
        if not self._leader:
            raise HostError(f"{self.setup.name} has no PID 1:\n{self.console()[-3000:]}")

    def stop(self) -> None:
        """Kill the host at once and remove all that it was."""
        self._kill()
        if self._scratch is not None:
            self._scratch.remove()
            self._scratch = None

    def freeze(self, where: Path) -> tuple[Path, ...]:
        """Stop the host, keep what it wrote in the new directory ``where``, return the layers.

        The layers can be given to any number of further hosts.
        """
        self.run("sync", check=False)
        self._kill()
        (self.scratch / "upper").rename(where)
        self.stop()
        return (where, *self.setup.layers)

    def run(
        self,
        *command: str,
        check: bool = True,
        deadline_s: float = RUN_DEADLINE_S,
        stdin: str | None = None,
        environment: dict[str, str] | None = None,
    ) -> Done:
        """Run a command as root inside.

        Args:
            command: the command, without a shell.
            check: raise when it fails.
            deadline_s: it is killed after so many seconds (exit code 124 or 137).
            stdin: given to the command.
            environment: added to :data:`ENVIRONMENT`; nothing else is inherited.

        Raises:
            HostError: the exit code is not 0 and ``check`` is set.
        """
        variables = [f"{k}={v}" for k, v in {**ENVIRONMENT, **(environment or {})}.items()]
        enter = [*self._enter(), "env", "-i", "--chdir=/", *variables]
        limit = ["timeout", "--kill-after=2", str(deadline_s)]
        started = time.monotonic()
        done = subprocess.run(
            [*enter, *limit, *command],
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=deadline_s + GRACE_S,
        )
        seconds = time.monotonic() - started
        result = Done(command, done.returncode, done.stdout, done.stderr, seconds)
        if check and result.exit:
            raise HostError(str(result))
        return result

    def sh(self, script: str, check: bool = True, deadline_s: float = RUN_DEADLINE_S) -> Done:
        """Run a shell script inside; it ends at the first failing command."""
        return self.run("sh", "-ec", script, check=check, deadline_s=deadline_s)

    def popen(self, *command: str) -> subprocess.Popen[str]:
        """Start a command inside and return its process, with pipes on stdin and stdout."""
        return subprocess.Popen(
            [*self._enter(), "env", "--chdir=/", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self, path: str) -> str:
        """Return the text of a file inside."""
        return self.run("cat", path).stdout

    def write(self, path: str, text: str, mode: str = "644") -> None:
        """Write a file inside, making its directory."""
        script = 'mkdir -p "$(dirname "$0")"; cat > "$0"; chmod "$1" "$0"'
        self.run("sh", "-ec", script, path, mode, stdin=text)

    def exists(self, path: str) -> bool:
        """Return whether ``path`` exists inside, or is a dangling link."""
        return self.run("test", "-e", path, "-o", "-L", path, check=False).exit == 0

    def console(self) -> str:
        """Return what the host has printed while starting."""
        return (self.scratch / "console").read_text(errors="replace")

    def _enter(self) -> list[str]:
        return ["nsenter", f"--target={self._leader}", "--all", "--root"]

    def _launch(self) -> None:
        isolated = [
            "setpriv",
            "--pdeathsig=KILL",
            "unshare",
            "--mount",
            "--propagation=private",
            "--pid",
            "--fork",
        ]
        isolated += ["--kill-child=SIGKILL", "--mount-proc", "sh", "-c", LAUNCH, "launch"]
        environment = {
            **os.environ,
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
            "SCRATCH": str(self.scratch),
            "LOWER": ":".join(map(str, self.setup.layers)),
            "CGROUPS": " ".join(map(str, self._scratch.cgroups)) if self._scratch else "",
        }
        with (self.scratch / "console").open("wb") as console:
            self._process = subprocess.Popen(
                [*isolated, *self.setup.nspawn_arguments()],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _await_boot(self) -> None:
        """Wait until PID 1 of the host can be entered and has brought the system up."""
        deadline = time.monotonic() + BOOT_DEADLINE_S
        seen = "nothing"
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            self._leader = self._find_leader()
            if self._leader and not self.setup.boot:
                seen = str(self.run("true", check=False).exit)
                if seen == "0":
                    return
            elif self._leader:
                state = self.run("systemctl", "is-system-running", check=False)
                seen = (state.stdout + state.stderr).strip()
                if seen in BOOTED_STATES:
                    return
            time.sleep(POLL_S)
        raise HostError(f"{self.setup.name} did not come up ({seen}):\n{self.console()[-3000:]}")

    def _find_leader(self) -> int:
        """Return the PID of the host's PID 1: unshare → shell → nspawn → it; 0 without one.

        For a moment nspawn has a helper as its child too, which is in no PID namespace of its own.
        """
        found = [self._process.pid] if self._process else []
        for _ in ("shell", "nspawn", "PID 1"):
            found = [child for parent in found for child in _children(parent)]
        return next((child for child in found if _is_first_process(child)), 0)

    def _kill(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(STOP_DEADLINE_S)
        self._process = None
        deadline = time.monotonic() + STOP_DEADLINE_S
        while self._leader and Path(f"/proc/{self._leader}").exists():
            if time.monotonic() > deadline:
                raise HostError(f"PID {self._leader} of {self.setup.name} does not go away")
            time.sleep(POLL_S)
        self._leader = 0


def _is_first_process(pid: int) -> bool:
    """Return whether a process is PID 1 of the innermost PID namespace that it is in."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    return any(
        line.startswith("NSpid:") and line.split()[-1] == "1" for line in status.splitlines()
    )


def _children(pid: int) -> list[int]:
    """Return the PIDs of the children of a process, none when it is gone."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
