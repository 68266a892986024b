"""The forms in which a source says what a field, a relationship or a key is made of in each row: YAML to data. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lfsync.model import Links, Place, Value
from lfsync.project.declarations import Forms, is_null
from lfsync.project.documents import items
from lfsync.project.rows.conversions import FORM_KEYS, Conversion, Cut, ValueMap, read_conversions
from lfsync.project.rows.templates import Template, read_template
from lfsync.wording import nfc

COLUMN_KEYS: Final = ("column", "template", *FORM_KEYS, "split", "empty")
PARTS: Final = (
    *("street", "street2", "city", "state", "postalCode", "country", "latitude", "longitude"),
    *("firstName", "lastName"),
)
_LOOKUP_KEYS: Final = ("match", "empty")


@dataclass(frozen=True, slots=True)
class Column:
    """A column's cell, or a text made of several (`template`; then `name` shows it), and what becomes of it.

    `clear`: an empty cell clears the field instead of leaving it alone.
    """

    place: Place
    name: str
    template: Template | None = None
    conversions: tuple[Conversion, ...] = ()
    split: str | None = None
    clear: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The columns whose cells it is made of."""
        return self.template.columns if self.template else (self.name,)

    @property
    def is_plain(self) -> bool:
        """Whether a cell stays as it is."""
        return not (self.template or self.conversions or self.split)

    @property
    def is_cut(self) -> bool:
        """Whether a pattern cuts the value out of the cell."""
        return any(isinstance(each, Cut) for each in self.conversions)

    @property
    def map(self) -> ValueMap | None:
        """Its value map, where it has one."""
        return next((each for each in self.conversions if isinstance(each, ValueMap)), None)


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


@dataclass(frozen=True, slots=True)
class Lookup:
    """A live record that is found by what the cells hold: `{match: {$name: Column}}`. It stands for a ref."""

    place: Place
    match: Mapping[str, Form]
    clear: bool = False


Form: TypeAlias = Column | Same | Object | Several | Lookup


def columns_of(forms: Iterable[Form]) -> Iterator[Column]:
    """Every column that forms name."""
    for form in forms:
        if isinstance(form, Column):
            yield form
        elif isinstance(form, Several):
            yield from columns_of(form.forms)
        elif isinstance(form, Object):
            yield from columns_of(form.parts.values())
        elif isinstance(form, Lookup):
            yield from columns_of(form.match.values())


# ---------------------------------------------------------------- reading


def read_key(forms: Forms, node: Node, what: str) -> tuple[Column, ...]:
    """A column, `{column, ...}` or `{template: ...}`, or a list of these, whose cells are joined with `.`."""
    nodes = items(node) if isinstance(node, SequenceNode) else [node]
    columns = [(item, read_form(forms, item)) for item in nodes]
    if not columns:
        forms.say(node, f"{what} needs a column for the key", "name one, or several: [Company, City]")
    for item, form in columns:
        if form is not None and (not isinstance(form, Column) or form.split):
            forms.say(item, "the key is made of columns", "name a column, or {column, pattern}, or {template: ...}")
    return tuple(form for _, form in columns if isinstance(form, Column))


def read_forms(forms: Forms, node: Node, what: str) -> dict[str, Form]:
    """A form for each key."""
    found = {key.value: read_form(forms, value) for key, value in forms.mapping(node, what)}
    return {key: form for key, form in found.items() if form}


def read_link_forms(forms: Forms, node: Node) -> dict[str, Form]:
    """A form for each relationship: its cells hold refs."""
    found: dict[str, Form] = {}
    for key, value in forms.mapping(node, "`relationships`"):
        form = read_form(forms, value, links=True)
        if isinstance(form, Object):
            hint = "name the column whose cells hold the refs"
            forms.say(value, "a relationship takes a column, {match: ...} or {value: ...}", hint)
        elif form:
            found[key.value] = form
    return found


