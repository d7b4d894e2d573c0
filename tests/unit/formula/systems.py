"""Operating systems and repositories that several tests speak about."""

from aptpolicy.errors import PolicyRefused
from aptpolicy.origins import Repository
from aptpolicy.policy import from_pillar
from aptpolicy.versions import OperatingSystem

BULLSEYE = OperatingSystem("Debian", "bullseye", "11", "2.8")
BOOKWORM = OperatingSystem("Debian", "bookworm", "12", "2.9.1+nmu3")
TRIXIE = OperatingSystem("Debian", "trixie", "13", "2.12")
TESTING = OperatingSystem("Debian", "forky", "", "2.13")
SID = OperatingSystem("Debian", "sid", "", "2.13")
FOCAL = OperatingSystem("Ubuntu", "focal", "20.04", "2.3ubuntu0.3")
JAMMY = OperatingSystem("Ubuntu", "jammy", "22.04", "2.8ubuntu1")
NOBLE = OperatingSystem("Ubuntu", "noble", "24.04", "2.9.1+nmu4ubuntu1")
QUESTING = OperatingSystem("Ubuntu", "questing", "25.10")  # an interim release
RESOLUTE = OperatingSystem("Ubuntu", "resolute", "26.04")
RASPBIAN = OperatingSystem("Raspbian", "bookworm", "12", "2.9.1+nmu3")
MINT = OperatingSystem("Linuxmint", "virginia", "21.3", "2.8ubuntu1")


def debian(archive, codename, label="Debian", origin="Debian"):
    return Repository(origin, label, archive, codename, "main", "deb.example.org")


def ubuntu(archive, origin="Ubuntu"):
    codename = archive.partition("-")[0]
    return Repository(origin, origin, archive, codename, "main", "archive.example.org")


def policy(pillar=None, system=BOOKWORM, minion_id="web1", **more):
    return from_pillar(pillar, system, minion_id, **more)


def refusals(pillar, system=BOOKWORM, **more):
    """Messages of a refused pillar; an accepted one gives none."""
    try:
        policy(pillar, system, **more)
    except PolicyRefused as exc:
        return [str(problem) for problem in exc.problems]
    return []
