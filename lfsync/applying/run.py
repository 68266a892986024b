"""What one apply has done so far: the one value that all who write share. I/O through its reader."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field, replace

from lfsync.applying.give_up import GiveUpError
from lfsync.applying.lost import Seeker
from lfsync.applying.reporter import Reporter
from lfsync.knowledge.newcomers import Newcomers
from lfsync.model import Address, Change, Desired, Place, Record
from lfsync.planning.diff import Comparer, Key
from lfsync.planning.plan import kept_keys, skip_enrichment
from lfsync.planning.planned import Planned
from lfsync.planning.rule_lists import without
from lfsync.state.ledger import Ledger, Written
from lfsync.state.state import Binding


@dataclass(slots=True)
class Progress:
    """One change on its way.

    `record`: as last seen. `left`: as our own last write left it, None before there was one. `keys`: what was sent.
    `late`: what must exist before the rest is linked; `waiting`: the keys that name it. `created`: this change has its
    record. `owed`: what of a create goes in later requests than its first one, and was not sent yet.
    """

    record: Record | None = None
    left: Record | None = None
    keys: set[Key] = field(default_factory=set)
    late: list[Address] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)
    created: bool = False
    owed: set[str] = field(default_factory=set)


class Run:
    """One apply of one plan.

    `ids`: of every address that has a record as of now. `touched`: addresses and ids that this run wrote. `cleared`:
    unique values that it emptied to set them anew (rule A7). `is_stopping`: nothing new is begun.
    """

    def __init__(self, planned: Planned, ledger: Ledger, reporter: Reporter) -> None:
        self.planned = planned
        self.reader = reader = planned.reader
        self.knowledge = planned.knowledge
        self.client = reader.client
        self.ledger = ledger
        self._reporter = reporter
        self.ids = dict(planned.draft.resolution.ids)
        self.touched: set[str] = set()
        self.cleared: set[tuple[Address, str]] = set()
        self._narrowed: dict[Address, Desired] = {}
        self.seeker = Seeker(reader, planned.schema)
        self.is_stopping = False
        self.newcomers = Newcomers(self.client, planned.schema, self.knowledge)
        self.skip_enrichment = skip_enrichment(planned.plan.changes, planned.enrichment)
        resolution = replace(planned.draft.resolution, ids=self.ids)
        kept = kept_keys(planned.plan)
        self.comparer = Comparer(planned.desired, planned.schema, planned.state, self.knowledge, resolution, kept=kept)

    def wish(self, change: Change) -> Desired:
        """What the change's resource declares, less the members that are left as they are (`narrowed`)."""
        return self._narrowed.get(change.address) or self.planned.desired[change.address]

    def narrowed(self, change: Change, lost: Container[Address]) -> tuple[Change, str | None]:
        """A change of a list by rule without the members that rest on `lost` changes (rule K1), or are gone since.

        They stay as they are, and the second value tells why; None where all of the change can be made. GiveUpError
        where nothing is left of it, or nobody can tell which members these are.
        """
        assert change.members is not None
        wish, resolution = self.planned.desired[change.address], self.comparer.resolution
        rests = self.planned.draft.rests.get(change.address, {})
        resting = {t: rests.get(t, frozenset()) | _own(t) for t in (*change.members.add, *change.members.remove)}
        left = {text for text, by in resting.items() if any(address in lost for address in by)}
        told = {address for text in left for address in resting[text]}
        declared = {str(resolution.target(target)) for target in wish.members.include} if wish.members else set[str]()
        gone = {text for text in change.members.add if "." not in text and text not in declared}
        names = [str(address) for address in change.depends_on if address in lost]
        reasons = [f"who is in rests on {', '.join(names)}, which did not come out as planned"] if names else []
        reasons += [f"{', '.join(sorted(gone))}: gone since the plan"] if gone else []
        if any(address in lost and address not in told for address in change.depends_on):
            raise GiveUpError("skipped", reasons[0], "Plan again.")
        if not left | gone:
            return change, None
        narrowed, self._narrowed[change.address] = without(change, wish, left | gone, resolution)
        if change.action == "update" and not (narrowed.fields or narrowed.members):
            raise GiveUpError("skipped", "; ".join(reasons), "Plan again.")
        return narrowed, "; ".join(reasons)

    def last(self, address: Address) -> Binding | None:
        """What the state remembered of an address when this apply began."""
        return self.planned.draft.bindings.get(address) or self.planned.state.bindings.get(address)

    def known(self, texts: Iterable[str], late: list[Address]) -> list[str]:
        """The ids of what a plan names; addresses that have none yet go to `late`."""
        ids = []
        for text in texts:
            address = Address.parse(text) if "." in text else None
            if address is None:
                ids.append(text)
            elif address in self.ids:
                ids.append(self.ids[address])
            else:
                late.append(address)
        return ids

    def answered(self, written: Written) -> None:
        """A write was answered: it goes on record at once, and counts (rule A8)."""
        self.ledger.answered(written)
        self._reporter.answered(written.address, written.id)

    def uploading(self, address: Address, sent: int, size: int) -> None:
        """So many of an upload's bytes are on their way."""
        self._reporter.uploading(address, sent, size)

    def wrote(self, address: Address, record: Record) -> None:
        """A write of this address was answered with this record."""
        self.ids[address] = record.id
        self.comparer.address_of[address.kind, record.id] = address
        self.touched |= {str(address), record.id}
        self.knowledge.wrote(record)


def _own(text: str) -> frozenset[Address]:
    """The resource that a member is by its name in a plan."""
    return frozenset((Address.parse(text),)) if "." in text else frozenset()


def place_of(wish: Desired, section: str, key: str) -> Place:
    """Where a key of a resource is declared; the resource's own place where it is not."""
    found = {"fields": wish.fields.get(key), "links": wish.links.get(key), "members": wish.members}[section]
    return found.place if found is not None else wish.place
