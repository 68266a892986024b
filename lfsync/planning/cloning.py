"""A live workspace as a seed of the sandbox, so that a plan can be rehearsed (design.md, section 18; rule K5). Pure.

The seed says what the API shows, ids included: definitions with the ids of fields and options, records with their own.
What the API doesn't show is not in it: which relationship is another one's far side, who has which role.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from lfsync.errors import Problem
from lfsync.kinds import KINDS, OBJECT, TYPES, kind_of
from lfsync.model import JSON, Definitions, FieldDef, Member, Record, RelDef, Resource
from lfsync.planning.redaction import Redaction
from lfsync.planning.saved_definitions import Answers, schema_of
from lfsync.project.documents import CONTROL
from lfsync.project.redact_rules import RedactRule

_KEPT_TYPES: Final = frozenset({*TYPES, "HTML"})
_TEXTS: Final = ("TEXT", "MARKDOWN", "HTML")


@dataclass(frozen=True, slots=True)
class Contents:
    """The records of a workspace, by kind, and who is in each list, by its id. Trashed ones apart."""

    records: Mapping[str, Sequence[Record]] = field(default_factory=dict)
    trashed: Mapping[str, Sequence[Record]] = field(default_factory=dict)
    members: Mapping[str, Sequence[str]] = field(default_factory=dict)


def seed_of(name: str, answers: Answers, contents: Contents, redaction: Redaction) -> dict[str, JSON]:
    """The seed of the workspace that is called so. Values of what is redacted are made up, always the same ones."""
    schema = schema_of(answers)
    known = {"member", *schema.kinds}
    seed: dict[str, JSON] = {"cloned": name, "members": [_member(member) for member in schema.members]}
    described = {
        kind: _kind(definitions, answers.kinds[kind], known)
        for kind, definitions in schema.kinds.items()
        if kind in answers.kinds
    }
    seed["definitions"] = {k: each for k, each in described.items() if not k.startswith(OBJECT) and each}
    seed["objects"] = {k.removeprefix(OBJECT): each for k, each in described.items() if k.startswith(OBJECT)}
    records: dict[str, JSON] = {}
    for kind, definitions in schema.kinds.items():
        row, dresser = kind_of(kind), _Dresser(definitions, redaction)
        found = [
            *(dresser.dressed(each, contents.members.get(each.id)) for each in contents.records.get(kind, ())),
            *({**dresser.dressed(each), "trashed": True} for each in contents.trashed.get(kind, ())),
        ]
        found.sort(key=lambda each: (str(each["created"]), str(each["id"])))
        if row.uploaded:
            seed["files"] = [_file(each) for each in found]
        elif kind == "list":
            seed["lists"] = list(found)
        elif found:
            records[row.section if kind in KINDS else kind] = list(found)
    seed["records"] = records
    return seed


def _member(member: Member) -> JSON:
    first, _, last = member.name.partition(" ")
    return _said({"id": member.id, "email": member.email, "first": first, "last": last})


def _said(data: Mapping[str, JSON]) -> dict[str, JSON]:
    """Without what says nothing."""
    return {key: value for key, value in data.items() if value not in (None, "", False)}


# ---------------------------------------------------------------- definitions


def _kind(definitions: Definitions, raw: Mapping[str, JSON], known: set[str]) -> dict[str, JSON]:
    fields: dict[str, JSON] = {
        key: _field(each, built_in=key in kind_of(definitions.kind).fields)
        for key, each in definitions.fields.items()
        if _is_kept(definitions.kind, each)
    }
    shown = raw.get("relationshipDefinitions")
    relationships: dict[str, JSON] = {
        key: _relationship(each, shown.get(key) if isinstance(shown, dict) else None)
        for key, each in definitions.relationships.items()
        if not key.startswith("$") and each.target in known
    }
    return {key: part for key, part in (("fields", fields), ("relationships", relationships)) if part}


def _is_kept(kind: str, each: FieldDef) -> bool:
    """Whether a seed can hold a field: one that the sandbox has, or can be given."""
    row = kind_of(kind)
    return each.key in row.fields or (row.custom_fields and each.type in _KEPT_TYPES)


def _field(each: FieldDef, *, built_in: bool) -> dict[str, JSON]:
    said: dict[str, JSON] = {"id": each.id, "label": each.label, "description": each.description}
    if not built_in:
        said |= {"type": each.type, "read_only": each.read_only, "multiple": each.multiple}
    said |= {"currency": each.currency, "unique": each.unique, "handle_service": each.handle_service}
    if each.type in ("SINGLE_SELECT", "MULTI_SELECT") and not each.words:
        options: list[JSON] = [
            _said({"id": o.id, "label": o.label, "description": o.description, "parent": o.parent})
            for o in each.options
        ]
        return {**_said(said), **_said({"parent_field": each.parent_field}), "options": options}
    return _said(said)


def _relationship(each: RelDef, raw: JSON) -> JSON:
    said: dict[str, JSON] = {
        "id": each.id,
        "label": each.label,
        "target": each.target.removeprefix(OBJECT),
        "cardinality": "HAS_MANY" if each.many else "HAS_ONE",
    }
    if isinstance(raw, dict) and isinstance(raw.get("directions"), dict):
        said["directions"] = raw["directions"]
    return _said(said)


# ---------------------------------------------------------------- records


class _Dresser:
    """Makes entries of records of one kind."""

    def __init__(self, definitions: Definitions, redaction: Redaction) -> None:
        self.kind = kind_of(definitions.kind)
        kept = {each.key: each for each in definitions.fields.values() if _is_kept(definitions.kind, each)}
        self.fields = kept
        self.hidden = {key for key, each in kept.items() if redaction.hits(definitions.kind, key, each.type)}

    def dressed(self, record: Record, members: Sequence[str] | None = None) -> dict[str, JSON]:
        """The entry of a record; of a list with its members."""
        fields: dict[str, JSON] = {
            key: made_up(self.fields[key], record.id, value) if key in self.hidden else value
            for key, value in record.fields.items()
            if key in self.fields and value is not None
        }
        fields = {key: _sayable(value) for key, value in fields.items()}
        links: dict[str, JSON] = {key: list(ids) for key, ids in record.links.items() if ids}
        entry: dict[str, JSON] = {"id": record.id, "created": record.created_at, "fields": fields}
        if links:
            entry["relationships"] = links
        if members:
            entry["members"] = list(members)
        return entry


def _sayable(value: JSON) -> JSON:
    """What people pasted may hold control characters, and no YAML does: a seed has escapes of its own for them."""
    if isinstance(value, str):
        return CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", value.replace("\\", r"\\"))
    if isinstance(value, list):
        return [_sayable(item) for item in value]
    return {key: _sayable(item) for key, item in value.items()} if isinstance(value, dict) else value


def _file(entry: Mapping[str, JSON]) -> JSON:
    fields = entry["fields"]
    assert isinstance(fields, dict)
    return {
        "id": entry["id"],
        "created": entry["created"],
        "filename": fields["filename"],
        "mimeType": fields["mimeType"],
        "size": fields["sizeBytes"],
    }


def made_up(definition: FieldDef, id: str, value: JSON) -> JSON:
    """Another value of the type, always the same for one record; of several as many. What is empty stays so."""
    if value in (None, "", []):
        return value
    if isinstance(value, list) and definition.type != "MULTI_SELECT":
        return [_made_up(definition, f"{id} {number}", item) for number, item in enumerate(value)]
    return _made_up(definition, id, value)


def _made_up(definition: FieldDef, seed: str, value: JSON) -> JSON:
    digest = hashlib.sha256(f"{definition.key} {seed}".encode()).hexdigest()
    number, word = int(digest[:12], 16), digest[:10]
    match definition.type:
        case "EMAIL":
            return f"{word}@made-up.example"
        case "URL":
            return f"https://{word}.example"
        case "SOCIAL_HANDLE":
            return word
        case "TELEPHONE":
            return f"+1202555{number % 10_000:04}"
        case "NUMBER" | "CURRENCY":
            return number % 100_000
        case "CHECKBOX":
            return bool(number % 2)
        case "DATETIME":
            return f"20{number % 30:02}-{number % 12 + 1:02}-{number % 28 + 1:02}T00:00:00.000Z"
        case "FULL_NAME":
            return {"firstName": f"Made {word[:5]}", "lastName": f"Up {word[5:]}"}
        case "ADDRESS":
            return {**_emptied(value), "street": f"{number % 999} Made Up Street", "city": f"City {word[:4]}"}
        case "SINGLE_SELECT":
            return _option(definition, number, value)
        case "MULTI_SELECT":
            return [_option(definition, number, value)]
        case _:
            return _option(definition, number, f"made up {word}") if definition.words else f"made up {word}"


def _emptied(value: JSON) -> dict[str, JSON]:
    return dict.fromkeys(value, None) if isinstance(value, dict) else {}


def _option(definition: FieldDef, number: int, default: JSON) -> JSON:
    ids = [option.id for option in definition.options] or list(definition.words)
    return ids[number % len(ids)] if ids else default


# ---------------------------------------------------------------- rule K5


def hidden_matches(
    rules: Iterable[RedactRule], resources: Iterable[Resource], kinds: Mapping[str, Definitions]
) -> Iterator[Problem]:
    """The rules that hide a key by which a resource finds its record: made up, it would find nothing, or another."""
    matches = {(resource.address.kind, key): resource for resource in resources for key in _match_keys(resource)}
    for rule in rules:
        redaction = Redaction((rule,))
        for (kind, key), resource in matches.items():
            known = kinds[kind].fields.get(key) if kind in kinds else None
            if known is not None and redaction.hits(kind, key, known.type):
                message = (
                    f"`redact` hides {kind}.{key}, which is a match key: {resource.address} finds its record by it"
                )
                yield Problem(message, rule.place, hint="Match by another key, or clone without --records.")
                break


def _match_keys(resource: Resource) -> tuple[str, ...]:
    """The keys that a resource is looked for by."""
    match = resource.match
    if match is not None:
        return tuple(match.values or ()) or tuple(str(key.data) for key in match.keys or ())
    declared = {*resource.fields, *resource.relationships}
    alternatives = kind_of(resource.address.kind).matches
    return next((keys for keys in alternatives if keys[0] in declared), alternatives[0] if alternatives else ())
