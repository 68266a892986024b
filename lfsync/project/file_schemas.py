"""JSON Schema of resource files and of `lfsync.yaml`, for editors and `lfsync schema`. Pure.

A schema never refuses what lfsync takes. It can't know a workspace: custom keys, and system keys that are documented
nowhere, pass with any value where a kind may have them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, cast

from lfsync.kinds import KINDS, MEMBER_KEYS, OBJECT, OBJECTS, SLUG, Field, Kind, kind_of
from lfsync.project.keys import MAX_KEY
from lfsync.project.moves import ENDS, MOVED
from lfsync.project.settings import Settings
from lfsync.project.sources import PARTS
from lfsync.project.value_schemas import FILLED, Schema, any_of, asked, closed, defined, shared_schemas, value_schema

DRAFT: Final = "http://json-schema.org/draft-07/schema#"  # what editors' YAML servers know best

# Letters, marks and digits of any script: what is not ASCII passes, for not every editor knows \p{L}.
_KEY: Final = rf"^([A-Za-z0-9]|[^\x00-\x7f])([A-Za-z0-9._@+-]|[^\x00-\x7f]){{0,{MAX_KEY - 1}}}$"
_ANY_OBJECT: Final = replace(kind_of(f"{OBJECT}SLUG"), name="object")  # what is the same of every type
_OBJECT_KIND: Final = rf"^{OBJECT[:-1]}\.{SLUG}$"
_TEXT: Final[Schema] = {"type": "string"}
_NULL: Final[Schema] = {"type": "null"}
_ANYTHING: Final[Schema] = {}


def resources_schema() -> Schema:
    """The schema of a resource file."""
    sections = {kind.section: _section(kind) for kind in KINDS.values()}
    return {
        "$schema": DRAFT,
        "title": "lfsync resource file",
        "description": "What a Lightfield workspace should hold, by kind.",
        **closed({**sections, OBJECTS: _objects(), "sources": _sources(), MOVED: _moves()}, nullable=True),
        "patternProperties": {"^x-": _described(_ANYTHING, "Your own: anchors, for example.")},
        "definitions": _definitions(),
    }


def settings_schema() -> Schema:
    """The schema of `lfsync.yaml`."""
    found = cast(Schema, _clean(cast(Schema, Settings.model_json_schema())))
    properties = cast(dict[str, Schema], found["properties"])
    models = cast(dict[str, Schema], found["$defs"])
    workspaces = properties["workspaces"]
    bodies = cast(dict[str, Schema], workspaces["patternProperties"])
    workspaces["patternProperties"] = {name: any_of(body, _NULL) for name, body in bodies.items()}
    workspaces["additionalProperties"] = False
    models["WorkspaceSettings"]["not"] = {"required": ["sandbox"], "anyOf": [{"required": [key]} for key in _API_KEYS]}
    properties["exclude"]["type"] = ["array", "null"]
    properties["safety"] = any_of(properties["safety"], _NULL)
    by_kind = closed({kind.name: _default(kind) for kind in KINDS.values()}, nullable=True)
    by_kind["patternProperties"] = {_OBJECT_KIND: _default(_ANY_OBJECT)}
    properties["defaults"] = _described(by_kind, _DEFAULTS)
    title: Schema = {"$schema": DRAFT, "title": "lfsync.yaml", "description": "The settings of an lfsync project."}
    return {**title, **{key: part for key, part in found.items() if key not in title}, "definitions": _definitions()}


def _clean(schema: object) -> object:
    """Without the titles and the null defaults that pydantic adds: they tell nothing."""
    if isinstance(schema, list):
        return [_clean(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    noise = {"title"} if isinstance(schema.get("title"), str) else set()
    noise |= {"default"} if schema.get("default", 0) is None else set()
    return {key: _clean(part) for key, part in schema.items() if key not in noise}


_WHERE: Final = "What a member has: a value or any of several for each key, null for none. All must hold."
_MEMBERS: Final = "Exactly these; {include, exclude} manages only the ones named; {where} is all that it finds."
_API_KEYS: Final = ("base_url", "api_key_env")
_DEFAULTS: Final = "Per kind, under every resource of it; the resource wins."


# ---------------------------------------------------------------- parts


def _described(schema: Schema, description: str) -> Schema:
    return {**schema, "description": description}


def _flag(description: str) -> Schema:
    return _described({"type": ["boolean", "null"]}, description)


def _list(items: Schema, *, filled: bool = False) -> Schema:
    return {"type": "array", "items": items, **({"minItems": 1} if filled else {})}


def _section(kind: Kind) -> Schema:
    return {
        "type": ["object", "null"],
        "description": f"{kind.section.capitalize()}, each under its key: letters, digits (any script) and . _ @ + -",
        "patternProperties": {_KEY: defined(kind.name)},
        "additionalProperties": False,
    }


def _objects() -> Schema:
    section = _section(_ANY_OBJECT)
    return {
        "type": ["object", "null"],
        "description": "Custom objects, by the slug of their type and then by key. Each says how its record is found.",
        "patternProperties": {f"^{SLUG}$": {**section, "description": "Records of one type."}},
        "additionalProperties": False,
    }


def _moves() -> Schema:
    kinds = "|".join((*KINDS, _OBJECT_KIND.strip("^$")))
    address: Schema = {"type": "string", "pattern": rf"^\s*({kinds})\.{_KEY.strip('^$')}\s*$"}
    told = {"from": "The address before, which is declared no more.", "to": "The address of the same record now."}
    ends = closed({part: _described(address, told[part]) for part in ENDS}, required=ENDS)
    return _described(
        {"type": ["array", "null"], "items": ends},
        "Renamed resources, which keep their records. Once every state has followed, an entry can be taken out.",
    )


def _definitions() -> Schema:
    found: Schema = {
        **shared_schemas(),
        "ref": _described(
            any_of(FILLED, closed({"match": _values()}, required=["match"])),
            "A key of this project, a member's e-mail, a live id, or {match: {...}} for one record not managed here.",
        ),
        "links": _described(
            any_of(_NULL, {"const": ""}, defined("ref"), _list(defined("ref")), _partial()),
            "One ref, null for none, a list for exactly these, or {include, exclude} for only the ones named.",
        ),
        "match": _described(
            any_of({**_list(_TEXT, filled=True), "uniqueItems": True}, _values()),
            "How the live record is found: a list of declared keys, or a mapping with other values.",
        ),
        "lifecycle": closed(
            {
                "ignore_changes": _ignored(),
                "seed": _flag("Create it, never update it."),
                "protect": _flag("Never trash it; also after it is declared no more, until this says false."),
                "absent": _flag("It should not exist: trash the record that is bound to it."),
            },
            nullable=True,
        ),
        "column": _column(split=False),
        "columns": _column(split=True),
        "form": _form(),
    }
    for kind in (*KINDS.values(), _ANY_OBJECT):
        if kind.uploaded:
            found |= {kind.name: _upload(kind), f"{kind.name}.lifecycle": _upload_lifecycle()}
            continue
        found |= {
            kind.name: _body(kind),
            f"{kind.name}.fields": _fields(kind),
            f"{kind.name}.relationships": _relationships(kind),
        }
        if kind.name in MEMBER_KEYS:
            found[f"{kind.name}.where"] = _where(kind)
    return found


def _values() -> Schema:
    return {"type": "object", "minProperties": 1}


def _partial() -> Schema:
    refs = _list(defined("ref"))
    return {**closed({"include": refs, "exclude": refs}), "minProperties": 1}


def members_schema(refs: Schema) -> Schema:
    """The members of a list; what a rule may ask of them, the list's own `$objectType` tells."""
    parts = closed({"where": _described(_values(), _WHERE), "include": refs, "exclude": refs})
    return any_of(refs, {**parts, "minProperties": 1})


