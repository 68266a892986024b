"""Cells of CSV, TSV and JSON Lines, edited in place. Pure: text and edits in, text out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from lfsync.editing.splices import LINE_END, CantEditError, Splice, end_of_line, shifted, whole_lines
from lfsync.model import JSON
from lfsync.project.rows.row_files import RowFile
from lfsync.project.rows.source_file import NO_QUOTES, cell_pattern, table_start
from lfsync.wording import nfc

_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_DECODER: Final = json.JSONDecoder()


@dataclass(slots=True)
class RowEdit:
    """What becomes of one row: these cells by column, or nothing at all."""

    cells: dict[str, JSON] = field(default_factory=dict)
    gone: bool = False


class EditedRows(NamedTuple):
    """The splices, and why what was left of the edits, by row and column, could not be made."""

    splices: tuple[Splice, ...]
    left: Mapping[tuple[int, str], CantEditError]


def edit_rows(file: RowFile, text: str, edits: Mapping[int, RowEdit]) -> EditedRows:
    """Make all edits that can be made; rows are named by the physical line they start at, as `Place` does."""
    body = text.removeprefix("\ufeff")
    table: _Lines = _Jsonl(body, file) if file.is_jsonl else _Csv(body, file)
    left: dict[tuple[int, str], CantEditError] = {}
    splices: list[Splice] = []
    rows = table.rows(edits)
    for line, edit in edits.items():
        if line not in rows:
            left[line, ""] = CantEditError("the row is not there any more")
        elif edit.gone:
            splices.append(whole_lines(body, *rows[line]))
        else:
            splices += table.edited(line, rows[line], edit, left)
    return EditedRows(shifted(splices, len(text) - len(body)), left)


def cell_text(data: JSON) -> str:
    """A value as the text of a cell. CantEditError where one cell can't hold it."""
    if data is None:
        return ""
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, list | dict):
        raise CantEditError("one cell can't hold several values")
    text = str(data) if isinstance(data, str) else repr(data)
    if text != text.strip() or not text:
        raise CantEditError("a cell can't hold blanks at its ends")
    return text


class _Lines:
    """A text of rows."""

    def __init__(self, text: str, file: RowFile) -> None:
        self.text = text
        self.start = (table_start(text, file.skipped), 1 + file.skipped)
        self.escapes = text.isascii() or not (file.encoding or "utf").startswith("utf")

    def rows(self, wanted: Mapping[int, object]) -> dict[int, tuple[int, int]]:
        """Where the rows of these lines start and end."""
        raise NotImplementedError

    def edited(
        self, line: int, row: tuple[int, int], edit: RowEdit, left: dict[tuple[int, str], CantEditError]
    ) -> Iterator[Splice]:
        """The splices of one row's cells; why others can't be made goes to `left`."""
        raise NotImplementedError


class _Csv(_Lines):
    def __init__(self, text: str, file: RowFile) -> None:
        super().__init__(text, file)
        self.delimiter = file.separator
        self.pattern = cell_pattern(file.separator)
        self.columns: list[str] = []

    def rows(self, wanted: Mapping[int, object]) -> dict[int, tuple[int, int]]:
        found: dict[int, tuple[int, int]] = {}
        at, line = self.start
        while at < len(self.text):
            simple = NO_QUOTES.match(self.text, at)
            end = simple.end() if simple else [*self.cells(at)][-1].end()
            if self.text[at:end].strip(self.delimiter + " \t") and not self.columns:
                self.columns = [nfc(_said(hit).strip()) for hit in self.cells(at)]
            elif line in wanted:
                found[line] = (at, end)
            line += 1 + (0 if simple else len(LINE_END.findall(self.text, at, end)))
            after = LINE_END.match(self.text, end)
            at = after.end() if after else end
        return found

    def cells(self, at: int) -> Iterator[re.Match[str]]:
        """The cells of the row that starts at `at`."""
        while True:
            hit = self.pattern.match(self.text, at)
            if hit is None:
                raise CantEditError("the row can't be read")
            yield hit
            at = hit.end()
            if at == len(self.text) or self.text[at] in "\r\n":
                return
            at += 1

    def edited(
        self, line: int, row: tuple[int, int], edit: RowEdit, left: dict[tuple[int, str], CantEditError]
    ) -> Iterator[Splice]:
        for column, data in edit.cells.items():
            try:
                yield self.cell(row, column, data)
            except CantEditError as error:
                left[line, column] = error

    def cell(self, row: tuple[int, int], column: str, data: JSON) -> Splice:
        new = cell_text(data)
        cells = dict(zip(self.columns, self.cells(row[0]), strict=False))
        if column not in cells:
            raise CantEditError(f"the row has no cell `{column}`")
        hit = cells[column]
        if hit[1] is not None:
            return Splice(hit.start(1), hit.end(1), new.replace('"', '""'))
        bare = hit[2]
        start = hit.start(2) + len(bare) - len(bare.lstrip())
        end = max(start, hit.start(2) + len(bare.rstrip()))
        needs_quotes = any(char in new for char in (self.delimiter, '"', "\n", "\r"))
        return Splice(start, end, '"' + new.replace('"', '""') + '"' if needs_quotes else new)


class _Jsonl(_Lines):
    def rows(self, wanted: Mapping[int, object]) -> dict[int, tuple[int, int]]:
        found: dict[int, tuple[int, int]] = {}
        at, line = self.start
        while at < len(self.text):
            end = self.text.find("\n", at)
            end = len(self.text) if end < 0 else end
            if line in wanted:
                found[line] = (at, end_of_line(self.text, at))
            at, line = end + 1, line + 1
        return found

    def edited(
        self, line: int, row: tuple[int, int], edit: RowEdit, left: dict[tuple[int, str], CantEditError]
    ) -> Iterator[Splice]:
        values, last = self.values(row[0])
        written = {column: self.json(data) for column, data in edit.cells.items()}
        yield from (Splice(*values[column], new) for column, new in written.items() if column in values)
        added = [f"{self.json(column)}: {new}" for column, new in written.items() if column not in values]
        if added:
            yield Splice(last, last, ", ".join([*([""] if values else []), *added]))

    def values(self, start: int) -> tuple[dict[str, tuple[int, int]], int]:
        """Where each value of a row's object stands, and where the last one ends."""
        found: dict[str, tuple[int, int]] = {}
        at = last = self.gap(start) + 1
        while self.text[self.gap(at)] != "}":
            name, colon = _DECODER.raw_decode(self.text, self.gap(at))
            begin = self.gap(self.gap(colon) + 1)
            _, last = _DECODER.raw_decode(self.text, begin)
            found[nfc(name)] = (begin, last)
            at = self.gap(last)
            at += self.text[at] == ","
        return found, last

    def json(self, data: JSON) -> str:
        return json.dumps(data, ensure_ascii=self.escapes)

    def gap(self, at: int) -> int:
        found = _BLANKS.match(self.text, at)
        return found.end() if found else at


def _said(hit: re.Match[str]) -> str:
    quoted, bare = hit.groups()
    return bare if quoted is None else quoted.replace('""', '"')
