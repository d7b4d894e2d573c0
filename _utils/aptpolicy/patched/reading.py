"""What apt knows, through the system's python-apt. Changes and downloads nothing."""

import calendar
import glob
import os
import re
import time

from . import SECURITY_KEY, dpkg, origins, sources, support
from .decide import note

BROKEN_STATES = ("HALF_CONFIGURED", "HALF_INSTALLED", "UNPACKED")
UNATTENDED = "Unattended-Upgrade::"
FETCHED_STAMP = "var/lib/apt/periodic/update-success-stamp"  # by a hook of aptpolicy.fragment
PHASED = "Phased-Update-Percentage"
PHASED_POCKET = "-updates"  # the only one that Ubuntu phases; looking it up is slow
RELEASE_HEAD = 4096  # bytes; Valid-Until stands before the checksums
NOTHING = {"repositories": None, "trusted": [], "packages": None, "broken": [], "patterns": [],
           "pairs": [], "security": [], "blacklist": [], "whitelist": [], "strict": False,
           "sources": []}  # fmt: skip


class Apt:
    """apt's cache, opened once."""

    def __init__(self, module):
        self.module = module
        module.init()
        # No progress output, and the caches are used as they are: nothing is downloaded.
        self.cache = module.Cache(None)
        self.policy = module.Policy(self.cache)
        self.policy.read_pinfile(module.config.find_file("Dir::Etc::preferences"))
        self.policy.read_pindir(module.config.find_dir("Dir::Etc::preferencesparts"))
        self.files = [entry for entry in self.cache.file_list if not entry.not_source]
        self.places = {entry.id: index for index, entry in enumerate(self.files)}
        self.records = module.PackageRecords(self.cache)
        self.sources = module.SourceList()
        self.sources.read_main_list()

    def facts(self):
        config, packages, broken = self.module.config, [], []
        states = {getattr(self.module, "CURSTATE_" + name) for name in BROKEN_STATES}
        for package in self.cache.packages:
            if package.current_ver:
                if package.current_state in states:
                    broken.append(package.name)
                packages.append(self._package(package))
        return {
            "repositories": [[getattr(entry, name, "") or "" for name in origins.FIELDS]
                             for entry in self.files],
            "trusted": [self._is_trusted(entry) for entry in self.files],
            "packages": [package for package in packages if package],
            "broken": broken,
            "patterns": config.value_list(UNATTENDED + "Origins-Pattern"),
            "pairs": config.value_list(UNATTENDED + "Allowed-Origins"),
            "security": config.value_list(SECURITY_KEY),
            "blacklist": config.value_list(UNATTENDED + "Package-Blacklist"),
            "whitelist": config.value_list(UNATTENDED + "Package-Whitelist"),
            "strict": config.find_b(UNATTENDED + "Package-Whitelist-Strict", False),
            "sources": self._sources(),
        }  # fmt: skip

    def _package(self, package):
        """A package with newer versions, None without."""
        newer = []
        for version in package.version_list:
            if version <= package.current_ver:
                break  # they come newest first
            newer.append(version)
        found = self.described(package, newer, self.policy.get_candidate_ver(package))
        return found if found["newer"] else None

    def described(self, package, newer, candidate):
        """A package as decide reads it; versions that no repository has are left out."""
        rows = []
        for version in newer:
            places = {self.places.get(entry.id) for entry, _ in version.file_list} - {None}
            if places:
                rows.append({"version": version.ver_str, "repositories": sorted(places),
                             "phased": self._is_phased(package, version)})  # fmt: skip
        current = package.current_ver
        return {
            "name": package.name,
            "arch": package.architecture,
            "installed": current.ver_str if current else None,
            "held": package.selected_state == self.module.SELSTATE_HOLD,
            "candidate": candidate.ver_str if candidate else None,
            "newer": rows,
        }

    def _is_trusted(self, entry):
        index = self.sources.find_index(entry)
        return bool(index and index.is_trusted)

    def _is_phased(self, package, version):
        """Whether apt leaves out a version because its turn has not come on this machine."""
        if not any((entry.archive or "").endswith(PHASED_POCKET) for entry, _ in version.file_list):
            return False
        self.records.lookup(version.file_list[0])
        said = self.records[PHASED] if PHASED in self.records else ""  # noqa: SIM401 - no mapping
        if not said.isdigit() or int(said) >= 100:
            return False
        if self.policy.get_priority(version) == 1:
            return True  # how apt 2.1.16 to 2.5 does it
        depcache = self.module.DepCache(self.cache)
        if hasattr(depcache, "phasing_applied"):
            return depcache.phasing_applied(package)
        depcache.upgrade(True)
        return not (depcache.marked_upgrade(package) or depcache.marked_install(package))

    def _sources(self):
        """Each line of the sources with its repositories, and what is wrong with their lists."""
        indexes = [self.sources.find_index(entry) for entry in self.files]
        names = [index.describe if index else None for index in indexes]
        found = [self._source(release, names) for release in self.sources.list]
        return [source for source in found if source]

    def _source(self, release, names):
        """A line of the sources; None for one of source packages alone."""
        own = [index for index in release.index_files if index.has_packages]
        if not own:
            return None
        described = {index.describe for index in own}
        places = [place for place, name in enumerate(names) if name in described]
        problem = None
        missing = not any(index.exists for index in own)
        if missing:
            problem = "has never been fetched"
        elif places and self._has_expired(self.files[places[0]].filename):
            problem = "has expired, and its mirror has no newer"
        return {"uri": release.uri.rstrip("/"), "suite": release.dist.rstrip("/"), "place": "",
                "repositories": places, "problem": problem, "closed": missing}  # fmt: skip

    def _has_expired(self, filename):
        """Whether a list's Release file has passed its Valid-Until, unless apt took it even so."""
        for path in glob.glob(self.module.config.find_dir("Dir::State::lists") + "*Release"):
            if filename.startswith(re.sub("(In)?Release$", "", path)):
                until = valid_until(_head(path))
                return bool(until and _written(FETCHED_STAMP) < until < time.time())
        return False


