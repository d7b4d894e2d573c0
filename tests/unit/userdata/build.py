"""Settings, files and a real renderer for the tests of user data."""

import base64
import itertools
import json
import tempfile
from functools import cache
from pathlib import Path

import salt.config

from userdata import compose, formula, kinds, settings
from userdata.errors import UserDataError
from userdata.onmaster import MasterFiles

REPO = Path(__file__).resolve().parents[3]
GOLDEN = Path(__file__).parent / "golden"
LEAST = {"os": "debian", "release": "12", "minion": {"master": "salt.example.com"}}


def armored(packets=b"\x98" + bytes(range(60))):
    """An ASCII-armored public key that nobody has."""
    body = base64.b64encode(packets).decode()
    lines = [body[i : i + 64] for i in range(0, len(body), 64)]
    checksum = base64.b64encode(kinds.crc24(packets)).decode()
    head, tail = (f"-----{word} PGP PUBLIC KEY BLOCK-----" for word in ("BEGIN", "END"))
    return "\n".join([head, "", *lines, f"={checksum}", tail, ""])


REPOSITORY = {
    "source": "repository",
    "url": "https://mirror.example.com/salt/",
    "version": "3008.3",
    "key": armored(),
}
ONEDIR = {
    "source": "onedir",
    "archives": {
        "x86_64": {"url": "https://mirror.example.com/salt.tar.xz", "sha256": "0a" * 32},
    },
}
#: What beside upgrade and reboot each system's golden files show.
SYSTEMS = {
    "debian": {"release": "12"},
    "ubuntu": {
        "release": "24.04",
        "salt": REPOSITORY,
        "apt": {"mirror": "http://mirror.example.com/ubuntu"},
    },
    "amazon-linux-2": {"salt": ONEDIR, "proxy": "http://proxy.example.com:3128"},
    "amazon-linux-2023": {"salt": REPOSITORY, "dnf": {"releasever": "2023.6.20250115"}},
}
EVERY = tuple(
    itertools.product(SYSTEMS, ("security", "all", "none"), ("if_required", "always", "never"))
)


def chosen(system="debian", upgrade="security", reboot="if_required", **more):
    """Good settings for a system."""
    section = {
        **SYSTEMS[system],
        "os": system,
        "upgrade": upgrade,
        "reboot": reboot,
        "minion": {"master": "salt.example.com"},
        "grains": {"role": "web"},
        **more,
    }
    return settings.parse([("pillar", section)])


def refusals(*sections):
    """The messages of refused sections, weakest first; accepted ones give none."""
    try:
        settings.parse([(f"pillar {n}", section) for n, section in enumerate(sections, 1)])
    except UserDataError as exc:
        return list(exc.problems)
    return []


@cache
def _folder():
    """A file server with the formula, and a cache, for as long as the tests run."""
    folder = tempfile.TemporaryDirectory(prefix="userdata-")
    path = Path(folder.name)
    for name in ("states", "cache"):
        (path / name).mkdir()
    for name in ("unattended-upgrades", "_utils"):
        (path / "states" / name).symlink_to(REPO / name)
    return folder


def states():
    """The root of the file server."""
    return Path(_folder().name) / "states"


@cache
def _opts():
    folder = Path(_folder().name)
    return {
        **salt.config.DEFAULT_MASTER_OPTS.copy(),
        "id": "test_master",
        "root_dir": str(folder),
        "cachedir": str(folder / "cache"),
        "extension_modules": str(folder / "cache" / "extmods"),
        "file_roots": {"base": [str(folder / "states")]},
        "fileserver_backend": ["roots"],
        "__role": "master",
    }


def master_files(pillar=None, grains=None):
    """The real file server and renderer."""
    return MasterFiles(_opts(), pillar or {}, grains or {"id": formula.INSTANCE})


def request(found, pillar=None, group="web", environment="prod", hook=None):
    """What a group asks for with these settings."""
    grains = formula.grains(found, group, environment)
    policy = formula.from_pillar(pillar or {}, found, grains)
    return compose.Request(group, environment, found, policy, hook)


def composed(found, pillar=None, **more):
    """The user data of a group, with the formula's own files."""
    files = master_files(pillar)
    return compose.compose(request(found, pillar, **more), files.read, files.render)


def outlined(system, upgrade, reboot):
    """The same with the names of long files in the place of their texts."""
    files = master_files()
    wanted = request(chosen(system, upgrade, reboot))
    return compose.compose(
        wanted, lambda path: f"({path})\n" if "/files/" in path else files.read(path), files.render
    ).text


def shown(value):
    """A value as a pillar would have it, through JSON."""
    return json.loads(json.dumps(value))
