"""Listings: every row once, in no more requests than there are pages, however the rows move (rule R3)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.api.client import Listing
from lfsync.errors import ApiError
from lfsync.kinds import KINDS
from tests.client.client_fakes import Shop, answer, record, run, virtual_client

ACCOUNT = KINDS["account"]


def listed(shop: Shop) -> Listing:
    async def main() -> Listing:
        with virtual_client(shop) as client:
            async with client:
                listing = await client.list(ACCOUNT)
                assert client.requests["search"] == len(shop.asked)
                return listing

    return run(main)


def names(count: int) -> list[str]:
    return [f"acc_{number:04}" for number in range(count, 0, -1)]


@pytest.mark.parametrize("count", [0, 1, 24, 25, 26, 50, 101, 1000])
def test_a_quiet_listing_costs_its_pages_and_nothing_more(count: int) -> None:
    shop = Shop(names(count))
    listing = listed(shop)
    assert list(listing.records) == shop.ids
    assert (listing.total, listing.complete) == (count, True)
    assert len(shop.asked) == max(1, math.ceil(count / 25))


def test_a_page_that_was_read_before_is_not_read_again() -> None:
    shop = Shop(names(60))

    async def main() -> Listing:
        with virtual_client(shop) as client:
            async with client:
                return await client.list(ACCOUNT, first=await client.page(ACCOUNT))

    assert list(run(main).records) == shop.ids
    assert len(shop.asked) == 3


class Watched:
    """What a watcher was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, int]] = []

    def reading(self, kind: str, rows: int, total: int) -> None:
        self.told.append((kind, rows, total))


def test_rule_a8_a_watcher_is_told_of_each_page_and_of_single_reads() -> None:
    watched = Watched()

    async def main() -> None:
        with virtual_client(Shop(names(101)), watcher=watched) as client:
            async with client:
                await client.list(ACCOUNT)

    run(main)
    assert watched.told == [("account", rows, 101) for rows in (25, 50, 75, 100, 101)]
    watched.told.clear()

    async def api(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.1)
        return answer(record(request.url.path.rpartition("/")[2]))

    async def singly() -> None:
        with virtual_client(api, watcher=watched) as client:
            async with client:
                await asyncio.gather(*(client.retrieve(ACCOUNT, f"acc_{number}") for number in range(3)))

    run(singly)
    assert watched.told == [("account by id", rows, 3) for rows in (1, 2, 3)]


def test_pages_come_side_by_side() -> None:
    shop = Shop(names(1000), latency=1.0)
    seconds: list[float] = []

    async def main() -> None:
        with virtual_client(shop, on_exchange=lambda exchange: seconds.append(exchange.seconds)) as client:
            async with client:
                await client.list(ACCOUNT)

    run(main)
    assert shop.pages == 40
    assert sum(seconds) > 39  # each waited a second, yet:
    assert shop.tokens.at < 4


def test_a_record_made_meanwhile_costs_a_page_or_two() -> None:
    shop = Shop(names(200), between=lambda shop, pages: shop.ids.insert(0, "acc_new") if pages == 4 else None)
    listing = listed(shop)
    assert set(listing.records) == set(shop.ids)
    assert listing.complete
    # 8 pages, a ninth for the row that moved over the end, the front, and a row that slipped between two pages
    assert len(shop.asked) <= 12


def test_a_record_that_goes_meanwhile_hides_no_other() -> None:
    # acc_0199 was read already when it goes: 199 ids would be counted, of 199, and one of the others is missing.
    shop = Shop(names(200), between=lambda shop, pages: shop.ids.remove("acc_0199") if pages == 3 else None)
    listing = listed(shop)
    assert set(listing.records) == set(shop.ids)
    assert listing.complete


def test_a_record_restored_into_the_middle_is_found() -> None:
    shop = Shop(names(100), between=lambda shop, pages: shop.ids.insert(30, "acc_back") if pages == 3 else None)
    listing = listed(shop)
    assert set(listing.records) == set(shop.ids)
    assert listing.complete


