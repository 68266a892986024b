"""Trashes what a plan deletes, after a last look that nothing of it has moved since (rule A1). I/O."""

from __future__ import annotations

from collections.abc import Iterable

from lfsync.api.client import Client
from lfsync.applying.last_look import last_values, refuse_moved_links
from lfsync.applying.progress import GiveUpError, Job, Progress
from lfsync.kinds import KINDS, member_kind
from lfsync.model import Address, Change, Record
from lfsync.planning.diff import Comparer
from lfsync.state.ledger import Ledger, Written


class Trasher:
    """Deletes of one job. `touched`: addresses and ids that this run wrote, shared with its writer."""

    def __init__(self, job: Job, comparer: Comparer, client: Client, ledger: Ledger, touched: set[str]) -> None:
        self.job = job
        self.comparer = comparer
        self.client = client
        self.ledger = ledger
        self._touched = touched

    def refuse_kept(self, change: Change) -> None:
        """A delete of a saved plan that would not be planned any more; what is gone already is as it should be."""
        now = self.job.draft.changes.get(change.address)
        gone = (change.address.kind, change.id) in self.job.live.gone
        if not gone and (now is None or now.action != "delete" or now.id != change.id):
            raise GiveUpError("stale", f"{change.id} is not to be trashed any more", "Plan again.")

    async def delete(self, change: Change, progress: Progress) -> None:
        """To the trash. GiveUpError where a managed value, link or member moved since the plan."""
        assert change.id is not None
        kind = KINDS[change.address.kind]
        record = await self.client.retrieve(kind, change.id)
        if record is None or (kind.name, change.id) in self.job.live.gone:
            return
        values = last_values(change, record, self.job.schema.kinds[kind.name])
        progress.written.fields |= {key: (value, None) for key, value in values.items()}
        bound = self.ledger.bindings.get(change.address)
        self._refuse_moved_links(change, record, bound.links if bound else ())
        if not kind.restorable:
            await self._note_contents(record, progress.written)
            self._refuse_moved_members(change, progress.written)
        self.ledger.journal.intend(change.address, "delete")
        await self.client.delete(kind, change.id)
        self._touched |= {str(change.address), change.id}
        progress.written.id = change.id
        progress.written.origin = bound.origin if bound else "adopted"
        progress.written.generation = bound.generation if bound else 0

    def _refuse_moved_links(self, change: Change, record: Record, keys: Iterable[str]) -> None:
        planned = {link.key: self._ids(link.remove) for link in change.relationships}
        definitions = self.job.schema.kinds[record.kind].relationships
        now = {
            key: {id for id in record.links.get(key, ()) if (definitions[key].target, id) not in self.job.live.gone}
            for key in {*planned, *keys} & definitions.keys()
        }
        names = self.comparer.names
        refuse_moved_links(planned, now, self._touched, lambda key, id: names(definitions[key].target, id))

    def _refuse_moved_members(self, change: Change, written: Written) -> None:
        if change.members is None or written.members is None:
            return
        come = set(written.members[2]) - self._ids(change.members.remove)
        if come:
            raise GiveUpError("stale", f"{', '.join(sorted(come))} came to its members since the plan", "Plan again.")

    def _ids(self, texts: Iterable[str]) -> set[str]:
        """The ids of what a plan names."""
        ids = self.comparer.resolution.ids
        return {ids.get(Address.parse(text), text) if "." in text else text for text in texts}

    async def _note_contents(self, record: Record, written: Written) -> None:
        """All of a list, which the API can't take out of the trash: undo makes it again (rule L3)."""
        written.fields |= {key: (value, None) for key, value in record.fields.items() if value is not None}
        target = member_kind(record.fields.get("$objectType"))
        if target:
            listing = await self.client.list_members(record.id, KINDS[target])
            written.members = (target, [], list(listing.records))
