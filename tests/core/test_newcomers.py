"""Just before a create: does its match still hit nothing (rule A1)? The API is a few rows in memory."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from lfsync.api.client import Client, Filters, Status
from lfsync.api.pace import Category
from lfsync.api.paging import PAGE_SIZE, Page
from lfsync.errors import RejectedError, UnavailableError
from lfsync.kinds import Kind
from lfsync.knowledge.knowledge import Knowledge
from lfsync.knowledge.newcomers import Newcomers
from lfsync.model import Query, Record
from tests.core.world import SCHEMA, live, record, wishes


@dataclass
class Index(Client):
    """Rows as the list shows them, newest first. `filtered`: what a filter shows; None where it is ignored."""

    rows: list[Record] = field(default_factory=list)
    filtered: list[Record] | None = field(default_factory=list)
    refuses: bool = False
    fails_at: int | None = None
    takes: Callable[[], None] = lambda: None
    asked: list[str] = field(default_factory=list)

    def rate(self, category: Category) -> float:
        return 1000.0

    async def page(self, kind: Kind, offset: int = 0, *, status: Status = "active", filters: Filters = ()) -> Page:
        assert status == "active"
        self.asked.append(" ".join(f"{key}={value}" for key, value in filters) or f"page {offset}")
        await asyncio.sleep(0)
        self.takes()
        if offset == self.fails_at and not filters:
            raise UnavailableError("no answer", status=503)
        if filters and self.refuses:
            raise RejectedError("no such filter", status=400)
        rows = self.filtered if filters and self.filtered is not None else self.rows
        return Page(tuple(rows[offset : offset + PAGE_SIZE]), len(rows))


class Clock:
    """Seconds, as a test sets them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def query(text: str) -> Query:
    (wish,) = wishes(text).values()
    assert wish.query is not None
    return wish.query


NAME = query("accounts: {a: {fields: {$name: ' Acme'}}}")
EMAIL = query("contacts: {c: {fields: {$email: [a@x.example, b@x.example]}}}")
WEBSITE = query("accounts: {a: {match: {$website: acme.example}, fields: {nickname: x}}}")
TASK = query("tasks: {t: {fields: {$title: T}}}")
CALL = query("tasks: {t: {fields: {$title: T}, relationships: {$account: acc_1}}}")
ACME = record("acc_1", {"$name": "Acme"})


def hits(newcomers: Newcomers, asked: Query, targets: Mapping[str, set[str]] | None = None) -> list[str]:
    return [hit.id for hit in asyncio.run(newcomers.hits(asked, targets or {}))]


@pytest.mark.parametrize(
    ("asked", "row", "filters"),
    [
        (NAME, ACME, ["$name[equal]=Acme"]),
        (
            EMAIL,
            record("con_1", {"$email": ["B@x.example"]}),
            ["$email[contains]=a@x.example", "$email[contains]=b@x.example"],
        ),
        (WEBSITE, record("acc_1", {"$website": ["https://acme.example"]}), ["$website[contains]=acme.example"]),
        (TASK, record("tsk_1", {"$title": "T"}), []),
    ],
)
def test_front_and_filter_are_both_asked(asked: Query, row: Record, filters: list[str]) -> None:
    """The front shows what came, a filter what was renamed into the match; none is documented for tasks (sheet 8.4)."""
    index = Index(rows=[row])
    assert hits(Newcomers(index, SCHEMA, Knowledge()), asked) == [row.id]
    assert Counter(index.asked) == Counter(["page 0", *filters])


def test_what_was_renamed_is_found_by_a_filter_alone() -> None:
    old = [record(f"acc_{n}", {"$name": "Other"}) for n in range(60)]
    index = Index(rows=old, filtered=[record("acc_50", {"$name": "Acme"})])
    assert hits(Newcomers(index, SCHEMA, live(*old)), NAME) == ["acc_50"]


def test_a_filter_is_never_believed() -> None:
    """Rule I3: what it shows is held against the query; and a server may ignore it and show everything."""
    near = record("acc_2", {"$name": "Acme & Co"})
    index = Index(rows=[near], filtered=[near])
    assert hits(Newcomers(index, SCHEMA, live(near)), NAME) == []
    many = [record(f"acc_{n}", {"$name": "Other"}) for n in range(300)]
    ignored = Index(rows=many, filtered=None)
    assert hits(Newcomers(ignored, SCHEMA, live(*many)), NAME) == []
    assert Counter(ignored.asked) == {"page 0": 1, "$name[equal]=Acme": 1}, "its first page is enough"


@pytest.mark.parametrize("rows", [[], [ACME]])
def test_a_filter_that_is_refused_is_not_asked_again(rows: list[Record]) -> None:
    clock, index = Clock(), Index(rows=rows, refuses=True)
    newcomers = Newcomers(index, SCHEMA, Knowledge(), clock)
    for _ in range(2):
        assert hits(newcomers, NAME) == [row.id for row in rows]
        clock.now += 60
    assert index.asked.count("$name[equal]=Acme") == 1


