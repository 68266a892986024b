"""Sources: rows of CSV, TSV and JSONL files to resources. Pure; text in, `Resource` out.

A source is read twice: what YAML says of it first (`read_sources`), the rows once the file's text is there (`build`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lfsync.documents import items, pairs
from lfsync.errors import ConfigError, Problem
from lfsync.forms import Body, Default, Forms, as_key, is_null, key_problem, no_kind
from lfsync.kinds import KINDS
from lfsync.model import JSON, Address, Cell, Lifecycle, Links, Match, Place, Ref, Resource, Value
from lfsync.pattern import Pattern, read_pattern
from lfsync.suggest import did_you_mean
from lfsync.tables import ENDINGS, Table, read_table

_KEYS: Final = ("kind", "file", "key", "match", "fields", "relationships", "lifecycle")
COLUMN_KEYS: Final = ("column", "pattern", "split", "empty")
PARTS: Final = (
    *("street", "street2", "city", "state", "postalCode", "country", "latitude", "longitude"),
    *("firstName", "lastName"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column's cell; `clear`: an empty cell clears the field instead of leaving it alone."""

    place: Place
    name: str
    pattern: Pattern | None = None
    split: str | None = None
    clear: bool = False


@dataclass(frozen=True, slots=True)
class Same:
    """The same value for every row; `links` where it stands for a relationship."""

    value: Value
    links: Links | None = None


@dataclass(frozen=True, slots=True)
class Object:
    """An object put together from parts: an ADDRESS, a FULL_NAME."""

    parts: Mapping[str, Form]


@dataclass(frozen=True, slots=True)
class Several:
    """A list put together from several columns."""

    forms: tuple[Form, ...]


Form: TypeAlias = Column | Same | Object | Several


@dataclass(frozen=True, slots=True)
class Source:
    """What YAML says about a source. `match` has forms in place of values where it is a mapping."""

    place: Place
    kind: str
    path: str
    path_place: Place
    key: tuple[Column, ...]
    fields: Mapping[str, Form] = field(default_factory=dict)
    relationships: Mapping[str, Form] = field(default_factory=dict)
    match: Match | None = None
    match_forms: Mapping[str, Form] = field(default_factory=dict)
    lifecycle: Lifecycle | None = None


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


# ---------------------------------------------------------------- what YAML says


def read_sources(forms: Forms, node: Node) -> Iterator[Source]:
    """The items below `sources:`. A source with mistakes is left out."""
    if not isinstance(node, SequenceNode):
        if not is_null(node):
            forms.say(node, "`sources` must be a list", "begin each source with `- kind: ...`")
        return
    for item in items(node):
        before = len(forms.problems)
        source = _source(forms, item)
        if source and len(forms.problems) == before:
            yield source


def _source(forms: Forms, node: Node) -> Source | None:
    parts: dict[str, Node] = {}
    for key, value in forms.mapping(node, "a source"):
        if key.value in _KEYS:
            parts[key.value] = value
        else:
            forms.unknown(key, _KEYS, "a source")
    missing = [f"`{name}`" for name in ("kind", "file", "key") if name not in parts]
    if missing:
        forms.say(node, f"a source without {' and '.join(missing)}", "a source names `kind`, `file` and `key`")
        return None
    kind, path = _kind(forms, parts["kind"]), _path(forms, parts["file"])
    match, match_forms = _match(forms, parts["match"]) if "match" in parts else (None, {})
    source = Source(
        forms.place(node),
        kind or "",
        path or "",
        forms.place(parts["file"]),
        _key(forms, parts["key"]),
        _forms(forms, parts["fields"], "`fields`") if "fields" in parts else {},
        _relationships(forms, parts["relationships"]) if "relationships" in parts else {},
        match,
        match_forms,
        forms.lifecycle(parts["lifecycle"]) if "lifecycle" in parts else None,
    )
    return source if kind and path else None


def _kind(forms: Forms, node: Node) -> str | None:
    name = forms.text(node, "`kind`")
    if name is not None and name not in KINDS:
        forms.say(node, *no_kind(name))
        return None
    return name


def _path(forms: Forms, node: Node) -> str | None:
    path = forms.text(node, "`file`")
    if path is not None and not path.lower().endswith(ENDINGS):
        forms.say(node, f"`{path}` is no csv, tsv or jsonl file", "the file's ending tells its format")
        return None
    return path


