"""What a request body may say, and the stored form of its fields (API sheet, sections 1, 4 and 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lfsync.model import JSON
from lfsync.sandbox import stages
from lfsync.sandbox.catalog import kind_row
from lfsync.sandbox.errors import FaultError, bad_request, refused
from lfsync.sandbox.forms import ADDRESS_KEYS, NAME_KEYS, display, stored
from lfsync.sandbox.quirks import Quirks
from lfsync.sandbox.schema import FieldSpec, KindSpec
from lfsync.sandbox.store import Row, Store

CONTAINED = ("EMAIL", "TELEPHONE", "URL")
INDEXED = ("TEXT", "FULL_NAME", "SOCIAL_HANDLE", "ADDRESS", "SINGLE_SELECT", *CONTAINED)
TERM_LENGTH = 200
_PARTS: Mapping[str, tuple[str, ...]] = {"ADDRESS": ADDRESS_KEYS, "FULL_NAME": NAME_KEYS}


class Write:
    """A checked request body: bare fields, relationships as they were sent, and the extras."""

    def __init__(self, body: dict[str, JSON], extras: Iterable[str] = ()) -> None:
        known = ("fields", "relationships", *extras)
        for key in body:
            if key not in known:
                raise bad_request("unknown_field", f"A request has no {key!r} here.", key)
        self.fields = _mapping(body, "fields")
        self.relationships = _mapping(body, "relationships")
        self.has_fields = "fields" in body
        self.skip_enrichment = flag(body, "skipEnrichment")


def _mapping(body: Mapping[str, JSON], key: str) -> dict[str, JSON]:
    value = body.get(key, {})
    if not isinstance(value, dict):
        raise bad_request("invalid_type", f"{key!r} must be an object.", key)
    return value


def flag(body: Mapping[str, JSON], key: str) -> bool:
    """A boolean of the body; absent is False. Raises FaultError 400."""
    value = body.get(key, False)
    if not isinstance(value, bool):
        raise bad_request("invalid_type", f"{key!r} must be true or false.", key)
    return value


def required(kind: KindSpec, quirks: Quirks) -> tuple[str, ...]:
    """The keys that a create must carry: by the table, and by a quirk the title field of a type of custom objects."""
    title = (kind.title,) if kind.title and quirks["object-title"] == "required" else ()
    return (*kind_row(kind.name).required, *title)


def require(write: Write, kind: KindSpec, quirks: Quirks) -> None:
    """Refuses a create without what a create needs."""
    if not write.has_fields:
        raise bad_request("parameter_missing", "'fields' is required.", "fields")
    for key in required(kind, quirks):
        if key in kind.fields and write.fields.get(key) in (None, "", []):
            raise missing(f"fields.{key}", quirks)
        if key in kind.relationships and write.relationships.get(key) in (None, "", []):
            raise missing(f"relationships.{key}", quirks)


def require_nothing(body: Mapping[str, JSON]) -> None:
    """Refuses a body that says anything: that of a delete or restore is an empty object (rule X5)."""
    for key in body:
        raise bad_request("unknown_field", "This request takes an empty body.", key)


def missing(param: str, quirks: Quirks) -> FaultError:
    """A required value is absent (11.3: two sources, two answers)."""
    message = f"{param} is required."
    if quirks["missing-required"] == "422":
        return FaultError(422, message, param=param)
    return bad_request("parameter_missing", message, param)


def fields(
    kind: KindSpec, given: Mapping[str, JSON], quirks: Quirks, *, before: Row | None = None, generated: bool = False
) -> dict[str, JSON]:
    """The stored form of the fields that a write names; null where it clears one.

    `before`: the record that an update starts from. `generated`: read-only fields may be written (a seed).
    """
    for key in given:
        _writable(kind, key, quirks, creating=before is None, generated=generated)
    formed = {
        key: _form(kind, kind.fields[key], value, quirks, before)
        for key, value in given.items()
        if _ordinary(kind, key)
    }
    if _staged(kind) and (stages.STAGE in given or stages.PIPELINE in given):
        formed[stages.STAGE] = stages.stage(kind, given, quirks)
    if before is not None:
        _keep_required(kind, formed, quirks)
    return formed


def _staged(kind: KindSpec) -> bool:
    return stages.PIPELINE in kind.fields


def _ordinary(kind: KindSpec, key: str) -> bool:
    return not (_staged(kind) and key in (stages.STAGE, stages.PIPELINE))


def _writable(kind: KindSpec, key: str, quirks: Quirks, *, creating: bool, generated: bool) -> None:
    spec = kind.fields.get(key)
    if spec is None:
        raise bad_request("unknown_field", f"{kind.name} has no field {key!r}.", f"fields.{key}")
    immutable = not creating and key in kind_row(kind.name).create_only
    if immutable:
        raise bad_request("unknown_field", f"{key} can't be changed.", f"fields.{key}")
    if not spec.writable and not generated:
        raise refused(quirks, 400, f"{key} is read-only.", f"fields.{key}")


def _form(kind: KindSpec, spec: FieldSpec, value: JSON, quirks: Quirks, before: Row | None) -> JSON:
    takes_null = spec.key not in kind_row(kind.name).never_null
    if value in ("", []) and takes_null and quirks["empty-clears"] == "error":
        raise bad_request("invalid_type", f"{spec.key}: an empty value is not accepted.", f"fields.{spec.key}")
    if spec.type == "SINGLE_SELECT" and not spec.words:
        return None if value in (None, "") else stages.choose(spec, value, quirks)
    if spec.type == "MULTI_SELECT":
        return None if value is None else stages.choose_several(spec, value, quirks)
    value = _object_type(spec, value)
    if before is not None and quirks["partial-object"] == "merge":
        value = _merged(spec, value, before.fields.get(spec.key))
    try:
        return stored(spec, value, quirks)
    except ValueError as error:
        raise bad_request("invalid_type", f"{spec.key}: {error}.", f"fields.{spec.key}") from error


def _object_type(spec: FieldSpec, value: JSON) -> JSON:
    """A list's `$objectType` without its `$` is accepted still."""
    if spec.key == "$objectType" and isinstance(value, str) and f"${value}" in spec.words:
        return f"${value}"
    return value


