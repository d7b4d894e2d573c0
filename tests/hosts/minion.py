"""Salt inside a host, without installing it: the Python that runs the tests is bound into it."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import sysconfig
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from tests.hosts.machine import Done, Host, HostError, Setup
from tests.hosts.roots import cache_directory

BASE = "/opt/asgcycle"
"""Where Python, its libraries and Salt appear in a host."""

FORMULA_ROOT = "/srv/salt/formula"
LOCAL_ROOT = "/srv/salt/local"
PILLAR_ROOT = "/srv/pillar"
MINION_ID = "web-1.example.net"
APPLY_DEADLINE_S = 300

FORMULA_DIRECTORIES = (
    "unattended-upgrades",
    "_beacons",
    "_grains",
    "_modules",
    "_states",
    "_utils",
)
"""What a file root takes from the repository; directories that do not exist are left out."""

PYTHON = "/usr/local/bin/salt-python"
"""Runs a script in a host by Salt's Python."""

# The loader and the libraries of the machine that runs the tests: with them its Python runs on a
# release with an older C library too. Nothing is put into the environment, so that programs that
# Salt starts use the host's own libraries.
PYTHON_WRAPPER = """#!/bin/sh
exec {loader} --library-path {libraries} {base}/venv/bin/python \\
    -X pycache_prefix={base}/pycache "$@"
"""
WRAPPER = f"""#!/bin/sh
exec {PYTHON} {BASE}/venv/bin/salt-call "$@"
"""
SALT_CALL = """import sys
from salt.scripts import salt_call
sys.exit(salt_call())
"""


@dataclass(frozen=True)
class Return:
    """What a Salt function returned: its value, the exit code of salt-call, and how it ran."""

    value: Any
    done: Done

    @property
    def exit(self) -> int:
        """The exit code of salt-call with ``--retcode-passthrough``."""
        return self.done.exit

    @property
    def states(self) -> dict[str, dict[str, Any]]:
        """The results of a state run by state ID and function (``id|name|module.function``).

        Raises:
            HostError: it was no state run, or it did not compile; with what was said instead.
        """
        if not isinstance(self.value, dict):
            raise HostError(f"no state run: {self.value}\n{self.done}")
        return self.value

    @property
    def changed(self) -> dict[str, Any]:
        """The changes of each state that changed something (or would, with test=True)."""
        return {key: one["changes"] for key, one in self.states.items() if one.get("changes")}

    @property
    def failed(self) -> dict[str, str]:
        """The comments of the states that failed."""
        return {key: one["comment"] for key, one in self.states.items() if one["result"] is False}

    def states_of(self, state_id: str) -> dict[str, Any]:
        """Return the result of the one state with this ID.

        Raises:
            HostError: there is no such state in the run.
        """
        for key, one in self.states.items():
            if key.split("_|-")[1] == state_id:
                return one
        raise HostError(f"no state {state_id!r} among {sorted(self.states)}")

    @property
    def said(self) -> str:
        """All text of the return and of standard error, for looking for words in it."""
        return f"{json.dumps(self.value)}\n{self.done.stderr}"


