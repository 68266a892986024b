"""Rows of a source to resources. Pure; text in, `Resource` out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from lfsync.errors import ConfigError, Problem
from lfsync.kinds import kind_of
from lfsync.model import JSON, Address, Cell, Links, Match, Place, Ref, Resource, Row, Value
from lfsync.project.declarations import Body, Default
from lfsync.project.keys import as_key, is_key_text, key_problem
from lfsync.project.pattern import Pattern
from lfsync.project.source_file import Table, read_table
from lfsync.project.sources import Column, Form, Object, Same, Several, Source
from lfsync.wording import did_you_mean, nfc


@dataclass(slots=True)
class Built:
    """What a source's rows came to. `misses` counts the rows where a column's pattern had no hit, with the first."""

    resources: list[Resource] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    misses: dict[Column, tuple[int, Place]] = field(default_factory=dict)

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(
            f"{column.place}: the pattern of column `{column.name}` finds nothing in {count} "
            f"{'cell' if count == 1 else 'cells'}, first at {first}; that counts as empty"
            for column, (count, first) in self.misses.items()
        )


def build(source: Source, text: str, default: Default) -> Built:
    """The resources of a source's rows. Every problem of the file is in the result."""
    built = Built()
    try:
        table = read_table(source.path, text)
    except ConfigError as error:
        built.problems += error.problems
        return built
    missing = list(_missing_columns(source, table))
    built.problems += (*table.problems, *missing)
    if not missing:
        rows = _Rows(source, default, built)
        for line, cells in table.rows:
            rows.add(Place(source.path, line), cells)
    return built


def _missing_columns(source: Source, table: Table) -> Iterator[Problem]:
    for column in _columns(
        (*source.key, *source.fields.values(), *source.relationships.values(), *source.match_forms.values())
    ):
        if column.name not in table.columns:
            known = [name for name in table.columns if name]
            hint = did_you_mean(column.name, known) or f"its columns: {', '.join(known)}"
            yield Problem(f"{source.path} has no column `{column.name}`", column.place, hint=hint)


def _columns(forms: tuple[Form, ...]) -> Iterator[Column]:
    for form in forms:
        if isinstance(form, Column):
            yield form
        elif isinstance(form, Several):
            yield from _columns(form.forms)
        elif isinstance(form, Object):
            yield from _columns(tuple(form.parts.values()))


