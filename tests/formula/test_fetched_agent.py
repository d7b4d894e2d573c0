"""A first boot that fetches the readiness agent: the rendered script, a real web server."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from tests.formula.test_first_boot_order import AGENT, ID, LOG, STAND_INS, START
from tests.hosts import capability, roots
from tests.hosts.machine import Host, Setup
from tests.unit.userdata.build import chosen, composed, master_files
from userdata import agent

PROGRAM = "/usr/local/sbin/asgcycle-ready"
CONSOLE = "/dev/console"
TRIES = 5


class Server:
    """A web server on the loopback: what it answers in turn, and how often it was asked."""

    def __init__(self):
        self.answers = [b""]
        self.asked = 0

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler):
                self.asked += 1
                status, body = self.answers[min(self.asked, len(self.answers)) - 1]
                handler.send_response(status)
                handler.send_header("Content-Length", str(len(body) + (status == 299)))
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(handler, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/agent.tar"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


@pytest.fixture(scope="module")
def system() -> Iterator[Host]:
    if reason := capability.why_not() or roots.why_unreachable(12):
        pytest.skip(f"no real hosts on this machine: {reason}")
    root = roots.obtain(roots.Recipe(12, packages=("cloud-init",)))
    with Host(Setup((root,), name="fetched", boot=False)) as host:
        yield host


@pytest.fixture(scope="module")
def archive() -> bytes:
    return agent.archive(master_files().read)


class Instance:
    """A system on which cloud-init has written what user data says, and boots."""

    def __init__(self, host: Host, url: str, sha256: str):
        self.host = host
        host.sh("rm -rf /usr/local/* /var/lib/cloud /etc/asgcycle /etc/salt /srv/* /tmp/*")
        place = {"url": url, "sha256": sha256}
        built = composed(chosen(upgrade="none", reboot="never", agent=place))
        for entry in yaml.safe_load(built.text)["write_files"]:
            mode = entry.get("permissions", "0644")
            host.write(entry["path"], entry["content"], mode)
            if entry["path"].startswith("/var/lib/cloud/scripts/per-boot/"):
                self.script = entry["path"]
        for name, text in STAND_INS.items():
            if name != "asgcycle-ready":
                host.write(f"/usr/local/bin/{name}", text, "755")
        host.write("/var/lib/cloud/data/instance-id", f"{ID}\n")
        host.sh(f"mkdir -p /var/lib/cloud/instances/{ID}")
        host.sh(f"ln -sfn /var/lib/cloud/instances/{ID} /var/lib/cloud/instance")
        host.sh(f"rm -f {CONSOLE}; touch {CONSOLE}")

    def boot(self):
        """The script's exit code, what it called and what the console shows."""
        self.host.write(LOG, "")
        done = self.host.run(self.script, check=False)
        return done.exit, self.host.read(LOG).splitlines(), self.host.read(CONSOLE)


def checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_the_agent_is_fetched_unpacked_and_started_once(system, server, archive):
    server.answers = [(200, archive)]
    instance = Instance(system, server.url, checksum(archive))
    code, called, _ = instance.boot()
    assert (code, server.asked) == (0, 1)
    assert called == [*AGENT, *[call for call in START if not call.startswith("asgcycle-ready")]]
    packed = system.run(PROGRAM, "--help").stdout
    assert "ready to serve" in packed
    assert system.exists("/usr/local/lib/asgcycle/patched/__main__.py")
    assert system.exists("/etc/systemd/system/asgcycle-ready.service")
    once = system.run(PROGRAM, "--once", check=False)
    assert "not ready: cloud-init" in once.stdout
    assert instance.boot()[0] == 0
    assert server.asked == 1


def test_a_place_that_fails_first_is_tried_again(system, server, archive):
    server.answers = [(503, b""), (404, b"no"), (299, archive[:-1]), (200, archive)]
    instance = Instance(system, server.url, checksum(archive))
    code, called, _ = instance.boot()
    assert (code, server.asked) == (0, 4)
    assert called[:6] == [*["sleep 20"] * 3, *AGENT]


EVIL = b"#!/bin/sh\ntouch /srv/run\n"


@pytest.mark.parametrize(
    "answer",
    [(404, b""), (500, EVIL), (200, EVIL), (200, b""), (299, b"half")],
    ids=["not there", "an error", "something else", "nothing", "half"],
)
def test_what_has_another_checksum_is_never_run_and_the_console_says_what_to_do(
    system, server, archive, answer
):
    server.answers = [answer]
    instance = Instance(system, server.url, checksum(archive))
    code, called, console = instance.boot()
    assert (code, server.asked) == (1, TRIES)
    assert called == ["sleep 20"] * (TRIES - 1)  # no agent, no heartbeat, no minion
    (line,) = console.splitlines()
    assert line.startswith("asgcycle: failed: the readiness agent:")
    for word in (server.url, checksum(archive), "salt-run asgcycle.agent"):
        assert word in line
    assert not system.exists(PROGRAM)
    assert not system.exists("/srv/run")
    assert system.sh("ls /tmp").lines == []
    assert not system.exists("/var/lib/cloud/instance/asgcycle/joined")


def test_an_archive_in_which_a_byte_was_changed_is_not_unpacked(system, server, archive):
    middle = len(archive) // 2
    server.answers = [(200, archive[:middle] + b"~" + archive[middle + 1 :])]
    instance = Instance(system, server.url, checksum(archive))
    assert instance.boot()[0] == 1
    assert not system.exists("/usr/local/lib/asgcycle")


def test_after_a_failure_the_next_boot_tries_again(system, server, archive):
    server.answers = [(404, b"")] * TRIES + [(200, archive)]
    instance = Instance(system, server.url, checksum(archive))
    assert instance.boot()[0] == 1
    code, called, _ = instance.boot()
    assert (code, called[:3]) == (0, AGENT)
