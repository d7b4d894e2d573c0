"""The agent waits, works, tells; without the metadata service and without a hook."""

from __future__ import annotations

import base64
import json

import salt.utils.crypt

from tests.unit.readiness.agent import OLD_LIBRARY, agent, config, console, host, marker


class Time:
    """A clock that only sleeping moves; ``at`` are things that happen meanwhile."""

    def __init__(self, at=()):
        self.now = 0.0
        self.at = dict(at)

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        for moment in sorted(self.at):
            if moment <= self.now:
                self.at.pop(moment)()


def waiting(root, files=None, at=(), settings=None, **answers):
    """Run an agent to its end: ``(exit code, its host, its time)``."""
    machine, time = host(root, files, **answers), Time(at)
    found = agent.Agent(machine, config(root, **(settings or {})), time.clock, time.sleep)
    return found.wait(), machine, time


def test_a_ready_host_gets_its_marker_and_a_line_on_the_console(tmp_path):
    code, _, time = waiting(tmp_path, {"var/lib/cloud/data/instance-id": "i-0abc\n"})
    assert (code, time.now) == (0, 0)
    assert console(tmp_path) == ["asgcycle: ready instance=i-0abc"]
    assert marker(tmp_path)["boot_id"] == "boot-1"
    assert marker(tmp_path)["checks"] == list(agent.CHECKS)


def test_a_reason_is_told_once_until_it_changes(tmp_path):
    flag = tmp_path / "run/reboot-required"
    code, _, time = waiting(
        tmp_path,
        {"run/reboot-required": ""},
        at={25: (tmp_path / "run/reboot-required.pkgs").touch, 45: flag.unlink},
    )
    assert (code, time.now) == (0, 50)
    assert console(tmp_path) == [
        "asgcycle: not ready: reboot: /run/reboot-required: asked for by an update",
        "asgcycle: ready instance=unknown",
    ]


def test_services_on_replaced_libraries_are_restarted_and_then_it_is_ready(tmp_path):
    def restarted():
        (tmp_path / "proc/7/maps").write_text("")
        return 0, "", ""

    code, machine, _ = waiting(tmp_path, OLD_LIBRARY, **{"try-restart ssh.service": restarted})
    assert code == 0
    assert machine.run.count("sshd -t") == machine.run.count("try-restart ssh.service") == 1


def test_a_service_that_a_restart_does_not_help_is_restarted_once_and_holds_it_back(tmp_path):
    code, machine, _ = waiting(tmp_path, OLD_LIBRARY, settings={"timeout": 60})
    assert (code, marker(tmp_path)) == (1, None)
    assert machine.run.count("try-restart ssh.service") == 1
    assert "ssh.service: runs replaced libssl3" in console(tmp_path)[0]


def test_no_highstate_is_begun_before_the_other_checks_pass(tmp_path):
    files = {"run/reboot-required": "", "run/asgcycle/highstate": None}
    code, machine, _ = waiting(tmp_path, files, settings={"timeout": 60})
    assert code == 1
    assert machine.run.count("state.highstate") == 0


def test_the_highstate_is_applied_and_everything_is_looked_at_again(tmp_path):
    def brings_a_kernel():
        (tmp_path / "run/reboot-required").touch()
        return 0, "{}", ""

    code, machine, _ = waiting(
        tmp_path,
        {"run/asgcycle/highstate": None},
        settings={"timeout": 60},
        **{"state.highstate": brings_a_kernel},
    )
    assert code == 1
    assert machine.run.count("state.highstate") == 1
    assert (
        console(tmp_path)[-2]
        == "asgcycle: not ready: reboot: /run/reboot-required: asked for by an update"
    )
    assert marker(tmp_path) is None


def test_a_highstate_that_fails_is_tried_again_but_not_at_every_turn(tmp_path):
    refusal = (2, "has the minion key been accepted?\n", "")
    code, machine, _ = waiting(
        tmp_path,
        {"run/asgcycle/highstate": None},
        settings={"timeout": 100, "interval": 10},
        **{"state.highstate": refusal},
    )
    assert code == 1
    assert machine.run.count("state.highstate") == 4
    assert console(tmp_path) == [
        "asgcycle: not ready: highstate: being applied",
        "asgcycle: not ready: highstate: the master has not accepted the key of this minion",
        "asgcycle: not ready: timeout: gave up after 100 s",
    ]


def test_a_clean_highstate_is_not_repeated_in_the_same_boot(tmp_path):
    _, machine, _ = waiting(tmp_path)
    assert machine.run.count("state.highstate") == 0


def test_package_lists_are_fetched_once_when_they_are_old(tmp_path):
    code, machine, _ = waiting(tmp_path, {"run/asgcycle/lists": None})
    assert code == 0
    assert [machine.run.count(word) for word in ("apt-get", "asgcycle/patched")] == [1, 1]


def test_the_definition_of_patched_is_taken_from_the_master_when_user_data_had_no_room(tmp_path):
    definition = tmp_path / "usr/local/lib/asgcycle/patched/__main__.py"

    def answer():
        definition.parent.mkdir(parents=True)
        definition.touch()
        return 0, "{}", ""

    files = {"usr/local/lib/asgcycle/patched/__main__.py": None}
    code, machine, _ = waiting(tmp_path, files, **{"cp.get_dir": answer})
    assert code == 0
    assert machine.run.run[0][-2:] == [
        "salt://_utils/aptpolicy/patched",
        str(definition.parents[1]),
    ]