def test_what_this_run_made_needs_no_request() -> None:
    index = Index()
    newcomers = Newcomers(index, SCHEMA, Knowledge())
    newcomers.add(record("acc_7", {"$name": "Acme"}))
    assert hits(newcomers, NAME) == ["acc_7"]
    assert index.asked == []


@pytest.mark.parametrize(("account", "found"), [("acc_1", ["tsk_1"]), ("acc_2", []), (None, [])])
def test_a_link_is_part_of_the_match(account: str | None, found: list[str]) -> None:
    index = Index(rows=[record("tsk_1", {"$title": "T"}, {"$account": (account,) if account else ()})])
    assert hits(Newcomers(index, SCHEMA, Knowledge()), CALL, {"$account": {"acc_1"}}) == found


# ---------------------------------------------------------------- the front of the list


def rows(first: int, last: int, title: str = "U") -> list[Record]:
    """The newest first."""
    return [record(f"tsk_{n}", {"$title": title}) for n in range(last, first - 1, -1)]


@pytest.mark.parametrize(("new", "pages"), [(0, 1), (1, 2), (24, 2), (25, 2), (26, 3)])
def test_pages_are_read_until_one_shows_nothing_new(new: int, pages: int) -> None:
    """As far as the plan's complete search reaches."""
    old = rows(0, 99)
    index = Index(rows=[*rows(100, 99 + new), *old])
    assert hits(Newcomers(index, SCHEMA, live(*old)), TASK) == []
    assert index.asked == [f"page {25 * n}" for n in range(pages)]


def test_an_old_record_behind_many_new_ones_is_found() -> None:
    old = rows(0, 99)
    hidden = record("tsk_100", {"$title": "T"})
    index = Index(rows=[*rows(101, 160), hidden, *old])
    assert hits(Newcomers(index, SCHEMA, live(*old)), TASK) == ["tsk_100"]


def test_without_a_complete_search_all_is_read() -> None:
    index = Index(rows=rows(0, 99))
    assert hits(Newcomers(index, SCHEMA, Knowledge()), TASK) == []
    assert index.asked == [f"page {25 * n}" for n in range(4)]


def test_what_a_look_has_shown_is_known_to_the_next_one() -> None:
    """Rule R6: of n creates one after the other, each looks at what has come since, not at all of it again."""
    clock, old = Clock(), rows(0, 99)
    index = Index(rows=[*rows(100, 159), *old])
    newcomers = Newcomers(index, SCHEMA, live(*old), clock)
    hits(newcomers, TASK)
    assert len(index.asked) == 4
    for _ in range(3):
        clock.now += 60
        hits(newcomers, TASK)
    assert len(index.asked) == 7


def test_what_came_between_two_looks_is_found_by_the_second() -> None:
    clock, index = Clock(), Index(rows=rows(0, 9))
    newcomers = Newcomers(index, SCHEMA, live(*rows(0, 9)), clock)
    assert hits(newcomers, TASK) == []
    index.rows.insert(0, record("tsk_10", {"$title": "T"}))
    clock.now += 60
    assert hits(newcomers, TASK) == ["tsk_10"]


def test_one_look_serves_all_that_wait_for_it() -> None:
    """Rule R6."""
    index = Index(rows=[record("tsk_new", {"$title": "T"})])
    newcomers = Newcomers(index, SCHEMA, Knowledge())

    async def many() -> list[list[Record]]:
        return await asyncio.gather(*(newcomers.hits(TASK, {}) for _ in range(20)))

    assert [[hit.id for hit in found] for found in asyncio.run(many())] == [["tsk_new"]] * 20
    assert index.asked == ["page 0"]


def test_a_look_that_takes_long_serves_all_that_came_before_it_began() -> None:
    """Rule R6: where an answer takes longer than a look is believed, creates don't look one after the other."""
    clock = Clock()

    def slow() -> None:
        clock.now += 5

    index = Index(rows=rows(0, 9), takes=slow)
    newcomers = Newcomers(index, SCHEMA, live(*rows(0, 9)), clock)

    async def many() -> None:
        await asyncio.gather(*(newcomers.hits(TASK, {}) for _ in range(20)))

    asyncio.run(many())
    assert index.asked == ["page 0"]


def test_a_look_that_failed_in_its_middle_serves_nobody() -> None:
    """The next one reads as far as it would have."""
    old, clock = rows(0, 99), Clock()
    hidden = record("tsk_100", {"$title": "T"})
    index = Index(rows=[*rows(101, 160), hidden, *old], fails_at=50)
    newcomers = Newcomers(index, SCHEMA, live(*old), clock)
    with pytest.raises(UnavailableError):
        hits(newcomers, TASK)
    index.fails_at = None
    assert hits(newcomers, TASK) == ["tsk_100"]


def test_each_kind_has_a_front_of_its_own() -> None:
    index = Index()
    newcomers = Newcomers(index, SCHEMA, Knowledge())
    assert hits(newcomers, TASK) == hits(newcomers, query("notes: {n: {fields: {$title: T}}}")) == []
    assert index.asked == ["page 0", "page 0"]