def _key(forms: Forms, node: Node) -> tuple[Column, ...]:
    nodes = items(node) if isinstance(node, SequenceNode) else [node]
    columns = [(item, _form(forms, item)) for item in nodes]
    if not columns:
        forms.say(node, "a source needs a column for the key", "name one, or several: [Company, City]")
    for item, form in columns:
        if not isinstance(form, Column) or form.split:
            forms.say(item, "the key is made of columns", "name a column, or {column, pattern}")
    return tuple(form for _, form in columns if isinstance(form, Column))


def _match(forms: Forms, node: Node) -> tuple[Match | None, dict[str, Form]]:
    """A list of keys as in any resource; a mapping takes column forms."""
    if isinstance(node, MappingNode) and pairs(node):
        return None, _forms(forms, node, "`match`")
    return forms.match(node), {}


def _forms(forms: Forms, node: Node, what: str) -> dict[str, Form]:
    found = {key.value: _form(forms, value) for key, value in forms.mapping(node, what)}
    return {key: form for key, form in found.items() if form}


def _relationships(forms: Forms, node: Node) -> dict[str, Form]:
    found: dict[str, Form] = {}
    for key, value in forms.mapping(node, "`relationships`"):
        form = _form(forms, value, links=True)
        if isinstance(form, Object):
            forms.say(
                value, "a relationship takes a column or {value: ...}", "name the column whose cells hold the refs"
            )
        elif form:
            found[key.value] = form
    return found


def _form(forms: Forms, node: Node, links: bool = False) -> Form | None:
    if isinstance(node, ScalarNode):
        name = forms.text(node, "a column")
        return None if name is None else Column(forms.place(node), name)
    if isinstance(node, SequenceNode):
        several = [_form(forms, item) for item in items(node)]
        return Several(tuple(form for form in several if form))
    parts = {key.value: value for key, value in forms.mapping(node, "a column")}
    if "value" in parts:
        return _same(forms, node, parts, links)
    if "column" in parts:
        return _column(forms, node, parts)
    return _object(forms, node)


def _same(forms: Forms, node: Node, parts: Mapping[str, Node], links: bool) -> Form:
    for key, _ in forms.mapping(node, "a value"):
        if key.value != "value":
            forms.say(key, f"`{key.value}` beside `value`", "a value is the same for every row: {value: ...} alone")
    value = parts["value"]
    return Same(forms.value(value), forms.links(value) if links else None)


def _column(forms: Forms, node: Node, parts: Mapping[str, Node]) -> Form | None:
    for key, _ in forms.mapping(node, "a column"):
        if key.value not in COLUMN_KEYS:
            forms.unknown(key, (*COLUMN_KEYS, "value"), "a column")
    name = forms.text(parts["column"], "`column`")
    if "empty" in parts and not is_null(parts["empty"]):
        forms.say(
            parts["empty"],
            "`empty` takes null only",
            "write `empty: null` to clear; leave it out to leave the field alone",
        )
    pattern = _pattern(forms, parts["pattern"]) if "pattern" in parts else None
    split = _split(forms, parts["split"]) if "split" in parts else None
    return None if name is None else Column(forms.place(parts["column"]), name, pattern, split, "empty" in parts)


def _split(forms: Forms, node: Node) -> str | None:
    if isinstance(node, ScalarNode) and node.value:
        return str(node.value)
    forms.say(node, "`split` must be the text between two values", 'for example `split: ";"`')
    return None


def _pattern(forms: Forms, node: Node) -> Pattern | None:
    text = forms.text(node, "`pattern`")
    try:
        return None if text is None else read_pattern(text)
    except ValueError as error:
        forms.say(
            node,
            f"the pattern can't be used: {error}",
            r"a pattern is a regular expression with one group, like (\d{4})",
        )
        return None


def _object(forms: Forms, node: Node) -> Form:
    parts: dict[str, Form] = {}
    for key, value in forms.mapping(node, "a column"):
        if key.value in PARTS:
            form = _form(forms, value)
            parts |= {key.value: form} if form else {}
        else:
            forms.unknown(key, (*COLUMN_KEYS, "value", *PARTS), "a column")
    if not forms.mapping(node, "a column"):
        forms.say(node, "a column without a name", "write the column's name, or {column: ...}")
    return Object(parts)


# ---------------------------------------------------------------- rows


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
