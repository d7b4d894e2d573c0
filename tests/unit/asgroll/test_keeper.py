"""Whose journal it is: ours while the lease is, and not any more once another has gone on."""

import pytest
import salt.cache
import salt.config

from asgroll.journal import CacheJournal
from asgroll.keeper import Keeper
from tests.unit.asgroll.build import NOW, instance, roll

ROLL = roll(instance("i-old"))


class Held:
    """A lease, as far as a keeper asks."""

    def __init__(self):
        self.held = True

    def valid(self):
        return self.held


@pytest.fixture
def journal(tmp_path):
    opts = salt.config.master_config(None) | {"cachedir": str(tmp_path)}
    return CacheJournal(salt.cache.Cache(opts, cachedir=str(tmp_path)))


def kept(journal):
    lease = Held()
    keeper = Keeper(journal, lease, lambda: NOW, 300.0)
    return keeper, lease, keeper.begin(ROLL)


def gone_on(journal):
    other = CacheJournal(journal._cache)
    other.save(ROLL.with_(turns=7))
    return other


def test_what_another_has_written_after_a_silence_of_ours_stays(journal):
    keeper, lease, mine = kept(journal)
    other = gone_on(journal)
    lease.held = False
    keeper.save(mine)
    assert keeper.overtaken
    assert other.load(ROLL.arn, ROLL.group).turns == 7


def test_without_another_a_silence_changes_nothing(journal):
    keeper, lease, mine = kept(journal)
    lease.held = False
    keeper.save(mine)
    assert not keeper.overtaken
    assert journal.load(ROLL.arn, ROLL.group).turns == mine.turns


def test_a_roll_begun_after_ours_has_ended_has_not_overtaken_it(journal):
    """Its report was not kept when the next roll began in the instant after the lease was free."""
    keeper, lease, mine = kept(journal)
    keeper.save(mine)
    lease.held = False
    gone_on(journal)
    assert not keeper.overtaken
