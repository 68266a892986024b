"""What becomes of a cell before its field reads it: the table of column forms. Pure.

A row of the table says which keys a column takes for it, how they are read, and how a cell is written back by `accept`.
What a cell becomes is a `Cell` again wherever it is text, so that the field decides its type (rule C5).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from yaml.nodes import Node, ScalarNode

from lfsync.model import JSON, Cell, Value
from lfsync.project.declarations import Forms
from lfsync.project.documents import plain
from lfsync.project.rows.cell_dates import DATE_HINT, CellDate, read_date
from lfsync.project.rows.cell_numbers import CellNumber, read_number
from lfsync.project.rows.pattern import Pattern, read_pattern
from lfsync.wording import as_it_stands, did_you_mean, nfc

_OTHERS: Final = 5  # of a map, that an error names


class CellError(Exception):
    """A cell that a form can't take. The message shows it as it stands."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Conversion(Protocol):
    """What one form makes of cells."""

    def given(self, cell: JSON) -> JSON:
        """What a filled cell becomes: text, or a number or truth of JSON. None counts as empty. CellError."""
        ...

    def written(self, value: JSON) -> Iterator[str]:
        """The cells that may have given a value, best first; whoever writes one reads it back first."""
        ...


@dataclass(frozen=True, slots=True)
class ColumnForm:
    """A row of the table. `one_of`: the forms that read the same cell in different ways exclude each other."""

    keys: tuple[str, ...]
    read: Callable[[Forms, Mapping[str, Node]], Conversion | None]
    one_of: bool = True


# ---------------------------------------------------------------- text


def cell_text(data: JSON) -> str:
    """A filled cell as text; of JSON also numbers and truths, as they are written. CellError for the rest."""
    if isinstance(data, str):
        return data
    if isinstance(data, list | dict):
        what = "a list" if isinstance(data, list) else "a mapping"
        raise CellError(f"this is {what}, and text is needed", "write text, or take the form out of the column")
    return json.dumps(data)


# ---------------------------------------------------------------- pattern


@dataclass(frozen=True, slots=True)
class Cut:
    """What the group of a pattern finds; nothing where it finds nothing. There is no way back."""

    pattern: Pattern

    def given(self, cell: JSON) -> JSON:
        try:
            found = self.pattern.find(cell_text(cell))
        except ValueError as error:
            raise CellError(str(error)) from None
        return Cell(found) if found else None

    def written(self, value: JSON) -> Iterator[str]:
        return iter(())


def _read_cut(forms: Forms, parts: Mapping[str, Node]) -> Cut | None:
    node = parts["pattern"]
    text = forms.text(node, "`pattern`")
    try:
        return None if text is None else Cut(read_pattern(text))
    except ValueError as error:
        hint = r"a pattern is a regular expression with one group, like (\d{4})"
        forms.say(node, f"the pattern can't be used: {error}", hint)
        return None


# ---------------------------------------------------------------- map


@dataclass(frozen=True, slots=True)
class ValueMap:
    """Cells by what they become. `others`: what all that it doesn't name become; None refuses them."""

    values: Mapping[str, Value]
    others: Value | None = None

    def given(self, cell: JSON) -> JSON:
        text = nfc(cell_text(cell).strip())
        found = self.values.get(text, self.others)
        if found is not None:
            return found.data
        known = [name for name in self.values if name]
        more = ", ..." if len(known) > _OTHERS else ""
        hint = did_you_mean(text, known) or f"add it to `map`, which has {', '.join(known[:_OTHERS])}{more}"
        raise CellError(f"{as_it_stands(text)} is not in the map", f"{hint}; `else` says what all others become")

    def written(self, value: JSON) -> Iterator[str]:
        yield from (cell for cell in self.values if cell)

    @property
    def of_empty(self) -> JSON:
        """What an empty cell becomes; it is empty unless the map names it."""
        return self.values[""].data if "" in self.values else None

    @property
    def all_values(self) -> tuple[Value, ...]:
        """What cells can become, without what counts as empty."""
        found = (*self.values.values(), *((self.others,) if self.others else ()))
        return tuple(value for value in found if value.data is not None)


