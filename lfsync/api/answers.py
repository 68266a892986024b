"""The API's JSON, made typed: what comes in untyped is checked here and nowhere else. Pure.

Every function takes `asked` (`GET /v1/accounts`) for its errors. An answer of another shape than the API documents is
an ApiError that says where; what the server wrote is hostile text, and is shown only through `clean`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Final, Generic, NotRequired, TypeVar

from pydantic import Field, JsonValue, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from lfsync.api.paging import Page
from lfsync.errors import (
    ApiError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UnreadableError,
)
from lfsync.kinds import is_kind, kind_of
from lfsync.model import JSON, LastChange, Member, Record
from lfsync.times import iso, unix_time
from lfsync.wording import cut

_T = TypeVar("_T")

_LONGEST_MESSAGE: Final = 300
_LONGEST_NAME: Final = 100
_MOST_CANDIDATES: Final = 10
# Above any workspace; a count that is not believable must not become a list of offsets.
_MOST_ROWS: Final = 5_000_000
_DOCUMENTED: Final = frozenset(
    {
        "data",
        "displayValue",
        "recordedAt",
        "totalCount",
        "id",
        "createdAt",
        "httpLink",
        "accessLevel",
        "fields",
        "relationships",
        "value",
        "values",
        "active",
        "scopes",
        "directions",
        "asSource",
        "objectType",
        "status",
        "filename",
        "mimeType",
        "sizeBytes",
        "uploadUrl",
        "uploadHeaders",
        "url",
    }
)


class _Cell(TypedDict):
    value: JsonValue


class _Direction(TypedDict):
    values: list[str]


class _Directions(TypedDict):
    asSource: NotRequired[_Direction]


class _Relationship(TypedDict):
    values: list[str]
    directions: NotRequired[_Directions | None]


class _Record(TypedDict):
    id: Annotated[str, Field(min_length=1)]
    createdAt: str
    httpLink: NotRequired[str | None]
    fields: dict[str, _Cell]
    relationships: NotRequired[dict[str, _Relationship] | None]
    accessLevel: NotRequired[str | None]


class _Page(TypedDict):
    data: list[_Record]
    totalCount: Annotated[int, Field(ge=0, le=_MOST_ROWS)]


class _Type(TypedDict):
    objectType: str


class _Types(TypedDict):
    data: list[_Type]


class _File(TypedDict):
    id: Annotated[str, Field(min_length=1)]
    status: str
    filename: str
    mimeType: str
    sizeBytes: int
    createdAt: str


class _FilePage(TypedDict):
    data: list[_File]
    totalCount: Annotated[int, Field(ge=0, le=_MOST_ROWS)]


class _Session(_File):
    uploadUrl: str
    uploadHeaders: dict[str, str]
    expiresAt: NotRequired[str | None]


class _Url(TypedDict):
    url: str


class _Token(TypedDict):
    active: NotRequired[bool]
    scopes: list[str]


class _Entry(TypedDict):
    displayValue: NotRequired[str | None]
    recordedAt: str


class _Entries(TypedDict):
    data: list[_Entry]


class _Run(TypedDict):
    status: str


class _Shape(Generic[_T]):
    """What answers of one kind look like. Its adapter is made when the first one comes: that takes a while, and most
    never do."""

    def __init__(self, documented: type[_T]) -> None:
        self._documented = documented

    @cached_property
    def adapter(self) -> TypeAdapter[_T]:
        return TypeAdapter(self._documented)


_ENTRIES: Final = _Shape(_Entries)
_RUN: Final = _Shape(_Run)
_RECORD: Final = _Shape(_Record)
_PAGE: Final = _Shape(_Page)
_TYPES: Final = _Shape(_Types)
_FILE: Final = _Shape(_File)
_FILE_PAGE: Final = _Shape(_FilePage)
_SESSION: Final = _Shape(_Session)
_URL: Final = _Shape(_Url)
_TOKEN: Final = _Shape(_Token)
_OBJECT: Final = _Shape(dict[str, JsonValue])


@dataclass(frozen=True, slots=True)
class Token:
    """What the key may do. `full`: everything (the API says so with no scopes at all)."""

    scopes: tuple[str, ...]
    full: bool

    def holds(self, scope: str) -> bool:
        return self.full or scope in self.scopes


# ---------------------------------------------------------------- success


def parse_token(asked: str, body: bytes) -> Token:
    """`GET /v1/auth/validate` (sheet 4.12). CredentialsError where the key is not active."""
    token = _parse(_TOKEN, asked, body)
    if not token.get("active", True):
        raise CredentialsError("the API key is not active any more", status=200)
    return Token(tuple(token["scopes"]), full=not token["scopes"])


def parse_object(asked: str, body: bytes) -> Mapping[str, JSON]:
    """A JSON object that another module knows the shape of."""
    return _parse(_OBJECT, asked, body)


def parse_slugs(asked: str, body: bytes) -> tuple[str, ...]:
    """`GET /v1/objects` (sheet 2.3): the slugs of the types of custom objects."""
    return tuple(sorted(each["objectType"] for each in _parse(_TYPES, asked, body)["data"]))


def parse_page(asked: str, body: bytes, kind: str) -> Page:
    """A page of a listing (sheet 2.3)."""
    if is_kind(kind) and kind_of(kind).uploaded:
        files = _parse(_FILE_PAGE, asked, body)
        return Page(tuple([_file(kind, row, fresh=False) for row in files["data"]]), files["totalCount"])
    page = _parse(_PAGE, asked, body)
    return Page(tuple([_record(kind, row, fresh=False) for row in page["data"]]), page["totalCount"])


def parse_record(asked: str, body: bytes, kind: str) -> Record:
    """A record that was read or written by id (sheet 2.2)."""
    if is_kind(kind) and kind_of(kind).uploaded:
        return _file(kind, _parse(_FILE, asked, body), fresh=True)
    return _record(kind, _parse(_RECORD, asked, body), fresh=True)


@dataclass(frozen=True, slots=True)
class UploadSession:
    """An upload that was begun (sheet 4.9): where its bytes go, with exactly which headers. `url` is a secret."""

    record: Record
    url: str = field(repr=False)
    headers: Mapping[str, str]
    expires_at: str | None


def parse_session(asked: str, body: bytes, kind: str) -> UploadSession:
    """The answer to the create of a file (sheet 4.9)."""
    session = _parse(_SESSION, asked, body)
    return UploadSession(
        _file(kind, session, fresh=True), session["uploadUrl"], session["uploadHeaders"], session.get("expiresAt")
    )


def parse_url(asked: str, body: bytes) -> str:
    """Where the content of a file is to be had, for a while."""
    return _parse(_URL, asked, body)["url"]


def member(record: Record) -> Member:
    """A listed member (sheet 4.8)."""
    email, name = record.fields.get("$email"), record.fields.get("$name")
    parts = [name.get("firstName"), name.get("lastName")] if isinstance(name, dict) else [name]
    return Member(
        id=record.id,
        email=email if isinstance(email, str) else "",
        name=" ".join(part for part in parts if isinstance(part, str) and part),
    )


def parse_last_change(asked: str, body: bytes) -> LastChange | None:
    """The newest entry of a field's history, newest first (sheet 4.14); None where nothing is on record."""
    entries = _parse(_ENTRIES, asked, body)["data"]
    if not entries:
        return None
    before = entries[1].get("displayValue") if len(entries) > 1 else None
    return LastChange(_moment(asked, entries[0]["recordedAt"]), before or None)


