"""Desired, schema, state and live to a Draft: what is to be done with each resource. Pure.

Planning runs in rounds. A draft decides everything that can be decided on what has been read, and knowledge collects
the reads that are wanted before the rest can be trusted. When a draft wants nothing, it is the plan.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from lfsync.kinds import is_kind, kind_of, member_kind, rank
from lfsync.knowledge.knowledge import Knowledge, title, title_quotes
from lfsync.model import (
    JSON,
    Action,
    Address,
    Blocked,
    Cause,
    Change,
    Desired,
    FieldChange,
    Kept,
    LinkChange,
    MembersChange,
    Place,
    PlanWarning,
    Query,
    Quoted,
    Record,
    Schema,
    Target,
)
from lfsync.planning.diff import MEMBERS, Comparer, Difference, binding_hashes, with_hashes
from lfsync.planning.identity import StuckError, quotes, sought_by
from lfsync.planning.resolution import Resolution, resolve
from lfsync.planning.rule_lists import Answer, Answers, Drafted, is_ruled, without
from lfsync.planning.uploads import Leftovers, noted, shown, with_content
from lfsync.state.state import Binding, State
from lfsync.times import unix_time
from lfsync.values.pasted import pasted
from lfsync.values.pipelines import live_value
from lfsync.values.table import VALUE_TYPES


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks for beyond the files.

    `only`: prune no orphan but these. `state_file`: where orphans are declared still, for people. `left_out`: what this
    run writes nothing of. `members`: who comes and goes by a saved plan, of its lists by rule (rule K1).
    """

    prune: bool = False
    recreate_missing: bool = False
    drift_only: bool = False
    keep_drift: bool = False
    only: frozenset[Address] | None = None
    state_file: str = "state"
    left_out: frozenset[Address] = frozenset()
    members: Mapping[Address, MembersChange | None] = field(default_factory=dict)

    def prunable(self, state: State, desired: Mapping[Address, Desired]) -> list[Address]:
        """The orphans that may go, in order: bound before, declared no more (rule L2)."""
        if not self.prune or self.drift_only:
            return []
        return sorted((a for a in state.orphans(desired) if self.only is None or a in self.only), key=rank)


_NO_WISHES = Wishes()
_REDACTED = "this key sees the metadata of {id} only, so that what is hidden can't be compared"


@dataclass(slots=True)
class Draft:
    """One round of planning.

    `bindings`: what the state holds of every resource that has a record (rule S3). `released`: addresses that are to
    have none, and whose record is gone already. `members`: how many a list has that is declared. `leftovers`: uploads
    that killed runs left open. `kept`: what people changed in Lightfield, and is to stay (rule P5). `rests`: of lists
    by rule, on whose changes it rests who is in, by the member as a plan names it (rule K1). `unplanned`: what differs
    as the files ask, which --drift-only leaves out.
    """

    desired: dict[Address, Desired]
    resolution: Resolution
    changes: dict[Address, Change] = field(default_factory=dict)
    blocked: dict[Address, Blocked] = field(default_factory=dict)
    bindings: dict[Address, Binding] = field(default_factory=dict)
    released: list[Address] = field(default_factory=list)
    members: dict[Address, int] = field(default_factory=dict)
    warnings: list[PlanWarning] = field(default_factory=list)
    leftovers: Leftovers = field(default_factory=Leftovers)
    kept: dict[Address, tuple[Kept, ...]] = field(default_factory=dict)
    rests: dict[Address, Mapping[str, frozenset[Address]]] = field(default_factory=dict)
    unplanned: set[Address] = field(default_factory=set)

    def warn(self, message: str, quoted: tuple[Quoted, ...] = ()) -> None:
        """Add a warning; `quoted` as in `PlanWarning`."""
        self.warnings.append(PlanWarning(message, quoted))

    def can_do_without(self, address: Address, needed: Address) -> bool:
        """Take one that can't be made out of a list by rule, if it is in by the rule alone, and not by its name."""
        change, wish = self.changes[address], self.desired[address]
        rule = wish.members.rule if wish.members is not None else None
        if rule is None or change.members is None or any(target.address == needed for target in rule.include):
            return False
        left, self.desired[address] = without(change, wish, {str(needed)}, self.resolution)
        if left.fields or left.members or left.action != "update":
            self.changes[address] = left
        else:
            del self.changes[address]
        return True

    def restrict(self, kept: Container[Address]) -> None:
        """Forget what was drafted of any other address: it was looked at only to be told from these."""
        self.changes = {address: change for address, change in self.changes.items() if address in kept}
        self.blocked = {address: blocked for address, blocked in self.blocked.items() if address in kept}
        self.bindings = {address: binding for address, binding in self.bindings.items() if address in kept}
        self.released = [address for address in self.released if address in kept]
        self.kept = {address: values for address, values in self.kept.items() if address in kept}