def read_form(forms: Forms, node: Node, links: bool = False) -> Form | None:
    """What one value is made of. `links`: it is a relationship's, where `{match: ...}` finds records."""
    if isinstance(node, ScalarNode):
        name = forms.text(node, "a column")
        return None if name is None else Column(forms.place(node), nfc(name.strip()))
    if isinstance(node, SequenceNode):
        if not node.value:
            forms.say(node, "a list without columns", "name the columns whose cells are put together")
        several = [read_form(forms, item, links) for item in items(node)]
        return Several(forms.place(node), tuple(form for form in several if form))
    parts = {key.value: value for key, value in forms.mapping(node, "a column")}
    if "value" in parts:
        return _same(forms, node, parts, links)
    if "column" in parts or "template" in parts:
        return _column(forms, node, parts)
    if "match" in parts and links:
        return read_lookup(forms, node)
    return _object(forms, node)


def read_lookup(forms: Forms, node: Node) -> Lookup | None:
    """`{match: {$name: Column}}`, for a record that is not managed here."""
    parts = {key.value: value for key, value in forms.mapping(node, "a ref")}
    for key, _ in forms.mapping(node, "a ref"):
        if key.value not in _LOOKUP_KEYS:
            forms.unknown(key, _LOOKUP_KEYS, "a ref")
    if not isinstance(parts["match"], MappingNode) or not forms.mapping(parts["match"], "`match`"):
        forms.say(parts["match"], "a ref with nothing to match", "write {match: {$name: Column}}")
        return None
    match = read_forms(forms, parts["match"], "`match`")
    split = [form for form in match.values() if isinstance(form, Column) and form.split]
    if len(split) > 1:
        hint = "split one of them; each of its values finds one record"
        forms.say(parts["match"], "two columns of one match are split", hint)
    return Lookup(forms.place(node), match, _clears(forms, parts))


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
    if "column" in parts and "template" in parts:
        forms.say(parts["template"], "`template` beside `column`", "keep one: a template names its columns itself")
    template = _template(forms, parts["template"]) if "template" in parts else None
    what = "column" if "column" in parts else "template"
    name = forms.text(parts[what], f"`{what}`") if template is None else str(parts["template"].value)
    conversions = read_conversions(forms, parts)
    split = _split(forms, parts["split"]) if "split" in parts else None
    clear = _clears(forms, parts)
    if name is None or (what == "template" and template is None):
        return None
    return Column(forms.place(parts[what]), nfc(name.strip()), template, conversions, split, clear)


def _clears(forms: Forms, parts: Mapping[str, Node]) -> bool:
    if "empty" in parts and not is_null(parts["empty"]):
        hint = "write `empty: null` to clear; leave it out to leave the field alone"
        forms.say(parts["empty"], "`empty` takes null only", hint)
    return "empty" in parts


def _template(forms: Forms, node: Node) -> Template | None:
    text = forms.text(node, "`template`")
    try:
        return None if text is None else read_template(text)
    except ValueError as error:
        forms.say(node, f"the template can't be used: {error}", 'name columns in braces, for example "{First} {Last}"')
        return None


def _split(forms: Forms, node: Node) -> str | None:
    if isinstance(node, ScalarNode) and node.value:
        return str(node.value)
    forms.say(node, "`split` must be the text between two values", 'for example `split: ";"`')
    return None


def _object(forms: Forms, node: Node) -> Form:
    parts: dict[str, Form] = {}
    for key, value in forms.mapping(node, "a column"):
        if key.value in PARTS:
            form = read_form(forms, value)
            parts |= {key.value: form} if form else {}
        elif key.value == "match":
            forms.say(key, "`match` finds what a relationship refers to", "write it below `relationships`")
        elif key.value in COLUMN_KEYS:
            forms.say(key, f"`{key.value}` without a column", f"write {{column: ..., {key.value}: ...}}")
        else:
            forms.unknown(key, (*COLUMN_KEYS, "value", *PARTS), "a column")
    if not forms.mapping(node, "a column"):
        forms.say(node, "a column without a name", "write the column's name, or {column: ...}")
    return Object(forms.place(node), parts)
