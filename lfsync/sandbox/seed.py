"""From a seed file to a filled workspace: definitions, members, records, links and lists.

Records are a second apart and a day old, in the order of the file, so that lists show them in a stable order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import NamedTuple, cast

from lfsync.errors import ConfigError, Problem, UsageError
from lfsync.model import JSON
from lfsync.project.documents import Document
from lfsync.sandbox import derived, files, links, meetings, records, rules, runs, schema, seedfile, stages
from lfsync.sandbox.catalog import is_slug, kind_row, section_kind
from lfsync.sandbox.errors import FaultError
from lfsync.sandbox.kinds import KINDS
from lfsync.sandbox.privacy import Caller
from lfsync.sandbox.quirks import Quirks
from lfsync.sandbox.schema import Direction, End, FieldSpec, KindSpec, NewId, Option, RelSpec, Schema
from lfsync.sandbox.seedfile import (
    Seed,
    SeedField,
    SeedFile,
    SeedInverse,
    SeedKind,
    SeedMember,
    SeedObject,
    SeedRecord,
    SeedRelationship,
)
from lfsync.sandbox.store import Store
from lfsync.sandbox.syncs import BLOCKLIST
from lfsync.sandbox.workspace import Workspace
from lfsync.times import unix_time
from lfsync.wording import did_you_mean

AGE = 86_400_000  # ms before now that the newest seeded record was made
SPACING = 1000  # ms between two records
_ADMIN = SeedMember(ref="admin", email="admin@sandbox.example", first="Sandbox", last="Admin", role="admin")
_TARGETS = ("account", "contact", "opportunity", "task", "note", "meeting", "member")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|\\)")

Loc = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked seed and, for the places of what is found out later, its document."""

    seed: Seed
    document: Document | None = None


EMPTY = Plan(Seed())


def read(path: Path) -> Plan:
    """The seed in this file. Raises ConfigError."""
    return Plan(*seedfile.read(path))


def plant(store: Store, plan: Plan, quirks: Quirks, index_lag: int) -> Workspace:
    """Fills a new database. Raises ConfigError with every problem of the seed."""
    planting = _Planting(store, plan, quirks)
    workspace = planting.run(index_lag)
    if planting.problems:
        raise ConfigError(planting.problems)
    store.set_meta("schema", workspace.schema.dump().decode())
    store.set_meta("acting", workspace.acting or "")
    store.set_meta("plain", workspace.plain or "")
    store.set_meta(BLOCKLIST, json.dumps(plan.seed.blocklist))
    return workspace


def planted(store: Store, known: str, quirks: Quirks, index_lag: int) -> Workspace:
    """A database that was filled before. Raises UsageError for one that an older version filled."""
    found = schema.load(known)
    if set(KINDS) - set(found.kinds):
        hint = "`lfsync sandbox reset`, or another --db"
        raise UsageError("the sandbox's database was made by an older version of lfsync", hint=hint)
    return Workspace(store, found, quirks, index_lag, Caller(store.meta("acting") or None), store.meta("plain") or None)


class _Item(NamedTuple):
    """One record of the seed, with the id it will have."""

    kind: str
    id: str
    created: int
    loc: tuple[str | int, ...]
    record: SeedRecord


