"""A real master on loopback, and images to launch instances of."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import LOOPBACK
from tests.e2e.instance import INSTANCE_ID
from tests.hosts import capability, roots
from tests.hosts.repository import Repository
from tests.hosts.scratch import Scratch

REPO = Path(__file__).parents[2]

ROLE = "/etc/role:\n  file.managed:\n    - contents: {{ grains.role }}\n"


@pytest.fixture(scope="session")
def salt_factories_config() -> dict[str, Any]:
    """No coverage of the daemons, in exchange for a teardown in half the time."""
    return {"slow_stop": False, "inject_sitecustomize": False, "log_server_host": LOOPBACK}


@pytest.fixture(scope="session")
def salt_factories_default_root_dir() -> Iterator[Path]:
    """Short, because the path of a unix socket may have 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="salt-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def master(salt_factories: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A running master that accepts no key by itself; its highstate writes /etc/role."""
    states = tmp_path_factory.mktemp("states")
    (states / "top.sls").write_text("base: {'*': [role]}\n")
    (states / "role.sls").write_text(ROLE)
    (states / "_utils").symlink_to(REPO / "_utils")  # the agent takes its definition of patched
    daemon = salt_factories.salt_master_daemon(
        "master",
        # salt-factories would accept every key
        on_auth_event_callback=lambda *_: None,
        overrides={
            "interface": LOOPBACK,
            "file_roots": {"base": [str(states)]},
            "worker_threads": 3,
        },
    )
    with daemon.started():
        yield daemon


@pytest.fixture
def keys(master: Any) -> Iterator[Any]:
    """The master's ``salt-key``; afterwards the instance is forgotten: each release has its id."""
    found = master.salt_key_cli()
    yield found
    found.run("--delete", INSTANCE_ID, "--yes")


@pytest.fixture(scope="module", params=(12, 13), ids="debian{}".format)
def release(request: pytest.FixtureRequest) -> int:
    if reason := capability.why_not() or roots.why_unreachable(request.param):
        pytest.skip(f"no real hosts on this machine: {reason}")
    return request.param


@pytest.fixture(scope="module")
def store() -> Iterator[Path]:
    """A directory on the file system that hosts live on."""
    scratch = Scratch("images")
    yield scratch.path
    scratch.remove()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("local") / "repository")
