"""What a workspace of the sandbox defines: fields and relationships by kind. Pure.

A relationship is a view of one or more edges. An edge is named after the side that the API documents as writable
(`task.$account`), its links run from source to destination, and both sides read the same links: so the two
sides of a relationship can't contradict each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from pydantic import TypeAdapter

from lfsync.kinds import MEMBER_KEYS, Field, Kind, Relationship
from lfsync.model import JSON
from lfsync.sandbox.kinds import KINDS, LATER
from lfsync.sandbox.quirks import Quirks

MEMBERSHIP = "list.$members"
SELECTS = ("SINGLE_SELECT", "MULTI_SELECT")


@dataclass(frozen=True, slots=True)
class Option:
    """A select option; `parent` is the pipeline of a stage. Archived ones can't be chosen any more."""

    id: str
    label: str
    description: str | None = None
    parent: str | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A field of a kind. `words` are values that have no option ids (a task's `$status`)."""

    key: str
    id: str
    label: str
    type: str
    description: str | None = None
    writable: bool = True
    options: tuple[Option, ...] = ()
    parent_field: str | None = None
    currency: str | None = None
    unique: bool = False
    multiple: bool = False
    handle_service: str | None = None
    words: tuple[str, ...] = ()
    stored: bool = True

    @property
    def has_history(self) -> bool:
        """Attribute-backed: custom fields and the selects among the system fields (API sheet 4.14)."""
        return self.stored and (not self.key.startswith("$") or (self.type in SELECTS and not self.words))


@dataclass(frozen=True, slots=True)
class End:
    """One side of an edge: `source` True reads its destinations."""

    edge: str
    source: bool


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction of a self-referential relationship."""

    many: bool
    label: str


@dataclass(frozen=True, slots=True)
class RelSpec:
    """A relationship of a kind. Writes go to the first end. `far_one`: a target takes one link only."""

    key: str
    id: str
    label: str
    target: str
    many: bool
    writable: bool = True
    description: str | None = None
    ends: tuple[End, ...] = ()
    slug: str | None = None
    as_source: Direction | None = None
    as_destination: Direction | None = None
    far_one: bool = False

    @property
    def near_many(self) -> bool:
        """Whether one record may hold several links of the end that writes go to."""
        return self.as_source.many if self.as_source else self.many

    @property
    def far_many(self) -> bool:
        """Whether one target may be linked from several records."""
        return self.as_destination.many if self.as_destination else not self.far_one


@dataclass(frozen=True, slots=True)
class KindSpec:
    """What one kind has in this workspace.

    The rest is for types of custom objects: the label, the key of the title field, and whether the caller sees it.
    """

    name: str
    fields: dict[str, FieldSpec] = field(default_factory=dict)
    relationships: dict[str, RelSpec] = field(default_factory=dict)
    label: str | None = None
    title: str | None = None
    hidden: bool = False

    @property
    def is_object(self) -> bool:
        """Whether it is a type of custom objects."""
        return self.label is not None


@dataclass(frozen=True, slots=True)
class Schema:
    """Every kind of this workspace."""

    kinds: dict[str, KindSpec]

    def dump(self) -> bytes:
        """As JSON, for the database."""
        return _ADAPTER.dump_json(self)


_ADAPTER = TypeAdapter(Schema)


def load(data: bytes | str) -> Schema:
    """The opposite of `Schema.dump`."""
    return _ADAPTER.validate_json(data)


# ---------------------------------------------------------------- built in

NewId = Callable[[str], str]

_OPTIONS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("account", "$headcount"): (
        *("1-10", "11-50", "51-200", "201-500"),
        *("501-1000", "1001-5000", "5001-10000", "10001+"),
    ),
    ("account", "$industry"): (
        *("Software", "Energy", "Finance", "Healthcare", "Manufacturing"),
        *("Retail", "Media", "Education", "Transport", "Government"),
    ),
    ("account", "$lastFundingType"): ("Pre-seed", "Seed", "Series A", "Series B", "Series C", "IPO"),
    ("opportunity", "$stage"): ("Discovery", "Proposal", "Negotiation", "Won", "Lost"),
}

_CURRENCIES = {("opportunity", "$amount"): "USD"}

# Which writable relationships a read-only one mirrors, and the one that both sides may write.
_MIRRORS: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("account", "$opportunity"): (("opportunity", "$account"),),
    ("account", "$task"): (("task", "$account"),),
    ("account", "$note"): (("note", "$account"),),
    ("account", "$meeting"): (("meeting", "$account"),),
    ("contact", "$account"): (("account", "$contact"),),
    ("contact", "$opportunity"): (("opportunity", "$champion"), ("opportunity", "$evaluator")),
    ("contact", "$note"): (("note", "$contact"),),
    ("contact", "$meeting"): (("meeting", "$contact"),),
    ("opportunity", "$task"): (("task", "$opportunity"),),
    ("opportunity", "$note"): (("note", "$opportunity"),),
    ("opportunity", "$meeting"): (("meeting", "$opportunity"),),
    ("meeting", "$note"): (("note", "$meeting"),),
}


def built_in(new_id: NewId, later_id: NewId) -> Schema:
    """The system fields and relationships that every workspace has.

    `later_id` is for kinds that came later: from one random seed records keep getting the ids that they always got.
    """
    ids = {name: later_id if name in LATER else new_id for name in KINDS}
    return Schema({kind.name: _kind(kind, ids[kind.name]) for kind in KINDS.values()})


def _kind(kind: Kind, new_id: NewId) -> KindSpec:
    fields = {key: _field(kind, key, row, new_id) for key, row in kind.fields.items()}
    relationships = {key: _relationship(kind.name, key, row, new_id) for key, row in kind.relationships.items()}
    if kind.name == "list":
        relationships = dict(_membership(new_id))
    return KindSpec(kind.name, fields, relationships)


def _field(kind: Kind, key: str, row: Field, new_id: NewId) -> FieldSpec:
    return FieldSpec(
        key=key,
        id=new_id("ad_"),
        label=row.label,
        type=row.type,
        writable=row.writable,
        options=options(_OPTIONS.get((kind.name, key), ()), new_id),
        currency=_CURRENCIES.get((kind.name, key)),
        multiple=row.multiple,
        handle_service=row.handle_service,
        words=kind.words.get(key, ()),
    )


def _relationship(kind: str, key: str, row: Relationship, new_id: NewId) -> RelSpec:
    mirrored = _MIRRORS.get((kind, key))
    if mirrored:
        ends = tuple(End(f"{source}.{name}", source=False) for source, name in mirrored)
        first = f"{mirrored[0][0]}-{kind}"
    else:
        ends = (End(f"{kind}.{key}", source=True),)
        first = f"{kind}-{row.target if row.target != 'member' else key.strip('$')}"
    return RelSpec(key, new_id("rd_"), _words(key), row.target, row.many, row.writable, None, ends, f"${first}")


def _membership(new_id: NewId) -> Iterator[tuple[str, RelSpec]]:
    for target, key in MEMBER_KEYS.items():
        end = End(MEMBERSHIP, source=True)
        yield key, RelSpec(key, new_id("rd_"), _words(key), target, many=True, ends=(end,))


def options(labels: tuple[str, ...] | list[str], new_id: NewId, parent: str | None = None) -> tuple[Option, ...]:
    """Options with these labels, in this order."""
    return tuple(Option(new_id("opt_"), label, parent=parent) for label in labels)


def with_pipelines(spec: KindSpec, pipelines: Mapping[str, list[str]], new_id: NewId) -> KindSpec:
    """The kind with `$pipeline`, and a `$stage` whose options each belong to one pipeline (API sheet 6)."""
    owners = tuple(Option(new_id("pd_"), label) for label in pipelines)
    stages = tuple(
        stage
        for owner, labels in zip(owners, pipelines.values(), strict=True)
        for stage in options(labels, new_id, owner.id)
    )
    pipeline = FieldSpec("$pipeline", new_id("ad_"), "Pipeline", "SINGLE_SELECT", options=owners, stored=False)
    stage = FieldSpec("$stage", new_id("ad_"), "Stage", "SINGLE_SELECT", options=stages, parent_field="$pipeline")
    return replace(spec, fields={**spec.fields, "$pipeline": pipeline, "$stage": stage})


def with_stages(spec: KindSpec, labels: list[str], new_id: NewId) -> KindSpec:
    """The kind with a `$stage` of its own and no pipelines."""
    stage = FieldSpec("$stage", new_id("ad_"), "Stage", "SINGLE_SELECT", options=options(labels, new_id))
    return replace(spec, fields={**spec.fields, "$stage": stage})


def _words(key: str) -> str:
    """`$assignedTo` -> `Assigned to`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key.strip("$")).capitalize()


