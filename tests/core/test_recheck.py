"""Just before a create: the index is asked for the match once more (rule A1). The API is a few rows in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from lfsync.api.client import Client
from lfsync.api.paging import PAGE_SIZE, Listing, Page
from lfsync.errors import RejectedError
from lfsync.kinds import Kind
from lfsync.knowledge.knowledge import Live
from lfsync.knowledge.recheck import Rechecker
from lfsync.model import Query, Record
from tests.core.world import SCHEMA, live, record, wishes


@dataclass
class Index(Client):
    """What `list` and `page` answer: every row, newest first; filters narrow nothing (rule I3)."""

    rows: list[Record] = field(default_factory=list)
    refuses: bool = False
    asked: list[str] = field(default_factory=list)

    async def list(  # type: ignore[override]
        self, kind: Kind, *, filters: Sequence[tuple[str, str]] = ()
    ) -> Listing:
        self.asked.append(" ".join(f"{key}={value}" for key, value in filters))
        if self.refuses:
            raise RejectedError("no such filter", status=400)
        return Listing({row.id: row for row in self.rows}, len(self.rows), complete=True)

    async def page(self, kind: Kind, offset: int = 0) -> Page:  # type: ignore[override]
        self.asked.append(f"page {offset}")
        return Page(tuple(self.rows[offset : offset + PAGE_SIZE]), len(self.rows))


def query(text: str) -> Query:
    (wish,) = wishes(text).values()
    assert wish.query is not None
    return wish.query


NAME = query("accounts: {a: {fields: {$name: ' Acme'}}}")
EMAIL = query("contacts: {c: {fields: {$email: [a@x.example, b@x.example]}}}")
TASK = query("tasks: {t: {fields: {$title: T}}}")


def hits(rechecker: Rechecker, asked: Query) -> list[str]:
    return [hit.id for hit in asyncio.run(rechecker.hits(asked, {}))]


def test_a_filter_is_asked_and_its_rows_are_checked() -> None:
    """Rule I3."""
    index = Index(rows=[record("acc_2", {"$name": "Acme & Co"}), record("acc_1", {"$name": "Acme"})])
    assert hits(Rechecker(index, SCHEMA, Live()), NAME) == ["acc_1"]
    assert index.asked == ["$name[equal]=Acme"]


def test_each_of_several_values_is_asked_for() -> None:
    index = Index(rows=[record("con_1", {"$email": ["B@x.example"]})])
    assert hits(Rechecker(index, SCHEMA, Live()), EMAIL) == ["con_1"]
    assert index.asked == ["$email[contains]=a@x.example", "$email[contains]=b@x.example"]


def test_what_this_run_made_needs_no_request() -> None:
    index = Index()
    rechecker = Rechecker(index, SCHEMA, Live())
    rechecker.add(record("acc_7", {"$name": "Acme"}))
    assert hits(rechecker, NAME) == ["acc_7"]
    assert index.asked == []


def test_where_filters_are_not_documented_the_newest_pages_are_swept() -> None:
    old = [record(f"tsk_{n}", {"$title": "T"}, {"$account": ("acc_1",)}) for n in range(60)]
    index = Index(rows=[record("tsk_new", {"$title": "T"}), *old])
    assert hits(Rechecker(index, SCHEMA, live(*old)), TASK) == ["tsk_new"]
    assert index.asked == ["page 0", "page 25"]


def test_an_unchanged_front_costs_one_page() -> None:
    old = [record(f"tsk_{n}", {"$title": "U"}) for n in range(60)]
    index = Index(rows=old)
    rechecker = Rechecker(index, SCHEMA, live(*old))
    assert hits(rechecker, TASK) == []
    assert index.asked == ["page 0"]


def test_one_sweep_serves_all_that_wait_for_it() -> None:
    index = Index(rows=[record("tsk_new", {"$title": "T"})])
    rechecker = Rechecker(index, SCHEMA, Live())

    async def many() -> list[list[Record]]:
        return await asyncio.gather(*(rechecker.hits(TASK, {}) for _ in range(20)))

    assert [[hit.id for hit in found] for found in asyncio.run(many())] == [["tsk_new"]] * 20
    assert index.asked == ["page 0"]


@pytest.mark.parametrize("rows", [[], [record("acc_1", {"$name": "Acme"})]])
def test_a_filter_that_is_refused_is_not_asked_again(rows: list[Record]) -> None:
    index = Index(rows=rows, refuses=True)
    rechecker = Rechecker(index, SCHEMA, Live())
    for _ in range(2):
        assert hits(rechecker, NAME) == [row.id for row in rows]
    assert index.asked == ["$name[equal]=Acme", "page 0"]
