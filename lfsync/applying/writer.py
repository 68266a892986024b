"""Writes one change, just after a last look at what is there (rule A1). I/O.

  create    match still hits nothing? → POST under its own key → a replay? then what is there now → more links
  update    read by id → still as planned? → POST what still differs
  restore   POST restore → update
  delete    read by id → still as planned? → DELETE (`trasher`)
  adopt     bind

Each request is journaled before it goes out, and its outcome after it (`ledger`).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace

from lfsync.api.client import Client
from lfsync.applying.last_look import still_planned
from lfsync.applying.progress import GiveUpError, Job, Progress, place_of
from lfsync.applying.proof import Prover
from lfsync.applying.trasher import Trasher
from lfsync.errors import RejectedError
from lfsync.kinds import KINDS
from lfsync.knowledge.recheck import Rechecker
from lfsync.model import (
    JSON,
    Address,
    Change,
    Desired,
    Query,
    Record,
    Status,
    Target,
)
from lfsync.planning.bodies import Body, LinkWrite, bodies, create_links, fields_of, member_links, update_links
from lfsync.planning.diff import MEMBERS, Comparer, Difference
from lfsync.planning.plan import skip_enrichment
from lfsync.planning.resolve import title
from lfsync.state.journal import now
from lfsync.state.ledger import Ledger
from lfsync.state.state import Binding
from lfsync.values.pipelines import live_value
from lfsync.values.table import VALUE_TYPES

# How often a create goes on to its next key where the API answers with a record that is gone (rule A2).
_GENERATIONS = 10


class Writer:
    """Writes the changes of one job. `ids`: of every address that has a record as of now."""

    def __init__(self, job: Job, client: Client, ledger: Ledger) -> None:
        self.job = job
        self.client = client
        self.ledger = ledger
        self.ids = dict(job.draft.resolution.ids)
        self.comparer = Comparer(
            job.desired, job.schema, job.state, job.live, replace(job.draft.resolution, ids=self.ids)
        )
        self._prover = Prover(self.comparer, client, job.state)
        self._rechecker = Rechecker(client, job.schema, job.live)
        self._skip_enrichment = skip_enrichment(job.plan.changes, job.enrichment)
        self._touched: set[str] = set()
        self._trasher = Trasher(job, self.comparer, client, ledger, self._touched)
        self._out_of_trash: set[Address] = set()
        self._cleared: set[tuple[Address, str]] = set()

    async def write(self, change: Change, progress: Progress) -> None:
        """All of a change but its late links. Raises GiveUpError and ApiError; may be called again after one."""
        self._refuse_stale(change, progress)
        if change.action == "delete":
            await self._trasher.delete(change, progress)
        elif change.action == "restore":
            await self._restore(change, progress)
        elif change.action == "update" or progress.created:
            await self._update(change, progress)
        elif change.action == "create":
            await self._create(change, progress)

    def _refuse_stale(self, change: Change, progress: Progress) -> None:
        """A saved plan may be older than what the refresh just before this apply has seen."""
        if progress.created:
            return
        blocked = self.job.draft.blocked.get(change.address)
        if blocked is not None:
            raise GiveUpError("blocked", blocked.reason, blocked.hint, blocked.source)
        if change.action == "delete":
            self._trasher.refuse_kept(change)
            return
        if change.action != "restore" and change.address in self.job.draft.resolution.restored:
            raise GiveUpError("stale", f"{change.id} is gone since the plan", "Plan again.")
        id = self.ids.get(change.address)
        if id != change.id:
            seen = f"is {id} by now" if id else "has no record any more"
            planned = f"was {change.id} in the plan" if change.id else "had no record in the plan"
            raise GiveUpError("stale", f"it {planned} and {seen}", "Plan again.")

    # ------------------------------------------------------------ create

    async def _create(self, change: Change, progress: Progress) -> None:
        wish = self._wish(change)
        assert wish.query is not None
        targets = self._targets(wish.query)
        await self._still_unmatched(wish.query, targets)
        progress.late.clear()
        links = self._links_of_create(change, progress.late)
        first, *rest = bodies(change.address.kind, fields_of(change.fields), links) or [Body()]
        replayed = await self._post_create(change, wish, targets, first, progress)
        if replayed:
            await self._update(change, progress)
            return
        self._sent(change, progress, first)
        for body in rest:
            await self._post_update(change, body, progress)

    async def _still_unmatched(self, query: Query, targets: Mapping[str, set[str]]) -> None:
        hits = await self._rechecker.hits(query, targets)
        if hits:
            found = ", ".join(f"{hit.id} {json.dumps(title(hit), ensure_ascii=False)}" for hit in hits[:3])
            raise GiveUpError("stale", f"a record that matches has come since the plan: {found}", "Plan again.")

    def _targets(self, query: Query) -> dict[str, set[str]]:
        """The ids that the query's relationship terms name, by key."""
        return {
            term.key: {id for target in term.targets if (id := self._id(target)) is not None}
            for term in query.terms
            if term.rel is not None and not term.empty
        }

    def _id(self, target: Target) -> str | None:
        found = self.comparer.resolution.target(target)
        return None if isinstance(found, Address) else found

    def _links_of_create(self, change: Change, late: list[Address]) -> list[LinkWrite]:
        links = {link.key: self._known(link.add, late) for link in change.relationships}
        members = self._known(change.members.add, late) if change.members else []
        return create_links(self._wish(change), links, members)

    def _known(self, texts: Iterable[str], late: list[Address]) -> list[str]:
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

    async def _post_create(
        self, change: Change, wish: Desired, targets: Mapping[str, set[str]], first: Body, progress: Progress
    ) -> bool:
        """POST under the create's own key. True for a replay; of a record that is gone, again with the next key."""
        kind = KINDS[change.address.kind]
        body = first.for_create()
        if self._skip_enrichment and kind.enriched:
            body["skipEnrichment"] = True
        generation = self.job.state.generation(change.address)
        for attempt in range(generation, generation + _GENERATIONS):
            key = create_key(self.job.plan.workspace.name, wish, targets, attempt)
            self.ledger.journal.intend(change.address, "create", key=key, generation=attempt, body=body)
            try:
                answer = await self.client.create(kind, body, key)
            except RejectedError:
                self.ledger.drop(change.address)
                raise
            record = await still_there(self.client, answer.record) if answer.replayed else answer.record
            if record is not None:
                self._bind_new(change, progress, record, attempt + 1)
                return answer.replayed
        self.ledger.drop(change.address)
        raise GiveUpError(
            "failed",
            f"the API answers with {answer.record.id}, which an earlier run made and which is gone",
            "Apply again in 24 hours, when the API has forgotten the idempotency keys.",
        )

    def _bind_new(self, change: Change, progress: Progress, record: Record, generation: int) -> None:
        address = change.address
        self.ids[address] = record.id
        self.ledger.bind(
            Binding(
                address,
                record.id,
                generation,
                origin="created",
                protect=bool(self.job.desired[address].protect),
                written_at=now(),
            )
        )
        self.comparer.address_of[address.kind, record.id] = address
        self._rechecker.add(record)
        if self.job.desired[address].members is not None:
            self.job.live.memberships[record.id] = frozenset()
        progress.record = record
        progress.created = True
        progress.written.id = record.id

    async def link_late(self, change: Change, progress: Progress) -> None:
        """The links that had to wait until what they point at exists."""
        progress.late.clear()
        await self._update(change, progress)

    # ------------------------------------------------------------ update

    async def _update(self, change: Change, progress: Progress) -> None:
        """Read by id, and write what still differs as the plan has it (rule A1)."""
        kind = KINDS[change.address.kind]
        wish = self._wish(change)
        record = await self._current(change)
        progress.record = record
        differing = self.comparer.comparison(wish, record, self._last(change.address))
        if not progress.created:
            differing = self._still_planned(change, wish, differing)
        links = self._links_of_update(wish, differing, progress.late)
        changes = {field.key: (field.before_raw, field.after_raw) for field in differing.fields}
        for link in differing.links:
            if not wish.links[link.key].definition.many:
                progress.written.links.setdefault(link.key, ([], []))[1].extend(self._known(link.remove, []))
        for body in bodies(kind.name, fields_of(differing.fields), links):
            self.ledger.journal.intend(change.address, "update")
            await self._post_update(change, body, progress, changes)

    async def clear(self, change: Change, keys: set[str]) -> None:
        """Let go of unique values before their new owners take them; the change itself sets the new ones (rule A7)."""
        record = await self._current(change)
        wish = self._wish(change)
        planned = self._still_planned(change, wish, self.comparer.comparison(wish, record, None))
        fields: dict[str, JSON] = {field.key: None for field in planned.fields if field.key in keys}
        if fields:
            self.ledger.journal.intend(change.address, "update")
            kind = KINDS[change.address.kind]
            await self.client.update(kind, record.id, {"fields": fields}, secrets.token_hex(16))
            self._cleared |= {(change.address, key) for key in fields}

    def _wish(self, change: Change) -> Desired:
        return self.job.desired[change.address]

    async def _current(self, change: Change) -> Record:
        id = self.ids[change.address]
        record = await self.client.retrieve(KINDS[change.address.kind], id)
        if record is None:
            raise GiveUpError("stale", f"{id} is gone since the plan", "Plan again.")
        self.job.live.add(record)
        return record

    def _last(self, address: Address) -> Binding | None:
        """What the state remembered of an address when this apply began."""
        return self.job.draft.bindings.get(address) or self.ledger.bindings.get(address)

    def _still_planned(self, change: Change, wish: Desired, current: Difference) -> Difference:
        cleared = {key for address, key in self._cleared if address == change.address}
        return still_planned(change, wish, current, self._touched, cleared)

    def _links_of_update(self, wish: Desired, now: Difference, late: list[Address]) -> list[LinkWrite]:
        writes: list[LinkWrite] = []
        for link in now.links:
            definition = wish.links[link.key].definition
            if link.add or link.remove:
                writes += update_links(definition, self._known(link.add, late), self._known(link.remove, late))
        if now.members is not None:
            writes += member_links(wish, self._known(now.members.add, late), self._known(now.members.remove, late))
        return writes

    async def _post_update(
        self, change: Change, body: Body, progress: Progress, fields: Mapping[str, tuple[JSON, JSON]] | None = None
    ) -> None:
        kind = KINDS[change.address.kind]
        record = await self.client.update(kind, self.ids[change.address], body.for_update(), secrets.token_hex(16))
        progress.record = record
        self._sent(change, progress, body, fields or {})

    def _sent(
        self, change: Change, progress: Progress, body: Body, fields: Mapping[str, tuple[JSON, JSON]] | None = None
    ) -> None:
        """Remember what went out: for the proof, the history, and those who look at the other side of a link."""
        id = self.ids[change.address]
        self._touched |= {str(change.address), id}
        progress.written.id = id
        progress.keys.update(("fields", key) for key in body.fields)
        progress.written.fields |= {key: (fields or {}).get(key, (None, value)) for key, value in body.fields.items()}
        for link in body.links:
            if link.key in self._wish(change).links:
                progress.keys.add(("links", link.key))
                _note_link(progress.written.links.setdefault(link.key, ([], [])), link)
            else:
                progress.keys.add(MEMBERS)
                members = self._wish(change).members
                assert members is not None
                progress.written.members = progress.written.members or (members.definition.target, [], [])
                _note_link(progress.written.members[1:], link)
                self._note_member(id, link)

    def _note_member(self, list_id: str, link: LinkWrite) -> None:
        members = self.job.live.memberships.get(list_id, frozenset())
        changed = members - {link.id} if link.operation == "remove" else members | {link.id}
        self.job.live.memberships[list_id] = frozenset(id for id in changed if id)

    async def reread_members(self, change: Change) -> None:
        """The index's word on the members of a list, after the API refused to change them (U11)."""
        wish = self._wish(change)
        if wish.members is not None and change.address in self.ids:
            id = self.ids[change.address]
            listing = await self.client.list_members(id, KINDS[wish.members.definition.target])
            self.job.live.memberships[id] = frozenset(listing.records)

    # ------------------------------------------------------------ restore

    async def take_out(self, change: Change) -> None:
        """Out of the trash. All restores come first: what else is written may refer to any of them."""
        id = self.ids.get(change.address)
        if id is None or id != change.id or change.address not in self.job.draft.resolution.restored:
            return
        kind = KINDS[change.address.kind]
        self.ledger.journal.intend(change.address, "restore")
        await self.client.restore(kind, id)
        self.job.live.gone.pop((kind.name, id), None)
        self._out_of_trash.add(change.address)

    async def _restore(self, change: Change, progress: Progress) -> None:
        """Out of the trash, if it is still there, and then what the plan changes (rule I6)."""
        if change.address not in self._out_of_trash:
            await self.take_out(change)
        if change.address in self._out_of_trash:
            progress.written.id = self.ids[change.address]
        await self._update(change, progress)

    # ------------------------------------------------------------ proof

    async def prove(self, change: Change, progress: Progress) -> Status:
        """Hold the record against the declared values, and bind it. GiveUpError names what did not converge."""
        if change.action == "delete":
            self.ledger.release(change.address)
            self._release_former(change)
            return "done" if progress.written.id else "unchanged"
        if progress.record is None:
            known = self.ledger.bindings.get(change.address)
            self._bind(change, self.job.draft.bindings[change.address])
            return "unchanged" if known is not None and known.id == self.ids[change.address] else "done"
        wish = self._wish(change)
        proof = await self._prover.prove(wish, progress.record, progress.keys, self._last(change.address))
        base = self._base(change)
        self._bind(change, replace(proof.binding(base), written_at=now() if progress.keys else base.written_at))
        self._note_answer(progress)
        if proof.open:
            raise GiveUpError("not converged", proof.said(), source=place_of(wish, *min(proof.open)))
        return "done" if progress.keys or change.action == "restore" else "unchanged"

    def _note_answer(self, progress: Progress) -> None:
        """For undo: the server's own form of what was written, which is no change that a person made."""
        record, fields = progress.record, progress.written.fields
        assert record is not None
        definitions = self.job.schema.kinds[record.kind]
        for key in fields.keys() & definitions.fields.keys():
            fields[key] = (fields[key][0], live_value(record, definitions.fields[key], definitions))

    def _base(self, change: Change) -> Binding:
        base = self.ledger.bindings.get(change.address)
        if base is None or base.id != self.ids[change.address]:
            return self.job.draft.bindings[change.address]
        return base

    def _bind(self, change: Change, binding: Binding) -> None:
        self.ledger.bind(binding)
        self._release_former(change)

    def _release_former(self, change: Change) -> None:
        """Where the record moved to another key, the old one has none any more (rule I4)."""
        former = self.job.draft.resolution.moved.get(change.address)
        if former is not None:
            self.ledger.release(former)


async def still_there(client: Client, replayed: Record) -> Record | None:
    """What a replayed create points at, read by id; None if that is gone, in the trash or altogether (rule A2)."""
    kind = KINDS[replayed.kind]
    record = await client.retrieve(kind, replayed.id)
    if record is None or not kind.trash:
        return record
    trash = await client.list(kind, status="trashed")
    return None if record.id in trash.records else record


def create_key(workspace: str, wish: Desired, targets: Mapping[str, set[str]], generation: int) -> str:
    """The idempotency key of a create: the same after any crash, for as long as the match is the same (rule A2)."""
    assert wish.query is not None
    values: dict[str, JSON] = {}
    for term in wish.query.terms:
        if term.field is not None:
            values[term.key] = VALUE_TYPES[term.field.type].canonical(term.sent, term.field)
        else:
            values[term.key] = [*sorted(targets.get(term.key, ()))]
    text = json.dumps([workspace, str(wish.address), values, generation], sort_keys=True)
    return f"lfsync-{hashlib.sha256(text.encode()).hexdigest()}"


def _note_link(noted: tuple[list[str], list[str]], link: LinkWrite) -> None:
    added, removed = noted
    if link.id is not None:
        (removed if link.operation == "remove" else added).append(link.id)
