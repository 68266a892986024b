"""Creates of an earlier run whose outcome nobody knows, settled before anything else (rule A4). I/O.

Within 23 hours the API still knows the key of the create: sending it again gives the record that was made, or makes it
now. Later only the match can tell, and the refresh asks it anyway. What is declared no more is not made: it is let go,
and named.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Mapping

from lfsync.api.client import Client
from lfsync.applying.writer import still_there
from lfsync.errors import RejectedError
from lfsync.kinds import KINDS, MEMBER_KEYS
from lfsync.model import JSON, Address, Record
from lfsync.state.journal import Intent, now
from lfsync.state.ledger import Ledger, Written
from lfsync.state.state import Binding

_KEY_KNOWN = 23 * 3600


async def settle(intents: Iterable[Intent], declared: Container[Address], client: Client, ledger: Ledger) -> list[str]:
    """Bind what was made. The notes say what became of each."""
    each = (_settle(intent, Address.parse(intent.address), declared, client, ledger) for intent in intents)
    return await asyncio.gather(*each)


async def _settle(
    intent: Intent, address: Address, declared: Container[Address], client: Client, ledger: Ledger
) -> str:
    if address not in declared:
        ledger.drop(address)
        return f"{address}: an earlier run may have created it, and it is declared no more: look for it in Lightfield"
    if intent.age > _KEY_KNOWN or intent.key is None:
        ledger.drop(address)
        return f"{address}: an earlier run may have created it: its match tells"
    try:
        answer = await client.create(KINDS[address.kind], dict(intent.body or {}), intent.key)
    except RejectedError as error:
        ledger.drop(address)
        return f"{address}: an earlier run did not create it: {error.message}"
    record = await still_there(client, answer.record) if answer.replayed else answer.record
    if record is None:
        ledger.drop(address)
        return f"{address}: an earlier run created {answer.record.id}, which is gone by now"
    ledger.bind(Binding(address, record.id, intent.generation + 1, origin="created", written_at=now()))
    ledger.history.wrote(_written(address, intent.body or {}, answer.record))
    return f"{address}: an earlier run created {record.id}"


def _written(address: Address, body: Mapping[str, JSON], made: Record) -> Written:
    """What the create wrote, for undo; `made` is the record as its answer showed it, also where that is a replay."""
    fields, relationships = body.get("fields"), body.get("relationships")
    written = Written(address, "create", made.id)
    if isinstance(fields, dict):
        written.fields = {key: (None, made.fields.get(key)) for key in fields}
    if isinstance(relationships, dict):
        linked = {
            key: [str(id) for id in (ids if isinstance(ids, list) else [ids])] for key, ids in relationships.items()
        }
        for kind, key in MEMBER_KEYS.items():
            if address.kind == "list" and key in linked:
                written.members = (kind, linked.pop(key), [])
        written.links = {key: (ids, []) for key, ids in linked.items()}
    return written