class Minion:
    """Salt on a running host, as a masterless minion."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def pillar(self, data: dict[str, Any]) -> None:
        """Make ``data`` the whole pillar of this minion."""
        self.host.write(f"{PILLAR_ROOT}/top.sls", "base:\n  '*':\n    - data\n")
        self.host.write(f"{PILLAR_ROOT}/data.sls", "#!json\n" + json.dumps(data))

    def pillar_file(self, path: Path) -> None:
        """Make the SLS file ``path`` of this machine the whole pillar of this minion."""
        self.host.write(f"{PILLAR_ROOT}/top.sls", "base:\n  '*':\n    - data\n")
        self.host.write(f"{PILLAR_ROOT}/data.sls", path.read_text())

    def call(
        self,
        function: str,
        *arguments: str,
        deadline_s: float = APPLY_DEADLINE_S,
        **keywords: Any,
    ) -> Return:
        """Run a Salt function and return what it returned; a failure of it does not raise.

        Raises:
            HostError: salt-call printed no JSON, so that it did not get as far as the function.
        """
        named = [f"{key}={json.dumps(value)}" for key, value in keywords.items()]
        command = ["salt-call", "--local", "--out=json", "--retcode-passthrough", "-lerror"]
        done = self.host.run(
            *command, function, *arguments, *named, check=False, deadline_s=deadline_s
        )
        try:
            value = json.loads(done.stdout)["local"]
        except (ValueError, KeyError, TypeError):
            raise HostError(f"salt-call did not answer in JSON: {done}") from None
        return Return(value, done)

    def apply(self, *sls: str, **keywords: Any) -> Return:
        """Apply states and return the result, whatever it is."""
        return self.call("state.apply", ",".join(sls), **keywords)

    def python(self, script: Path, *arguments: str, stdin: str) -> Done:
        """Run a script of this machine inside, by the Python that Salt runs on.

        Raises:
            HostError: it failed.
        """
        code = script.read_text()
        return self.host.run(
            PYTHON, "-c", code, *arguments, stdin=stdin, deadline_s=APPLY_DEADLINE_S
        )


def with_salt(setup: Setup, repository: Path) -> Setup:
    """Return ``setup`` with Salt and the formula of ``repository`` added to the host.

    Salt is called as ``salt-call --local``; its file roots are :data:`LOCAL_ROOT` (empty, for a
    test to write into) and then :data:`FORMULA_ROOT`.
    """
    pycache = cache_directory() / "pycache"
    pycache.mkdir(exist_ok=True)
    formula = [
        (repository / name, f"{FORMULA_ROOT}/{name}")
        for name in FORMULA_DIRECTORIES
        if (repository / name).is_dir()
    ]
    site_packages = Path(sysconfig.get_path("purelib"))
    binds = (
        (Path(sys.base_prefix), f"{BASE}/python"),
        (_library_directory(), f"{BASE}/lib"),
        (site_packages, f"{BASE}/venv/lib/{_python_name()}/site-packages"),
        *formula,
    )
    return replace(
        setup,
        layers=(_salt_layer(), *setup.layers),
        binds=(*setup.binds, *binds),
        shared=(*setup.shared, (pycache, f"{BASE}/pycache")),
    )


def _python_name() -> str:
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def _library_directory() -> Path:
    """Return the directory of this machine's C library and dynamic loader."""
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    return Path("/lib", multiarch).resolve()


def _salt_files() -> dict[str, str]:
    """Return the files that make Salt run in a host, by path."""
    loader = next(_library_directory().glob("ld-linux*.so.*")).name
    config = {
        "id": MINION_ID,
        "file_client": "local",
        "file_roots": {"base": [LOCAL_ROOT, FORMULA_ROOT]},
        "pillar_roots": {"base": [PILLAR_ROOT]},
        "fileserver_list_cache_time": 0,
        "enable_fqdns_grains": False,
        "enable_gpu_grains": False,
    }
    python = PYTHON_WRAPPER.format(
        base=BASE, loader=f"{BASE}/lib/{loader}", libraries=f"{BASE}/python/lib:{BASE}/lib"
    )
    return {
        f"{BASE}/venv/pyvenv.cfg": f"home = {BASE}/python/bin\n",
        f"{BASE}/venv/bin/salt-call": SALT_CALL,
        PYTHON: python,
        "/usr/local/bin/salt-call": WRAPPER,
        "/etc/salt/minion": yaml.safe_dump(config),
        f"{LOCAL_ROOT}/.keep": "",
        f"{PILLAR_ROOT}/.keep": "",
    }


def _salt_layer() -> Path:
    """Return a directory to lay over a root, holding what :func:`_salt_files` says."""
    files = _salt_files()
    interpreter = f"{BASE}/python/bin/{_python_name()}"
    digest = hashlib.sha256(json.dumps([files, interpreter]).encode()).hexdigest()[:16]
    store = cache_directory() / "layers"
    store.mkdir(exist_ok=True)
    layer = store / f"salt-{digest}"
    if layer.exists():
        return layer
    fresh = Path(tempfile.mkdtemp(prefix=".salt-", dir=store))
    for path, text in files.items():
        target = fresh / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(0o755 if target.parent.name == "bin" else 0o644)
    (fresh / f"{BASE}/venv/bin/python".lstrip("/")).symlink_to(interpreter)
    fresh.chmod(0o755)
    try:
        fresh.rename(layer)
    except OSError:  # another test run was quicker
        shutil.rmtree(fresh)
    return layer
