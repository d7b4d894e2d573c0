"""Follow a dated snapshot of the archive with a delay in days.

Managed by Salt, formula unattended-upgrades. Run by the system's Python before apt's daily jobs
fetch lists: it looks which day's snapshot is there and has apt's sources point to it, through files
that apt reads as lists of mirrors. Exit code 0 when the day that the delay asks for is followed.

Never a newer day than that. When it is not there, the newest older one of the last ``go_back``
days; when a mirror does not answer, what is followed stays. Why is in RECORD, and printed.
"""

import calendar
import datetime
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.request

CONFIG = "etc/asgcycle/snapshot.json"
MIRRORS = "etc/asgcycle/snapshot"  # a file for each source, with one URL
RECORD = "var/lib/unattended-upgrades/salt-snapshot.json"
SECONDS = 30  # a Release file is small; apt's own timeout is as long
HEAD = 65_536  # bytes; the fields that count stand before the checksums
RELEASE_TIME = "%a, %d %b %Y %H:%M:%S"
ALSO_MISSING = (403, 404, 410)  # an object store says 403 for what is not there


class Missing(Exception):
    """There is no such snapshot, or it is none of its day."""


class Unknown(Exception):
    """It cannot be told whether there is."""


def main(root="/", now=None, fetch=None):
    """Look, follow, keep the record; ``now`` in seconds since the epoch."""
    now = time.time() if now is None else now
    with open(os.path.join(root, CONFIG), encoding="utf-8") as handle:
        config = json.load(handle)
    wanted = day_of(now) - datetime.timedelta(days=config["delay"])
    day, why = choose(config, wanted, fetch or head)
    if day is not None:
        for place, source in enumerate(config["sources"]):
            text = url(source, config, day) + "\n"
            replace(os.path.join(root, MIRRORS, f"{place}.mirror"), text)
    record = {
        "wanted": wanted.isoformat(),
        "follows": day.isoformat() if day else _follows(root),
        "checked": datetime.datetime.fromtimestamp(now, datetime.timezone.utc).isoformat(),
        "why": why,
    }
    replace(os.path.join(root, RECORD), json.dumps(record))
    for line in why:
        print(line)
    return 0 if day == wanted else 1


def choose(config, wanted, fetch):
    """``(day to follow or None for what is followed now, why it is not the wanted one)``."""
    why = []
    for back in range(config["go_back"] + 1):
        day = wanted - datetime.timedelta(days=back)
        try:
            for source in config["sources"]:
                place = "{}/dists/{}/InRelease".format(url(source, config, day), source["suite"])
                check(fetch(place), day, place)
            return day, why
        except Missing as exc:
            why.append(str(exc))
        except Unknown as exc:
            return None, [*why, str(exc)]
    return None, [*why, "no snapshot of the {} days before either".format(config["go_back"])]


def check(text, day, place):
    """Raise Missing unless a Release file is one of this day, and was valid then."""
    begin = calendar.timegm(day.timetuple())
    fields = dict(line.partition(":")[::2] for line in text.splitlines() if ": " in line)
    made, until = (moment(fields.get(name)) for name in ("Date", "Valid-Until"))
    if made is None:
        raise Missing(f"{place} is no Release file: it has no Date")
    if made >= begin + 86_400:
        raise Missing("{} is later than its day: made at{}".format(place, fields["Date"]))
    if until is not None and until < begin:
        raise Missing("{} had expired before its day:{}".format(place, fields["Valid-Until"]))


def moment(text):
    """A time of a Release file in seconds since the epoch; None when there is none."""
    try:
        return calendar.timegm(time.strptime(" ".join((text or "").split()[:5]), RELEASE_TIME))
    except ValueError:
        return None


def head(place):
    """The begin of a file at a URL; raises Missing or Unknown."""
    try:
        with urllib.request.urlopen(place, timeout=SECONDS) as answer:
            return answer.read(HEAD).decode("utf-8", "replace")
    except urllib.error.HTTPError as exc:
        kind = Missing if exc.code in ALSO_MISSING else Unknown
        raise kind(f"{place}: {exc.code}")
    except urllib.error.URLError as exc:
        absent = isinstance(exc.reason, FileNotFoundError) or "No such file" in str(exc.reason)
        raise (Missing if absent else Unknown)(f"{place}: {exc.reason}")
    except (OSError, http.client.HTTPException) as exc:
        raise Unknown(f"{place}: {exc}")


def url(source, config, day):
    """The URL of a source on a day."""
    return source["url"].replace("{date}", day.strftime(config["date"]))


def day_of(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).date()


def replace(path, text):
    """Write a file so that it is there as a whole or not at all."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as handle:
        handle.write(text)
    os.chmod(path + ".new", 0o644)
    os.replace(path + ".new", path)


def _follows(root):
    try:
        with open(os.path.join(root, RECORD), encoding="utf-8") as handle:
            return json.load(handle)["follows"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


if __name__ == "__main__":
    sys.exit(main())
