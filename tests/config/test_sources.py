"""Rows of CSV, TSV and JSONL: keys, column forms, places (design 3; rules C2, C4, C5)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.errors import ConfigError
from lfsync.model import JSON, Address, Cell, Place, Resource
from lfsync.project.declarations import NO_DEFAULT
from lfsync.project.keys import as_key, is_key_text
from lfsync.project.resource_file import digest
from lfsync.project.rows.pattern import read_pattern
from lfsync.project.rows.source_file import read_table
from lfsync.project.source_rows import Built, build
from tests.config.config_samples import declared, load, row_file

CONSTITUENTS = Path(__file__).parents[3] / "shared" / "data" / "sp500" / "constituents.csv"


def rows(source: str, text: str, ending: str = "csv") -> Built:
    found = declared(f"sources:\n  - kind: contact\n    file: r.{ending}\n{source}")
    assert not found.problems
    [made] = found.sources
    try:
        table = read_table(made.file, text)
    except ConfigError as error:
        return Built(problems=[*error.problems])
    return build(made, table, NO_DEFAULT)


def fields(resource: Resource) -> dict[str, JSON]:
    return {key: value.data for key, value in resource.fields.items()}


def test_cells_are_cells_and_stand_at_their_row() -> None:
    built = rows("    key: K\n    fields: {a: A}\n", 'K,A\n1,"x\ny"\n\n2, 75000 \n')
    assert [(r.address.key, fields(r), r.place) for r in built.resources] == [
        ("1", {"a": "x\ny"}, Place("r.csv", 2)),
        ("2", {"a": "75000"}, Place("r.csv", 5)),
    ]
    assert all(type(r.fields["a"].data) is Cell for r in built.resources)
    assert str(built.resources[1].fields["a"].place) == "r.csv:5"


def test_column_forms() -> None:
    source = (
        "    key: [K, L]\n"
        "    fields:\n"
        "      year: {column: Y, pattern: '(\\d{4})'}\n"
        "      tags: {column: T, split: ';'}\n"
        "      none: {column: E, empty: null}\n"
        "      left: E\n"
        "      same: {value: [US, 1]}\n"
        "      home: {city: C, country: {value: DE}, street: E}\n"
        "      both: [C, E, {value: z}]\n"
        "      nums: {column: T, split: ';', pattern: '([a-z])'}\n"
    )
    built = rows(source, "K,L,Y,T,E,C\n A b , c/d!,2013 (1888),a; 1 ;b;,,Kiel\n")
    [resource] = built.resources
    assert resource.address == Address("contact", "A-b.c-d-")
    assert fields(resource) == {
        "year": "2013",
        "tags": ["a", "1", "b"],
        "none": None,
        "same": ["US", 1],
        "home": {"city": "Kiel", "country": "DE"},
        "both": ["Kiel", "z"],
        "nums": ["a", "b"],
    }
    home = resource.fields["home"].data
    assert isinstance(home, dict)
    assert type(home["city"]) is Cell
    assert type(home["country"]) is str
    assert resource.fields["same"].place == Place("r.yaml", 10, 21)


def test_relationships_and_match() -> None:
    source = (
        "    key: K\n    match: {$email: M}\n    fields: {$title: T}\n    lifecycle: {ignore_changes: [$title]}\n"
        "    relationships:\n      $account: C\n      peers: {column: P, split: ','}\n      boss: B\n"
        "      gone: {column: E, empty: null}\n"
        "      fixed: {value: {include: [x]}}\n      other: E\n"
    )
    built = rows(source, 'K,M,T,C,P,B,E\nk,m@x.example,t,Acme Solar,"a b,c",kai@corp.example,\n')
    [resource] = built.resources
    links = {key: (link.form, [ref.text for ref in link.include]) for key, link in resource.relationships.items()}
    assert links == {
        "$account": ("exact", ["Acme Solar"]),
        "peers": ("exact", ["a b", "c"]),
        "boss": ("one", ["kai@corp.example"]),
        "gone": ("one", []),
        "fixed": ("partial", ["x"]),
    }
    assert resource.match
    assert resource.match.values
    assert resource.match.values["$email"].data == "m@x.example"
    assert [key.data for key in resource.lifecycle.ignore_changes] == ["$title"]
    empty = rows(source, "K,M,T,C,P,B,E\nk,,t,,,,\n")
    assert [str(problem).splitlines()[0] for problem in empty.problems] == [
        "r.csv:2: contact.k: `match` names `$email`, which is empty in this row, and an empty value matches nothing"
    ]


def test_refs_in_cells_meet_the_keys_of_rows(tmp_path: Path) -> None:  # rule C4
    project = load(
        tmp_path,
        {
            "r.yaml": "sources:\n  - {kind: account, file: a.csv, key: Name, fields: {$name: Name}}\n"
            "  - {kind: contact, file: c.csv, key: Mail, fields: {$email: [Mail]}, "
            "relationships: {$account: Company}}\n",
            "a.csv": "Name\nA & Sons\n",
            "c.csv": "Mail,Company\no'hara@x.example,A & Sons\nb@x.example,A-Sons\n",
        },
    )
    assert not project.problems
    assert [address.key for address in project.resources] == ["A-Sons", "o-hara@x.example", "b@x.example"]


def test_a_pattern_without_a_hit_is_an_empty_cell_with_one_warning() -> None:  # rule C4
    built = rows("    key: K\n    fields: {y: {column: Y, pattern: '(\\d+)'}}\n", "K,Y\na,1\nb,x\nc,\nd,y\n")
    assert [fields(resource) for resource in built.resources] == [{"y": "1"}, {}, {}, {}]
    assert built.warnings == (
        "r.yaml:5:26: the pattern of column `Y` finds nothing in 2 cells, first at r.csv:3; that counts as empty",
    )


def test_tsv_and_json_lines() -> None:
    tab = rows("    key: K\n    fields: {a: A}\n", 'K\tA\nk\t"x, y"\n', "tsv")
    assert fields(tab.resources[0]) == {"a": "x, y"}
    source = "    key: K\n    fields: {a: A, b: B, home: {city: C}}\n    relationships: {r: R}\n"
    lines = '\ufeff{"K": 7, "A": 75000, "B": [true, null], "C": "", "R": ["a b"]}\r\n\r\n{"K": "x", "A": null}\n'
    typed = rows(source, lines, "jsonl")
    assert not typed.problems
    assert [(r.address.key, fields(r), r.place.line) for r in typed.resources] == [
        ("7", {"a": 75000, "b": [True, None]}, 1),
        ("x", {}, 3),
    ]
    assert [ref.text for ref in typed.resources[0].relationships["r"].include] == ["a b"]
    assert type(typed.resources[0].fields["a"].data) is int


def test_a_column_that_no_json_line_has_is_missing() -> None:
    built = rows("    key: K\n    fields: {a: Nam}\n", '{"K": "k", "Name": 1}\n', "jsonl")
    assert [str(problem) for problem in built.problems] == [
        "r.yaml:5:17: r.jsonl has no column `Nam`\n    did you mean `Name`?"
    ]


def test_windows_and_old_mac_line_ends() -> None:
    for end in ("\n", "\r\n", "\r"):
        built = rows("    key: K\n    fields: {a: A}\n", end.join(["K,A", "1,x", '2,"y', 'z"', "3,q", ""]))
        assert [(r.address.key, r.place.line) for r in built.resources] == [("1", 2), ("2", 3), ("3", 5)]


@settings(max_examples=60)
@given(st.text(max_size=80), st.sampled_from(["csv", "tsv", "jsonl"]))
def test_any_text_is_rows_or_problems(text: str, ending: str) -> None:
    built = rows("    key: K\n    fields: {a: A}\n", f"K,A\tb\n{text}", ending)
    assert all(problem.place for problem in built.problems)
    for resource in built.resources:
        resource.address.key.encode()


@settings(max_examples=60)
@given(st.text(max_size=30))
def test_a_cell_is_a_key_once_and_for_all(text: str) -> None:
    assert as_key(as_key(text)) == as_key(text)
    assert is_key_text(as_key(text))


@pytest.mark.parametrize(
    "pattern", ["(a+)+b", "(a*)*b", "(a|a)*b", "((?:a{2,})*)x", "(x(y+)?)+", "([ab]+)*c", r"(\w+\s?)+$"]
)
def test_patterns_that_can_run_away(pattern: str) -> None:
    with pytest.raises(ValueError, match="forever"):
        read_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"(\d{4})", "in 1902, 1888", "1902"),
        (r"^(.*?)\s*\(", "A (b)", "A"),
        (r"([*+|(]+)$", "a*+", "*+"),
        (r"(a)|b", "b", ""),
    ],
)
def test_patterns(pattern: str, text: str, found: str) -> None:
    assert read_pattern(pattern).find(text) == found


def test_a_pattern_searches_no_endless_text() -> None:
    built = rows("    key: K\n    fields: {y: {column: Y, pattern: '(x)'}}\n", f"K,Y\na,{'y' * 3000}\n")
    assert [str(problem) for problem in built.problems] == [
        "r.csv:2: contact.a: column `Y`: the cell has 3,000 characters; a pattern searches at most 2,000"
    ]


def test_many_rows() -> None:
    text = "K,A\n" + "".join(f"k{n},v\n" for n in range(20_000))
    assert len(read_table(row_file("r.csv"), text).rows) == 20_000


@pytest.mark.skipif(not CONSTITUENTS.exists(), reason="the shared data is not here")
def test_the_constituents(tmp_path: Path) -> None:
    text = CONSTITUENTS.read_text(encoding="utf-8")
    source = (
        "sources:\n  - kind: account\n    file: data/c.csv\n    key: Symbol\n    match: [$name]\n    fields:\n"
        "      $name: Security\n      sector: GICS Sector\n      founded: {column: Founded, pattern: '(\\d{4})'}\n"
        "      cik: CIK\n"
    )
    lines = text.splitlines()
    shuffled = "\n".join([lines[0], *reversed(lines[1:])])
    first = load(tmp_path / "a", {"r.yaml": source, "data/c.csv": text})
    second = load(tmp_path / "b", {"r.yaml": source, "data/c.csv": "\ufeff" + shuffled})
    assert not first.problems
    assert len(first.resources) == 503
    assert digest(first.resources) == digest(second.resources)
    assert all(re.fullmatch(r"\d{4}", str(r.fields["founded"].data)) for r in first.resources.values())
    assert first.resources[Address("account", "MMM")].place == Place("data/c.csv", 2)
