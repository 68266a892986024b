"""`lfsync.yaml` as pydantic models, every mistake with its place. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from lfsync.errors import ConfigError, Problem
from lfsync.kinds import is_kind
from lfsync.model import JSON
from lfsync.project.declarations import no_kind
from lfsync.project.documents import Document, numbers
from lfsync.project.expression import BadExpressionError, check
from lfsync.project.redact_rules import BadRuleError, RedactRule, rule
from lfsync.wording import did_you_mean

DEFAULT_BASE_URL: Final = "https://api.lightfield.app"
DEFAULT_KEY_ENV: Final = "LIGHTFIELD_API_KEY"

_PERCENT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*%")
# No user, query or fragment, which could hold a secret; and each part of the path names something.
_STATE_URL: Final = re.compile(r"(s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*(/(?!\.{1,2}(/|$))[^/?#@\x00-\x20\x7f]+)+")
_LOOPBACK: Final = re.compile(r"localhost|127(?:\.\d{1,3}){3}|::1")
_KEY_NAMES: Final = frozenset(
    {"apikey", "key", "secret", "token", "accesstoken", "password", "authorization", "bearer"}
)


def base_url(text: str) -> str:
    """An API address without its trailing `/` or `/v1`. ValueError says what is wrong with it."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError("not a URL") from None
    if parts.scheme not in ("https", "http") or not host:
        raise ValueError("not an https:// URL")
    if parts.scheme == "http" and not _LOOPBACK.fullmatch(host):
        raise ValueError("plain http goes to this machine only (localhost, 127.0.0.1); use https://")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("an address only: no user, no `?`, no `#`")
    return text.rstrip("/").removesuffix("/v1")


def _base_url(value: object) -> object:
    try:
        return base_url(value) if isinstance(value, str) else value
    except ValueError as error:
        raise PydanticCustomError("base_url", str(error)) from None


def _share(value: object) -> object:
    """`30%` is 0.3. A bare number is refused: 30 and 0.3 would both be guesses. 0 is 0 either way."""
    if value == 0 and value is not False:
        return 0.0
    found = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found or float(found[1]) > 100:
        raise PydanticCustomError("share", "not a percentage; write it like `30%`")
    return float(found[1]) / 100


def _text(value: object) -> object:
    """A quirk's value is a word; YAML reads some words as numbers, true or false."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _empty(value: object) -> object:
    """A key with nothing behind it stands for all its defaults."""
    return {} if value is None else value


def _listed(value: object) -> object:
    """One of something that may be several."""
    return [value] if isinstance(value, str) else _none(value)


def _none(value: object) -> object:
    """A list with nothing behind its key is empty."""
    return [] if value is None else value


Share = Annotated[
    float,
    BeforeValidator(_share),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*%\s*$"}, {"const": 0}]}),
]
QuirkValue = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": ["string", "boolean", "number"]})]
Name = Annotated[str, Field(min_length=1)]
WORKSPACE_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
WorkspaceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class SandboxSettings(_Closed):
    """The embedded emulator's settings: the keys under `sandbox:`, the options of `sandbox serve` (rule C11)."""

    seed: Name | None = Field(default=None, description="A seed file: what the workspace holds before lfsync comes.")
    db: Name | None = Field(default=None, description="The SQLite file. Default: in .lfsync/sandbox/.")
    rps: int = Field(default=25, ge=0, description="Requests a second in each category; 0 for no limit.")
    index_lag: float = Field(default=0, ge=0, description="Seconds until lists show what was written.")
    latency: float = Field(default=0, ge=0, description="Seconds that each request takes.")
    workflow_latency: float = Field(default=0, ge=0, description="Seconds that a workflow run takes.")
    faults: float = Field(default=0, ge=0, le=1, description="The share of requests that fail.")
    random_seed: int | None = Field(default=None, description="Makes ids and faults repeatable.")
    quirks: dict[str, QuirkValue] = Field(
        default_factory=dict, description="Answers to the API's unknowns; `lfsync sandbox quirks` lists them."
    )


