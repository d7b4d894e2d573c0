"""cloud-init itself, of an old and a current version, takes the user data of every setting."""

import base64
import json
from collections.abc import Iterator

import pytest

from tests.hosts import capability, roots
from tests.hosts.machine import Host, Setup
from tests.unit.userdata.build import EVERY, SYSTEMS, chosen, composed

#: Debian's release → the version of cloud-init that it has.
VERSIONS = {12: "22.4", 13: "25.1"}
DOCUMENTS = "/srv/user-data.json"

# The check that `cloud-init schema` makes, for many documents in one process.
CHECK = f"""
import json
import yaml
from cloudinit.config.schema import get_schema, validate_cloudconfig_schema
schema = get_schema()
said = {{}}
for name, text in json.load(open("{DOCUMENTS}")).items():
    try:
        validate_cloudconfig_schema(yaml.safe_load(text), schema=schema, strict=True)
    except Exception as exc:  # whatever the schema says against it is told
        said[name] = str(exc)
print(json.dumps(said))
"""
# What cloud-init makes of the bytes that an instance is given.
TAKE_APART = """
import base64
import json
import sys
from cloudinit import helpers, user_data
raw = base64.b64decode(sys.stdin.read())
message = user_data.UserDataProcessor(helpers.Paths({})).process(raw)
parts = [p for p in message.walk() if p.get_content_maintype() != "multipart"]
print(json.dumps([[p.get_filename(), p.get_content_type(), p.get_payload(decode=True).decode()]
                  for p in parts]))
"""


@pytest.fixture(scope="module", params=VERSIONS, ids="debian{}".format)
def cloud_init(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A system with cloud-init, not booted."""
    if reason := capability.why_not() or roots.why_unreachable(request.param):
        pytest.skip(f"no real hosts on this machine: {reason}")
    root = roots.obtain(roots.Recipe(request.param, packages=("cloud-init",)))
    with Host(Setup((root,), name="schema", boot=False)) as host:
        version = host.run("cloud-init", "--version")
        assert VERSIONS[request.param] in version.stdout + version.stderr
        yield host


def invalid(host: Host, documents: dict[str, str]) -> dict[str, str]:
    """What the schema says about each document that it refuses."""
    host.write(DOCUMENTS, json.dumps(documents))
    return json.loads(host.run("python3", "-c", CHECK).lines[-1])


def test_the_schema_takes_every_system_and_setting(cloud_init):
    documents = {".".join(c): composed(chosen(*c)).text for c in EVERY}
    assert len(documents) == 36
    assert invalid(cloud_init, documents) == {}


def test_the_schema_takes_a_document_with_everything_in_it(cloud_init):
    built = composed(
        chosen(
            apt={"mirror": "http://m.example.com/d", "security_mirror": "http://m.example.com/s"},
            proxy="http://proxy.example.com:3128",
            extra={"runcmd": [["echo", "hi"]], "timezone": "Europe/Berlin"},
        )
    )
    assert invalid(cloud_init, {"all": built.text}) == {}


def test_the_schema_would_refuse_what_is_wrong(cloud_init):
    wrong = composed(chosen(extra={"runcmd": {"a": 1}})).text
    assert list(invalid(cloud_init, {"wrong": wrong})) == ["wrong"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_real_command_takes_each_system(cloud_init, system):
    cloud_init.write("/srv/user-data", composed(chosen(system)).text)
    done = cloud_init.run("cloud-init", "schema", "--config-file", "/srv/user-data", check=False)
    assert done.exit == 0, str(done)


def test_it_takes_compressed_parts_apart_again(cloud_init):
    script = {"name": "a.sh", "type": "text/x-shellscript", "content": "#!/bin/sh\necho 'Grüße'\n"}
    built = composed(chosen(parts=[script]))
    assert built.compressed
    done = cloud_init.run(
        "python3", "-c", TAKE_APART, stdin=base64.b64encode(built.content).decode()
    )
    config, found = json.loads(done.lines[-1])
    assert found == list(script.values())
    assert config[:2] == ["cloud-config.yaml", "text/cloud-config"]
    assert config[2] == composed(chosen()).text
