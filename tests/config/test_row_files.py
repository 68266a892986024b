"""How rows are read and which are taken (design.md, section 17): files, `where`, `unique`, members, lookups."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfsync.errors import ConfigError
from lfsync.model import Address, Place
from lfsync.planning.prepare import prepare
from lfsync.project.load import Project
from lfsync.project.rows.row_files import RowFile
from lfsync.project.rows.source_file import read_table
from tests.config.config_samples import load, problems
from tests.config.test_sources import fields, rows
from tests.values.workspace_samples import SCHEMA

FIELDS = "    key: K\n    fields: {a: A}\n"


def checked(project: Project) -> list[str]:
    """All problems, those of the mappings among them, each on one line."""
    _, typed = prepare(project.resources, SCHEMA, mappings=project.mappings)
    found = ConfigError([*project.problems, *typed]).problems
    return [str(problem).replace("\n    ", " -- ") for problem in found]


def one_file(tmp_path: Path, more: str, data: bytes | str) -> Project:
    source = "sources:\n  - kind: account\n    file: r.csv\n    key: K\n    match: [$name]\n    fields: {$name: A}\n"
    return load(tmp_path, {"r.yaml": f"{source}{more}", "r.csv": data})


def names(project: Project) -> list[object]:
    return [resource.fields["$name"].data for resource in project.resources.values()]


# ---------------------------------------------------------------- encoding


@pytest.mark.parametrize("encoding", ["latin-1", "windows-1252", "ISO-8859-15", "utf-16-be", "UTF-8", "cp850"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    data = "K,A\n1,Müller & Söhne\n".encode(encoding)
    project = one_file(tmp_path, f"    encoding: {encoding}\n", data)
    assert not project.problems
    assert names(project) == ["Müller & Söhne"]


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_wins(tmp_path: Path, codec: str) -> None:  # rule C15
    project = one_file(tmp_path, "    encoding: latin-1\n", "K,A\n1,Müller\n".encode(codec))
    assert names(project) == ["Müller"]


def test_utf_16_without_a_mark_is_as_windows_writes_it(tmp_path: Path) -> None:
    assert names(one_file(tmp_path, "    encoding: utf-16\n", "K,A\n1,Ü\n".encode("utf-16-le"))) == ["Ü"]


@pytest.mark.parametrize(
    ("encoding", "data", "said"),
    [
        ("windows-1252", b"K,A\n1,x\n2,\x81\n", "r.csv:3: byte 0x81 is not cp1252"),
        ("ascii", b"K,A\n1,\xfc\n", "r.csv:2: byte 0xFC is not ascii"),
        ("utf-16-le", b"K\0,\0A\0\n\0" + b"1\0,\0x\0\n\0" + b"2\0,\0\0\xd8\n\0", "r.csv:3: byte 0x00 is not utf-16-le"),
        ("latin-1", b"K,A\n1,5 \x80\n", "r.csv:2: byte 0x80 is no character of iso8859-1"),
    ],
)
def test_bytes_that_are_not_of_the_encoding_are_at_their_row(
    tmp_path: Path, encoding: str, data: bytes, said: str
) -> None:
    [problem] = one_file(tmp_path, f"    encoding: {encoding}\n", data).problems
    assert str(problem).partition("\n")[0] == said
    assert "`encoding`" in str(problem.hint)


@pytest.mark.parametrize("name", ["utf8x", "latin1000", "rot13", "idna", "unicode_escape", "base64", "utf-7", "../x"])
def test_unknown_encodings(tmp_path: Path, name: str) -> None:
    [problem] = one_file(tmp_path, f"    encoding: {name}\n", "K,A\n").problems[:1]
    assert (problem.place, problem.message) == (Place("r.yaml", 7, 15), f"there is no encoding `{name}`")


# ---------------------------------------------------------------- delimiter, skip_lines, null_values


@pytest.mark.parametrize("mark", [";", "|", "^", "\\", "]", "-", "\t", "#", " ", ":", "\u00a7"])
def test_delimiters(tmp_path: Path, mark: str) -> None:
    written = '"\\t"' if mark == "\t" else f"'{mark}'"
    data = f'K{mark}A\n1{mark}"a{mark}""b"" \nc"\n2{mark}x,y\n'
    project = one_file(tmp_path, f"    delimiter: {written}\n", data)
    assert not project.problems
    assert names(project) == [f'a{mark}"b" \nc', "x,y"]


@pytest.mark.parametrize("mark", ["||", '""', "\\t", "tab", "a", '"\\""', '"\\n"', "''", "[x]", '"\\x01"'])
def test_delimiters_that_are_none(tmp_path: Path, mark: str) -> None:
    first = one_file(tmp_path, f"    delimiter: {mark}\n", "K,A\n1,x\n").problems[0]
    assert first.place is not None
    assert first.place[:2] == ("r.yaml", 7)
    assert first.hint


def test_json_lines_have_no_delimiter(tmp_path: Path) -> None:
    source = "sources: [{kind: account, file: r.jsonl, delimiter: ;, key: K, match: [$name], fields: {$name: A}}]\n"
    said = "r.yaml:1:53: `delimiter`: a jsonl file has none -- take it out"
    assert said in problems(tmp_path, {"r.yaml": source, "r.jsonl": '{"K": 1, "A": "x"}\n'})


def test_lines_above_the_header() -> None:
    text = 'Report, "of\n2027\n\nK,A\n1,x\n\n2,"y\nz"\n3,w\n'
    built = rows("    skip_lines: 3\n" + FIELDS, text)
    assert [(r.address.key, r.place.line) for r in built.resources] == [("1", 5), ("2", 7), ("3", 9)]
    [resource] = rows("    skip_lines: 1\n" + FIELDS, '#\n{"K": 1, "A": 2}\n', "jsonl").resources
    assert resource.place.line == 2


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("3", "r.yaml:7:17: `skip_lines` is 3, and r.csv has 2 lines -- count the lines above the header"),
        ("99", "r.yaml:7:17: `skip_lines` is 99, and r.csv has 2 lines -- count the lines above the header"),
        ("-1", "r.yaml:7:17: `skip_lines` must be a number of lines, 0 to 10,000 -- count those above the header"),
        ("many", "r.yaml:7:17: `skip_lines` must be a number of lines, 0 to 10,000 -- count those above the header"),
    ],
)
def test_skipped_lines_beyond_the_file(tmp_path: Path, lines: str, said: str) -> None:
    source = "sources:\n  - kind: account\n    file: r.csv\n    key: K\n    match: [$name]\n    fields: {$name: A}\n"
    assert said in problems(tmp_path, {"r.yaml": f"{source}    skip_lines: {lines}\n", "r.csv": "K,A\n1,x\n"})


def test_null_values_are_empty_cells() -> None:
    more = "    null_values: [NULL, N/A, -]\n    key: K\n    fields: {a: A, b: {column: B, empty: null}}\n"
    built = rows(more, "K,A,B\n1,NULL,N/A\n2,null, - \nN/A,x,y\n")
    assert [fields(resource) for resource in built.resources] == [{"b": None}, {"a": "null", "b": None}]
    assert [str(problem).splitlines()[0] for problem in built.problems] == ["r.csv:4: the key column `K` is empty"]


@given(st.lists(st.text(st.sampled_from("ab;\" '\t,é"), max_size=4), min_size=2, max_size=2), st.sampled_from(";|\t^"))
def test_any_delimiter_reads_what_it_writes(cells: list[str], mark: str) -> None:
    line = mark.join('"' + cell.replace('"', '""') + '"' for cell in cells)
    table = read_table(RowFile("r.csv", Place("r.yaml", 1), delimiter=mark), f"A{mark}B\n{line}\n")
    filled = [cell.strip() for cell in cells]
    assert [list(row.values()) for _, row in table.rows] == ([filled] if any(filled) else [])


# ---------------------------------------------------------------- where, unique

SEGMENTS = 'K,A,S\n1,x,A\n2,y,B\n3,,a\n4,z,\n5,"A, B",A\n'


@pytest.mark.parametrize(
    ("where", "keys"),
    [
        ("{S: A}", "1 5"),
        ("{S: [A, B]}", "1 2 5"),
        ("{S: {not: A}}", "2 3 4"),
        ("{S: {not: [A, B]}}", "3 4"),
        ("{S: empty}", "4"),
        ("{S: filled}", "1 2 3 5"),
        ("{S: {not: empty}}", "1 2 3 5"),
        ("{S: {not: filled}}", "4"),
        ("{S: A, A: 'A, B'}", "5"),
        ("{S: [filled]}", ""),
        ("{K: 2}", "2"),
    ],
)
def test_where(where: str, keys: str) -> None:
    built = rows(f"    where: {where}\n{FIELDS}", SEGMENTS)
    assert not built.problems
    assert " ".join(resource.address.key for resource in built.resources) == keys
    assert len(built.warnings) == (0 if keys else 1)


def test_where_that_takes_nothing_says_so() -> None:
    assert rows(f"    where: {{S: C}}\n{FIELDS}", SEGMENTS).warnings == (
        "r.yaml:4:13: `where` takes none of the 5 rows",
    )


def test_where_of_json() -> None:
    text = '{"K": 1, "S": ["A", "B"]}\n{"K": 2, "S": true}\n{"K": 3, "S": null}\n{"K": 4, "S": {"x": 1}}\n{"K": 5}\n'
    for where, keys in (("A", "1"), ("true", "2"), ("empty", "3 5"), ("filled", "1 2 4")):
        built = rows(f"    where: {{S: {where}}}\n    key: K\n", text, "jsonl")
        assert " ".join(resource.address.key for resource in built.resources) == keys


def test_where_names_a_missing_column_whatever_the_cells() -> None:  # rule C15
    built = rows(f"    where: {{Sg: filled}}\n{FIELDS}", "K,A,S\n")
    assert [str(problem).splitlines()[0] for problem in built.problems] == ["r.yaml:4:13: r.csv has no column `Sg`"]


@pytest.mark.parametrize("where", ["{S: }", "{S: null}", "{S: []}", "{S: {not: {not: A}}}", "{S: {is: A}}", "{}", "x"])
def test_mistakes_of_where(tmp_path: Path, where: str) -> None:
    found = one_file(tmp_path, f"    where: {where}\n", "K,A,S\n1,x,A\n").problems
    assert [problem.place[:2] for problem in found if problem.place] == [("r.yaml", 7)]


def test_the_first_row_of_a_key() -> None:
    built = rows("    unique: first\n" + FIELDS, "K,A\na,1\nb,2\n a ,3\n")
    assert [(r.address.key, fields(r)) for r in built.resources] == [("a", {"a": "1"}), ("b", {"a": "2"})]


def test_two_cells_that_give_one_key_are_refused_whatever_unique_says(tmp_path: Path) -> None:  # rule C4
    data = "K,A\na & b,1\na / b,2\n"
    for unique, hint in (("first", "with `unique: first`, too: "), ("error", "")):
        [problem] = one_file(tmp_path, f"    unique: {unique}\n", data).problems
        assert str(problem) == (
            "r.csv:3: account.a-b: `a / b` gives the same key as `a & b` at r.csv:2\n"
            f"    two cells must not become one thing{',' if hint else ':'} {hint}take another key column"
        )


def test_joined_cells_that_give_one_key_are_two() -> None:  # rule C4
    built = rows("    unique: first\n    key: [K, A]\n", "K,A\na.b,c\na,b.c\na,b.c\n")
    assert [problem.place for problem in built.problems] == [Place("r.csv", 3), Place("r.csv", 4)]


def test_unique_is_one_of_two_words(tmp_path: Path) -> None:
    [problem] = one_file(tmp_path, "    unique: last\n", "K,A\n1,x\n").problems[:1]
    assert (problem.place, problem.message) == (Place("r.yaml", 7, 13), "`unique` must be `first` or `error`")


def test_every_mistake_of_a_row_is_told_at_once() -> None:
    more = "    key: K\n    fields: {a: {column: A, number: {}}, b: {column: B, date: '%d/%m/%Y'}}\n"
    built = rows(more, "K,A,B\nk,x,y\n")
    assert [str(problem).splitlines()[0] for problem in built.problems] == [
        "r.csv:2: contact.k: column `A`: `x` is no number with `.` before the fraction",
        "r.csv:2: contact.k: column `B`: `y` is no date of the form `%d/%m/%Y`",
    ]


def test_a_ref_to_a_row_with_a_mistake_is_no_second_mistake(tmp_path: Path) -> None:
    source = (
        "sources:\n"
        "  - {kind: account, file: a.csv, key: K, fields: {$name: K, size: {column: N, number: {}}}}\n"
        "  - {kind: contact, file: c.csv, key: M, fields: {$email: [M]}, relationships: {$account: K}}\n"
    )
    files = {"r.yaml": source, "a.csv": "K,N\nbad one,x\n", "c.csv": "M,K\na@x.example,bad one\nb@x.example,no one\n"}
    found = [str(problem).splitlines()[0] for problem in load(tmp_path, files).problems]
    assert found == [
        "a.csv:2: account.bad-one: column `N`: `x` is no number with `.` before the fraction",
        "c.csv:3: contact.b@x.example: `$account`: there is no account `no one`",
    ]


# ---------------------------------------------------------------- members from rows, lookups

LIST = "lists:\n  l:\n    fields: {$name: L, $objectType: $account}\n    members: {MEMBERS}\n"
ACCOUNTS = "accounts: {a-1: {fields: {$name: One}}, b: {fields: {$name: Two}}}\n"


def listed(tmp_path: Path, members: str, data: str) -> Project:
    return load(tmp_path, {"r.yaml": ACCOUNTS + LIST.replace("MEMBERS", members), "r.csv": data})


def test_members_from_rows_are_the_exact_set(tmp_path: Path) -> None:
    project = listed(tmp_path, "from: r.csv, where: {S: A}, key: Id", "Id,S\na 1,A\nb,B\na 1,A\nacc_x1,A\n")
    assert checked(project) == []
    members = project.resources[Address("list", "l")].members
    assert members is not None
    assert members.form == "exact"
    assert [(ref.text, str(ref.place)) for ref in members.include] == [("a 1", "r.csv:2"), ("acc_x1", "r.csv:5")]
    assert (tmp_path / "r.csv").resolve() in project.files


@pytest.mark.parametrize(
    ("members", "data", "said"),
    [
        ("from: r.csv, key: Id", "Id\nnobody\n", "r.csv:2: list.l: `$accounts`: no account `nobody` in this project"),
        ("from: r.csv, key: Id", "Id\na 1\na/1\n", "r.csv:3: list.l: `a/1` gives the same key as `a 1` at r.csv:2"),
        ("from: r.csv, key: Id", "Id,x\n,x\n", "r.csv:2: list.l: the key column `Id` is empty"),
        ("from: r.csv, key: I", "Id\n", "r.yaml:5:33: r.csv has no column `I`"),
        ("from: r.csv, match: {$nam: Id}", "Id\nx\n", "r.yaml:5:42: list.l: account has no field `$nam`"),
        ("from: r.csv, match: {$name: Id}", "Id,x\n,x\n", "r.csv:2: list.l: a cell that finds the member is empty"),
        ("from: r.csv", "Id\n", "r.yaml:5:14: list.l: members from rows need `key` or `match`, and one of them"),
        ("from: r.csv, key: Id, include: [b]", "Id\nb\n", "r.yaml:5:37: list.l: unknown key `include` in members from"),
        ("from: r.txt, key: Id", "", "r.yaml:5:21: list.l: `r.txt` is no csv, tsv or jsonl file"),
        ("from: q.csv, key: Id", "", "r.yaml:5:21: `q.csv` is not there"),
    ],
)
def test_mistakes_of_members_from_rows(tmp_path: Path, members: str, data: str, said: str) -> None:
    found = checked(listed(tmp_path, members, data))
    assert [problem for problem in found if problem.startswith(said)], found


@pytest.mark.parametrize(
    "members", ["from: r.csv", "from: r.csv, match: [$name]", "from: r.csv, key: Id, where: {x: []}"]
)
def test_rows_say_nothing_where_their_mapping_is_wrong(tmp_path: Path, members: str) -> None:  # rule C15
    [said] = checked(listed(tmp_path, members, "Id,x\nb,x\nc,x\n"))
    assert said.startswith("r.yaml:5:")


def test_a_lookup_is_checked_once_whatever_the_cells(tmp_path: Path) -> None:  # rule C15
    source = (
        "sources:\n  - kind: contact\n    file: r.csv\n    key: K\n    fields: {$email: [K]}\n"
        "    relationships: {$account: {match: {$nmae: A, $website: W}}}\n"
    )
    for data in ("K,A,W\n", "K,A,W\nx@y.example,Acme,acme.example\nz@y.example,B,b.example\n"):
        [said] = [p for p in checked(load(tmp_path, {"r.yaml": source, "r.csv": data})) if "$nmae" in p]
        assert said == "r.yaml:6:47: contact.*: account has no field `$nmae` -- did you mean `$name`?"


def test_a_lookup_with_one_empty_cell_refuses_the_row() -> None:
    more = (
        "    key: K\n    relationships: {$account: {match: {$name: A, $website: W}}, r: {match: {x: A}, empty: null}}\n"
    )
    built = rows(more, "K,A,W\n1,,\n2,Acme,\n3,Acme,acme.example\n")
    assert [str(problem).splitlines()[0] for problem in built.problems] == [
        "r.csv:3: contact.2: `match` names `$website`, which is empty in this row, and an empty value matches nothing"
    ]
    first, refused, last = built.resources
    assert "$account" not in refused.relationships, "its other cells are checked all the same"
    assert {key: links.include for key, links in first.relationships.items()} == {"r": ()}
    [ref] = last.relationships["$account"].include
    found = {key: value.data for key, value in (ref.match or {}).items()}
    assert found == {"$name": "Acme", "$website": "acme.example"}


# ---------------------------------------------------------------- lists of keys (rule K2)


def test_a_row_has_the_lists_that_it_has_values_for() -> None:
    more = "    key: K\n    match: [[$email], [$title, a], [a]]\n    fields: {$email: [M], $title: T, a: A}\n"
    built = rows(more, "K,M,T,A\n1,x@y.example,t,a\n2,,t,a\n3,,,a\n4,,t,\n")
    lists = [[[key.data for key in keys] for keys in r.match.lists] for r in built.resources if r.match]
    assert lists == [[["$email"], ["$title", "a"], ["a"]], [["$title", "a"], ["a"]], [["a"]]]
    assert [str(problem).splitlines()[0] for problem in built.problems] == [
        "r.csv:5: contact.4: `match` names [$email], [$title, a], [a], and this row has values for none of them"
    ]


@pytest.mark.parametrize(
    ("match", "said"),
    [
        ("[[$name], [$name]]", "r.yaml:3:22: account.a: `match` has this list twice"),
        ("[[$name], []]", "r.yaml:3:22: account.a: a match with nothing to match"),
        ("[[$name], code]", "r.yaml:3:22: account.a: an item of `match` must be a list of keys"),
        ("[[$name], [[code]]]", "r.yaml:3:23: account.a: an item of an item of `match` must be text"),
        ("[[$name], [cod]]", "r.yaml:3:23: account.a: `match` names `cod`, which is not declared here"),
        ("[[tier], [$website]]", "r.yaml:3:12: account.a: `match` names nothing that has a value"),
    ],
)
def test_mistakes_of_several_lists_of_keys(tmp_path: Path, match: str, said: str) -> None:
    text = f"accounts:\n  a:\n    match: {match}\n    fields: {{$name: A, tier: null, $website: ''}}\n"
    project = load(tmp_path, {"r.yaml": text})
    found = checked(project)
    assert [each for each in found if each.startswith(said)], found
