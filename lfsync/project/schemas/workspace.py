"""JSON Schema of resource files and of `lfsync.yaml` in one workspace: its own fields, options and members. Pure.

What a plan refuses as an unknown key, option or member, or as a wrong type, it refuses; and nothing that a plan takes
(design.md, section 14). What only other values or other files tell (which key a ref names, whether a stage is one of
the pipeline beside it) it can't know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, cast

from lfsync.kinds import ANY_TYPE, KINDS, MEMBER_KEYS, OBJECT, OBJECTS, PREFIXES, is_kind, kind_of
from lfsync.model import Definitions, FieldDef, Member, Option, RelDef
from lfsync.model import Schema as Known
from lfsync.project.schemas.files import members_schema, resources_schema, settings_schema
from lfsync.project.schemas.values import (
    EMPTY,
    FILLED,
    NOTHING,
    Schema,
    alternatives,
    any_of,
    asked,
    closed,
    defined,
    is_value_type,
    loosely,
    matched,
    option_choice,
    part_schemas,
    takes_several,
    value_schema,
)
from lfsync.wording import folded

_COLUMN: Final = defined("column")
_COLUMNS: Final = defined("columns")
_DEFINITIONS: Final = "#/definitions/"
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_$.-]")  # what a reference would have to escape, in more than one way
_SELECTS: Final = ("SINGLE_SELECT", "MULTI_SELECT")
_LONGEST: Final = 30  # options that a description tells of


def workspace_schema(known: Known) -> Schema:
    """The schema of resource files, as strict as a plan in this workspace; what nobody could read of it passes."""
    schema = resources_schema()
    definitions = cast(dict[str, Schema], schema["definitions"])
    properties = cast(dict[str, Schema], schema["properties"])
    definitions |= _definitions(known, definitions)
    kinds = None if ANY_TYPE in known.unread else sorted(kind for kind in known.kinds if kind.startswith(OBJECT))
    if kinds is not None:
        properties[OBJECTS] = _objects(properties[OBJECTS], kinds)
    properties["sources"] = _sources(properties["sources"], known, kinds)
    return _without_unused(schema)


def workspace_settings_schema(known: Known) -> Schema:
    """The schema of `lfsync.yaml`, whose `defaults` are as strict as resources in this workspace."""
    schema = settings_schema()
    definitions = cast(dict[str, Schema], schema["definitions"])
    definitions |= _definitions(known, definitions)
    defaults = cast(dict[str, Schema], cast(dict[str, Schema], schema["properties"])["defaults"])
    bodies = cast(dict[str, Schema], defaults["properties"])
    for kind in known.kinds:
        if not kind_of(kind).uploaded:
            parts: dict[str, Schema] = {part: _ref(kind, part) for part in ("fields", "relationships", "lifecycle")}
            bodies[kind] = closed(parts, nullable=True)
    if ANY_TYPE not in known.unread:
        defaults.pop("patternProperties")
    return _without_unused(schema)


def _without_unused(schema: Schema) -> Schema:
    """The schema with the definitions that something refers to."""
    definitions = cast(Mapping[str, Schema], schema["definitions"])
    used: set[str] = set()
    found = set(_references({key: part for key, part in schema.items() if key != "definitions"}))
    while found:
        used |= found
        found = {name for each in found for name in _references(definitions[each])} - used
    return {**schema, "definitions": {name: each for name, each in definitions.items() if name in used}}


def _references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(ref := part.get("$ref"), str) and ref.startswith(_DEFINITIONS):
            yield ref.removeprefix(_DEFINITIONS)
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from _references(each)


def _definitions(known: Known, static: Mapping[str, Schema]) -> dict[str, Schema]:
    """By name: the bodies, and what they and others refer to. `static`: the same in any workspace."""
    found: dict[str, Schema] = {"member": _member(known), "says-nothing": _same(defined("blank"))}
    targets = {rel.target for kind in known.kinds.values() for rel in kind.relationships.values()}
    for target in sorted(targets | MEMBER_KEYS.keys()):
        found |= _links(target, known)
    for kind in sorted(known.kinds):
        found |= _Kind(known.kinds[kind]).definitions(static)
    if lists := found.get("list"):
        kinds = [kind for kind in MEMBER_KEYS if kind in known.kinds]
        refs = _refs(any_of(FILLED, *(_looked_for(kind) for kind in kinds)))
        parts = cast(dict[str, Schema], lists["properties"])
        found["members-from-rows"] = _roster(static["members-from-rows"], kinds)
        parts["members"] = {**parts["members"], **members_schema(refs)}
    return {_safe(name): schema for name, schema in found.items()}


def _roster(static: Schema, kinds: Iterable[str]) -> Schema:
    parts = cast(Mapping[str, Schema], static["properties"])
    return {**static, "properties": {**parts, "match": any_of(*(_ref(kind, "lookup.forms") for kind in kinds))}}


def _ref(kind: str, part: str) -> Schema:
    return defined(_safe(f"{kind}.{part}"))


def _safe(name: str) -> str:
    """A name that a reference can hold, whatever the key in it is."""
    return _UNSAFE.sub(lambda hit: f"_{ord(hit[0]):x}_", name)


def _keyed(known: Mapping[str, Schema | bool]) -> Schema:
    return {"type": ["object", "null"], "properties": dict(known), "additionalProperties": False}


def _filled(known: Mapping[str, Schema]) -> Schema:
    return {**closed(known), "minProperties": 1}


# ---------------------------------------------------------------- kinds


@dataclass(frozen=True, slots=True)
class _Kind:
    """What one kind has, as the schemas of its parts."""

    of: Definitions

    def definitions(self, static: Mapping[str, Schema]) -> dict[str, Schema]:
        kind = self.of.kind
        found = {f"{kind}.options.{field.key}": _choice(field) for field in self.fields if _has_options(field)}
        found |= {f"{kind}.value.{field.key}": self.value(field) for field in self.fields}
        found[f"{kind}.values"] = _filled(self.values())
        if kind_of(kind).uploaded:
            return found
        body, lifecycle = static["object" if kind.startswith(OBJECT) else kind], static["lifecycle"]
        return found | {
            kind: {**body, "properties": self.body(cast(Mapping[str, Schema], body["properties"]))},
            f"{kind}.fields": _keyed({f.key: False if f.read_only else self.of_field("value", f) for f in self.fields}),
            f"{kind}.relationships": _keyed({rel.key: _link(rel) if rel.writable else False for rel in self.rels}),
            **({f"{kind}.where": _filled(self.where())} if kind in MEMBER_KEYS else {}),
            f"{kind}.match": any_of(self.match_keys(), self.match_lists(), _ref(kind, "values")),
            f"{kind}.match.forms": self.match_forms(),
            f"{kind}.lookup.forms": self.lookup_forms(),
            f"{kind}.lifecycle": {**lifecycle, "properties": self.lifecycle(lifecycle)},
            **{f"{kind}.form.{field.key}": self.form(field) for field in self.fields},
        }

    @property
    def fields(self) -> Iterable[FieldDef]:
        return self.of.fields.values()

    @property
    def rels(self) -> Iterable[RelDef]:
        return self.of.relationships.values()

    def of_field(self, part: str, field: FieldDef) -> Schema:
        return _ref(self.of.kind, f"{part}.{field.key}")

    def body(self, static: Mapping[str, Schema]) -> dict[str, Schema]:
        own = [part for part in ("match", "fields", "relationships", "lifecycle") if part in static]
        id = {**static["id"], "pattern": _own_id(self.of.kind)}
        return {**static, **{part: _ref(self.of.kind, part) for part in own}, "id": id}

    def value(self, field: FieldDef) -> Schema:
        if not is_value_type(field.type):
            return NOTHING
        value = value_schema(
            field.type,
            multiple=field.multiple,
            words=field.words,
            service=field.handle_service,
            choice=self.of_field("options", field) if _has_options(field) else None,
        )
        return {**value, "description": _told(field)}

    def values(self) -> dict[str, Schema]:
        """What a match may say."""
        fields = {field.key: matched(self.of_field("value", field)) for field in self.fields}
        return fields | {rel.key: _ref(rel.target, "matched") for rel in self.rels}

    def where(self) -> dict[str, Schema]:
        """What a rule may ask of the members of a list."""
        fields = {f.key: asked(self.of_field("value", f)) for f in self.fields}
        return fields | {rel.key: _ref(rel.target, "asked") if rel.writable else NOTHING for rel in self.rels}

    def match_keys(self) -> Schema:
        """The keys that a resource can declare."""
        keys = [f.key for f in self.fields if not f.read_only] + [rel.key for rel in self.rels if rel.writable]
        return {"type": "array", "items": {"enum": keys}, "minItems": 1, "uniqueItems": True}

    def match_lists(self) -> Schema:
        """Several lists of keys, each for where those before it hit nothing."""
        return {"type": "array", "items": self.match_keys(), "minItems": 1, "uniqueItems": True}

    def lifecycle(self, static: Schema) -> dict[str, Schema]:
        parts = dict(cast(Mapping[str, Schema], static["properties"]))
        keys = [*self.of.fields, *self.of.relationships]
        return {**parts, "ignore_changes": {**parts["ignore_changes"], "items": {"enum": keys}}}

    # ------------------------------------------------------------ sources

    def source(self) -> dict[str, Schema]:
        """The parts of a source of this kind; the forms of its columns follow from the types of the fields."""
        writable: dict[str, Schema | bool] = {f.key: self.of_field("form", f) for f in self.fields if not f.read_only}
        links: dict[str, Schema | bool] = {rel.key: _link(rel, "form") for rel in self.rels if rel.writable}
        return {
            "fields": _keyed(writable),
            "relationships": _keyed(links),
            "match": any_of(self.match_keys(), self.match_lists(), _ref(self.of.kind, "match.forms")),
            "lifecycle": _ref(self.of.kind, "lifecycle"),
        }

    def lookup_forms(self) -> Schema:
        """As `match_forms`, where a split cell finds a record for each of its values."""
        forms: dict[str, Schema] = {
            field.key: any_of(self.of_field("form", field), _mapped(_COLUMNS, self.of_field("value", field)))
            for field in self.fields
        }
        return _filled(forms | {rel.key: _ref(rel.target, "matched.form") for rel in self.rels})

    def match_forms(self) -> Schema:
        """What a match may say of columns."""
        says = {"not": defined("says-nothing")}
        forms: dict[str, Schema] = {field.key: {"allOf": [self.of_field("form", field), says]} for field in self.fields}
        forms |= {rel.key: _ref(rel.target, "matched.form") for rel in self.rels}
        return _filled(forms)

    def form(self, field: FieldDef) -> Schema:
        if not is_value_type(field.type):
            return NOTHING
        several = takes_several(field.type, field.words)
        value = self.of_field("value", field)
        forms = [_mapped(_COLUMNS if several else _COLUMN, value), _same(value)]
        if several:
            forms.append({**_refs(any_of(*forms)), "minItems": 1})
        if parts := part_schemas(field.type):
            forms.append(_filled({part: any_of(_COLUMN, _same(value)) for part, value in parts.items()}))
        return {**any_of(*forms), "description": _told(field)}


def _own_id(kind: str) -> str:
    """No id that is another kind's by its prefix."""
    others = "|".join(prefix for prefix, owner in PREFIXES.items() if owner != kind)
    return rf"^(?!\s*({others})[A-Za-z0-9_-]+\s*$)[\s\S]*\S"


