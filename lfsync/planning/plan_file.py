"""A plan as JSON and back (design.md, section 6). Pure.

The fingerprint covers every other key, so a file that was edited after it was saved is told from one that was not.
It guards against mistakes, not against people who compute it anew.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from lfsync import __version__
from lfsync.errors import RefusedError
from lfsync.model import (
    JSON,
    Action,
    Address,
    Blocked,
    Cause,
    Change,
    FieldChange,
    Kept,
    LastChange,
    LinkChange,
    MembersChange,
    Orphan,
    Place,
    Plan,
    PlanWarning,
    Quoted,
    Refusal,
    Requests,
    WorkspaceInfo,
)
from lfsync.state.state import known_address

T = TypeVar("T")
FORMAT_VERSION = 1

_ACTIONS: tuple[Action, ...] = ("create", "update", "adopt", "delete", "restore")
# What JSON may hold raw and a terminal must not get: DEL, C1, invisible and reordering characters, lone surrogates.
_UNSAFE = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\ud800-\udfff]"
)
_SAVE_AGAIN = "make the plan again: lfsync plan -o FILE"


# ---------------------------------------------------------------- plan → JSON


def to_json(plan: Plan) -> dict[str, JSON]:
    """The plan as plain data, keys in the order of the contract."""
    data: dict[str, JSON] = {
        "format_version": FORMAT_VERSION,
        "lfsync_version": __version__,
        "created_at": plan.created_at,
        "workspace": {
            "name": plan.workspace.name,
            "base_url": plan.workspace.base_url,
            "ids": list(plan.workspace.ids),
        },
        "config_digest": plan.config_digest,
        "fingerprint": "",
        "summary": _summary(plan),
        "requests": {"read": plan.requests.read, "search": plan.requests.search, "write": plan.requests.write},
        "estimated_seconds": float(plan.estimated_seconds),
        "enrichment_events": plan.enrichment_events,
        "required_scopes": list(plan.required_scopes),
        "missing_scopes": list(plan.missing_scopes),
        "changes": [_change(change) for change in plan.changes],
        "blocked": [_blocked(blocked) for blocked in plan.blocked],
        "orphans": [{"address": str(orphan.address), "id": orphan.id} for orphan in plan.orphans],
        "warnings": [{"message": each.message, "quoted": _quoted(each.quoted)} for each in plan.warnings],
        "kept": [_kept(kept) for kept in plan.kept],
        "refusals": [_refusal(refusal) for refusal in plan.refusals],
    }
    return data | {"fingerprint": _fingerprint(data)}


def dumps(plan: Plan) -> str:
    """The text of a plan file: a line for each key, and for each change, so that git and people can compare two."""
    body = ",\n".join(f"{json.dumps(key)}: {_member(value)}" for key, value in to_json(plan).items())
    return safe(f"{{\n{body}\n}}\n")


def safe(text: str) -> str:
    """JSON text that says the same, and does nothing to a terminal."""
    return _UNSAFE.sub(lambda hit: f"\\u{ord(hit[0]):04x}", text)


def _member(value: JSON) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"  {json.dumps(item, ensure_ascii=False)}" for item in value) + "\n]"
    return json.dumps(value, ensure_ascii=False)


def _summary(plan: Plan) -> dict[str, JSON]:
    actions = Counter(change.action for change in plan.changes)
    counts: dict[str, JSON] = {action: actions[action] for action in _ACTIONS}
    counts |= {"unchanged": plan.unchanged, "blocked": len(plan.blocked), "drift": plan.drifted}
    return counts | ({"left_out": plan.left_out} if plan.left_out else {})


def _change(change: Change) -> dict[str, JSON]:
    members = change.members
    return {
        "address": str(change.address),
        "kind": change.address.kind,
        "action": change.action,
        "id": change.id,
        "name": change.name,
        "link": change.link,
        "moved_from": str(change.moved_from) if change.moved_from else None,
        "adopted": change.adopted,
        "cause": change.cause,
        "source": _place(change.source),
        "depends_on": [str(address) for address in change.depends_on],
        "fields": [_field(field) for field in change.fields],
        "relationships": [_link(link) for link in change.relationships],
        "members": {"add": list(members.add), "remove": list(members.remove)} if members else None,
        "warnings": list(change.warnings),
    }


def _field(field: FieldChange) -> dict[str, JSON]:
    return {
        "key": field.key,
        "label": field.label,
        "value_type": field.value_type,
        "before": field.before,
        "after": field.after,
        "before_raw": field.before_raw,
        "after_raw": field.after_raw,
        "cause": field.cause,
    } | ({"changed": {"at": field.changed.at, "before": field.changed.before}} if field.changed else {})


def _link(link: LinkChange) -> dict[str, JSON]:
    return {
        "key": link.key,
        "before": link.before,
        "after": link.after,
        "add": list(link.add),
        "remove": list(link.remove),
        "cause": link.cause,
    }


def _blocked(blocked: Blocked) -> dict[str, JSON]:
    return {
        "address": str(blocked.address),
        "reason": blocked.reason,
        "hint": blocked.hint,
        "source": _place(blocked.source),
        "quoted": _quoted(blocked.quoted),
    }


def _quoted(quoted: tuple[Quoted, ...]) -> list[JSON]:
    return [{"kind": each.kind, "key": each.key, "text": each.text} for each in quoted]


def _kept(kept: Kept) -> dict[str, JSON]:
    return {
        "address": str(kept.address),
        "key": kept.key,
        "label": kept.label,
        "value_type": kept.value_type,
        "before": kept.before,
        "after": kept.after,
        "add": list(kept.add),
        "remove": list(kept.remove),
        "id": kept.id,
        "name": kept.name,
        "link": kept.link,
        "source": _place(kept.source),
    }


def _refusal(refusal: Refusal) -> dict[str, JSON]:
    return {
        "kind": refusal.kind,
        "name": refusal.name,
        "message": refusal.message,
        "addresses": [str(address) for address in refusal.addresses],
    }


def _place(place: Place) -> dict[str, JSON]:
    return {"file": place.file, "line": place.line, "column": place.column}


def _fingerprint(data: dict[str, JSON]) -> str:
    """sha256 of all other keys as canonical JSON (rule P1). ValueError for what JSON can't say (NaN)."""
    rest = {key: value for key, value in data.items() if key != "fingerprint"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


# ---------------------------------------------------------------- JSON → plan


def from_json(text: str) -> Plan:
    """The plan of a saved file. RefusedError if it is none, is of another format, or was edited since."""
    data = _parsed(text)
    version = data.get("format_version")
    if type(version) is not int or version != FORMAT_VERSION:
        shown = json.dumps(version)[:40] if "format_version" in data else "none"
        raise RefusedError(
            f"the plan file has format_version {shown}; this lfsync ({__version__}) reads {FORMAT_VERSION}",
            hint=_SAVE_AGAIN,
        )
    _check_fingerprint(data)
    try:
        plan = PlanData.model_validate(data).plan()
    except (ValidationError, ValueError) as error:
        raise RefusedError(f"the plan file is damaged: {_first(error)}", hint=_SAVE_AGAIN) from error
    if _summary(plan) != data["summary"]:
        raise RefusedError("the plan file is damaged: its summary does not count its changes", hint=_SAVE_AGAIN)
    return plan


def _parsed(text: str) -> dict[str, JSON]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"the plan file is not JSON: {error}", hint=_SAVE_AGAIN) from error
    if not isinstance(data, dict):
        raise RefusedError("the plan file holds no plan", hint=_SAVE_AGAIN)
    return data


