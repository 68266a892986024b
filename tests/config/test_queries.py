"""`query:` in a source: SQL beside the YAML, its rows as resources (design.md, section 17; rules C1, C2, C15, K4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from lfsync.model import Address, Place
from tests.config.config_samples import load, problems, write

DEALS = "Id,Name,Day,Won\n7,Ash,2024-01-02,yes\n8,Birch,,no\n8,Birch,,no\n"
SQL = "select distinct Id, Name, Day as day, Won\nfrom 'data/deals.csv'\n"


def source(query: str, rest: str = "") -> str:
    return f"sources:\n  - kind: account\n    query: {query}\n    key: Id\n    fields: {{$name: Name}}\n{rest}"


def test_rows_become_resources_at_the_query(tmp_path: Path) -> None:
    project = load(
        tmp_path, {"a.yaml": source("select distinct Id, Name from 'data/deals.csv'"), "data/deals.csv": DEALS}
    )
    assert not project.problems
    places = {str(address): each.place for address, each in project.resources.items()}
    assert places == {"account.7": Place("a.yaml", 3, 12), "account.8": Place("a.yaml", 3, 12)}
    assert {each.fields["$name"].data for each in project.resources.values()} == {"Ash", "Birch"}


def test_a_sql_file_is_a_file_of_the_project(tmp_path: Path) -> None:
    files = {"a.yaml": source("sql/deals.sql"), "sql/deals.sql": SQL, "data/deals.csv": DEALS}
    project = load(tmp_path, files)
    assert not project.problems
    assert {each.place for each in project.resources.values()} == {Place("sql/deals.sql", 1, 1)}
    named = {path.relative_to(tmp_path.resolve()).as_posix() for path in project.files}
    assert named == {"lfsync.yaml", "a.yaml", "sql/deals.sql", "data/deals.csv"}


def test_the_digest_is_of_the_rows(tmp_path: Path) -> None:
    """The order of rows, the SQL's own text and where it stands carry no meaning; what it gives does."""
    written = load(tmp_path / "a", {"a.yaml": source("sql/deals.sql"), "sql/deals.sql": SQL, "data/deals.csv": DEALS})
    beside = "|\n      select Id, Name from 'data/x.csv' order by Id desc"
    same = load(tmp_path / "b", {"a.yaml": source(beside), "data/x.csv": "Id,Name\n7,Ash\n8,Birch\n"})
    other = load(tmp_path / "c", {"a.yaml": source(beside), "data/x.csv": "Id,Name\n7,Ash\n8,Beech\n"})
    assert not any(each.problems for each in (written, same, other))
    assert written.digest == same.digest != other.digest


def test_forms_work_on_what_a_query_gives(tmp_path: Path) -> None:
    files = {
        "a.yaml": "sources:\n  - kind: account\n    query: sql/x.sql\n    key: {template: 'co-{id}'}\n"
        "    where: {keep: true}\n"
        "    fields:\n      $name: name\n      none: {column: gone, empty: null}\n      left: gone\n"
        "      tags: tags\n      size: {column: n, map: {'1': Small}}\n    relationships: {$owner: owner}\n",
        "sql/x.sql": "select * from (values (1, 'A ', null, ['x', 'y'], 1, 'kai@corp.example', true),"
        " (2, 'B', null, [], 1, null, false)) t(id, name, gone, tags, n, owner, keep)",
    }
    project = load(tmp_path, files)
    assert not project.problems
    [found] = project.resources.values()
    assert found.address == Address("account", "co-1")
    assert {key: value.data for key, value in found.fields.items()} == {
        "$name": "A",
        "none": None,
        "tags": ["x", "y"],
        "size": "Small",
    }
    assert [ref.text for ref in found.relationships["$owner"].include] == ["kai@corp.example"]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a.yaml": source("select 1 as Id, x")}, 'a.yaml:3:12: Referenced column "x"'),
        ({"a.yaml": source("|\n      select 1 as Id,\n        x")}, 'a.yaml:5: Referenced column "x"'),
        ({"a.yaml": source("q.sql"), "q.sql": "select 1 as Id,\n  x"}, 'q.sql:2:3: Referenced column "x"'),
        ({"a.yaml": source("q.sql"), "q.sql": "select now() as Id"}, "q.sql:1:8: `now` gives another value each time"),
        ({"a.yaml": source("q.sql"), "q.sql": ""}, "q.sql:1:1: a query is one SELECT statement"),
        ({"a.yaml": source("q.sql")}, "a.yaml:3:12: `q.sql` is not there"),
        ({"a.yaml": source("../q.sql")}, "a.yaml:3:12: `../q.sql` leads out of the project"),
        (
            {"a.yaml": source("select 1 as Id, 'A' as Nam")},
            "a.yaml:5:21: the query has no column `Name` -- did you mean",
        ),
        (
            {"a.yaml": source("select 1 as Id, 'A' as Name, 2 as Id")},
            "a.yaml:3:12: two columns of the query are named `Id`",
        ),
        ({"a.yaml": source("select 1 as Id, 'A' || chr(7) as Name")}, "the column `Name` holds control characters"),
        (
            {"a.yaml": source("from 'data/deals.csv'"), "data/deals.csv": DEALS},
            "a.yaml:3:12: account.8: several rows of the query have this key",
        ),
        ({"a.yaml": source("select null as Id, 'A' as Name")}, "a.yaml:3:12: the key column `Id` is empty"),
        ({"a.yaml": source("select 1 as Id", "    file: x.csv\n")}, "a.yaml:6:11: `file` beside `query`"),
        ({"a.yaml": source("select 1 as Id", "    delimiter: ';'\n")}, "a.yaml:6:16: `delimiter` beside `query`"),
        ({"a.yaml": source("[select 1]")}, "a.yaml:3:12: `query` must be text"),
        ({"a.yaml": source("")}, "a.yaml:3:11: `query` must be text"),
        ({"a.yaml": source("from '.lfsync/x.csv'"), ".lfsync/x.csv": "Id\n1\n"}, "`.lfsync/x.csv` is hidden"),
        ({"a.yaml": source("from deals")}, "there is no table `deals`"),
    ],
)
def test_mistakes_are_placed(tmp_path: Path, files: dict[str, str], told: str) -> None:
    assert told in "\n".join(problems(tmp_path, files))


def test_two_sources_may_be_asked_by_one_file(tmp_path: Path) -> None:
    files = {
        "a.yaml": source("q.sql") + "  - kind: contact\n    query: q.sql\n    key: Id\n    fields: {$title: Name}\n",
        "q.sql": "select 1 as Id, 'A' as Name",
    }
    assert {str(each) for each in load(tmp_path, files).resources} == {"account.1", "contact.1"}


def test_the_first_of_several_rows_of_a_key(tmp_path: Path) -> None:
    """All rows have one place: it goes by the order that the query gives them."""
    sql = "select 1 as Id, n as Name from (values ('B'), ('A')) t(n) order by n"
    [found] = load(tmp_path, {"a.yaml": source(sql, "    unique: first\n")}).resources.values()
    assert found.fields["$name"].data == "A"


def test_a_query_stays_in_its_project(tmp_path: Path) -> None:
    write(tmp_path / "other", {"data/deals.csv": DEALS})
    told = problems(tmp_path / "mine", {"a.yaml": source("from '../other/data/deals.csv'")})
    assert any("leads out of the project" in each for each in told)