def _merged(spec: FieldSpec, value: JSON, before: JSON) -> JSON:
    if spec.type in _PARTS and isinstance(value, dict) and isinstance(before, dict):
        return {**before, **value}
    return value


def _keep_required(kind: KindSpec, formed: Mapping[str, JSON], quirks: Quirks) -> None:
    for key in required(kind, quirks):
        if key in formed and formed[key] is None:
            raise missing(f"fields.{key}", quirks)


def check_unique(store: Store, kind: KindSpec, id: str, formed: Mapping[str, JSON], quirks: Quirks) -> None:
    """Refuses a value of a `unique` field that another live record holds."""
    for key, value in formed.items():
        spec = kind.fields[key]
        if spec.unique and value is not None and _taken(store, kind.name, spec, id, value):
            raise refused(quirks, 409, f"{key}: the value is taken.", f"fields.{key}")


def _taken(store: Store, kind: str, spec: FieldSpec, id: str, value: JSON) -> bool:
    mine = set(terms(spec, value))
    for other in {found for term in mine for found in store.with_term(kind, spec.key, term)} - {id}:
        row = store.get(other)
        if row and not row.trashed and mine & set(terms(spec, row.fields.get(spec.key))):
            return True
    return False


def terms(spec: FieldSpec, value: JSON) -> list[str]:
    """The texts by which filters find a value, without case."""
    if value is None or spec.type not in INDEXED:
        return []
    if spec.type in CONTAINED:
        return [str(item).casefold() for item in (value if isinstance(value, list) else [value])]
    text = display(spec, value) if isinstance(value, dict) else str(value)
    return [text.casefold()[:TERM_LENGTH]]
