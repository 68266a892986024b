"""Laws of editing cells in place (design.md, section 13): a cell says what it should, and all other bytes stay."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.editing.row_edit import RowEdit, edit_rows
from lfsync.editing.splices import spliced
from lfsync.project.rows.source_file import read_table
from tests.config.config_samples import row_file

LAWS = settings(max_examples=300, deadline=None)
CELLS = st.sampled_from(["", "a", "Kiel, DE", 'say "x"', "two\nlines", "1.5", "é", "a;b", "tab\there", "#x"])
NEW = st.sampled_from(["b", "x, y", 'q"q', "l\nm", "0", "ü", 7, -1.5, True, "a\tb", None])
COLUMNS = ["Id", "Name", "Nick name", "N"]
ENDS = st.sampled_from(["\n", "\r\n"])


def _cell(text: str, delimiter: str, style: int) -> str:
    if style == 0 and not any(char in text for char in (delimiter, '"', "\n")):
        return f" {text} " if delimiter == "," and text else text
    return '"' + text.replace('"', '""') + '"' + (" " if style == 2 else "")


@LAWS
@given(st.data())
def test_cells_of_csv_and_tsv(data: st.DataObject) -> None:
    delimiter, file = data.draw(st.sampled_from([(",", "x.csv"), ("\t", "x.TSV")]))
    rows = data.draw(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=5))
    lines = [[*COLUMNS], *([f"r{number}", *row] for number, row in enumerate(rows))]
    end = data.draw(ENDS)
    text = data.draw(st.sampled_from(["", "\ufeff"]))
    pieces: list[tuple[int, str]] = []
    for number, line in enumerate(lines):
        if number > 1 and data.draw(st.booleans()):
            pieces.append((-1, end))
        written = delimiter.join(_cell(cell, delimiter, data.draw(st.integers(0, 2))) for cell in line)
        pieces.append((number, written + end))
    text += "".join(piece for _, piece in pieces)
    text = text.removesuffix(end) if data.draw(st.booleans()) else text
    table = read_table(row_file(file), text)
    assert not table.problems
    wanted: dict[int, Any] = {place.line: dict(cells) for place, cells in table.rows}
    edits: dict[int, RowEdit] = {}
    for place in data.draw(st.sets(st.sampled_from([place.line for place, _ in table.rows]))):
        if data.draw(st.integers(0, 5)) == 0 and len(wanted) > 1:
            edits[place] = RowEdit(gone=True)
            del wanted[place]
            continue
        edits[place] = RowEdit({name: data.draw(NEW) for name in data.draw(st.sets(st.sampled_from(COLUMNS[1:])))})
        wanted[place] |= {name: _said(value) for name, value in edits[place].cells.items()}
    made = edit_rows(row_file(file), text, edits)
    assert made.left == {}
    after = spliced(text, made.splices)
    assert [cells for _, cells in read_table(row_file(file), after).rows] == list(wanted.values())
    untouched = [piece for number, piece in pieces if number >= 0 and f"r{number - 1}" not in _keys(table, edits)]
    assert all(piece.removesuffix(end) in after for piece in untouched)
    assert after.startswith("\ufeff") == text.startswith("\ufeff")


def _keys(table: Any, edits: dict[int, RowEdit]) -> set[str]:
    return {cells["Id"] for place, cells in table.rows if place.line in edits}


def _said(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('ab"\\é\n,}{', max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)


@LAWS
@given(st.data())
def test_values_of_json_lines(data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4), min_size=1, max_size=4))
    end = data.draw(ENDS)
    style: Any = data.draw(st.sampled_from([{}, {"separators": (",", ":")}, {"separators": (" , ", " : ")}]))
    lines = [json.dumps(row, ensure_ascii=data.draw(st.booleans()), **style) for row in rows]
    text = end.join(lines) + data.draw(st.sampled_from(["", end]))
    edits = {
        number: RowEdit(data.draw(st.dictionaries(st.sampled_from("abcde"), VALUES, max_size=2)))
        for number in data.draw(st.sets(st.integers(1, len(rows))))
    }
    made = edit_rows(row_file("x.jsonl"), text, edits)
    assert made.left == {}
    after = spliced(text, made.splices).split(end)
    for number, row in enumerate(rows, 1):
        cells = edits[number].cells if number in edits else {}
        assert json.loads(after[number - 1]) == {**row, **cells}
        assert cells or after[number - 1] == lines[number - 1]


@pytest.mark.parametrize("value", [" a", "a ", "", ["a", "b"], {"a": 1}])
def test_what_no_cell_can_hold(value: Any) -> None:
    made = edit_rows(row_file("x.csv"), "Id,Name\na,A\n", {2: RowEdit({"Name": value})})
    assert list(made.left) == [(2, "Name")]
    assert made.splices == ()


def test_a_row_that_is_not_there() -> None:
    assert list(edit_rows(row_file("x.csv"), "Id,Name\na,A\n", {3: RowEdit({"Name": "B"})}).left) == [(3, "")]
    assert list(edit_rows(row_file("x.csv"), "Id,Name\na,A\n", {2: RowEdit({"Nick": "B"})}).left) == [(2, "Nick")]