def _has_options(field: FieldDef) -> bool:
    return field.type in _SELECTS and not field.words


def _choice(field: FieldDef) -> Schema:
    """Of a dependent select any parent's options: the parent may stand beside it, or follow from it."""
    groups: dict[str | None, list[Option]] = {}
    for option in field.options:
        groups.setdefault(option.parent if field.parent_field else None, []).append(option)
    return option_choice(*groups.values())


def _told(field: FieldDef) -> str:
    """Label, type, and what people said of the field and its options."""
    type = f"{field.type}, {field.currency}" if field.currency else field.type
    notes = [option for option in field.options if option.description]
    options = "\n".join(f"* {option.label}: {option.description}" for option in notes[:_LONGEST])
    return "\n\n".join(filter(None, [f"{field.label} ({type})", field.description, options]))


# ---------------------------------------------------------------- refs


def _links(target: str, known: Known) -> dict[str, Schema]:
    """What names records of a kind: one, many, or what a match looks for; and columns whose cells do."""
    ref = _named(target, known)
    refs = _refs(ref)
    named = ref if target == "member" else any_of(ref, {"type": "integer"})  # a match takes a number for its text
    found = {
        "one": any_of(EMPTY, ref, {**refs, "maxItems": 1}),
        "many": any_of(EMPTY, ref, refs, _partial(refs)),
        "matched": any_of(named, {**_refs(named), "minItems": 1}),
    }
    asked_for = {f"{target}.asked": asked(named)}
    looked_up = [_looked_up(target, known)] if is_kind(target) else []
    forms = {f"{form}.form": _link_form(_ref(target, form), looked_up) for form in found}
    return {f"{target}.{form}": schema for form, schema in (found | forms).items()} | asked_for


