"""A workspace's fields and relationships: the API's definitions, merged with what is documented of each kind. Pure.

The live definitions win where they say more. What they can't say comes from `kinds`: which relationships are set
from the other side (API sheet 2.4), the record keys of system ones (U32), and the fields of kinds whose set is closed.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from lfsync import kinds
from lfsync.errors import ApiError
from lfsync.kinds import KINDS, Kind, is_kind, kind_of, target_kind
from lfsync.model import JSON, Definitions, FieldDef, Option, RelDef, Schema

# Links to these are always set from their own side, whichever kind lists them (API sheet, section 7).
_MIRRORED = frozenset({"task", "note", "meeting", "file", "email", "message"})


class _Api(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", defer_build=True)


class _Option(_Api):
    id: str
    label: str
    parent_id: str | None = None
    description: str | None = None


class _TypeConfiguration(_Api):
    options: list[_Option] | None = None
    parent_field_key: str | None = None
    currency: str | None = None
    unique: bool | None = None
    multiple_values: bool | None = None
    handle_service: str | None = None


class _FieldDefinition(_Api):
    id: str | None = None
    label: str | None = None
    description: str | None = None
    value_type: str
    type_configuration: _TypeConfiguration | None = None
    read_only: bool | None = None


class _Side(_Api):
    cardinality: str


class _Directions(_Api):
    as_source: _Side | None = None
    as_destination: _Side | None = None


class _RelationshipDefinition(_Api):
    id: str | None = None
    label: str | None = None
    cardinality: str
    object_type: str
    directions: _Directions | None = None

    @property
    def many(self) -> bool:
        """Of the side that a write sets: a relationship of a kind with itself has two (sheet 2.4)."""
        source = self.directions.as_source if self.directions else None
        return (source or self).cardinality.upper() == "HAS_MANY"

    @property
    def exclusive(self) -> bool:
        """Of the other side. Of a relationship with another kind, that kind's own definitions alone tell."""
        destination = self.directions.as_destination if self.directions else None
        return destination is not None and destination.cardinality.upper() == "HAS_ONE"


class _Definitions(_Api):
    field_definitions: dict[str, _FieldDefinition]
    relationship_definitions: dict[str, _RelationshipDefinition] | None = None


def parse_definitions(kind: str, payload: JSON) -> Definitions:
    """What the definitions endpoint of `kind` answered (API sheet 2.4). ApiError if it is no such thing."""
    answer = _answer(kind, payload)
    row = kind_of(kind) if is_kind(kind) else None
    fields = {key: _field(key, definition, row) for key, definition in answer.field_definitions.items()}
    missing = {} if row is None else _documented_fields(row)
    closed = row is not None and not row.custom_fields
    required = row.required if row else ()
    fields |= {key: field for key, field in missing.items() if key not in fields and (closed or key in required)}
    return Definitions(kind, fields, _relationships(kind, answer.relationship_definitions or {}, row))


def _answer(kind: str, payload: JSON) -> _Definitions:
    try:
        return _Definitions.model_validate(payload)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "the answer"
        raise ApiError(f"the definitions of {kind} can't be read: {where}: {error.errors()[0]['msg']}") from None


def as_kept(kind: str, payload: JSON) -> dict[str, JSON]:
    """Of such an answer what lfsync reads, sorted, nulls left out: parsed, it gives what the whole answer gives."""
    return _answer(kind, payload).model_dump(mode="json", by_alias=True, exclude_none=True)


def builtin_definitions(kind: str) -> Definitions:
    """The system fields and relationships that are documented: all that a list has, and all that is known offline."""
    row = kind_of(kind)
    return Definitions(kind, _documented_fields(row), _relationships(kind, {}, row))


def builtin_schema() -> Schema:
    """What is known of every kind without a workspace: no custom fields, no options, no members."""
    return Schema({kind: builtin_definitions(kind) for kind in KINDS}, ())


def _field(key: str, live: _FieldDefinition, row: Kind | None) -> FieldDef:
    known = row.fields.get(key) if row else None
    configuration = live.type_configuration or _TypeConfiguration()
    return FieldDef(
        key=key,
        label=live.label or key,
        type=live.value_type,
        id=live.id,
        read_only=bool(live.read_only) or (known is not None and not known.writable),
        options=tuple(
            Option(option.id, option.label, option.parent_id, option.description)
            for option in configuration.options or ()
        ),
        parent_field=configuration.parent_field_key,
        currency=configuration.currency,
        unique=bool(configuration.unique or (known and known.unique)),
        multiple=_multiple(live, configuration, known),
        handle_service=configuration.handle_service or (known.handle_service if known else None),
        words=row.words.get(key, ()) if row else (),
        description=live.description,
        most=known.most if known else None,
    )


def _multiple(live: _FieldDefinition, configuration: _TypeConfiguration, known: kinds.Field | None) -> bool:
    if configuration.multiple_values is not None:
        return configuration.multiple_values
    return known is not None and known.type == live.value_type and known.multiple


def _documented_fields(row: Kind) -> dict[str, FieldDef]:
    return {
        key: FieldDef(
            key=key,
            label=known.label,
            type=known.type,
            read_only=not known.writable,
            multiple=known.multiple,
            handle_service=known.handle_service,
            words=row.words.get(key, ()),
            most=known.most,
            unique=known.unique,
        )
        for key, known in row.fields.items()
    }


def _relationships(kind: str, live: Mapping[str, _RelationshipDefinition], row: Kind | None) -> dict[str, RelDef]:
    documented = row.relationships if row else {}
    chosen: dict[str, str] = {}
    for listed in live:  # of two spellings the same one, whatever their order
        key = _record_key(kind, listed, documented)
        chosen[key] = key if key in live else min(listed, chosen.get(key, listed))
    found = {key: _relationship(key, live[listed], documented.get(key)) for key, listed in chosen.items()}
    for key, known in documented.items():
        found.setdefault(key, RelDef(key, key.removeprefix("$"), known.target, known.many, writable=known.writable))
    return found


def _relationship(key: str, live: _RelationshipDefinition, known: kinds.Relationship | None) -> RelDef:
    target = target_kind(live.object_type)
    writable = known.writable if known else not (key.startswith("$") and target in _MIRRORED)
    return RelDef(
        key=key,
        label=live.label or key,
        target=known.target if known else target,
        many=live.many,
        id=live.id,
        writable=writable,
        exclusive=live.exclusive,
    )


def _record_key(kind: str, listed: str, documented: Mapping[str, kinds.Relationship]) -> str:
    """The key that records use: definitions may list a slug such as `$task-account` for a task's `$account` (U32)."""
    first, dash, second = listed.removeprefix("$").partition("-")
    if listed in documented or not (dash and listed.startswith("$")):
        return listed
    other = {first: second, second: first}.get(kind)
    return f"${other}" if f"${other}" in documented else listed