class WorkspaceSettings(_Closed):
    """One Lightfield organisation: the embedded sandbox where `sandbox` is there, else the API at `base_url`."""

    sandbox: Annotated[SandboxSettings, BeforeValidator(_empty)] | None = Field(
        default=None, description="Makes this workspace the embedded emulator: no network, no key."
    )
    base_url: Annotated[str, BeforeValidator(_base_url)] = Field(
        default=DEFAULT_BASE_URL, description="Where the API is. LIGHTFIELD_BASE_URL wins."
    )
    api_key_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = Field(
        default=DEFAULT_KEY_ENV,
        description="The environment variable that holds the key. A key never stands in a file.",
    )
    state: Name | None = Field(
        default=None,
        description="The state: a file, or an object (`s3://BUCKET/PATH`, `gs://`, `az://`). "
        "Default: .lfsync/state/WORKSPACE.jsonl.",
    )
    rate_share: float = Field(default=1.0, gt=0, le=1, description="The share of the API's rate limit to use.")
    index_lag_timeout: float = Field(default=30, ge=0, description="Seconds to wait for lists to show our own writes.")
    history_days: int = Field(default=90, ge=0, description="Days that the history of runs is kept; 0 keeps none.")

    @property
    def state_file(self) -> str | None:
        """The file that `state` names."""
        return None if self.state_url else self.state

    @property
    def state_url(self) -> str | None:
        """The object that `state` names: the state lies elsewhere, then."""
        return self.state if self.state is not None and "://" in self.state else None

    @model_validator(mode="before")
    @classmethod
    def _sandbox_stands(cls, data: object) -> object:
        """`sandbox:` with nothing behind it is a sandbox with all defaults, never the real API."""
        if isinstance(data, dict) and "sandbox" in data and data["sandbox"] is None:
            return {**data, "sandbox": {}}
        return data


class SafetySettings(_Closed):
    """How much one apply may change before it wants `--allow-large` (rule P4). Shares of the bound resources."""

    max_updates: Share = Field(
        default=0.3, description="The share of resources that may be updated.", json_schema_extra={"default": "30%"}
    )
    max_deletes: Share = Field(
        default=0.1, description="The share of resources that may be deleted.", json_schema_extra={"default": "10%"}
    )
    max_removals: Share = Field(
        default=0.3,
        description="The share of a list's members, or of a has-many's links, that may go.",
        json_schema_extra={"default": "30%"},
    )
    floor: int = Field(default=10, ge=0, description="So many are always allowed.")


def _expression(text: str) -> str:
    try:
        check(text)
    except BadExpressionError as error:
        raise PydanticCustomError("expression", "{said}", {"said": str(error)}) from None
    return text


def _kind_name(text: str) -> str:
    if not is_kind(text):
        message, hint = no_kind(text)
        raise PydanticCustomError("kind", "{said}", {"said": f"{message}; {hint}"})
    return text


KindName = Annotated[str, AfterValidator(_kind_name)]


class Policy(_Closed):
    """A rule that a plan must keep: apply refuses a change that the expression is true of, or warns of it."""

    name: Name = Field(description="What it is called, in the plan and in the refusal.")
    on: Annotated[list[KindName], BeforeValidator(_listed)] = Field(
        default_factory=list,
        min_length=1,
        description="A kind, or several. Default: all kinds.",
        json_schema_extra={"type": ["string", "array"]},
    )
    when: Annotated[str, AfterValidator(_expression)] = Field(
        description="A CEL expression over `change`, `before`, `after`, `links`, `record` and `now`."
    )
    deny: Name | None = Field(default=None, description="Apply refuses such a change, for this reason.")
    warn: Name | None = Field(default=None, description="The plan warns of such a change, with these words.")

    @model_validator(mode="after")
    def _one_of_two(self) -> Policy:
        if (self.deny is None) == (self.warn is None):
            raise PydanticCustomError("one_of", "needs one of `deny` and `warn`, and not both")
        return self


def _redact_rule(text: str) -> RedactRule:
    try:
        return rule(text)
    except BadRuleError as error:
        raise PydanticCustomError("redact", "{said}", {"said": error.message, "hint": error.hint}) from None


def _as_rule(value: object) -> object:
    return _redact_rule(value) if isinstance(value, str) else value


Redact = Annotated[
    RedactRule,
    BeforeValidator(_as_rule),
    WithJsonSchema({"type": "string", "minLength": 1}),
]


