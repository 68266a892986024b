"""Creates of earlier runs whose outcome nobody knows, as part of the plan (rule A4). Pure.

declared with the same match ........ it is a create under its own key, like any other: nothing to do here; but not of
                                      a kind whose keys are not promised to be honoured (rule A5)
today's match has one hit ........... that is adopted; the key is never sent again
else: its key is never sent again. Once an index must show it, what it may have made is looked for:
  one record shows all of the body ... it was made, and is bound: an update where it is declared, else an orphan
  other records match ................ they are named in a warning, and left alone
  none ............................... it was not made
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lfsync.kinds import MEMBER_KEYS, kind_of
from lfsync.knowledge.knowledge import Knowledge, named, title_quotes
from lfsync.model import JSON, Address, Definitions, Desired, PlanWarning, Record, Schema
from lfsync.planning.create_key import create_key, match_values
from lfsync.planning.draft import Draft
from lfsync.state.ledger import Intent, Written
from lfsync.state.state import Binding, State
from lfsync.times import iso, unix_time
from lfsync.values.pipelines import live_value
from lfsync.values.table import VALUE_TYPES
from lfsync.values.valuetype import match_keys

_TOLERANCE = 2.0  # seconds between two clocks of the server
# For so long after it was written down, a create may still have been on its way: it waits for its turn, and is tried
# again where the API asks to wait.
_UNDER_WAY = 240.0  # seconds


@dataclass(slots=True)
class Recovery:
    """What is to be written down of earlier runs, once the question is answered.

    `open`: by address, creates that are planned again under their own key. `made`: what they turned out to have made,
    and `owed` what they had no time for. `dropped`: addresses whose key is never to be sent again.
    """

    open: dict[Address, Intent] = field(default_factory=dict)
    made: dict[Address, Written] = field(default_factory=dict)
    owed: dict[Address, tuple[str, ...]] = field(default_factory=dict)
    dropped: set[Address] = field(default_factory=set)
    warnings: list[PlanWarning] = field(default_factory=list)


def still_asked(intent: Intent, workspace: str, made: Draft) -> bool:
    """Whether the plan holds the same create, under a key that makes nothing twice."""
    address = Address.parse(intent.address)
    if not kind_of(address.kind).keyed:
        return False
    change, desired = made.changes.get(address), made.desired.get(address)
    if change is None or change.action != "create" or desired is None or desired.query is None:
        return False
    values = match_values(desired.query, made.resolution.match_targets(desired.query))
    return create_key(workspace, address, values, intent.generation) == intent.key


def made_until(intent: Intent, now: float) -> float:
    """The last moment at which the request of an intent may have been done, in Unix seconds; `now`: the server's."""
    begun = intent.at.timestamp()
    return begun if kind_of(Address.parse(intent.address).kind).keyed else min(now, begun + _UNDER_WAY)


def recover(lost: Iterable[Intent], schema: Schema, state: State, made: Draft, knowledge: Knowledge) -> Recovery:
    """What became of creates that are asked for no more; the kinds of all of them were listed since."""
    recovery = Recovery()
    for intent in lost:
        address = Address.parse(intent.address)
        recovery.dropped.add(address)
        if address in made.resolution.adopted:
            continue
        bound = {(b.address.kind, b.id) for b in state.bindings.values()}
        hits = [
            r for r in knowledge.of_kind(address.kind) if (r.kind, r.id) not in bound and _matches(intent, r, schema)
        ]
        ours = [record for record in hits if shows(intent.body, record, schema)]
        if len(hits) == 1 and ours:
            recovery.made[address] = written_by(address, intent.body, ours[0], intent.generation + 1)
            recovery.owed[address] = _owed(made.desired.get(address), intent.body)
            message = f"{address}: an interrupted run created it: {named(ours[0])}"
            recovery.warnings.append(PlanWarning(message, title_quotes(ours[0])))
        elif hits:
            shown = "; ".join(map(named, hits[:3]))
            message = f"{address}: an interrupted run may have created it: look at {shown}"
            recovery.warnings.append(PlanWarning(message, title_quotes(*hits[:3])))
    return recovery


