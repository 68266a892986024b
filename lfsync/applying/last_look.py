"""Is a change still what its plan shows? Held against the record just before the write (rule A1). Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping, Set
from dataclasses import replace

from lfsync.applying.progress import GiveUpError
from lfsync.model import JSON, Change, Definitions, Desired, FieldDef, LinkChange, MembersChange, Record
from lfsync.planning.diff import Difference
from lfsync.values.pipelines import live_value
from lfsync.values.table import VALUE_TYPES


def still_planned(
    change: Change, wish: Desired, current: Difference, touched: Set[str], cleared: Container[str]
) -> Difference:
    """What differs now, as far as the plan shows it. GiveUpError where its `before` has moved.

    This run's own writes are allowed for: `touched` are addresses and ids that it wrote, `cleared` the keys of this
    resource that it emptied.
    """
    fields = {field.key: field for field in current.fields}
    kept = [planned for planned in change.fields if planned.key in fields]
    for planned in kept:
        definition, declared = wish.fields[planned.key].definition, wish.fields[planned.key].declared
        before = fields[planned.key].before_raw
        if planned.key not in cleared and not _same(definition, planned.before_raw, before, declared):
            raise _moved(planned.key, planned.before, fields[planned.key].before)
    links = {link.key: link for link in current.links}
    narrowed = [
        _narrowed(planned, links[planned.key], touched) for planned in change.relationships if planned.key in links
    ]
    if current.members and not _within(current.members, change.members):
        raise GiveUpError("stale", "its members have changed since the plan", "Plan again.")
    return replace(current, fields=tuple(kept), links=tuple(narrowed))


def last_values(change: Change, record: Record, definitions: Definitions) -> dict[str, JSON]:
    """The values that a delete's plan shows, as they are now. GiveUpError where one has moved."""
    found = {}
    for planned in change.fields:
        definition = definitions.fields.get(planned.key)
        if definition is None:
            raise GiveUpError("stale", f"the field `{planned.key}` is gone since the plan", "Plan again.")
        value = live_value(record, definition, definitions)
        if not _same(definition, planned.before_raw, value):
            raise _moved(planned.key, planned.before, VALUE_TYPES[definition.type].text(value, definition))
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
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _narrowed(planned: LinkChange, current: LinkChange, touched: Set[str]) -> LinkChange:
    moved = (set(current.add) - set(planned.add)) | (set(current.remove) - set(planned.remove))
    if moved - touched:
        raise _moved(planned.key, planned.before, current.before)
    add = tuple(text for text in current.add if text in planned.add)
    return replace(current, add=add, remove=tuple(text for text in current.remove if text in planned.remove))


def _same(definition: FieldDef, planned: JSON, current: JSON, declared: JSON = None) -> bool:
    canonical = VALUE_TYPES[definition.type].canonical
    return canonical(planned, definition, declared) == canonical(current, definition, declared)


def _within(current: MembersChange, planned: MembersChange | None) -> bool:
    return planned is not None and set(current.add) <= set(planned.add) and set(current.remove) <= set(planned.remove)


def _moved(key: str, planned: JSON, current: JSON) -> GiveUpError:
    reason = f"`{key}` was {quoted(planned)} in the plan, now it is {quoted(current)}"
    return GiveUpError("stale", reason, "Somebody changed it since. Plan again.")
