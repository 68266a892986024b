"""Desired against live: what differs, and who moved it. Pure.

Prepare, then compare. Both sides of a resource become one flat dict of canonical values, `{(section, key): value}`,
with what is not managed left out; then they are equal or they are not. Where they are not, deepdiff says which keys,
and the state's two hashes say why (rules S4, S5):

    declared == live ............................... nothing
    both hashes as last time ....................... nothing: the server's own form of our value, settled
    no live hash, only a create sets it, and live
    may be the server's form of declared ........... nothing, and settled: nobody can write it another way
    no hashes, or declared moved ................... config
    live moved ..................................... drift
    both ........................................... conflict

A listed row may lag (rule R1). It is believed where it equals the declared values and the live hashes that the state
holds; otherwise the comparison is `doubtful` and the record must be read by id before anything is made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, TypeAlias

from lfsync.kinds import kind_of
from lfsync.knowledge.knowledge import Knowledge, title
from lfsync.model import (
    JSON,
    Address,
    Cause,
    Definitions,
    Desired,
    DesiredField,
    DesiredLinks,
    FieldChange,
    FieldDef,
    LinkChange,
    MembersChange,
    Record,
    Schema,
)
from lfsync.planning.far_sides import FarSides
from lfsync.planning.resolution import Resolution
from lfsync.state.state import Binding, Hashes, LinkHashes, State
from lfsync.values.pasted import pasted
from lfsync.values.pipelines import NEVER_SENT, STAGE, live_value
from lfsync.values.table import VALUE_TYPES

Section: TypeAlias = Literal["fields", "links", "members"]
Key: TypeAlias = tuple[Section, str]
KeyHashes: TypeAlias = Hashes | LinkHashes
MEMBERS: Key = ("members", "")
_STAGE: Key = ("fields", STAGE)


@dataclass(slots=True)
class Sides:
    """Every managed key of one resource: its canonical value on both sides.

    Of a relationship, who is `linked`; `include` and `exclude`: who must be and who must not, None for all others.
    """

    declared: dict[Key, JSON] = field(default_factory=dict)
    live: dict[Key, JSON] = field(default_factory=dict)
    linked: dict[Key, set[str]] = field(default_factory=dict)
    include: dict[Key, set[str]] = field(default_factory=dict)
    exclude: dict[Key, set[str] | None] = field(default_factory=dict)

    def is_wrong(self, key: Key, id: str) -> bool:
        """Whether a link is there that must not be, or the other way round.

        Nobody can tell of a link that is there, while the record of an address that must be linked is not known.
        """
        include, exclude = self.include[key], self.exclude[key]
        if id in self.linked[key]:
            return id not in include and not _pending(include) if exclude is None else id in exclude
        return id in include


@dataclass(frozen=True, slots=True)
class Difference:
    """What one resource needs.

    `hashes`         of every key that equals live, and of those that stay settled (rule S3)
    `settled`        nothing is to be done, and these are the hashes that the binding has
    `doubtful`       the record must be read by id before anything is made of this (rule R1)
    `members_moved`  the members are not those that the last apply left (rule R2)
    `frozen`         create-only keys that differ (rule I8)
    `lasting`        links that can't be cleared, and are declared to be none
    `kept`           what people changed in Lightfield, and is to stay (rule P5)
    `owed`           keys that the create still owes, and that nobody has set since
    `left_out`       it differs as the files ask as well, which --drift-only leaves out
    """

    fields: tuple[FieldChange, ...] = ()
    links: tuple[LinkChange, ...] = ()
    members: MembersChange | None = None
    causes: frozenset[Cause] = frozenset()
    hashes: Mapping[Key, KeyHashes] = field(default_factory=dict)
    settled: bool = False
    doubtful: bool = False
    members_moved: bool = False
    frozen: tuple[str, ...] = ()
    lasting: tuple[str, ...] = ()
    kept: Difference | None = None
    owed: tuple[str, ...] = ()
    left_out: bool = False

    def __bool__(self) -> bool:
        return bool(self.fields or self.links or self.members)


@dataclass(slots=True)
class _Found:
    """Why each key differs that does, what the state is to remember of each, and whether a row may lag behind."""

    causes: dict[Key, Cause] = field(default_factory=dict)
    hashes: dict[Key, KeyHashes] = field(default_factory=dict)
    doubtful: bool = False


class Comparer:
    """Compares one resource after the other against the same workspace.

    `drift_only`: what people changed in Lightfield since the last apply, and nothing else. `keep_drift`: that is no
    difference, but kept (rule P5). `kept`: keys that a plan keeps, whoever moved them since.
    """

    def __init__(
        self,
        desired: Mapping[Address, Desired],
        schema: Schema,
        state: State,
        knowledge: Knowledge,
        resolution: Resolution,
        *,
        drift_only: bool = False,
        keep_drift: bool = False,
        kept: Container[tuple[Address, Key]] = (),
    ) -> None:
        self.drift_only = drift_only
        self.keep_drift = keep_drift
        self.kept = kept
        self.desired = desired
        self.schema = schema
        self.state = state
        self.knowledge = knowledge
        self.resolution = resolution
        self.names = names(schema, knowledge, resolution)
        self.address_of = {(a.kind, id): a for a, id in resolution.ids.items()}
        self._returning = {(a.kind, resolution.ids[a]) for a in resolution.restored}

    @cached_property
    def far_sides(self) -> FarSides:
        """The links that could undo each other, by what is known when this is first asked for."""
        return FarSides(self.desired, self.resolution.ids, self.resolution.meant)

    def creation(self, desired: Desired) -> Difference:
        """Everything that is declared, against nothing."""
        fields = tuple(_field_change(f, None, "config") for f in desired.fields.values() if f.sent is not None)
        links = []
        for link in desired.links.values():
            include = self._targets(desired, link)
            if include:
                links.append(self._link_change(link, (), include, (), "config"))
        members = None
        if desired.members and (include := self._targets(desired, desired.members)):
            members = MembersChange(self._written(desired.members.definition.target, include), ())
        return Difference(fields, tuple(links), members, frozenset({"config"}))

    def comparison(self, desired: Desired, record: Record, binding: Binding | None) -> Difference:
        """The desired values against a live record; `binding` holds the hashes of the last apply.

        Of a redacted one nothing is told: what is hidden is no change, and no evidence of one.
        """
        known, owed = binding_hashes(binding), binding.owed if binding else ()
        if record.redacted or (desired.seed and not owed):
            return Difference(hashes=known, owed=owed)
        untouched = known if desired.seed else {}
        desired = _with_owed(desired, record, owed)
        sides = self.prepared(desired, record)
        found = self._found(desired, record, sides, known)
        if not found.causes and found.hashes == known:
            return Difference(hashes=known, settled=True)  # most resources in most plans
        causes = found.causes
        owed = tuple(name for name in owed if any(name == key_name(key) for key in causes))
        ours_moved = "config" in causes.values()
        if self.drift_only:
            causes = {key: cause for key, cause in causes.items() if cause != "config"}
        left = self._left_as_they_are(desired.address, causes)
        kept = {key: cause for key, cause in causes.items() if key in left}
        causes = {key: cause for key, cause in causes.items() if key not in left}
        changes = self._changes(desired, record, causes)
        members = known.get(MEMBERS)
        return Difference(
            *changes,
            causes=frozenset(causes.values()),
            hashes={key: last for key, last in untouched.items() if key not in sides.declared} | found.hashes,
            doubtful=found.doubtful and not record.fresh,
            members_moved=MEMBERS in sides.live
            and members is not None
            and self._moved(desired, record, sides, MEMBERS, members),
            frozen=tuple(k for _, k in causes if k in kind_of(desired.address.kind).create_only),
            lasting=tuple(link.key for link in changes[1] if self._is_cleared(desired, link)),
            kept=Difference(*self._changes(desired, record, kept)) if kept else None,
            owed=owed,
            left_out=self.drift_only and ours_moved,
        )

    def _found(self, desired: Desired, record: Record, sides: Sides, known: Mapping[Key, KeyHashes]) -> _Found:
        """Key by key: whether it differs, why, and what is remembered of it."""
        found = _Found()
        differing = set() if sides.declared == sides.live else _differing(sides.declared, sides.live)
        for key in sides.declared:
            last = known.get(key)
            if key not in differing:
                now = found.hashes[key] = self.hashes(desired, sides, key)
                if now != last and last is not None and key != MEMBERS:
                    found.doubtful = found.doubtful or self._moved(desired, record, sides, key, last)
                continue
            moved = last is not None and self._moved(desired, record, sides, key, last)
            ours = self.state.hash(sides.declared[key])
            if last is not None and _is_settled(self.state, last, sides.declared[key], sides.live[key]):
                found.hashes[key] = last
                continue
            if (last is None or last.live is None) and self._is_settled_for_good(desired, sides, key):
                found.hashes[key] = self.hashes(desired, sides, key)
                found.doubtful = True
                continue
            found.causes[key] = _cause(last, ours, moved=moved)
            if last is not None:
                found.hashes[key] = last
            found.doubtful = found.doubtful or key != MEMBERS
        return found

    def _is_settled_for_good(self, desired: Desired, sides: Sides, key: Key) -> bool:
        """Whether a create-only text is as the server may have written ours, though no hash can tell (I8, S5)."""
        section, name = key
        if section != "fields" or name not in kind_of(desired.address.kind).create_only:
            return False
        value_type = VALUE_TYPES[desired.fields[name].definition.type]
        return value_type.settles and value_type.is_form_of(sides.declared[key], sides.live[key])

    def _left_as_they_are(self, address: Address, causes: Mapping[Key, Cause]) -> set[Key]:
        """The keys that are not to be written, though they differ (rule P5)."""
        left = {k for k, cause in causes.items() if (self.keep_drift and cause == "drift") or (address, k) in self.kept}
        follow = {k for k in causes if k[0] == "fields" and k[1] in NEVER_SENT} if _STAGE in causes else set[Key]()
        return left | follow if _STAGE in left else left - follow

    def _is_cleared(self, desired: Desired, link: LinkChange) -> bool:
        """Whether a link that can't be cleared is to be."""
        return link.key in kind_of(desired.address.kind).lasting and not (link.add or desired.links[link.key].include)

    def hashes(self, desired: Desired, sides: Sides, key: Key) -> KeyHashes:
        """What the state remembers of a key whose live value is as it should be (rule S3)."""
        ours = self.state.hash(sides.declared[key])
        if key in sides.linked:
            return LinkHashes(ours, self._seen(desired, key, sides.linked[key]))
        return Hashes(ours, ours if sides.live[key] == sides.declared[key] else self.state.hash(sides.live[key]))

    def left(self, desired: Desired, sides: Sides, key: Key) -> KeyHashes:
        """The same of a key that was written and does not show the declared value (rule S5)."""
        ours = self.state.hash(sides.declared[key])
        return LinkHashes(ours, None) if key in sides.linked else Hashes(ours, None)

    def _seen(self, desired: Desired, key: Key, linked: set[str]) -> tuple[str, ...]:
        link = _link(desired, key)
        if link.exact:
            return self.state.linked(linked, (), exact=True)
        spoken_of = {str(self.resolution.target(target)) for target in (*link.include, *link.exclude)}
        return self.state.linked(linked, spoken_of, exact=False)

    def _moved(self, desired: Desired, record: Record, sides: Sides, key: Key, last: KeyHashes) -> bool:
        """Whether live is not what it was when the hashes were made, whatever was declared then."""
        if last.live is None:
            return False
        if isinstance(last, LinkHashes):
            return key in sides.linked and self.state.relinked(last.live, sides.linked[key])
        if last.live == self.state.hash(sides.live[key]):
            return False
        field = desired.fields[key[1]].definition
        value = live_value(record, field, self.schema.kinds[record.kind])
        forms = VALUE_TYPES[field.type].forms(value, field)
        return all(last.live != self.state.hash(form) for form in forms)

    def declared(self, desired: Desired) -> dict[Key, JSON]:
        """The canonical declared value of every managed key, whatever the record is."""
        sides = self.prepared(desired, Record(desired.address.kind, "", "", None, {}, {}))
        if desired.members is not None:
            self._add_side(sides, desired, MEMBERS, ())
        return sides.declared

    def hash_declared(self, desired: Desired, key: str) -> str:
        """What the state remembers of what is declared of a relationship."""
        return self.state.hash(self.declared(desired)["links", key])

    def endings(self, record: Record, keys: Iterable[str]) -> Iterator[LinkChange]:
        """The links that a record takes along to the trash, of these relationships."""
        relationships = self.schema.kinds[record.kind].relationships
        for definition in (relationships[key] for key in sorted(keys) if key in relationships):
            kind = definition.target
            linked = sorted(id for id in record.links.get(definition.key, ()) if not self.knowledge.is_gone(kind, id))
            if linked:
                before: list[JSON] = [self.names(kind, id) for id in linked]
                shown: tuple[JSON, JSON] = (sorted(before, key=str), []) if definition.many else (before[0], None)
                yield LinkChange(definition.key, *shown, (), self._written(kind, linked), "config")

    def dissolved(self, record: Record, kind: str) -> MembersChange:
        """The members that a list takes along."""
        return MembersChange((), self._written(kind, sorted(self.knowledge.memberships[record.id])))

    def prepared(self, desired: Desired, record: Record) -> Sides:
        """The canonical values of every managed key, on both sides."""
        sides = Sides()
        definitions = self.schema.kinds[record.kind]
        for key, wish in desired.fields.items():
            if key in desired.ignore_changes:
                continue
            at: Key = ("fields", key)
            sides.declared[at] = wish.canonical
            sides.live[at] = _as_compared(wish, record, definitions)
        for key in desired.links:
            if key not in desired.ignore_changes:
                self._add_side(sides, desired, ("links", key), record.links.get(key, ()))
        members = None if record.id in self.knowledge.unsettled else self.knowledge.memberships.get(record.id)
        rule = desired.members.rule if desired.members is not None else None
        if desired.members is not None and members is not None and not (rule and rule.silent):
            self._add_side(sides, desired, MEMBERS, members)
        return sides

    def _add_side(self, sides: Sides, desired: Desired, key: Key, ids: Iterable[str]) -> None:
        link = _link(desired, key)
        linked = sides.linked[key] = self._linked(desired, link, ids)
        include = sides.include[key] = {str(target) for target in self._targets(desired, link)} | (link.apart & linked)
        if link.exact:
            sides.exclude[key] = None
            sides.declared[key], sides.live[key] = _json(include), _json(linked)
        else:
            exclude = sides.exclude[key] = self._excluded(link)
            sides.declared[key] = [_json(include), []]
            sides.live[key] = [_json(include & linked), _json(exclude & linked)]

    def _linked(self, desired: Desired, link: DesiredLinks, ids: Iterable[str]) -> set[str]:
        """The live ids of a relationship, without those known to be in the trash, to stay there (rule S6)."""
        target = link.definition.target
        linked = {id for id in ids if not self.knowledge.is_gone(target, id) or (target, id) in self._returning}
        return linked - self._others(desired, link, linked) - link.leaving

    def _others(self, desired: Desired, link: DesiredLinks, ids: Iterable[str]) -> set[str]:
        """Ids whose own resource decides about this link from the other side: that side writes it (rule C9)."""
        return {id for id in ids if self._decided_there(desired, link, id, ending=True)}

    def _targets(self, desired: Desired, link: DesiredLinks) -> list[str | Address]:
        """What a relationship must hold: ids, and addresses of what is to be created; less the other side's."""
        targets = dict.fromkeys(self.resolution.target(target) for target in link.include)
        return [target for target in targets if not self._decided_there(desired, link, target, ending=False)]

    def _decided_there(self, desired: Desired, link: DesiredLinks, target: str | Address, *, ending: bool) -> bool:
        """Whether the target's own resource names this link too; an exact set there also decides about its `ending`."""
        inverse = kind_of(desired.address.kind).inverse.get(link.definition.key)
        if inverse is None or desired.address.kind == "contact":
            return False
        address = target if isinstance(target, Address) else self.address_of.get((link.definition.target, target))
        other = self.desired[address] if address else None
        if other is None or inverse not in other.links or inverse in other.ignore_changes:
            return False
        theirs = other.links[inverse]
        named = (*theirs.include, *theirs.exclude) if ending else theirs.include
        here = self.resolution.ids.get(desired.address, desired.address)
        return (ending and theirs.exact) or any(self.resolution.target(each) == here for each in named)

    # ------------------------------------------------------------ changes

    def _changes(
        self,
        desired: Desired,
        record: Record,
        causes: Mapping[Key, Cause],
    ) -> tuple[tuple[FieldChange, ...], tuple[LinkChange, ...], MembersChange | None]:
        definitions = self.schema.kinds[record.kind]
        fields = []
        links = []
        members = None
        for (section, key), cause in causes.items():
            if section == "fields":
                wish = desired.fields[key]
                fields.append(_field_change(wish, live_value(record, wish.definition, definitions), cause))
                continue
            link = _link(desired, (section, key))
            ids = record.links.get(key, ()) if section == "links" else self.knowledge.memberships[record.id]
            include = self._targets(desired, link)
            linked = self._linked(desired, link, ids)
            surplus = linked - {str(i) for i in include} - link.apart if link.exact else linked & self._excluded(link)
            add = [target for target in include if target not in linked]
            if section == "members":
                kind = link.definition.target
                members = MembersChange(self._written(kind, add), self._written(kind, surplus))
            else:
                links.append(self._link_change(link, sorted(linked), add, sorted(surplus), cause))
        return tuple(fields), tuple(links), members

    def _excluded(self, link: DesiredLinks) -> set[str]:
        return {str(self.resolution.target(target)) for target in link.exclude}

    def written(self, links: DesiredLinks, name: str) -> str:
        """One member as a plan holds it: the address of a resource of this project, else the id."""
        return str(self.address_of.get((links.definition.target, name), name))

    def _written(self, kind: str, targets: Iterable[str | Address]) -> tuple[str, ...]:
        """Targets as a plan holds them, in order: the address of a resource of this project, else the id."""
        held = (t if isinstance(t, Address) else self.address_of.get((kind, t), t) for t in targets)
        return tuple(sorted(map(str, held)))

    def _link_change(
        self,
        link: DesiredLinks,
        linked: Iterable[str],
        add: Iterable[str | Address],
        remove: Iterable[str],
        cause: Cause,
    ) -> LinkChange:
        kind = link.definition.target
        add, remove = list(add), list(remove)
        after = [*(id for id in linked if id not in remove), *add]
        before_names: list[JSON] = [self.names(kind, id) for id in linked]
        after_names: list[JSON] = [self.names(kind, target) for target in after]
        shown: tuple[JSON, JSON] = (sorted(before_names, key=str), sorted(after_names, key=str))
        if not link.definition.many:
            shown = (before_names[0] if before_names else None, after_names[0] if after_names else None)
        return LinkChange(link.definition.key, *shown, self._written(kind, add), self._written(kind, remove), cause)


