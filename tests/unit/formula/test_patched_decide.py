"""What is pending, excluded, unknown: from what apt knows to the answer."""

import pytest

from aptpolicy.patched import decide, origins, reading

SECURITY = ["Debian", "Debian-Security", "oldstable-security", "bookworm-security", "main", "s"]
MAIN = ["Debian", "Debian", "oldstable", "bookworm", "main", "m"]
VENDOR = ["Vendor", "Vendor", "stable", "stable", "main", "v"]
PATTERN = "origin=Debian,codename=${distro_codename}-security,label=Debian-Security"
SOURCE = {"uri": "http://s", "suite": "bookworm-security", "repositories": [0], "problem": None}
DEAD_VENDOR = {"uri": "http://v", "suite": "stable", "repositories": [2], "problem": "is dead"}


def version(text, *places, phased=False):
    return {"version": text, "repositories": list(places), "phased": phased}


def package(*newer, candidate="2", held=False, name="libssl3"):
    return {"name": name, "arch": "amd64", "installed": "1", "held": held,
            "candidate": candidate, "newer": list(newer)}  # fmt: skip


def answered(*packages, kept_back=None, **facts):
    found = {
        **reading.NOTHING,
        "system": ["Debian", "bookworm", "12"],
        "repositories": [SECURITY, MAIN, VENDOR],
        "trusted": [True, True, True],
        "patterns": [PATTERN],
        "packages": list(packages),
        "sources": [SOURCE],
        "unknown": [],
        **facts,
    }
    return decide.decide(found, kept_back)


def only(answer):
    (found,) = answer["packages"]
    return found["state"], found["reason"], found["candidate"], found["security"]


FROM_SECURITY = package(version("2", 0))


@pytest.mark.parametrize(
    ("packages", "facts", "expected"),
    [
        (FROM_SECURITY, {}, ("pending", None, "2", True)),
        (package(version("2", 0), held=True), {}, ("excluded", "held", "2", True)),
        (FROM_SECURITY, {"blacklist": ["libssl"]}, ("excluded", "blacklisted", "2", True)),
        (FROM_SECURITY, {"blacklist": ["ssl"]}, ("pending", None, "2", True)),
        (
            FROM_SECURITY,
            {"whitelist": ["nginx"], "strict": True},
            ("excluded", "not_whitelisted", "2", True),
        ),
        (FROM_SECURITY, {"whitelist": ["nginx"]}, ("pending", None, "2", True)),
        (FROM_SECURITY, {"strict": True}, ("pending", None, "2", True)),
        # a pin at 1001 on what is installed
        (package(version("2", 0), candidate="1"), {}, ("excluded", "pinned", "2", True)),
        (package(version("2", 0), candidate=None), {}, ("excluded", "pinned", "2", True)),
        # the newest is not allowed: the tool takes the newest allowed one below it
        (
            package(version("3", 1), version("2", 0), candidate="3"),
            {},
            ("pending", None, "2", True),
        ),
        # apt itself prefers the older one of two that are allowed
        (
            package(version("3", 0), version("2", 0), candidate="2"),
            {},
            ("pending", None, "2", True),
        ),
        # a pin that lifts a vendor's version below the security archive's
        (
            package(version("3", 0), version("2", 2), candidate="2"),
            {},
            ("excluded", "pinned", "3", True),
        ),
        (package(version("2", 1)), {}, ("excluded", "not_allowed", "2", False)),
        (FROM_SECURITY, {"patterns": []}, ("excluded", "not_allowed", "2", True)),
        (
            package(version("2", 1)),
            {"patterns": ["origin=Debian,label=Debian"]},
            ("pending", None, "2", False),
        ),
        # an archive of one's own, marked as security
        (
            package(version("2", 2)),
            {"patterns": ["origin=Vendor"], "security": ["origin=Vendor"]},
            ("pending", None, "2", True),
        ),
        (
            package(version("2", 2)),
            {"pairs": ["Vendor:stable"]},
            ("pending", None, "2", False),
        ),
        (FROM_SECURITY, {"trusted": [False] * 3}, ("excluded", "not_trusted", "2", True)),
        (package(version("2", 0, phased=True)), {}, ("excluded", "phased", "2", True)),
    ],
)
def test_what_becomes_of_a_package(packages, facts, expected):
    assert only(answered(packages, **facts)) == expected


