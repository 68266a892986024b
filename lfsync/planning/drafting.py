"""Desired, schema, state and live to a Draft: what is to be done with each resource. Pure.

Planning runs in rounds. A draft decides everything that can be decided on what has been read, and knowledge collects
the reads that are wanted before the rest can be trusted. When a draft wants nothing, it is the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from lfsync.kinds import is_kind, kind_of
from lfsync.knowledge.knowledge import Knowledge, title
from lfsync.model import JSON, Action, Address, Blocked, Change, Desired, Kept, Place, PlanWarning, Record, Schema
from lfsync.planning.diff import MEMBERS, Comparer, Difference, binding_hashes, with_hashes
from lfsync.planning.draft import REDACTED, Draft, Wishes, overall, query_targets, references
from lfsync.planning.identity import quotes, sought_by
from lfsync.planning.refusals import refused, undone
from lfsync.planning.resolution import Resolution, resolve
from lfsync.planning.rule_lists import is_ruled
from lfsync.planning.ruled import answered, doubt_rows
from lfsync.planning.trashing import draft_absent, draft_orphan, warn_of_waiting_deletes
from lfsync.planning.uploads import noted, shown, with_content
from lfsync.state.state import Binding, State
from lfsync.times import unix_time

_NO_WISHES = Wishes()


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
        draft_orphan(made, comparer, state.bindings[address], Place(wishes.state_file, lines[address]))
    if ruled:
        for wish, rows in answered(made, comparer, ruled, wishes):
            _draft_one(made, comparer, wish, wishes)
            doubt_rows(made, comparer, wish, rows)
        _block_dependents(made)
    warn_of_waiting_deletes(made, state)
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
        draft_absent(made, comparer, wish, id, wishes)
    elif id is None:
        _draft_create(made, comparer, wish)
    else:
        _draft_existing(made, comparer, wish, id)


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
    binding = made.binding_for(comparer.state, address, id)
    difference = comparer.comparison(wish, record, binding)
    if not restored:
        _want_certainty(comparer, wish, record, difference)
    blocked = refused(wish, difference, record, knowledge) or undone(comparer, wish, difference, binding)
    if blocked is not None:
        made.blocked[address] = blocked
        return
    if record.redacted and not wish.seed:
        made.warn(f"{address}: {REDACTED.format(id=id)}: it is left as it is")
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
    binding = made.binding_for(comparer.state, wish.address, id)
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


def _observed(wish: Desired, id: str, binding: Binding | None, difference: Difference) -> Binding:
    known = binding or Binding(wish.address, id)
    protect = known.protect if wish.protect is None else wish.protect
    told = (known.address, known.protect, known.owed, known.also)
    if difference.settled and told == (wish.address, protect, (), ()):
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
        cause=overall(difference.causes),
        fields=difference.fields,
        relationships=difference.links,
        members=difference.members,
        warnings=warnings,
    )
