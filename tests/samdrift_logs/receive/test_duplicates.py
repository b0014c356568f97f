"""Remembering what was delivered: bounded, and fair to two requests that send the same at once."""

from __future__ import annotations

import asyncio
from uuid import UUID

from samdrift_logs.receive.duplicates import Delivered, delivery_key

KEY, OTHER = delivery_key(UUID(int=1), "a"), delivery_key(UUID(int=1), "b")


def test_keys_of_sources_and_ids_keep_apart() -> None:
    assert len({KEY, OTHER, delivery_key(UUID(int=2), "a")}) == 3
    assert {len(KEY), len(delivery_key(UUID(int=1), "\udcff"))} == {16}


def test_oldest_keys_go_first() -> None:
    delivered = Delivered(limit=2)
    delivered.remember([KEY])
    delivered.remember([OTHER, b"c" * 16])

    assert (KEY in delivered, OTHER in delivered, len(delivered)) == (False, True, 2)


def test_second_request_waits_for_the_first_and_learns_how_it_went() -> None:
    async def second_after_first(*, stored: bool) -> bool:
        delivered = Delivered()
        first = delivered.begin([KEY])
        second = asyncio.ensure_future(delivered.settle([KEY, OTHER]))
        await asyncio.sleep(0.01)
        assert not second.done()
        delivered.end([KEY], first, stored=stored)
        await asyncio.wait_for(second, 1)
        return KEY in delivered

    assert asyncio.run(second_after_first(stored=True)) is True
    assert asyncio.run(second_after_first(stored=False)) is False