def draft(
    desired: Mapping[Address, Desired],
    schema: Schema,
    state: State,
    knowledge: Knowledge,
    wishes: Wishes = _NO_WISHES,
) -> Draft:
    """One round over everything declared; `knowledge` is told what must be read before it can be believed."""
    resolution = resolve(desired, schema, state, knowledge, recreate_missing=wishes.recreate_missing)
    made = Draft(
        dict(desired), resolution, blocked=dict(resolution.blocked), warnings=[*map(PlanWarning, resolution.warnings)]
    )
    comparer = Comparer(
        desired, schema, state, knowledge, resolution, drift_only=wishes.drift_only, keep_drift=wishes.keep_drift
    )
    ruled = [wish for wish in desired.values() if is_ruled(wish) and not wish.absent]
    apart = {wish.address for wish in ruled}
    for address, wish in desired.items():
        if address not in apart:
            _draft_one(made, comparer, wish, wishes)
    _block_dependents(made)
    made.released += state.moves.done
    lines = state.as_kept().lines() if wishes.prune else {}
    for address in wishes.prunable(state, desired):
        _draft_orphan(made, comparer, state.bindings[address], Place(wishes.state_file, lines[address]))
    if ruled:
        _draft_ruled(made, comparer, ruled, wishes)
        _block_dependents(made)
    _warn_of_waiting_deletes(made, state)
    for address, change in made.changes.items():
        made.changes[address] = _told(made, change, knowledge)
    return made


def _draft_one(made: Draft, comparer: Comparer, wish: Desired, wishes: Wishes) -> None:
    id = made.resolution.ids.get(wish.address)
    if wish.address in made.blocked:
        return
    if wishes.drift_only and (id is None or wish.absent):
        if wish.absent == (id is not None):
            made.unplanned.add(wish.address)
        return
    if wish.absent:
        _draft_absent(made, comparer, wish, id, wishes)
    elif id is None:
        _draft_create(made, comparer, wish)
    else:
        _draft_existing(made, comparer, wish, id)


# ---------------------------------------------------------------- lists by rule


def _draft_ruled(made: Draft, comparer: Comparer, ruled: Iterable[Desired], wishes: Wishes) -> None:
    """Lists by rule, now that it is known what becomes of all else (rule K1)."""
    kept = {(address, each.key) for address, values in made.kept.items() for each in values}
    quiet = {*made.blocked, *wishes.left_out}
    drafted = Drafted(made.desired, dict(made.changes), quiet, kept, wishes.drift_only)
    answers = Answers(drafted, comparer.schema, made.resolution, comparer.knowledge)
    for wish in ruled:
        if wish.address in made.blocked:
            continue
        try:
            answer = _answer(made, answers, wish, wishes, comparer.knowledge)
        except StuckError as stuck:
            made.blocked[wish.address] = Blocked(wish.address, stuck.reason, stuck.hint, wish.place, stuck.quoted)
            continue
        if answer is None:
            continue
        made.desired[wish.address] = replace(wish, members=answer.members)
        made.rests[wish.address] = {comparer.written(answer.members, name): by for name, by in answer.rests.items()}
        for id, why in answer.unread.items():
            made.warn(f"{wish.address}: whether {id} is in can't be told, and it stays as it is: {why}")
        _draft_one(made, comparer, made.desired[wish.address], wishes)
        _doubt_rows(made, comparer, made.desired[wish.address], answer.rows)