class Settings(_Closed):
    """A project's `lfsync.yaml`. `defaults` is plain data: `config` reads it, with places."""

    version: Literal[1] = Field(description="The version of this file's format.")
    workspaces: dict[WorkspaceName, Annotated[WorkspaceSettings, BeforeValidator(_empty)]] = Field(
        min_length=1, description="The workspaces that this project can go to, by a name of your choice."
    )
    default_workspace: Name | None = Field(default=None, description="The workspace for runs without -w.")
    exclude: Annotated[list[Name], BeforeValidator(_none)] = Field(
        default_factory=list,
        description="Files and folders that hold no resources; patterns like `data/` or `*.tmp.yaml`.",
    )
    defaults: Annotated[dict[str, object], BeforeValidator(_empty)] = Field(
        default_factory=dict, description="Per kind, under every resource of it."
    )
    safety: Annotated[SafetySettings, BeforeValidator(_empty)] = Field(
        default=SafetySettings(), description="How much one apply may change."
    )
    policies: Annotated[list[Policy], BeforeValidator(_none)] = Field(
        default_factory=list, description="Rules that a plan must keep."
    )
    redact: Annotated[list[Redact], BeforeValidator(_none)] = Field(
        default_factory=list,
        description="What is never shown in Markdown, HTML, comments and annotations: `contact.$email`, `*.TELEPHONE`, "
        "`note`.",
    )
    enrichment: Literal["auto", "skip", "allow"] = Field(
        default="auto", description="Whether new accounts and contacts are enriched; `auto` skips it for 50 or more."
    )


def read_settings(document: Document) -> Settings:
    """The settings in a parsed `lfsync.yaml`. Raises ConfigError with all its problems."""
    data = numbers(document.data)
    if not isinstance(data, dict):
        raise ConfigError([_no_settings(document)])
    problems = [*_version_problems(document, data)]
    if problems:
        raise ConfigError(problems)
    problems += _key_problems(document, data, ())
    settings = None
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        at_keys = {problem.place for problem in problems}
        problems += (found for found in map(_Wording(document), error.errors()) if found.place not in at_keys)
    problems += _workspace_problems(document, data)
    problems += _policy_problems(document, settings.policies if settings else ())
    if settings is None or problems:
        raise ConfigError(problems)
    places = (document.place(["redact", number]) for number in range(len(settings.redact)))
    rules = [replace(rule, place=place) for rule, place in zip(settings.redact, places, strict=True)]
    settings = settings.model_copy(update={"redact": rules})
    if settings.default_workspace is None and len(settings.workspaces) == 1:
        return settings.model_copy(update={"default_workspace": next(iter(settings.workspaces))})
    return settings


_START: Final = "lfsync init writes one to start from"


def _no_settings(document: Document) -> Problem:
    message = "the file is empty" if document.data is None else "the file is no mapping of settings"
    return Problem(message, document.place(()), hint=_START)


def _version_problems(document: Document, data: Mapping[str, JSON]) -> Iterator[Problem]:
    version = data.get("version")
    if "version" not in data:
        yield Problem("`version` is missing", document.place(()), hint="add `version: 1`")
    elif version is True or version != 1:
        message = f"version {version!r} of the format is unknown; this lfsync reads version 1"
        yield Problem(message, document.place(["version"]), hint="write `version: 1`, or get a newer lfsync")


def _key_problems(document: Document, data: JSON, loc: tuple[str | int, ...]) -> Iterator[Problem]:
    """Every place where an API key stands, or seems to. What stands there is not repeated."""
    entries: Iterable[tuple[str | int, JSON]] = ()
    if isinstance(data, dict) and loc != ("defaults",):
        entries = data.items()
    elif isinstance(data, list):
        entries = enumerate(data)
    for step, value in entries:
        here = (*loc, step)
        named = isinstance(step, str) and len(loc) != 1 and re.sub(r"[-_]", "", step).casefold() in _KEY_NAMES
        if named or (isinstance(value, str) and "sk_lf_" in value):
            hint = "name an environment variable with `api_key_env`; revoke a key that was committed"
            yield Problem("an API key never stands in a file", document.place(here), hint=hint)
        else:
            yield from _key_problems(document, value, here)