def _check_fingerprint(data: dict[str, JSON]) -> None:
    try:
        found = _fingerprint(data)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"the plan file is damaged: {error}", hint=_SAVE_AGAIN) from error
    if data.get("fingerprint") != found:
        raise RefusedError("the plan file was edited after it was saved: its fingerprint is wrong", hint=_SAVE_AGAIN)


def _first(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return f"{error} is no address"
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def plan_schema() -> dict[str, JSON]:
    """The JSON Schema of a plan file."""
    return schema_of(TypeAdapter(PlanData), "lfsync plan")


def schema_of(type: TypeAdapter[T], title: str) -> dict[str, JSON]:
    """The JSON Schema of a document."""
    schema = type.json_schema(schema_generator=_Untitled)
    for part in (schema, *schema.get("$defs", {}).values()):
        part.pop("title", None)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title} | schema


class _Untitled(GenerateJsonSchema):
    """Titles only repeat the keys."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False


class Part(BaseModel):
    """Of a JSON document: strict, and nothing that it doesn't name."""

    # Built when a plan is read: every start would pay for it.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class PlaceData(Part):
    """Where the value stands, from 1. A CSV row has column 0."""

    file: str
    line: int = Field(ge=0)
    column: int = Field(ge=0)

    def place(self) -> Place:
        return Place(self.file, self.line, self.column)


