"""Sources and rosters: what YAML says of rows, and of what their columns become. Pure.

The rows themselves are read once the file's text is there: `row_files` says how, `source_rows` makes resources of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final, Literal

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lfsync.kinds import is_kind, kind_of
from lfsync.model import JSON, Address, Links, Match, Place, Ref, Resource, Value
from lfsync.project.declarations import Body, Default, Forms, LifecycleKeys, every, is_null, no_kind
from lfsync.project.documents import items, pairs
from lfsync.project.query.syntax import Query
from lfsync.project.rows.columns import (
    Column,
    Form,
    Lookup,
    Object,
    Same,
    Several,
    read_form,
    read_forms,
    read_key,
    read_link_forms,
    read_lookup,
)
from lfsync.project.rows.row_files import FILE_KEYS, RowFile, read_path, read_row_file
from lfsync.project.rows.row_filter import Condition, read_where
from lfsync.wording import nfc

SOURCE_KEYS: Final = (
    *("kind", "file", "query", *FILE_KEYS, "where", "key", "unique"),
    *("match", "fields", "relationships", "lifecycle"),
)
ROSTER_KEYS: Final = ("from", *FILE_KEYS, "where", "key", "match")
UNIQUE: Final = ("first", "error")


@dataclass(frozen=True, slots=True)
class Source:
    """What YAML says about a source. `match` has forms in place of values where it is a mapping.

    `unique`: of rows of one key the `first` is taken, or a second one is an `error`. `query`: what its rows are asked
    by; `file` is the one that it is written in then.
    """

    place: Place
    kind: str
    file: RowFile
    key: tuple[Column, ...]
    fields: Mapping[str, Form] = field(default_factory=dict)
    relationships: Mapping[str, Form] = field(default_factory=dict)
    match: Match | None = None
    match_forms: Mapping[str, Form] = field(default_factory=dict)
    lifecycle: LifecycleKeys | None = None
    where: tuple[Condition, ...] = ()
    unique: Literal["first", "error"] = "error"
    query: Query | None = None

    @property
    def forms(self) -> tuple[Form, ...]:
        """All that names columns."""
        return (*self.key, *self.fields.values(), *self.relationships.values(), *self.match_forms.values())


@dataclass(frozen=True, slots=True)
class Roster:
    """The members of a list as rows name them: by a key, as a ref in a cell, or by what finds a live record."""

    place: Place
    address: Address
    file: RowFile
    key: tuple[Column, ...] = ()
    lookup: Lookup | None = None
    where: tuple[Condition, ...] = ()

    @property
    def forms(self) -> tuple[Form, ...]:
        """All that names columns."""
        return (*self.key, *([self.lookup] if self.lookup else ()))


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
        if key.value in SOURCE_KEYS:
            parts[key.value] = value
        else:
            forms.unknown(key, SOURCE_KEYS, "a source")
    needed = ("kind", "query" if "query" in parts else "file", "key")
    missing = [f"`{name}`" for name in needed if name not in parts]
    if missing:
        hint = "a source names `kind`, `file` (or `query`) and `key`"
        forms.say(node, f"a source without {' and '.join(missing)}", hint)
        return None
    kind = _kind(forms, parts["kind"])
    query = _query(forms, parts) if "query" in parts else None
    path = query.place.file if query else read_path(forms, parts["file"], "`file`") if "file" in parts else None
    match, match_forms = _match(forms, parts["match"]) if "match" in parts else (None, {})
    source = Source(
        forms.place(node),
        kind or "",
        RowFile(path or "", query.place) if query else read_row_file(forms, path or "", parts[needed[1]], parts),
        read_key(forms, parts["key"], "a source"),
        read_forms(forms, parts["fields"], "`fields`") if "fields" in parts else {},
        read_link_forms(forms, parts["relationships"]) if "relationships" in parts else {},
        match,
        match_forms,
        forms.lifecycle(parts["lifecycle"]) if "lifecycle" in parts else None,
        read_where(forms, parts["where"]) if "where" in parts else (),
        _unique(forms, parts["unique"]) if "unique" in parts else "error",
        query,
    )
    return source if kind and path else None


def _query(forms: Forms, parts: Mapping[str, Node]) -> Query | None:
    """SQL, or the name of the `.sql` file that holds it."""
    node = parts["query"]
    for name in ("file", *FILE_KEYS):
        if name in parts:
            hint = "the SQL says how files are read: from read_csv('data/file.csv', delim = ';')"
            forms.say(parts[name], f"`{name}` beside `query`", hint)
    text = forms.text(node, "`query`")
    if text is None:
        return None
    place = forms.place(node)
    if text.strip().lower().endswith(".sql") and "\n" not in text.strip():
        name = text.strip()
        sql = forms.file_text(node, place)
        return None if sql is None else Query(sql, Place(name, 1, 1), lines=True, columns=True)
    in_block = isinstance(node, ScalarNode) and node.style == "|"
    return Query(text, place, lines=in_block)


def read_roster(forms: Forms, address: Address, node: MappingNode) -> Roster | None:
    """`members: {from: FILE, where: ..., key: Column}` of a list; `match` finds live records in place of `key`.

    None where it has mistakes: what its rows would say is no news then.
    """
    forms.address = address
    before = len(forms.problems)
    parts: dict[str, Node] = {}
    for key, value in pairs(node):
        if key.value in ROSTER_KEYS:
            parts[key.value] = value
        else:
            forms.unknown(key, ROSTER_KEYS, "members from rows")
    path = read_path(forms, parts["from"], "`from`")
    if ("key" in parts) == ("match" in parts):
        hint = "`key` names the column whose cells are refs, `match` what finds live records: {$name: Column}"
        forms.say(node, "members from rows need `key` or `match`, and one of them", hint)
    match_node = MappingNode(node.tag, [pair for pair in pairs(node) if pair[0].value == "match"], node.start_mark)
    roster = Roster(
        forms.place(node),
        address,
        read_row_file(forms, path or "", parts["from"], parts),
        read_key(forms, parts["key"], "a list of members") if "key" in parts else (),
        read_lookup(forms, match_node) if "match" in parts else None,
        read_where(forms, parts["where"]) if "where" in parts else (),
    )
    forms.address = None
    return roster if path and len(forms.problems) == before else None


def mappings(source: Source, default: Default) -> Iterator[Resource]:
    """What a source says of all its rows, as resources: its mistakes are found by them once, whatever the rows hold
    (rule C15). In the first one all cells are empty; in each of the others one holds what a map can make of it."""
    base = _mapping(source, default)
    yield base
    for key, form in source.fields.items():
        yield from (replace(base, fields={**base.fields, key: _sample_value(each)}) for each in _all_mapped(form))
    for key, form in source.relationships.items():
        samples = map(_sample_links, _all_mapped(form))
        yield from (replace(base, relationships={**base.relationships, key: links}) for links in samples)
    for key, form in source.match_forms.items():
        forms = ({**source.match_forms, key: each} for each in _all_mapped(form))
        yield from (replace(base, match=_sample_match(source, each)) for each in forms)


def _mapping(source: Source, default: Default) -> Resource:
    body = Body()
    body.fields = {key: _sample_value(form) for key, form in source.fields.items()}
    body.relationships = {key: _sample_links(form) for key, form in source.relationships.items()}
    body.lifecycle = source.lifecycle
    body.match = _sample_match(source, source.match_forms) if source.match_forms else source.match
    return body.over(default, every(source.kind), source.place)


def _sample_match(source: Source, match: Mapping[str, Form]) -> Match:
    return Match(source.place, values={key: _sample_value(form) for key, form in match.items()})


def _all_mapped(form: Form) -> Iterator[Form]:
    """The form with each of the values that its maps give."""
    for index in count():
        found = _mapped(form, index)
        if found is None:
            return
        yield found


def _mapped(form: Form, index: int) -> Form | None:
    """A form whose cells hold what a map makes of one of them; None where no map has so many."""
    if isinstance(form, Column):
        values = form.map.all_values if form.map else ()
        if index >= len(values):
            return None
        value = values[index]
        refs = (Ref(value.place, nfc(str(value.data).strip())),)
        data: JSON = [value.data] if form.split else value.data
        return Same(Value(data, value.place), Links(value.place, "exact" if form.split else "one", refs))
    if isinstance(form, Object):
        parts = {name: found for name, part in form.parts.items() if (found := _mapped(part, index))}
        return Object(_first_place(parts.values()), {**form.parts, **parts}) if parts else None
    if isinstance(form, Lookup):
        match = {key: found for key, part in form.match.items() if (found := _mapped(part, index))}
        return replace(form, match={**form.match, **match}) if match else None
    if isinstance(form, Several):
        several = [_mapped(part, index) for part in form.forms]
        filled = tuple(part for part in several if part)
        return Several(_first_place(filled), filled) if filled else None
    return None


def _first_place(forms: Iterable[Form]) -> Place:
    return min(form.value.place if isinstance(form, Same) else form.place for form in forms)


def _sample_value(form: Form) -> Value:
    return form.value if isinstance(form, Same) else Value(_sample(form), form.place)


def _sample(form: Form) -> JSON:
    """What is known of a form's value before any cell is read: its shape and its literals."""
    if isinstance(form, Same):
        return form.value.data
    if isinstance(form, Object):
        return {name: _sample(part) for name, part in form.parts.items()}
    if isinstance(form, Lookup):
        return {"match": {key: _sample(part) for key, part in form.match.items()}}
    if isinstance(form, Column):
        return [None] if form.split else None
    return [_sample(part) for part in form.forms]