def _workspace_problems(document: Document, data: Mapping[str, JSON]) -> Iterator[Problem]:
    workspaces = data.get("workspaces")
    if not isinstance(workspaces, dict):
        return
    for name, body in workspaces.items():
        state = body.get("state") if isinstance(body, dict) else None
        if isinstance(state, str) and "://" in state:
            what, hint = "", "write it like `state: s3://bucket/path/prod.jsonl`; or `gs://`, `az://`"
            if not _STATE_URL.fullmatch(state):
                what = "`state` is no object in S3, Google Cloud Storage or Azure"
            elif isinstance(body, dict) and "sandbox" in body:
                what, hint = "the state of a sandbox is where its records are, on this machine", "leave `state` out"
            if what:
                yield Problem(what, document.place(["workspaces", name, "state"]), hint=hint)
        if isinstance(body, dict) and "sandbox" in body:
            for key in ("base_url", "api_key_env"):
                if key in body:
                    message = f"`{key}` has no use beside `sandbox`: a sandbox has no network and no key"
                    yield Problem(message, document.place(["workspaces", name, key]), hint="keep one of the two")
    default = data.get("default_workspace")
    if isinstance(default, str) and default and default not in workspaces:
        known = ", ".join(workspaces) or "none"
        hint = did_you_mean(default, workspaces) or f"workspaces here: {known}"
        yield Problem(f"there is no workspace `{default}`", document.place(["default_workspace"]), hint=hint)


def _policy_problems(document: Document, policies: Sequence[Policy]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for number, policy in enumerate(policies):
        if (other := first.setdefault(policy.name, number)) != number:
            where = document.place(["policies", other, "name"])
            message = f"the policy `{policy.name}` is there twice, also at {where}"
            yield Problem(message, document.place(["policies", number, "name"]), hint="give it a name of its own")


# ---------------------------------------------------------------- wording

_MODELS: Final[Mapping[str, type[BaseModel]]] = {
    "safety": SafetySettings,
    "sandbox": SandboxSettings,
    "policies": Policy,
}
_PLAIN_WORDS: Final = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "string_too_short": "must not be empty",
    "too_short": "must name at least one",
    "missing": "is missing",
}


class _Wording:
    """Pydantic's findings in words for a person."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def __call__(self, error: ErrorDetails) -> Problem:
        loc = [step for step in error["loc"] if step != "[key]"]
        place = self.document.place(loc)
        named = next((step for step in reversed(loc) if isinstance(step, str)), None)
        name = "this policy" if error["type"] == "one_of" else f"`{named}`" if named else "this"
        if error["type"] == "redact":
            return Problem(f"`redact`: {error['msg']}", place, hint=error["ctx"]["hint"])
        if loc[:1] == ["redact"] and len(loc) == 2:
            return Problem(
                "an item of `redact` must be text", place, hint="write `contact.$email`, `*.TELEPHONE` or `note`"
            )
        if error["type"] == "extra_forbidden":
            return Problem(f"unknown key {name}", place, hint=_known_keys(loc))
        return Problem(f"{name} {_complaint(error)}", place)


def _complaint(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _PLAIN_WORDS:
        return _PLAIN_WORDS[kind]
    if kind == "literal_error":
        return f"must be {context['expected']}"
    if kind == "string_pattern_mismatch":
        return "may have letters, digits, `_` and `-` only" if "[key]" in error["loc"] else "must be a variable's name"
    if kind in ("expression", "one_of"):
        return error["msg"]
    if kind == "kind":
        return f"names no kind: {error['msg']}"
    if kind in ("base_url", "share"):
        return f"can't be used: {error['msg']}"
    said = error["msg"]
    return said.replace("Input should be", "must be") if said.startswith("Input should be") else f"is wrong: {said}"


def _known_keys(loc: Sequence[str | int]) -> str:
    model: type[BaseModel] = WorkspaceSettings if len(loc) == 3 and loc[0] == "workspaces" else Settings
    for step in loc[:-1]:
        model = _MODELS.get(str(step), model)
    known = list(model.model_fields)
    return did_you_mean(str(loc[-1]), known) or f"known here: {', '.join(known)}"