def facts(root="/"):
    """``(facts for decide, Apt or None)``; what could not be read is in ``unknown``."""
    found = dict(NOTHING, system=list(origins.system_of(_text("etc/os-release", root))))
    unknown, apt = [], None
    if dpkg.interrupted(root):
        unknown.append(note("installed", "dpkg was interrupted: dpkg --configure -a"))
    holder = dpkg.lock_holder(root, ignore=("var/lib/apt/daily_lock",))
    if holder and holder[1] != os.getpid():
        unknown.append(note("installed", "packages are being changed: process {1} holds {0}"
                            .format(*holder)))  # fmt: skip
    try:
        import apt_pkg
    except ImportError:
        why = "python3-apt is not installed; unattended-upgrades brings it"
        unknown.append(note("packages", why))
        return dict(found, unknown=unknown), None
    try:
        apt = Apt(apt_pkg)
        found = dict(found, **apt.facts())
        _place(found["sources"], root)
        if not apt.files:
            found["packages"] = None
            unknown.append(note("lists", "there are no package lists: apt-get update"))
    except apt_pkg.Error as exc:
        unknown.append(note("packages", f"apt: {exc}"))
    return dict(found, unknown=unknown), apt


def _place(rows, root):
    """Add to what is wrong with a list where its source is written, and whether it is closed."""
    known = sources.entries(root) if any(row["problem"] for row in rows) else ()
    for row in rows:
        row["closed"] = row["closed"] and sources.lacks_token(row["uri"], root)
        if row["problem"]:
            row["place"] = sources.places(known, row["uri"], row["suite"])
        if row["closed"]:
            row["problem"] += ": there is no token of Ubuntu Pro for it"


def support_table(system, root="/"):
    """The text of distro-info-data's table of a distribution; None when it is not there."""
    name = support.TABLES.get(system.distribution)
    return (_text(os.path.join(support.FOLDER, name), root) or None) if name else None


def valid_until(text):
    """The end of a Release file in seconds since the epoch, None when it names none."""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == "Valid-Until":
            try:
                parsed = time.strptime(value.strip(), "%a, %d %b %Y %H:%M:%S %Z")
            except ValueError:
                return None
            return calendar.timegm(parsed)
    return None


def _head(path):
    with open(path, encoding="utf-8", errors="replace") as handle:
        return handle.read(RELEASE_HEAD)


def _written(relative):
    try:
        return os.stat("/" + relative).st_mtime
    except OSError:
        return 0.0


def _text(relative, root):
    try:
        with open(os.path.join(root, relative), encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return ""
