"""Rows of a source to resources. Pure; text in, `Resource` out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from lfsync.errors import ConfigError, Problem
from lfsync.kinds import KINDS
from lfsync.model import JSON, Address, Cell, Links, Match, Place, Ref, Resource, Value
from lfsync.project.declarations import Body, Default, as_key, key_problem
from lfsync.project.pattern import Pattern
from lfsync.project.source_file import Table, read_table
from lfsync.project.sources import Column, Form, Object, Same, Several, Source
from lfsync.wording import did_you_mean


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
    built.problems += (*table.problems, *_missing_columns(source, table))
    if not any(problem.place and problem.place.file != source.path for problem in built.problems):
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
        self.known = KINDS[source.kind].relationships

    def add(self, place: Place, cells: Mapping[str, JSON]) -> None:
        try:
            key = self.key(place, cells)
            address = Address(self.source.kind, key)
            self.built.resources.append(self.body(address, place, cells).over(self.default, address, place))
        except _RowError as error:
            self.built.problems.append(error.problem)

    def key(self, place: Place, cells: Mapping[str, JSON]) -> str:
        parts = [self.key_part(place, column, cells) for column in self.source.key]
        key = ".".join(parts)
        wrong = key_problem(key)
        if wrong:
            raise _RowError(Problem(wrong[0], place, hint="take another column for the key, or change the cell"))
        return key

    def key_part(self, place: Place, column: Column, cells: Mapping[str, JSON]) -> str:
        data = self.column(column, place, cells)
        empty = data is None or data is _EMPTY
        if not empty and isinstance(data, str | int) and not isinstance(data, bool):
            return as_key(str(data))
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
        for key, form in source.relationships.items():
            links = self.links(key, form, address, place, cells)
            if links:
                body.relationships[key] = links
        body.match = self.match(address, place, cells) if source.match_forms else source.match
        body.lifecycle = source.lifecycle
        return body

    def match(self, address: Address, place: Place, cells: Mapping[str, JSON]) -> Match:
        found = {key: self.data(form, place, cells) for key, form in self.source.match_forms.items()}
        values = {key: Value(data, place) for key, data in found.items() if data is not _EMPTY and data is not None}
        if not values:
            hint = "fill one of the cells that `match` names"
            raise _RowError(Problem("a match with nothing left to match", place, str(address), hint))
        return Match(place, values=values)

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
            if not isinstance(text, str):
                raise _RowError(
                    Problem(f"`{key}` is no ref", place, str(address), "a ref is a key, an e-mail or an id")
                )
            refs.append(Ref(place, as_key(text)))
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
        if isinstance(data, str) and (column.split or column.pattern):
            data = self.parts(column, data, place)
        if data is None or data == "" or data == []:
            return None if column.clear else _EMPTY
        return data

    def parts(self, column: Column, text: str, place: Place) -> JSON:
        """A text cell after `split` and `pattern`. Cells of CSV stay cells."""
        kind = type(text)
        texts = text.split(column.split) if column.split else [text]
        texts = [part.strip() for part in texts]
        if column.pattern:
            texts = [self.hit(column, column.pattern, part, place) for part in texts if part]
        filled: list[JSON] = [kind(part) for part in texts if part]
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


class _RowError(Exception):
    """A row that can't become a resource."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem
