"""What apt knows → what is pending, excluded, unknown. Pure.

Decided as unattended-upgrade decides it (calculate_upgradable_pkgs, adjust_candidate,
sanity_problem in its source, 2.3 to 2.13): apt's own candidate, or the newest version of an
allowed origin below it; never one that apt would not take.
"""

import re

from . import origins

SCHEMA = 1
PENDING = "pending"
EXCLUDED = "excluded"
# What an update is: of a security archive, else of a point release of Debian, else neither.
SECURITY, POINT_RELEASE, OTHER = KINDS = ("security", "point_release", "other")
REASONS = ("held", "blacklisted", "not_whitelisted", "not_allowed", "pinned", "not_trusted",
           "phased", "kept_back")  # fmt: skip
# What an entry of ``unknown`` is about; these make it unknown what the policy would do at all.
OF_POLICY = frozenset({"packages", "policy", "lists"})
# A suite that looks like this is taken for a security archive as long as its list is missing.
SECURITY_SUITE = re.compile(r".*-security(/.*)?|.*/updates")


def decide(facts, kept_back=None):
    """
    Return the answer as plain data.

    ``facts``: what :func:`patched.reading.facts` returns. ``kept_back``: why the packages that
    are named in it, as ``name:arch``, could not be installed; :func:`wanted` says which to try.

    ``{schema, repositories: [{origin, …, allowed, security, kind}], packages: [{name, arch,
    installed, candidate, repositories, security, kind, state, reason, detail}], broken, unknown:
    [{what, why}], warnings, used: [[URI, suite]], allowed: [[URI, suite, [origin]]]}``;
    ``repositories`` and ``packages`` are None where apt could not be asked. ``used``: the lines of
    the sources on which the security updates depend. ``allowed``: those that bring anything the
    policy allows, with the origins of what they bring.
    """
    policy = Policy(facts)
    packages = facts["packages"]
    found = None
    if packages is not None:
        found = [policy.judged(one, kept_back or {}) for one in packages]
        found.sort(key=lambda one: (one["name"], one["arch"]))
    used = [source for source in facts["sources"] if policy.needs(source)]
    trouble = {
        needed: [
            trouble_with(source)
            for source in facts["sources"]
            if source["problem"] and (source in used) == needed
        ]
        for needed in (True, False)
    }
    return {
        "schema": SCHEMA,
        "repositories": None if facts["repositories"] is None else policy.repositories(),
        "packages": found,
        "broken": facts["broken"],
        "unknown": facts["unknown"]
        + policy.unknown
        + [note("lists", why) for why in trouble[True]],
        "warnings": trouble[False],
        "used": [[source["uri"], source["suite"]] for source in used],
        "allowed": list(policy.allowed_sources(facts["sources"])),
    }


def trouble_with(source):
    """What is wrong with the list of a line of the sources, and where that line stands."""
    uri = re.sub("//[^/@]*@", "//", source["uri"])  # without a password
    place = f" ({source['place']})" if source.get("place") else ""
    return f"the list of {uri} {source['suite']}{place} {source['problem']}"


def wanted(answer):
    """``name:arch`` → version of everything that is to be installed."""
    rows = answer["packages"] or ()
    return {key(one): one["candidate"] for one in rows if one["state"] == PENDING}


def key(package):
    return "{name}:{arch}".format(**package)


def security(answer, state):
    """The security updates in this state; None when they are not known."""
    if answer["packages"] is None:
        return None
    return [one for one in answer["packages"] if one["security"] and one["state"] == state]


def counted(answer, state):
    """``{kind: number}`` of the updates in this state; None when they are not known."""
    if answer["packages"] is None:
        return None
    found = [one["kind"] for one in answer["packages"] if one["state"] == state]
    return {kind: found.count(kind) for kind in KINDS}


def note(what, why):
    """An entry of ``unknown``."""
    return {"what": what, "why": why}