def doubts(desired: Mapping[Address, Desired], schema: Schema, state: State) -> Callable[[Record], bool]:
    """A function that tells of a listed row whether its fields alone make the comparison doubtful.

    Of what is bound; it is asked as the pages come, before anything else is known (rule R1).
    """
    bound = {
        (address.kind, state.bindings[address].id): (wish, state.bindings[address])
        for address, wish in desired.items()
        if address in state.bindings and wish.id is None and not (wish.absent or wish.seed or wish.upload)
    }

    def is_doubtful(record: Record) -> bool:
        wish, binding = bound.get((record.kind, record.id), (None, None))
        if wish is None or binding is None or record.redacted:
            return False
        definitions = schema.kinds[record.kind]
        for key, each in wish.fields.items():
            live = _as_compared(each, record, definitions)
            differs = live != each.canonical and key not in wish.ignore_changes
            if differs and not _is_settled(state, binding.fields.get(key), each.canonical, live):
                return True
        return False

    return is_doubtful


def _as_compared(wish: DesiredField, record: Record, definitions: Definitions) -> JSON:
    """The canonical live value of a field. A text that shows just as it was sent, as most do, is the declared one."""
    value = live_value(record, wish.definition, definitions)
    if type(value) is str and value == wish.sent:
        return wish.canonical
    return VALUE_TYPES[wish.definition.type].canonical(value, wish.definition, wish.declared)


