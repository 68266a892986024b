"""Sources: what YAML says of the rows in CSV, TSV and JSONL files, and of what their columns become. Pure.

The rows themselves are read once the file's text is there, by `rows`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lfsync.kinds import is_kind
from lfsync.model import JSON, Links, Match, Place, Resource, Value
from lfsync.project.declarations import Body, Default, Forms, LifecycleKeys, every, is_null, no_kind, not_yet
from lfsync.project.documents import items, pairs
from lfsync.project.pattern import Pattern, read_pattern
from lfsync.project.source_file import ENDINGS
from lfsync.wording import nfc

_KEYS: Final = ("kind", "file", "key", "match", "fields", "relationships", "lifecycle")
_LATER: Final = ("query", "delimiter", "encoding", "skip_lines", "null_values", "where", "unique")
_LATER_FORMS: Final = ("template", "map", "date", "timezone", "number", "else")
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

    place: Place
    parts: Mapping[str, Form]


@dataclass(frozen=True, slots=True)
class Several:
    """A list put together from several columns."""

    place: Place
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
    lifecycle: LifecycleKeys | None = None


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
    queried = False
    for key, value in forms.mapping(node, "a source"):
        if key.value in _KEYS:
            parts[key.value] = value
        elif key.value in _LATER:
            forms.say(key, *not_yet(key.value, f"a source has {', '.join(_KEYS)}"))
            queried |= key.value == "query"
        else:
            forms.unknown(key, _KEYS, "a source")
    missing = [f"`{name}`" for name in ("kind", "file", "key") if name not in parts]
    if queried:
        return None
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


def mapping(source: Source, default: Default) -> Resource:
    """What a source says of all its rows, as a resource whose cells are all empty: its mistakes are found by it once,
    whatever the rows hold (rule C15)."""
    body = Body()
    body.fields = {key: _sample_value(form) for key, form in source.fields.items()}
    body.relationships = {key: _sample_links(form) for key, form in source.relationships.items()}
    body.lifecycle = source.lifecycle
    body.match = source.match
    if source.match_forms:
        values = {key: _sample_value(form) for key, form in source.match_forms.items()}
        body.match = Match(source.place, values=values)
    return body.over(default, every(source.kind), source.place)


def _sample_value(form: Form) -> Value:
    return form.value if isinstance(form, Same) else Value(_sample(form), form.place)


def _sample(form: Form) -> JSON:
    """What is known of a form's value before any cell is read: its shape and its literals."""
    if isinstance(form, Same):
        return form.value.data
    if isinstance(form, Object):
        return {name: _sample(part) for name, part in form.parts.items()}
    if isinstance(form, Several):
        return [_sample(part) for part in form.forms]
    return [None] if form.split else None


def _sample_links(form: Form) -> Links:
    if isinstance(form, Same) and form.links:
        return form.links
    return Links(form.value.place if isinstance(form, Same) else form.place, "one")


def _kind(forms: Forms, node: Node) -> str | None:
    name = forms.text(node, "`kind`")
    if name is not None and not is_kind(name):
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
    if not isinstance(node, MappingNode) or not pairs(node):
        return forms.match(node), {}
    found = _forms(forms, node, "`match`")
    for key, value in pairs(node):
        form = found.get(key.value)
        if isinstance(form, Same) and form.value.data in (None, "", []):
            forms.say(value, f"`{key.value}` is empty, and an empty value matches nothing", "take it out")
    return None, found


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
        return None if name is None else Column(forms.place(node), nfc(name.strip()))
    if isinstance(node, SequenceNode):
        several = [_form(forms, item) for item in items(node)]
        return Several(forms.place(node), tuple(form for form in several if form))
    parts = {key.value: value for key, value in forms.mapping(node, "a column")}
    if "value" in parts:
        return _same(forms, node, parts, links)
    if "column" in parts:
        return _column(forms, node, parts)
    return _object(forms, node)


def _not_yet_form(name: str) -> tuple[str, str]:
    return not_yet(name, f"a column form has {', '.join((*COLUMN_KEYS, 'value'))}")


def _same(forms: Forms, node: Node, parts: Mapping[str, Node], links: bool) -> Form:
    for key, _ in forms.mapping(node, "a value"):
        if key.value != "value":
            forms.say(key, f"`{key.value}` beside `value`", "a value is the same for every row: {value: ...} alone")
    value = parts["value"]
    return Same(forms.value(value), forms.links(value) if links else None)


def _column(forms: Forms, node: Node, parts: Mapping[str, Node]) -> Form | None:
    for key, _ in forms.mapping(node, "a column"):
        if key.value in _LATER_FORMS:
            forms.say(key, *_not_yet_form(key.value))
        elif key.value not in COLUMN_KEYS:
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
    if name is None:
        return None
    return Column(forms.place(parts["column"]), nfc(name.strip()), pattern, split, "empty" in parts)


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
        elif key.value in _LATER_FORMS or key.value == "match":
            forms.say(key, *_not_yet_form(key.value))
        else:
            forms.unknown(key, (*COLUMN_KEYS, "value", *PARTS), "a column")
    if not forms.mapping(node, "a column"):
        forms.say(node, "a column without a name", "write the column's name, or {column: ...}")
    return Object(forms.place(node), parts)