def _where_of_each() -> list[Schema]:
    """What `where` may say, by what a list holds."""
    return [_where_of(kind) for kind in MEMBER_KEYS]


def _where_of(kind: str) -> Schema:
    named = {"properties": {"$objectType": {"enum": [f"${kind}", kind]}}, "required": ["$objectType"]}
    where: Schema = {"properties": {"members": {"properties": {"where": defined(f"{kind}.where")}}}}
    return {"if": {"properties": {"fields": named}, "required": ["fields"]}, "then": where}


def _where(kind: Kind) -> Schema:
    """Any one of several values; null for records without one. System fields that are read-only can be asked for."""
    fields = {
        key: asked(
            value_schema(
                field.type, multiple=field.multiple, words=kind.words.get(key, ()), service=field.handle_service
            )
        )
        for key, field in kind.fields.items()
    }
    links = {key: asked(defined("ref")) if rel.writable else False for key, rel in kind.relationships.items()}
    return {"type": "object", "properties": fields | links, "minProperties": 1}


def _ignored() -> Schema:
    keys = {"type": ["array", "null"], "items": _TEXT, "uniqueItems": True}
    return _described(keys, "Set when the record is made; later edits in Lightfield stand.")


def _body(kind: Kind) -> Schema:
    parts: dict[str, Schema] = {
        "id": {**FILLED, "description": "The live record's id, where it is known."},
        "match": defined("match"),
        "fields": defined(f"{kind.name}.fields"),
        "relationships": defined(f"{kind.name}.relationships"),
        "lifecycle": defined("lifecycle"),
    }
    if kind.name == "list":
        parts["members"] = _described(members_schema(_list(defined("ref"))), _MEMBERS)
    parts |= {name: _flag(f"Sent when it is made, and only then: {what}.") for name, what in kind.flags.items()}
    if not kind.matches:
        return {**closed(parts), "anyOf": [{"required": ["match"]}, {"required": ["id"]}]}
    body = closed(parts, nullable=True)
    return {**body, "allOf": _where_of_each()} if kind.name == "list" else body


