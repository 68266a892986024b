"""Who is in a list by rule (design.md, section 17; rule K1). Pure.

A rule is asked once all other changes are drafted, of every live record of the kind, as the plan will leave it:

  what the files declare of a record ..... counts as declared, also where the server has a form of its own for it (S5)
  ... but is left as it is ............... counts as it is: ignored, a seed's, kept drift, blocked, excluded
  linked from the other side ............. counts as that side's change has it (rule C9)
  to be made, or out of the trash ........ is there, with what the files declare
  to be trashed .......................... is no member; nobody takes it out, for the trash does
  everything else ........................ counts as it is

Only a complete search tells who is in (rule I9). A listed row may lag: before it lets somebody in or out, the record is
read by id (rule R1), but where the files declare all that the rule looks at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Set
from dataclasses import dataclass, field, replace

from lfsync.kinds import is_kind, kind_of
from lfsync.knowledge.finder import MASKABLE
from lfsync.knowledge.knowledge import Knowledge, named, title_quotes
from lfsync.model import (
    JSON,
    Address,
    Change,
    Condition,
    Desired,
    DesiredLinks,
    FieldDef,
    MembersChange,
    Record,
    Rule,
    Schema,
    Target,
)
from lfsync.planning.identity import StuckError
from lfsync.planning.resolution import Resolution
from lfsync.values.pipelines import PIPELINE, STAGE, live_value
from lfsync.values.table import VALUE_TYPES, match_keys

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """Who is in one list.

    `rests`: by the id, or the address of what is to be made, the planned changes without which somebody would be in, or
    out. `rows`: ids that were judged by a row alone. `unread`: of records that can't be read to judge them, why.
    """

    members: DesiredLinks
    rests: Mapping[str, frozenset[Address]] = field(default_factory=dict)
    rows: frozenset[str] = frozenset()
    unread: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drafted:
    """What is drafted of everything but lists by rule.

    `quiet`: resources of which nothing will be written. `kept`: keys of others that stay as they are (rule P5);
    `only_changes`: all but what the changes show does.
    """

    desired: Mapping[Address, Desired]
    changes: Mapping[Address, Change]
    quiet: Container[Address]
    kept: Container[tuple[Address, str]]
    only_changes: bool


@dataclass(slots=True)
class _Relinked:
    """What changes of links that a record has: who comes, who goes, and whose changes that is."""

    add: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    remove: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    by: set[Address] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A record before and after: None where it is not there yet. `declared`: keys that count as the files have them."""

    name: str
    before: Record | None
    after: Record
    by: frozenset[Address]
    declared: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Found:
    """What a rule finds; `hidden`: what can't be judged; `apart`: of what nobody is sure that it is there."""

    members: set[str] = field(default_factory=set)
    apart: set[str] = field(default_factory=set)
    rests: dict[str, frozenset[Address]] = field(default_factory=dict)
    rows: set[str] = field(default_factory=set)
    unread: dict[str, str] = field(default_factory=dict)
    hidden: list[Record] = field(default_factory=list)


