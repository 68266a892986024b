"""`apply --failed FILE`: the rows that were not applied, as they stood, and why (design.md, section 17; rule C17)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.responses import Response

from tests.faults.town import Town, error

SOURCES = """\
sources:
  - kind: account
    file: companies.csv
    delimiter: ";"
    encoding: latin-1
    skip_lines: 1
    null_values: [NULL]
    key: Id
    fields: {$name: Name, $website: {column: Site, map: {n: x.example}, else: y.example}}
  - {kind: contact, file: people.jsonl, key: Mail, fields: {$email: [Mail]}, relationships: {$account: Company}}
  - {kind: account, file: more.tsv, key: Id, fields: {$name: Name}}
"""
COMPANIES = 'Stand März;;\nId;Name;Site\n1; Müller ;NULL\n2;"Bad; ""one""";s\n3;Twin;t\n4;Fine;\n'
PEOPLE = '{"Mail": "a@x.example", "Company": 3, "Tags": ["x", 1]}\n{"Mail": "b@x.example", "Company": "4"}\n'
TWINS = "records: {accounts: [{fields: {$name: Twin}}, {fields: {$name: Twin}}]}\n"
REASON = "lfsync_reason"


@pytest.fixture
def town(build: Callable[..., Town]) -> Town:
    """Where the first account that is written is refused, `3` hits two records, and a contact refers to that."""
    town = build(TWINS)
    town.write(SOURCES)
    (town.root / "companies.csv").write_bytes(COMPANIES.encode("latin-1"))
    town.write(PEOPLE, "people.jsonl")
    town.write("Id\tName\nm\tMore\n", "more.tsv")
    refused: list[str] = []

    def instead(method: str, path: str) -> Response | None:
        if method == "POST" and path == "/v1/accounts" and not refused:
            refused.append(path)
            return error(400, "invalid_request_error", code="invalid_value")
        return None

    town.bent.instead = instead
    return town


def table(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")), delimiter=delimiter))


def test_rows_as_they_stood_with_the_reason(town: Town, tmp_path: Path) -> None:
    town.write(COMPANIES.replace("1; Müller ;NULL\n", ""), "x")  # no file of the project: it changes nothing
    failed = tmp_path / "failed.csv"
    said = town.apply("--failed", str(failed), expect=3)
    rows = table(failed)
    by_key = {row["Id"] or row["Mail"]: row for row in rows}
    assert list(rows[0]) == ["Id", "Name", "Site", "Mail", "Company", "Tags", REASON]
    assert "3" in by_key
    assert "2 live records match" in by_key["3"][REASON]
    [refused] = [row for row in rows if "So says the test" in row[REASON]]
    assert refused["Name"] in ("Müller", 'Bad; "one"', "Fine", "More")
    assert "account.3" in by_key["a@x.example"][REASON]
    assert (by_key["3"]["Site"], by_key["3"]["Mail"]) == ("t", "")
    assert f"{len(rows)} rows not applied: {failed}" in said.out
    assert failed.stat().st_mode & 0o777 == 0o600
    assert len(town.rows("/v1/accounts")) == 2 + 5 - len([row for row in rows if row["Id"]])


def test_cells_are_as_they_stood_before_any_form(town: Town, tmp_path: Path) -> None:
    town.bent.instead = lambda method, path: error(400, "invalid_request_error") if method == "POST" else None
    failed = tmp_path / "failed.jsonl"
    town.apply("--failed", str(failed), expect=3)
    rows = [json.loads(line) for line in failed.read_text(encoding="utf-8").splitlines()]
    assert all(row.pop(REASON) for row in rows)
    assert rows == [
        {"Id": "1", "Name": "Müller", "Site": "NULL"},
        {"Id": "2", "Name": 'Bad; "one"', "Site": "s"},
        {"Id": "3", "Name": "Twin", "Site": "t"},
        {"Id": "4", "Name": "Fine", "Site": ""},
        {"Mail": "a@x.example", "Company": 3, "Tags": ["x", 1]},
        {"Mail": "b@x.example", "Company": "4"},
        {"Id": "m", "Name": "More"},
    ]


def test_what_was_not_applied_can_be_a_source_again(build: Callable[..., Town], tmp_path: Path) -> None:
    town = build()
    town.write("sources: [{kind: account, file: r.csv, key: Id, fields: {$name: Name}}]\n")
    town.write('Id,Name\na,"A, ""x"""\nb,B\n', "r.csv")
    town.bent.instead = lambda method, path: error(400, "invalid_request_error") if method == "POST" else None
    failed = tmp_path / "failed.csv"
    town.apply("--failed", str(failed), expect=3)
    town.bent.instead = lambda method, path: None
    town.write(failed.read_text(), "r.csv")
    town.apply("--failed", str(failed))
    assert sorted(town.titles("/v1/accounts")) == ['A, "x"', "B"]
    assert failed.read_text() == f"Id,Name,{REASON}\n", "a whole run leaves no row"


def test_a_saved_plan_and_an_interrupted_listing(town: Town, tmp_path: Path) -> None:
    plan, failed = tmp_path / "p.json", tmp_path / "failed.tsv"
    assert town.lfsync("plan", "-o", str(plan)).code == 3
    said = town.lfsync("apply", str(plan), "--yes", "--failed", str(failed))
    assert said.code == 3
    assert {"3"} <= {row["Id"] for row in table(failed, "\t")}


@pytest.mark.parametrize("name", ["companies.csv", "crm.yaml", ".lfsync/failed.csv", "lfsync.yaml", "new.yaml"])
def test_the_projects_own_files_are_refused_before_any_write(town: Town, name: str) -> None:  # rule C17
    before = (town.root / name).read_bytes() if (town.root / name).exists() else None
    said = town.lfsync("apply", "--yes", "--failed", str(town.root / name))
    assert (said.code, town.writes()) == (1, [])
    assert "can't be saved to" in said.err
    assert ((town.root / name).read_bytes() if (town.root / name).exists() else None) == before


@pytest.mark.parametrize("name", ["--yes", "-x", "no/such/folder.csv"])
def test_names_that_are_slips(town: Town, name: str) -> None:
    said = town.lfsync("apply", "--yes", "--failed", name)
    assert (said.code, town.writes()) == (1, [])