def _answer(made: Draft, answers: Answers, wish: Desired, wishes: Wishes, knowledge: Knowledge) -> Answer | None:
    """Who is in a list by rule; None where something must be read first."""
    assert wish.members is not None
    assert wish.members.rule is not None
    if wish.address not in wishes.members:
        return answers.answer(wish.members, wish.members.rule)
    id, planned = made.resolution.ids.get(wish.address), wishes.members[wish.address]
    if planned is None:
        return Answer(replace(wish.members, rule=replace(wish.members.rule, silent=True)))
    members = knowledge.members(id, wish.members.definition.target) if id else frozenset[str]()
    return None if members is None else answers.saved(wish.members, planned, members, made.blocked)


def _doubt_rows(made: Draft, comparer: Comparer, wish: Desired, rows: Container[str]) -> None:
    """Whom a row alone lets in or out is read by id first (rule R1)."""
    change, kept = made.changes.get(wish.address), made.kept.get(wish.address, ())
    moving = [change.members] if change is not None else []
    for each in (*moving, *kept):
        for text in (*each.add, *each.remove) if each is not None else ():
            id = comparer.resolution.ids.get(Address.parse(text), text) if "." in text else text
            if id in rows and wish.members is not None:
                comparer.knowledge.wanted.records.add((wish.members.definition.target, id))


def _told(made: Draft, change: Change, knowledge: Knowledge) -> Change:
    """A change with what a person calls its record, where that is to be seen, and where the binding comes from."""
    address, former = change.address, made.resolution.moved.get(change.address)
    record = knowledge.seen(address.kind, change.id) if change.id else None
    called = title(record) if record else _declared_title(made.desired[address]) if change.action == "create" else ""
    return replace(change, name=called or None, link=record.link if record else None, moved_from=former)


def _declared_title(wish: Desired) -> str:
    fields = {key: field.sent for key, field in wish.fields.items()}
    return title(Record(wish.address.kind, "", "", None, fields, {}))


def _draft_create(made: Draft, comparer: Comparer, wish: Desired) -> None:
    missing = [key for key in kind_of(wish.address.kind).required if not _declared(wish, key)]
    if missing:
        keys = ", ".join(f"`{key}`" for key in missing)
        looked = f"nothing live matches {sought_by(wish)}" if wish.query else "it is not there"
        reason = f"{looked}, and a new {wish.address.kind} needs {keys}"
        hint = "Declare what is missing, or correct the match so that it finds the record."
        quoted = tuple(each for query in wish.queries for each in quotes(query))
        made.blocked[wish.address] = Blocked(wish.address, reason, hint, wish.place, quoted)
        return
    for key in kind_of(wish.address.kind).past:
        moment = unix_time(str(wish.fields[key].sent)) if key in wish.fields else None
        if moment is not None and moment >= comparer.knowledge.now:
            reason = f"`{key}` is not over yet, and a {wish.address.kind} can only be made once it is"
            hint = "Plan again when it is, or correct the date."
            made.blocked[wish.address] = Blocked(wish.address, reason, hint, wish.fields[key].place)
            return
    creation = comparer.creation(wish)
    _doubt_additions(comparer, wish, creation)
    flags = kind_of(wish.address.kind).flags
    warnings = tuple(f"`{key}`: {flags[key]}, which no file declares" for key, is_set in wish.flags.items() if is_set)
    made.changes[wish.address] = _change(wish, "create", creation, warnings=warnings)
    if wish.upload is not None:
        _draft_upload(made, comparer, wish.address)


def _draft_upload(made: Draft, comparer: Comparer, address: Address) -> None:
    """Changed content is an update whose id is replaced; the old file stays, for no API deletes it (rule F1)."""
    change, id = made.changes[address], made.resolution.replaced.get(address)
    if id is None:
        made.changes[address] = replace(change, fields=shown(address.kind, change.fields, None))
        return
    fields = shown(address.kind, change.fields, comparer.knowledge.record(address.kind, id))
    stays = f"{id} stays as it is, and the new content gets another id: the API changes and deletes no {address.kind}s"
    made.changes[address] = replace(change, action="update", id=id, fields=fields, warnings=(stays,))