def _read_map(forms: Forms, parts: Mapping[str, Node]) -> ValueMap | None:
    if "map" not in parts:
        forms.say(parts["else"], "`else` without `map`", "`else` says what becomes of cells that a map doesn't name")
        return None
    entries = forms.mapping(parts["map"], "`map`")
    before = len(forms.problems)
    values: dict[str, Value] = {}
    firsts: dict[str, Node] = {}
    for key, node in entries:
        cell = nfc(key.value.strip())
        if cell in firsts:
            message = f"`map` names `{cell}` twice; it is first at {forms.place(firsts[cell])}"
            forms.say(key, message, "keep one: cells are read without the blanks around them")
        firsts.setdefault(cell, key)
        values[cell] = _scalar(forms, node, f"`{key.value}` of `map`")
    if not entries:
        forms.say(parts["map"], "a map without entries", "write {cell: value}, for example {Closed Won: Won}")
    others = _scalar(forms, parts["else"], "`else`") if "else" in parts else None
    return ValueMap(values, others) if len(forms.problems) == before else None


def _scalar(forms: Forms, node: Node, what: str) -> Value:
    """What a cell becomes; an empty text counts as an empty cell, as null does (rule C8)."""
    if not isinstance(node, ScalarNode):
        forms.say(node, f"{what} must be one value", "a cell becomes text, a number, true, false or null")
        return Value(None, forms.place(node))
    return Value(plain(node) if node.value.strip() else None, forms.place(node))


# ---------------------------------------------------------------- dates, numbers


@dataclass(frozen=True, slots=True)
class Dated:
    """A date or a moment, as a DATETIME field takes it."""

    date: CellDate

    def given(self, cell: JSON) -> JSON:
        try:
            return Cell(self.date.read(cell_text(cell).strip()))
        except ValueError as error:
            raise CellError(str(error), DATE_HINT) from None

    def written(self, value: JSON) -> Iterator[str]:
        if isinstance(value, str):
            yield from self.date.written(value)


def _read_dated(forms: Forms, parts: Mapping[str, Node]) -> Dated | None:
    found = read_date(forms, parts.get("date"), parts.get("timezone"))
    return None if found is None else Dated(found)


@dataclass(frozen=True, slots=True)
class Numbered:
    """A number as a NUMBER field takes it."""

    number: CellNumber

    def given(self, cell: JSON) -> JSON:
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            return cell
        try:
            return Cell(self.number.read(cell_text(cell).strip()))
        except ValueError as error:
            raise CellError(str(error), self.number.hint) from None

    def written(self, value: JSON) -> Iterator[str]:
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield self.number.written(value)


def _read_numbered(forms: Forms, parts: Mapping[str, Node]) -> Numbered | None:
    found = read_number(forms, parts["number"])
    return None if found is None else Numbered(found)


COLUMN_FORMS: Final = (
    ColumnForm(("pattern",), _read_cut, one_of=False),
    ColumnForm(("map", "else"), _read_map),
    ColumnForm(("date", "timezone"), _read_dated),
    ColumnForm(("number",), _read_numbered),
)
"""In the order in which they are done; `split` comes before all of them."""

FORM_KEYS: Final = tuple(key for form in COLUMN_FORMS for key in form.keys)


def read_conversions(forms: Forms, parts: Mapping[str, Node]) -> tuple[Conversion, ...]:
    """The conversions that a column's keys ask for."""
    wanted = [form for form in COLUMN_FORMS if any(key in parts for key in form.keys)]
    exclusive = [next(key for key in form.keys if key in parts) for form in wanted if form.one_of]
    if len(exclusive) > 1:
        both = " and ".join(f"`{key}`" for key in exclusive)
        forms.say(parts[exclusive[1]], f"{both} on one column: a cell is read in one way", "keep one of them")
    found = [form.read(forms, parts) for form in wanted]
    return tuple(each for each in found if each is not None)