def _named(target: str, known: Known) -> Schema:
    if target == "member":
        return defined("member")
    if target in known.kinds:
        return any_of(FILLED, _looked_for(target))
    return defined("ref") if is_kind(target) else FILLED


def _link(rel: RelDef, form: str = "") -> Schema:
    name = f"{'many' if rel.many else 'one'}{form and f'.{form}'}"
    return {**_ref(rel.target, name), "description": f"{rel.label} ({'several' if rel.many else 'one'}: {rel.target})"}


def _refs(ref: Schema) -> Schema:
    return {"type": "array", "items": ref}


def _partial(refs: Schema) -> Schema:
    return _filled({"include": refs, "exclude": refs})


def _looked_for(kind: str) -> Schema:
    return closed({"match": _ref(kind, "values")}, required=["match"])


def _member(known: Known) -> Schema:
    """A member by e-mail, whatever its case, or by id. An editor offers the e-mails."""
    told = "A member, by e-mail or id."
    if not known.members_known:
        return {"type": "string", "pattern": r"@|^\s*mem_[A-Za-z0-9_-]+\s*$", "description": told}
    members = sorted(known.members, key=lambda member: member.email)
    mails = [member.email for member in members if member.email]
    offered: list[Schema] = [{"enum": mails}] if mails else []
    return {**any_of(*offered, alternatives(_spellings(members))), "description": told}