def _block_dependents(made: Draft) -> None:
    """What refers to something that can't be made is blocked as well, as `resolve` does where that is blocked there."""
    blocked = -1
    while blocked != len(made.blocked):
        blocked = len(made.blocked)
        for address, change in list(made.changes.items()):
            if change.action == "delete":
                continue
            wish = made.desired[address]
            targets = [*references(change), *(query_targets(wish.query) if change.action == "create" else ())]
            lost = next((t for t in targets if t in made.blocked and t not in made.resolution.ids), None)
            if lost is not None:
                del made.changes[address]
                made.bindings.pop(address, None)
                made.blocked[address] = Blocked(address, f"refers to {lost}, which is blocked", None, wish.place)


def _declared(wish: Desired, key: str) -> bool:
    if key in wish.fields:
        return wish.fields[key].sent is not None
    return key in wish.links and bool(wish.links[key].include)


def _draft_existing(made: Draft, comparer: Comparer, wish: Desired, id: str) -> None:
    address, knowledge = wish.address, comparer.knowledge
    restored = address in made.resolution.restored
    listed = restored and kind_of(address.kind).trash
    record = knowledge.trashed(address.kind, id) if listed else knowledge.record(address.kind, id)
    if record is None and restored and not listed:
        _draft_unseen(made, comparer, wish, id)
    if record is None or (wish.members is not None and knowledge.members(id, wish.members.definition.target) is None):
        return
    if wish.upload is not None:
        record = with_content(record, wish.upload)  # else it would not be this one's
    binding = _binding_for(comparer.state, made.resolution, address, id)
    difference = comparer.comparison(wish, record, binding)
    if not restored:
        _want_certainty(comparer, wish, record, difference)
    if (blocked := _refused(wish, difference, record, knowledge)) is not None:
        made.blocked[address] = blocked
        return
    if record.redacted and not wish.seed:
        made.warn(f"{address}: {_REDACTED.format(id=id)}: it is left as it is")
    if id in knowledge.unsettled:
        made.warn(f"{address}: its members are not settled in the index yet and were left out of this plan")
    observed = _observed(wish, id, binding, difference)
    made.bindings[address] = noted(observed, comparer.state, knowledge.contents.get((address.kind, id)))
    if difference.left_out:
        made.unplanned.add(address)
    if difference.kept is not None:
        made.kept[address] = tuple(_kept(wish, knowledge.seen(address.kind, id) or record, difference.kept))
    if wish.members is not None:
        made.members[address] = len(knowledge.memberships[id])
    action = _action(made.resolution, address, difference)
    if action and (difference or not comparer.drift_only):
        made.changes[address] = _change(wish, action, difference, id, adopted=_is_adopted(made.resolution, address))


def _kept(wish: Desired, record: Record, difference: Difference) -> Iterator[Kept]:
    """What differs and is to stay, key by key."""

    def kept(key: str, label: str, value_type: str | None, before: JSON, after: JSON, place: Place) -> Kept:
        name = title(record) or None
        return Kept(
            wish.address, place, key, label, value_type, before, after, id=record.id, name=name, link=record.link
        )

    for each in difference.fields:
        place = wish.fields[each.key].place
        yield kept(each.key, each.label, each.value_type, each.before, each.after, place)
    for link in difference.links:
        definition, place = wish.links[link.key].definition, wish.links[link.key].place
        whole = kept(link.key, definition.label, None, link.before, link.after, place)
        yield replace(whole, add=link.add, remove=link.remove)
    if difference.members is not None and wish.members is not None:
        whole = kept("members", wish.members.definition.label, None, None, None, wish.members.place)
        yield replace(whole, add=difference.members.add, remove=difference.members.remove)


def _draft_unseen(made: Draft, comparer: Comparer, wish: Desired, id: str) -> None:
    """Out of a trash that nothing lists: what it holds is not known before it is out (rule I6)."""
    binding = _binding_for(comparer.state, made.resolution, wish.address, id)
    nothing = Difference(hashes=binding_hashes(binding), owed=binding.owed if binding else ())
    made.bindings[wish.address] = _observed(wish, id, binding, nothing)
    adopted = _is_adopted(made.resolution, wish.address)
    made.changes[wish.address] = _change(wish, "restore", nothing, id, adopted=adopted, warnings=(_UNSEEN,))


_UNSEEN = "what it holds is not known until it is out of the trash, and nothing of that is overwritten: plan again then"


def _action(resolution: Resolution, address: Address, difference: Difference) -> Action | None:
    if address in resolution.restored:
        return "restore"
    if difference:
        return "update"
    return "adopt" if _is_adopted(resolution, address) else None