def names(schema: Schema, knowledge: Knowledge, resolution: Resolution) -> Callable[[str, str | Address], str]:
    """A function that names a record for people: its address, a member's e-mail, or `Title (id)`."""
    members = {member.id: member.email or member.id for member in schema.members}
    addresses = {(a.kind, id): str(a) for a, id in resolution.ids.items()}

    def name(kind: str, target: str | Address) -> str:
        if isinstance(target, Address):
            return str(target)
        if kind == "member":
            return members.get(target, target)
        if address := addresses.get((kind, target)):
            return address
        record = knowledge.record(kind, target)
        called = title(record) if record else ""
        return f"{called} ({target})" if called else target

    return name


def key_name(key: Key) -> str:
    """What people call a key."""
    return key[1] or "members"


def adding(desired: Desired, owed: Container[str]) -> Desired:
    """The wish, where of sets that its create still owes what is missing is added, and nothing taken out (rule L1)."""
    late = {key for key in desired.links if key in owed and (desired.seed or key in desired.ignore_changes)}
    if desired.members and desired.seed and "members" in owed:
        desired = replace(desired, members=_added(desired.members))
    return replace(desired, links={k: _added(link) if k in late else link for k, link in desired.links.items()})


def _added(link: DesiredLinks) -> DesiredLinks:
    return replace(link, exact=False, exclude=())


