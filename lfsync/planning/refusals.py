"""What no update of a record can change, or not yet, or not for long. Pure."""

from __future__ import annotations

from lfsync.kinds import is_kind, kind_of
from lfsync.knowledge.knowledge import Knowledge, title_quotes
from lfsync.model import Blocked, Desired, LinkChange, Quoted, Record
from lfsync.planning.diff import Comparer, Difference
from lfsync.planning.far_sides import TWO_SIDES, Side
from lfsync.state.state import Binding
from lfsync.times import unix_time


def refused(wish: Desired, difference: Difference, record: Record, knowledge: Knowledge) -> Blocked | None:
    """What no update can change, or not yet."""
    if difference.frozen:
        return _frozen(wish, difference, knowledge)
    if difference.lasting:
        return _lasting(wish, difference, knowledge)
    return _early(wish, difference, record, knowledge.now)


def undone(comparer: Comparer, wish: Desired, difference: Difference, binding: Binding | None) -> Blocked | None:
    """A link that the last apply wrote and that did not hold, where another declared one undoes it (rule C9)."""
    for link in difference.links:
        last = binding.links.get(link.key) if binding else None
        side = Side(wish.address, link.key)
        if last is None or last.live is not None or last.declared != comparer.hash_declared(wish, link.key):
            continue
        others = sorted({*comparer.far_sides.against(side), *comparer.far_sides.beside(side)})
        if others:
            said = " and ".join(
                f"{each.address}'s `{each.key}` at {comparer.far_sides.place(each)}" for each in others[:3]
            )
            reason = f"`{link.key}` was written and did not hold: {said} undid it, and each would undo the other again"
            return Blocked(wish.address, reason, TWO_SIDES, wish.links[link.key].place)
    return None


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