def _is_adopted(resolution: Resolution, address: Address) -> bool:
    """Whether an address gets a record that it was not bound to before; another one may have been (rules I4, M1)."""
    return address in resolution.adopted or address in resolution.moved


def _want_certainty(comparer: Comparer, wish: Desired, record: Record, difference: Difference) -> None:
    """Ask for what must be read before this difference is believed (rules R1, R2)."""
    if difference.doubtful:
        comparer.knowledge.wanted.records.add((record.kind, record.id))
    if difference.members_moved and wish.members is not None:
        comparer.knowledge.doubt_members(record.id, wish.members.definition.target)
    for each in filter(None, (difference, difference.kept)):
        _doubt_removals(comparer, wish, each)
        _doubt_additions(comparer, wish, each)


def _binding_for(state: State, resolution: Resolution, address: Address, id: str) -> Binding | None:
    """The binding whose hashes speak about this record: also one that moves here from a former key (rule I4)."""
    known = (state.bindings.get(each) for each in (address, resolution.moved.get(address, address)))
    return next((binding for binding in known if binding is not None and binding.id == id), None)


def _doubt_additions(comparer: Comparer, wish: Desired, difference: Difference) -> None:
    """What is linked anew was found on a row that may lag: it is read before it is linked (rule R1)."""
    added = [(wish.links[link.key].definition.target, id) for link in difference.links for id in link.add]
    if difference.members is not None and wish.members is not None:
        added += [(wish.members.definition.target, id) for id in difference.members.add]
    for kind, id in added:
        record = comparer.knowledge.record(kind, id) if is_kind(kind) and "." not in id else None
        if record is not None and not record.fresh and (kind, id) not in comparer.knowledge.forbidden:
            comparer.knowledge.wanted.records.add((kind, id))


def _doubt_removals(comparer: Comparer, wish: Desired, difference: Difference) -> None:
    """A link to a record in the trash is no surplus (rule S6): look at what a removal would unlink."""
    removals = [(wish.links[link.key].definition.target, id) for link in difference.links for id in link.remove]
    if difference.members is not None and wish.members is not None:
        removals += [(wish.members.definition.target, id) for id in difference.members.remove]
    for kind, id in removals:
        if is_kind(kind) and "." not in id:
            comparer.knowledge.presence(kind, id)


def _refused(wish: Desired, difference: Difference, record: Record, knowledge: Knowledge) -> Blocked | None:
    """What no update can change, or not yet."""
    if difference.frozen:
        return _frozen(wish, difference, knowledge)
    if difference.lasting:
        return _lasting(wish, difference, knowledge)
    return _early(wish, difference, record, knowledge.now)


def _frozen(wish: Desired, difference: Difference, knowledge: Knowledge) -> Blocked:
    moved = {c.key: (c.before, c.after) for c in difference.fields}
    moved |= {c.key: (c.before, c.after) for c in difference.links}
    shown = {key: f"{moved[key][0]} → {moved[key][1]}" for key in difference.frozen}
    keys = ", ".join(f"`{key}` ({values})" for key, values in shown.items())
    reason = f"{keys} can only be set when the record is created"
    hint = "Declare the live value; or trash the record in Lightfield and let lfsync make a new one."
    place = (wish.fields.get(difference.frozen[0]) or wish.links[difference.frozen[0]]).place
    quoted = [Quoted(wish.address.kind, key, values) for key, values in shown.items()]
    for link in (link for link in difference.links if link.key in shown):
        quoted += _link_quotes(link, wish.links[link.key].definition.target, knowledge)
    return Blocked(wish.address, reason, hint, place, tuple(quoted))


def _lasting(wish: Desired, difference: Difference, knowledge: Knowledge) -> Blocked:
    key = difference.lasting[0]
    cleared = next(link for link in difference.links if link.key == key)
    reason = f"`{key}` ({cleared.before}) can be replaced, and can't be cleared"
    quoted = [Quoted(wish.address.kind, key, str(cleared.before))]
    quoted += _link_quotes(cleared, wish.links[key].definition.target, knowledge)
    hint = "Name another one, or take the line out."
    return Blocked(wish.address, reason, hint, wish.links[key].place, tuple(quoted))