class _Rows:
    """Turns the rows of one source into resources."""

    def __init__(self, source: Source, default: Default, built: Built) -> None:
        self.source = source
        self.default = default
        self.built = built
        self.known = kind_of(source.kind).relationships
        self.matched = {str(key.data) for key in source.match.keys or ()} if source.match else set[str]()

    def add(self, place: Place, cells: Mapping[str, JSON]) -> None:
        try:
            cell = self.cell(place, cells)
            address = Address(self.source.kind, self.key(place, cell))
            row = Row(".".join(cell), self.source.place)
            self.built.resources.append(self.body(address, place, cells).over(self.default, address, place, row))
        except _RowError as error:
            self.built.problems.append(error.problem)

    def cell(self, place: Place, cells: Mapping[str, JSON]) -> list[str]:
        """The texts that the key is made of."""
        return [self.key_part(place, column, cells) for column in self.source.key]

    def key(self, place: Place, cell: Sequence[str]) -> str:
        key = ".".join(map(as_key, cell))
        wrong = key_problem(key)
        if wrong:
            raise _RowError(Problem(wrong[0], place, hint="take another column for the key, or change the cell"))
        return key

    def key_part(self, place: Place, column: Column, cells: Mapping[str, JSON]) -> str:
        data = self.column(column, place, cells)
        empty = data is None or data is _EMPTY
        if not empty and isinstance(data, str | int) and not isinstance(data, bool):
            return nfc(str(data).strip())
        hint = "fill the cell, take the row out, or take another column for the key"
        message = f"the key column `{column.name}` is {'empty' if empty else 'no text'}"
        raise _RowError(Problem(message, place, hint=hint))

    def body(self, address: Address, place: Place, cells: Mapping[str, JSON]) -> Body:
        body = Body()
        source = self.source
        for key, form in source.fields.items():
            data = self.data(form, place, cells)
            if data is not _EMPTY:
                body.fields[key] = form.value if isinstance(form, Same) else Value(data, place)
            if key in self.matched and not isinstance(form, Same) and _is_blank(data):
                self.refuse_empty(key, data, address, place)
        for key, form in source.relationships.items():
            links = self.links(key, form, address, place, cells)
            if links:
                body.relationships[key] = links
            if key in self.matched and not isinstance(form, Same) and not (links and links.include):
                self.refuse_empty(key, None if links else _EMPTY, address, place)
        body.match = self.match(address, place, cells) if source.match_forms else source.match
        body.lifecycle = source.lifecycle
        return body

    def match(self, address: Address, place: Place, cells: Mapping[str, JSON]) -> Match:
        values: dict[str, Value] = {}
        for key, form in self.source.match_forms.items():
            if isinstance(form, Same):
                values[key] = form.value
                continue
            data = self.data(form, place, cells)
            if _is_blank(data):
                raise _RowError(_empty_match(key, address, place))
            # What is no documented field is a relationship, as far as is known here: its cells hold refs.
            values[key] = Value(data if key in kind_of(address.kind).fields else _cells(data), place)
        return Match(place, values=values)

    def refuse_empty(self, key: str, data: JSON, address: Address, place: Place) -> None:
        """A key that the source's list of `match` names is empty: only a default may stand in for it (rule C15)."""
        if data is not _EMPTY or (key not in self.default.fields and key not in self.default.relationships):
            raise _RowError(_empty_match(key, address, place))

    def links(self, key: str, form: Form, address: Address, place: Place, cells: Mapping[str, JSON]) -> Links | None:
        if isinstance(form, Same):
            return form.links
        data = self.data(form, place, cells)
        if data is _EMPTY:
            return None
        if data is None:
            return Links(place, "one")
        texts = data if isinstance(data, list) else [data]
        refs = []
        for text in texts:
            if _is_blank(text):
                continue
            if not isinstance(text, str | int) or isinstance(text, bool):
                raise _RowError(
                    Problem(f"`{key}` is no ref", place, str(address), "a ref is a key, an e-mail or an id")
                )
            refs.append(Ref(place, _ref_text(str(text))))
        many = isinstance(data, list) or (key in self.known and self.known[key].many)
        return Links(place, "exact" if many else "one", tuple(refs))

    def data(self, form: Form, place: Place, cells: Mapping[str, JSON]) -> JSON:
        """A form's value in one row; `_EMPTY` where the row says nothing."""
        if isinstance(form, Same):
            return form.value.data
        if isinstance(form, Column):
            return self.column(form, place, cells)
        if isinstance(form, Object):
            parts = {name: self.data(part, place, cells) for name, part in form.parts.items()}
            filled = {name: data for name, data in parts.items() if data is not _EMPTY}
            return filled or _EMPTY
        found: list[JSON] = []
        for part in form.forms:
            data = self.data(part, place, cells)
            if data is not _EMPTY and data is not None:
                found += data if isinstance(data, list) else [data]
        return found or _EMPTY

    def column(self, column: Column, place: Place, cells: Mapping[str, JSON]) -> JSON:
        data = cells.get(column.name)
        if type(data) is Cell and not (column.split or column.pattern):  # as nearly all are, and trimmed already
            return data or (None if column.clear else _EMPTY)
        if column.pattern and data is not None and not isinstance(data, str):
            data = self.searched(column, data, place)
        if isinstance(data, str) and (column.split or column.pattern):
            data = self.parts(column, data, place)
        if _is_blank(data):
            return None if column.clear else _EMPTY
        return data

    def searched(self, column: Column, data: JSON, place: Place) -> JSON:
        """What a pattern searches in JSON that is no text: a number's text, each item of a list."""
        if isinstance(data, list):
            found = [self.searched(column, item, place) for item in data if item is not None]
            hits = [self.parts(column, item, place) for item in found if isinstance(item, str)]
            return [part for hit in hits for part in (hit if isinstance(hit, list) else [hit]) if part is not None]
        if isinstance(data, dict):
            message = f"column `{column.name}`: a pattern searches text, and this is a mapping"
            raise _RowError(Problem(message, place, hint="take the pattern out, or write text"))
        return data if isinstance(data, str) else json.dumps(data)

    def parts(self, column: Column, text: str, place: Place) -> JSON:
        """A text cell after `split` and `pattern`; what is cut out of a text has no type of its own."""
        texts = text.split(column.split) if column.split else [text]
        texts = [part.strip() for part in texts]
        if column.pattern:
            texts = [self.hit(column, column.pattern, part, place) for part in texts if part]
        filled: list[JSON] = [Cell(part) for part in texts if part]
        return filled if column.split else (filled[0] if filled else None)

    def hit(self, column: Column, pattern: Pattern, text: str, place: Place) -> str:
        try:
            found = pattern.find(text)
        except ValueError as error:
            raise _RowError(Problem(f"column `{column.name}`: {error}", place)) from None
        if found is None:
            count, first = self.built.misses.get(column, (0, place))
            self.built.misses[column] = (count + 1, first)
        return found or ""


_EMPTY: Final[JSON] = Cell("")  # told apart by identity: the row says nothing here


def _is_blank(data: JSON) -> bool:
    """Whether a cell is empty: nothing, or nothing but blanks."""
    return data is None or data == [] or (isinstance(data, str) and not data.strip())


@lru_cache(maxsize=65536)
def _ref_text(text: str) -> str:
    """A ref as it stands; marked as a cell where it can only be a key once one is made of it (rule C4)."""
    text = nfc(text.strip())
    return text if is_key_text(text) else Cell(text)


def _cells(data: JSON) -> JSON:
    """The refs of a match as cells, also where they are JSON's."""
    if isinstance(data, list):
        return [_cells(item) for item in data]
    return Cell(data) if isinstance(data, str | int) and not isinstance(data, bool) else data


def _empty_match(key: str, address: Address, place: Place) -> Problem:
    message = f"`match` names `{key}`, which is empty in this row, and an empty value matches nothing"
    return Problem(message, place, str(address), "fill the cell, or take the row out")


class _RowError(Exception):
    """A row that can't become a resource."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem
