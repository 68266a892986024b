"""What became of a create whose answer was lost (rule A5): lists that fail on the way prove nothing."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from lfsync.api.paging import Listing
from lfsync.applying.give_up import GiveUpError
from lfsync.applying.lost import Seeker, Sought
from lfsync.errors import UnavailableError
from lfsync.kinds import Kind
from lfsync.knowledge.reader import Reader
from lfsync.model import FieldDef, Place, Query, Record, Term
from tests.core.world import SCHEMA, record

NAME = FieldDef("$name", "Name", "TEXT")
PLACE = Place("crm.yaml", 1, 1)


class Fake:
    """A reader, and the client behind it, whose lists end as told, one after the other."""

    def __init__(self, *ends: Listing | Exception) -> None:
        self.client = self
        self.ends = list(ends)
        self.begun = 0

    def now(self) -> float:
        return 0.0

    async def wait_for_index(self, moment: float) -> None:
        await asyncio.sleep(0)

    async def list(self, kind: Kind) -> Listing:
        self.begun += 1
        end = self.ends.pop(0)
        await asyncio.sleep(0.01)
        if isinstance(end, Exception):
            raise end
        return end


def sought(name: str) -> Sought:
    query = Query("account", PLACE, (Term("$name", field=NAME, sent=name),))
    return Sought(query, {}, {"fields": {"$name": name}}, 0.0, frozenset())


def found(fake: Fake, *names: str) -> list[Record | BaseException | None]:
    """What is found of creates that are looked for side by side."""

    async def main() -> list[Record | BaseException | None]:
        seeker = Seeker(cast(Reader, fake), SCHEMA)
        return await asyncio.gather(*(seeker.find(sought(name)) for name in names), return_exceptions=True)

    return asyncio.run(main())


ACME, BIRCH = record("acc_1", {"$name": "Acme"}), record("acc_2", {"$name": "Birch"})
WHOLE = Listing({"acc_1": ACME, "acc_2": BIRCH}, 2, complete=True)


def test_one_list_serves_all_who_wait_for_it() -> None:  # rule R6
    fake = Fake(WHOLE, WHOLE)
    assert found(fake, *["Acme", "Birch", "Cedar"] * 20) == [ACME, BIRCH, None] * 20
    assert fake.begun == 2, "who came while the first was read needs one that was begun later"


@pytest.mark.parametrize("end", [UnavailableError("down"), Listing({}, 2, complete=False)])
def test_a_list_that_failed_is_nobodys_proof(end: Listing | Exception) -> None:
    """Rule I9: who waited for it lists anew, and never takes it, or an older one, that nothing was made."""
    fake = Fake(Listing({}, 0, complete=True), end, WHOLE)
    first, second, third = found(fake, "Cedar", "Acme", "Birch")
    assert first is None
    assert isinstance(second, UnavailableError | GiveUpError)
    assert third == BIRCH
    assert fake.begun == 3
