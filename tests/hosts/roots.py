"""Root directories of real Debian releases, with their security updates still to be installed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path

from tests.hosts import sources
from tests.hosts.capability import ARCHIVE_KEYRING

RECIPE_VERSION = 1
"""Part of the cache key: raise it when :func:`build` changes what it puts into a root."""

MAX_AGE_S = 24 * 3600
"""A root older than this is rebuilt: the archive has moved on and its debs may be gone."""

KEPT_S = 2 * MAX_AGE_S
"""A replaced root stays so long, as another test run may still have hosts on it."""

PROCESS_STARTED = time.time()
BUILD_DEADLINE_S = 900
PROBE_DEADLINE_S = 20
REBUILD_VARIABLE = "ASGCYCLE_REBUILD_ROOTS"
"""Set this environment variable to have every root rebuilt once."""

BASE_PACKAGES = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "ca-certificates",
    "lsb-release",
    "debian-archive-keyring",
    "openssl",
    "python3",
)
PREFETCHED = ("unattended-upgrades",)
"""Downloaded into the root's cache, not installed: what is tested installs it."""

CODENAMES = {11: "bullseye", 12: "bookworm", 13: "trixie"}

AGE = r"""
set -e
work=$(mktemp -d)
cd "$work"
dpkg-query -W -f '${Package} ${Version}\n' | sort > installed
awk '/^Package:/ {p = $2} /^Version:/ {print p, $2}' \
    /var/lib/apt/lists/*-security_*_Packages | sort -u > offered
comm -12 installed offered > same
aged=0
while read -r package version && [ "$aged" -lt 3 ]; do
    rm -rf ./*.deb tree
    apt-get download -q "$package=$version" </dev/null
    dpkg-deb -R ./*.deb tree
    sed -i 's/^Version: .*/&~aged/' tree/DEBIAN/control
    dpkg-deb -b tree ./aged.deb
    apt-get install -qy --no-remove --allow-downgrades ./aged.deb </dev/null || continue
    aged=$((aged + 1))
done < same
cd / && rm -rf "$work"
"""
"""Makes packages older than the security archive's: a point release may have just taken all in."""

CUSTOMIZE = r"""
set -e
root=$1
: > "$root/etc/apt/sources.list"
printf '%s\n' "$MAIN_LINE" "$SECURITY_LINE" > "$root/etc/apt/sources.list"
printf '%s' "$ACQUIRE" > "$root/etc/apt/apt.conf.d/00build-machine"
chroot "$root" apt-get update -q
if ! chroot "$root" apt-get -s dist-upgrade | grep -q '^Inst .*Debian-Security:'; then
    chroot "$root" sh -c "$AGE"
fi
chroot "$root" apt-get install -qy --download-only $PREFETCH
chroot "$root" apt-get dist-upgrade -qy --download-only
rm -f "$root/etc/machine-id" && : > "$root/etc/machine-id"
"""


class BuildError(RuntimeError):
    """A root could not be built; the message ends with mmdebstrap's last lines."""


@dataclass(frozen=True)
class Recipe:
    """What a root is made of; equal recipes share one cached root.

    ``release`` is Debian's number, ``packages`` are installed beside :data:`BASE_PACKAGES`.
    """

    release: int
    packages: tuple[str, ...] = ()

    @property
    def codename(self) -> str:
        """Debian's name for the release."""
        return CODENAMES[self.release]

    def key(self, mirror: sources.Mirror, acquire: str) -> str:
        """Return the name of this root in the cache."""
        everything = [
            RECIPE_VERSION,
            asdict(self),
            BASE_PACKAGES,
            PREFETCHED,
            AGE,
            CUSTOMIZE,
            asdict(mirror),
            acquire,
        ]
        digest = hashlib.sha256(json.dumps(everything).encode()).hexdigest()
        return f"debian{self.release}-{digest[:16]}"


