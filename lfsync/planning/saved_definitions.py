"""A workspace's definitions and members as a file in the repository, and what differs from it since. Pure.

The file holds what lfsync reads of the API's own answers, so that what is read from it is typed as a live workspace is
(design.md, section 14). No record and no name of a person stands in it but the members' e-mails.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from lfsync.errors import ApiError, ConfigError, Problem
from lfsync.kinds import ANY_TYPE, KINDS, OBJECT, is_among, is_kind, kind_of
from lfsync.model import JSON, Definitions, FieldDef, Member, Option, Place, RelDef, Schema
from lfsync.planning.definitions import as_kept, builtin_definitions, parse_definitions
from lfsync.planning.plan_file import safe
from lfsync.times import unix_time
from lfsync.wording import cut

_T = TypeVar("_T")
_Part = TypeVar("_Part", FieldDef, RelDef, Option)

_FORMAT: Final = 1
_MARKERS: Final = ("<<<<<<< ", "=======", ">>>>>>> ")
_LONGEST: Final = 60  # characters of a value that a comparison shows
MEMBERS: Final = "members"


@dataclass(frozen=True, slots=True)
class Answers:
    """What the API answered. `kinds`: of each kind that has definitions.

    `members` None where the key may not read them; `missing`: kinds that it may not read, ANY_TYPE among them.
    """

    kinds: Mapping[str, Mapping[str, JSON]]
    members: tuple[Member, ...] | None
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved file: what it says of the workspace, and since when it says so (ISO)."""

    schema: Schema
    at: str


class _Member(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)
    id: Annotated[str, Field(min_length=1)]
    email: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)
    format_version: Literal[1]
    saved_at: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    missing: list[str]
    members: list[_Member] | None
    kinds: dict[str, dict[str, JsonValue]]


def schema_of(answers: Answers) -> Schema:
    """The answers, typed as a plan types them. ApiError where one is no such thing."""
    found = {kind: parse_definitions(kind, dict(payload)) for kind, payload in answers.kinds.items()}
    found |= {name: builtin_definitions(name) for name, kind in KINDS.items() if not kind.definitions}
    types = tuple(sorted(kind.removeprefix(OBJECT) for kind in found if kind.startswith(OBJECT)))
    known = answers.members is not None
    return Schema(found, answers.members or (), types, members_known=known, unread=frozenset(answers.missing))