def _early(wish: Desired, difference: Difference, record: Record, now: float) -> Blocked | None:
    """What an update takes only once a date of the record is over."""
    changed = {each.key for each in difference.fields}
    for key, date in kind_of(wish.address.kind).over.items():
        moment = unix_time(str(record.fields.get(date) or ""))
        if key in changed and moment is not None and moment > now:
            reason = (
                f"`{key}` can't be changed before the {wish.address.kind} is over, and its `{date}` is still to come"
            )
            return Blocked(wish.address, reason, "Plan again when it is over.", wish.fields[key].place)
    return None


def _link_quotes(link: LinkChange, target: str, knowledge: Knowledge) -> list[Quoted]:
    """What the names of linked records quote of these records themselves."""
    records = (knowledge.record(target, id) for id in (*link.add, *link.remove) if is_kind(target) and "." not in id)
    shown = [each for value in (link.before, link.after) for each in (value if isinstance(value, list) else [value])]
    emails = [Quoted("member", "$email", str(name)) for name in shown if name and target == "member"]
    return [*title_quotes(*records, bare=True), *emails]


def _observed(wish: Desired, id: str, binding: Binding | None, difference: Difference) -> Binding:
    known = binding or Binding(wish.address, id)
    protect = known.protect if wish.protect is None else wish.protect
    if (
        difference.settled
        and (known.address, known.protect) == (wish.address, protect)
        and not (known.owed or known.also)
    ):
        return known
    hashes = dict(difference.hashes)
    if MEMBERS not in hashes and known.members is not None and wish.members is not None:
        hashes[MEMBERS] = known.members
    base = replace(known, address=wish.address, protect=protect, also=(), owed=difference.owed)
    return with_hashes(base, hashes)


def _change(
    wish: Desired,
    action: Action,
    difference: Difference,
    id: str | None = None,
    *,
    adopted: bool = False,
    warnings: tuple[str, ...] = (),
) -> Change:
    return Change(
        address=wish.address,
        action=action,
        source=wish.place,
        id=id,
        adopted=adopted,
        cause=_overall(difference.causes),
        fields=difference.fields,
        relationships=difference.links,
        members=difference.members,
        warnings=warnings,
    )


def _overall(causes: frozenset[Cause]) -> Cause | None:
    if not causes:
        return None
    return next(iter(causes)) if len(causes) == 1 else "conflict"


# ---------------------------------------------------------------- what is to go


def _draft_absent(made: Draft, comparer: Comparer, wish: Desired, id: str | None, wishes: Wishes) -> None:
    """`absent: true`: the bound record goes; one that lfsync never managed only with --prune (rule L2)."""
    address = wish.address
    if id is None:
        if address in comparer.state.bindings:
            moved = comparer.state.moves.taken.get(address)
            made.released.append(moved.address if moved else address)
        return
    binding = _binding_for(comparer.state, made.resolution, address, id)
    if binding is None and not wishes.prune:
        what = f"{address} is declared absent, and {id} matches it, which lfsync never managed"
        made.warn(f"{what}: --prune trashes it")
        return
    record = comparer.knowledge.record(address.kind, id)
    if record is not None and record.redacted:
        reason = f"declared absent, but {_REDACTED.format(id=id)}"
        made.blocked[address] = Blocked(
            address, reason, "Use the key of an admin, or trash it in Lightfield.", wish.place
        )
        return
    kept = wish.protect if wish.protect is not None else bool(binding and binding.protect)
    if kept:
        reason = f"declared absent, but {id} is protected"
        made.blocked[address] = Blocked(address, reason, "Say `protect: false` to let it go.", wish.place)
        return
    _draft_delete(made, comparer, replace(binding or Binding(address, id), address=address), wish.place)


