"""Which cells say a field of a row, and what they are to say. Pure.

Only a cell that is the value itself, and nothing else's, can be written back (rule V2): as it is, or as the inverse of
its map, date or number has it. What is written must mean the same when it is read again.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Container

from lfsync.editing.row_edit import cell_text
from lfsync.editing.splices import CantEditError
from lfsync.editing.yaml_edit import Leaf, Parts
from lfsync.model import JSON, Cell
from lfsync.project.rows.columns import Column, Form, Object, Same, columns_of
from lfsync.project.rows.conversions import CellError
from lfsync.project.rows.row_files import RowFile
from lfsync.project.sources import Source
from lfsync.wording import nfc

Means = Callable[[JSON], JSON]
"""What a value of the field means, in the form that is compared. ValueError for what is none."""


def cells_of(source: Source, key: str, leaf: Leaf, files: Collection[str], means: Means) -> dict[str, JSON]:
    """The cells by column. CantEditError where the field has none of its own.

    `files`: of everything of the project that reads rows, normalised, one for each time.
    """
    form = source.fields.get(key)
    if form is None:
        raise CantEditError("it comes from `defaults`, and a row has no place for a value of its own")
    if shares_rows(source, files):
        raise CantEditError("other sources read the row too")
    if isinstance(form, Object):
        return _object_cells(source, form, leaf)
    column = _own_column(source, form)
    data = None if leaf.whole == [] else leaf.whole  # nothing (rule C8), also where a cell could hold an empty list
    if data is None and not column.clear:
        hint = f"Add `empty: null` to the column `{column.name}` at {column.place}."
        raise CantEditError("it is empty in Lightfield, and an empty cell leaves a field alone", hint)
    data = data[0] if isinstance(data, list) and len(data) == 1 and not source.file.is_jsonl else data
    return {column.name: _written(source, column, data, means)}


def shares_rows(source: Source, files: Collection[str]) -> bool:
    """Whether something else of the project reads the rows of a source too."""
    name = posixpath.normpath(source.file.path)
    return sum(file == name for file in files) > 1


def _object_cells(source: Source, form: Object, leaf: Leaf) -> dict[str, JSON]:
    """Those of the parts that change."""
    parts = leaf.whole if isinstance(leaf.whole, dict) else {}
    missing = [name for name in parts if name not in form.parts]
    if missing:
        raise CantEditError(f"the source at {form.place} has no column for `{missing[0]}`")
    if not parts:
        raise CantEditError("it is empty in Lightfield, and empty cells leave a field alone")
    changed = leaf.parts if isinstance(leaf, Parts) else form.parts
    columns = {name: _own_column(source, form.parts[name]) for name in changed}
    return {column.name: _written(source, column, parts.get(name), _text) for name, column in columns.items()}


def _text(data: JSON) -> JSON:
    """What a part means: the text itself."""
    return str(data).strip() if data is not None else None


def _own_column(source: Source, form: Form) -> Column:
    """The column of a form whose cell is the value itself, and nothing else's."""
    if isinstance(form, Same):
        raise CantEditError(f"every row has the same value, at {form.value.place}")
    if not isinstance(form, Column):
        raise CantEditError(f"several cells make the value, at {form.place}")
    how = "template" if form.template else "pattern" if form.is_cut else "split" if form.split else None
    if how:
        raise CantEditError(f"the value is made of the cell by `{how}`, at {form.place}")
    if form.name in _names(source.key):
        raise CantEditError(f"the cell makes the key, at {source.place}")
    if form.name in _names(source.relationships.values()):
        raise CantEditError(f"the cell makes a ref too, at {source.place}")
    if form.name in _names(source.match_forms.values()):
        raise CantEditError(f"the cell makes the match too, at {source.place}")
    used = [name for column in columns_of(source.fields.values()) for name in column.names]
    if used.count(form.name) > 1:
        raise CantEditError(f"other values come from the column `{form.name}` too")
    if any(condition.column == form.name for condition in source.where):
        raise CantEditError(f"the cell tells whether the row is taken, at {source.place}")
    return form


def _names(forms: Collection[Form]) -> Container[str]:
    return {name for column in columns_of(forms) for name in column.names}


def _written(source: Source, column: Column, data: JSON, means: Means) -> JSON:
    """The cell for a value. What it would be read as must mean the value (rule V2)."""
    if data is None:
        return _emptied(column)
    if not column.conversions:
        return _held(source, data)
    found = [cell for cell in _candidates(source, column, data) if _comes_to(column, cell, data, means)]
    where = f"at {column.place}"
    if not found:
        raise CantEditError(f"no cell of the column `{column.name}` comes to it, {where}")
    if column.map is not None and len(found) > 1:
        shown = ", ".join(f"`{cell}`" for cell in found[:3])
        raise CantEditError(f"several cells come to it by the map, {where}: {shown}")
    return _held(source, found[0])


def _emptied(column: Column) -> JSON:
    if column.map is not None and column.map.of_empty is not None:
        raise CantEditError(f"the map makes {column.map.of_empty} of an empty cell, at {column.place}")
    return None


def _candidates(source: Source, column: Column, data: JSON) -> list[JSON]:
    """What the cell may be, best first; a number may stand in JSON as such."""
    (conversion,) = column.conversions
    as_it_is: list[JSON] = [data] if source.file.is_jsonl and isinstance(data, int | float) else []
    return [*as_it_is, *dict.fromkeys(conversion.written(data))]


def _comes_to(column: Column, cell: JSON, data: JSON, means: Means) -> bool:
    (conversion,) = column.conversions
    try:
        found = conversion.given(Cell(cell) if isinstance(cell, str) else cell)
        return found is not None and means(found) == means(data)
    except (CellError, ValueError):
        return False


def _held(source: Source, data: JSON) -> JSON:
    """A cell that the file can hold: none that counts as empty, and no character that its encoding lacks."""
    text = data if source.file.is_jsonl else cell_text(data)
    if isinstance(text, str) and not text.strip():
        raise CantEditError("a cell of blanks counts as an empty one")
    if isinstance(text, str) and nfc(text.strip()) in source.file.nulls:
        raise CantEditError(f"`{text}` counts as an empty cell by `null_values`, at {source.place}")
    if isinstance(text, str) and not source.file.is_jsonl:
        _check_characters(text, source.file)
    return data


def _check_characters(text: str, file: RowFile) -> None:
    try:
        text.encode(file.encoding or "utf-8")
    except UnicodeEncodeError as error:
        lacks = text[error.start : error.start + 1]
        raise CantEditError(f"{file.path} is {file.encoding}, which has no `{lacks}`") from None
