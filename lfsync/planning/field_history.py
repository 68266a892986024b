"""When what drifted was changed, and what it held before: asked of Lightfield's field history (API sheet, 4.14). I/O.

It is told to people and decides nothing, so no answer and no lack of one changes a plan.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from lfsync.api.client import Client
from lfsync.errors import ApiError
from lfsync.kinds import kind_of
from lfsync.model import Cause, Change, Explanation, FieldChange, LastChange, Plan, Verdict

_MOST: Final = 50  # fields that are asked for
_LONGEST: Final = 30.0  # seconds; what is not known by then is left out
_DRIFTED: Final[frozenset[Cause]] = frozenset({"drift", "conflict"})
_ALIKE: Final[frozenset[Verdict]] = frozenset({"same", "new", "unknown"})


class Asked(NamedTuple):
    """A field of a record."""

    kind: str
    id: str
    key: str


async def last_changes(client: Client, fields: Iterable[Asked]) -> dict[Asked, LastChange]:
    """What is known of these fields, at most 50 of them: one read each, side by side.

    Custom fields come first: that they have a history is certain, of system fields only some do.
    """
    kept = [field for field in dict.fromkeys(fields) if kind_of(field.kind).history]
    asked = sorted(kept, key=lambda field: field.key.startswith("$"))[:_MOST]
    tasks = {field: asyncio.create_task(last_change(client, field)) for field in asked}
    if not tasks:
        return {}
    try:
        done, _ = await asyncio.wait(tasks.values(), timeout=_LONGEST)
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    found = {field: task.result() for field, task in tasks.items() if task in done}
    return {field: change for field, change in found.items() if change is not None}


async def last_change(client: Client, field: Asked) -> LastChange | None:
    """None where the field has no history, where the key may not read it, and where no answer came."""
    try:
        return await client.last_change(kind_of(field.kind), field.id, field.key)
    except ApiError:
        return None


# ---------------------------------------------------------------- a plan


async def with_history(client: Client, plan: Plan) -> Plan:
    """The plan, with the last change of each field that somebody moved in Lightfield."""
    asked = (_asked(change, field) for change in plan.changes if change.id for field in _drifted(change))
    found = await last_changes(client, asked)
    return replace(plan, changes=tuple(_told(change, found) for change in plan.changes)) if found else plan


def _drifted(change: Change) -> list[FieldChange]:
    return [field for field in change.fields if field.cause in _DRIFTED]


def _asked(change: Change, field: FieldChange) -> Asked:
    return Asked(change.address.kind, change.id or "", field.key)


def _told(change: Change, found: dict[Asked, LastChange]) -> Change:
    if not any(_asked(change, field) in found for field in change.fields):
        return change
    fields = (replace(field, changed=found.get(_asked(change, field))) for field in change.fields)
    return replace(change, fields=tuple(fields))


# ---------------------------------------------------------------- one resource


async def explained_with_history(client: Client, explained: Explanation, fields: Collection[str]) -> Explanation:
    """The explanation, with the last change of each field that differs. `fields`: which of its keys are fields."""
    if explained.found_by is None or explained.id is None:
        return explained
    kind, id = explained.address.kind, explained.id
    differ = (key for key in explained.keys if key.key in fields and key.verdict not in _ALIKE)
    found = await last_changes(client, (Asked(kind, id, key.key) for key in differ))
    keys = (
        replace(key, changed=found.get(Asked(kind, id, key.key))) if key.key in fields else key
        for key in explained.keys
    )
    return replace(explained, keys=tuple(keys))
