"""
Times of the formula on real Debian systems: second apply, status, grain, the upgrade. Needs root.

``python -m benchmarks.formula`` with the repository and ``_utils`` on the path, or
``bin/bench formula``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from tests.formula import system
from tests.hosts import machine, minion, roots

REPO = Path(__file__).resolve().parents[1]
GRAIN = """
import importlib.util, os, sys, time
root = "/var/cache/salt/minion/extmods"
sys.path.insert(0, root + "/utils")
spec = importlib.util.spec_from_file_location("grain", root + "/grains/unattended_upgrades.py")
module = importlib.util.module_from_spec(spec)
module.__opts__ = {"cachedir": "/run"}
spec.loader.exec_module(module)
for _ in range(int(sys.argv[1])):
    began = time.monotonic()
    module.unattended_upgrades()
    print(time.monotonic() - began)
"""
"""Times the grain alone; the first time nothing is kept yet."""


def measure(release: int, runs: int) -> None:
    """Print the figures of one Debian release."""
    root = roots.obtain(roots.Recipe(release))
    setup = minion.with_salt(machine.Setup((root,), name="web-1"), REPO)
    with machine.Host(setup) as host:
        salt = minion.Minion(host)
        salt.pillar({"unattended_upgrades": {}})
        salt.call("saltutil.sync_all")
        fresh = system.security_pending(host)
        first = salt.apply("unattended-upgrades")
        if first.failed:
            raise SystemExit(f"Debian {release}: {first.failed}")
        again = [salt.apply("unattended-upgrades") for _ in range(runs)]
        status = [salt.call("unattended_upgrades.status") for _ in range(runs)]
        grain = host.run(minion.PYTHON, "-c", GRAIN, str(runs)).lines
        pending, before = system.security_pending(host), system.installed(host)
        start = time.monotonic()
        system.run_daily_upgrade(host)
        took = time.monotonic() - start
        after = system.installed(host)
    changed = {name for name, version in after.items() if before.get(name) != version}
    print(
        f"Debian {release}: {len(fresh)} pending at first, {len(pending)} after the apply; "
        f"{len(changed & set(pending))} installed in {took:.0f} s, "
        f"{len(changed - set(pending))} others"
    )
    print(f"  second apply, s: {[round(one.done.seconds, 2) for one in again]}")
    print(f"    changed: {[len(one.changed) for one in again]}")
    print(f"  grain, s, nothing kept at first: {[round(float(one), 3) for one in grain]}")
    print(f"  status, s: {[round(one.value['checked_seconds'], 2) for one in status]}")
    print(f"    salt-call included: {[round(one.done.seconds, 2) for one in status]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", type=int, nargs="+", default=[12, 13])
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    for release in args.releases:
        measure(release, args.runs)


if __name__ == "__main__":
    main()