# ---------------------------------------------------------------- as the definitions endpoints show it


def definitions(spec: KindSpec, quirks: Quirks) -> JSON:
    """The definitions envelope (API sheet 2.4)."""
    by_slug = quirks["definition-keys"] == "slug"
    return {
        "objectType": spec.name,
        "fieldDefinitions": {key: _field_definition(row, quirks) for key, row in spec.fields.items()},
        "relationshipDefinitions": {
            (rel.slug if by_slug and rel.slug else key): _relationship_definition(rel)
            for key, rel in spec.relationships.items()
        },
    }


def _field_definition(spec: FieldSpec, quirks: Quirks) -> JSON:
    shown: dict[str, JSON] = {
        "id": spec.id,
        "label": spec.label,
        "description": spec.description,
        "valueType": value_type(spec, quirks),
        "typeConfiguration": _configuration(spec, quirks),
    }
    if not spec.writable:
        shown["readOnly"] = True
    return shown


def value_type(spec: FieldSpec, quirks: Quirks) -> str:
    """The `valueType` as it is shown: that of a task's `$status` is an open question (U20)."""
    if spec.words and spec.type == "SINGLE_SELECT" and quirks["task-status-type"] == "text":
        return "TEXT"
    return spec.type


def _configuration(spec: FieldSpec, quirks: Quirks) -> JSON:
    shown: dict[str, JSON] = {}
    if value_type(spec, quirks) in SELECTS:
        shown["options"] = _option_list(spec, quirks)
    for key, value in (
        ("parentFieldKey", spec.parent_field),
        ("currency", spec.currency),
        ("unique", spec.unique or None),
        ("multipleValues", spec.multiple or None),
        ("handleService", spec.handle_service),
    ):
        if value is not None:
            shown[key] = value
    return shown


def _option_list(spec: FieldSpec, quirks: Quirks) -> list[JSON]:
    if spec.words:
        return [{"id": word, "label": word, "description": None} for word in spec.words]
    listed = quirks["archived-options"] == "listed"
    return [_option(option) for option in spec.options if listed or not option.archived]


def _option(option: Option) -> JSON:
    shown: dict[str, JSON] = {"id": option.id, "label": option.label, "description": option.description}
    if option.parent:
        shown["parentId"] = option.parent
    return shown


def _relationship_definition(spec: RelSpec) -> JSON:
    shown: dict[str, JSON] = {
        "id": spec.id,
        "label": spec.label,
        "description": spec.description,
        "cardinality": cardinality(spec.many),
        "objectType": spec.target,
    }
    if spec.as_source and spec.as_destination:
        shown["directions"] = {
            name: {"cardinality": cardinality(way.many), "label": way.label}
            for name, way in (("asSource", spec.as_source), ("asDestination", spec.as_destination))
        }
    return shown


def cardinality(many: bool) -> str:
    """The enum word."""
    return "HAS_MANY" if many else "HAS_ONE"
