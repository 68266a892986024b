"""CSV, TSV and JSONL text to rows, each with its physical line. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeAlias

from lfsync.errors import ConfigError, Problem
from lfsync.model import JSON, Cell, Place
from lfsync.project.rows.row_files import RowFile
from lfsync.wording import nfc

MAX_CELL: Final = 1_000_000  # characters

CONTROL_CHARACTERS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
NO_QUOTES: Final = re.compile(r'[^"\r\n]*+(?!")')

Row: TypeAlias = tuple[Place, dict[str, JSON]]


@dataclass(slots=True)
class Table:
    """The columns' names, and of each row its place (the physical line, from 1) and its cells by column."""

    columns: Sequence[str]
    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_table(file: RowFile, text: str) -> Table:
    """Rows that can't be read are problems of the table. Raises ConfigError if there is no table at all."""
    text = text.removeprefix("\ufeff")
    start = table_start(text, file.skipped)
    if file.skipped and start == len(text):
        raise ConfigError([_too_short(file, text)])
    if not text[start:].strip():
        raise _no_table(file, 1 + file.skipped)
    bad = CONTROL_CHARACTERS.search(text)
    if bad:
        place = Place(file.path, len(_LINE_END.findall(text, 0, bad.start())) + 1)
        raise ConfigError(
            [Problem(f"control character U+{ord(bad.group()):04X}", place, hint="remove it; is this a text file?")]
        )
    table = _read_jsonl(file, text, start) if file.is_jsonl else _read_csv(file, text, start)
    if file.nulls:
        table.rows = [(place, _without_nulls(cells, file.nulls)) for place, cells in table.rows]
    return table


def table_start(text: str, skipped: int) -> int:
    """Where the line behind so many physical lines starts; the end of the text where there are no more."""
    at = 0
    for _ in range(skipped):
        end = _LINE_END.search(text, at)
        if end is None:
            return len(text)
        at = end.end()
    return at


def _too_short(file: RowFile, text: str) -> Problem:
    lines = len(_LINE_END.findall(text)) + (not text.endswith(("\n", "\r")) and bool(text))
    message = f"`skip_lines` is {file.skipped}, and {file.path} has {_count(lines, 'line')}"
    return Problem(message, file.skip_place, hint="count the lines above the header")


def _without_nulls(cells: dict[str, JSON], nulls: frozenset[str]) -> dict[str, JSON]:
    return {
        name: Cell("") if isinstance(data, str) and nfc(data.strip()) in nulls else data for name, data in cells.items()
    }


def _read_csv(file: RowFile, text: str, start: int) -> Table:
    lines = _csv_lines(file, text, start)
    first, header = next(lines, (1, None))
    if header is None:  # delimiters, and nothing between them
        raise _no_table(file, 1 + file.skipped)
    if isinstance(header, Problem):
        raise ConfigError([header])
    table = Table([nfc(name.strip()) for name in header])
    table.problems += _header_problems(Place(file.path, first), table.columns)
    try:
        for line, cells in lines:
            if isinstance(cells, Problem):
                table.problems.append(cells)
            else:
                _add_row(table, Place(file.path, line), cells)
    except ConfigError as error:
        table.problems += error.problems
    return table


def _no_table(file: RowFile, line: int) -> ConfigError:
    hint = "its first line names the columns"
    return ConfigError([Problem("the file is empty", Place(file.path, line), hint=hint)])


def _csv_lines(file: RowFile, text: str, start: int) -> Iterator[tuple[int, list[str] | Problem]]:
    """Each row with the physical line it starts at, or what is wrong with its quotes: the next row is on the next line
    then. Raises ConfigError for a cell that is too long.

    Not by the `csv` module: it takes a quote after a blank for a part of the value (rule C15).
    """
    delimiter = file.separator
    cell = cell_pattern(delimiter)
    at, line = start, 1 + file.skipped
    while at < len(text):
        simple = NO_QUOTES.match(text, at)
        if simple:
            cells, end, lines = simple[0].split(delimiter), simple.end(), 0
        else:
            found, end, lines = _quoted_row(file.path, text, at, line, cell)
            if isinstance(found, Problem):
                yield line, found
                at, line = _after_line_end(text, end), line + lines + 1
                continue
            cells = found
        _check_sizes(file.path, line, cells)
        if any(cell.strip() for cell in cells):
            yield line, cells
        at = _after_line_end(text, end)
        line += lines + 1


def cell_pattern(delimiter: str) -> re.Pattern[str]:
    """A quoted cell (its first group) with blanks around, or one without quotes around (its second group)."""
    mark = re.escape(delimiter)
    blank = f"[^\\S\r\n{mark}]*"
    quoted = f'{blank}"([^"]*(?:""[^"]*)*)"{blank}(?=[{mark}\r\n]|\\Z)'
    return re.compile(f'{quoted}|(?!{blank}")([^{mark}\r\n]*)')


