"""What is written for people is what the code does."""

import pytest
import yaml

from asgroll.policy import layers_for, section
from tests.unit.userdata.build import REPO, chosen, composed, master_files, request
from userdata import compose, settings
from userdata.settings_docs import page, variables

TEXT = (REPO / "pillar.example").read_text()
PILLAR = yaml.safe_load(TEXT)


def of_group(group):
    return settings.parse(section(layers_for(group, PILLAR["asgcycle"], {}), "user_data"))


def test_the_page_of_keys_is_current():
    assert (REPO / "docs" / "user-data.md").read_text() == page()


def test_the_page_lists_the_variables_that_templates_get():
    given = compose.variables(request(chosen()), master_files().read)
    assert variables() == set(given)


@pytest.mark.parametrize("group", ["web", "web-canary", "batch-1", "anything"])
def test_the_user_data_of_the_example_pillar_can_be_made(group):
    assert composed(of_group(group), PILLAR, group=group).text.startswith("#cloud-config\n")


def test_the_environments_of_the_example_differ():
    found = {group: of_group(group) for group in ("web", "web-canary", "batch-1")}
    assert len({str(one) for one in found.values()}) == len(found)


def test_the_example_pillar_shows_every_key():
    part = TEXT[TEXT.index("    user_data:") :].partition("\n  environments:")[0]
    lines = [line.strip().removeprefix("# ") for line in part.splitlines()]
    names = {name for key in settings.KEYS for name in key.split(".")}
    shown = {line.partition(":")[0] for line in lines if ":" in line}
    inline = {word.strip("{,") for line in lines for word in line.replace(":", " ").split()}
    assert sorted(names - shown - inline) == []