def test_what_the_tool_could_not_install_is_kept_back_with_what_is_in_the_way():
    answer = answered(FROM_SECURITY, kept_back={"libssl3:amd64": "it needs x"})
    assert only(answer) == ("excluded", "kept_back", "2", True)
    assert answer["packages"][0]["detail"] == "it needs x"
    assert decide.wanted(answered(FROM_SECURITY)) == {"libssl3:amd64": "2"}
    assert decide.wanted(answer) == {}


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        ({"patterns": ["origin"]}, "policy"),
        ({"patterns": ["colour=blue"]}, "policy"),
        ({"patterns": ["origin=${nonsense}"]}, "policy"),
        ({"pairs": ["a:b:c"]}, "policy"),
        ({"blacklist": ["*x"]}, "policy"),
        ({"sources": [{**SOURCE, "problem": "has expired"}]}, "lists"),
        ({"sources": [{**SOURCE, "repositories": [], "problem": "was never fetched"}]}, "lists"),
        ({"unknown": [decide.note("installed", "dpkg was interrupted")]}, "installed"),
    ],
)
def test_what_cannot_be_told_is_unknown_and_never_none(facts, what):
    assert [one["what"] for one in answered(FROM_SECURITY, **facts)["unknown"]] == [what]


def test_a_dead_vendor_is_a_warning_and_no_reason_to_doubt_the_security_updates():
    answer = answered(FROM_SECURITY, sources=[SOURCE, DEAD_VENDOR])
    assert answer["unknown"] == []
    assert answer["warnings"] == ["the list of http://v stable is dead"]
    assert answer["used"] == [["http://s", "bookworm-security"]]


def test_a_dead_line_counts_as_long_as_no_security_archive_is_known():
    dead = {**DEAD_VENDOR, "repositories": []}
    answer = answered(sources=[dead], repositories=[MAIN], trusted=[True])
    assert [one["what"] for one in answer["unknown"]] == ["lists"]


def test_where_apt_could_not_be_asked_nothing_is_said_to_be_pending():
    nothing = {"packages": None, "repositories": None, "sources": []}
    answer = answered(**nothing, unknown=[decide.note("packages", "x")])
    assert answer["packages"] is answer["repositories"] is None
    assert decide.security(answer, decide.PENDING) is None


@pytest.mark.parametrize(
    ("suite", "origin"),
    [
        ("jammy-security", "Ubuntu"),
        ("jammy-infra-security", "UbuntuESM"),
        ("jammy-apps-security", "UbuntuESMApps"),
        ("jammy-infra-legacy-security", "UbuntuESM"),
        ("jammy-apps-legacy-security", "UbuntuESMApps"),
    ],
)
def test_on_ubuntu_esm_and_its_legacy_pockets_are_security_too(suite, origin):
    system = origins.system_of('ID=ubuntu\nVERSION_CODENAME=jammy\nVERSION_ID="22.04"\n')
    repository = origins.Repository(origin, origin, suite, "jammy")
    assert any(origins.matches(p, repository, system) for p in origins.security_patterns(system))
    main = repository._replace(archive="jammy-updates")
    assert not any(origins.matches(p, main, system) for p in origins.security_patterns(system))


def test_the_end_of_a_release_file_is_read():
    assert reading.valid_until("Origin: x\nValid-Until: Thu, 01 Jan 1970 00:01:00 UTC\n") == 60
    assert reading.valid_until("Origin: x\nValid-Until: soon\n") is None
    assert reading.valid_until("Origin: x\n") is None
