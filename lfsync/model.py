"""The values every other module speaks in. Pure data, no behaviour beyond what a name needs.

Three layers, in the order a run makes them:
  Resource   what a file declares, nothing looked up yet        (config, sources)
  Desired    the same, typed and canonical by live definitions  (prepare)
  Change     what would be written, against a live Record       (diff, plan)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias, Union

JSON: TypeAlias = Union[bool, int, float, str, list["JSON"], dict[str, "JSON"], None]


class Place(NamedTuple):
    """Where a value stands. `line` and `column` count from 1; a CSV row has no column (0)."""

    file: str
    line: int
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


class Address(NamedTuple):
    """`kind.key`: the name of a resource in this project. The kind of a custom object is `object.SLUG`."""

    kind: str
    key: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.key}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """`task.acme-renewal`, `object.project.apollo`; ValueError for anything else."""
        parts = text.split(".", 2) if text.startswith("object.") else text.split(".", 1)
        if len(parts) < 2 or not all(parts) or (parts[0] == "object" and len(parts) < 3):
            raise ValueError(text)
        return cls(".".join(parts[:-1]), parts[-1])


# ---------------------------------------------------------------- declared


class Cell(str):
    """Text of a cell, or cut out of one. It has no type of its own: the field decides (rule C5)."""

    __slots__ = ()


class Numeral(str):
    """A number that YAML writes with a leading plus, as it is written: a number field takes the number, all other
    types the text (`+4943112345`)."""

    __slots__ = ()


class Value(NamedTuple):
    """A declared value and where it stands."""

    data: JSON
    place: Place


@dataclass(frozen=True, slots=True)
class Ref:
    """A value that points at another resource: a key, a member's e-mail or a live id, or `{match: {...}}`.

    `text` is a `Cell` where a cell holds it and it can be no key as it stands: a key is made of it then (rule C4).
    """

    place: Place
    text: str = ""
    match: Mapping[str, Value] | None = None


@dataclass(frozen=True, slots=True)
class Links:
    """A declared relationship, or the members of a list.

    `one`: a scalar, or null (then `include` is empty). `exact`: a list. `partial`: `{include, exclude}`. `rule`: all
    that `where` finds, with what `include` adds and `exclude` takes out.
    """

    place: Place
    form: Literal["one", "exact", "partial", "rule"]
    include: tuple[Ref, ...] = ()
    exclude: tuple[Ref, ...] = ()
    where: Mapping[str, Value] | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """A declared `match`: `keys` for the list form, `values` for the mapping form; the other one is None.

    `others`: further lists of keys, each for where those before it have no values or hit nothing (rule K2).
    """

    place: Place
    keys: tuple[Value, ...] | None = None
    values: Mapping[str, Value] | None = None
    others: tuple[tuple[Value, ...], ...] = ()

    @property
    def lists(self) -> tuple[tuple[Value, ...], ...]:
        """The lists of keys in their order; none in the mapping form."""
        return () if self.keys is None else (self.keys, *self.others)


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """`lifecycle` of a resource. `protect` is None where the file says nothing."""

    ignore_changes: tuple[Value, ...] = ()
    seed: bool = False
    protect: bool | None = None
    absent: bool = False


class Row(NamedTuple):
    """Where a resource that a row declares comes from: the text that its key was made of, and its source's place."""

    cell: str
    source: Place


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of the project that is to be there, as it was read: `path` as declared, `real` where that is.

    What its hashes say is what is uploaded: content that changed since is never left there.
    """

    path: str
    real: str
    place: Place
    filename: str
    mime_type: str
    size: int
    sha256: str
    md5: str
    purpose: str | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """One managed thing as the files declare it, defaults merged in.

    `file`: the keys of a file's body. `upload`: what was read of it.
    `flags`: what its create carries beside `fields`.
    """

    address: Address
    place: Place
    fields: Mapping[str, Value] = field(default_factory=dict)
    relationships: Mapping[str, Links] = field(default_factory=dict)
    members: Links | None = None
    id: Value | None = None
    match: Match | None = None
    lifecycle: Lifecycle = Lifecycle()
    row: Row | None = None
    file: Mapping[str, Value] = field(default_factory=dict)
    upload: Upload | None = None
    flags: Mapping[str, Value] = field(default_factory=dict)


# ---------------------------------------------------------------- definitions


@dataclass(frozen=True, slots=True)
class Option:
    """A select option. `parent` is the owning option of a dependent select (a stage's pipeline)."""

    id: str
    label: str
    parent: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class FieldDef:
    """A field of a kind (API sheet 2.4). `words` lists the plain words of an enum that has no option ids.

    `most`: so many values it takes, where it takes several.
    """

    key: str
    label: str
    type: str
    id: str | None = None
    read_only: bool = False
    options: tuple[Option, ...] = ()
    parent_field: str | None = None
    currency: str | None = None
    unique: bool = False
    multiple: bool = False
    handle_service: str | None = None
    words: tuple[str, ...] = ()
    description: str | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class RelDef:
    """A relationship of a kind. `target` is a kind of ours, `member`, or a foreign name as the API gives it.

    `exclusive`: a target is linked from one record at most, as far as the definitions tell.
    """

    key: str
    label: str
    target: str
    many: bool
    id: str | None = None
    writable: bool = True
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Definitions:
    """What one kind has in one workspace."""

    kind: str
    fields: Mapping[str, FieldDef]
    relationships: Mapping[str, RelDef]


@dataclass(frozen=True, slots=True)
class Member:
    """A user of the workspace (API sheet 4.8)."""

    id: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Schema:
    """The live definitions of every kind that a project uses, and the members.

    `types`: the slugs of custom objects that the workspace has, read where a kind that is used is none of them.
    `members_known` False: nobody can say who is a member. `unread`: kinds of which nothing is known, as the key may not
    read them; `kinds.ANY_TYPE` for every type of custom objects that `kinds` lacks.
    """

    kinds: Mapping[str, Definitions]
    members: tuple[Member, ...]
    types: tuple[str, ...] = ()
    members_known: bool = True
    unread: frozenset[str] = frozenset()


# ---------------------------------------------------------------- desired


@dataclass(frozen=True, slots=True)
class Target:
    """Where a ref points: exactly one of `address` (managed here), `id` (live) and `query` (must match once)."""

    place: Place
    text: str
    address: Address | None = None
    id: str | None = None
    query: Query | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """One part of a match. A field term has `field` and `sent`; a relationship term has `rel` and `targets`.

    `empty`: a part of a default match that is not declared; it must be empty live (rule I2).
    """

    key: str
    field: FieldDef | None = None
    sent: JSON = None
    rel: RelDef | None = None
    targets: tuple[Target, ...] = ()
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """The fields by which a live record is found. All terms must hold."""

    kind: str
    place: Place
    terms: tuple[Term, ...]


class DesiredField(NamedTuple):
    """A declared field value. `sent` is the API's form, `canonical` what is compared, `declared` what the file says."""

    definition: FieldDef
    sent: JSON
    canonical: JSON
    declared: JSON
    place: Place


@dataclass(frozen=True, slots=True)
class DesiredLinks:
    """Declared links. `exact`: nothing but `include` may be linked (always so for a has-one).

    `rule`: of a list by rule. A draft puts its answer into `include`; into `apart` the ids of which nothing is decided,
    so that they stay as they are; and into `leaving` those that the same plan trashes, which count as gone.
    """

    definition: RelDef
    exact: bool
    include: tuple[Target, ...]
    exclude: tuple[Target, ...]
    place: Place
    rule: Rule | None = None
    apart: frozenset[str] = frozenset()
    leaving: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Condition:
    """One part of a rule: a record has one of these values of a `field`, or one of these `links`.

    `values` are in the API's form. `empty`: none at all will do, too.
    """

    key: str
    field: FieldDef | None = None
    values: tuple[JSON, ...] = ()
    links: DesiredLinks | None = None
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Who is in a list by rule: all that fulfil every condition, with what is included, without what is excluded.

    Without conditions it is a saved plan's, which says who comes and goes (rule K1); a `silent` one says nothing of it.
    """

    conditions: tuple[Condition, ...]
    include: tuple[Target, ...]
    exclude: tuple[Target, ...]
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Desired:
    """One resource, typed by the live definitions and ready to be compared.

    `query`: by what its record is found. `fallbacks`: by what else, where that hits nothing (rule K2).
    """

    address: Address
    place: Place
    id: str | None
    query: Query | None
    fields: Mapping[str, DesiredField]
    links: Mapping[str, DesiredLinks]
    members: DesiredLinks | None = None
    ignore_changes: frozenset[str] = frozenset()
    seed: bool = False
    protect: bool | None = None
    absent: bool = False
    upload: Upload | None = None
    flags: Mapping[str, bool] = field(default_factory=dict)
    fallbacks: tuple[Query, ...] = ()

    @property
    def queries(self) -> tuple[Query, ...]:
        """All by what its record may be found, in their order."""
        return (self.query, *self.fallbacks) if self.query else ()

    def manages(self, key: str) -> bool:
        """Whether what is declared of a key is to stay so: not where it is set at create only, or the record goes."""
        return not (self.absent or self.seed or key in self.ignore_changes)

    @property
    def all_links(self) -> tuple[DesiredLinks, ...]:
        """Its relationships; where it is a list that declares its members, these, and what a rule of them names."""
        links = (*self.links.values(), *([self.members] if self.members else []))
        if self.members is None or self.members.rule is None:
            return links
        return (*links, *(each.links for each in self.members.rule.conditions if each.links is not None))


# ---------------------------------------------------------------- live


@dataclass(frozen=True, slots=True)
class Record:
    """A live record: bare field values, and linked ids by relationship key (API sheet 2.2).

    `fresh`: read by id, not listed from the index that lags. `redacted`: this key sees its metadata only, so that what
    is empty, missing or a text may be hidden (API sheet 4.6).
    """

    kind: str
    id: str
    created_at: str
    link: str | None
    fields: Mapping[str, JSON]
    links: Mapping[str, tuple[str, ...]]
    fresh: bool = False
    redacted: bool = False


# ---------------------------------------------------------------- plan

Cause: TypeAlias = Literal["config", "drift", "conflict"]
Action: TypeAlias = Literal["create", "update", "adopt", "delete", "restore"]


@dataclass(frozen=True, slots=True)
class LastChange:
    """When a field was last changed in Lightfield (ISO 8601, UTC), and what it held before that, as people read it."""

    at: str
    before: str | None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field. `before`/`after` are for people, `before_raw`/`after_raw` what the API holds (rule P1).

    `changed`: what Lightfield's field history tells of a drifted field; None where it was not asked, or tells nothing.
    """

    key: str
    label: str
    value_type: str
    before: JSON
    after: JSON
    before_raw: JSON
    after_raw: JSON
    cause: Cause
    changed: LastChange | None = None


@dataclass(frozen=True, slots=True)
class LinkChange:
    """One relationship. `before`/`after` are for people; `add`/`remove` hold addresses of this project, else ids."""

    key: str
    before: JSON
    after: JSON
    add: tuple[str, ...]
    remove: tuple[str, ...]
    cause: Cause


@dataclass(frozen=True, slots=True)
class MembersChange:
    """Members of a list to add and to remove: addresses of this project's resources, else ids."""

    add: tuple[str, ...]
    remove: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One resource's action. Never holds a function: it can be saved, reviewed and compared.

    `name`: what a person calls the record, as it is now; of a create, as declared. `link`: where it is to be seen.
    `moved_from`: the address that the record was bound under (rules I4, M1). Nothing is decided by `name` and `link`.
    """

    address: Address
    action: Action
    source: Place
    id: str | None = None
    name: str | None = None
    link: str | None = None
    moved_from: Address | None = None
    adopted: bool = False
    cause: Cause | None = None
    depends_on: tuple[Address, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    relationships: tuple[LinkChange, ...] = ()
    members: MembersChange | None = None
    warnings: tuple[str, ...] = ()


class Quoted(NamedTuple):
    """What a message quotes of a record: the `text` as it stands there, and the field or relationship that holds it."""

    kind: str
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class PlanWarning:
    """What a plan warns of. `quoted`: what of it are values of records, so that they can be redacted (rule G2)."""

    message: str
    quoted: tuple[Quoted, ...] = ()


@dataclass(frozen=True, slots=True)
class Blocked:
    """A resource that can't be planned, and why. `quoted`: what of reason and hint are values of records (rule G2)."""

    address: Address
    reason: str
    hint: str | None
    source: Place
    quoted: tuple[Quoted, ...] = ()


@dataclass(frozen=True, slots=True)
class Orphan:
    """Managed before, declared no more."""

    address: Address
    id: str


@dataclass(frozen=True, slots=True)
class Kept:
    """One key that people changed in Lightfield, and that `--keep-drift` leaves as it is (rule P5).

    `before` is what is there and stays, `after` what the files say, as people read them. Of links and members, `add`
    and `remove` hold what would be linked and unlinked: addresses of this project, else ids; they have no `value_type`.
    Members have the key `members`, and tell no more than these two.
    """

    address: Address
    source: Place
    key: str
    label: str
    value_type: str | None
    before: JSON
    after: JSON
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    id: str | None = None
    name: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why apply would refuse a plan: a threshold of `safety`, a policy that says no, or a scope that the key lacks."""

    kind: Literal["threshold", "policy", "scope"]
    name: str
    message: str
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Requests:
    """How many requests an apply of the plan makes, by category."""

    read: int = 0
    search: int = 0
    write: int = 0


@dataclass(frozen=True, slots=True)
class WorkspaceInfo:
    """Which workspace a plan is for. `ids` are hashes of ids that only this organisation has (rule S1)."""

    name: str
    base_url: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What apply would do: nothing else, nothing less. Changes are in the order of their dependencies."""

    workspace: WorkspaceInfo
    created_at: str
    config_digest: str
    changes: tuple[Change, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    warnings: tuple[PlanWarning, ...] = ()
    unchanged: int = 0
    requests: Requests = Requests()
    estimated_seconds: float = 0.0
    enrichment_events: int = 0
    required_scopes: tuple[str, ...] = ()
    missing_scopes: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    kept: tuple[Kept, ...] = ()

    @property
    def drifted(self) -> int:
        """How many resources people changed in Lightfield: those that are put back, and those that are kept."""
        changed = {change.address for change in self.changes if change.cause in ("drift", "conflict")}
        return len(changed | {each.address for each in self.kept})


# ---------------------------------------------------------------- outcome of an apply

Status: TypeAlias = Literal["done", "unchanged", "blocked", "failed", "skipped", "stale", "not converged"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change. `reason` and `hint` say why where it is not `done`; `source` is the value at fault.

    `is_unknown`: whether it was written, nobody knows.
    """

    address: Address
    action: Action
    status: Status
    id: str | None = None
    reason: str | None = None
    hint: str | None = None
    source: Place | None = None
    is_unknown: bool = False


# ---------------------------------------------------------------- explanation of one resource

Verdict: TypeAlias = Literal["same", "settled", "config", "drift", "conflict", "ignored", "seed", "new", "unknown"]


@dataclass(frozen=True, slots=True)
class ExplainedKey:
    """One managed key of a resource, or its members (`key` is `members`).

    `declared` and `live` as people read them; `live` is None where there is no record, too. `last`: what the state's
    hashes say of the last apply, in words. `is_default`: `defaults` declare it, not the resource. `changed`: what
    Lightfield's field history tells.
    """

    key: str
    label: str
    declared: JSON
    live: JSON
    last: str
    verdict: Verdict
    source: Place
    is_default: bool = False
    changed: LastChange | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a plan does with one resource what it does.

    `found_by`: how its record was found; None where there is none. `match`: what it is looked for by, for people.
    `planned`: what the plan would do, None for nothing. `origin`, `written_at`: what the state says of the record.
    """

    address: Address
    source: Place | None
    found_by: Literal["id", "state", "match"] | None
    match: str | None
    id: str | None
    name: str
    link: str | None
    origin: str | None
    written_at: str | None
    planned: Action | None
    keys: tuple[ExplainedKey, ...] = ()
    blocked: Blocked | None = None
    notes: tuple[str, ...] = ()


Stand: TypeAlias = Literal["completed", "failed", "running", "unknown"]
"""How a run of a workflow stands."""