def _draft_orphan(made: Draft, comparer: Comparer, binding: Binding, place: Place) -> None:
    """An orphan goes with --prune, unless something declared is that record or names it (rules I4, L2).

    It stays where it is protected (L1), and where it may be the record of a resource that is blocked.
    """
    kind, id = binding.address.kind, binding.id
    called = f"{binding.address} ({id})"
    if kind not in comparer.schema.kinds:
        made.warn(f"{called} stays, though it is declared no more: this key sees no such type of records")
        return
    if not kind_of(kind).deletable:
        if (kind, id) not in comparer.address_of:
            forget = f"`lfsync state rm {binding.address}` forgets it"
            made.warn(f"{called} stays, though it is declared no more: the API deletes no {kind}s; {forget}")
        return
    presence = comparer.knowledge.presence(kind, id)
    if (kind, id) in comparer.address_of:
        return
    if presence == "gone" and (kind, id) not in comparer.resolution.contested:
        made.released.append(binding.address)
        made.warn(f"{called} is gone already; an apply forgets it")
    elif (kind, id) in comparer.resolution.named:
        made.warn(f"{called} is declared no more and stays: a ref of this project names it")
    elif (kind, id) in comparer.resolution.contested:
        why = "it may be the record of a resource that is blocked"
        made.warn(f"{called} stays for now, though it is declared no more: {why}")
    elif binding.protect:
        made.warn(f"{called} is protected and stays, though it is declared no more")
    elif presence in ("forbidden", "unsure"):
        fate, quoted = comparer.knowledge.fate(kind, id), comparer.knowledge.fate_quotes(kind, id)
        made.warn(f"{called} stays, though it is declared no more: {fate}", quoted)
    elif (record := comparer.knowledge.record(kind, id)) is not None and record.redacted:
        made.warn(f"{called} stays, though it is declared no more: {_REDACTED.format(id=id)}")
    else:
        _draft_delete(made, comparer, binding, place)


def _draft_delete(made: Draft, comparer: Comparer, binding: Binding, place: Place) -> None:
    """A delete shows the managed values, so that one of them that moves later makes it stale (rule A1).

    A list shows its members too, but for one that was written lately: nobody knows yet who they are (rule R2).
    """
    kind, knowledge = binding.address.kind, comparer.knowledge
    record = knowledge.record(kind, binding.id)
    if record is None or not record.fresh:
        knowledge.wanted.records.add((kind, binding.id))
        return
    is_late = record.id in knowledge.late_lists
    target = member_kind(record.fields.get("$objectType")) if kind == "list" and not is_late else None
    if target and knowledge.members(record.id, target) is None:
        return
    fields = tuple(_last_values(comparer, binding, record))
    made.changes[binding.address] = Change(
        address=binding.address,
        action="delete",
        source=place,
        id=binding.id,
        cause=_overall(frozenset(field.cause for field in fields)),
        fields=fields,
        relationships=tuple(comparer.endings(record, binding.links)),
        members=comparer.dissolved(record, target) if target else None,
        warnings=("it was there before lfsync managed it",) if binding.origin == "adopted" else (),
    )


def _warn_of_waiting_deletes(made: Draft, state: State) -> None:
    """A delete waits for the creates of its kind, and does not come where one of those can't be made (rule A9)."""
    missing = {address.kind: address for address in made.blocked if address not in state.bindings}
    for address, change in made.changes.items():
        if change.action == "delete" and address.kind in missing:
            warning = f"waits for {missing[address.kind]}, which is blocked"
            made.changes[address] = replace(change, warnings=(*change.warnings, warning))


def _last_values(comparer: Comparer, binding: Binding, record: Record) -> Iterable[FieldChange]:
    definitions = comparer.schema.kinds[record.kind]
    for key, definition in definitions.fields.items():
        if key not in binding.fields:
            continue
        value = live_value(record, definition, definitions)
        row = VALUE_TYPES[definition.type]
        known = binding.fields[key].live
        moved = known is not None and known != comparer.state.hash(row.canonical(value, definition))
        cause: Cause = "drift" if moved else "config"
        shown = pasted(value, definition)
        yield FieldChange(key, definition.label, definition.type, shown, None, value, None, cause)


# ---------------------------------------------------------------- refs


def pending(targets: Iterable[Target]) -> list[Address]:
    """The addresses among refs: what may still have to be made."""
    return [target.address for target in targets if target.address is not None]


def references(change: Change) -> list[Address]:
    """The resources of this project that a change links to."""
    added = [text for link in change.relationships for text in link.add]
    if change.members is not None:
        added += change.members.add
    return [Address.parse(text) for text in added if "." in text]


def query_targets(query: Query | None) -> list[Address]:
    """The addresses that a match refers to."""
    return [a for term in query.terms for a in pending(term.targets)] if query else []