def _with_owed(desired: Desired, record: Record, owed: Container[str]) -> Desired:
    """The wish, and with it what its create still owes and nobody has set since: a later edit stands (rule L1)."""
    if not owed:
        return desired
    wish = adding(desired, owed)
    due = {key for key in wish.fields if key in owed and record.fields.get(key) in (None, "", [])}
    due |= {k for k, link in wish.links.items() if k in owed and (link.definition.many or not record.links.get(k))}
    if not wish.seed:
        return replace(wish, ignore_changes=wish.ignore_changes - due)
    return replace(
        wish,
        seed=False,
        ignore_changes=frozenset(),
        fields={key: field for key, field in wish.fields.items() if key in due},
        links={key: link for key, link in wish.links.items() if key in due},
        members=wish.members if "members" in owed else None,
    )


def binding_hashes(binding: Binding | None) -> dict[Key, KeyHashes]:
    """The hashes of a binding by key, as the comparison has them."""
    if binding is None:
        return {}
    found: dict[Key, KeyHashes] = {("fields", key): hashes for key, hashes in binding.fields.items()}
    found.update((("links", key), hashes) for key, hashes in binding.links.items())
    if binding.members is not None:
        found[MEMBERS] = binding.members
    return found


def with_hashes(binding: Binding, hashes: Mapping[Key, KeyHashes]) -> Binding:
    """The binding with these hashes and no others."""
    fields = {key: h for (section, key), h in hashes.items() if section == "fields" and isinstance(h, Hashes)}
    links = {key: h for (section, key), h in hashes.items() if section == "links" and isinstance(h, LinkHashes)}
    members = hashes.get(MEMBERS)
    return replace(binding, fields=fields, links=links, members=members if isinstance(members, LinkHashes) else None)


