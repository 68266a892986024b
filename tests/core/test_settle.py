"""Creates that a killed run left open are settled by their own key, once, before anything else (rule A4)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from lfsync.api.client import Answer, Client
from lfsync.api.paging import Listing
from lfsync.applying.recovery import settle
from lfsync.errors import RejectedError, UnavailableError
from lfsync.kinds import Kind
from lfsync.model import JSON, Address, Record
from lfsync.state.journal import Intent
from lfsync.state.ledger import Ledger, NoHistory, NoJournal, Written
from tests.core.world import record

ACME = Address("account", "acme")


@dataclass
class Api(Client):
    """Answers every create with one record; `there` and `trashed` say what became of it."""

    replayed: bool = False
    there: bool = True
    trashed: bool = False
    error: Exception | None = None
    sent: list[tuple[str, Mapping[str, JSON]]] = field(default_factory=list)

    async def create(self, kind: Kind, body: Mapping[str, JSON], key: str) -> Answer:
        self.sent.append((key, body))
        if self.error is not None:
            raise self.error
        return Answer(record("acc_1", {"$name": "Acme"}), self.replayed)

    async def retrieve(self, kind: Kind, id: str) -> Record | None:
        return record(id, {"$name": "Acme"}, fresh=True) if self.there else None

    async def list(self, kind: Kind, **_: object) -> Listing:
        rows = {"acc_1": record("acc_1", {})} if self.trashed else {}
        return Listing(rows, len(rows), complete=True)


@dataclass
class Journal(NoJournal):
    """Notes what was dropped."""

    gone: list[Address] = field(default_factory=list)

    def dropped(self, address: Address) -> None:
        self.gone.append(address)


@dataclass
class History:
    """Keeps what it is told."""

    told: list[Written] = field(default_factory=list)

    def wrote(self, written: Written) -> None:
        self.told.append(written)


def settled(
    api: Api,
    *,
    hours: float = 1,
    declared: bool = True,
    body: dict[str, JSON] | None = None,
    history: History | None = None,
) -> tuple[Ledger, Journal, str]:
    at = datetime.now(UTC) - timedelta(hours=hours)
    body = body or {"fields": {"$name": "Acme"}}
    intent = Intent(address=str(ACME), action="create", at=at, key="k", generation=2, body=body)
    journal = Journal()
    ledger = Ledger({}, journal, history or NoHistory())
    (note,) = asyncio.run(settle([intent], {ACME} if declared else set(), api, ledger))
    return ledger, journal, note


@pytest.mark.parametrize("replayed", [False, True])
def test_the_record_that_was_made_is_bound(replayed: bool) -> None:
    api = Api(replayed=replayed)
    ledger, journal, note = settled(api)
    assert api.sent == [("k", {"fields": {"$name": "Acme"}})], "its own key and body, once"
    binding = ledger.bindings[ACME]
    assert (binding.id, binding.generation, binding.origin) == ("acc_1", 3, "created")
    assert journal.gone == []
    assert "created acc_1" in note


def test_what_was_made_can_be_undone() -> None:
    history = History()
    body: dict[str, JSON] = {
        "fields": {"$name": " Acme", "score": 1},
        "relationships": {"$owner": "mem_1", "$contact": ["con_1", "con_2"]},
    }
    settled(Api(replayed=True), body=body, history=history)
    fields: dict[str, tuple[JSON, JSON]] = {"$name": (None, "Acme"), "score": (None, None)}
    links: dict[str, tuple[list[str], list[str]]] = {"$owner": (["mem_1"], []), "$contact": (["con_1", "con_2"], [])}
    assert history.told == [Written(ACME, "create", "acc_1", fields, links)], "as the server showed it"


@pytest.mark.parametrize("api", [Api(replayed=True, there=False), Api(replayed=True, trashed=True)])
def test_what_is_gone_by_now_is_not_bound(api: Api) -> None:
    ledger, journal, note = settled(api)
    assert ledger.bindings == {}
    assert journal.gone == [ACME]
    assert "gone by now" in note


def test_a_create_that_the_api_refuses_was_never_made() -> None:
    ledger, journal, note = settled(Api(error=RejectedError("no such option", status=400)))
    assert (ledger.bindings, journal.gone) == ({}, [ACME])
    assert "no such option" in note


def test_it_stays_open_where_nobody_answers() -> None:
    api = Api(error=UnavailableError("no answer"))
    with pytest.raises(UnavailableError):
        settled(api)


@pytest.mark.parametrize(("hours", "declared"), [(23.1, True), (1, False)])
def test_what_is_too_old_or_declared_no_more_is_not_sent_again(hours: float, declared: bool) -> None:
    api = Api()
    ledger, journal, note = settled(api, hours=hours, declared=declared)
    assert api.sent == []
    assert (ledger.bindings, journal.gone) == ({}, [ACME])
    assert "may have created it" in note