@dataclass(slots=True)
class _Planting:
    """One pass over a seed. Problems are collected; the caller rolls everything back if there are any."""

    store: Store
    plan: Plan
    quirks: Quirks
    problems: list[Problem] = field(default_factory=list)
    refs: dict[tuple[str, str], str] = field(default_factory=dict)
    linked: set[tuple[str, str, str]] = field(default_factory=set)

    def run(self, index_lag: int) -> Workspace:
        workspace = Workspace(self.store, self._schema(), self.quirks, index_lag, Caller())
        base = self.store.now() - AGE
        acting, plain = self._members(workspace, base)
        workspace = replace(workspace, caller=Caller(acting), plain=plain)
        self._files(workspace, base)
        items = list(self._items(workspace, base))
        planted = [item for item in items if self._record(workspace, item)]
        for item in planted:
            self._links(workspace, item, base)
        derived.settle(self.store, base)
        self._runs()
        return workspace

    def say(self, message: str, loc: Loc, hint: str | None = None) -> None:
        place = self.plan.document.place(loc) if self.plan.document else None
        self.problems.append(Problem(message, place, hint=hint))

    # ------------------------------------------------------------ definitions

    def _schema(self) -> Schema:
        numbers = count()

        def later_id(prefix: str) -> str:
            return f"{prefix}{self.store.signature(f'definition {next(numbers)}')[:20]}"

        seed, kinds = self.plan.seed, dict(schema.built_in(self.store.new_id, later_id).kinds)
        for slug, type in seed.objects.items():
            if is_slug(slug):
                kinds[slug] = KindSpec(slug, label=type.label or slug, hidden=type.hidden)
            else:
                hint = "letters, digits, `_` and `-`, and no name of another kind"
                self.say(f"`{slug}` is no slug for a type of custom objects", ("objects", slug), hint)
        given: list[tuple[tuple[str, str], SeedKind]] = [
            *((("definitions", name), kind) for name, kind in seed.definitions.items() if name in kinds),
            *((("objects", slug), type) for slug, type in seed.objects.items() if is_slug(slug)),
        ]
        targets = (*_TARGETS, *filter(is_slug, seed.objects))
        for loc, kind in given:
            kinds[loc[1]] = self._kind(kinds[loc[1]], kind, loc, targets)
        for loc, kind in given:
            self._inverses(kinds, kinds[loc[1]], kind, loc)
        return Schema(kinds)

    def _inverses(self, kinds: dict[str, KindSpec], near: KindSpec, given: SeedKind, loc: Loc) -> None:
        """The far sides of a kind's relationships, each among those of its target."""
        for key, row in given.relationships.items():
            inverse, far = row.inverse, kinds.get(row.target)
            place = (*loc, "relationships", key, "inverse")
            if inverse is None or (far is None and row.target != "member"):
                continue  # an unknown target is named already
            if far is None:
                self.say("a member shows no links", place)
            elif far.name == near.name:
                self.say("a relationship of a kind with itself has directions, no inverse", place)
            elif inverse.key in far.relationships or inverse.key.startswith("$"):
                self.say(f"{inverse.key} is no name for a custom relationship of {far.name}", (*place, "key"))
            else:
                rel = _inverse(near.relationships[key], near.name, inverse, self.store.new_id("rd_"))
                kinds[far.name] = replace(far, relationships={**far.relationships, rel.key: rel})

    def _kind(self, spec: KindSpec, given: SeedKind, loc: Loc, targets: Sequence[str]) -> KindSpec:
        new_id = self.store.new_id
        if given.pipelines and given.stages:
            self.say("pipelines bring their own stages", (*loc, "stages"), "leave `stages` out")
        if (given.pipelines or given.stages) and not kind_row(spec.name).custom_fields:
            self.say(f"{spec.name} has no stages", loc)
        elif given.pipelines:
            spec = schema.with_pipelines(spec, given.pipelines, new_id)
        elif given.stages:
            spec = schema.with_stages(spec, given.stages, new_id)
        fields = {key: self._field(spec, key, row, (*loc, "fields", key)) for key, row in given.fields.items()}
        rels = {
            key: self._rel(spec, key, row, (*loc, "relationships", key), targets)
            for key, row in given.relationships.items()
        }
        spec = replace(spec, fields={**spec.fields, **fields}, relationships={**spec.relationships, **rels})
        return self._titled(spec, given, loc) if isinstance(given, SeedObject) else spec

    def _titled(self, spec: KindSpec, given: SeedObject, loc: Loc) -> KindSpec:
        """With its title field: the one that is named, else `name`, else the first text."""
        if given.title and given.title not in spec.fields:
            self.say(
                f"{spec.name} has no field `{given.title}`", (*loc, "title"), did_you_mean(given.title, spec.fields)
            )
        texts = [key for key, row in spec.fields.items() if row.type == "TEXT" and row.writable]
        title = given.title or ("name" if "name" in spec.fields else next(iter(texts), None))
        return replace(spec, title=title)

    def _field(self, kind: KindSpec, key: str, given: SeedField, loc: Loc) -> FieldSpec:
        known = kind.fields.get(key)
        if known is None and not kind_row(kind.name).custom_fields:
            self.say(f"{kind.name} has no custom fields", loc)
        if known and given.type not in (None, known.type):
            self.say(f"{key} is of type {known.type}", (*loc, "type"))
        type = known.type if known else given.type
        if type is None:
            self.say(f"{key} needs a `type`", loc)
        if given.options and type not in schema.SELECTS:
            self.say(f"{type} fields have no options", (*loc, "options"))
        id = given.id or (known.id if known else self.store.new_id("ad_"))
        stored = key != stages.PIPELINE  # it follows from the stage
        spec = known or FieldSpec(key, id, key, type or "TEXT", multiple=type == "TELEPHONE", stored=stored)
        spec = replace(spec, id=id, parent_field=given.parent_field or spec.parent_field)
        return _overridden(spec, given, self.store.new_id)

    def _rel(self, kind: KindSpec, key: str, given: SeedRelationship, loc: Loc, targets: Sequence[str]) -> RelSpec:
        if given.target not in targets:
            hint = did_you_mean(given.target, targets) or f"one of: {', '.join(targets)}"
            self.say(f"unknown target `{given.target}`", (*loc, "target"), hint)
        if key in kind.relationships or key.startswith("$"):
            self.say(f"{key} is no name for a custom relationship", loc)
        if given.directions and given.target != kind.name:
            self.say("only a relationship of a kind with itself has directions", (*loc, "directions"))
        return _custom_relationship(kind.name, key, given, given.id or self.store.new_id("rd_"))

    # ------------------------------------------------------------ members and records

    def _members(self, workspace: Workspace, base: int) -> tuple[str | None, str | None]:
        """The ids of the acting member, and of the first one who is no admin."""
        found: list[tuple[str, str]] = []
        given = self.plan.seed.members or [_ADMIN]
        for number, member in enumerate(given):
            id = member.id or self.store.new_id("mem_")
            created = base - (len(given) - number) * SPACING
            user = self.store.new_id("usr_")
            workspace.insert("member", _member_fields(member, user), created=created, id=id, trashed=not member.active)
            for name in filter(None, (member.ref, member.email)):
                self._name("member", name, id, ("members", number))
            found += [(member.role, id)] if member.active else []
        admin = next((id for role, id in found if role == "admin"), found[0][1] if found else None)
        return admin, next((id for role, id in found if role != "admin"), None)

    def _files(self, workspace: Workspace, base: int) -> None:
        given = self.plan.seed.files
        for number, file in enumerate(given):
            loc = ("files", number)
            if bool(file.content) == bool(file.size):
                self.say("a file has either `content` or a `size`", loc)
            created = _at(file.created, base - (len(given) - number) * SPACING)
            kind = files.IN_APP if file.app else files.LISTED
            row = files.insert(workspace, kind, _file_fields(file, created), created=created, id=file.id)
            if file.content:
                with self.store.contents.writer(row.id, "seed") as content:
                    content.write(file.content.encode())
                    content.keep()
            if file.ref:
                self._name("file", file.ref, row.id, loc)

    def _name(self, kind: str, ref: str, id: str, loc: Loc) -> None:
        if self.refs.setdefault((kind, ref), id) != id:
            self.say(f"two of kind {kind} are called `{ref}`", (*loc, "ref"))

    def _items(self, workspace: Workspace, base: int) -> Iterator[_Item]:
        seed, ids = self.plan.seed, set[str]()
        places: list[tuple[str, tuple[str | int, ...], SeedRecord]] = [
            (section_kind(section), ("records", section, number), record)
            for section, found in seed.records.items()
            for number, record in enumerate(found)
            if section_kind(section) in workspace.schema.kinds  # else its type is refused, which is told
        ]
        places += [("list", ("lists", number), record) for number, record in enumerate(seed.lists)]
        for number, (kind, loc, record) in enumerate(places):
            id = record.id or workspace.new_id(kind)
            if id in ids:
                self.say(f"two records have the id `{id}`", (*loc, "id"))
                continue
            ids.add(id)
            item = _Item(kind, id, _at(record.created, base - (len(places) - number) * SPACING), loc, record)
            if record.ref:
                self._name(kind, record.ref, item.id, loc)
            yield item

    def _record(self, workspace: Workspace, item: _Item) -> bool:
        kind, record = workspace.kind(item.kind), item.record
        if self.plan.seed.cloned is not None:
            return self._as_shown(workspace, item)
        given = {key: _dated(kind, key, cast(JSON, value)) for key, value in record.fields.items()}
        for key in rules.required(kind, self.quirks):
            if key in kind.fields and given.get(key) in (None, ""):
                self.say(f"{item.kind} needs {key}", (*item.loc, "fields"))
                return False
        try:
            formed = rules.fields(kind, given, self.quirks, generated=True)
            rules.check_unique(self.store, kind, item.id, formed, self.quirks)
        except FaultError as fault:
            return self._refused(fault, item)
        flags = {"trashed": record.trashed, "hidden": record.hidden}
        if item.kind == "meeting":
            formed[meetings.INVITED] = formed.get("$attendeeEmails")
        workspace.insert(item.kind, formed, created=item.created, id=item.id, **flags)
        return True

    def _as_shown(self, workspace: Workspace, item: _Item) -> bool:
        """A record of another workspace, in the form that the API showed it in."""
        kind = workspace.kind(item.kind)
        shown = {key: _unescaped(cast(JSON, value)) for key, value in item.record.fields.items()}
        for key in shown.keys() - kind.fields.keys():
            self.say(f"{item.kind} has no field `{key}`", (*item.loc, "fields", key), did_you_mean(key, kind.fields))
            return False
        if item.kind == "list":
            shown["$objectType"] = f"${str(shown['$objectType']).removeprefix('$')}"
        if item.kind == "meeting":
            shown[meetings.INVITED] = shown.get("$attendeeEmails")
        workspace.insert(item.kind, shown, created=item.created, id=item.id, trashed=item.record.trashed)
        return True

    def _links_as_shown(self, workspace: Workspace, item: _Item, base: int) -> None:
        """The links of such a record; what mirrors another one's is among that one's."""
        kind, given = workspace.kind(item.kind), dict(item.record.relationships)
        if item.kind == "list":
            object_type = str(item.record.fields.get("$objectType")).removeprefix("$")
            given[links.members_key(f"${object_type}")] = item.record.members
        for key, ids in given.items():
            rel = kind.relationships.get(key)
            for other in [ids] if isinstance(ids, str) else ids or []:
                if rel is not None and rel.ends[0].source and (rel.ends[0].edge, item.id, other) not in self.linked:
                    self.linked.add((rel.ends[0].edge, item.id, other))
                    self.store.link(rel.ends[0].edge, item.id, other, since=base)

    def _refused(self, fault: FaultError, item: _Item) -> bool:
        section, _, key = (fault.param or "").partition(".")
        known = "relationships" if section == "relationships" else "fields"
        self.say(fault.message.rstrip("."), (*item.loc, known, key))
        return False

    # ------------------------------------------------------------ links

    def _links(self, workspace: Workspace, item: _Item, base: int) -> None:
        if self.plan.seed.cloned is not None:
            self._links_as_shown(workspace, item, base)
            return
        kind = workspace.kind(item.kind)
        given = dict(item.record.relationships)
        places = {key: (*item.loc, "relationships", key) for key in given}
        if item.kind == "list":
            key = links.members_key(item.record.fields["$objectType"])  # type: ignore[arg-type]
            given, places = {**given, key: list(item.record.members)}, {**places, key: (*item.loc, "members")}
        elif item.record.members:
            self.say("only lists have members", (*item.loc, "members"))
        try:
            resolved = {key: self._ids(kind, key, refs, places[key]) for key, refs in given.items()}
            ops = links.for_create(kind, resolved, self.quirks)
        except FaultError as fault:
            self._refused(fault, item)
            return
        for op in [*ops, *records.author(workspace, item.kind, ops)]:
            for other in op.add:
                self._link(op.rel, item, other, base)
                if op.rel.key == "$transcript":
                    self.store.link("meeting.$transcripts", item.id, other, since=base)

    def _ids(self, kind: KindSpec, key: str, refs: seedfile.Refs, loc: Loc) -> JSON:
        rel = kind.relationships.get(key)
        if rel is None:
            return []  # named as unknown by the rules
        names = [refs] if isinstance(refs, str) else refs or []
        for number, name in enumerate(names):
            if (rel.target, name) not in self.refs:
                known = [ref for target, ref in self.refs if target == rel.target]
                place = loc if isinstance(refs, str) else (*loc, number)
                self.say(f"there is no {rel.target} `{name}` in this seed", place, did_you_mean(name, known))
        return [self.refs[rel.target, name] for name in names if (rel.target, name) in self.refs]

    def _link(self, rel: RelSpec, item: _Item, other: str, base: int) -> None:
        end = rel.ends[0]
        src, dst = (item.id, other) if end.source else (other, item.id)
        if (end.edge, src, dst) in self.linked:
            return
        if not rel.far_many and self.store.linked(end.edge, other, source=not end.source):
            self.say(f"{rel.key}: the other side takes one link only", (*item.loc, "relationships", rel.key))
        if not rel.near_many and self.store.linked(end.edge, item.id, source=end.source):
            self.say(
                f"{rel.key} takes one link only, and the other side made one", (*item.loc, "relationships", rel.key)
            )
        self.linked.add((end.edge, src, dst))
        self.store.link(end.edge, src, dst, since=base)

    # ------------------------------------------------------------ workflow runs

    def _runs(self) -> None:
        seen: set[str] = set()
        for number, run in enumerate(self.plan.seed.workflow_runs):
            loc = ("workflow_runs", number)
            if run.ends and run.status is not None:
                self.say("a run with a `status` of its own never ends", (*loc, "ends"), "leave one of the two out")
            if run.id in seen:
                self.say(f"two workflow runs are called `{run.id}`", (*loc, "id"))
            else:
                runs.plant(self.store, run.id, run.ends or "completed", run.status)
            seen.add(run.id)


