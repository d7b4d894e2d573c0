"""
What is drawn depends on the seed alone.

Hypothesis also tries constants that it finds in the source of whatever happens to be imported, so
that the same seed gives other stories in another process. A seed that was clean has to stay so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants


@contextlib.contextmanager
def by_seed_alone() -> Iterator[None]:
    """Draw without looking at what is imported."""
    found = providers._get_local_constants
    providers._get_local_constants = Constants
    providers.CONSTANTS_CACHE.cache.clear()
    try:
        yield
    finally:
        providers._get_local_constants = found
        providers.CONSTANTS_CACHE.cache.clear()