class Answers:
    """Answers the rules of one draft."""

    def __init__(self, drafted: Drafted, schema: Schema, resolution: Resolution, knowledge: Knowledge) -> None:
        self.drafted = drafted
        self.schema = schema
        self.resolution = resolution
        self.knowledge = knowledge
        self.leaving = {(a.kind, str(c.id)) for a, c in drafted.changes.items() if c.action == "delete"}
        self._relinked = self._links_that_change()
        self._candidates: dict[str, list[_Candidate]] = {}

    def answer(self, links: DesiredLinks, rule: Rule) -> Answer | None:
        """Who is in; None where that must be read first. StuckError where nobody can tell."""
        kind = links.definition.target
        if not self.knowledge.is_searched(kind, (), found=False):
            if kind in self.knowledge.unlistable:
                what = f"who is in it can't be told: the list of {kind}s moves while it is read"
                raise StuckError(what, "Plan again when it is quiet.")
            return None
        leaving = frozenset(id for name, id in self.leaving if name == kind)
        found = self._found(kind, rule, leaving)
        if found.hidden:
            shown = "; ".join(map(named, found.hidden[:_SHOWN]))
            what = f"who is in it can't be told: this key sees the metadata only of {shown}"
            hint = "Use the key of an admin; or name the record below `include` or `exclude`."
            raise StuckError(what, hint, title_quotes(*found.hidden[:_SHOWN]))
        self._doubt_contradicted(kind, {condition.key for condition in rule.conditions})
        unread = found.unread
        members = self._filled(links, rule, found.members - unread.keys())
        members = replace(members, apart=frozenset(found.apart | unread.keys()), leaving=leaving)
        return Answer(members, found.rests, frozenset(found.rows - unread.keys()), unread)

    def _found(self, kind: str, rule: Rule, leaving: Container[str]) -> _Found:
        """Every record held against the rule, but for those that it names."""
        found = _Found()
        tests = [_Test(self, kind, condition) for condition in rule.conditions]
        keys = {condition.key for condition in rule.conditions}
        named_in, named_out = self.names(rule.include), self.names(rule.exclude)
        for each in self._of_kind(kind):
            if each.name in leaving or each.name in named_in or each.name in named_out:
                continue
            now = _all(tests, each.after)
            was = now if each.before is each.after else each.before is not None and _all(tests, each.before)
            if now is None:
                found.hidden.append(each.after)
            if now and each.before is not None and not self._is_there(kind, each.name, found.apart):
                continue
            if now:
                found.members.add(each.name)
            if now != was:
                found.rests[each.name] = each.by
            if each.before is not None and not each.before.fresh and not keys <= each.declared:
                if why := self.knowledge.forbidden.get((kind, each.name)):
                    found.unread[each.name] = why
                found.rows.add(each.name)
        return found

    def _doubt_contradicted(self, kind: str, keys: Iterable[str]) -> None:
        """A link that was written from the other side a moment ago, which a row does not show yet (rule R4)."""
        knowledge = self.knowledge
        for key in kind_of(kind).inverse.keys() & set(keys):
            back, far = kind_of(kind).inverse[key], self.schema.kinds[kind].relationships[key].target
            shown: dict[str, set[str]] = defaultdict(set)
            fresh = [record for record in knowledge.of_kind(far) if record.fresh]
            for record in fresh:
                for id in record.links.get(back, ()):
                    shown[id].add(record.id)
            known = {record.id for record in fresh}
            for row in knowledge.of_kind(kind):
                says = known.intersection(row.links.get(key, ()))
                if not row.fresh and says != shown[row.id] and (kind, row.id) not in knowledge.forbidden:
                    knowledge.wanted.records.add((kind, row.id))

    def saved(
        self, links: DesiredLinks, planned: MembersChange, members: Iterable[str], lost: Container[Address]
    ) -> Answer:
        """Who is in by a saved plan: all that are, with who comes and without who goes (rule K1).

        `lost`: what can't be made by now.
        """
        kind = links.definition.target
        going = {self._name(text) for text in planned.remove}
        coming = {name for name in map(self._name, planned.add) if "." not in name or Address.parse(name) not in lost}
        found = {id for id in {*members, *coming} if not self.knowledge.is_gone(kind, id)} - going
        return Answer(self._filled(links, Rule((), (), ()), found))

    def _filled(self, links: DesiredLinks, rule: Rule, found: Set[str]) -> DesiredLinks:
        """The links with an answer: what is included by name, and what was found."""
        more = (_target(links, name) for name in sorted(found - self.names(rule.include)))
        return replace(links, include=(*rule.include, *more), exclude=())

    # ------------------------------------------------------------ candidates

    def _of_kind(self, kind: str) -> list[_Candidate]:
        if kind not in self._candidates:
            self._candidates[kind] = list(self._as_they_will_be(kind))
        return self._candidates[kind]

    def _as_they_will_be(self, kind: str) -> Iterable[_Candidate]:
        owners = {id: address for address, id in self.resolution.ids.items() if address.kind == kind}
        before = {record.id: record for record in self.knowledge.of_kind(kind)}
        for address, change in self.drafted.changes.items():
            if address.kind != kind or address in self.drafted.quiet:
                continue
            if change.action == "create":
                yield self._candidate(str(address), None, Record(kind, "", "", None, {}, {}), address)
            elif change.action == "restore" and change.id and change.id not in before:
                known = self.knowledge.seen(kind, change.id)
                yield self._candidate(change.id, None, known or Record(kind, change.id, "", None, {}, {}), address)
        for id, record in before.items():
            owner = owners.get(id)
            is_returning = owner in self.resolution.restored
            yield self._candidate(id, None if is_returning else record, record, owner)

    def _candidate(self, name: str, before: Record | None, record: Record, owner: Address | None) -> _Candidate:
        declared = self._declared(owner, is_new=before is None) if owner is not None else {}
        moved = self._relinked.get((record.kind, name))
        by = set(moved.by) if moved else set[Address]()
        if owner is not None and owner in self.drafted.changes:
            by.add(owner)
        if not declared and moved is None:
            return _Candidate(name, before, record, frozenset(by))
        fields = {**record.fields, **declared}
        if STAGE in declared and PIPELINE not in declared:
            fields.pop(PIPELINE, None)  # it follows from the stage
        links = dict(record.links)
        for key in (moved.add.keys() | moved.remove.keys()) if moved else ():
            assert moved is not None
            links[key] = tuple(sorted(({*links.get(key, ())} - moved.remove[key]) | moved.add[key]))
        return _Candidate(name, before, replace(record, fields=fields, links=links), frozenset(by), frozenset(declared))

    def _declared(self, owner: Address, *, is_new: bool) -> Mapping[str, JSON]:
        """The fields of a record that count as the files declare them."""
        drafted, wish = self.drafted, self.drafted.desired.get(owner)
        change = drafted.changes.get(owner)
        if wish is None or owner in drafted.quiet or (change is not None and change.action == "delete"):
            return {}
        if wish.absent or (wish.seed and not is_new):
            return {}
        quiet = frozenset[str]() if is_new else wish.ignore_changes
        shown = {each.key for each in change.fields} if change is not None else set[str]()
        return {
            key: each.sent
            for key, each in wish.fields.items()
            if key not in quiet and (owner, key) not in drafted.kept and (key in shown or not drafted.only_changes)
        }

    def _links_that_change(self) -> dict[tuple[str, str], _Relinked]:
        """By record, what the changes say of its links: its own, and those that the other side writes."""
        found: dict[tuple[str, str], _Relinked] = defaultdict(_Relinked)
        for address, change in self.drafted.changes.items():
            if address in self.drafted.quiet:
                continue
            own = change.id or self._name(str(address))
            definitions = self.schema.kinds.get(address.kind)
            for link in change.relationships:
                mine = found[address.kind, own]
                mine.by.add(address)
                mine.add[link.key] |= set(map(self._name, link.add))
                mine.remove[link.key] |= set(map(self._name, link.remove))
                back = kind_of(address.kind).inverse.get(link.key)
                rel = definitions.relationships.get(link.key) if definitions else None
                if back is None or rel is None:
                    continue
                for texts, part in ((link.add, "add"), (link.remove, "remove")):
                    for text in texts:
                        theirs = found[rel.target, self._name(text)]
                        theirs.by.add(address)
                        (theirs.add if part == "add" else theirs.remove)[back].add(own)
        return found

    def _is_there(self, kind: str, id: str, apart: set[str]) -> bool:
        """Whether a record is there; one of which nobody is sure stays where it is."""
        presence = self.knowledge.presence(kind, id)
        if presence == "unsure":
            apart.add(id)
        return presence in ("there", "forbidden")

    # ------------------------------------------------------------ names

    def _name(self, text: str) -> str:
        """What a plan names, as its id where it has one."""
        return self.resolution.ids.get(Address.parse(text), text) if "." in text else text

    def names(self, targets: Iterable[Target]) -> set[str]:
        """What refs mean: ids, and addresses of what is to be made."""
        return {str(self.resolution.target(target)) for target in targets}


