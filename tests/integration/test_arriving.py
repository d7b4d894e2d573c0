"""An updated formula under a master and minions that keep running."""

import time

import pytest
import salt.client
import salt.utils.event

from tests.conftest import LOOPBACK
from tests.integration.arriving import Release, until

ASK = "unattended_upgrades.generation"
JOB = "unattended-upgrades-grain"
MODES = {"processes": True, "threads": False}
TALK_SECONDS = 240  # on a busy machine
START_SECONDS = 300  # each; on an idle machine it takes 4
UPDATES = 6


class Fleet:
    """A master with a minion that works in processes and one that works in threads."""

    def __init__(self, master, release):
        self.master, self.release = master, release
        self.client = salt.client.LocalClient(mopts=dict(master.config))

    def call(self, minion, function, *arguments):
        """What the function returns on this minion."""
        found = self.client.cmd(
            minion, function, arguments, timeout=TALK_SECONDS, full_return=True
        )[minion]
        assert found["retcode"] == 0, found
        return found["ret"]

    def begin(self, minion, function, *arguments):
        """Start a job; returns its id."""
        return self.client.cmd_async(minion, function, arguments)

    def result(self, minion, job):
        """What the job has returned, when it has."""
        return (self.client.get_cache_returns(job).get(minion) or {}).get("ret")


@pytest.fixture(scope="module")
def fleet(salt_factories, tmp_path_factory):
    release = Release(tmp_path_factory.mktemp("formula") / "root")
    master = salt_factories.salt_master_daemon(
        "arriving",
        start_timeout=START_SECONDS,
        overrides={
            "interface": LOOPBACK,
            "file_roots": {"base": [str(release.folder)]},
            "worker_threads": 3,
            "log_level_logfile": "warning",
            "reactor": [{"ask/*": ["salt://ask.sls"]}],
            "reactor_refresh_interval": 1,  # so long a reactor keeps its runners (60 by default)
        },
    )
    (release.folder / "ask.sls").write_text(
        "ask: {runner.asgcycle.generation: [{args: [{seconds: {{ data['seconds'] }}}]}]}\n"
    )
    with master.started():
        found = Fleet(master, release)
        minions = [
            master.salt_minion_daemon(
                name,
                start_timeout=START_SECONDS,
                overrides={
                    "multiprocessing": processes,
                    "extension_modules": "cache/extmods",  # where a minion has it by default
                    "log_level_logfile": "warning",
                },
            )
            for name, processes in MODES.items()
        ]
        with minions[0].started(), minions[1].started():
            for minion in MODES:
                found.call(minion, "saltutil.sync_all")
            yield found


@pytest.mark.parametrize("minion", MODES)
def test_the_next_job_after_sync_all_uses_the_new_library(fleet, minion):
    fleet.call(minion, "saltutil.sync_all")
    for _ in range(2):
        number = fleet.release.next()
        fleet.call(minion, "saltutil.sync_all")
        assert fleet.call(minion, ASK) == [[number], [number]]
        # B023: it is called before the loop goes on
        until(lambda: fleet.call(minion, "grains.get", "generation") == [number])  # noqa: B023


@pytest.mark.parametrize("minion", MODES)
def test_the_next_job_after_a_highstate_uses_it_too(fleet, minion):
    """Also when the minion itself has loaded the module, as its schedule makes it do."""
    fleet.call(minion, "saltutil.sync_all")
    job = [f"function={ASK}", "seconds=2", "maxrunning=1"]
    assert fleet.call(minion, "schedule.add", "ask", *job)["result"]
    time.sleep(5)  # the schedule looks every second whether there is such a function
    fleet.call(minion, "schedule.delete", "ask")
    number = fleet.release.next()
    fleet.call(minion, "state.highstate")
    assert fleet.call(minion, ASK) == [[number], [number]]


@pytest.mark.parametrize("minion", MODES)
def test_a_job_that_runs_goes_on_with_what_it_has(fleet, minion):
    fleet.call(minion, "saltutil.sync_all")
    old = fleet.release.number
    job = fleet.begin(minion, ASK, 20)
    until(lambda: fleet.call(minion, "saltutil.is_running", ASK))
    number = fleet.release.next()
    fleet.call(minion, "saltutil.sync_all")
    assert fleet.call(minion, ASK) == [[number], [number]]
    assert until(lambda: fleet.result(minion, job), TALK_SECONDS) == [[old], [old]]


