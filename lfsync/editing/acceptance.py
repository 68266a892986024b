"""What people changed in Lightfield, as edits of the files (design.md, section 13; rule V2). Pure.

A plan says what differs and who moved it. What people moved is turned round here: the live value, as a person would
write it, goes to the place where the files declare it. What has no such place, or shares it with something else, is
left and named.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from lfsync.editing.cells import Means, cells_of, shares_rows
from lfsync.editing.referrers import referrer
from lfsync.editing.repasting import data_of, leaf_of
from lfsync.editing.splices import CantEditError
from lfsync.editing.yaml_edit import Items, Leaf, Parts, Path, Put
from lfsync.kinds import kind_of
from lfsync.knowledge.knowledge import Knowledge
from lfsync.model import (
    JSON,
    Address,
    Cause,
    Change,
    Desired,
    DesiredField,
    DesiredLinks,
    FieldDef,
    Links,
    Place,
    Ref,
    Resource,
)
from lfsync.planning.diff import MEMBERS, Comparer, Sides
from lfsync.planning.diff import Key as DiffKey
from lfsync.project.resource_file import content
from lfsync.project.rows.row_files import RowFile
from lfsync.values.pipelines import live_value
from lfsync.values.table import VALUE_TYPES, BadValueError

if TYPE_CHECKING:  # data of modules that read files
    from lfsync.planning.planned import Planned
    from lfsync.project.load import Project

_TRASHED: Final = "its record was trashed, and a resource is taken out of the files only where a pattern names it"
_CONFLICT: Final = "the files and Lightfield both changed it since the last apply"
_INLINE: Final = "Write it where the file is named, in double quotes."
_CONFLICT_HINT: Final = "Pass --conflicts to take what Lightfield has; `lfsync apply` takes what the file has."

Part: TypeAlias = tuple[str, ...]
"""What of a resource: `("fields", "tier")`, `("relationships", "$owner")`, `("members",)`; `()` is all of it."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """One thing that goes into the files. `before` is what the file said, `after` what it says then, for people."""

    address: Address
    part: Part
    place: Place
    before: JSON
    after: JSON


@dataclass(frozen=True, slots=True)
class Left:
    """One thing that stays as it is, and why."""

    address: Address
    part: Part
    place: Place
    reason: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class YamlEdit:
    """What the body of a resource says is edited, or all of it taken out (the path is empty then)."""

    of: Accepted
    file: str
    at: tuple[int, int]
    path: Path
    leaf: Leaf


@dataclass(frozen=True, slots=True)
class TextEdit:
    """A text of its own becomes this one."""

    of: Accepted
    file: str
    text: str


@dataclass(frozen=True, slots=True)
class RowEdit:
    """Cells of a row are edited; without any, the row is taken out."""

    of: Accepted
    file: str
    line: int
    cells: Mapping[str, JSON]
    rows: RowFile


Edit: TypeAlias = YamlEdit | TextEdit | RowEdit


@dataclass(slots=True)
class Acceptance:
    """`unknown`: resources that differ, and have no hashes to tell why."""

    edits: list[Edit] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    unknown: list[Address] = field(default_factory=list)


def accept(
    project: Project,
    planned: Planned,
    chosen: Collection[Address],
    trashed: Collection[Address],
    *,
    conflicts: bool,
    is_named: bool,
) -> Acceptance:
    """What of a plan the files are to take over. `trashed`: blocked resources whose record people trashed.

    `chosen`: the resources that it is about. `is_named`: by a pattern; only so a resource is taken out of the files.
    """
    acceptor = _Acceptor(project, planned, conflicts)
    for change in planned.plan.changes:
        if change.address in chosen and change.action == "update":
            acceptor.change(change)
    acceptor.links()
    going = acceptor.removable(trashed) if is_named else set()
    for blocked in planned.plan.blocked:
        address = blocked.address
        if address in going:
            acceptor.removal(address)
        elif address in trashed and not is_named:
            acceptor.leave(
                address, (), blocked.source, _TRASHED, f"`lfsync accept {address}` takes it out of the files."
            )
        elif address in chosen and address not in trashed:
            acceptor.leave(address, (), blocked.source, blocked.reason, blocked.hint)
    return acceptor.made


# ---------------------------------------------------------------- did it come out right?


def deviations(
    before: Mapping[Address, Resource],
    after: Mapping[Address, Resource],
    parts: Mapping[Address, Collection[Part]],
    removed: Collection[Address],
) -> set[Address]:
    """The resources that the edited files declare otherwise than is wanted: in more than these parts of them."""
    found = (before.keys() - set(removed)) ^ after.keys()
    for address in before.keys() & after.keys():
        own = parts.get(address, ())
        if content(_without(before[address], own)) != content(_without(after[address], own)):
            found.add(address)
    return found


def unsettled(change: Change | None, parts: Iterable[Part]) -> set[Part]:
    """Of parts that were written into the files, those that a plan would change all the same."""
    if change is None:
        return set()
    planned: set[Part] = {("fields", each.key) for each in change.fields}
    planned |= {("relationships", each.key) for each in change.relationships}
    planned |= {("members",)} if change.members else set()
    return planned & set(parts)


def _without(resource: Resource, parts: Collection[Part]) -> Resource:
    if not parts:
        return resource
    return replace(
        resource,
        fields={key: value for key, value in resource.fields.items() if ("fields", key) not in parts},
        relationships={k: v for k, v in resource.relationships.items() if ("relationships", k) not in parts},
        members=None if ("members",) in parts else resource.members,
    )


# ---------------------------------------------------------------- what goes where


@dataclass(slots=True)
class _Delta:
    """What becomes of the links that a resource declares: refs of these ids go, and these are added.

    `bar`: those that are added to what is excluded.
    """

    include: set[str] = field(default_factory=set)
    exclude: set[str] = field(default_factory=set)
    add: list[str] = field(default_factory=list)
    bar: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.include or self.exclude or self.add or self.bar)


class _Acceptor:
    def __init__(self, project: Project, planned: Planned, conflicts: bool) -> None:
        self.project = project
        self.planned = planned
        self.conflicts = conflicts
        self.made = Acceptance()
        self.resolution = planned.draft.resolution
        self.comparer = Comparer(
            planned.desired, planned.schema, planned.state, planned.knowledge, planned.draft.resolution
        )
        self.emails = {member.id: member.email for member in planned.schema.members if member.email}
        self.deltas: dict[tuple[Address, Part], _Delta] = {}
        files = [*(each.file for each in project.sources.values()), *(each.file for each in project.rosters.values())]
        names = [*(file.path for file in files), *(name for names in project.queried.values() for name in names)]
        self.row_files = [posixpath.normpath(name) for name in names]

    @property
    def knowledge(self) -> Knowledge:
        return self.planned.knowledge

    def leave(self, address: Address, part: Part, place: Place, reason: str, hint: str | None = None) -> None:
        self.made.left.append(Left(address, part, place, reason, hint))

    def change(self, change: Change) -> None:
        """Everything of one resource that people moved."""
        address = change.address
        binding = self.planned.draft.bindings.get(address)
        record = self.knowledge.record(address.kind, change.id or "")
        if binding is None or record is None:
            return
        wish, resource = self.planned.desired[address], self.project.resources[address]
        known: Collection[str] = (*binding.fields, *binding.links, *(["members"] if binding.members else []))
        differing = [*(f.key for f in change.fields), *(each.key for each in change.relationships)]
        differing += ["members"] if change.members else []
        if any(key not in known for key in differing):
            self.made.unknown.append(address)
        for each in change.fields:
            if self.is_accepted(address, ("fields", each.key), resource.fields[each.key].place, each.cause):
                definition = wish.fields[each.key].definition
                live = live_value(record, definition, self.planned.schema.kinds[record.kind])
                self.field(resource, wish.fields[each.key], live)
        sides = self.comparer.prepared(wish, record)
        for link in change.relationships:
            links = resource.relationships[link.key]
            if self.is_accepted(address, ("relationships", link.key), links.place, link.cause):
                self.link(wish, wish.links[link.key], ("links", link.key), sides)
        if change.members and wish.members and resource.members:
            last, ours = binding.members, self.planned.state.hash(sides.declared[MEMBERS])
            moved = last is not None and last.live is not None and self.moved(last.live, sides)
            cause: Cause = "config" if not (last and moved) else "drift" if last.declared == ours else "conflict"
            if self.is_accepted(address, ("members",), resource.members.place, cause):
                note = self.ruled if wish.members.rule is not None else self.link
                note(wish, wish.members, MEMBERS, sides)

    def moved(self, last: tuple[str, ...], sides: Sides) -> bool:
        return self.planned.state.relinked(last, sides.linked[MEMBERS])

    def is_accepted(self, address: Address, part: Part, place: Place, cause: Cause) -> bool:
        if cause == "conflict" and not self.conflicts:
            self.leave(address, part, place, _CONFLICT, _CONFLICT_HINT)
        return cause == "drift" or (cause == "conflict" and self.conflicts)

    # ------------------------------------------------------------ fields

    def field(self, resource: Resource, wish: DesiredField, live: JSON) -> None:
        key, value = wish.definition.key, resource.fields[wish.definition.key]
        try:
            data = data_of(wish.definition, live, value.data)
            leaf = leaf_of(wish.definition, live, value.data, data)
            self.put(resource, key, leaf, partial(_meaning, wish.definition))
        except (CantEditError, BadValueError) as error:
            reason = error.reason if isinstance(error, CantEditError) else f"no file can say it: {error.message}"
            self.leave(resource.address, ("fields", key), value.place, reason, error.hint)

    def put(self, resource: Resource, key: str, leaf: Leaf, means: Means) -> None:
        """An edit of the place where a field is declared. CantEditError where it can't be written there."""
        value = resource.fields[key]
        of = Accepted(resource.address, ("fields", key), value.place, value.data, leaf.whole)
        if resource.row is not None:
            source = self.project.sources[resource.row.source]
            if source.query is not None:
                raise CantEditError(f"the query at {source.query.place} makes the value")
            if resource.place.file != source.file.path:
                raise CantEditError(f"the row is made by the source at {source.place}, and stands in no file")
            cells = cells_of(source, key, leaf, self.row_files, means)
            self.made.edits.append(RowEdit(of, resource.place.file, resource.place.line, cells, source.file))
            return
        if value.place in self.project.texts and value.place.file == resource.place.file:
            file = self.project.texts[value.place]
            self.refuse_shared_text(value.place, file)
            text = str(leaf.whole or "")
            if "\r\n" in text:
                raise CantEditError("its line ends (CR LF) are part of it, and no text file can say that", _INLINE)
            self.made.edits.append(TextEdit(of, file, text))
            return
        at = (resource.place.line, resource.place.column)
        self.made.edits.append(YamlEdit(of, resource.place.file, at, ("fields", key), leaf))

    def refuse_shared_text(self, place: Place, file: str) -> None:
        name = posixpath.normpath(file)
        places = {at for at, other in self.project.texts.items() if posixpath.normpath(other) == name}
        users = [v.place for each in self.project.resources.values() for v in each.fields.values() if v.place in places]
        if len(users) > 1 or places != {place}:
            others = sorted({str(at) for at in (*users, *places)} - {str(place)})
            where = f": {', '.join(others[:3])}" if others else ""
            raise CantEditError(f"other places use the text {file} too{where}", "Give it a text of its own.")

    # ------------------------------------------------------------ links

    def link(self, wish: Desired, link: DesiredLinks, at: DiffKey, sides: Sides) -> None:
        """Note what one relationship, or the members, must not declare any more, and what they must."""
        part: Part = ("members",) if at == MEMBERS else ("relationships", at[1])
        linked, include, exclude = sides.linked[at], sides.include[at], sides.exclude[at]
        delta = self.delta(wish.address, part)
        gone = {id for id in include - linked if "." not in id}  # what is still to be made stays
        delta.include |= gone
        if exclude is not None:
            delta.exclude |= exclude & linked
            added: set[str] = set()
        else:
            added = linked - include
            delta.add += [self.ref(link.definition.target, id) for id in sorted(added)]
        inverse = kind_of(wish.address.kind).inverse.get(at[1]) if part != ("members",) else None
        if inverse:
            self.other_side(wish, link, inverse, gone=gone, added=added)

    def ruled(self, wish: Desired, link: DesiredLinks, at: DiffKey, sides: Sides) -> None:
        """A rule stays as it is: whom people took in is included from now on, and whom they took out is excluded."""
        assert link.rule is not None
        delta, kind = self.delta(wish.address, ("members",)), link.definition.target
        linked, include = sides.linked[at], sides.include[at]
        gone = {id for id in include - linked if "." not in id}
        delta.include |= gone
        delta.bar += [self.ref(kind, id) for id in sorted(gone)]
        delta.exclude |= linked - include
        delta.add += [self.ref(kind, id) for id in sorted(linked - include)]

    def other_side(self, wish: Desired, link: DesiredLinks, inverse: str, *, gone: set[str], added: set[str]) -> None:
        """Both sides of a link say the same (rule C9): where the other one is declared too, it moves along."""
        here = self.resolution.ids.get(wish.address, "")
        for id in (*sorted(gone), *sorted(added)):
            other = self.comparer.address_of.get((link.definition.target, id))
            theirs = self.planned.desired[other].links.get(inverse) if other else None
            if other is None or theirs is None:
                continue
            named = {str(self.resolution.target(target)) for target in theirs.include}
            delta = self.delta(other, ("relationships", inverse))
            if id in gone:
                delta.include |= {here} & named
            elif here not in named and theirs.exact and wish.address.key not in delta.add:
                delta.add.append(wish.address.key)
            if id in added:
                delta.exclude |= {here} & {str(self.resolution.target(target)) for target in theirs.exclude}

    def delta(self, address: Address, part: Part) -> _Delta:
        return self.deltas.setdefault((address, part), _Delta())

    def links(self) -> None:
        """Edits of all that was noted."""
        for (address, part), delta in self.deltas.items():
            resource, wish = self.project.resources[address], self.planned.desired[address]
            links = resource.members if part == ("members",) else resource.relationships[part[1]]
            link = wish.members if part == ("members",) else wish.links[part[1]]
            if links is None or link is None or not delta:
                continue
            roster = self.project.rosters.get(address) if part == ("members",) else None
            if roster is not None:
                self.leave(address, part, roster.place, f"the rows of {roster.file.path} name the members")
                continue
            if resource.row is not None:
                where = "the row holds it as a ref" if links.place == resource.place else "every row has the same"
                self.leave(address, part, links.place, f"{where}, which is not written back")
                continue
            leaf = self.links_leaf(links, link, delta)
            of = Accepted(address, part, links.place, _links_data(links), leaf.whole)
            at = (resource.place.line, resource.place.column)
            self.made.edits.append(YamlEdit(of, resource.place.file, at, part, leaf))

    def links_leaf(self, links: Links, link: DesiredLinks, delta: _Delta) -> Leaf:
        if link.rule is not None:
            link = replace(link, include=link.rule.include, exclude=link.rule.exclude)
        include = self.items(links.include, link, delta.include, delta.add)
        if links.form in ("partial", "rule"):
            exclude = self.items(links.exclude, link, delta.exclude, delta.bar)
            parts = {"include": include, "exclude": exclude}
            touched = {name: items for name, items in parts.items() if items.drop or items.add}
            whole = {name: items.whole for name, items in parts.items() if getattr(links, name) or items.add}
            return Parts(_where_data(links) | whole, touched)
        if link.definition.many:
            return include
        return Put(include.whole[0] if isinstance(include.whole, list) and include.whole else None)

    def items(self, refs: tuple[Ref, ...], link: DesiredLinks, gone: set[str], add: list[str]) -> Items:
        places = {
            target.place for target in (*link.include, *link.exclude) if str(self.resolution.target(target)) in gone
        }
        drop = frozenset(index for index, ref in enumerate(refs) if ref.place in places)
        kept = [_ref_data(ref) for index, ref in enumerate(refs) if index not in drop]
        return Items([*kept, *add], drop, tuple(add))

    def ref(self, kind: str, id: str) -> str:
        """A record as a file names it: a member's e-mail, a key of this project, else its id."""
        if kind == "member":
            return self.emails.get(id, id)
        address = self.comparer.address_of.get((kind, id))
        return address.key if address else id

    # ------------------------------------------------------------ what is gone

    def removable(self, trashed: Collection[Address]) -> set[Address]:
        """Of resources whose record is gone, those that nothing that stays refers to."""
        going = set(trashed)
        while True:
            kept = {
                address: found
                for address in sorted(going)
                if (found := referrer(address, self.project.resources, going, self.planned.schema))
            }
            if not kept:
                return going
            for address, (other, place) in kept.items():
                reason = f"its record is gone, and {other} refers to it at {place}"
                self.leave(address, (), self.project.resources[address].place, reason, "Take the ref out first.")
                going.discard(address)

    def removal(self, address: Address) -> None:
        """A resource goes from the files."""
        resource = self.project.resources[address]
        of = Accepted(address, (), resource.place, str(address), None)
        if resource.row is None:
            at = (resource.place.line, resource.place.column)
            self.made.edits.append(YamlEdit(of, resource.place.file, at, (), Put(None)))
        else:
            source = self.project.sources[resource.row.source]
            shared = source.query is None and shares_rows(source, self.row_files)
            if shared or source.query or resource.place.file != source.file.path:
                why = "other sources read the row too" if shared else "its row stands in no file"
                self.leave(address, (), resource.place, f"its record is gone, and {why}")
                return
            if source.unique == "first":
                why = "another row of its key may take its place: `unique: first`"
                self.leave(address, (), resource.place, f"its record is gone, and {why}")
                return
            self.made.edits.append(RowEdit(of, resource.place.file, resource.place.line, {}, source.file))


# ---------------------------------------------------------------- data


def _meaning(definition: FieldDef, data: JSON) -> JSON:
    """What a value of a field means, as it is compared. BadValueError for what is none."""
    row = VALUE_TYPES[definition.type]
    return row.canonical(row.parse(data, definition), definition, data)


def _ref_data(ref: Ref) -> JSON:
    return str(ref.text) if ref.match is None else {"match": {key: value.data for key, value in ref.match.items()}}


def _where_data(links: Links) -> dict[str, JSON]:
    return {} if links.where is None else {"where": {key: value.data for key, value in links.where.items()}}


def _links_data(links: Links) -> JSON:
    include: list[JSON] = [_ref_data(ref) for ref in links.include]
    if links.form in ("partial", "rule"):
        return _where_data(links) | {"include": include, "exclude": [_ref_data(ref) for ref in links.exclude]}
    return include if links.form == "exact" else include[0] if include else None
