"""Real Debian hosts for the formula's tests.

``start`` gives a test a host of its own in about half a second. What is slow, applying the formula
to a fresh release, is done once and kept as a layer that further hosts are started from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest

from tests.hosts import capability, roots
from tests.hosts.machine import Host, Setup
from tests.hosts.minion import Minion, Return, with_salt
from tests.hosts.repository import Deb, Repository
from tests.hosts.scratch import Scratch

REPOSITORY = Path(__file__).parents[2]
PILLARS = REPOSITORY / "tests" / "pillar"
FORMULA = "unattended-upgrades"

RELEASES = (12, 13)
"""The Debian releases on which everything is run."""

OLDEST = 11
"""Applied twice and upgraded, as long as its archive is there."""

CURRENT = 13
"""Most situations are the same on every release: the newest stands for all."""

VENDOR = {"Origin": "Vendor Inc", "Label": "Vendor", "Codename": "any"}
SECURITY = {"Origin": "Debian", "Label": "Debian-Security", "Codename": "trixie-security"}

Start = Callable[..., Minion]
Binds = tuple[tuple[Path, str], ...]


@cache
def _why_unreachable(release: int) -> str | None:
    return roots.why_unreachable(release)


class Ground:
    """The layers that hosts are started from, made when first asked for."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._applied: dict[int, tuple[Path, ...]] = {}
        self._results: dict[int, Return] = {}

    def fresh(self, release: int) -> tuple[Path, ...]:
        """Return the layers of a release that nobody has touched yet."""
        if reason := _why_unreachable(release):
            pytest.skip(reason)
        return (roots.obtain(roots.Recipe(release)),)

    def applied(self, release: int) -> tuple[Path, ...]:
        """Return the layers of a release with the formula applied as it is by default."""
        if release not in self._applied:
            with self.host(release) as minion:
                minion.pillar_file(PILLARS / "default.sls")
                minion.call("saltutil.sync_all")
                result = minion.apply(FORMULA)
                self._results[release] = result
                self._applied[release] = self.freeze(minion, f"applied-{release}")
        assert not self._results[release].failed, self._results[release].failed
        return self._applied[release]

    def first_result(self, release: int) -> Return:
        """Return what applying the formula to the fresh release has returned."""
        self.applied(release)
        return self._results[release]

    @contextmanager
    def host(self, release: int, applied: bool = False, binds: Binds = ()) -> Iterator[Minion]:
        """Run a host of a release: fresh, or with the formula already applied."""
        layers = self.applied(release) if applied else self.fresh(release)
        with self.on(layers, binds) as minion:
            yield minion

    @contextmanager
    def on(self, layers: tuple[Path, ...], binds: Binds = ()) -> Iterator[Minion]:
        """Run a host over ``layers``, with Salt and the formula in it."""
        with Host(with_salt(Setup(layers, name="web-1", binds=binds), REPOSITORY)) as host:
            yield Minion(host)

    def freeze(self, minion: Minion, name: str) -> tuple[Path, ...]:
        """Stop a host and return layers that hosts like it can be started from."""
        frozen, _salt, *below = minion.host.freeze(self._store / name)
        return (frozen, *below)


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    if reason := capability.why_not():
        pytest.skip(f"no real hosts on this machine: {reason}")
    scratch = Scratch("layers")
    try:
        yield Ground(scratch.path)
    finally:
        scratch.remove()


@pytest.fixture(scope="module", params=RELEASES, ids="debian{}".format)
def release(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """Return a stack of the hosts of this test; they are stopped after it."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start(ground: Ground, running: ExitStack) -> Start:
    """Return a function that starts a host of this test's own: ``start(12, applied=True)``."""
    return lambda *args, **kwargs: running.enter_context(ground.host(*args, **kwargs))


@pytest.fixture(scope="module")
def repository(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Return an empty signed repository; needs a machine that can run hosts."""
    return Repository(tmp_path_factory.mktemp("local") / "repository")


@pytest.fixture(scope="module")
def packages(repository: Repository) -> Repository:
    """Publish a vendor's package, and packages that a local security suite has updates for."""
    config = "/etc/configured.conf"
    repository.publish("vendor", [Deb("vendor-tool", "1"), Deb("vendor-tool", "2")], **VENDOR)
    repository.publish(
        "main-pocket",
        [
            Deb("plain", "1"),
            Deb("plain-tools", "1"),
            Deb("configured", "1", conffiles={config: "packaged 1\n"}),
        ],
        Origin="Debian",
        Label="Debian",
        Codename="trixie",
    )
    repository.publish(
        "trixie-security",
        [
            Deb("plain", "2"),
            Deb("plain-tools", "2"),
            Deb("configured", "2", conffiles={config: "packaged 2\n"}),
        ],
        **SECURITY,
    )
    return repository


@pytest.fixture(scope="module")
def layers(
    ground: Ground, packages: Repository, request: pytest.FixtureRequest
) -> tuple[Path, ...]:
    """Return a system that knows the local repository alone, so that a run takes seconds."""
    with ground.host(CURRENT, applied=True, binds=(packages.bind,)) as minion:
        minion.host.sh("rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*")
        minion.host.sh("rm -rf /var/lib/apt/lists/*")
        packages.configure(minion.host, "main-pocket", "trixie-security", "vendor")
        install = ("apt-get", "install", "-qy")
        minion.host.run(*install, "plain=1", "plain-tools=1", "configured=1", "vendor-tool=1")
        return ground.freeze(minion, f"small-{request.module.__name__}")


@pytest.fixture
def small(
    ground: Ground, layers: tuple[Path, ...], packages: Repository, running: ExitStack
) -> Minion:
    """Return a host of this test's own with that system."""
    return running.enter_context(ground.on(layers, binds=(packages.bind,)))