def cache_directory() -> Path:
    """Return where roots and running hosts live; outside of the repository, made when absent."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directory = base / "asgcycle"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def why_unreachable(release: int) -> str | None:
    """Return in words why a Debian release cannot be built from this machine's mirror, or None."""
    try:
        mirror = sources.own_mirror()
    except sources.NoMirror as error:
        return str(error)
    codename = CODENAMES[release]
    for archive, suite in ((mirror.main, codename), (mirror.security, f"{codename}-security")):
        # S310 asks for a check of the scheme: the address is from the machine's own apt sources
        probe = urllib.request.Request(f"{archive}/dists/{suite}/InRelease", method="HEAD")  # noqa: S310
        try:
            urllib.request.urlopen(probe, timeout=PROBE_DEADLINE_S).close()  # noqa: S310
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                return f"the archive of Debian {release} ({suite}) is not reachable: {error}"
            return (
                f"Debian {release} ({suite}) is no longer on the mirror of this machine: releases "
                "move to the archive for old releases after their end of life"
            )
        except (urllib.error.URLError, TimeoutError) as error:
            return f"the archive of Debian {release} ({suite}) is not reachable: {error}"
    return None


def obtain(recipe: Recipe) -> Path:
    """Return a cached root for ``recipe``, building it when it is absent or a day old.

    The directory is shared: lay an overlay over it, never write into it.

    Raises:
        BuildError: mmdebstrap failed.
        sources.NoMirror: this machine's apt names no Debian mirror.
    """
    mirror, acquire = sources.own_mirror(), sources.acquire_settings()
    store = cache_directory() / "roots"
    store.mkdir(exist_ok=True)
    key = recipe.key(mirror, acquire)
    with _locked(store / f".{key}.lock"):
        generations = _generations(store, key)
        if generations and _usable(*generations[-1]):
            return generations[-1][1]
        now = int(time.time())
        finished = store / f"{key}.{now}"
        build(recipe, mirror, acquire, store).rename(finished)
        for built, root in generations:
            if now - built > KEPT_S:
                shutil.rmtree(root)
        return finished


def build(recipe: Recipe, mirror: sources.Mirror, acquire: str, store: Path) -> Path:
    """Build a root in a new directory below ``store`` and return it.

    It is installed from the main archive alone; then the security archive is configured and its
    lists are fetched, so that every security update since the last point release is pending. When
    there is none yet, a few packages are repacked with a lower version than they have there.
    The debs of the pending updates and of :data:`PREFETCHED` wait in apt's cache.
    """
    target = Path(tempfile.mkdtemp(prefix=f".{recipe.codename}-", dir=store))
    signed = f"[signed-by={ARCHIVE_KEYRING}] "
    environment = {
        **os.environ,
        "MAIN_LINE": mirror.main_line(recipe.codename).replace("deb ", f"deb {signed}", 1),
        "SECURITY_LINE": mirror.security_line(recipe.codename).replace("deb ", f"deb {signed}", 1),
        "ACQUIRE": acquire,
        "AGE": AGE,
        "PREFETCH": " ".join(PREFETCHED),
    }
    command = [
        "mmdebstrap",
        "--variant=apt",
        "--mode=root",
        "--format=directory",
        "--skip=cleanup/apt/lists,cleanup/apt/cache,check/empty",
        f"--include={','.join((*BASE_PACKAGES, *recipe.packages))}",
        *(f"--aptopt={line}" for line in acquire.splitlines()),
        f"--customize-hook={CUSTOMIZE}",
        recipe.codename,
        str(target),
        environment["MAIN_LINE"],
    ]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=BUILD_DEADLINE_S
    )
    if done.returncode:
        shutil.rmtree(target, ignore_errors=True)
        raise BuildError(f"mmdebstrap failed for {recipe}:\n{done.stderr[-2000:]}")
    target.chmod(0o755)
    return target


def _generations(store: Path, key: str) -> list[tuple[int, Path]]:
    """Return the finished builds of one recipe as (time built, root), oldest first."""
    return sorted((int(path.name.rpartition(".")[2]), path) for path in store.glob(f"{key}.*"))


def _usable(built: int, root: Path) -> bool:
    """Return whether a root built at ``built`` (seconds) is young enough, and not asked anew."""
    wanted_anew = os.environ.get(REBUILD_VARIABLE) and built < PROCESS_STARTED
    return not wanted_anew and time.time() - built < MAX_AGE_S and root.is_dir()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``path``, so that two test runs do not build one root twice."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
