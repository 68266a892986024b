"""Which cells say a field of a row, and what they are to say. Pure.

Only a cell that is the value itself, and nothing else's, can be written back (rule V2).
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Iterator

from lfsync.editing.splices import CantEditError
from lfsync.editing.yaml_edit import Leaf, Parts
from lfsync.model import JSON
from lfsync.project.sources import Column, Form, Object, Same, Several, Source


def cells_of(source: Source, key: str, leaf: Leaf, sources: Collection[Source]) -> dict[str, JSON]:
    """The cells by column. CantEditError where the field has none of its own. `sources`: all of the project."""
    form = source.fields.get(key)
    if form is None:
        raise CantEditError("it comes from `defaults`, and a row has no place for a value of its own")
    name = posixpath.normpath(source.path)
    if any(posixpath.normpath(each.path) == name for each in sources if each.place != source.place):
        raise CantEditError("other sources read the row too")
    if isinstance(form, Object):
        return _object_cells(source, form, leaf)
    column = _own_column(source, form)
    data = leaf.whole
    if data is None and not column.clear:
        hint = f"Add `empty: null` to the column `{column.name}` at {column.place}."
        raise CantEditError("it is empty in Lightfield, and an empty cell leaves a field alone", hint)
    is_json = source.path.lower().endswith(".jsonl")
    return {column.name: data[0] if isinstance(data, list) and len(data) == 1 and not is_json else data}


def _object_cells(source: Source, form: Object, leaf: Leaf) -> dict[str, JSON]:
    """Those of the parts that change."""
    parts = leaf.whole if isinstance(leaf.whole, dict) else {}
    missing = [name for name in parts if name not in form.parts]
    if missing:
        raise CantEditError(f"the source at {form.place} has no column for `{missing[0]}`")
    if not parts:
        raise CantEditError("it is empty in Lightfield, and empty cells leave a field alone")
    changed = leaf.parts if isinstance(leaf, Parts) else form.parts
    return {_own_column(source, form.parts[name]).name: parts.get(name) for name in changed}


def _own_column(source: Source, form: Form) -> Column:
    """The column of a form whose cell is the value itself, and nothing else's."""
    if isinstance(form, Same):
        raise CantEditError(f"every row has the same value, at {form.value.place}")
    if not isinstance(form, Column):
        raise CantEditError(f"several cells make the value, at {form.place}")
    if form.pattern or form.split:
        how = "`pattern`" if form.pattern else "`split`"
        raise CantEditError(f"the value is made of the cell by {how}, at {form.place}")
    if any(form.name == column.name for column in source.key):
        raise CantEditError(f"the cell makes the key, at {source.place}")
    if any(form.name == column.name for column in _columns(source.relationships.values())):
        raise CantEditError(f"the cell makes a ref too, at {source.place}")
    if [column.name for column in _columns(source.fields.values())].count(form.name) > 1:
        raise CantEditError(f"other values come from the column `{form.name}` too")
    return form


def _columns(forms: Iterable[Form]) -> Iterator[Column]:
    for form in forms:
        if isinstance(form, Column):
            yield form
        elif isinstance(form, Several):
            yield from _columns(form.forms)
        elif isinstance(form, Object):
            yield from _columns(form.parts.values())
