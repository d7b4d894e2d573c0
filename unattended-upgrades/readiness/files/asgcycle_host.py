"""The host and the instance metadata service. A part of asgcycle-ready, managed by Salt."""

import http.client
import json
import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

STATE = "run/asgcycle"  # of this boot
NETWORK_ERRORS = (OSError, http.client.HTTPException)
IMDS_SECONDS = 2


class Unknown(Exception):
    """It cannot be told; the text says why."""


class Host:
    """The host whose file system begins at ``root``; every command has a deadline."""

    def __init__(self, root="/", run=None):
        self.root = root
        self.run = run or run_command

    def path(self, relative):
        return os.path.join(self.root, relative)

    def exists(self, relative):
        return os.path.exists(self.path(relative))

    def text(self, relative):
        """A file's text, None when it is missing."""
        try:
            with open(self.path(relative), encoding="utf-8", errors="replace") as handle:
                return handle.read()
        except FileNotFoundError:
            return None

    def json(self, relative):
        """A JSON file, None when it is missing; half a file is unknown, not missing."""
        found = self.text(relative)
        try:
            return None if found is None else json.loads(found)
        except ValueError:
            raise Unknown(f"/{relative} cannot be read")

    def write(self, relative, value):
        """Replace a JSON file at once, so that no reader sees half of it."""
        target = self.path(relative)
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        with open(target + ".new", "w", encoding="utf-8") as handle:
            json.dump(value, handle)
        os.chmod(target + ".new", 0o644)
        os.replace(target + ".new", target)

    def age(self, relative):
        """Seconds since a file was written, None when it is missing."""
        try:
            return time.time() - os.stat(self.path(relative)).st_mtime
        except FileNotFoundError:
            return None

    def boot_id(self):
        return (self.text("proc/sys/kernel/random/boot_id") or "").strip()

    def has(self, program):
        return self.exists("usr/bin/" + program)


def run_command(argv, seconds):
    """Run ``argv`` without a shell → (exit code, what it printed, errors last)."""
    environment = dict(os.environ, LC_ALL="C", HOME=os.environ.get("HOME", "/root"))
    # Files, not pipes: whoever outlives us, such as a highstate, goes on writing.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            done = subprocess.run(
                argv, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                timeout=seconds,
            )  # fmt: skip
        except FileNotFoundError:
            raise Unknown(f"{argv[0]} is not installed")
        except subprocess.TimeoutExpired:
            raise Unknown(f"{argv[0]} gave no answer within {seconds:.0f} s")
        texts = []
        for handle in (out, err):
            handle.seek(0)
            texts.append(handle.read().decode("utf-8", "replace"))
    return done.returncode, texts[0], texts[1]


class Imds:
    """Version 2 of the instance metadata service; never through a proxy."""

    def __init__(self, base):
        self.base = base.rstrip("/")
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.token = None

    def get(self, path):
        """A metadata item, None when there is none of this name."""
        try:
            self.token = self.token or self._ask("PUT", "api/token", {
                "X-aws-ec2-metadata-token-ttl-seconds": "21600"})  # fmt: skip
            return self._ask("GET", path, {"X-aws-ec2-metadata-token": self.token})
        except urllib.error.HTTPError as exc:
            self.token = None if exc.code == 401 else self.token
            if exc.code == 404:
                return None
            raise Unknown(f"the metadata service answers {exc.code} for {path}")
        except NETWORK_ERRORS as exc:
            raise Unknown(f"the metadata service does not answer: {exc}")

    def _ask(self, method, path, headers):
        url = f"{self.base}/latest/{path}"
        request = urllib.request.Request(url, method=method, headers=headers)
        with self.opener.open(request, timeout=IMDS_SECONDS) as answer:
            return answer.read().decode("utf-8")

    def need(self, path, meaning):
        found = self.get(path)
        if not found:
            raise Unknown(f"the metadata service knows no {meaning}")
        return found

    def instance_id(self):
        return self.need("meta-data/instance-id", "instance id")
