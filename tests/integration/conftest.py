"""A running master that has the runner synced from its file roots, as a user installs it."""

import copy
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest
import yaml

from tests.conftest import LOOPBACK
from tests.functional.runner.conftest import FAST, QUICK, Stage
from tests.lab.http import LabServer
from tests.lab.salt_run import REPO, SaltRun

#: Seconds that an event of a process that has ended may still be on its way to the listener.
EVENTS_ARRIVE_WITHIN = 15
#: Tag of an event that the master reacts to, and with what.
ALARM = "alarm/outdated"
REACTION = "reaction.sls"


@pytest.fixture(scope="session")
def salt_factories_config():
    """No coverage of the daemons, in exchange for a teardown in half the time."""
    return {"slow_stop": False, "inject_sitecustomize": False, "log_server_host": LOOPBACK}


@pytest.fixture(scope="session")
def salt_factories_default_root_dir():
    """Short, because the path of a unix socket may have 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="salt-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def file_root(tmp_path_factory):
    """What a user puts into ``file_roots``: the repository, without what only developers have."""
    root = tmp_path_factory.mktemp("formula")
    for folder in REPO.glob("_*/"):
        shutil.copytree(folder, root / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


class RunningMaster(SaltRun):
    """`salt-run` on the host of a running master.

    Args:
        daemon: the master, from salt-factories.
        listener: what hears the events of that master.

    Attributes:
        synced: what the synchronisation has brought, by kind.
    """

    synced = None

    def __init__(self, daemon, listener):
        self.daemon, self.listener = daemon, listener
        self.folder = Path(daemon.config["root_dir"])
        self.conf = Path(daemon.config_dir)
        self.environment = dict(os.environ)
        self._pillar_folder = daemon.pillar_tree.base.write_path
        (self._pillar_folder / "top.sls").write_text("base: {'*': [data]}\n")
        self.pillar({"asgcycle": {"defaults": FAST}})

    def pillar(self, data):
        """Set the pillar of the master."""
        (self._pillar_folder / "data.sls").write_text(yaml.safe_dump(data))

    def forget_rolls(self):
        """Empty the journal: every test has a new group of the same name."""
        shutil.rmtree(Path(self.daemon.config["cachedir"]) / "asgcycle", ignore_errors=True)

    def events(self, pattern, since, until=lambda events: events):
        """Events with such a tag in the order of their time stamps.

        Args:
            pattern: of the tag, as in a shell.
            since: Unix time.
            until: what must be true of them; they are waited for.
        """
        deadline = time.monotonic() + EVENTS_ARRIVE_WITHIN
        while True:
            found = self.listener.get_events([(self.daemon.id, pattern)], after_time=since)
            found = sorted(found, key=lambda event: event.stamp)
            if until(found):
                return found
            assert time.monotonic() < deadline, f"only {[event.tag for event in found]} came"
            time.sleep(0.05)

    def job(self, function, since):
        """The return event of the one job that called this function."""

        def of(events):
            return [event.data for event in events if event.data["fun"] == f"runner.{function}"]

        (data,) = of(self.events("salt/run/*/ret", since, until=of))
        return data


@pytest.fixture(scope="module")
def master(salt_factories, event_listener, file_root):
    daemon = salt_factories.salt_master_daemon(
        "master",
        overrides={
            "interface": LOOPBACK,
            "file_roots": {"base": [str(file_root)]},
            "worker_threads": 3,
            "log_level_logfile": "warning",
            "reactor": [{ALARM: [f"salt://{REACTION}"]}],
        },
    )
    with daemon.started():
        running = RunningMaster(daemon, event_listener)
        (running.synced,) = running("saltutil.sync_all").documents
        yield running


@pytest.fixture
def stage(master, request, monkeypatch):
    """``@pytest.mark.parametrize("stage", [spec changes], indirect=True)`` changes the world."""
    master.forget_rolls()
    spec = copy.deepcopy(QUICK) | {"start": time.time()} | getattr(request, "param", {})
    with LabServer(spec) as lab:
        master.environment["AWS_ENDPOINT_URL"] = lab.endpoint_url
        yield Stage(lab, master, monkeypatch)