def _spellings(members: Iterable[Member]) -> Iterator[str]:
    for member in members:
        yield member.id if member.id != folded(member.id) else loosely(member.id)
        if member.email:
            yield loosely(member.email)


# ---------------------------------------------------------------- sections


def _objects(section: Schema, kinds: Iterable[str]) -> Schema:
    """The types that there are, and no other."""
    (any_type,) = cast(Mapping[str, Schema], section["patternProperties"]).values()
    (pattern,) = cast(Mapping[str, Schema], any_type["patternProperties"])
    types = {kind.removeprefix(OBJECT): {**any_type, "patternProperties": {pattern: defined(kind)}} for kind in kinds}
    rest = {key: part for key, part in section.items() if key != "patternProperties"}
    return {**rest, "properties": types}


def _sources(section: Schema, known: Known, objects: Iterable[str] | None) -> Schema:
    """Sources of the kinds that there are; what each of them has follows from its kind."""
    source = cast(Schema, section["items"])
    parts = dict(cast(Mapping[str, Schema], source["properties"]))
    kinds = [kind for kind in sorted(known.kinds) if not kind_of(kind).uploaded]
    if objects is not None:
        offered = [name for name, kind in KINDS.items() if not kind.uploaded] + [*objects]
        parts["kind"] = {"enum": offered, "description": parts["kind"]["description"]}
    rules = [_rule(kind, _Kind(known.kinds[kind]).source()) for kind in kinds]
    return {**section, "items": {**source, "properties": parts, "allOf": rules}}


def _rule(kind: str, parts: Mapping[str, Schema]) -> Schema:
    of_it = {"properties": {"kind": {"const": kind}}, "required": ["kind"]}
    return {"if": of_it, "then": {"properties": dict(parts)}}


def _same(value: Schema) -> Schema:
    return closed({"value": value}, required=["value"])


def _mapped(column: Schema, value: Schema) -> Schema:
    """A column whose map makes values of the field of its cells."""
    return {"allOf": [column, {"properties": {"map": {"additionalProperties": value}, "else": value}}]}


def _looked_up(kind: str, known: Known) -> Schema:
    """Records that cells find."""
    if kind not in known.kinds or kind_of(kind).uploaded:
        return defined("lookup")
    return closed({"match": _ref(kind, "lookup.forms"), "empty": {"type": "null"}}, required=["match"])


def _link_form(link: Schema, looked_up: Iterable[Schema]) -> Schema:
    """A column whose cells hold refs, what cells find, the same for every row, or several of these."""
    forms = [_mapped(_COLUMNS, link), _same(link), *looked_up]
    return any_of(*forms, {**_refs(any_of(*forms)), "minItems": 1})