def parse_run_status(asked: str, body: bytes) -> str:
    """The word for how a workflow's run stands (sheet 4.13)."""
    return _parse(_RUN, asked, body)["status"]


def _record(kind: str, row: _Record, *, fresh: bool) -> Record:
    links = row.get("relationships") or {}
    return Record(
        kind=kind,
        id=row["id"],
        created_at=row["createdAt"],
        link=row.get("httpLink"),
        fields={key: cell["value"] for key, cell in row["fields"].items()},
        links={key: tuple(_linked(link)) for key, link in links.items()},
        fresh=fresh,
        redacted=row.get("accessLevel") == "METADATA",
    )


def _file(kind: str, row: _File, *, fresh: bool) -> Record:
    """A file as a record (sheet 4.9): what it holds, no answer shows."""
    fields: dict[str, JSON] = {
        "filename": row["filename"],
        "mimeType": row["mimeType"],
        "sizeBytes": row["sizeBytes"],
        "status": row["status"],
    }
    return Record(kind, row["id"], row["createdAt"], None, fields, {}, fresh)


def _linked(link: _Relationship) -> list[str]:
    """The ids on the side that a write sets: a relationship of a kind with itself merges both (sheet 2.2)."""
    side: _Direction | _Relationship = (link.get("directions") or {}).get("asSource", link)
    return side["values"]


def _moment(asked: str, text: str) -> str:
    """A time of the API's as lfsync writes times."""
    try:
        seconds = unix_time(text)
        if seconds is not None:
            return iso(seconds)
    except (ValueError, OverflowError):  # a year that no calendar has
        pass
    raise UnreadableError(f"the answer to {asked} names a time that is none: {clean(text, _LONGEST_NAME)}")


