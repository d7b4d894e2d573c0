"""What a minion gets from a master that serves only what minions need, as the README says it."""

import re

import yaml

from tests.functional.formula.conftest import REPOSITORY

MASTER = re.compile(r"```yaml\n\s*# /etc/salt/master.d/asgcycle.conf\n(.*?)```", re.S)


def test_only_the_library_of_the_formula_reaches_the_minion(minion):
    (shown,) = MASTER.findall((REPOSITORY / "README.md").read_text())
    settings = yaml.safe_load(shown)
    assert settings["module_dirs"] == ["/srv/asgcycle"]
    parts = ("_modules", "_states", "_grains", "_utils", "_runners", "_output", "tests")
    machine = minion(parts=parts, synced=False)
    machine.opts["file_ignore_regex"] = settings["file_ignore_regex"]
    machine.functions = machine._functions()
    synced = machine.functions["saltutil.sync_all"](refresh=False)
    assert {name.split(".")[1] for name in synced["utils"]} == {"aptpolicy", "asgcycle_reload"}
    assert synced["output"] == []
    assert synced["modules"] == ["modules.cloudinit", "modules.unattended_upgrades"]
    assert machine.functions["cp.list_master"](prefix="tests") == []
    assert machine.functions["cp.list_master"](prefix="_runners") == []