def _upload(kind: Kind) -> Schema:
    """A body without `fields`: what is uploaded, and what it is for."""
    parts: dict[str, Schema] = {
        "path": {**FILLED, "description": "The file to upload, from the project's folder."},
        "purpose": {"enum": list(kind.words["purpose"]), "description": "What it is for; it is said once."},
        "mimeType": {**_TEXT, "pattern": "^[a-zA-Z0-9.+_-]+/", "description": "Guessed by the ending without it."},
        "id": {**FILLED, "description": "The file's id, where it is there already."},
        "lifecycle": defined(f"{kind.name}.lifecycle"),
    }
    needs: list[object] = [{"required": ["path"]}, {"required": ["id"]}]
    return {**closed(parts), "anyOf": needs, "dependencies": {"purpose": ["path"], "mimeType": ["path"]}}


def _upload_lifecycle() -> Schema:
    """No file is deleted or changed through the API."""
    return closed({"seed": _flag("Upload it once, whatever becomes of its content.")}, nullable=True)


def _default(kind: Kind) -> Schema:
    if kind.uploaded:
        return closed({"lifecycle": defined(f"{kind.name}.lifecycle")}, nullable=True)
    parts = {part: defined(f"{kind.name}.{part}") for part in ("fields", "relationships")}
    return closed({**parts, "lifecycle": defined("lifecycle")}, nullable=True)


def _fields(kind: Kind) -> Schema:
    known: dict[str, object] = {key: _field(kind, key, field) for key, field in kind.fields.items()}
    return _keyed(known, _ANYTHING, kind.custom_fields)


def _relationships(kind: Kind) -> Schema:
    known: dict[str, object] = {
        key: defined("links") if rel.writable else False for key, rel in kind.relationships.items()
    }
    return _keyed(known, defined("links"), open_=True)


def _keyed(known: dict[str, object], other: Schema, open_: bool) -> Schema:
    """Known keys as they are documented (False: read-only); where a kind may have more, any other key."""
    schema: Schema = {"type": ["object", "null"], "properties": known}
    return {**schema, "additionalProperties": other if open_ else False}


def _field(kind: Kind, key: str, field: Field) -> object:
    if not field.writable:
        return False
    words = kind.words.get(key, ())
    value = value_schema(field.type, multiple=field.multiple, words=words, service=field.handle_service)
    return _described(value, field.label)


# ---------------------------------------------------------------- sources


def _sources() -> Schema:
    return {
        "type": ["array", "null"],
        "items": _source(),
        "description": "Bulk rows from csv, tsv or jsonl files, a resource for each row.",
    }


def _source() -> Schema:
    column = defined("form")
    forms: Schema = {"type": ["object", "null"], "additionalProperties": column}
    parts: dict[str, Schema] = {
        "kind": _described(
            any_of({"enum": [kind.name for kind in KINDS.values() if not kind.uploaded]}, {"pattern": _OBJECT_KIND}),
            "What the rows are.",
        ),
        "file": {"type": "string", "pattern": r"\.([cC][sS][vV]|[tT][sS][vV]|[jJ][sS][oO][nN][lL])$"},
        "key": _described(any_of(column, _list(column, filled=True)), "The column, or columns, that make the key."),
        "match": any_of(defined("match"), {**forms, "minProperties": 1}),
        "fields": _described(forms, "For each field a column, or {column, pattern, split, empty}, or {value}."),
        "relationships": _described(forms, "For each relationship a column whose cells hold refs, or {value}."),
        "lifecycle": defined("lifecycle"),
    }
    return closed(parts, required=["kind", "file", "key"])


def _column(*, split: bool) -> Schema:
    """A column by its name, or with what becomes of its cells; `split` where a cell may hold several values."""
    column: dict[str, Schema] = {
        "column": FILLED,
        "pattern": {
            "type": "string",
            "description": r"A regular expression with a group for the part to take: (\d{4})",
        },
        "empty": {"type": "null", "description": "An empty cell clears the field instead of leaving it alone."},
    }
    if split:
        told = "The text between two values of a cell."
        column["split"] = {"type": ["string", "number"], "minLength": 1, "description": told}
    return any_of(FILLED, closed(column, required=["column"]))


def _form() -> Schema:
    parts = closed({part: defined("form") for part in PARTS})
    return any_of(
        defined("columns"),
        closed({"value": _ANYTHING}, required=["value"]),
        {**parts, "minProperties": 1},
        _list(defined("form"), filled=True),
    )