def _parse(shape: _Shape[_T], asked: str, body: bytes) -> _T:
    try:
        return shape.adapter.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        # Keys that the server chose say little and may be anything.
        place = ".".join(str(part) if part in _DOCUMENTED or isinstance(part, int) else "*" for part in first["loc"])
        raise UnreadableError(
            f"the answer to {asked} is not what the API documents: {clean(first['msg'])}"
            + (f" at {place}" * bool(place)),
            hint="is the base URL that of the Lightfield API?",
        ) from None


# ---------------------------------------------------------------- refusal


def refusal(
    asked: str,
    status: int,
    body: bytes,
    *,
    needs: tuple[str, ...] = (),
    held: bool = False,
    who: str = "",
    location: str = "",
) -> ApiError:
    """The error for an answer that is no success (sheet 11).

    `needs`: the scopes that the request takes; `held`: the key is known to have them. `who` else may do it.
    """
    envelope = _envelope(body)
    said = _text(envelope, "message", _LONGEST_MESSAGE) or "no reason given"
    error_type, code, param = (_text(envelope, key, _LONGEST_NAME) or None for key in ("type", "code", "param"))
    if status == 403:
        message, hint = _forbidden(asked, said, " and ".join(needs), held=held, who=who)
    else:
        message, hint = _worded(asked, status, said, clean(location))
    return _class(status)(
        message, status=status, type=error_type, code=code, param=param, hint=hint or _candidates(envelope)
    )


def _forbidden(asked: str, said: str, scopes: str, *, held: bool, who: str) -> tuple[str, str | None]:
    """A scope is missing, or the person whose key it is may not (sheet 4.6, 4.9): no code tells which (sheet 11.3)."""
    if held:
        hint = f"its scopes allow it, whoever made it may not: use the key of {who or 'somebody who may'}"
        return f"the API key may not do {asked}: {said} (403)", hint
    hint = f"use a key with the scope {scopes}; an admin sets the scopes when making a key" if scopes else ""
    others = f"; it must be the key of {who}" if who else ""
    return f"the API key may not do {asked}, which needs {scopes or 'more rights'}: {said} (403)", hint + others or None


def _worded(asked: str, status: int, said: str, location: str) -> tuple[str, str | None]:
    match status:
        case 401:
            return f"the API key is not accepted: {said} (401 to {asked})", None
        case _ if 300 <= status < 400:
            return f"{asked} is redirected to {location or 'nowhere'} ({status}); redirects are not followed", None
        case _:
            return f"{said} ({status} to {asked})", None


def _class(status: int) -> type[ApiError]:
    known = {
        401: CredentialsError,
        403: ForbiddenError,
        404: NotFoundError,
        408: UnavailableError,
        429: UnavailableError,
    }
    if status in known:
        return known[status]
    if status >= 500:
        return UnavailableError
    return RejectedError if status >= 400 else ApiError


def _envelope(body: bytes) -> Mapping[str, JSON]:
    """The error object, wrapped in `error` or flat; empty for a body that is neither (a proxy's HTML page)."""
    try:
        outer = _OBJECT.adapter.validate_json(body)
    except ValidationError:
        return {"message": "an answer that is not JSON"} if body.strip() else {}
    inner = outer.get("error", outer)
    if isinstance(inner, str):
        return {"message": inner}
    return inner if isinstance(inner, dict) else outer


def _text(envelope: Mapping[str, JSON], key: str, longest: int) -> str:
    value = envelope.get(key)
    return clean(value, longest) if isinstance(value, str) else ""


def _candidates(envelope: Mapping[str, JSON]) -> str | None:
    """What the API offers instead: stages of a label that is not unique, pipelines that are active."""
    stages, pipelines = envelope.get("candidates"), envelope.get("activePipelineIds")
    if isinstance(stages, list) and stages:
        return "candidates: " + _listed([_stage(stage) for stage in stages if isinstance(stage, dict)])
    if isinstance(pipelines, list) and pipelines:
        return "active pipelines: " + _listed([clean(str(pipeline), _LONGEST_NAME) for pipeline in pipelines])
    return None


def _stage(stage: Mapping[str, JSON]) -> str:
    label, option, pipeline = (
        _text(stage, key, _LONGEST_NAME) for key in ("stageLabel", "stageOptionId", "pipelineName")
    )
    return f"{label} of {pipeline} ({option})" if pipeline else f"{label} ({option})"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_MOST_CANDIDATES]) + (", and more" if len(names) > _MOST_CANDIDATES else "")


def clean(text: str, longest: int = _LONGEST_MESSAGE) -> str:
    """Text of the server in one line, without control and format characters, cut at `longest` characters."""
    shown = "".join(
        " " if unicodedata.category(character)[0] in "CZ" else character for character in text[: 4 * longest]
    )
    return cut(" ".join(shown.split()), longest)
