"""CSV as everybody reads it: held against Python's own reader wherever the two must agree."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from lfsync.project.rows.source_file import read_table
from tests.config.config_samples import row_file

_CELLS = st.text(st.sampled_from('ab ",;\n\r\té'), max_size=6)


@given(st.lists(st.lists(_CELLS, min_size=2, max_size=2), max_size=5), st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_a_spreadsheet_writes_is_read_back(rows: list[list[str]], end: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([["A", "B"], *rows])
    table = read_table(row_file("r.csv"), text.getvalue())
    assert not table.problems
    filled = [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)]
    assert [list(cells.values()) for _, cells in table.rows] == filled


@given(st.text(st.sampled_from('ab ",\n\r'), max_size=20))
def test_a_value_never_keeps_the_quotes_around_it(text: str) -> None:  # rule C15
    table = read_table(row_file("r.csv"), f"A,B\n{text}")
    for place, cells in table.rows:
        assert 1 < place.line <= 2 + text.count("\n") + text.count("\r")
        for cell in cells.values():
            assert isinstance(cell, str)
            if cell.startswith('"'):
                assert '""' in text, "only a doubled quote within quotes may begin a value"