def _sample_links(form: Form) -> Links:
    if isinstance(form, Same) and form.links:
        return form.links
    each = form.forms if isinstance(form, Several) else (form,)
    refs = [ref for part in each if isinstance(part, Same) and part.links for ref in part.links.include]
    refs += [_sample_ref(part) for part in each if isinstance(part, Lookup)]
    place = form.value.place if isinstance(form, Same) else form.place
    return Links(place, "one" if len(refs) < 2 else "exact", tuple(refs))


def members_mapping(roster: Roster) -> Resource:
    """As `mapping`, of what a roster says of its rows."""
    refs = (_sample_ref(roster.lookup),) if roster.lookup else ()
    return Resource(roster.address, roster.place, members=Links(roster.place, "exact", refs))


def _sample_ref(lookup: Lookup) -> Ref:
    """A ref by match whose cells are empty."""
    match = {key: replace(form, split=None) if isinstance(form, Column) else form for key, form in lookup.match.items()}
    return Ref(lookup.place, match={key: _sample_value(form) for key, form in match.items()})


def _kind(forms: Forms, node: Node) -> str | None:
    name = forms.text(node, "`kind`")
    if name is not None and not is_kind(name):
        forms.say(node, *no_kind(name))
        return None
    if name is not None and kind_of(name).uploaded:
        section = kind_of(name).section
        forms.say(node, f"a source declares no {section}", f"declare them below `{section}:`, each with its `path`")
        return None
    return name


def _unique(forms: Forms, node: Node) -> Literal["first", "error"]:
    word = node.value if isinstance(node, ScalarNode) else None
    if word not in UNIQUE:
        hint = "`first` takes the first of several rows of one key, `error` refuses them"
        forms.say(node, "`unique` must be `first` or `error`", hint)
    return "first" if word == "first" else "error"


def _match(forms: Forms, node: Node) -> tuple[Match | None, dict[str, Form]]:
    """A list of keys as in any resource; a mapping takes column forms."""
    if not isinstance(node, MappingNode) or not pairs(node):
        return forms.match(node), {}
    found: dict[str, Form] = {}
    for key, value in pairs(node):
        form = read_form(forms, value, links=True)
        found |= {key.value: form} if form else {}
        if isinstance(form, Same) and form.value.data in (None, "", []):
            forms.say(value, f"`{key.value}` is empty, and an empty value matches nothing", "take it out")
    return None, found