def _pending(targets: Iterable[str]) -> bool:
    """Whether an address is among ids: its record is still to be made, or to be known."""
    return any("." in target for target in targets)


def _link(desired: Desired, key: Key) -> DesiredLinks:
    link = desired.members if key == MEMBERS else desired.links[key[1]]
    assert link is not None
    return link


def _differing(declared: Mapping[Key, JSON], live: Mapping[Key, JSON]) -> set[Key]:
    """The keys in which two prepared sides differ."""
    from deepdiff import DeepDiff

    numbered = list(declared)
    before = {str(n): live[key] for n, key in enumerate(numbered)}
    after = {str(n): declared[key] for n, key in enumerate(numbered)}
    tree = DeepDiff(before, after, view="tree")
    return {numbered[int(level.path(output_format="list")[0])] for levels in tree.values() for level in levels}


def _is_settled(state: State, last: KeyHashes | None, declared: JSON, live: JSON) -> bool:
    """Whether the server shows its own form of our value, as it did last time (rule S5)."""
    return isinstance(last, Hashes) and last == Hashes(state.hash(declared), state.hash(live))


def _cause(last: KeyHashes | None, declared: str, *, moved: bool) -> Cause:
    if not moved or last is None:
        return "config"
    return "drift" if last.declared == declared else "conflict"


def _field_change(wish: DesiredField, live: JSON, cause: Cause) -> FieldChange:
    definition = wish.definition
    return FieldChange(
        key=definition.key,
        label=definition.label,
        value_type=definition.type,
        before=_shown(definition, live),
        after=_shown(definition, wish.sent),
        before_raw=live,
        after_raw=wish.sent,
        cause=cause,
    )


def _shown(definition: FieldDef, value: JSON) -> JSON:
    return pasted(value, definition)


def _json(ids: Iterable[str]) -> list[JSON]:
    return [*sorted(ids)]
