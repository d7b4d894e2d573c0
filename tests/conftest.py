"""What holds for every test: no real AWS account, listeners on loopback only, a quiet end."""

import os
from pathlib import Path

import pytest
import salt._logging
from saltfactories.plugins.event_listener import EventListener

import asgcycle_reload

# Before any test imports the library: loader modules in a test then share what the test imports.
with asgcycle_reload.library(Path(__file__).parents[1] / "_modules" / "unattended_upgrades.py"):
    pass

#: A test that forgets to name its endpoint reaches a closed port of this machine, nothing else.
NOWHERE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


LOOPBACK = "127.0.0.1"


def pytest_configure(config):
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(NOWHERE)
    # Importing Salt installs a handler that keeps records until its daemons configure logging,
    # and prints them at exit, after pytest's closing line.
    salt._logging.shutdown_temp_handler()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session):
    """The salt-factories plugin would listen on every address of the machine."""
    server = session.config.pluginmanager.get_plugin("saltfactories-log-server")
    if server is not None:
        server.log_host = LOOPBACK


@pytest.fixture(scope="session")
def event_listener():
    """As the plugin's own, but heard on this machine only."""
    listener = EventListener()
    listener.host = LOOPBACK
    with listener:
        yield listener
