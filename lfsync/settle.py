"""Creates of an earlier run whose outcome nobody knows, settled before anything else (rule A4). I/O.

Within 23 hours the API still knows the key of the create: sending it again gives the record that was made, or makes it
now. Later only the match can tell, and the refresh asks it anyway. What is declared no more is not made: it is let go,
and named.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from lfsync.client import Client
from lfsync.errors import RejectedError
from lfsync.journal import Intent, now
from lfsync.kinds import KINDS
from lfsync.ledger import Ledger
from lfsync.model import Address
from lfsync.state import Binding
from lfsync.writer import still_there

_KEY_KNOWN = 23 * 3600


async def settle(intents: Iterable[Intent], declared: Container[Address], client: Client, ledger: Ledger) -> list[str]:
    """Bind what was made. The notes say what became of each."""
    return [await _settle(intent, Address.parse(intent.address), declared, client, ledger) for intent in intents]


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
    return f"{address}: an earlier run created {record.id}"