def test_a_listing_that_never_settles_says_so_and_ends() -> None:
    def churn(shop: Shop, pages: int) -> None:
        shop.ids.pop(5)
        if pages % 2:
            shop.ids.insert(0, f"acc_new{pages}")

    shop = Shop(names(300), between=churn)
    listing = listed(shop)
    assert not listing.complete
    assert len(shop.asked) < 100


def test_a_count_that_is_not_so_is_no_endless_loop() -> None:
    rows = [record(id, name=id) for id in names(3)]
    asked: list[str] = []

    async def api(request: httpx.Request) -> httpx.Response:
        asked.append("")
        return answer({"object": "list", "data": rows, "totalCount": 7})

    async def main() -> Listing:
        with virtual_client(api) as client:
            async with client:
                return await client.list(ACCOUNT)

    listing = run(main)
    assert len(listing.records) == 3
    assert not listing.complete
    assert len(asked) < 10


def test_an_unbelievable_count_is_refused() -> None:
    async def api(request: httpx.Request) -> httpx.Response:
        return answer({"object": "list", "data": [], "totalCount": 10**12})

    async def main() -> Listing:
        with virtual_client(api) as client:
            async with client:
                return await client.list(ACCOUNT)

    with pytest.raises(ApiError, match="not what the API documents"):
        run(main)


def _moves(draw_insert: list[int], draw_delete: list[tuple[int, float]]) -> Callable[[Shop, int], None]:
    def between(shop: Shop, pages: int) -> None:
        for number in range(draw_insert.count(pages)):
            shop.ids.insert(0, f"acc_new{pages}-{number}")
        for at, where in draw_delete:
            if at == pages and shop.ids:
                shop.ids.pop(int(where * len(shop.ids)) % len(shop.ids))

    return between


@settings(max_examples=60, deadline=None)
@given(count=st.integers(0, 260), inserts=st.lists(st.integers(1, 12), max_size=4))
def test_whatever_is_made_meanwhile_every_row_is_there(count: int, inserts: list[int]) -> None:
    shop = Shop(names(count), between=_moves(inserts, []))
    listing = listed(shop)
    assert listing.complete
    assert set(listing.records) == set(shop.answered)
    assert len(shop.asked) <= max(1, math.ceil(len(shop.ids) / 25)) + 5 * len(inserts)


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(0, 260),
    deletes=st.lists(st.tuples(st.integers(1, 12), st.floats(0, 0.99)), max_size=4),
)
def test_whatever_goes_meanwhile_every_other_row_is_there(count: int, deletes: list[tuple[int, float]]) -> None:
    shop = Shop(names(count), between=_moves([], deletes))
    listing = listed(shop)
    assert set(shop.answered) <= set(listing.records)
    assert listing.complete or len(deletes) > 2


def test_a_thousand_pages_at_the_wall_without_a_429() -> None:
    shop = Shop(names(25_000), latency=0.2, limit=25)
    listing = listed(shop)
    assert len(listing.records) == 25_000
    assert shop.tokens.refused == 0
    assert shop.tokens.at <= 1000 / 25 / 0.97 + 1


def test_a_lower_limit_is_followed_from_the_first_answer_on() -> None:
    shop = Shop(names(1000), limit=5)
    listed(shop)
    assert shop.tokens.refused == 0
    assert shop.tokens.at <= 40 / 5 / 0.97 + 1


def test_others_on_the_same_limit_cost_a_429_at_most_now_and_then() -> None:
    shop = Shop(names(5000), limit=25)
    drawn = [0.0]

    def others(shop: Shop, pages: int) -> None:  # half of the limit is used by somebody else
        while drawn[0] < shop.tokens.at:
            shop.tokens.take(shop.tokens.at)
            shop.tokens.served -= 1
            drawn[0] += 1 / 12.5

    shop.between = others
    listing = listed(shop)
    assert listing.complete
    assert shop.tokens.refused <= 0.05 * shop.pages
