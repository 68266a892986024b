"""JSON Schema of resource files and of `lfsync.yaml`, for editors and `lfsync schema`. Pure.

A schema never refuses what lfsync takes. It can't know a workspace: custom keys, and system keys that are documented
nowhere, pass with any value where a kind may have them.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Final, cast

from lfsync.kinds import KINDS, MEMBER_KEYS, OBJECT, OBJECTS, SLUG, Field, Kind, kind_of
from lfsync.project.keys import MAX_KEY
from lfsync.project.moves import ENDS, MOVED
from lfsync.project.rows.cell_numbers import DECIMALS, THOUSANDS
from lfsync.project.rows.columns import PARTS
from lfsync.project.rows.row_files import FILE_KEYS, MAX_SKIPPED
from lfsync.project.schemas.values import FILLED, Schema, any_of, asked, closed, defined, shared_schemas, value_schema
from lfsync.project.settings import Settings
from lfsync.project.sources import UNIQUE

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
_MEMBERS: Final = (
    "Exactly these; {include, exclude} manages only the ones named; {where} is all that it finds; {from: FILE, key} "
    "what rows name."
)
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
    """What the sections refer to by name."""
    found: Schema = {**shared_schemas(), **_parts()}
    for kind in (*KINDS.values(), _ANY_OBJECT):
        found |= _definitions_of(kind)
    return found


def _definitions_of(kind: Kind) -> Schema:
    if kind.uploaded:
        return {kind.name: _upload(kind), f"{kind.name}.lifecycle": _upload_lifecycle()}
    found: Schema = {
        kind.name: _body(kind),
        f"{kind.name}.fields": _fields(kind),
        f"{kind.name}.relationships": _relationships(kind),
    }
    if kind.name in MEMBER_KEYS:
        found[f"{kind.name}.where"] = _where(kind)
    return found


def _parts() -> Schema:
    """What resources of any kind are made of."""
    keys: Schema = {**_list(_TEXT, filled=True), "uniqueItems": True}
    return {
        "ref": _described(
            any_of(FILLED, closed({"match": _values()}, required=["match"])),
            "A key of this project, a member's e-mail, a live id, or {match: {...}} for one record not managed here.",
        ),
        "links": _described(
            any_of(_NULL, {"const": ""}, defined("ref"), _list(defined("ref")), _partial()),
            "One ref, null for none, a list for exactly these, or {include, exclude} for only the ones named.",
        ),
        "match": _described(
            any_of(keys, {**_list(keys, filled=True), "uniqueItems": True}, _values()),
            "How the live record is found: a list of declared keys, or several, each for where those before it hit "
            "nothing; or a mapping with other values.",
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
        "link-form": _link_form(),
        "lookup": closed({"match": _lookups(), "empty": _NULL}, required=["match"]),
        "members-from-rows": _roster(),
    }


def _values() -> Schema:
    return {"type": "object", "minProperties": 1}


def _partial() -> Schema:
    refs = _list(defined("ref"))
    return {**closed({"include": refs, "exclude": refs}), "minProperties": 1}


def members_schema(refs: Schema) -> Schema:
    """The members of a list; what a rule may ask of them, the list's own `$objectType` tells."""
    parts = closed({"where": _described(_values(), _WHERE), "include": refs, "exclude": refs})
    return any_of(refs, {**parts, "minProperties": 1}, defined("members-from-rows"))


def _where_of_each() -> list[Schema]:
    """What `where` may say, by what a list holds."""
    return [_where_of(kind) for kind in MEMBER_KEYS]


def _where_of(kind: str) -> Schema:
    named = {"properties": {"$objectType": {"enum": [f"${kind}", kind]}}, "required": ["$objectType"]}
    by_rule = any_of({"required": ["from"]}, {"properties": {"where": defined(f"{kind}.where")}})
    where: Schema = {"properties": {"members": by_rule}}
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
        "description": "Bulk rows from csv, tsv or jsonl files, or from SQL over them, a resource for each row.",
    }


def _source() -> Schema:
    parts: dict[str, Schema] = {
        "kind": _described(
            any_of({"enum": [kind.name for kind in KINDS.values() if not kind.uploaded]}, {"pattern": _OBJECT_KIND}),
            "What the rows are.",
        ),
        "file": _ROW_FILE,
        "query": _described(FILLED, "In place of `file`: SQL over the project's files, or a .sql file that holds it."),
        **_row_file(),
        "where": _row_where(),
        "key": _key(),
        "unique": {"enum": list(UNIQUE), "description": "Of rows of one key: take the first, or refuse a second one."},
        "match": any_of(defined("match"), {**_forms("link-form"), "type": "object", "minProperties": 1}),
        "fields": _described(_forms("form"), "For each field a column, {column, ...}, {template} or {value}."),
        "relationships": _described(
            _forms("link-form"), "For each relationship a column whose cells hold refs, {match: ...} or {value}."
        ),
        "lifecycle": defined("lifecycle"),
    }
    either: list[object] = [{"required": ["file"]}, {"required": ["query"]}]
    of_files: dict[str, object] = {key: ["file"] for key in FILE_KEYS}
    return {**closed(parts, required=["kind", "key"]), "oneOf": either, "dependencies": of_files}


