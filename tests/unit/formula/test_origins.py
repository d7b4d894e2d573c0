"""Words, patterns and repositories: what would be upgraded from where."""

import pytest

from aptpolicy import origins
from aptpolicy.errors import Refused
from aptpolicy.origins import Repository
from aptpolicy.patched.origins import point_release_patterns
from aptpolicy.versions import OperatingSystem
from tests.unit.formula.systems import (
    BOOKWORM,
    BULLSEYE,
    FOCAL,
    JAMMY,
    NOBLE,
    QUESTING,
    RASPBIAN,
    RESOLUTE,
    SID,
    TESTING,
    TRIXIE,
    debian,
    policy,
    ubuntu,
)

DEBIAN_SECURITY = {
    BULLSEYE: debian("oldoldstable-security", "bullseye-security", "Debian-Security"),
    BOOKWORM: debian("oldstable-security", "bookworm-security", "Debian-Security"),
    TRIXIE: debian("stable-security", "trixie-security", "Debian-Security"),
    TESTING: debian("testing-security", "forky-security", "Debian-Security"),
}


def is_allowed(system, repository, pillar=None):
    patterns = policy(pillar, system).patterns
    return any(origins.matches(pattern, repository, system) for pattern in patterns)


@pytest.mark.parametrize("system", DEBIAN_SECURITY, ids=lambda s: s.codename)
def test_by_default_the_security_archive_of_debian_is_matched(system):
    assert is_allowed(system, DEBIAN_SECURITY[system])


@pytest.mark.parametrize("system", [BULLSEYE, BOOKWORM, TRIXIE], ids=lambda s: s.codename)
def test_by_default_point_releases_of_debian_are_taken_and_with_security_alone_are_not(system):
    own = debian("oldstable", system.codename)
    assert is_allowed(system, own)
    assert not is_allowed(system, own, {"origins": ["security"]})


@pytest.mark.parametrize("archive", ["stable", "oldstable", "oldoldstable"])
def test_the_match_survives_the_renaming_of_the_archive(archive):
    moved = debian(f"{archive}-security", "bookworm-security", "Debian-Security")
    assert is_allowed(BOOKWORM, moved)


@pytest.mark.parametrize(
    "repository",
    [
        debian("oldstable-updates", "bookworm-updates"),
        debian("oldstable-backports", "bookworm-backports", "Debian Backports", "Debian Backports"),
        debian("stable-security", "trixie-security", "Debian-Security"),
        Repository("Docker", "Docker CE", "bookworm", "bookworm", "stable", "download.example.org"),
    ],
)
def test_by_default_nothing_but_the_own_two_archives_is_matched_on_debian_stable(repository):
    assert not is_allowed(BOOKWORM, repository)


@pytest.mark.parametrize(
    ("system", "codename"), [(TESTING, "forky"), (SID, "sid")], ids=["testing", "sid"]
)
def test_testing_and_sid_get_fixes_from_their_main_archive(system, codename):
    assert is_allowed(system, debian("testing", codename))


@pytest.mark.parametrize(
    "system", [FOCAL, JAMMY, NOBLE, QUESTING, RESOLUTE], ids=lambda s: s.codename
)
def test_ubuntu_matches_release_pocket_security_and_esm_but_not_updates(system):
    name = system.codename
    assert is_allowed(system, ubuntu(name))
    assert is_allowed(system, ubuntu(f"{name}-security"))
    assert is_allowed(system, ubuntu(f"{name}-apps-security", "UbuntuESMApps"))
    assert is_allowed(system, ubuntu(f"{name}-infra-security", "UbuntuESM"))
    assert is_allowed(system, ubuntu(f"{name}-apps-legacy-security", "UbuntuESMApps"))
    assert is_allowed(system, ubuntu(f"{name}-infra-legacy-security", "UbuntuESM"))
    assert not is_allowed(system, ubuntu(f"{name}-infra-legacy-updates", "UbuntuESM"))
    assert not is_allowed(system, ubuntu(f"{name}-apps-legacy-security", "UbuntuESM"))
    assert not is_allowed(system, ubuntu(f"{name}-updates"))
    assert not is_allowed(system, ubuntu(f"{name}-backports"))
    assert not is_allowed(system, ubuntu(f"{name}-proposed"))