def _owed(wish: Desired | None, body: Mapping[str, JSON]) -> tuple[str, ...]:
    """The keys that a create alone sets, and whose values its first request did not carry, or not all."""
    if wish is None:
        return ()
    fields, links = _parts(body)
    due = {key for key, field in wish.fields.items() if field.sent not in (None, "", []) and key not in fields}
    due |= {key for key, link in wish.links.items() if len(link.include) > len(links.get(key, ()))}
    if not wish.seed:
        return tuple(sorted(due & wish.ignore_changes))
    members = wish.members.include if wish.members else ()
    sent = sum(len(links.get(key, ())) for key in MEMBER_KEYS.values())
    return tuple(sorted(due | ({"members"} if len(members) > sent else set())))


def bound(state: State, recovery: Recovery, now: float) -> State:
    """The state with what earlier runs turned out to have made."""
    found = {
        address: Binding(
            address,
            written.id,
            written.generation,
            origin="created",
            written_at=iso(now),
            owed=recovery.owed.get(address, ()),
        )
        for address, written in recovery.made.items()
    }
    return state.binding(found)


def _matches(intent: Intent, record: Record, schema: Schema) -> bool:
    """Whether a record is what the intent's match looked for, and no older than the intent."""
    if not is_younger(record, intent.at.timestamp()):
        return False
    definitions = schema.kinds[record.kind]
    return all(_holds(key, value, record, definitions) for key, value in intent.match.items())


def is_younger(record: Record, moment: float) -> bool:
    """Whether a record is no older than a moment of the server's clock (Unix seconds)."""
    made = unix_time(record.created_at)
    return made is not None and made >= moment - _TOLERANCE


def _holds(key: str, value: JSON, record: Record, definitions: Definitions) -> bool:
    field = definitions.fields.get(key)
    if field is None:
        linked = record.links.get(key, ())
        return not set(linked).isdisjoint(map(str, value)) if isinstance(value, list) and value else not linked
    live = VALUE_TYPES[field.type].canonical(live_value(record, field, definitions), field)
    wanted = match_keys(value)
    return not match_keys(live) if not wanted else not wanted.isdisjoint(match_keys(live))


def shows(body: Mapping[str, JSON], record: Record, schema: Schema) -> bool:
    """Whether a record has every value and link of a create's body."""
    definitions = schema.kinds[record.kind]
    fields, links = _parts(body)
    for key, sent in fields.items():
        field = definitions.fields.get(key)
        if field is None:
            return False
        canonical = VALUE_TYPES[field.type].canonical
        if canonical(live_value(record, field, definitions), field, sent) != canonical(sent, field, sent):
            return False
    return all(
        set(ids) <= set(record.links.get(key, ())) for key, ids in links.items() if key not in MEMBER_KEYS.values()
    )


def written_by(address: Address, body: Mapping[str, JSON], record: Record, generation: int) -> Written:
    """What a create wrote, for undo; `record` as the server shows it."""
    fields, links = _parts(body)
    members = None
    for kind, key in MEMBER_KEYS.items():
        if key in links and not kind_of(address.kind).relationships.get(key):
            members = (kind, links.pop(key), list[str]())
    return Written(
        address,
        "create",
        record.id,
        fields={key: (None, record.fields.get(key, sent)) for key, sent in fields.items()},
        links={key: (ids, []) for key, ids in links.items()},
        members=members,
        origin="created",
        generation=generation,
    )


def _parts(body: Mapping[str, JSON]) -> tuple[Mapping[str, JSON], dict[str, list[str]]]:
    """The fields of a request's body, and the ids of its links by key."""
    fields, relationships = body.get("fields"), body.get("relationships")
    links = relationships if isinstance(relationships, dict) else {}
    listed = {key: ids if isinstance(ids, list) else [ids] for key, ids in links.items()}
    return (
        fields if isinstance(fields, dict) else {},
        {key: [str(id) for id in ids if id is not None] for key, ids in listed.items()},
    )
