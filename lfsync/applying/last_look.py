"""Is a change still what its plan shows? Held against the record just before the write (rule A1). Pure.

                            managed value equals `after` ............ done, nothing to send
  nothing written yet:      equals the plan's `before` .............. sent
                            the plan does not show it ............... left as it is where the files moved, and nobody
                                                                      in Lightfield (a plan of drift alone); else stale
                            anything else ........................... stale
  written by this run:      as our last write's answer left it ...... sent, if it was not sent yet
                            anything else ........................... stale

What this run itself wrote on the other side of a link, or emptied to set it anew, is allowed for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping, Set
from dataclasses import replace

from lfsync.applying.give_up import GiveUpError
from lfsync.kinds import kind_of
from lfsync.model import JSON, Change, Definitions, Desired, FieldDef, LinkChange, MembersChange, Record
from lfsync.planning.diff import Comparer, Difference
from lfsync.values.pasted import pasted
from lfsync.values.pipelines import live_value
from lfsync.values.table import VALUE_TYPES
from lfsync.wording import cut


def still_planned(
    change: Change,
    wish: Desired,
    current: Difference,
    seen: Change | None,
    touched: Set[str],
    cleared: Container[str],
) -> Difference:
    """What differs now, as far as the plan shows it. GiveUpError where a managed value moved since.

    `seen`: what this run's own reading would change. This run's own writes are allowed for: `touched` are addresses and
    ids that it wrote, `cleared` the keys of this resource that it emptied.
    """
    planned = {field.key: field for field in change.fields}
    known = {field.key: field for field in seen.fields if field.cause == "config"} if seen else {}
    for field in current.fields:
        shown = planned.get(field.key) or known.get(field.key)
        definition, declared = wish.fields[field.key].definition, wish.fields[field.key].declared
        if shown is None:
            raise _moved(field.key, field.after, field.before)
        if field.key not in cleared and not _same(definition, shown.before_raw, field.before_raw, declared):
            raise _moved(field.key, shown.before, field.before)
    left_out = [link for link in seen.relationships if link.cause == "config"] if seen else []
    shown_links = {link.key: link for link in (*left_out, *change.relationships)}
    links = {link.key: _narrowed(shown_links.get(link.key), link, touched) for link in current.links}
    members = change.members or (seen.members if seen and seen.cause == "config" else None)
    if current.members and not _within(current.members, members):
        raise GiveUpError("stale", "its members have changed since the plan", "Plan again.")
    sent = {link.key for link in change.relationships}
    return replace(
        current,
        fields=tuple(field for field in current.fields if field.key in planned),
        links=tuple(link for key, link in links.items() if key in sent and (link.add or link.remove)),
        members=current.members if change.members else None,
    )


def only_shown(change: Change, now: Difference) -> Difference:
    """Of what differs after our own write the part that the plan shows: of a create, no null, and no set to empty."""
    fields, links = {field.key for field in change.fields}, {link.key for link in change.relationships}
    return replace(
        now,
        fields=tuple(field for field in now.fields if field.key in fields),
        links=tuple(link for link in now.links if link.key in links),
        members=now.members if change.members else None,
    )


def moved_since(
    comparer: Comparer, wish: Desired, then: Record, now: Record, touched: Set[str], *, replayed: bool = False
) -> str | None:
    """What of the managed values is neither as declared nor as it was in `then`, for people; None where nothing is.

    Texts that the server writes anew are nobody's change, and what is hidden is none. But where a create is `replayed`,
    nobody can tell who wrote a text that is declared to be empty, and no create has any need to clear it.
    """
    if then.redacted or now.redacted:
        return None
    generated = kind_of(wish.address.kind).generated
    before, after = comparer.prepared(wish, then), comparer.prepared(wish, now)
    for key, live in after.live.items():
        if live == after.declared[key] or (key[1] in generated and not (replayed and after.declared[key] is None)):
            continue
        if key in after.linked:
            changed = (after.linked[key] ^ before.linked.get(key, set())) - touched
            moved = any(after.is_wrong(key, id) for id in changed)
        else:
            moved = live != before.live[key]
        if moved:
            return f"`{key[1]}`" if key[1] else "who is in it"
    return None


def refuse_redacted(record: Record) -> None:
    """GiveUpError where this key sees metadata only: nobody can tell whether what is hidden is still as planned."""
    if record.redacted:
        reason = f"this key sees the metadata of {record.id} only, so that what is hidden can't be compared"
        raise GiveUpError("stale", reason, "Use the key of an admin, or of somebody who takes part.")


def last_values(change: Change, record: Record, definitions: Definitions) -> dict[str, JSON]:
    """The values that a delete's plan shows, as they are now. GiveUpError where one has moved."""
    refuse_redacted(record)
    found = {}
    for planned in change.fields:
        definition = definitions.fields.get(planned.key)
        if definition is None:
            raise GiveUpError("stale", f"the field `{planned.key}` is gone since the plan", "Plan again.")
        value = live_value(record, definition, definitions)
        if not _same(definition, planned.before_raw, value):
            raise _moved(planned.key, planned.before, pasted(value, definition))
        found[planned.key] = value
    return found


def refuse_moved_links(
    planned: Mapping[str, Set[str]],
    now: Mapping[str, Set[str]],
    touched: Set[str],
    name: Callable[[str, str], str],
) -> None:
    """GiveUpError where links that a delete's plan shows, as ids by key, are others now; `touched`: as above.

    `name` tells what a person calls the id that is linked under a key.
    """
    for key, ids in sorted(now.items()):
        before = planned.get(key, frozenset())
        if (before ^ ids) - touched:
            raise _moved(key, [name(key, id) for id in sorted(before)], [name(key, id) for id in sorted(ids)])


def quoted(value: JSON) -> str:
    """A value for a message, cut where it is long."""
    return cut(json.dumps(value, ensure_ascii=False), 80)


def _narrowed(planned: LinkChange | None, current: LinkChange, touched: Set[str]) -> LinkChange:
    """The part of a relationship's difference that the plan shows; the rest must be of our own making."""
    add, remove = (set(planned.add), set(planned.remove)) if planned else (set[str](), set[str]())
    if ((set(current.add) - add) | (set(current.remove) - remove)) - touched:
        raise _moved(current.key, planned.before if planned else current.after, current.before)
    return replace(
        current,
        add=tuple(text for text in current.add if text in add),
        remove=tuple(text for text in current.remove if text in remove),
    )


def _same(definition: FieldDef, planned: JSON, current: JSON, declared: JSON = None) -> bool:
    canonical = VALUE_TYPES[definition.type].canonical
    return canonical(planned, definition, declared) == canonical(current, definition, declared)


def _within(current: MembersChange, planned: MembersChange | None) -> bool:
    return planned is not None and set(current.add) <= set(planned.add) and set(current.remove) <= set(planned.remove)


def _moved(key: str, planned: JSON, current: JSON) -> GiveUpError:
    reason = f"`{key}` was {quoted(planned)} in the plan, now it is {quoted(current)}"
    return GiveUpError("stale", reason, "Somebody changed it since. Plan again.")