def _quoted_row(
    file: str, text: str, at: int, line: int, cell: re.Pattern[str]
) -> tuple[list[str] | Problem, int, int]:
    """The cells of the row that starts at `at`, or what is wrong with it; where it ends, and how many line ends it
    holds."""
    cells: list[str] = []
    lines = 0
    while True:
        hit = cell.match(text, at)
        if hit is None:
            wrong, end = _broken_row(file, line, text, at)
            return wrong, end, lines + len(_LINE_END.findall(text, at, end))
        quoted, bare = hit.groups()
        cells.append(bare if quoted is None else quoted.replace('""', '"'))
        lines += 0 if quoted is None else len(_LINE_END.findall(quoted))
        at = hit.end()
        if at == len(text) or text[at] in "\r\n":
            return cells, at, lines
        at += 1  # the delimiter


def _after_line_end(text: str, at: int) -> int:
    end = _LINE_END.match(text, at)
    return end.end() if end else at


def _broken_row(file: str, line: int, text: str, at: int) -> tuple[Problem, int]:
    """What is wrong with a row, and where it ends: at the end of the line where the quote closes, or of the text."""
    closed = re.compile(r'[^\S\r\n]*"[^"]*(?:""[^"]*)*"').match(text, at)
    message = "text behind the quote that closes a cell" if closed else "the quote that opens a cell is never closed"
    hint = "put text with quotes into quotes, and double the quotes inside"
    line_end = _LINE_END.search(text, closed.end()) if closed else None
    return Problem(f"the row can't be read: {message}", Place(file, line), hint=hint), (
        line_end.start() if line_end else len(text)
    )


def _check_sizes(file: str, line: int, cells: Sequence[str]) -> None:
    if max(map(len, cells)) > MAX_CELL:
        message = f"the row has a cell of more than {MAX_CELL:,} characters"
        raise ConfigError([Problem(message, Place(file, line), hint="is a quote missing in the rows above?")])


def _header_problems(place: Place, columns: Sequence[str]) -> Iterator[Problem]:
    for name in sorted({name for name in columns if name and columns.count(name) > 1}):
        yield Problem(f"two columns are named `{name}`", place, hint="rename one of them")


def _add_row(table: Table, place: Place, cells: Sequence[str]) -> None:
    if len(cells) != len(table.columns):
        many = len(cells) > len(table.columns)
        apart, columns = "more" if many else "fewer", _count(len(table.columns), "column")
        message = f"the row has {_count(len(cells), 'cell')}, {apart} than the header's {columns}"
        hint = "a cell with a separator in it needs quotes" if many else "add the cells that are missing"
        table.problems.append(Problem(message, place, hint=hint))
        return
    table.rows.append((place, {name: Cell(cell.strip()) for name, cell in zip(table.columns, cells, strict=True)}))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


# ---------------------------------------------------------------- JSON lines


def _read_jsonl(file: RowFile, text: str, start: int) -> Table:
    columns: dict[str, None] = {}
    table = Table(())
    for line, content in enumerate(re.split("\r\n|\n", text[start:]), start=1 + file.skipped):
        if not content.strip():
            continue
        place = Place(file.path, line)
        try:
            row = _json_row(content)
        except (ValueError, RecursionError) as error:
            hint = "each line is one JSON object: {...}"
            table.problems.append(Problem(f"the line can't be read: {_said(error)}", place, hint=hint))
            continue
        columns.update(dict.fromkeys(row))
        table.rows.append((place, row))
    table.columns = tuple(columns)
    return table


def _said(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.colno}"
    return "nested too deep" if isinstance(error, RecursionError) else str(error)


def _json_row(content: str) -> dict[str, JSON]:
    row: JSON = json.loads(content, object_pairs_hook=_object, parse_constant=_constant)
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    if "\\" in content:
        _check_text(row)
    return row


def _object(entries: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found = {nfc(name): value for name, value in entries}
    if len(found) != len(entries):
        names = [nfc(name) for name, _ in entries]
        raise ValueError(f"duplicate key `{next(name for name in names if names.count(name) > 1)}`")
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _check_text(data: JSON) -> None:
    """ValueError for control characters and half characters, which JSON can write as escapes."""
    if isinstance(data, str) and CONTROL_CHARACTERS.search(data):
        raise ValueError("a control character in the text")
    if isinstance(data, dict):
        for key, value in data.items():
            _check_text(key)
            _check_text(value)
    if isinstance(data, list):
        for value in data:
            _check_text(value)
