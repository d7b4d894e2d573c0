"""Real Debian hosts for the formula's tests.

``start`` gives a test a host of its own in about half a second. What is slow, applying the formula
to a fresh release, is done once and kept as a layer that further hosts are started from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.hosts import capability, roots
from tests.hosts.machine import Host, Setup
from tests.hosts.minion import Minion, with_salt
from tests.hosts.scratch import Scratch

REPOSITORY = Path(__file__).parents[2]
PILLARS = REPOSITORY / "tests" / "pillar"
FORMULA = "unattended-upgrades"

RELEASES = (12, 13, 11)
"""Every Debian release that the formula is run on."""

Start = Callable[..., Minion]


@cache
def _why_unreachable(release: int) -> str | None:
    return roots.why_unreachable(release)


class Ground:
    """The layers that hosts are started from, made when first asked for."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._applied: dict[int, tuple[Path, ...]] = {}

    def fresh(self, release: int) -> tuple[Path, ...]:
        """Return the layers of a release that nobody has touched yet."""
        if reason := _why_unreachable(release):
            pytest.skip(reason)
        return (roots.obtain(roots.Recipe(release)),)

    def applied(self, release: int) -> tuple[Path, ...]:
        """Return the layers of a release with the formula applied as it is by default."""
        if release not in self._applied:
            host = Host(_setup(self.fresh(release)))
            with host:
                minion = Minion(host)
                minion.pillar_file(PILLARS / "default.sls")
                result = minion.apply(FORMULA)
                assert not result.failed, result.failed
                layers = host.freeze(self._store / f"applied-{release}")
            # The top layer holds Salt and is put back by whoever starts a host.
            self._applied[release] = (layers[0], *layers[2:])
        return self._applied[release]


def _setup(layers: tuple[Path, ...]) -> Setup:
    return with_salt(Setup(layers, name="web-1"), REPOSITORY)


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    if reason := capability.why_not():
        pytest.skip(f"no real hosts on this machine: {reason}")
    scratch = Scratch("layers")
    try:
        yield Ground(scratch.path)
    finally:
        scratch.remove()


@pytest.fixture(scope="session", params=RELEASES, ids="debian{}".format)
def release(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def start(ground: Ground) -> Iterator[Start]:
    """Return a function that starts a host of this test's own: ``start(12, applied=True)``."""
    with ExitStack() as running:

        def start(release: int, applied: bool = False) -> Minion:
            layers = ground.applied(release) if applied else ground.fresh(release)
            return Minion(running.enter_context(Host(_setup(layers))))

        yield start