def test_without_the_definition_of_patched_nothing_is_ready_and_why_is_told(tmp_path):
    files = {"usr/local/lib/asgcycle/patched/__main__.py": None}
    code, _, _ = waiting(tmp_path, files, settings={"timeout": 30}, **{"cp.get_dir": (0, "{}", "")})
    assert (code, marker(tmp_path)) == (1, None)
    assert "no salt://_utils/aptpolicy/patched in its file roots" in console(tmp_path)[0]


def test_lists_that_cannot_be_fetched_keep_it_from_being_ready(tmp_path):
    code, machine, _ = waiting(
        tmp_path,
        {"run/asgcycle/lists": None},
        settings={"timeout": 30},
        **{"apt-get": (100, "", "E: Could not resolve 'deb.example.org'\n")},
    )
    assert code == 1
    assert machine.run.count("apt-get") > 1
    assert console(tmp_path)[0] == (
        "asgcycle: not ready: security-updates: apt-get update: "
        "E: Could not resolve 'deb.example.org'"
    )


def test_at_its_timeout_it_gives_up_without_a_marker(tmp_path):
    code, _, time = waiting(tmp_path, {"run/reboot-required": ""}, settings={"timeout": 95})
    assert (code, time.now) == (1, 100)
    assert console(tmp_path)[-1] == "asgcycle: not ready: timeout: gave up after 95 s"
    assert marker(tmp_path) is None


def test_after_cloud_init_has_failed_it_does_not_wait(tmp_path):
    failed = {"run/cloud-init/result.json": '{"v1": {"errors": ["scripts-per-boot failed"]}}'}
    code, _, time = waiting(tmp_path, failed)
    assert (code, time.now) == (1, 0)
    assert console(tmp_path) == [
        "asgcycle: not ready: cloud-init: cloud-init failed: scripts-per-boot failed"
    ]


def test_once_ready_it_stays_ready_in_this_boot_and_is_asked_anew_in_the_next(tmp_path):
    assert waiting(tmp_path)[0] == 0
    flag = {"run/reboot-required": ""}
    assert waiting(tmp_path, flag)[0] == 0
    next_boot = {**flag, "proc/sys/kernel/random/boot_id": "boot-2\n"}
    assert waiting(tmp_path, next_boot, settings={"timeout": 5})[0] == 1


def test_a_console_that_cannot_be_written_does_not_matter(tmp_path):
    code, _, _ = waiting(tmp_path, settings={"console": str(tmp_path / "no/console")})
    assert code == 0
    assert marker(tmp_path)


# -- the command


def command(root, capsys, *arguments, **settings):
    """Run the command: ``(exit code, standard output)``."""
    (root / "etc/asgcycle").mkdir(parents=True, exist_ok=True)
    (root / "etc/asgcycle/ready.json").write_text(json.dumps(config(root, **settings)))
    code = agent.main([*arguments, "--root", str(root)])
    return code, capsys.readouterr().out


def test_once_prints_every_reason_and_changes_nothing(tmp_path, capsys):
    host(tmp_path, {"run/reboot-required": "", "run/asgcycle/highstate": None})
    before = sorted(tmp_path.rglob("*"))
    code, out = command(tmp_path, capsys, "--once", checks=["cloud-init", "reboot", "highstate"])
    assert code == 1
    assert out.splitlines() == [
        "not ready: reboot: /run/reboot-required: asked for by an update",
        "not ready: highstate: no clean highstate in this boot",
    ]
    assert set(tmp_path.rglob("*")) - set(before) == {
        tmp_path / "etc",
        tmp_path / "etc/asgcycle",
        tmp_path / "etc/asgcycle/ready.json",
    }


def test_once_says_ready_with_exit_code_0(tmp_path, capsys):
    host(tmp_path)
    assert command(tmp_path, capsys, "--once", checks=["cloud-init"]) == (0, "ready\n")


def test_an_unknown_check_is_refused_and_not_skipped(tmp_path, capsys):
    host(tmp_path)
    assert command(tmp_path, capsys, "--once", checks=["reboot", "reboots"])[0] == 2


def test_without_a_configuration_it_refuses(tmp_path):
    assert agent.main(["--root", str(tmp_path)]) == 2


def test_the_fingerprint_is_the_one_that_salt_key_shows(tmp_path, capsys):
    text = base64.encodebytes(bytes(range(250))).decode()
    key = tmp_path / agent.MINION_KEY
    key.parent.mkdir(parents=True)
    key.write_text(f"-----BEGIN PUBLIC KEY-----\n{text}-----END PUBLIC KEY-----\n")
    assert command(tmp_path, capsys, "key")[0] == 0
    assert console(tmp_path) == [
        f"asgcycle: minion-key sha256:{salt.utils.crypt.pem_finger(str(key))}"
    ]


def test_a_key_that_is_never_made_is_told(tmp_path):
    time = Time()
    waiter = agent.Agent(host(tmp_path), config(tmp_path), time.clock, time.sleep)
    assert agent.say_key(waiter) == 1
    assert "minion-key unknown" in console(tmp_path)[0]
