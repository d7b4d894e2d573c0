"""Where each repository is written, and an entry of it alone."""

import pytest

from aptpolicy.patched import sources
from tests.unit.formula.test_patched_decide import answered

STANZAS = """# the archive
Types: deb deb-src
URIs: http://deb.example.org/debian/
 http://two.example.org/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 =abcd

Types: deb
Enabled: no
URIs: http://off.example.org
Suites: s
Components: main


Types: deb-src
URIs: http://src.example.org
Suites: s
Components: main

Types: deb
URIs: http://deb.example.org/debian-security
Suites: bookworm-security
Components: main
"""
LINES = """# deb http://no.example.org a main
deb [signed-by=/k.gpg arch=amd64] http://vendor.example.com/apt/ stable main
deb-src http://vendor.example.com/apt stable main
  deb http://flat.example.com ./
"""


@pytest.fixture
def root(tmp_path):
    parts = tmp_path / sources.PARTS
    parts.mkdir(parents=True)
    (parts / "debian.sources").write_text(STANZAS)
    (parts / "vendor.list").write_text(LINES)
    (parts / "vendor.list.save").write_text(LINES)
    return tmp_path


def test_every_repository_is_found_with_the_line_it_is_written_in(root):
    found = sources.entries(root)
    assert [(one.place.rpartition("/")[2], one.uri, one.suite) for one in found] == [
        ("debian.sources:2", "http://deb.example.org/debian", "bookworm"),
        ("debian.sources:2", "http://deb.example.org/debian", "bookworm-updates"),
        ("debian.sources:2", "http://two.example.org/debian", "bookworm"),
        ("debian.sources:2", "http://two.example.org/debian", "bookworm-updates"),
        ("debian.sources:24", "http://deb.example.org/debian-security", "bookworm-security"),
        ("vendor.list:2", "http://vendor.example.com/apt", "stable"),
        ("vendor.list:4", "http://flat.example.com", "."),
    ]


def test_one_suite_of_a_stanza_can_be_had_alone_with_its_key(root):
    text = sources.entries(root)[1].text
    assert text.startswith(
        "Types: deb\nURIs: http://deb.example.org/debian/\nSuites: bookworm-updates\n"
    )
    assert "signed-by: \n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n =abcd\n" in text


@pytest.mark.parametrize(
    ("line", "places"),
    [
        ("Err:1 http://deb.example.org/debian bookworm InRelease", ["debian.sources:2"]),
        (
            "Err:1 http://deb.example.org/debian-security bookworm-security InRelease",
            ["debian.sources:24"],
        ),
        (
            "E: Failed to fetch http://deb.example.org/debian/dists/bookworm-updates/InRelease",
            ["debian.sources:2"],
        ),
        (
            "E: The repository 'http://vendor.example.com/apt stable Release' is not signed.",
            ["vendor.list:2"],
        ),
        ("E: The repository 'http://vendor.example.com/apt stable2 Release' is not signed.", []),
        ("E: Could not get lock", []),
    ],
)
def test_a_line_of_apts_is_about_what_it_names_exactly(root, line, places):
    found = sources.named(line, sources.entries(root))
    assert [entry.place.rpartition("/")[2] for entry in found] == places


@pytest.mark.parametrize(
    ("uri", "auth", "lacks"),
    [
        (f"https://{sources.ESM}/infra/ubuntu", None, True),
        (f"https://{sources.ESM}/infra/ubuntu", "machine other.example.org login x", True),
        (f"https://{sources.ESM}/infra/ubuntu", f"machine {sources.ESM}/infra/ubuntu/", False),
        (f"https://bearer:token@{sources.ESM}/infra/ubuntu", None, False),
        ("https://mirror.example.org/infra/ubuntu", None, False),
    ],
)
def test_only_ubuntu_pro_without_a_token_lacks_one(tmp_path, uri, auth, lacks):
    if auth:
        (tmp_path / sources.NETRC_PARTS).mkdir(parents=True)
        (tmp_path / sources.NETRC_PARTS / "90pro").write_text(auth)
    assert sources.lacks_token(uri, tmp_path) is lacks


def line(uri, suite, places=(), **more):
    return {"uri": uri, "suite": suite, "repositories": list(places), "problem": "is gone",
            **more}  # fmt: skip


def test_what_is_closed_to_this_host_is_a_warning_and_what_only_never_came_is_unknown():
    esm = line("https://esm", "jammy-infra-security", place="/etc/apt/esm.list:3")
    for closed in (True, False):
        answer = answered(sources=[{**esm, "closed": closed}])
        said = ["the list of https://esm jammy-infra-security (/etc/apt/esm.list:3) is gone"]
        assert answer["warnings"] == (said if closed else [])
        assert [one["why"] for one in answer["unknown"]] == ([] if closed else said)


def test_a_password_in_an_address_is_not_told():
    (said,) = answered(sources=[line("https://me:secret@v", "stable")])["warnings"]
    assert said == "the list of https://v stable is gone"
