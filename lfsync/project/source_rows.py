"""Rows of a source to resources, rows of a roster to the members of a list. Pure; a table in, `Resource` out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeVar

from lfsync.errors import Problem
from lfsync.kinds import kind_of
from lfsync.model import JSON, Address, Cell, Links, Match, Place, Ref, Resource, Row, Value
from lfsync.project.declarations import Body, Default
from lfsync.project.keys import as_key, is_key_text, key_problem
from lfsync.project.rows.columns import Column, Form, Lookup, Object, Same, columns_of
from lfsync.project.rows.conversions import CellError, cell_text
from lfsync.project.rows.row_filter import Condition, takes
from lfsync.project.rows.source_file import Table
from lfsync.project.sources import Roster, Source
from lfsync.wording import as_it_stands, did_you_mean, nfc

_Item = TypeVar("_Item")


@dataclass(slots=True)
class Built:
    """What a source's rows came to.

    `misses`: of columns whose pattern had no hit, by their place: the name, in how many cells, and the first of these.

    `unmet`: that rows are there, and `where` takes none of them. `broken`: what rows with mistakes would declare.
    """

    resources: list[Resource] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    misses: dict[Place, tuple[str, int, Place]] = field(default_factory=dict)
    unmet: tuple[str, ...] = ()
    broken: set[Address] = field(default_factory=set)

    @property
    def warnings(self) -> tuple[str, ...]:
        missed = (
            f"{place}: the pattern of column `{name}` finds nothing in {count} "
            f"{'cell' if count == 1 else 'cells'}, first at {first}; that counts as empty"
            for place, (name, count, first) in self.misses.items()
        )
        return (*missed, *self.unmet)


def build(source: Source, table: Table, default: Default) -> Built:
    """The resources of a source's rows. Every problem of the file is in the result."""
    built = Built(problems=[*table.problems])
    rows_of = "the query" if source.query else source.file.path
    missing = [*_missing_columns(rows_of, table, source.forms, source.where)]
    built.problems += missing
    if not missing:
        rows = _Rows(source, default, built)
        for place, cells in _taken(table, source.where, built):
            rows.add(place, cells)
    return built


def keyed_rows(source: Source, table: Table) -> dict[str, Mapping[str, JSON]]:
    """The rows that a source takes, by the text that the key of each is made of."""
    reader, found = _Cells(Built()), dict[str, Mapping[str, JSON]]()
    for place, cells in _taken(table, source.where, reader.built):
        with suppress(RowError):
            found.setdefault(".".join(reader.key(source.key, place, cells)), cells)
    return found


def build_members(roster: Roster, table: Table) -> tuple[Links, Built]:
    """The members that a roster's rows name, each once; problems and warnings are in the other one."""
    built = Built(problems=[*table.problems])
    missing = [*_missing_columns(roster.file.path, table, roster.forms, roster.where)]
    built.problems += missing
    refs: dict[object, Ref] = {}
    reader = _Cells(built)
    for place, cells in () if missing else _taken(table, roster.where, built):
        try:
            for ref in _named(reader, roster, place, cells):
                found = ref.text or tuple((key, str(value.data)) for key, value in (ref.match or {}).items())
                refs.setdefault(found, ref)
        except RowError as error:
            built.problems += (_addressed(each, roster.address) for each in error.problems)
    return Links(roster.place, "exact", tuple(refs.values())), built


def _named(reader: _Cells, roster: Roster, place: Place, cells: Mapping[str, JSON]) -> Iterable[Ref]:
    if roster.lookup is not None:
        found = reader.lookup(roster.lookup, place, cells)
        if not found:
            raise RowError([Problem("a cell that finds the member is empty", place, hint=_KEY_HINT)])
        return found
    return [Ref(place, _ref_text(".".join(reader.key(roster.key, place, cells))))]


def _addressed(problem: Problem, address: Address) -> Problem:
    return Problem(problem.message, problem.place, str(address), problem.hint)


def _taken(table: Table, where: Sequence[Condition], built: Built) -> Iterator[tuple[Place, Mapping[str, JSON]]]:
    """The rows that `where` takes. That it takes none of them is worth a word: their resources would be gone."""
    taken = [row for row in table.rows if takes(where, row[1])] if where else table.rows
    if table.rows and not taken:
        count = len(table.rows)
        built.unmet = (f"{where[0].place}: `where` takes none of the {count} row{'' if count == 1 else 's'}",)
    return iter(taken)


