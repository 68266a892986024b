"""What of a draft is to go: resources declared absent, and orphans (rule L2). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lfsync.kinds import kind_of, member_kind
from lfsync.model import Blocked, Cause, Change, Desired, FieldChange, Place, Record
from lfsync.planning.diff import Comparer
from lfsync.planning.draft import REDACTED, Draft, Wishes, overall
from lfsync.state.state import Binding, State
from lfsync.values.pasted import pasted
from lfsync.values.pipelines import live_value
from lfsync.values.table import VALUE_TYPES


def draft_absent(made: Draft, comparer: Comparer, wish: Desired, id: str | None, wishes: Wishes) -> None:
    """`absent: true`: the bound record goes; one that lfsync never managed only with --prune (rule L2)."""
    address = wish.address
    if id is None:
        if address in comparer.state.bindings:
            moved = comparer.state.moves.taken.get(address)
            made.released.append(moved.address if moved else address)
        return
    binding = made.binding_for(comparer.state, address, id)
    if binding is None and not wishes.prune:
        what = f"{address} is declared absent, and {id} matches it, which lfsync never managed"
        made.warn(f"{what}: --prune trashes it")
        return
    record = comparer.knowledge.record(address.kind, id)
    if record is not None and record.redacted:
        reason = f"declared absent, but {REDACTED.format(id=id)}"
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


def draft_orphan(made: Draft, comparer: Comparer, binding: Binding, place: Place) -> None:
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
        made.warn(f"{called} stays, though it is declared no more: {REDACTED.format(id=id)}")
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
        cause=overall(frozenset(field.cause for field in fields)),
        fields=fields,
        relationships=tuple(comparer.endings(record, binding.links)),
        members=comparer.dissolved(record, target) if target else None,
        warnings=("it was there before lfsync managed it",) if binding.origin == "adopted" else (),
    )


def warn_of_waiting_deletes(made: Draft, state: State) -> None:
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