def _roster() -> Schema:
    """The members of a list, from rows."""
    parts = {"from": _ROW_FILE, **_row_file(), "where": _row_where(), "key": _key(), "match": _lookups()}
    one_of: list[object] = [{"required": ["key"]}, {"required": ["match"]}]
    return {**closed(parts, required=["from"]), "oneOf": one_of}


def _forms(form: str) -> Schema:
    return {"type": ["object", "null"], "additionalProperties": defined(form)}


def _key() -> Schema:
    column = defined("column")
    return _described(any_of(column, _list(column, filled=True)), "The column, or columns, that make the key.")


def _lookups() -> Schema:
    return {**_forms("form"), "type": "object", "minProperties": 1}


_ROW_FILE: Final[Schema] = {"type": "string", "pattern": r"\.([cC][sS][vV]|[tT][sS][vV]|[jJ][sS][oO][nN][lL])$"}
_WORD: Final[Schema] = {"type": ["string", "number", "boolean"], "pattern": r"\S"}
_ONE: Final[Schema] = {"type": ["string", "number", "boolean", "null"]}


def _row_file() -> dict[str, Schema]:
    """How the rows of a file are read."""
    delimiter = {"type": "string", "minLength": 1, "maxLength": 1}
    told = "utf-8, utf-16, latin-1, windows-1252 and others; a byte order mark in the file wins."
    return {
        "delimiter": _described(delimiter, "The character between two cells, where the file's ending doesn't tell."),
        "encoding": _described(FILLED, told),
        "skip_lines": {"type": "integer", "minimum": 0, "maximum": MAX_SKIPPED, "description": "Above the header."},
        "null_values": _described(_list(_ONE), "Texts that count as empty cells: [NULL, N/A]."),
    }


def _row_where() -> Schema:
    plain = any_of(_WORD, _list(_WORD, filled=True))
    condition = any_of(plain, closed({"not": plain}, required=["not"]))
    told = "Takes the rows that are so: {Column: value, or [values], or {not: ...}, or filled, or empty}."
    rows = {"type": ["object", "null"], "additionalProperties": condition, "minProperties": 1}
    return _described(rows, told)


def _column(*, split: bool) -> Schema:
    """A column by its name, or with what becomes of its cells; `split` where a cell may hold several values."""
    column: dict[str, Schema] = {
        "column": FILLED,
        "template": _described(FILLED, 'A text made of several columns: "{First} {Last}".'),
        "pattern": {
            "type": "string",
            "description": r"A regular expression with a group for the part to take: (\d{4})",
        },
        "map": {
            "type": "object",
            "additionalProperties": _ONE,
            "minProperties": 1,
            "description": "What each cell becomes: {Closed Won: Won}.",
        },
        "else": _described(_ONE, "What all cells become that `map` doesn't name; without it they are refused."),
        "date": _described({"type": "string", "pattern": "%"}, "How the cells write dates: %d/%m/%Y, %m/%d/%y %H:%M."),
        "timezone": _described(FILLED, "Whose clock the cells show: Europe/Berlin."),
        "number": _described(_number(), "How the cells write numbers. A currency sign is dropped."),
        "empty": {"type": "null", "description": "An empty cell clears the field instead of leaving it alone."},
    }
    if split:
        told = "The text between two values of a cell."
        column["split"] = {"type": ["string", "number"], "minLength": 1, "description": told}
    alone: list[object] = [{"required": ["map"]}, {"anyOf": _DATED}, {"required": ["number"]}]
    several = [{"allOf": [one, other]} for one, other in combinations(alone, 2)]
    of_one = {"oneOf": [{"required": ["column"]}, {"required": ["template"]}]}
    return any_of(FILLED, {**closed(column), **of_one, "dependencies": {"else": ["map"]}, "not": {"anyOf": several}})


_DATED: Final = [{"required": ["date"]}, {"required": ["timezone"]}]


def _number() -> Schema:
    marks = {"decimal": DECIMALS, "thousands": THOUSANDS}
    return closed({key: {"enum": list(allowed)} for key, allowed in marks.items()}, nullable=True)


def _form() -> Schema:
    parts = closed({part: defined("form") for part in PARTS})
    return any_of(
        defined("columns"),
        closed({"value": _ANYTHING}, required=["value"]),
        {**parts, "minProperties": 1},
        _list(defined("form"), filled=True),
    )


def _link_form() -> Schema:
    """What a relationship takes beside: records that cells find."""
    return any_of(defined("form"), defined("lookup"), _list(defined("link-form"), filled=True))
