"""JSON Schema of resource files in one workspace: its own fields, options, relationships and members. Pure.

What a plan refuses as an unknown key, option or member, or as a wrong type, it refuses; and nothing that a plan takes
(design.md, section 14).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, cast

from lfsync.kinds import OBJECT, OBJECTS
from lfsync.model import Definitions, FieldDef, Member, Option, RelDef
from lfsync.model import Schema as Known
from lfsync.project.file_schemas import EMPTY, Schema, closed, either_case, resources_schema, value_schema

_LINKS: Final[Schema] = {"$ref": "#/definitions/links"}
_REF: Final[Schema] = {"$ref": "#/definitions/ref"}
_MEMBER: Final[Schema] = {"$ref": "#/definitions/member"}
_LONGEST: Final = 30  # labels that a description names


def workspace_schema(known: Known) -> Schema:
    """The schema of resource files, as strict as a plan in this workspace."""
    schema = resources_schema()
    definitions = cast(dict[str, Schema], schema["definitions"])
    if known.members_known:
        definitions["member"] = _member(known.members)
    for kind, each in known.kinds.items():
        definitions[f"{kind}.fields"] = _fields(each)
        definitions[f"{kind}.relationships"] = _relationships(each, members_known=known.members_known)
    slugs = [kind for kind in known.kinds if kind.startswith(OBJECT)]
    for kind in slugs:
        definitions[kind] = _of_type(definitions["object"], kind)
    properties = cast(dict[str, Schema], schema["properties"])
    properties[OBJECTS] = _objects(properties[OBJECTS], slugs)
    return schema


def _of_type(body: Schema, kind: str) -> Schema:
    """The body of any custom object, with the fields and relationships of this type."""
    parts = dict(cast(Mapping[str, Schema], body["properties"]))
    parts |= {part: {"$ref": f"#/definitions/{kind}.{part}"} for part in ("fields", "relationships")}
    return {**body, "properties": parts}


def _objects(section: Schema, kinds: Iterable[str]) -> Schema:
    """The types that there are, and no other."""
    (any_type,) = cast(Mapping[str, Schema], section["patternProperties"]).values()
    (pattern,) = cast(Mapping[str, Schema], any_type["patternProperties"])
    types = {
        kind.removeprefix(OBJECT): {**any_type, "patternProperties": {pattern: {"$ref": f"#/definitions/{kind}"}}}
        for kind in kinds
    }
    rest = {key: part for key, part in section.items() if key != "patternProperties"}
    return {**rest, "properties": types}


def _fields(definitions: Definitions) -> Schema:
    return _keyed({key: _field(definitions, field) for key, field in definitions.fields.items()})


def _relationships(definitions: Definitions, *, members_known: bool) -> Schema:
    rels = definitions.relationships.items()
    return _keyed({key: _relationship(rel, members_known=members_known) for key, rel in rels})


def _keyed(known: Mapping[str, Schema | bool]) -> Schema:
    return {"type": ["object", "null"], "properties": dict(known), "additionalProperties": False}


def _field(definitions: Definitions, field: FieldDef) -> Schema | bool:
    if field.read_only:
        return False
    choice = _choice(field.options) if field.type.endswith("_SELECT") and not field.words else None
    value = value_schema(field.type, multiple=field.multiple, words=field.words, choice=choice)
    told = [field.label, field.description, *_labels(field.options)]
    return {**value, "description": "\n\n".join(text for text in told if text)}


def _labels(options: Iterable[Option]) -> list[str]:
    """Options with their descriptions, for who chooses one."""
    told = [f"* {option.label}: {option.description}" for option in options if option.description]
    return ["\n".join(told[:_LONGEST])] if told else []


def _choice(options: tuple[Option, ...]) -> Schema:
    """An option by its id or label, whatever the label's case and blanks (rule C6); by a number that is its label."""
    labels = list(dict.fromkeys(option.label for option in options))
    ids = [option.id for option in options]
    numbers = [
        int(label) for label in (*labels, *ids) if label.isascii() and label.isdigit() and str(int(label)) == label
    ]
    choices: list[Schema] = [{"enum": [*labels, *ids, *numbers]}]
    if shapes := "|".join(_loosely(label) for label in labels if label.strip()):
        choices.append({"type": "string", "pattern": rf"^\s*({shapes})\s*$"})
    return {"anyOf": choices}


def _loosely(label: str) -> str:
    return r"\s+".join("".join(map(either_case, word)) for word in label.split())


def _relationship(rel: RelDef, *, members_known: bool) -> Schema | bool:
    if not rel.writable:
        return False
    ref = _MEMBER if rel.target == "member" and members_known else _REF
    refs: Schema = {"type": "array", "items": ref}
    if not rel.many:
        return {"anyOf": [EMPTY, ref, {**refs, "maxItems": 1}], "description": f"{rel.label}: one {rel.target}"}
    if ref is _REF:
        return {**_LINKS, "description": f"{rel.label}: {rel.target}"}
    partial = {**closed({"include": refs, "exclude": refs}), "minProperties": 1}
    return {"anyOf": [EMPTY, ref, refs, partial], "description": f"{rel.label}: {rel.target}"}


def _member(members: Iterable[Member]) -> Schema:
    """A member by e-mail, whatever its case, or by id."""
    listed = list(members)
    mails = [member.email for member in listed if member.email]
    choices: list[Schema] = [{"enum": [*mails, *(member.id for member in listed)]}]
    if mails:
        shapes = "|".join("".join(map(either_case, mail)) for mail in mails)
        choices.append({"type": "string", "pattern": rf"^\s*({shapes})\s*$"})
    return {"anyOf": choices, "description": "A member, by e-mail or id."}