def _missing_columns(path: str, table: Table, forms: Iterable[Form], where: Iterable[Condition]) -> Iterator[Problem]:
    """Columns that are named and not there, at the YAML value that names them (rule C15)."""
    named = [(name, column.place) for column in columns_of(forms) for name in column.names]
    named += [(condition.column, condition.place) for condition in where]
    for name, place in dict.fromkeys(named):
        if name not in table.columns:
            known = [each for each in table.columns if each]
            hint = did_you_mean(name, known) or f"its columns: {', '.join(known)}"
            yield Problem(f"{path} has no column `{name}`", place, hint=hint)


class RowError(Exception):
    """A row that can't become a resource, and all that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems[0].message)


# ---------------------------------------------------------------- cells


class _Cells:
    """Reads the forms of one row after the other."""

    def __init__(self, built: Built) -> None:
        self.built = built

    def key(self, columns: Iterable[Column], place: Place, cells: Mapping[str, JSON]) -> list[str]:
        """The texts that a key is made of. RowError where one is empty."""
        return [self._key_part(column, place, cells) for column in columns]

    def _key_part(self, column: Column, place: Place, cells: Mapping[str, JSON]) -> str:
        for name in column.names if column.template else ():
            if _is_blank(cells.get(name)):
                raise RowError([Problem(f"the key column `{name}` is empty", place, hint=_KEY_HINT)])
        data = self.column(column, place, cells)
        empty = data is None or data is EMPTY
        if not empty and isinstance(data, str | int) and not isinstance(data, bool):
            return nfc(str(data).strip())
        message = f"the key column `{column.name}` is {'empty' if empty else 'no text'}"
        raise RowError([Problem(message, place, hint=_KEY_HINT)])

    def data(self, form: Form, place: Place, cells: Mapping[str, JSON]) -> JSON:
        """A form's value in one row; `EMPTY` where the row says nothing. RowError."""
        if isinstance(form, Same):
            return form.value.data
        if isinstance(form, Column):
            return self.column(form, place, cells)
        if isinstance(form, Lookup):
            found: list[JSON] = [_match_data(ref) for ref in self.lookup(form, place, cells)]
            return found or (None if form.clear else EMPTY)
        if isinstance(form, Object):
            parts = {name: self.data(part, place, cells) for name, part in form.parts.items()}
            filled = {name: data for name, data in parts.items() if data is not EMPTY}
            return filled or EMPTY
        listed: list[JSON] = []
        for part in form.forms:
            data = self.data(part, place, cells)
            if data is not EMPTY and data is not None:
                listed += data if isinstance(data, list) else [data]
        return listed or EMPTY

    def lookup(self, form: Lookup, place: Place, cells: Mapping[str, JSON]) -> list[Ref]:
        """The refs by match that a row holds: several where one of its columns is split, none where all are empty."""
        found = {key: self.data(part, place, cells) for key, part in form.match.items()}
        blank = [key for key, data in found.items() if _is_blank(data)]
        if len(blank) == len([part for part in form.match.values() if not isinstance(part, Same)]):
            return []
        if blank:
            message = f"`match` names `{blank[0]}`, which is empty in this row, and an empty value matches nothing"
            raise RowError([Problem(message, place, hint="fill the cell, or empty all cells of the match")])
        split = next((key for key, part in form.match.items() if isinstance(part, Column) and part.split), None)
        several = found[split] if split else None
        values = several if isinstance(several, list) else [None]
        rows = [found | {split: value} if split else found for value in values]
        return [Ref(place, match={key: Value(data, place) for key, data in row.items()}) for row in rows]

    def column(self, column: Column, place: Place, cells: Mapping[str, JSON]) -> JSON:
        data = cells.get(column.name) if column.template is None else self._filled(column, place, cells)
        if type(data) is Cell and column.is_plain:  # as nearly all are, and trimmed already
            return data or (None if column.clear else EMPTY)
        if not column.is_plain:
            data = self._converted(column, data, place)
        if _is_blank(data):
            return None if column.clear else EMPTY
        return data

    def _filled(self, column: Column, place: Place, cells: Mapping[str, JSON]) -> JSON:
        """A template's text; nothing where all of its cells are empty."""
        assert column.template is not None
        if all(_is_blank(cells.get(name)) for name in column.names):
            return None

        def text(name: str) -> str:
            data = cells.get(name)
            return "" if data is None else cell_text(data).strip()

        try:
            return Cell(column.template.filled(text).strip())
        except CellError as error:
            raise _bad_cell(column, error, place) from None

    def _converted(self, column: Column, data: JSON, place: Place) -> JSON:
        """A cell after `split` and the conversions. What is cut out of a text has no type of its own."""
        if isinstance(data, list):
            several = _all(
                (each for each in data if each is not None), lambda item: self._converted(column, item, place)
            )
            return [
                each for item in several for each in (item if isinstance(item, list) else [item]) if each is not None
            ]
        if isinstance(data, str) and column.split:
            parts = data.split(column.split)
            found = _all(parts, lambda part: self._one(column, Cell(part.strip()), place, data))
            return [part for part in found if part is not None]
        return self._one(column, data, place, data)

    def _one(self, column: Column, data: JSON, place: Place, cell: JSON) -> JSON:
        """One value through all conversions; None where there is nothing, or nothing is left."""
        if _is_blank(data):
            return None if column.map is None else column.map.of_empty
        for conversion in column.conversions:
            try:
                data = conversion.given(data)
            except CellError as error:
                within = f", in the cell {as_it_stands(cell)}" if isinstance(cell, str) and data != cell else ""
                raise _bad_cell(column, error, place, within) from None
            if data is None:
                if column.is_cut and conversion is column.conversions[0]:
                    _, count, first = self.built.misses.get(column.place, (column.name, 0, place))
                    self.built.misses[column.place] = (column.name, count + 1, first)
                return None
        return data


