"""A small formula of its own: a loader module and a package, synchronised as Salt does it."""

import itertools
import shutil
import sys
import time
import types

import pytest

import asgcycle_reload

PARTS = ("a", "b", "c", "d", "e", "f", "g", "h")
IMPORTS = "".join(f"        import aptpolicy.{part}\n" for part in PARTS)
LOADER = """
VERSION = {version}
try:
    import asgcycle_reload

    with asgcycle_reload.library(__file__):
{imports}
    MISSING = None
except ImportError as exc:
    MISSING = str(exc)

def versions():
    return {{VERSION}} | {{getattr(aptpolicy, part).version() for part in {parts}}}
"""


class Clock:
    """Time stands still but for the sleeps; something else may happen meanwhile."""

    def __init__(self):
        self.passed, self.meanwhile = 0.0, iter(())

    def time(self):
        return time.time()

    def monotonic(self):
        return self.passed

    def sleep(self, seconds):
        self.passed += seconds
        next(self.meanwhile, None)


class Formula:
    """Its files on a master, what a minion has downloaded, and what it has synchronised."""

    def __init__(self, folder):
        self.cache = folder / "minion"
        self.served = self.cache / "files" / "base" / "_utils"
        self.utils = self.cache / "extmods" / "utils"
        self.modules = self.cache / "extmods" / "modules"
        self.modules.mkdir(parents=True)

    def loader(self, version, text=LOADER):
        text = text.format(version=version, imports=IMPORTS, parts=PARTS)
        (self.modules / "loader.py").write_text(text)

    def files(self, version):
        body = f"VERSION = {version}\n\ndef version():\n    return VERSION\n"
        found = {f"aptpolicy/{part}.py": body for part in PARTS}
        return {"aptpolicy/__init__.py": body} | found

    def download(self, version):
        """File by file, as Salt does; each step is one file."""
        for path, text in self.files(version).items():
            yield self._write(self.served / path, text)

    def copy(self, version):
        for path, text in self.files(version).items():
            yield self._write(self.utils / path, text)

    def sync(self, version):
        return itertools.chain(self.download(version), self.copy(version))

    def _write(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def load(self):
        """What a loader does with the module, in a namespace of its own."""
        path = self.modules / "loader.py"
        module = types.ModuleType("loader")
        module.__file__ = str(path)
        # S102: the module that this formula has just written, as Salt's loader runs it
        exec(compile(path.read_text(), str(path), "exec"), module.__dict__)  # noqa: S102
        return module


def settle():
    """Let the file system's clock go on."""
    time.sleep(asgcycle_reload.TICK_SECONDS * 1.2)


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(asgcycle_reload, "time", found)
    return found


@pytest.fixture
def formula(tmp_path, clock):
    """Version 1 is synchronised; afterwards the test process has its own library again."""
    kept = {
        n: m for n, m in sys.modules.items() if n.partition(".")[0] in asgcycle_reload.LIBRARIES
    }
    state = dict(asgcycle_reload._STATE)
    found = Formula(tmp_path)
    found.loader(1)
    for _ in found.sync(1):
        pass
    settle()
    yield found
    shutil.rmtree(tmp_path)
    for name in [n for n in sys.modules if n.partition(".")[0] in asgcycle_reload.LIBRARIES]:
        del sys.modules[name]
    sys.modules.update(kept)
    asgcycle_reload._STATE.clear()
    asgcycle_reload._STATE.update(state)
