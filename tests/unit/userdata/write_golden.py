"""Writes the golden files anew: ``PYTHONPATH=_utils:. python -m tests.unit.userdata.write_golden``.

Then read the difference: it is what new instances would do differently.
"""

from tests.unit.userdata.build import EVERY, GOLDEN, outlined


def name(system, upgrade, reboot):
    """The file of a combination."""
    return GOLDEN / f"{system}.{upgrade}.{reboot}.txt"


if __name__ == "__main__":
    for old in GOLDEN.glob("*.txt"):
        old.unlink()
    GOLDEN.mkdir(exist_ok=True)
    for combination in EVERY:
        name(*combination).write_text(outlined(*combination), encoding="utf-8")