def _all(items: Iterable[_Item], read: Callable[[_Item], JSON]) -> list[JSON]:
    """What `read` makes of each. RowError with all that is wrong with them."""
    found, wrong = list[JSON](), list[Problem]()
    for item in items:
        try:
            found.append(read(item))
        except RowError as error:
            wrong += error.problems
    if wrong:
        raise RowError(wrong)
    return found


def _bad_cell(column: Column, error: CellError, place: Place, within: str = "") -> RowError:
    return RowError([Problem(f"column `{column.name}`: {error.message}{within}", place, hint=error.hint)])


# ---------------------------------------------------------------- rows


class _Rows(_Cells):
    """Turns the rows of one source into resources."""

    def __init__(self, source: Source, default: Default, built: Built) -> None:
        super().__init__(built)
        self.source = source
        self.default = default
        self.known = kind_of(source.kind).relationships
        lists = source.match.lists if source.match else ()
        self.matched = {str(key.data) for keys in lists for key in keys} if len(lists) == 1 else set[str]()
        self.finding = {str(key.data) for keys in lists for key in keys} or {
            key for keys in kind_of(source.kind).matches for key in keys
        }
        self.seen: dict[str, tuple[tuple[str, ...], Place]] = {}

    def add(self, place: Place, cells: Mapping[str, JSON]) -> None:
        try:
            cell = self.key(self.source.key, place, cells)
            address = Address(self.source.kind, self._as_key(place, cell))
            body = self._body(address, place, cells) if self._is_new(address, cell, place, cells) else None
            if body is not None:
                row = Row(".".join(cell), self.source.place)
                self.built.resources.append(body.over(self.default, address, place, row))
        except RowError as error:
            self.built.problems += error.problems

    def _as_key(self, place: Place, cell: Sequence[str]) -> str:
        key = ".".join(map(as_key, cell))
        wrong = key_problem(key)
        if wrong:
            raise RowError([Problem(wrong[0], place, hint="take another column for the key, or change the cell")])
        return key

    def _is_new(self, address: Address, cell: Sequence[str], place: Place, cells: Mapping[str, JSON]) -> bool:
        """Whether a row is the first of its key, where that is wanted. Different cells never make one key (rule C4)."""
        if self.source.unique != "first":
            return True
        templates = (name for column in self.source.key if column.template for name in column.names)
        made_of = (*cell, *(nfc(str(cells.get(name)).strip()) for name in templates))
        is_new = address.key not in self.seen
        first, where = self.seen.setdefault(address.key, (made_of, place))
        if first != made_of:
            message = f"`{'.'.join(cell)}` gives the same key as `{'.'.join(first[: len(cell)])}` at {where}"
            hint = "two cells must not become one thing, with `unique: first`, too: take another key column"
            raise RowError([Problem(message, place, str(address), hint)])
        return is_new

    def _body(self, address: Address, place: Place, cells: Mapping[str, JSON]) -> Body | None:
        """What a row says, without the cells that are wrong: those are told, and the others are checked all the same.

        None where one of the wrong cells would find the record: what is missing there is no mistake of its own.
        """
        body, source = Body(), self.source
        wrong: dict[str, tuple[Problem, ...]] = {}
        for read, forms in ((self._field, source.fields), (self._relationship, source.relationships)):
            for key, form in forms.items():
                try:
                    read(body, key, form, address, place, cells)
                except RowError as error:
                    wrong[key] = error.problems
        problems = [each for found in wrong.values() for each in found]
        is_found = not wrong.keys() & self.finding
        try:
            body.match = self._match(body, address, place, cells)
        except RowError as error:
            is_found = False
            problems += () if problems else error.problems
        if problems:
            self.built.broken.add(address)
            self.built.problems += (_addressed(each, address) for each in problems)
        body.lifecycle = source.lifecycle
        return body if is_found else None

    def _field(
        self, body: Body, key: str, form: Form, address: Address, place: Place, cells: Mapping[str, JSON]
    ) -> None:
        data = self.data(form, place, cells)
        if data is not EMPTY:
            body.fields[key] = form.value if isinstance(form, Same) else Value(data, place)
        if key in self.matched and not isinstance(form, Same) and _is_blank(data):
            self._refuse_empty(key, data, address, place)

    def _relationship(
        self, body: Body, key: str, form: Form, address: Address, place: Place, cells: Mapping[str, JSON]
    ) -> None:
        links = self._links(key, form, place, cells)
        if links:
            body.relationships[key] = links
        if key in self.matched and not isinstance(form, Same) and not (links and links.include):
            self._refuse_empty(key, None if links else EMPTY, address, place)

    def _match(self, body: Body, address: Address, place: Place, cells: Mapping[str, JSON]) -> Match | None:
        declared = self.source.match
        if not self.source.match_forms:
            return (
                declared
                if declared is None or not declared.others
                else self._filled_lists(body, declared, address, place)
            )
        values: dict[str, Value] = {}
        for key, form in self.source.match_forms.items():
            if isinstance(form, Same):
                values[key] = form.value
                continue
            data = self.data(form, place, cells)
            if _is_blank(data):
                raise RowError([_empty_match(key, address, place)])
            # What is no documented field is a relationship, as far as is known here: its cells hold refs.
            values[key] = Value(data if key in kind_of(address.kind).fields else _cells(data), place)
        return Match(place, values=values)

    def _filled_lists(self, body: Body, match: Match, address: Address, place: Place) -> Match | None:
        """Of several lists of keys those that a row has values for (rule K2)."""
        has = {key for key, value in body.fields.items() if not _is_blank(value.data)}
        has |= {key for key, links in body.relationships.items() if links.include}
        has |= self.default.fields.keys() | self.default.relationships.keys()
        named = {*self.source.fields, *self.source.relationships, *has}  # what is nowhere is told of as such
        lists = [keys for keys in match.lists if all(key.data in has or key.data not in named for key in keys)]
        if not lists:
            shown = ", ".join(f"[{', '.join(str(key.data) for key in keys)}]" for keys in match.lists)
            message = f"`match` names {shown}, and this row has values for none of them"
            raise RowError([Problem(message, place, str(address), "fill a cell, or take the row out")])
        return Match(match.place, keys=lists[0], others=tuple(lists[1:]))

    def _refuse_empty(self, key: str, data: JSON, address: Address, place: Place) -> None:
        """A key that the source's list of `match` names is empty: only a default may stand in for it (rule C15)."""
        if data is not EMPTY or (key not in self.default.fields and key not in self.default.relationships):
            raise RowError([_empty_match(key, address, place)])

    def _links(self, key: str, form: Form, place: Place, cells: Mapping[str, JSON]) -> Links | None:
        if isinstance(form, Same):
            return form.links
        data = self.data(form, place, cells)
        if data is EMPTY:
            return None
        if data is None:
            return Links(place, "one")
        items = [item for item in (data if isinstance(data, list) else [data]) if not _is_blank(item)]
        refs = tuple(_ref(item, key, place) for item in items)
        is_list = isinstance(data, list) and not (isinstance(form, Lookup) and len(data) == 1)
        many = is_list or (key in self.known and self.known[key].many)
        return Links(place, "exact" if many else "one", refs)


EMPTY: Final[JSON] = Cell("")  # told apart by identity: the row says nothing here
_KEY_HINT: Final = "fill the cell, take the row out, or take another column for the key"


def _ref(item: JSON, key: str, place: Place) -> Ref:
    if isinstance(item, dict) and isinstance(match := item.get("match"), dict) and len(item) == 1:
        return Ref(place, match={name: Value(data, place) for name, data in match.items()})
    if not isinstance(item, str | int) or isinstance(item, bool):
        raise RowError([Problem(f"`{key}` is no ref", place, hint="a ref is a key, an e-mail or an id")])
    return Ref(place, _ref_text(str(item)))


def _match_data(ref: Ref) -> JSON:
    return {"match": {key: value.data for key, value in (ref.match or {}).items()}}


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