class Policy:
    """The effective policy of unattended-upgrade over the repositories that apt knows."""

    def __init__(self, facts):
        self.system = origins.System(*facts["system"])
        self.known = [origins.Repository(*fields) for fields in facts["repositories"] or ()]
        self.trusted = facts["trusted"]
        self.blacklist = facts["blacklist"]
        self.whitelist = facts["whitelist"] if facts["strict"] else []  # an empty one is none
        self.unknown = []
        patterns = facts["patterns"] + self._of_pairs(facts["pairs"])
        marked = origins.security_patterns(self.system) + tuple(facts["security"])
        self.allowed = self._matching(patterns)
        self.security = self._matching(marked) if marked else self.allowed
        self.point_release = self._matching(origins.point_release_patterns(self.system))

    def repositories(self):
        return [
            dict(
                repository._asdict(),
                allowed=self.allowed[place],
                security=self.security[place],
                kind=self._kind([{"repositories": [place]}]),
            )
            for place, repository in enumerate(self.known)
        ]

    def _kind(self, versions):
        """What an update with these newer versions is, see KINDS."""
        for kind, flags in ((SECURITY, self.security), (POINT_RELEASE, self.point_release)):
            if any(self._any(flags, version) for version in versions):
                return kind
        return OTHER

    def needs(self, source):
        """Whether security updates come from a line of the sources; in doubt they do.

        Nothing comes from one that is closed to this host: it has no token for it, and never had.
        """
        if source.get("closed"):
            return False
        flags = [a and s for a, s in zip(self.allowed, self.security)]
        if source["repositories"]:
            return any(flags[index] for index in source["repositories"])
        return not any(flags) or bool(SECURITY_SUITE.match(source["suite"]))

    def allowed_sources(self, sources):
        """``[URI, suite, origins]`` of the lines that bring anything the policy allows."""
        for source in sources:
            places = source["repositories"]
            if any(self.allowed[place] for place in places):
                names = sorted({self.known[place].origin for place in places})
                yield [source["uri"], source["suite"], names]

    def _of_pairs(self, pairs):
        found = []
        for pair in pairs:
            try:
                found.append(origins.legacy_to_pattern(pair))
            except ValueError:
                self._unreadable(pair)
        return found

    def _matching(self, patterns):
        """For each repository whether one of the patterns matches it."""
        found = [False] * len(self.known)
        for pattern in patterns:
            try:
                for index, repository in enumerate(self.known):
                    found[index] |= origins.matches(pattern, repository, self.system)
            except (KeyError, ValueError):
                self._unreadable(pattern)
        return found

    def _unreadable(self, text):
        why = f"unattended-upgrade would stop at {text!r}"
        self.unknown.append(note("policy", why))

    def _listed(self, regexes, name):
        for regex in regexes:
            try:
                if re.match(regex, name):
                    return True
            except re.error:
                self._unreadable(regex)
        return False

    def judged(self, package, kept_back):
        """One package with a newer version: what becomes of it."""
        newer = package["newer"]  # newest first
        allowed, chosen = self._choice(package)
        best = chosen or (allowed or [v for v in newer if self._any(self.security, v)] or newer)[0]
        reason, detail = self.exclusion(package), None
        if reason is None and key(package) in kept_back:
            reason, detail = "kept_back", kept_back[key(package)]
        return {
            "name": package["name"],
            "arch": package["arch"],
            "installed": package["installed"],
            "candidate": best["version"],
            "repositories": [self.known[i]._asdict() for i in best["repositories"]],
            "security": any(self._any(self.security, version) for version in newer),
            "kind": self._kind(newer),
            "state": EXCLUDED if reason else PENDING,
            "reason": reason,
            "detail": detail,
        }

    def _any(self, flags, version):
        return any(flags[index] for index in version["repositories"])

    def _choice(self, package):
        """``(allowed versions, chosen one)``: apt's candidate, or the newest allowed below it."""
        newer = package["newer"]
        allowed = [version for version in newer if self._any(self.allowed, version)]
        versions = [version["version"] for version in newer]
        if package["candidate"] not in versions:
            return allowed, None
        first = versions.index(package["candidate"])
        return allowed, next((v for v in newer[first:] if v in allowed), None)

    def exclusion(self, package):
        """Why unattended-upgrade leaves a package alone, None when it does not."""
        name, (allowed, chosen) = package["name"], self._choice(package)
        if package["held"]:
            return "held"
        if self._listed(self.blacklist, name):
            return "blacklisted"
        if self.whitelist and not self._listed(self.whitelist, name):
            return "not_whitelisted"
        if any(version["phased"] for version in allowed):
            return "phased"
        if not allowed:
            return "not_allowed"
        if chosen is None:
            return "pinned"
        if not any(self.trusted[index] for index in chosen["repositories"]):
            return "not_trusted"
        return None
