"""kitchen.yml names only what exists, and the suites are those that tests/formula runs."""

from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
KITCHEN = yaml.safe_load((REPOSITORY / "kitchen.yml").read_text())
SUITES = {suite["name"]: suite["provisioner"] for suite in KITCHEN["suites"]}
PILLARS = REPOSITORY / "tests" / "pillar"


def _top(provisioner, what):
    """Return the SLS names that a suite's top file gives to every minion."""
    top = provisioner["pillars"]["top.sls"] if what == "pillar" else provisioner["state_top"]
    return top["base"]["*"]


@pytest.mark.parametrize("name", SUITES)
def test_the_pillar_files_of_a_suite_exist_and_set_our_pillar(name):
    files = SUITES[name]["pillars_from_files"]
    assert files
    for path in files.values():
        assert "unattended_upgrades" in yaml.safe_load((REPOSITORY / path).read_text())


@pytest.mark.parametrize("name", SUITES)
def test_the_pillar_top_names_the_files_of_the_suite_and_no_others(name):
    provisioner = SUITES[name]
    named = {f"{sls}.sls" for sls in _top(provisioner, "pillar")}
    assert named == set(provisioner["pillars_from_files"])


@pytest.mark.parametrize("name", SUITES)
def test_the_states_of_a_suite_exist(name):
    for sls in _top(SUITES[name], "state"):
        path = REPOSITORY / sls.replace(".", "/")
        assert (path / "init.sls").is_file() or path.with_suffix(".sls").is_file()


def test_every_pillar_is_used_by_a_suite():
    used = {path for suite in SUITES.values() for path in suite["pillars_from_files"].values()}
    assert used == {str(path.relative_to(REPOSITORY)) for path in PILLARS.glob("*.sls")}


def test_the_formula_is_the_directory_that_it_is_named_after():
    assert (REPOSITORY / KITCHEN["provisioner"]["formula"] / "init.sls").is_file()


def test_the_salt_version_is_the_one_that_the_requirements_pin():
    version = KITCHEN["provisioner"]["salt_version"]
    pins = [path.read_text() for path in (REPOSITORY / "requirements").rglob("*.txt")]
    assert any(f"salt=={version}" in pin.splitlines() for pin in pins)


def test_the_verifier_uses_a_function_of_our_state_module():
    command = KITCHEN["verifier"]["command"]
    assert "unattended_upgrades.effective" in command
    state_module = (REPOSITORY / "_states" / "unattended_upgrades.py").read_text()
    assert "def effective(" in state_module


def test_platforms_have_names_of_their_own_and_an_image_each():
    images = {one["name"]: one["driver_config"]["image"] for one in KITCHEN["platforms"]}
    assert len(images) == len(KITCHEN["platforms"])
    assert all(":" in image for image in images.values())


def test_the_provisioner_copies_the_formula_and_its_modules_to_where_salt_looks():
    provisioner = KITCHEN["provisioner"]
    assert not provisioner.get("is_file_root")  # it would put everything below the formula's name
    for directory in ("_modules", "_states", "_grains", "_utils"):
        assert (REPOSITORY / directory).is_dir()


def test_the_installer_is_told_the_version_that_is_asked_for():
    provisioner = KITCHEN["provisioner"]
    assert provisioner["salt_install"] == "bootstrap"
    assert str(provisioner["salt_version"]) in provisioner["salt_bootstrap_options"].split()
