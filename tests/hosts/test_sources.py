"""Which mirror the hosts are built from: read from apt's own configuration, in both its styles."""

import pytest

from tests.hosts.sources import Mirror, NoMirror, Source, parse_deb822, parse_list, pick_mirror

ONE_LINE = """
# deb http://old.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian/ bookworm main contrib
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/security bookworm-security main # updates
"""
DEB822 = """
Types: deb deb-src
# a comment between fields
URIs: http://mirror.example/debian
Suites: bookworm
 bookworm-updates
Components: main
Signed-By: /k.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
"""


def test_the_one_line_style_is_read_with_options_and_without_comments():
    assert list(parse_list(ONE_LINE)) == [
        Source("http://mirror.example/debian/", ("bookworm",)),
        Source("http://mirror.example/security", ("bookworm-security",)),
    ]


def test_the_deb822_style_is_read_without_disabled_stanzas():
    assert list(parse_deb822(DEB822)) == [
        Source("http://mirror.example/debian", ("bookworm", "bookworm-updates")),
        Source("http://mirror.example/security", ("bookworm-security",)),
    ]


@pytest.mark.parametrize("text", [ONE_LINE, DEB822])
def test_main_and_security_archive_are_found_in_either_style(text):
    parse = parse_deb822 if "Types" in text else parse_list
    assert pick_mirror(list(parse(text)), "bookworm") == Mirror(
        main="http://mirror.example/debian", security="http://mirror.example/security"
    )


@pytest.mark.parametrize(
    ("sources", "said"),
    [([], "the release"), ([Source("http://m.example", ("bookworm",))], "security suite")],
)
def test_sources_without_a_debian_archive_are_refused_in_words(sources, said):
    with pytest.raises(NoMirror, match=said):
        pick_mirror(sources, "bookworm")