def _unescaped(value: JSON) -> JSON:
    """The value that a cloned seed writes without control characters."""
    if isinstance(value, str):
        return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else "\\", value)
    if isinstance(value, list):
        return [_unescaped(item) for item in value]
    return {key: _unescaped(item) for key, item in value.items()} if isinstance(value, dict) else value


def _at(moment: str | None, otherwise: int) -> int:
    """Milliseconds of an ISO 8601 time."""
    seconds = unix_time(moment) if moment else None
    return otherwise if seconds is None else round(seconds * 1000)


def _inverse(rel: RelSpec, source: str, given: SeedInverse, id: str) -> RelSpec:
    """The far side of a relationship."""
    many = given.cardinality == "HAS_MANY"
    ends = tuple(End(end.edge, not end.source) for end in rel.ends)
    label, writable = given.label or given.key, not given.read_only
    return RelSpec(given.key, id, label, source, many, writable, given.description, ends, far_one=not rel.many)


def _overridden(spec: FieldSpec, given: SeedField, new_id: NewId) -> FieldSpec:
    listed = given.options
    return replace(
        spec,
        label=given.label or spec.label,
        description=given.description or spec.description,
        options=spec.options if listed is None else tuple(_option(option, new_id) for option in listed),
        currency=given.currency or spec.currency or ("USD" if spec.type == "CURRENCY" else None),
        unique=given.unique or spec.unique,
        multiple=spec.multiple if given.multiple is None else given.multiple,
        writable=spec.writable and not given.read_only,
        handle_service=given.handle_service or spec.handle_service or _service(spec),
    )


