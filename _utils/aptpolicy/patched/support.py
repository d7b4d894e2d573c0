"""Until when a release gets security updates, by the tables of distro-info-data. Pure.

Their columns, in debian.csv and ubuntu.csv of the package distro-info-data, are an end of regular
support, one of LTS, which comes through the same archive, and ends that need an archive of their
own (ELTS of Freexian, ESM of Ubuntu Pro).
"""

import csv
import datetime
import io

FOLDER = "usr/share/distro-info"
TABLES = {"Debian": "debian.csv", "Raspbian": "debian.csv", "Ubuntu": "ubuntu.csv"}
ENDS = ("eol", "eol-server", "eol-lts")
WARN_DAYS = 90


def of(system, table, repositories):
    """
    ``{until, unknown}``: the last day with security updates as ISO 8601, None while no end is
    known; ``unknown`` says why nothing is known.

    ``table``: text of the distribution's table, None when it is missing. ``repositories``: as in
    the answer of :func:`patched.decide.decide`, None when they are not known.
    """
    if system.distribution not in TABLES:
        return _unknown(f"there is no table of {system.distribution or 'this distribution'}")
    if table is None:
        return _unknown("distro-info-data is not installed")
    rows = {row["series"]: row for row in csv.DictReader(io.StringIO(table))}
    row = rows.get(system.codename)
    if row is None:
        name = system.codename or system.release
        return _unknown(f"distro-info-data does not know {name}: is it older than the release?")
    ends = [row.get(name) for name in (*ENDS, *_extended(repositories or ()))]
    known = [end for end in ends if end]
    if not known and row.get("release") and system.release[:1].isdigit():
        return _unknown(f"distro-info-data names no end of {system.codename}")
    return {"until": max(known) if known else None, "unknown": None}


def _unknown(why):
    return {"until": None, "unknown": why}


def _extended(repositories):
    """The columns that count because their archive is there."""
    for one in repositories:
        name = " ".join((one["origin"], one["label"], one["site"])).lower()
        if "freexian" in name or "elts" in name:
            yield "eol-elts"
        if one["origin"].startswith("UbuntuESM"):
            yield "eol-legacy" if "-legacy-" in one["archive"] else "eol-esm"


def judged(support, system, now):
    """
    ``(why no more updates come, a warning)``, each None when there is none.

    ``now``: seconds since the epoch.
    """
    if not support["until"]:
        return None, None
    name = f"{system.distribution} {system.release or system.codename}"
    today = datetime.datetime.fromtimestamp(now, datetime.timezone.utc).date()
    # fromisoformat came with Python 3.7
    left = (datetime.date.fromisoformat(support["until"]) - today).days
    if left < 0:
        return "{} gets no security updates since {}".format(name, support["until"]), None
    if left <= WARN_DAYS:
        return None, "{} gets no security updates after {}".format(name, support["until"])
    return None, None