class ChangedData(Part):
    """When a field was last changed in Lightfield, and what it held before that."""

    at: str
    before: str | None

    def last(self) -> LastChange:
        return LastChange(self.at, self.before)


class FieldData(Part):
    """One field. `before`/`after` are for people, `before_raw`/`after_raw` what the API holds.

    `changed` is there only where a field drifted and Lightfield's field history tells when.
    """

    key: str
    label: str
    value_type: str
    before: JsonValue
    after: JsonValue
    before_raw: JsonValue
    after_raw: JsonValue
    cause: Cause
    changed: ChangedData | None = None

    def change(self) -> FieldChange:
        return FieldChange(
            key=self.key,
            label=self.label,
            value_type=self.value_type,
            before=self.before,
            after=self.after,
            before_raw=self.before_raw,
            after_raw=self.after_raw,
            cause=self.cause,
            changed=self.changed.last() if self.changed else None,
        )


class LinkData(Part):
    """One relationship. `add`/`remove` hold addresses of the project, else ids."""

    key: str
    before: JsonValue
    after: JsonValue
    add: list[str]
    remove: list[str]
    cause: Cause

    def change(self) -> LinkChange:
        return LinkChange(self.key, self.before, self.after, tuple(self.add), tuple(self.remove), self.cause)


class MembersData(Part):
    """Members of a list: addresses of the project, else ids."""

    add: list[str]
    remove: list[str]

    def change(self) -> MembersChange:
        return MembersChange(tuple(self.add), tuple(self.remove))


class ChangeData(Part):
    """One resource's action.

    `name` is what a person calls the record, of a create as declared; `link` leads to it. `moved_from` is the address
    that the record was bound under.
    """

    address: str
    kind: str
    action: Action
    id: str | None
    name: str | None
    link: str | None
    moved_from: str | None
    adopted: bool
    cause: Cause | None
    source: PlaceData
    depends_on: list[str]
    fields_: list[FieldData] = Field(alias="fields")
    relationships: list[LinkData]
    members: MembersData | None
    warnings: list[str]

    def change(self) -> Change:
        address = known_address(self.address)
        if address.kind != self.kind:
            raise ValueError(f"{self.address} of kind {self.kind}")
        return Change(
            address=address,
            action=self.action,
            source=self.source.place(),
            id=self.id,
            name=self.name,
            link=self.link,
            moved_from=known_address(self.moved_from) if self.moved_from else None,
            adopted=self.adopted,
            cause=self.cause,
            depends_on=tuple(Address.parse(text) for text in self.depends_on),
            fields=tuple(field.change() for field in self.fields_),
            relationships=tuple(link.change() for link in self.relationships),
            members=self.members.change() if self.members else None,
            warnings=tuple(self.warnings),
        )


class QuotedData(Part):
    """What a message quotes of a record: the text as it stands there, and the kind and key whose value it is."""

    kind: str
    key: str
    text: str

    def quote(self) -> Quoted:
        return Quoted(self.kind, self.key, self.text)


class WarningData(Part):
    """What the plan warns of. `quoted`: what of the message are values of records."""

    message: str
    quoted: list[QuotedData]

    def warning(self) -> PlanWarning:
        return PlanWarning(self.message, tuple(each.quote() for each in self.quoted))


class BlockedData(Part):
    """A resource that can't be planned, and why. `quoted`: what of reason and hint are values of records."""

    address: str
    reason: str
    hint: str | None
    source: PlaceData
    quoted: list[QuotedData]

    def blocked(self) -> Blocked:
        quoted = tuple(each.quote() for each in self.quoted)
        return Blocked(known_address(self.address), self.reason, self.hint, self.source.place(), quoted)


