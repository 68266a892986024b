"""Queries at work: what one gives, and the cells that one reads, are named and left (rule V2); rows that failed."""

from __future__ import annotations

from tests.accept.conftest import Desk

ROWS = "Id,Name,Nick\na,A,x\nb,B,y\n"
QUERIED = "sources:\n  - {kind: account, query: q.sql, key: Id, fields: {$name: Name, nickname: Nick}}\n"
FROM_FILE = "sources:\n  - {kind: account, file: rows.csv, key: Id, fields: {$name: Name, nickname: Nick}}\n"


def test_a_value_that_a_query_makes_is_left(desk: Desk) -> None:
    files = {"s.yaml": QUERIED, "q.sql": "-- all of them\nfrom 'rows.csv'", "rows.csv": ROWS}
    desk.begin(files)
    desk.people("account.a", {"nickname": "new"})
    out = desk.accept(expect=3).out
    assert "q.sql:1:1: account.a: `nickname`: the query at q.sql:1:1 makes the value" in out
    assert {name: desk.read(name) for name in files} == files


def test_a_row_of_a_query_is_not_removed(desk: Desk) -> None:
    files = {"s.yaml": QUERIED, "q.sql": "from 'rows.csv'", "rows.csv": ROWS}
    desk.begin(files)
    desk.town.trash("/v1/accounts", desk.town.id("account.a"))
    assert "its row stands in no file" in desk.accept("account.a", expect=3).out
    assert {name: desk.read(name) for name in files} == files


def test_a_cell_that_a_query_reads_too_is_left(desk: Desk) -> None:
    """What it would change in the query's rows, nobody asked for."""
    beside = "  - {kind: contact, query: q.sql, key: Id, fields: {$title: Nick}, match: [$title]}\n"
    desk.begin({"s.yaml": FROM_FILE + beside, "q.sql": "select Id, Nick from './rows.csv'", "rows.csv": ROWS})
    desk.people("account.a", {"nickname": "new"})
    assert "other sources read the row too" in desk.accept(expect=3).out
    assert desk.read("rows.csv") == ROWS


def test_beside_a_query_all_else_is_accepted(desk: Desk) -> None:
    declared = "contacts: {c: {match: [$title], fields: {$title: old}}}\n"
    desk.begin({"s.yaml": QUERIED.replace("q.sql", "from 'rows.csv'") + declared, "rows.csv": ROWS})
    desk.people("contact.c", {"$title": "new"})
    desk.accept()
    assert "$title: new" in desk.read("s.yaml")


def test_the_rows_of_a_query_that_were_not_applied_are_told_apart(desk: Desk) -> None:
    """`apply --failed`: all rows of a query have one place, so it goes by their keys."""
    for name in ("A", "A", "B", "B"):
        desk.town.ask("POST", "/v1/accounts", {"fields": {"$name": name}, "relationships": {}})
    rows = "Id,Name,Nick\na,A,x\nb,B,y\nc,C,z\n"
    desk.write({"s.yaml": QUERIED, "q.sql": "select * from 'rows.csv' order by Id desc", "rows.csv": rows})
    desk.town.apply("--failed", str(desk.town.root / "failed.csv"), expect=3)
    head, *lines = desk.read("failed.csv").splitlines()
    assert head == "Id,Name,Nick,lfsync_reason"
    assert [line.split(",")[:3] for line in lines] == [["a", "A", "x"], ["b", "B", "y"]]
    assert all("acc_" in line for line in lines)