@pytest.mark.parametrize(
    ("word", "system", "repository"),
    [
        ("release", BOOKWORM, debian("oldstable", "bookworm")),
        ("updates", BOOKWORM, debian("oldstable-updates", "bookworm-updates")),
        ("proposed", BOOKWORM, debian("oldstable-proposed-updates", "bookworm-proposed-updates")),
        ("backports", TRIXIE, debian("stable-backports", "trixie-backports", "Debian Backports",
                                     "Debian Backports")),
        ("updates", JAMMY, ubuntu("jammy-updates")),
        ("proposed", JAMMY, ubuntu("jammy-proposed")),
        ("backports", JAMMY, ubuntu("jammy-backports")),
        ("security", RASPBIAN, debian("stable", "bookworm", "Raspbian", "Raspbian")),
    ],
)  # fmt: skip
def test_a_word_matches_the_repository_it_names_and_adds_nothing_else(word, system, repository):
    assert is_allowed(system, repository, {"origins": [word]})
    assert not is_allowed(system, Repository("Other", "Other", "x", "x"), {"origins": [word]})


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("origin=Debian", True),
        ("o=Debian,l=Debian-Security", True),
        ("a=oldstable-security,n=bookworm-security,c=main,site=deb.example.org", True),
        ("suite=oldstable-*", True),
        (" origin = Debian , label = Debian-Security ", True),
        ("origin=${distro_id},codename=${distro_codename}-security", True),
        ("origin=debian", False),
        ("origin=Debian,archive=stable,label=Debian-Security", False),
        ("origin=Debian,archive=stable", False),
        ("", False),
    ],
)
def test_a_pattern_matches_as_the_tool_decides_it(pattern, expected):
    assert origins.matches(pattern, DEBIAN_SECURITY[BOOKWORM], BOOKWORM) is expected


def test_an_escaped_comma_belongs_to_the_value():
    repository = Repository(origin="Acme, Inc.")
    assert origins.matches(r"origin=Acme\, Inc.", repository, BOOKWORM)


@pytest.mark.parametrize(
    ("pair", "pattern"),
    [
        ("Debian:stable", "o=Debian,a=stable"),
        ("${distro_id}:${distro_codename}", "o=${distro_id},a=${distro_codename}"),
        (r"http\://x:stable", "o=http://x,a=stable"),
        ("Acme, Inc.:stable", r"o=Acme\, Inc.,a=stable"),
    ],
)  # fmt: skip
def test_a_legacy_pair_becomes_the_pattern_the_tool_makes_of_it(pair, pattern):
    assert origins.legacy_to_pattern(origins.legacy_pair(pair)) == pattern


def test_the_release_macro_needs_a_version_that_substitutes_it():
    pattern = "origin=X,archive=${distro_release}"
    with pytest.raises(Refused):
        origins.check_pattern(pattern, TRIXIE)
    assert origins.check_pattern(pattern, SID) == pattern


def test_a_literal_dollar_is_written_twice():
    assert origins.check_pattern("label=A$$B", BOOKWORM)
    assert origins.matches("label=A$$B", Repository(label="A$B"), BOOKWORM)


def test_security_is_recognised_apart_from_what_is_allowed():
    patterns = origins.security_patterns(JAMMY)
    assert any(origins.matches(p, ubuntu("jammy-security"), JAMMY) for p in patterns)
    assert not any(origins.matches(p, ubuntu("jammy"), JAMMY) for p in patterns)


def test_the_next_stable_release_is_frozen_as_soon_as_it_has_a_number():
    forky = OperatingSystem("Debian", "forky", "14", "2.13")
    assert not is_allowed(forky, debian("stable", "forky"), {"origins": ["security"]})
    assert point_release_patterns(forky)
    assert not point_release_patterns(TESTING)
    assert is_allowed(forky, DEBIAN_SECURITY[TESTING])