class OrphanData(Part):
    """Managed before, declared no more."""

    address: str
    id: str

    def orphan(self) -> Orphan:
        return Orphan(known_address(self.address), self.id)


class KeptData(Part):
    """A key that people changed in Lightfield, and that stays as it is.

    `before` is what is there, `after` what the files say; of links and members (whose key is `members`), `add` and
    `remove` are what would be linked and unlinked, and `value_type` is null.
    """

    address: str
    key: str
    label: str
    value_type: str | None
    before: JsonValue
    after: JsonValue
    add: list[str]
    remove: list[str]
    id: str | None
    name: str | None
    link: str | None
    source: PlaceData

    def kept(self) -> Kept:
        return Kept(
            address=known_address(self.address),
            source=self.source.place(),
            key=self.key,
            label=self.label,
            value_type=self.value_type,
            before=self.before,
            after=self.after,
            add=tuple(self.add),
            remove=tuple(self.remove),
            id=self.id,
            name=self.name,
            link=self.link,
        )


class RefusalData(Part):
    """Why apply would refuse the plan."""

    kind: Literal["threshold", "policy", "scope"]
    name: str
    message: str
    addresses: list[str]

    def refusal(self) -> Refusal:
        return Refusal(self.kind, self.name, self.message, tuple(known_address(text) for text in self.addresses))


class WorkspaceData(Part):
    """Which workspace the plan is for. `ids` are hashes of ids that only this organisation has."""

    name: str
    base_url: str
    ids: list[str]


class SummaryData(Part):
    """How many resources, by what happens to them; `drift` counts those that people changed in Lightfield.

    `left_out`: those that a plan of a part, or of drift alone, says nothing of; not there where it is none.
    """

    create: int = Field(ge=0)
    update: int = Field(ge=0)
    adopt: int = Field(ge=0)
    delete: int = Field(ge=0)
    restore: int = Field(ge=0)
    unchanged: int = Field(ge=0)
    blocked: int = Field(ge=0)
    drift: int = Field(ge=0)
    left_out: int = Field(default=0, ge=0)


class RequestsData(Part):
    """How many requests an apply makes, by category of the rate limit."""

    read: int = Field(ge=0)
    search: int = Field(ge=0)
    write: int = Field(ge=0)


class PlanData(Part):
    """What `lfsync plan -o FILE` saves and `lfsync plan --format json` prints."""

    format_version: Literal[1]
    lfsync_version: str
    created_at: str
    workspace: WorkspaceData
    config_digest: str
    fingerprint: str = Field(pattern="^[0-9a-f]{64}$")
    summary: SummaryData
    requests: RequestsData
    estimated_seconds: float = Field(ge=0)
    enrichment_events: int = Field(ge=0)
    required_scopes: list[str]
    missing_scopes: list[str]
    changes: list[ChangeData]
    blocked: list[BlockedData]
    orphans: list[OrphanData]
    warnings: list[WarningData]
    kept: list[KeptData]
    refusals: list[RefusalData]

    def plan(self) -> Plan:
        return Plan(
            workspace=WorkspaceInfo(self.workspace.name, self.workspace.base_url, tuple(self.workspace.ids)),
            created_at=self.created_at,
            config_digest=self.config_digest,
            changes=tuple(change.change() for change in self.changes),
            blocked=tuple(blocked.blocked() for blocked in self.blocked),
            orphans=tuple(orphan.orphan() for orphan in self.orphans),
            warnings=tuple(each.warning() for each in self.warnings),
            kept=tuple(kept.kept() for kept in self.kept),
            unchanged=self.summary.unchanged,
            left_out=self.summary.left_out,
            requests=Requests(self.requests.read, self.requests.search, self.requests.write),
            estimated_seconds=self.estimated_seconds,
            enrichment_events=self.enrichment_events,
            required_scopes=tuple(self.required_scopes),
            missing_scopes=tuple(self.missing_scopes),
            refusals=tuple(refusal.refusal() for refusal in self.refusals),
        )
