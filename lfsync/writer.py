"""Writes one change, and proves it. I/O.

  create   match still hits nothing? → POST under its own key → a replay? then what is there now → more links
  update   read by id → still as planned? → POST what still differs
  adopt    bind

The proof is the plan's own comparison, run again on the write's answer (rule S5): what it finds equal is what the state
remembers, and what it does not is read by id once more before it is called not converged.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from lfsync.client import Client
from lfsync.diff import MEMBERS, Comparer, Difference, Key, binding_hashes
from lfsync.draft import Draft
from lfsync.kinds import KINDS
from lfsync.live import Live
from lfsync.model import (
    JSON,
    Address,
    Change,
    Desired,
    FieldChange,
    LinkChange,
    Place,
    Plan,
    Query,
    Record,
    Schema,
    Status,
    Target,
)
from lfsync.plan import skip_enrichment
from lfsync.recheck import Rechecker
from lfsync.resolve import title
from lfsync.state import Binding, Hashes, State
from lfsync.values import VALUE_TYPES
from lfsync.writes import Body, LinkWrite, bodies, create_links, fields_of, member_links, update_links


@dataclass(frozen=True, slots=True)
class Job:
    """All that an apply needs: the plan, and the draft that it was made of."""

    plan: Plan
    draft: Draft
    desired: Mapping[Address, Desired]
    schema: Schema
    state: State
    live: Live
    enrichment: str = "auto"


@dataclass(slots=True)
class Progress:
    """One change on its way: the record as last seen, what was sent, what is linked once it exists."""

    record: Record | None = None
    written: set[Key] = field(default_factory=set)
    late: list[Address] = field(default_factory=list)


class GiveUpError(Exception):
    """This change ends here."""

    def __init__(self, status: Status, reason: str, hint: str | None = None, source: Place | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.hint = hint
        self.source = source


class Writer:
    """Writes the changes of one job. `ids` and `bindings` are what is known as of now."""

    def __init__(self, job: Job, client: Client) -> None:
        self.job = job
        self.client = client
        self.ids = dict(job.draft.resolution.ids)
        self.bindings = _bindings(job)
        self.comparer = Comparer(
            job.desired, job.schema, job.state, job.live, replace(job.draft.resolution, ids=self.ids)
        )
        self._rechecker = Rechecker(client, job.schema, job.live)
        self._skip_enrichment = skip_enrichment(job.plan.changes, job.enrichment)
        self._touched: set[str] = set()

    async def write(self, change: Change, progress: Progress) -> None:
        """All of a change but its late links. Raises GiveUpError and ApiError; may be called again after one."""
        if change.action == "adopt":
            return
        if change.address in self.ids:
            await self._update(change, progress)
        else:
            await self._create(change, progress)

    # ------------------------------------------------------------ create

    async def _create(self, change: Change, progress: Progress) -> None:
        wish = self.job.desired[change.address]
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
        self._wrote(change, progress, first)
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
        return create_links(self.job.desired[change.address], links, members)

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
        """POST under the create's own key. True for a replay; of a record that is gone, once more with the next key."""
        kind = KINDS[change.address.kind]
        body = first.for_create()
        if self._skip_enrichment and kind.enriched:
            body["skipEnrichment"] = True
        known = self.job.state.bindings.get(change.address)
        generation = known.generation if known else 0
        for attempt in (generation, generation + 1):
            key = create_key(self.job.plan.workspace.name, wish, targets, attempt)
            answer = await self.client.create(kind, body, key)
            record = await self._still_there(answer.record) if answer.replayed else answer.record
            if record is not None:
                self._bind_new(change.address, record, attempt + 1)
                progress.record = record
                return answer.replayed
        raise GiveUpError(
            "failed",
            f"the API answers with {answer.record.id}, which an earlier run made and which is gone",
            "Apply again in 24 hours, when the API has forgotten the idempotency keys.",
        )

    async def _still_there(self, replayed: Record) -> Record | None:
        kind = KINDS[replayed.kind]
        record = await self.client.retrieve(kind, replayed.id)
        if record is None or not kind.trash:
            return record
        trash = await self.client.list(kind, status="trashed")
        return None if record.id in trash.records else record

    def _bind_new(self, address: Address, record: Record, generation: int) -> None:
        self.ids[address] = record.id
        self.bindings[address] = Binding(address, record.id, generation, "created", written_at=_now())
        self.comparer.address_of[address.kind, record.id] = address
        self._rechecker.add(record)
        if self.job.desired[address].members is not None:
            self.job.live.memberships[record.id] = frozenset()

    async def link_late(self, change: Change, progress: Progress) -> None:
        """The links that had to wait until what they point at exists."""
        progress.late.clear()
        await self._update(change, progress)

    # ------------------------------------------------------------ update

    async def _update(self, change: Change, progress: Progress) -> None:
        """Read by id, and write what still differs as the plan has it (rule A1)."""
        kind = KINDS[change.address.kind]
        wish = self.job.desired[change.address]
        record = await self.client.retrieve(kind, self.ids[change.address])
        if record is None:
            raise GiveUpError("stale", f"{self.ids[change.address]} is gone since the plan", "Plan again.")
        self.job.live.add(record)
        progress.record = record
        now = self.comparer.comparison(wish, record, self._binding(change.address))
        if change.action == "update":
            now = self._still_planned(change, now)
        links = self._links_of_update(wish, now, progress.late)
        for body in bodies(kind.name, fields_of(now.fields), links):
            await self._post_update(change, body, progress)

    def _binding(self, address: Address) -> Binding | None:
        return self.job.draft.bindings.get(address) or self.bindings.get(address)

    def _still_planned(self, change: Change, now: Difference) -> Difference:
        """What differs now, as far as the plan shows it; stale where its `before` has moved."""
        fields = {field.key: field for field in now.fields}
        links = {link.key: link for link in now.links}
        wish = self.job.desired[change.address]
        kept_fields = [planned for planned in change.fields if planned.key in fields]
        for planned in kept_fields:
            if not _same_before(wish, planned, fields[planned.key]):
                seen, was = fields[planned.key].before, planned.before
                raise GiveUpError("stale", f"`{planned.key}` was {_quoted(was)} in the plan, now it is {_quoted(seen)}")
        kept_links = [self._narrowed(p, links[p.key]) for p in change.relationships if p.key in links]
        return replace(now, fields=tuple(kept_fields), links=tuple(kept_links), members=change.members and now.members)

    def _narrowed(self, planned: LinkChange, now: LinkChange) -> LinkChange:
        """The planned links that are still to be changed; this run's own writes on the other side are allowed for."""
        moved = (set(now.add) - set(planned.add)) | (set(now.remove) - set(planned.remove))
        if moved - self._touched:
            raise GiveUpError(
                "stale", f"`{planned.key}` was {_quoted(planned.before)} in the plan, now it is {_quoted(now.before)}"
            )
        add = tuple(text for text in now.add if text in planned.add)
        return replace(now, add=add, remove=tuple(text for text in now.remove if text in planned.remove))

    def _links_of_update(self, wish: Desired, now: Difference, late: list[Address]) -> list[LinkWrite]:
        writes: list[LinkWrite] = []
        for link in now.links:
            definition = wish.links[link.key].definition
            if link.add or link.remove:
                writes += update_links(definition, self._known(link.add, late), self._known(link.remove, late))
        if now.members is not None:
            writes += member_links(wish, self._known(now.members.add, late), self._known(now.members.remove, late))
        return writes

    async def _post_update(self, change: Change, body: Body, progress: Progress) -> None:
        kind = KINDS[change.address.kind]
        record = await self.client.update(kind, self.ids[change.address], body.for_update(), secrets.token_hex(16))
        progress.record = record
        self._wrote(change, progress, body)

    def _wrote(self, change: Change, progress: Progress, body: Body) -> None:
        """Remember what went out, for the proof and for those who look at the other side of a link."""
        wish = self.job.desired[change.address]
        id = self.ids[change.address]
        self._touched |= {str(change.address), id}
        progress.written.update(("fields", key) for key in body.fields)
        for link in body.links:
            if link.key in wish.links:
                progress.written.add(("links", link.key))
                continue
            progress.written.add(MEMBERS)
            members = self.job.live.memberships.get(id, frozenset())
            assert link.id is not None
            changed = members - {link.id} if link.operation == "remove" else members | {link.id}
            self.job.live.memberships[id] = changed

    async def reread_members(self, change: Change) -> None:
        """The index's word on the members of a list, after the API refused to change them (U11)."""
        wish = self.job.desired[change.address]
        if wish.members is not None and change.address in self.ids:
            id = self.ids[change.address]
            listing = await self.client.list_members(id, KINDS[wish.members.definition.target])
            self.job.live.memberships[id] = frozenset(listing.records)

    # ------------------------------------------------------------ proof

    async def prove(self, change: Change, progress: Progress) -> Status:
        """Hold the record against the declared values, and bind it. GiveUpError names what did not converge."""
        if progress.record is None:
            self._bind(change, self.job.draft.bindings[change.address])
            return "done"
        wish = self.job.desired[change.address]
        declared, live = self.comparer.prepared(wish, progress.record)
        wrong = {key for key in progress.written if key in declared and declared[key] != live[key]}
        settled: dict[Key, Hashes] = {}
        if wrong:
            answered = live
            declared, live = self.comparer.prepared(wish, await self._reread(progress.record))
            wrong = {key for key in wrong if declared[key] != live[key]}
            settled = {
                key: self._hashes(declared, live, key) for key in wrong if self._settles(wish, key, answered, live)
            }
        hashes = self._known_hashes(change.address, declared, live) | settled
        unsettled = wrong - settled.keys()
        hashes |= {key: Hashes(self._hashes(declared, live, key).declared, None) for key in unsettled}
        self._bind(change, self._bound(change, hashes, bool(progress.written)))
        if unsettled:
            raise GiveUpError(
                "not converged", self._unproved(wish, unsettled, live), source=self._place(wish, unsettled)
            )
        return "done" if progress.written else "unchanged"

    async def _reread(self, record: Record) -> Record:
        return await self.client.retrieve(KINDS[record.kind], record.id) or record

    def _settles(self, wish: Desired, key: Key, answered: Mapping[Key, JSON], reread: Mapping[Key, JSON]) -> bool:
        """The server's own form of our value: of a type that may have one, and shown twice (rule S5)."""
        section, name = key
        settles = section == "fields" and VALUE_TYPES[wish.fields[name].definition.type].settles
        return settles and answered[key] == reread[key] and reread[key] is not None

    def _known_hashes(
        self, address: Address, declared: Mapping[Key, JSON], live: Mapping[Key, JSON]
    ) -> dict[Key, Hashes]:
        last = binding_hashes(self._binding(address))
        equal = {key: self._hashes(declared, live, key) for key in declared if declared[key] == live[key]}
        return {key: last[key] for key in declared if key in last} | equal

    def _hashes(self, declared: Mapping[Key, JSON], live: Mapping[Key, JSON], key: Key) -> Hashes:
        return Hashes(self.job.state.hash(declared[key]), self.job.state.hash(live[key]))

    def _bound(self, change: Change, hashes: Mapping[Key, Hashes], written: bool) -> Binding:
        base = self.bindings.get(change.address)
        if base is None or base.id != self.ids[change.address]:
            base = self.job.draft.bindings[change.address]
        return replace(
            base,
            written_at=_now() if written else base.written_at,
            fields={key: h for (section, key), h in hashes.items() if section == "fields"},
            links={key: h for (section, key), h in hashes.items() if section == "links"},
            members=hashes.get(MEMBERS),
        )

    def _bind(self, change: Change, binding: Binding) -> None:
        self.bindings[change.address] = binding
        former = self.job.draft.resolution.moved.get(change.address)
        if former is not None:
            self.bindings.pop(former, None)

    def _unproved(self, wish: Desired, keys: Iterable[Key], live: Mapping[Key, JSON]) -> str:
        names = [name or "members" for _, name in sorted(keys)]
        shown = ", ".join(f"`{name}` ({_quoted(live[key])})" for name, key in zip(names, sorted(keys), strict=True))
        return f"written, but the record does not show it: {shown}"

    def _place(self, wish: Desired, keys: Iterable[Key]) -> Place:
        return place_of(wish, *min(keys))


def place_of(wish: Desired, section: str, key: str) -> Place:
    """Where a key of a resource is declared; the resource's own place where it is not."""
    found = {"fields": wish.fields.get(key), "links": wish.links.get(key), "members": wish.members}[section]
    return found.place if found is not None else wish.place


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


def _bindings(job: Job) -> dict[Address, Binding]:
    """The state's bindings, with what the draft saw of those that are bound already (rule S3)."""
    bindings = dict(job.state.bindings)
    for address, binding in job.draft.bindings.items():
        if address in bindings and bindings[address].id == binding.id:
            bindings[address] = binding
    return bindings


def _same_before(wish: Desired, planned: FieldChange, now: FieldChange) -> bool:
    desired = wish.fields[planned.key]
    canonical = VALUE_TYPES[desired.definition.type].canonical
    before = canonical(planned.before_raw, desired.definition, desired.declared)
    return before == canonical(now.before_raw, desired.definition, desired.declared)


def _quoted(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
