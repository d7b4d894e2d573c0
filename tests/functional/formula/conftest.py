"""Salt's own loader and state compiler on this machine; nothing on it is changed."""

import logging
import shutil
from pathlib import Path

import pytest
import salt.config
import salt.loader

REPOSITORY = Path(__file__).parents[3]
PARTS = ("unattended-upgrades", "_modules", "_states", "_grains", "_utils")
DEBIAN = {
    "id": "web1", "kernel": "Linux", "os": "Debian", "os_family": "Debian",
    "oscodename": "bookworm", "osrelease": "12", "osmajorrelease": 12,
    "osfinger": "Debian-12", "osarch": "amd64", "lsb_distrib_codename": "bookworm",
}  # fmt: skip

needs_dpkg = pytest.mark.skipif(
    not (shutil.which("dpkg-query") and shutil.which("apt-config")),
    reason="this machine has no dpkg and apt, which the module reads",
)


class Minion:
    """A masterless minion with a folder and grains of its own; the real grains are not read."""

    def __init__(self, folder, roots, grains=None):
        (folder / "pillar").mkdir(parents=True)
        self.opts = salt.config.minion_config(None)
        self.opts.update(
            id="web1",
            file_client="local",
            root_dir=str(folder),
            cachedir=str(folder / "cache"),
            extension_modules=str(folder / "cache" / "extmods"),
            pki_dir=str(folder / "pki"),
            sock_dir=str(folder / "sock"),
            log_file=str(folder / "log"),
            file_roots={"base": [str(root) for root in roots]},
            pillar_roots={"base": [str(folder / "pillar")]},
            grains={**DEBIAN, **(grains or {})},
            pillar={},
        )
        self.functions = self._functions()

    def _functions(self, **more):
        utils = salt.loader.utils(self.opts)
        return salt.loader.minion_mods(self.opts, utils=utils, **more)

    def sync(self):
        """Bring the custom modules over, as a highstate does by itself."""
        for kind in ("utils", "modules", "states", "grains"):
            self.functions[f"saltutil.sync_{kind}"](saltenv="base", refresh=False)
        self.functions = self._functions()

    def documentation(self, module):
        """Docstrings of a module's public functions, without loading all others."""
        functions = self._functions(whitelist=[module])
        return {name: fun.__doc__ for name, fun in functions.items() if name.startswith(module)}

    def call(self, function, *arguments, **keywords):
        return self.functions[function](*arguments, **keywords)

    def grain(self, name):
        """One grain of ours, computed anew."""
        modules = salt.loader.LazyLoader(
            [f"{self.opts['extension_modules']}/grains"],
            self.opts,
            tag="grains",
            extra_module_dirs=[f"{self.opts['extension_modules']}/utils"],
        )
        return modules[f"{name}.{name}"]()[name]

    def low(self, sls, pillar=None):
        """The states of an SLS in order, as ``[(id, function)]``, or the list of errors."""
        chunks = self.call("state.show_low_sls", sls, pillar=pillar or {})
        if chunks and isinstance(chunks[0], str):
            return chunks
        ordered = sorted(chunks, key=lambda chunk: chunk["order"])
        return [(chunk["__id__"], f"{chunk['state']}.{chunk['fun']}") for chunk in ordered]


@pytest.fixture(autouse=True)
def _without_logs():
    """Salt's trace messages, all of them captured, take ten times as long as the work."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def minion(tmp_path):
    """Make a minion: ``minion(grains={…})``; by default the whole formula is in its file roots."""

    def make(*, grains=None, parts=PARTS, roots=(), synced=True):
        # Not the repository itself: Salt lists all files below a root, virtual environments too.
        root = tmp_path / "formula"
        root.mkdir()
        for part in parts:
            (root / part).symlink_to(REPOSITORY / part)
        found = Minion(tmp_path / "minion", [root, *roots], grains)
        if synced:
            found.sync()
        return found

    return make