class _Test:
    """One condition, made ready to be asked of many records."""

    def __init__(self, answers: Answers, kind: str, condition: Condition) -> None:
        self.key = condition.key
        self.field = condition.field
        self.empty = condition.empty
        self.answers = answers
        self.definitions = answers.schema.kinds[kind]
        self.target = condition.links.definition.target if condition.links else ""
        if condition.field is not None:
            values = (_identities(condition.field, value) for value in condition.values)
            self.wanted = frozenset[str]().union(*values)
        else:
            assert condition.links is not None
            self.wanted = frozenset(answers.names(condition.links.include))

    def holds(self, record: Record) -> bool | None:
        """None where what this key sees of the record doesn't tell."""
        held = self._held(record)
        if record.redacted and (not held or (self.field is not None and self.field.type in MASKABLE)):
            return None
        return not held.isdisjoint(self.wanted) or (self.empty and not held)

    def _held(self, record: Record) -> frozenset[str]:
        if self.field is None:
            linked = frozenset(record.links.get(self.key, ()))
            return linked if not (self.empty and linked) else frozenset(filter(self._is_linked, linked))
        return _identities(self.field, live_value(record, self.field, self.definitions))

    def _is_linked(self, name: str) -> bool:
        """Whether a link leads to something that is there, and stays: others are as none (rule S6)."""
        if "." in name or not is_kind(self.target):
            return True
        knowledge = self.answers.knowledge
        return (self.target, name) not in self.answers.leaving and knowledge.presence(self.target, name) != "gone"