def dumps(answers: Answers, at: str) -> str:
    """The file's text: the same for the same answers, whatever order they came in."""
    members = sorted(answers.members or (), key=lambda member: (member.email, member.id))
    document = {
        "format_version": _FORMAT,
        "saved_at": at,
        "missing": sorted(answers.missing),
        "members": None if answers.members is None else [{"email": m.email, "id": m.id} for m in members],
        "kinds": {kind: _sorted(as_kept(kind, dict(answers.kinds[kind]))) for kind in sorted(answers.kinds)},
    }
    return safe(json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def _sorted(data: JSON) -> JSON:
    """Keys in order; lists as they are, for the order of options is the workspace's own."""
    if isinstance(data, list):
        return [_sorted(item) for item in data]
    return {key: _sorted(data[key]) for key in sorted(data)} if isinstance(data, dict) else data


def same(text: str, answers: Answers) -> Saved | None:
    """What a file's text says, if it is what would be saved again but for its date."""
    try:
        saved = loads(text, "")
    except ConfigError:
        return None
    return saved if text == dumps(answers, saved.at) else None


# ---------------------------------------------------------------- reading


def loads(text: str, file: str) -> Saved:
    """ConfigError where the file is no such thing, with the place and the way out."""
    data = _parsed(text, file)
    version = data.get("format_version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > _FORMAT:
        raise _unreadable(file, 1, f"it was saved by a newer lfsync (format {version})", "Use that one, or save")
    try:
        saved = _File.model_validate(data)
        _check(saved)
        members = None if saved.members is None else tuple(Member(m.id, m.email, "") for m in saved.members)
        return Saved(schema_of(Answers(saved.kinds, members, tuple(saved.missing))), saved.saved_at)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _unreadable(file, 1, f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}") from None
    except (ApiError, ValueError) as error:
        raise _unreadable(file, 1, str(error)) from None


def _parsed(text: str, file: str) -> JSON:
    for number, line in enumerate(text.split("\n"), 1):
        if line.rstrip("\r").startswith(_MARKERS):
            raise _unreadable(file, number, "git left a conflict in it")
    try:
        data: JSON = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise _unreadable(file, error.lineno, f"it is no JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise _unreadable(file, 1, str(error)) from None
    return data


def _once(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, _ in pairs if [name for name, _ in pairs].count(key) > 1)
        raise ValueError(f"`{twice}` stands in it twice")
    return found


def _no_number(word: str) -> JSON:
    raise ValueError(f"{word} is no JSON")


def _check(saved: _File) -> None:
    """ValueError where it is not what `dumps` writes. Every kind is in it, or missing."""
    if unix_time(saved.saved_at) is None:
        raise ValueError(f"saved_at: `{saved.saved_at}` is no time")
    for kind in saved.kinds:
        if not (is_kind(kind) and kind_of(kind).definitions):
            raise ValueError(f"kinds: there is no kind `{kind}`")
        if as_kept(kind, saved.kinds[kind]) != saved.kinds[kind]:
            raise ValueError(f"kinds: `{kind}` holds what lfsync doesn't write")
    for kind in saved.missing:
        if kind != ANY_TYPE and not is_kind(kind):
            raise ValueError(f"missing: there is no kind `{kind}`")
    told = {*saved.kinds, *saved.missing}
    for name, each in KINDS.items():
        if each.definitions and name not in told:
            raise ValueError(f"kinds: `{name}` is not there")
    if both := saved.kinds.keys() & set(saved.missing):
        raise ValueError(f"missing: `{min(both)}` is there")


def _unreadable(file: str, line: int, why: str, instead: str = "Save") -> ConfigError:
    hint = f"{instead} it again: `lfsync definitions --save`; or remove the file."
    return ConfigError([Problem(f"the saved definitions can't be read: {why}", Place(file, line), hint=hint)])


# ---------------------------------------------------------------- what moved


@dataclass(frozen=True, slots=True)
class Move:
    """Where something differs, and how."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def moved(before: Schema, after: Schema) -> list[Move]:
    """What the live definitions have that the saved ones don't, and the other way round."""
    kinds = sorted({*before.kinds, *after.kinds})
    moves = [move for kind in kinds for move in _moved_kind(kind, before, after)]
    return moves + _moved_members(before, after)


def not_compared(before: Schema, after: Schema) -> list[str]:
    """Kinds that one of the two says nothing of, MEMBERS if it is these."""
    members = [] if before.members_known and after.members_known else [MEMBERS]
    return [*sorted(before.unread | after.unread), *members]


def _moved_kind(kind: str, before: Schema, after: Schema) -> Iterator[Move]:
    old, new = before.kinds.get(kind), after.kinds.get(kind)
    if old is not None and new is not None:
        yield from (Move(f"{kind}.{key}", what) for key, what in _moved_keys(old, new))
    elif not is_among(kind, before.unread if old is None else after.unread):
        yield Move(kind, "is new" if old is None else "is gone")


def _moved_keys(before: Definitions, after: Definitions) -> Iterator[tuple[str, str]]:
    yield from _each(before.fields, after.fields, _moved_field)
    yield from _each(before.relationships, after.relationships, lambda old, new: _differences(old, new))


def _each(
    before: Mapping[str, _T], after: Mapping[str, _T], moved: Callable[[_T, _T], Iterable[str]]
) -> Iterator[tuple[str, str]]:
    for key in sorted({*before, *after}):
        if key not in before or key not in after:
            yield key, "is new" if key not in before else "is gone"
        else:
            yield from ((key, what) for what in moved(before[key], after[key]))


def _moved_field(before: FieldDef, after: FieldDef) -> Iterator[str]:
    yield from _differences(before, after, without="options")
    old_options, new_options = ({option.id: option for option in each.options} for each in (before, after))
    for id in dict.fromkeys((*old_options, *new_options)):
        old, new = old_options.get(id), new_options.get(id)
        if old is None and new is not None:
            yield f"option `{new.label}` is new"
        elif new is None and old is not None:
            yield f"option `{old.label}` is gone"
        elif old is not None and new is not None:
            yield from (f"option `{old.label}`: {what}" for what in _differences(old, new))


_WORDS: Final = {
    "read_only": "read only",
    "parent_field": "its options depend on",
    "parent": "stands below",
    "multiple": "several values",
    "many": "holds many",
    "exclusive": "linked from one record alone",
    "handle_service": "service",
}


def _differences(before: _Part, after: _Part, without: str = "") -> Iterator[str]:
    """Every property that differs: a new one can't be forgotten here."""
    for each in dataclasses.fields(before):
        old, new = getattr(before, each.name), getattr(after, each.name)
        if old != new and each.name != without:
            yield f"{_WORDS.get(each.name, each.name)} {_shown(old)} → {_shown(new)}"


def _moved_members(before: Schema, after: Schema) -> list[Move]:
    if not (before.members_known and after.members_known):
        return []
    old, new = ({member.id: member.email for member in each.members} for each in (before, after))
    moves = [Move(f"member {new[id] or id}", "is new") for id in new if id not in old]
    moves += [Move(f"member {old[id] or id}", "is gone") for id in old if id not in new]
    moves += [Move(f"member {old[id] or id}", f"is {new[id]} now") for id in old if new.get(id, old[id]) != old[id]]
    return sorted(moves, key=str)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value)) or "none"
    text = str(value)
    return "none" if value is None else f"`{cut(text, _LONGEST)}`"
