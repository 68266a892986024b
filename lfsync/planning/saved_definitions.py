"""A workspace's definitions and members as a file in the repository, and what differs from it since. Pure.

The file holds the API's own answers, so that what is read from it is typed as a live workspace is (design.md, section
14). No record and no name of a person stands in it but the members' e-mails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from lfsync.errors import ApiError, UsageError
from lfsync.kinds import KINDS, OBJECT
from lfsync.model import JSON, Definitions, FieldDef, Member, RelDef, Schema
from lfsync.planning.definitions import builtin_definitions, parse_definitions
from lfsync.planning.plan_file import safe
from lfsync.state.state import organisation_ids

_T = TypeVar("_T")

_FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Answers:
    """What the API answered. `kinds`: of each kind that has definitions.

    `members` None where the key may not read them; `missing`: kinds that it may not read.
    """

    kinds: Mapping[str, Mapping[str, JSON]]
    members: tuple[Member, ...] | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved file: what it says of the workspace, when (ISO), and of which organisation."""

    schema: Schema
    at: str
    ids: tuple[str, ...]
    missing: tuple[str, ...]
    has_members: bool


class _Member(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str
    email: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    format_version: int
    saved_at: str
    ids: list[str]
    missing: list[str]
    members: list[_Member] | None
    kinds: dict[str, dict[str, JsonValue]]


def schema_of(answers: Answers) -> Schema:
    """The answers, typed as a plan types them. ApiError where one is no such thing."""
    found = {kind: parse_definitions(kind, dict(payload)) for kind, payload in answers.kinds.items()}
    unread = {*answers.missing, *found}
    built_in = (name for name, kind in KINDS.items() if not kind.definitions and name not in unread)
    found |= {name: builtin_definitions(name) for name in built_in}
    types = tuple(sorted(kind.removeprefix(OBJECT) for kind in found if kind.startswith(OBJECT)))
    return Schema(found, answers.members or (), types, members_known=answers.members is not None)


def dumps(answers: Answers, at: str) -> str:
    """The file's text: the same for the same answers, whatever order they came in."""
    members = sorted(answers.members or (), key=lambda member: member.email)
    document = {
        "format_version": _FORMAT,
        "saved_at": at,
        "ids": sorted(organisation_ids(schema_of(answers))),
        "missing": sorted(answers.missing),
        "members": None if answers.members is None else [{"id": m.id, "email": m.email} for m in members],
        "kinds": {kind: answers.kinds[kind] for kind in sorted(answers.kinds)},
    }
    return safe(json.dumps(document, ensure_ascii=False, indent=1, sort_keys=False) + "\n")


def loads(text: str, file: str) -> Saved:
    """UsageError where the file is no such thing, with the way out."""
    hint = f"Save it again: `lfsync definitions --save`; or remove {file}."
    try:
        saved = _File.model_validate_json(text)
        if saved.format_version != _FORMAT:
            raise UsageError(f"{file} is of another version of lfsync", hint=hint)
        members = None if saved.members is None else tuple(Member(m.id, m.email, "") for m in saved.members)
        schema = schema_of(Answers(saved.kinds, members, tuple(saved.missing)))
    except (ValidationError, ApiError, KeyError):
        raise UsageError(f"{file} can't be read: it was damaged, or merged by hand", hint=hint) from None
    return Saved(schema, saved.saved_at, tuple(saved.ids), tuple(saved.missing), saved.members is not None)


# ---------------------------------------------------------------- what moved


def moved(before: Schema, after: Schema) -> list[str]:
    """What the live definitions have that the saved ones don't, and the other way round, a line each."""
    kinds = sorted({*before.kinds, *after.kinds})
    lines = [line for kind in kinds for line in _moved_kind(kind, before.kinds.get(kind), after.kinds.get(kind))]
    return lines + _moved_members(before, after)


def _moved_kind(kind: str, before: Definitions | None, after: Definitions | None) -> Iterable[str]:
    if before is None or after is None:
        return [f"{kind}: {'is new' if before is None else 'is gone'}"]
    fields = _each(before.fields, after.fields, _moved_field)
    return [f"{kind}.{line}" for line in (*fields, *_each(before.relationships, after.relationships, _moved_rel))]


def _each(before: Mapping[str, _T], after: Mapping[str, _T], moved: Callable[[_T, _T], Iterable[str]]) -> Iterator[str]:
    for key in sorted({*before, *after}):
        if key not in before or key not in after:
            yield f"{key}: {'is new' if key not in before else 'is gone'}"
        else:
            yield from (f"{key}: {line}" for line in moved(before[key], after[key]))


def _moved_field(before: FieldDef, after: FieldDef) -> Iterator[str]:
    told = (
        ("type", before.type, after.type),
        ("label", before.label, after.label),
        ("id", before.id, after.id),
        ("currency", before.currency, after.currency),
        ("read only", before.read_only, after.read_only),
        ("several values", before.multiple, after.multiple),
        ("unique", before.unique, after.unique),
        ("description", before.description, after.description),
    )
    yield from (f"{name} {_shown(old)} → {_shown(new)}" for name, old, new in told if old != new)
    old_options, new_options = ({option.id: option for option in each.options} for each in (before, after))
    for id in dict.fromkeys((*old_options, *new_options)):
        old, new = old_options.get(id), new_options.get(id)
        if old is None and new is not None:
            yield f"option `{new.label}` is new"
        elif new is None and old is not None:
            yield f"option `{old.label}` is gone"
        elif old != new and old is not None and new is not None:
            yield f"option `{old.label}` → `{new.label}`" if old.label != new.label else f"option `{new.label}` changed"


def _moved_rel(before: RelDef, after: RelDef) -> Iterator[str]:
    told = (
        ("target", before.target, after.target),
        ("label", before.label, after.label),
        ("holds many", before.many, after.many),
    )
    yield from (f"{name} {_shown(old)} → {_shown(new)}" for name, old, new in told if old != new)


def _moved_members(before: Schema, after: Schema) -> list[str]:
    if not (before.members_known and after.members_known):
        return []
    old, new = ({member.id: member.email for member in each.members} for each in (before, after))
    lines = [f"member {new[id]}: is new" for id in new if id not in old]
    lines += [f"member {old[id]}: is gone" for id in old if id not in new]
    return sorted(lines + [f"member {old[id]}: is {new[id]} now" for id in old if id in new and old[id] != new[id]])


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"`{value}`"