@pytest.mark.parametrize("minion", MODES)
def test_jobs_during_a_sync_get_the_old_or_the_new_library_and_never_both(fleet, minion):
    fleet.call(minion, "saltutil.sync_all")
    jobs = []
    for _ in range(UPDATES):
        number = fleet.release.next()
        sync = fleet.begin(minion, "saltutil.sync_all")
        jobs += [fleet.begin(minion, ASK) for _ in range(3)]
        until(lambda: fleet.result(minion, sync), TALK_SECONDS)  # noqa: B023 - as above
        assert fleet.call(minion, ASK) == [[number], [number]]
    # B023: as above
    answers = [until(lambda: fleet.result(minion, job), TALK_SECONDS) for job in jobs]  # noqa: B023
    for before, after in answers:
        assert len(before) == 1
        assert before == after


# --- the master ----------------------------------------------------------------------------------


@pytest.fixture
def bus(fleet):
    config = fleet.master.config
    with salt.utils.event.get_master_event(config, config["sock_dir"], listen=True) as found:
        yield found


def told(bus):
    """What the next job of the reactor returns that asked for the generation."""

    def of_it():
        event = bus.get_event(wait=5, tag="salt/run/", full=True) or {"tag": "", "data": {}}
        wanted = event["data"].get("fun") == "runner.asgcycle.generation"
        return event["data"] if wanted and event["tag"].endswith("/ret") else None

    data = until(of_it, TALK_SECONDS)
    assert data["success"], data
    return data["return"]


def test_the_reactor_of_a_running_master_uses_the_new_library_and_an_old_roll_the_old(fleet, bus):
    """The reactor is the part of a master that calls runners in threads of its own."""
    salt_run = fleet.master.salt_run_cli(timeout=TALK_SECONDS)
    old = fleet.release.number
    assert salt_run.run("saltutil.sync_all").returncode == 0
    bus.fire_event({"seconds": 0}, "ask/now")
    assert told(bus) == [[old], [old]]
    bus.fire_event({"seconds": 60}, "ask/slowly")
    number = fleet.release.next()
    assert salt_run.run("saltutil.sync_all").returncode == 0
    bus.fire_event({"seconds": 0}, "ask/now")
    assert told(bus) == [[number], [number]]
    assert told(bus) == [[old], [old]]


# --- the grain -----------------------------------------------------------------------------------

WAITING = "unattended_upgrades:reboot_required:True"
PILLAR = {"unattended_upgrades": {"status": {"grain_refresh": "1m"}}}
WITHIN_SECONDS = 300


def selected(fleet):
    found = fleet.client.cmd(WAITING, "test.ping", tgt_type="grain", timeout=TALK_SECONDS)
    return {minion for minion, answer in found.items() if answer is True}


def test_hosts_are_selected_by_their_grain_within_minutes(fleet):
    for minion in MODES:
        fleet.call(minion, "saltutil.sync_all")
        for changes in (1, 0):
            applied = fleet.call(
                minion, "state.apply", "unattended-upgrades.grain", f"pillar={PILLAR}"
            )
            assert sum(bool(state["changes"]) for state in applied.values()) == changes, applied
        assert fleet.call(minion, "schedule.list", "return_yaml=False")[JOB]["seconds"] == 60
    assert selected(fleet) == set()
    fleet.release.reboot_required.touch()
    until(lambda: selected(fleet) == set(MODES), WITHIN_SECONDS)
    fleet.release.reboot_required.unlink()
    until(lambda: selected(fleet) == set(), WITHIN_SECONDS)
    for minion in MODES:
        fleet.call(minion, "state.apply", "unattended-upgrades.grain.clean")
        assert JOB not in fleet.call(minion, "schedule.list", "return_yaml=False")


def test_by_default_it_takes_less_than_five_minutes(fleet):
    assert 0 < fleet.call("processes", "unattended_upgrades.compile")["grain_refresh"] * 60 < 300
