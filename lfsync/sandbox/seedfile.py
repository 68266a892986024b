"""The seed file as pydantic models, every mistake with its place (design.md, section 9; rule C11)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from lfsync.errors import ConfigError, Problem
from lfsync.model import JSON
from lfsync.project.documents import Document, decode, parse
from lfsync.sandbox.files import MAX_SIZE, MIME
from lfsync.sandbox.kinds import KINDS, SECTIONS
from lfsync.wording import did_you_mean

ValueType = Literal[
    "ADDRESS", "CHECKBOX", "CURRENCY", "DATETIME", "EMAIL", "FULL_NAME", "MARKDOWN", "MULTI_SELECT", "NUMBER",
    "SINGLE_SELECT", "SOCIAL_HANDLE", "TELEPHONE", "TEXT", "URL", "HTML",
]  # fmt: skip
Refs = str | list[str] | None


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SeedMember(_Closed):
    """A user of the workspace. The first one with the role admin made the API key."""

    ref: str | None = None
    email: str
    first: str | None = None
    last: str | None = None
    role: str = "member"
    active: bool = True
    privacy: Literal["METADATA"] | None = None  # of the meetings that they organise, where these don't say


class SeedOption(_Closed):
    """A select option with more than a label."""

    label: str
    description: str | None = None
    archived: bool = False


class SeedField(_Closed):
    """A custom field, or what differs from the built-in of a system field."""

    type: ValueType | None = None
    label: str | None = None
    description: str | None = None
    options: list[str | SeedOption] | None = None
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$")
    unique: bool = False
    multiple: bool | None = None
    read_only: bool = False
    handle_service: Literal["TWITTER", "LINKEDIN", "FACEBOOK", "INSTAGRAM"] | None = None


Cardinality = Literal["HAS_ONE", "HAS_MANY"]


class SeedDirection(_Closed):
    """One direction of a self-referential relationship."""

    cardinality: Cardinality
    label: str


class SeedDirections(_Closed):
    """Both directions of a self-referential relationship."""

    asSource: SeedDirection  # noqa: N815 - the API's own spelling
    asDestination: SeedDirection  # noqa: N815


class SeedRelationship(_Closed):
    """A custom relationship."""

    # A person writes our word or the API's.
    target: str = Field(validation_alias=AliasChoices("target", "objectType"))
    cardinality: Cardinality
    label: str | None = None
    description: str | None = None
    directions: SeedDirections | None = None


class SeedKind(_Closed):
    """What a kind has beyond its built-in definitions."""

    fields: dict[str, SeedField] = {}
    relationships: dict[str, SeedRelationship] = {}
    pipelines: Annotated[dict[str, list[str]], Field(min_length=1)] | None = None
    stages: Annotated[list[str], Field(min_length=1)] | None = None


class SeedRecord(_Closed):
    """A record; `members` is for lists."""

    ref: str | None = None
    fields: dict[str, object] = {}
    relationships: dict[str, Refs] = {}
    members: list[str] = []
    trashed: bool = False
    hidden: bool = False


class SeedFile(_Closed):
    """A file that was uploaded; of a size alone: that many zero bytes. `app`: in the app, so it is not listed."""

    ref: str | None = None
    filename: Annotated[str, Field(min_length=1, max_length=255)]
    mimeType: str = Field(default="text/plain", pattern=f"^{MIME}$")  # noqa: N815 - the API's own spelling
    content: str | None = None
    size: int | None = Field(default=None, ge=1, le=MAX_SIZE)
    app: bool = False


class Seed(_Closed):
    """The whole file. `blocklist`: addresses and domains that make a meeting vanish."""

    members: list[SeedMember] = []
    definitions: dict[str, SeedKind] = {}
    records: dict[str, list[SeedRecord]] = {}
    lists: list[SeedRecord] = []
    files: list[SeedFile] = []
    blocklist: list[str] = []


_MODELS = (SeedMember, SeedOption, SeedField, SeedRelationship, SeedDirections, SeedKind, SeedRecord, SeedFile, Seed)
_KEYS = sorted({key for model in _MODELS for key in model.model_fields})
_LATER = {"objects": "custom objects", "object": "custom objects"}


def read(path: Path) -> tuple[Seed, Document]:
    """The seed in this file. Raises ConfigError with every mistake and its place."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError([Problem(f"can't read the seed {path}: {error.strerror}")]) from error
    return check(decode(raw, str(path)), str(path))


def check(text: str, file: str) -> tuple[Seed, Document]:
    """The seed in this text."""
    document = parse(text, file)
    data = {} if document.data is None else document.data
    problems = list(_section_problems(document, data))
    try:
        seed = Seed.model_validate(_known(data))
    except ValidationError as error:
        problems += [_problem(document, details) for details in error.errors()]
        raise ConfigError(problems) from None
    if problems:
        raise ConfigError(problems)
    return seed, document


def _known(data: JSON) -> JSON:
    """Without what a later version brings: that is reported on its own."""
    return {key: value for key, value in data.items() if key not in _LATER} if isinstance(data, dict) else data


def _section_problems(document: Document, data: JSON) -> Iterator[Problem]:
    if not isinstance(data, dict):
        return
    for key in data:
        if key in _LATER:
            yield _later(document, [key])
    for key, known in (("definitions", [k for k in KINDS if KINDS[k].definitions]), ("records", list(SECTIONS))):
        section = data.get(key)
        for name in section if isinstance(section, dict) else ():
            if name in _LATER:
                yield _later(document, [key, name])
            elif name not in known:
                hint = did_you_mean(name, known) or f"one of: {', '.join(known)}"
                yield Problem(f"unknown key `{name}` under `{key}`", document.place([key, name]), hint=hint)


def _later(document: Document, loc: list[str | int]) -> Problem:
    what = _LATER[str(loc[-1])]
    return Problem(f"this version's sandbox has no {what} yet", document.place(loc), hint=f"leave `{loc[-1]}` out")


def _problem(document: Document, details: ErrorDetails) -> Problem:
    loc = [step for step in details["loc"] if step not in ("str", "SeedOption", "list[str]")]
    place = document.place(loc)
    if details["type"] == "extra_forbidden":
        return Problem(f"unknown key `{loc[-1]}`", place, hint=did_you_mean(str(loc[-1]), _KEYS))
    name = ".".join(str(step) for step in loc) or "the seed"
    return Problem(f"{name}: {details['msg'][:1].lower()}{details['msg'][1:]}", place)
