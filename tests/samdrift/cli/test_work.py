"""The worker's process."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from samdrift.cli import work


@pytest.fixture
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_collector_leaves_alone_what_is_there_and_goes_on(collector: None) -> None:
    work.collect_seldom()

    assert gc.get_freeze_count() > 1000
    assert gc.isenabled()
    assert gc.get_threshold()[0] == 50_000
