"""Writes one change, just after a last look at what is there (rules A1, A2). I/O.

  create    match still hits nothing? → POST under its own key → whose record is it? → more links
  update    read by id → still as planned? → POST what still differs
            answer lost, and its key not promised to be honoured? → what became of it (`lost`)
  restore   POST restore → update
  late      links of a create that had to wait: read by id → still as we left it? → POST them
  delete    read by id → still as planned? → DELETE (`trasher`)
  upload    of a file's content (`uploader`)
  adopt     bind

Each create is journaled before it goes out, and each answer goes on record at once (rule A8).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

from lfsync.api.client import Answer
from lfsync.applying.give_up import GiveUpError
from lfsync.applying.last_look import moved_since, only_shown, refuse_redacted, still_planned
from lfsync.applying.lost import Sought
from lfsync.applying.proof import Prover
from lfsync.applying.run import Progress, Run, place_of
from lfsync.applying.trasher import Trasher
from lfsync.applying.uploader import Uploader
from lfsync.errors import ForbiddenError, LostError, NotFoundError, RejectedError
from lfsync.kinds import kind_of
from lfsync.knowledge.knowledge import named
from lfsync.model import JSON, Change, Desired, Query, Record, Status
from lfsync.planning.bodies import Body, LinkWrite, bodies, create_links, fields_of, member_links, update_links
from lfsync.planning.create_key import create_key, match_values
from lfsync.planning.diff import MEMBERS, Difference, adding, with_hashes
from lfsync.planning.recovery import written_by
from lfsync.planning.uploads import makes_record
from lfsync.state.ledger import Create, Written
from lfsync.state.state import Binding
from lfsync.values.pipelines import live_value

# How often a create goes on to its next key where the API answers with a record that is gone (rule A2).
_GENERATIONS = 10
# How often a create goes out whose answer is lost each time, and which then turns out not to have been made (rule A5).
_SENDINGS = 4
# Clocks of one server differ by less: an answer of this age, of an id that nobody knew, may be to this very request.
_SKEW = 10.0  # seconds


class Writer:
    """Writes the changes of one run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._prover = Prover(run)
        self._trasher = Trasher(run)
        self.uploader = Uploader(run)

    async def write(self, change: Change, progress: Progress) -> None:
        """All of a change but its late links. Raises GiveUpError and ApiError; may be called again after one."""
        if kind_of(change.address.kind).uploaded and makes_record(change):
            await self.uploader.write(change, progress)
            return
        if not progress.created:
            self._refuse_stale(change)
        if change.action == "delete":
            await self._trasher.delete(change)
        elif change.action == "restore":
            await self._restore(change, progress)
        elif change.action == "update" or progress.created:
            await self._update(change, progress)
        elif change.action == "create" and change.address in self.run.ids:
            await self._made_before(change, progress)
        elif change.action == "create":
            await self._create(change, progress)

    def _refuse_stale(self, change: Change) -> None:
        """A saved plan may be older than what was read just before this apply."""
        draft = self.run.planned.draft
        blocked = draft.blocked.get(change.address)
        if blocked is not None:
            raise GiveUpError("blocked", blocked.reason, blocked.hint, blocked.source)
        if change.action == "delete":
            return  # what is gone already is as it should be: it is looked at first
        if change.action != "restore" and change.address in draft.resolution.restored:
            raise GiveUpError("stale", f"{change.id} is gone since the plan", "Plan again.")
        id = self.run.ids.get(change.address)
        bound = self.run.planned.state.bindings.get(change.address)
        if id == change.id or (change.action == "create" and bound is not None and bound.id == id):
            return
        seen = f"is {id} by now" if id else "has no record any more"
        planned = f"was {change.id} in the plan" if change.id else "had no record in the plan"
        raise GiveUpError("stale", f"it {planned} and {seen}", "Plan again.")

    # ------------------------------------------------------------ create

    async def _made_before(self, change: Change, progress: Progress) -> None:
        """An earlier apply of this plan made it: it is as it should be, or somebody changed it since (rule A1)."""
        record = await self._current(change)
        if self.run.comparer.comparison(self.run.wish(change), record, self.run.last(change.address)):
            raise GiveUpError("stale", f"it is {record.id} by now, and was changed since", "Plan again.")
        progress.record = record

    async def _create(self, change: Change, progress: Progress) -> None:
        run, wish = self.run, self.run.wish(change)
        assert wish.query is not None
        targets = run.comparer.resolution.match_targets(wish.query, run.ids)
        for query in wish.queries:
            if hits := await run.newcomers.hits(query, run.comparer.resolution.match_targets(query, run.ids)):
                found = ", ".join(map(named, hits[:3]))
                raise GiveUpError("stale", f"a record that matches has come since the plan: {found}", "Plan again.")
        self._forget_late(progress)
        links = self._links_of_create(change, progress)
        kind = change.address.kind
        first, *rest = bodies(kind, fields_of(kind, change.fields), links, create=True) or [Body()]
        progress.owed = progress.waiting | _names(wish, rest)
        body = first.for_create() | dict(wish.flags)
        if run.skip_enrichment and kind_of(kind).enriched:
            body["skipEnrichment"] = True
        if await self._post_create(change, progress, first, body, targets):
            if not progress.late:  # else all of it is written once that exists: who is linked can be told then only
                await self._update(change, progress)
            return
        for number, more in enumerate(rest, 1):
            await self._post_update(change, more, rest[number:], progress)

    def _links_of_create(self, change: Change, progress: Progress) -> list[LinkWrite]:
        links: dict[str, list[str]] = {}
        for link in change.relationships:
            links[link.key] = self._there(link.key, link.add, progress)
        members = self._there("members", change.members.add, progress) if change.members else []
        return create_links(self.run.wish(change), links, members)

    def _there(self, name: str, texts: Iterable[str], progress: Progress) -> list[str]:
        """The ids of what a key links, as far as it is there; the rest waits."""
        waiting = len(progress.late)
        ids = self.run.known(texts, progress.late)
        if len(progress.late) > waiting:
            progress.waiting.add(name)
        return ids

    def _forget_late(self, progress: Progress) -> None:
        progress.late.clear()
        progress.waiting.clear()

    async def _post_create(
        self, change: Change, progress: Progress, first: Body, body: dict[str, JSON], targets: Mapping[str, set[str]]
    ) -> bool:
        """POST under the create's own key; True for a record that an earlier request made."""
        run, address, query = self.run, change.address, self.run.wish(change).query
        assert query is not None
        values = match_values(query, targets)
        generation = run.planned.state.generation(address)
        gone = ""
        for attempt in range(generation, generation + _GENERATIONS):
            key = create_key(run.planned.plan.workspace.name, address, values, attempt)
            answer = await self._answer(Create(address, key, attempt, values, body), query, targets)
            if isinstance(answer, Record):
                self._made(change, progress, first, body, answer, attempt)
                return True
            if answer.age is None:
                self._made(change, progress, first, body, answer.record, attempt)
                return False
            there = await self._still_there(answer.record)
            if there is None:
                await self._refuse_vanished(change, progress, answer.record, body, attempt)
                gone = answer.record.id
                continue
            moved = moved_since(run.comparer, run.wish(change), answer.record, there, run.touched, replayed=True)
            same = moved is None
            if same and answer.age < _SKEW and answer.record.id not in self._known(address.kind):
                run.client.proved_new(answer)
                self._made(change, progress, first, body, there, attempt)
                return False
            self._met(change, progress, there, attempt, key=key, same=same)
            progress.left = answer.record
            return True
        run.ledger.drop(address)
        raise GiveUpError(
            "failed",
            f"the API answers with {gone}, which an earlier run made and which is gone",
            "Apply again in 24 hours, when the API has forgotten the idempotency keys.",
        )

    async def _answer(self, create: Create, query: Query, targets: Mapping[str, set[str]]) -> Answer | Record:
        """The API's answer to a create; the record that it made, where that is lost and must not be asked for again."""
        run, known = self.run, self._known(query.kind)
        moment = run.client.now()
        run.ledger.intend(create)
        for sending in range(1, _SENDINGS + 1):
            try:
                return await run.client.create(kind_of(query.kind), create.body, create.key)
            except (RejectedError, ForbiddenError):
                run.ledger.drop(create.address)
                raise
            except LostError:
                found = await run.seeker.find(Sought(query, targets, create.body, moment, known))
                there = await self._still_there(found) if found else None
                if there is not None:
                    return there
                if sending == _SENDINGS:
                    raise
        raise AssertionError("unreachable")

    async def _still_there(self, answered: Record) -> Record | None:
        """What a create was answered with, read by id; None if it is gone, in the trash or altogether (rule A2)."""
        kind, id = answered.kind, answered.id
        record = await self.run.reader.retrieve(kind, id)
        return record if record is not None and await self.run.reader.is_there(kind, id) else None

    async def _refuse_vanished(
        self, change: Change, progress: Progress, record: Record, body: Mapping[str, JSON], attempt: int
    ) -> None:
        """GiveUpError where a record is hidden, and not in the trash: another one would be hidden as well."""
        fields = body["fields"]
        assert isinstance(fields, dict)
        reasons = [why for key, why in kind_of(record.kind).vanishing.items() if fields.get(key)]
        if record.redacted:
            reasons.append("this key saw the metadata of it only, and may not read it any more")
        if reasons and not await self.run.reader.is_trashed(record.kind, record.id):
            self._bind_created(change, progress, record, attempt)
            reason = f"an earlier run made {record.id}, which is gone since"
            raise GiveUpError("not converged", reason, f"It may be that {reasons[0]}.")

    def _known(self, kind: str) -> frozenset[str]:
        """The ids that were there, or ours, before this run asked for a record."""
        state = self.run.planned.state
        ours = {binding.id for binding in (*state.bindings.values(),)} | {gone.id for gone in state.released.values()}
        return self.run.knowledge.listed.get(kind, frozenset()) | ours

    def _made(
        self, change: Change, progress: Progress, first: Body, body: Mapping[str, JSON], record: Record, attempt: int
    ) -> None:
        """This request made the record."""
        self.run.answered(written_by(change.address, body, record, attempt + 1))
        self._bind_created(change, progress, record, attempt)
        progress.left = record
        self._sent(change, progress, first)

    def _met(
        self,
        change: Change,
        progress: Progress,
        record: Record,
        attempt: int,
        *,
        key: str,
        same: bool,
    ) -> None:
        """An earlier request made the record: ours, if nobody changed it since (rule A2).

        It goes on this run's record only where this journal holds the intent of it, so that undo trashes nothing else.
        """
        address = change.address
        if not same:
            base = Binding(address, record.id, attempt + 1, origin="adopted", written_at=self.run.ledger.server_time())
            self.run.wrote(address, record)
            self.run.ledger.bind(base)
            reason = f"{record.id}, which an earlier run made, was changed since"
            raise GiveUpError("stale", reason, "It is bound and left as it is. Plan again.")
        opened = self.run.planned.recovery.open.get(address)
        if opened is not None and opened.key == key:
            self.run.answered(written_by(address, opened.body, record, attempt + 1))
        self._bind_created(change, progress, record, attempt)

    def _bind_created(self, change: Change, progress: Progress, record: Record, attempt: int) -> None:
        address, wish = change.address, self.run.wish(change)
        now = self.run.ledger.server_time()
        owed = progress.owed if wish.seed else progress.owed & wish.ignore_changes
        self.run.wrote(address, record)
        self.run.ledger.bind(
            Binding(
                address,
                record.id,
                attempt + 1,
                origin="created",
                protect=bool(wish.protect),
                written_at=now,
                owed=tuple(sorted(owed)),
            )
        )
        self.run.newcomers.add(record)
        if wish.members is not None:
            self.run.knowledge.memberships[record.id] = frozenset()
        progress.record, progress.created = record, True

    async def link_late(self, change: Change, progress: Progress) -> None:
        """The links that had to wait until what they point at exists."""
        self._forget_late(progress)
        await self._update(change, progress)

    # ------------------------------------------------------------ update

    async def _update(self, change: Change, progress: Progress) -> None:
        """Read by id, and write what still differs as the plan has it (rule A1)."""
        record = await self._current(change)
        differing = self._last_look(change, progress, record)
        progress.record = record
        links = self._links_of_update(change, differing, progress)
        before = {field.key: field.before_raw for field in differing.fields}
        replaced = {link.key: self.run.known(link.remove, []) for link in differing.links}
        requests = bodies(change.address.kind, fields_of(change.address.kind, differing.fields), links)
        for number, body in enumerate(requests, 1):
            await self._post_update(change, body, requests[number:], progress, before, replaced)

    def _last_look(self, change: Change, progress: Progress, record: Record) -> Difference:
        """What is still to be sent. GiveUpError where somebody changed a managed value since (rule A1)."""
        refuse_redacted(record)
        run, wish = self.run, _of_create(self.run.wish(change), progress.owed)
        now = run.comparer.comparison(wish, record, run.last(change.address))
        if progress.left is None:
            cleared = {key for address, key in run.cleared if address == change.address}
            seen = run.planned.draft.changes.get(change.address)
            return still_planned(change, wish, now, seen, run.touched, cleared)
        if moved := moved_since(run.comparer, wish, progress.left, record, run.touched):
            raise GiveUpError("stale", f"{moved} was changed while this run wrote it", "Plan again.")
        sent = {key for section, key in progress.keys if section == "fields"}  # the server's own form is no difference
        return only_shown(change, replace(now, fields=tuple(field for field in now.fields if field.key not in sent)))

    async def clear(self, change: Change, keys: set[str]) -> None:
        """Let go of unique values before their new owners take them; the change itself sets the new ones (rule A7)."""
        progress = Progress()
        planned = self._last_look(change, progress, await self._current(change))
        before = {field.key: field.before_raw for field in planned.fields if field.key in keys}
        if before:
            await self._post_update(change, Body(fields=dict.fromkeys(before)), (), progress, before)
            self.run.cleared |= {(change.address, key) for key in before}

    async def _current(self, change: Change) -> Record:
        id = self.run.ids[change.address]
        record = await self.run.reader.retrieve(change.address.kind, id)
        if record is None:
            raise GiveUpError("stale", f"{id} is gone since the plan", "Plan again.")
        return record

    def _links_of_update(self, change: Change, now: Difference, progress: Progress) -> list[LinkWrite]:
        run, wish, late = self.run, self.run.wish(change), progress.late
        writes: list[LinkWrite] = []
        for link in now.links:
            add, remove = self._there(link.key, link.add, progress), run.known(link.remove, late)
            if add or remove:
                writes += update_links(wish.links[link.key].definition, add, remove)
        if now.members is not None:
            add, remove = self._there("members", now.members.add, progress), run.known(now.members.remove, late)
            writes += member_links(wish, add, remove)
        return writes

    async def _post_update(
        self,
        change: Change,
        body: Body,
        later: Sequence[Body],
        progress: Progress,
        before: Mapping[str, JSON] | None = None,
        replaced: Mapping[str, list[str]] | None = None,
    ) -> None:
        """One request of an update; those `later` follow it."""
        kind, id = kind_of(change.address.kind), self.run.ids[change.address]
        record = await self.run.client.update(kind, id, body.for_update(), secrets.token_hex(16))
        self.run.answered(self._written(change, body, record, before or {}, replaced or {}))
        self.run.wrote(change.address, record)
        progress.record = progress.left = record
        self._sent(change, progress, body)
        wish = self.run.wish(change)
        paid = _names(wish, (body,)) - _names(wish, later) - progress.waiting
        progress.owed -= paid
        self.run.ledger.bind(self._unproved(change, progress, paid))

    def _written(
        self,
        change: Change,
        body: Body,
        record: Record,
        before: Mapping[str, JSON],
        replaced: Mapping[str, list[str]],
    ) -> Written:
        """What one update wrote, with the answer's own values: its form of them is no change that a person made."""
        wish, definitions = self.run.wish(change), self.run.planned.schema.kinds[record.kind]
        fields = {
            key: (before.get(key), live_value(record, definitions.fields[key], definitions)) for key in body.fields
        }
        links: dict[str, tuple[list[str], list[str]]] = {}
        members: tuple[str, list[str], list[str]] | None = None
        for link in body.links:
            if link.key in wish.links:
                removed = [] if link.many else [*replaced.get(link.key, ())]
                _note_link(links.setdefault(link.key, ([], removed)), link)
            elif wish.members is not None:
                members = members or (wish.members.definition.target, [], [])
                _note_link(members[1:], link)
        return Written(change.address, "update", record.id, fields, links, members)

    def _sent(self, change: Change, progress: Progress, body: Body) -> None:
        """Remember what went out, for the proof and for those who look at the other side of a link."""
        wish = self.run.wish(change)
        progress.keys.update(("fields", key) for key in body.fields)
        for link in body.links:
            if link.key in wish.links:
                progress.keys.add(("links", link.key))
            else:
                progress.keys.add(MEMBERS)
                self._note_member(self.run.ids[change.address], link)

    def _note_member(self, list_id: str, link: LinkWrite) -> None:
        memberships = self.run.knowledge.memberships
        members = memberships.get(list_id, frozenset())
        changed = members - {link.id} if link.operation == "remove" else members | {link.id}
        memberships[list_id] = frozenset(id for id in changed if id)

    async def reread_members(self, change: Change) -> None:
        """The index's word on the members of a list, after the API refused to change them (U11)."""
        wish = self.run.planned.desired.get(change.address)
        if wish is not None and wish.members is not None and change.address in self.run.ids:
            await self.run.reader.members(self.run.ids[change.address], wish.members.definition.target)

    # ------------------------------------------------------------ restore

    async def _restore(self, change: Change, progress: Progress) -> None:
        """Out of the trash, and then as the plan has it. What the plan could not know is not overwritten (rule I6)."""
        try:
            await self.take_out(change)
        except NotFoundError:
            reason = f"{change.id} can't be taken out of the trash: the API knows no such record any more"
            raise GiveUpError("failed", reason, self._way_out(change)) from None
        if change.fields or change.relationships or change.members:
            await self._update(change, progress)
            return
        record = progress.record = await self._current(change)
        now = self.run.comparer.comparison(self.run.wish(change), record, self.run.last(change.address))
        if now:
            differing = (*(field.key for field in now.fields), *(link.key for link in now.links))
            keys = ", ".join(f"`{key}`" for key in differing)
            reason = f"it is out of the trash, where nobody could see it, and {keys} of it is not as declared"
            raise GiveUpError("stale", reason, "Plan again: that shows what it holds.")

    def _way_out(self, change: Change) -> str:
        id = self.run.wish(change).id
        if id is not None:
            return "Correct the `id`, or take it out to find the record by match or make it anew."
        return (
            f"`lfsync state rm {change.address}`, to make it anew; or name the record that took its place with `id:`."
        )

    async def take_out(self, change: Change) -> None:
        """Out of the trash, once. All restores come first: what else is written may refer to any of them (rule I6)."""
        run, address = self.run, change.address
        id = run.ids.get(address)
        if id is None or id != change.id or address not in run.planned.draft.resolution.restored:
            return
        if (address.kind, id) not in run.knowledge.written:
            await run.client.restore(kind_of(address.kind), id)
            run.knowledge.restored((address.kind, id))
            run.touched |= {str(address), id}
            run.answered(Written(address, "restore", id))
            run.ledger.bind(replace(self._base(change), written_at=run.ledger.server_time()))

    # ------------------------------------------------------------ proof

    async def prove(self, change: Change, progress: Progress) -> Status:
        """Hold the record against the declared values, and bind it. GiveUpError names what did not converge."""
        run, address = self.run, change.address
        if change.action == "delete":
            run.ledger.release(address, change.id)
            self._release_former(change)
            return "done" if str(address) in run.touched else "unchanged"
        if progress.record is None:
            known = run.ledger.bindings.get(address)
            self._bind(change, run.planned.draft.bindings[address])
            return "unchanged" if known is not None and known.id == run.ids[address] else "done"
        last, base = run.last(address), self._base(change)
        wish = adding(run.wish(change), last.owed) if last else run.wish(change)
        proof = await self._prover.prove(wish, progress.record, progress.keys, last)
        self._bind(change, with_hashes(replace(base, owed=()) if progress.created else base, proof.hashes))
        if proof.vanished:
            reason = f"written, and {run.ids[address]} is gone since"
            raise GiveUpError("not converged", reason, f"It may be that {proof.vanished}.")
        if proof.open:
            raise GiveUpError("not converged", proof.said(), source=place_of(wish, *min(proof.open)))
        return "done" if progress.keys or progress.created or change.action == "restore" else "unchanged"

    def _unproved(self, change: Change, progress: Progress, paid: Set[str]) -> Binding:
        """The binding after an answer: what was sent has no hashes until it is proved (rule A8).

        `paid`: what the create does not owe any more.
        """
        base = replace(self._base(change), written_at=self.run.ledger.server_time())
        sent = {key for section, key in progress.keys if section == "fields"}
        linked = {key for section, key in progress.keys if section == "links"}
        return replace(
            base,
            fields={key: hashes for key, hashes in base.fields.items() if key not in sent},
            links={key: hashes for key, hashes in base.links.items() if key not in linked},
            members=None if MEMBERS in progress.keys else base.members,
            owed=tuple(name for name in base.owed if name not in paid),
        )

    def _base(self, change: Change) -> Binding:
        base = self.run.ledger.bindings.get(change.address)
        if base is None or base.id != self.run.ids[change.address]:
            return self.run.planned.draft.bindings[change.address]
        return base

    def _bind(self, change: Change, binding: Binding) -> None:
        self.run.ledger.bind(binding)
        self._release_former(change)

    def _release_former(self, change: Change) -> None:
        """Where the record moved to another key, the old ones have none any more (rules I4, M1)."""
        planned, address = self.run.planned, change.address
        former = {*planned.state.moves.former.get(address, ()), planned.draft.resolution.moved.get(address, address)}
        for each in sorted((former - {address}) & self.run.ledger.bindings.keys()):
            self.run.ledger.release(each)


def _of_create(wish: Desired, owed: Set[str]) -> Desired:
    """The wish, but that what its create still owes is neither ignored nor left to a seed's record (rule L1)."""
    if not owed:
        return wish
    if not wish.seed:
        return replace(wish, ignore_changes=wish.ignore_changes - owed)
    fields = {key: field for key, field in wish.fields.items() if key in owed}
    links = {key: link for key, link in wish.links.items() if key in owed}
    members = wish.members if "members" in owed else None
    return replace(wish, seed=False, ignore_changes=frozenset(), fields=fields, links=links, members=members)


def _names(wish: Desired, requests: Iterable[Body]) -> set[str]:
    """The keys that these requests write."""
    keys = {key for body in requests for key in (*body.fields, *(link.key for link in body.links))}
    return {key if key in wish.fields or key in wish.links else "members" for key in keys}


def _note_link(noted: tuple[list[str], list[str]], link: LinkWrite) -> None:
    added, removed = noted
    if link.id is not None:
        (removed if link.operation == "remove" else added).append(link.id)
