"""Trashes what a plan deletes, after a last look that nothing of it has moved since (rule A1). I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lfsync.applying.give_up import GiveUpError
from lfsync.applying.last_look import last_values, refuse_moved_links
from lfsync.applying.run import Run
from lfsync.kinds import kind_of, member_kind
from lfsync.model import JSON, Address, Change, Record
from lfsync.state.ledger import Written


class Trasher:
    """The deletes of one run."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def _refuse_kept(self, change: Change) -> None:
        """A delete of a saved plan that would not be planned any more."""
        now = self.run.planned.draft.changes.get(change.address)
        if now is None or now.action != "delete" or now.id != change.id:
            raise GiveUpError("stale", f"{change.id} is not to be trashed any more", "Plan again.")

    async def delete(self, change: Change) -> None:
        """To the trash. GiveUpError where a managed value, link or member moved since the plan."""
        assert change.id is not None
        run, kind = self.run, kind_of(change.address.kind)
        record = await run.reader.retrieve(kind.name, change.id)
        if record is None or not await run.reader.is_there(kind.name, change.id):
            return
        self._refuse_kept(change)
        values = last_values(change, record, run.planned.schema.kinds[kind.name])
        bound = run.ledger.bindings.get(change.address)
        self._refuse_moved_links(change, record, bound.links if bound else ())
        fields, members = values, None
        if not kind.restorable:
            fields, members = await self._contents(record, values)
            self._refuse_moved_members(change, members[2] if members else [])
        await run.client.delete(kind, change.id)
        run.touched |= {str(change.address), change.id}
        run.answered(
            Written(
                change.address,
                "delete",
                change.id,
                fields={key: (value, None) for key, value in fields.items()},
                members=members,
                origin=bound.origin if bound else "adopted",
                generation=bound.generation if bound else 0,
            )
        )

    def _refuse_moved_links(self, change: Change, record: Record, keys: Iterable[str]) -> None:
        run = self.run
        planned = {link.key: self._ids(link.remove) for link in change.relationships}
        definitions = run.planned.schema.kinds[record.kind].relationships
        now = {
            key: {id for id in record.links.get(key, ()) if not run.knowledge.is_gone(definitions[key].target, id)}
            for key in {*planned, *keys} & definitions.keys()
        }
        names = run.comparer.names
        refuse_moved_links(planned, now, run.touched, lambda key, id: names(definitions[key].target, id))

    def _refuse_moved_members(self, change: Change, members: Iterable[str]) -> None:
        if change.members is None:
            return
        come = set(members) - self._ids(change.members.remove)
        if come:
            raise GiveUpError("stale", f"{', '.join(sorted(come))} came to its members since the plan", "Plan again.")

    def _ids(self, texts: Iterable[str]) -> set[str]:
        """The ids of what a plan names."""
        return {self.run.ids.get(Address.parse(text), text) if "." in text else text for text in texts}

    async def _contents(
        self, record: Record, values: Mapping[str, JSON]
    ) -> tuple[dict[str, JSON], tuple[str, list[str], list[str]] | None]:
        """All of a list, which the API can't take out of the trash: undo makes it again (rule L3)."""
        fields = {**values, **{key: value for key, value in record.fields.items() if value is not None}}
        target = member_kind(record.fields.get("$objectType"))
        if target is None:
            return fields, None
        return fields, (target, [], list(await self.run.reader.members(record.id, target)))