def _all(tests: Iterable[_Test], record: Record) -> bool | None:
    """Whether every condition holds: None where some can't be told, and none fails."""
    told: bool | None = True
    for test in tests:
        holds = test.holds(record)
        if holds is False:
            return False
        told = told if holds else None
    return told


def _identities(field: FieldDef, value: JSON) -> frozenset[str]:
    return match_keys(VALUE_TYPES[field.type].canonical(value, field))


def _target(links: DesiredLinks, name: str) -> Target:
    """A ref to what was found: an id, or the address of what is to be made."""
    address = Address.parse(name) if "." in name else None
    return Target(links.place, address.key if address else name, address=address, id=None if address else name)


def is_ruled(wish: Desired) -> bool:
    """Whether a resource is a list by rule."""
    return wish.members is not None and wish.members.rule is not None


def rests_on(wish: Desired) -> set[str]:
    """The kinds whose changes may let somebody into a list by rule, or out of it."""
    if wish.members is None or wish.members.rule is None:
        return set()
    kind = wish.members.definition.target
    links = [condition.links for condition in wish.members.rule.conditions if condition.links is not None]
    far = {each.definition.target for each in links if each.definition.key in kind_of(kind).inverse}
    return {kind, *far}


def without_conditions(wish: Desired) -> Desired:
    """A list by rule of which a saved plan says who comes and goes: nothing is looked for (rule K1)."""
    assert wish.members is not None
    assert wish.members.rule is not None
    return replace(wish, members=replace(wish.members, rule=replace(wish.members.rule, conditions=())))


def without(change: Change, wish: Desired, lost: Set[str], resolution: Resolution) -> tuple[Change, Desired]:
    """A change of a list by rule, and what it declares, less the members that it names so: they stay as they are."""
    assert change.members is not None
    assert wish.members is not None
    ids = {resolution.ids.get(Address.parse(text), text) if "." in text else text for text in lost}
    add = tuple(text for text in change.members.add if text not in lost)
    remove = tuple(text for text in change.members.remove if text not in lost)
    links = wish.members
    include = tuple(target for target in links.include if str(resolution.target(target)) not in ids)
    apart = links.apart | {id for id in ids if "." not in id}
    left = MembersChange(add, remove) if add or remove else None
    return replace(change, members=left), replace(wish, members=replace(links, include=include, apart=apart))
