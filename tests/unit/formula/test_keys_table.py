"""The table of keys and the document made of it."""

from pathlib import Path

from aptpolicy import keys, keys_table

DOCUMENT = Path(__file__).parents[3] / "docs" / "formula-keys.md"


def test_the_committed_document_is_what_the_table_says():
    assert DOCUMENT.read_text(encoding="utf-8") == keys_table.document()


def test_no_name_stands_for_two_keys():
    everything = keys.KEYS + keys.FORMULA_KEYS
    assert len({key.name for key in everything}) == len(everything)
    assert len({key.apt.lower() for key in keys.KEYS}) == len(keys.KEYS)


def test_no_peer_sets_a_key_that_this_formula_lacks():
    for peer in ("apt_formula", "puppet", "ansible"):
        assert 0 < sum(bool(getattr(key, peer)) for key in keys.KEYS) < len(keys.KEYS)


def test_every_key_says_what_it_does_and_what_the_tool_does_without_it():
    assert all(key.doc and key.default for key in keys.KEYS + keys.FORMULA_KEYS)
