"""The seed file as pydantic models, every mistake with its place (design.md, section 9; rule C11)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from lfsync.errors import ConfigError, Problem
from lfsync.model import JSON
from lfsync.project.documents import Document, decode, parse
from lfsync.sandbox.catalog import OBJECT_SECTION
from lfsync.sandbox.files import MAX_SIZE, MIME
from lfsync.sandbox.kinds import KINDS, SECTIONS
from lfsync.times import unix_time
from lfsync.wording import did_you_mean

ValueType = Literal[
    "ADDRESS", "CHECKBOX", "CURRENCY", "DATETIME", "EMAIL", "FULL_NAME", "MARKDOWN", "MULTI_SELECT", "NUMBER",
    "SINGLE_SELECT", "SOCIAL_HANDLE", "TELEPHONE", "TEXT", "URL", "HTML",
]  # fmt: skip
Refs = str | list[str] | None
Id = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,100}$")]


def _moment(text: str) -> str:
    if unix_time(text) is None:
        raise ValueError("not a time; write it like 2027-03-01T09:00:00Z")
    return text


Moment = Annotated[str, AfterValidator(_moment)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class SeedMember(_Closed):
    """A user of the workspace. The first one with the role admin made the API key."""

    id: Id | None = None
    ref: str | None = None
    email: str
    first: str | None = None
    last: str | None = None
    role: str = "member"
    active: bool = True
    privacy: Literal["METADATA"] | None = None  # of the meetings that they organise, where these don't say


class SeedOption(_Closed):
    """A select option with more than a label. `parent`: the id of the option of another field that it belongs to."""

    id: Id | None = None
    label: str
    description: str | None = None
    parent: Id | None = None
    archived: bool = False


class SeedField(_Closed):
    """A custom field, or what differs from the built-in of a system field."""

    id: Id | None = None
    type: ValueType | None = None
    label: str | None = None
    description: str | None = None
    parent_field: str | None = None
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


class SeedInverse(_Closed):
    """The same links as the target shows them, under a key of its own."""

    key: str
    cardinality: Cardinality = "HAS_MANY"
    label: str | None = None
    description: str | None = None
    read_only: bool = False


class SeedRelationship(_Closed):
    """A custom relationship."""

    id: Id | None = None
    # A person writes our word or the API's.
    target: str = Field(validation_alias=AliasChoices("target", "objectType"))
    cardinality: Cardinality
    label: str | None = None
    description: str | None = None
    directions: SeedDirections | None = None
    inverse: SeedInverse | None = None


class SeedKind(_Closed):
    """What a kind has beyond its built-in definitions."""

    fields: dict[str, SeedField] = {}
    relationships: dict[str, SeedRelationship] = {}
    pipelines: Annotated[dict[str, list[str]], Field(min_length=1)] | None = None
    stages: Annotated[list[str], Field(min_length=1)] | None = None


class SeedObject(SeedKind):
    """A type of custom objects. `title` is the field that a create needs; `hidden`: the caller doesn't see the type."""

    label: str | None = None
    title: str | None = None
    hidden: bool = False


class SeedRun(_Closed):
    """A workflow run: it ends so, or it stands at a `status` for ever."""

    id: str = Field(min_length=1)
    ends: Literal["completed", "failed"] | None = None
    status: str | None = None


class SeedRecord(_Closed):
    """A record; `members` is for lists. `created`: ISO 8601."""

    id: Id | None = None
    created: Moment | None = None
    ref: str | None = None
    fields: dict[str, object] = {}
    relationships: dict[str, Refs] = {}
    members: list[str] = []
    trashed: bool = False
    hidden: bool = False


class SeedFile(_Closed):
    """A file that was uploaded; of a size alone: that many zero bytes. `app`: in the app, so it is not listed."""

    id: Id | None = None
    created: Moment | None = None
    ref: str | None = None
    filename: Annotated[str, Field(min_length=1, max_length=255)]
    mimeType: str = Field(default="text/plain", pattern=f"^{MIME}$")  # noqa: N815 - the API's own spelling
    content: str | None = None
    size: int | None = Field(default=None, ge=1, le=MAX_SIZE)
    app: bool = False


class Seed(_Closed):
    """The whole file. `blocklist`: addresses and domains that make a meeting vanish.

    `cloned`: the workspace that it shows. Values and links are as the API showed them, then: in the API's form, by id;
    `\\u0000` in a text is a character that YAML has none of, and `\\\\` a backslash.
    """

    cloned: str | None = None
    members: list[SeedMember] = []
    definitions: dict[str, SeedKind] = {}
    objects: dict[str, SeedObject] = {}
    records: dict[str, list[SeedRecord]] = {}
    lists: list[SeedRecord] = []
    files: list[SeedFile] = []
    blocklist: list[str] = []
    workflow_runs: list[SeedRun] = []


_MODELS = (
    *(SeedMember, SeedOption, SeedField, SeedInverse, SeedRelationship, SeedDirections, SeedKind, SeedObject),
    *(SeedRun, SeedRecord, SeedFile, Seed),
)
_KEYS = sorted({key for model in _MODELS for key in model.model_fields})


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
        seed = Seed.model_validate(data)
    except ValidationError as error:
        problems += [_problem(document, details) for details in error.errors()]
        raise ConfigError(problems) from None
    if problems:
        raise ConfigError(problems)
    return seed, document


def _section_problems(document: Document, data: JSON) -> Iterator[Problem]:
    if not isinstance(data, dict):
        return
    objects = data.get("objects")
    slugs = [str(slug) for slug in objects] if isinstance(objects, dict) else []
    kinds = [name for name in KINDS if KINDS[name].definitions]
    sections = [*SECTIONS, *(f"{OBJECT_SECTION}{slug}" for slug in slugs)]
    for key, known in (("definitions", kinds), ("records", sections)):
        section = data.get(key)
        for name in section if isinstance(section, dict) else ():
            if name not in known:
                hint = _object_hint(key, name, slugs) or did_you_mean(name, known) or f"one of: {', '.join(known)}"
                yield Problem(f"unknown key `{name}` under `{key}`", document.place([key, name]), hint=hint)


def _object_hint(section: str, name: str, slugs: list[str]) -> str | None:
    """Where custom objects stand, for a key that seems to mean them."""
    if name not in ("object", "objects", *slugs):
        return None
    if section == "definitions":
        return "types of custom objects stand at the top: `objects: {SLUG: {fields: ...}}`"
    return f"records of custom objects stand under `{OBJECT_SECTION}{name if name in slugs else 'SLUG'}`"


def _problem(document: Document, details: ErrorDetails) -> Problem:
    loc = [step for step in details["loc"] if step not in ("str", "SeedOption", "list[str]")]
    place = document.place(loc)
    if details["type"] == "extra_forbidden":
        return Problem(f"unknown key `{loc[-1]}`", place, hint=did_you_mean(str(loc[-1]), _KEYS))
    name = ".".join(str(step) for step in loc) or "the seed"
    return Problem(f"{name}: {details['msg'][:1].lower()}{details['msg'][1:]}", place)