def _service(spec: FieldSpec) -> str | None:
    return "LINKEDIN" if spec.type == "SOCIAL_HANDLE" else None


def _option(given: str | seedfile.SeedOption, new_id: NewId) -> Option:
    if isinstance(given, str):
        return Option(new_id("opt_"), given)
    return Option(given.id or new_id("opt_"), given.label, given.description, given.parent, given.archived)


def _custom_relationship(kind: str, key: str, given: SeedRelationship, id: str) -> RelSpec:
    many = given.cardinality == "HAS_MANY"
    label = given.label or key
    edge = f"{kind}.{key}"
    if given.target != kind:
        far_one = given.inverse is not None and given.inverse.cardinality == "HAS_ONE"
        end = End(edge, source=True)
        return RelSpec(key, id, label, given.target, many, True, given.description, (end,), far_one=far_one)
    ways = given.directions
    return RelSpec(
        key,
        id,
        label,
        given.target,
        many,
        True,
        given.description,
        (End(edge, source=True), End(edge, source=False)),
        as_source=Direction(ways.asSource.cardinality == "HAS_MANY", ways.asSource.label)
        if ways
        else Direction(many, label),
        as_destination=(
            Direction(ways.asDestination.cardinality == "HAS_MANY", ways.asDestination.label)
            if ways
            else Direction(True, label)
        ),
    )


def _member_fields(member: SeedMember, user: str) -> Mapping[str, JSON]:
    return {
        "$email": member.email,
        "$name": {"firstName": member.first, "lastName": member.last},
        "$role": member.role,
        "user": user,
        "privacy": member.privacy,
    }


def _file_fields(file: SeedFile, created: int) -> dict[str, JSON]:
    return {
        "filename": file.filename,
        "mimeType": file.mimeType,
        "sizeBytes": file.size or len((file.content or "").encode()),
        "status": "COMPLETED",
        "completedAt": created,
    }


def _dated(kind: KindSpec, key: str, value: JSON) -> JSON:
    """In a seed a date alone is midnight UTC."""
    spec = kind.fields.get(key)
    if spec and spec.type == "DATETIME" and isinstance(value, str) and _DATE.fullmatch(value):
        return f"{value}T00:00:00Z"
    return value
