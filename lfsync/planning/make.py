"""A plan of what is declared, a plan that was saved, and a plan that puts a run back. I/O.

All three take the same way: desired state, what must be read in any case, and then rounds: draft on what is known, read
what the draft wants, until it wants nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lfsync.api.client import Token
from lfsync.errors import RefusedError, UsageError
from lfsync.kinds import KINDS, MEMBER_KEYS, is_kind, kind_of, rank
from lfsync.knowledge.knowledge import Need, Wanted
from lfsync.knowledge.reader import Reader
from lfsync.model import Address, Blocked, Change, Desired, Plan, PlanWarning, Refusal, Schema, WorkspaceInfo
from lfsync.planning.diff import Comparer, doubts, names
from lfsync.planning.draft import Draft, Wishes
from lfsync.planning.drafting import draft
from lfsync.planning.judge import judge
from lfsync.planning.live_schema import may_read, read_schema
from lfsync.planning.needs import needs_of
from lfsync.planning.plan import Context, plan, refusals, rewritten
from lfsync.planning.planned import Planned
from lfsync.planning.policies import Judged, only_told
from lfsync.planning.prepare import unknown_type
from lfsync.planning.recovery import Recovery, bound, made_until, recover, still_asked
from lfsync.planning.renames import with_renames
from lfsync.planning.rule_lists import is_ruled, without_conditions
from lfsync.planning.selection import ALL, Patterns, mentioned, select, with_dependencies, witnesses
from lfsync.planning.session import Session
from lfsync.planning.undo import BY_HAND, reverse
from lfsync.planning.uploads import Leftovers, completed, leftovers
from lfsync.state.ledger import Intent, OpenUpload
from lfsync.state.runs import Entry, Run, address_of
from lfsync.state.state import State, organisation_ids, refuse_foreign


async def plan_declared(session: Session, patterns: Patterns = ALL, wishes: Wishes | None = None) -> Planned:
    """The plan of what the files declare."""
    wishes = replace(wishes or Wishes(), state_file=session.state_file)
    state, token = session.moved, await session.token()
    reader = _reader(session, state)
    async with reader.ahead({} if patterns or session.project.problems else _needs_of_bound(session, state, token)):
        return await _plan_declared(session, reader, state, token, patterns, wishes)


async def _plan_declared(
    session: Session, reader: Reader, state: State, token: Token, patterns: Patterns, wishes: Wishes
) -> Planned:
    orphan_kinds = {address.kind for address in state.orphans(session.project.resources)} if wishes.prune else set()
    desired, schema = await session.prepare(orphan_kinds | _open_kinds(session))
    if not patterns:
        reader.doubt(doubts(desired, schema, state))
    selection = select(desired, state.orphans(desired) if wishes.prune else (), patterns)
    seen = {**selection.seen} | witnesses(desired, state.bindings, selection.orphans)
    lost, uploads = _left_open(session, state, selection.perhaps if patterns else None)
    wishes = replace(wishes, only=selection.orphans if patterns else None, left_out=selection.excluded)
    made, planned = await _Rounds(session, reader, seen, schema, wishes).planned(state, lost, uploads)
    selection = selection.along(made)
    selection.cut(made)
    context = _context(
        session,
        schema,
        token,
        (
            *map(PlanWarning, (*session.project.warnings, *rewritten(made.changes.values(), desired))),
            *planned.recovery.warnings,
        ),
        whole=not patterns,
    )
    whole = plan(made, selection.chosen, planned.state, context)
    whole = _with_judgement(whole, _judged(session, planned, whole.changes))
    if context.whole and any(change.action == "create" for change in whole.changes):
        comparer = Comparer(planned.desired, schema, planned.state, reader.knowledge, made.resolution)
        whole = with_renames(whole, comparer)
    return replace(planned, plan=whole, missing=_missing(session, whole))


def _needs_of_bound(session: Session, state: State, token: Token) -> dict[str, Need]:
    """What the records of bound resources need, whatever a check of the files finds."""
    needs: dict[str, Need] = defaultdict(Need)
    for address, resource in session.project.resources.items():
        if resource.id is None and address in state.bindings and may_read(token, address.kind):
            needs[address.kind].ids.add(state.bindings[address].id)
    return needs


async def redraft(session: Session, planned: Planned, desired: Mapping[Address, Desired]) -> Draft:
    """What would be drafted if the files said this, on what is known already."""
    return await _Rounds(session, planned.reader, desired, planned.schema, Wishes()).drafted(planned.state)


async def survey(session: Session, kinds: Collection[str]) -> Planned:
    """All live records of these kinds, and what is declared of them; the plan is empty. A key may read these kinds.

    Definitions of what their relationships point at, and of what lists hold, are read too, as far as the key may.
    """
    token = await session.token()
    reader = _reader(session, session.moved)
    known = {} if session.project.problems else {k: Need(is_listed=True) for k in kinds if may_read(token, k)}
    async with reader.ahead(known):
        return await _survey(session, reader, token, kinds)


async def _survey(session: Session, reader: Reader, token: Token, kinds: Collection[str]) -> Planned:
    undefined = {name for name, kind in KINDS.items() if not kind.definitions and may_read(token, name)}
    known = {*kinds, *undefined}  # which cost no request, and others point at them
    desired, schema = await session.prepare(known)
    for kind in kinds:
        if kind not in schema.kinds:
            message, hint = unknown_type(kind, schema)
            raise UsageError(message, hint=hint)
    targets = {rel.target for kind in kinds for rel in schema.kinds[kind].relationships.values() if is_kind(rel.target)}
    targets |= MEMBER_KEYS.keys() if "list" in kinds else set()
    more = {kind for kind in targets - schema.kinds.keys() if may_read(token, kind)}
    if more:
        desired, schema = await session.prepare(known | more)
    seen = with_dependencies(desired, [a for a in desired if a.kind in kinds or a.kind in targets])
    state = session.moved
    needs = needs_of(seen, state, rematch=False)
    for kind in kinds:
        needs[kind].is_listed = True
    await reader.begin(needs)
    made = await _Rounds(session, reader, seen, schema, Wishes()).drafted(state)
    empty = Plan(WorkspaceInfo(session.workspace.name, session.workspace.base_url), session.now(), "")
    return Planned(empty, made, desired | made.desired, schema, state, reader)


async def plan_saved(session: Session, saved: Plan) -> Planned:
    """A plan that was made before, on what is there now. RefusedError where it is not for this (rule S1)."""
    _refuse_strange(session, saved)
    desired, schema = await session.prepare({change.address.kind for change in saved.changes})
    refuse_foreign(saved.workspace.ids, schema, "the plan")
    addresses = {change.address for change in saved.changes}
    orphans = addresses - desired.keys()
    chosen = with_dependencies(desired, (addresses | mentioned(saved.changes)) & desired.keys())
    state = session.moved
    chosen |= witnesses(desired, state.bindings, orphans)
    ruled = {address: without_conditions(wish) for address, wish in chosen.items() if is_ruled(wish)}
    chosen |= ruled
    wishes = replace(_wishes_of(saved, state, ruled), only=frozenset(orphans), state_file=session.state_file)
    lost, uploads = _left_open(session, state, chosen)
    others = [upload for upload in session.uploads.values() if upload not in uploads]
    reader = _reader(session, state)
    made, planned = await _Rounds(session, reader, chosen, schema, wishes).planned(state, lost, uploads, others)
    _refuse_torn(saved.changes, made)
    token = await session.token()
    missing = () if token.full else tuple(s for s in saved.required_scopes if s not in token.scopes)
    context = _context(session, schema, token, (), whole=False)
    refused = refusals(saved.changes, missing, made.members, context, declared=len(desired))
    whole = replace(saved, missing_scopes=missing, refusals=(*_of_the_whole(saved), *refused))
    return replace(
        planned,
        plan=_with_judgement(whole, _judged(session, planned, saved.changes)),
        missing=_missing(session, saved) | (made.blocked.keys() - state.bindings.keys()),
    )


def _of_the_whole(part: Plan) -> Iterator[Refusal]:
    """Why the plan would be refused that this one is a part of: in slices it is no smaller.

    A refusal that names what is not here was said of more. All others are found anew, by the settings of today.
    """
    addresses = {change.address for change in part.changes}
    for refusal in part.refusals:
        if refusal.kind != "scope" and not addresses.issuperset(refusal.addresses):
            if refusal.kind == "policy":
                raise RefusedError(
                    f"the plan is a part of one that the policy {refusal.name} refuses: {refusal.message}",
                    hint="Make a plan without what it names: lfsync plan --exclude PATTERN -o FILE",
                )
            yield replace(refusal, message=f"in the plan that this is a part of {refusal.message}")


def _refuse_torn(changes: Sequence[Change], made: Draft) -> None:
    """`show --exclude --format json` may lack what its changes wait for: such a part can be read, and not be done."""
    addresses = {change.address for change in changes}
    unmade = {address for address, change in made.changes.items() if change.action == "create"} - addresses
    for change in changes:
        waits = {each for each in change.depends_on if each not in addresses} | (mentioned([change]) & unmade)
        if waits:
            raise RefusedError(
                f"the plan is a part of one: {change.address} waits for {min(waits, key=rank)}, which is left out",
                hint="Apply the whole plan, or make a smaller one: lfsync plan --only PATTERN -o FILE",
            )


def _refuse_strange(session: Session, saved: Plan) -> None:
    """A plan for another workspace, or of other files."""
    if saved.workspace.name != session.workspace.name:
        raise RefusedError(
            f"the plan is for the workspace `{saved.workspace.name}`, not `{session.workspace.name}`",
            hint=f"Pass -w {saved.workspace.name}, or plan again.",
        )
    if saved.config_digest != session.project.digest and not session.project.problems:
        raise RefusedError("the plan was made from other files than these", hint="Plan again.")


def _wishes_of(saved: Plan, state: State, ruled: Iterable[Address]) -> Wishes:
    """What was asked for when the plan was made, as its changes tell; `ruled`: its lists by rule."""
    members = {change.address: change.members for change in saved.changes}
    gone = any(change.address in state.bindings for change in saved.changes if change.action == "create")
    return Wishes(
        prune=any(change.action == "delete" for change in saved.changes),
        recreate_missing=gone or any(change.action == "restore" for change in saved.changes),
        keep_drift=bool(saved.kept),
        members={address: members.get(address) for address in ruled},
    )


async def plan_undo(session: Session, run: Run) -> Planned:
    """What puts a run of the past back; `Planned.state` knows nothing but what that run wrote (rule L3)."""
    token = await session.client.validate()
    entries = [entry for entry in run.merged() if kind_of(address_of(entry).kind).deletable]
    kinds = {address_of(entry).kind for entry in entries}
    schema = await read_schema(session.client, token, (), kinds)
    await session.recognise(schema, token)
    if missing := sorted(kinds - schema.kinds.keys()):
        raise UsageError(f"the workspace has no {', '.join(missing)} any more", hint="Nothing of that run is undone.")
    reader = _reader(session, session.state)
    await reader.read(Wanted(records={(address_of(entry).kind, entry.id) for entry in entries}))
    listed = [e for e in entries if e.members and reader.knowledge.record("list", e.id)]
    members = {e.id: await _members_of(reader, e, run.header.at) for e in listed}
    file = str((session.workspace.history_path / f"{run.header.run}.jsonl").relative_to(session.workspace.root))
    reversal = reverse(entries, file, schema, session.state, reader.knowledge, members)
    state = replace(session.state, bindings=reversal.bindings)
    wishes = Wishes(recreate_missing=True)
    made, planned = await _Rounds(session, reader, reversal.desired, schema, wishes).planned(state, {})
    made.blocked |= {blocked.address: blocked for blocked in reversal.blocked}
    _refuse_adoption(made, reversal.desired)
    left = [entry for entry in run.merged() if not kind_of(address_of(entry).kind).deletable]
    stay = tuple(PlanWarning(f"{e.address} ({e.id}) stays: the API deletes no {address_of(e).kind}s") for e in left)
    context = _context(session, schema, token, stay, whole=False)
    whole = plan(made, reversal.desired, state, context)
    return replace(planned, plan=_with_judgement(whole, only_told(_judged(session, planned, whole.changes))))


# ---------------------------------------------------------------- the shared steps


@dataclass(frozen=True, slots=True)
class _Rounds:
    """Rounds of reading and drafting: of the same resources, on one state or another."""

    session: Session
    reader: Reader
    desired: Mapping[Address, Desired]
    schema: Schema
    wishes: Wishes

    async def drafted(self, state: State) -> Draft:
        """Draft on what is known, read what the draft wants, until it wants nothing."""
        knowledge, timings = self.reader.knowledge, self.session.timings
        while True:
            started = time.perf_counter()
            made = draft(self.desired, self.schema, state, knowledge, self.wishes)
            timings.diff += time.perf_counter() - started
            wanted = knowledge.ask_anew()
            if not wanted:
                return made
            await self.reader.read(wanted)

    async def planned(
        self,
        state: State,
        open: Mapping[Address, Intent],
        uploads: Sequence[OpenUpload] = (),
        others: Sequence[OpenUpload] = (),
    ) -> tuple[Draft, Planned]:
        """Read and draft; what earlier runs left open is part of it. The result still wants its plan.

        `others`: uploads that are left as they are, unless they are completed: then no plan shows a change of them.
        """
        session, reader = self.session, self.reader
        begun = {address: intent for address, intent in open.items() if kind_of(address.kind).uploaded}
        open = {address: intent for address, intent in open.items() if address not in begun}
        needs = self._needs(state)
        started, drafting = time.perf_counter(), session.timings.diff
        await _await_lost_uploads(reader, begun.values())
        await reader.begin(needs)
        sessions = (*uploads, *others)
        await reader.read(Wanted(records={(Address.parse(each.address).kind, each.id) for each in sessions}))
        state, uploaded = completed(sessions, state, reader.knowledge, session.client.now())
        made, state, recovery = await self._recovered(await self.drafted(state), state, open)
        recovery.made |= uploaded
        recovery.dropped |= begun.keys()
        _take_up(made, leftovers(uploads, made.changes, self.desired, reader.knowledge))
        session.timings.refresh += time.perf_counter() - started - (session.timings.diff - drafting)
        empty = Plan(WorkspaceInfo(session.workspace.name, session.workspace.base_url), session.now(), "")
        enrichment = session.project.settings.enrichment
        return made, Planned(empty, made, made.desired, self.schema, state, reader, enrichment, recovery)

    def _needs(self, state: State) -> dict[str, Need]:
        """What is read in any case: of what is declared, of what may be pruned, and of whom a saved plan lets in."""
        needs = needs_of(self.desired, state, rematch=self.wishes.recreate_missing)
        for address in self.wishes.prunable(state, self.desired):
            if address.kind in self.schema.kinds:
                needs[address.kind].ids.add(state.bindings[address].id)
        for address, members in self.wishes.members.items():
            links = self.desired[address].members
            if links is not None and members is not None:
                needs[links.definition.target].ids |= {text for text in members.add if "." not in text}
        return needs

    async def _recovered(
        self, made: Draft, state: State, open: Mapping[Address, Intent]
    ) -> tuple[Draft, State, Recovery]:
        """The draft once it is known what became of creates that killed runs left open."""
        session, workspace = self.session, self.session.workspace.name
        asked = {a: i for a, i in open.items() if a.kind not in self.schema.kinds or still_asked(i, workspace, made)}
        lost = {address: intent for address, intent in open.items() if address not in asked}
        if not lost:
            return made, state, Recovery(open=asked)
        sought = [intent for address, intent in lost.items() if address not in made.resolution.adopted]
        await _list_again(session, self.reader, sought)
        recovery = recover(lost.values(), self.schema, state, made, self.reader.knowledge)
        recovery.open = asked
        state = bound(state, recovery, session.client.now())
        return await self.drafted(state), state, recovery


async def _await_lost_uploads(reader: Reader, begun: Iterable[Intent]) -> None:
    """An upload whose begin was sent, and the answer lost with the run, is not begun again before a search that is
    complete (rule A5): the plan's own, once the index must show everything of that time."""
    if moments := [intent.at.timestamp() for intent in begun]:
        await reader.wait_for_index(max(moments))


def _take_up(made: Draft, left: Leftovers) -> None:
    """Put into the draft what becomes of uploads that killed runs left open."""
    made.leftovers = left
    for address, opened in left.resumed.items():
        change = made.changes[address]
        warning = f"goes on with {opened.id}, the upload that an interrupted run began"
        made.changes[address] = replace(change, warnings=(*change.warnings, warning))
    for opened in left.cancelled:
        made.warn(f"{opened.address}: {opened.id}, an upload that an interrupted run began, is cancelled")


def _open_kinds(session: Session) -> set[str]:
    """The kinds of what earlier runs left open."""
    addresses = (*session.open, *(Address.parse(upload.address) for upload in session.uploads.values()))
    return {address.kind for address in addresses}


async def _list_again(session: Session, reader: Reader, lost: Iterable[Intent]) -> None:
    """Everything of the kinds of these, once an index must show what they made (rule A4)."""
    lost = list(lost)
    now = session.client.now()
    await reader.wait_for_index(max((made_until(intent, now) for intent in lost), default=0.0))
    kinds = {Address.parse(intent.address).kind for intent in lost}
    await asyncio.gather(*(reader.list(kind) for kind in kinds))


def _left_open(
    session: Session, state: State, chosen: Container[Address] | None
) -> tuple[dict[Address, Intent], list[OpenUpload]]:
    """Creates and uploads that earlier runs left open, of what is `chosen`: under the addresses that it had, too."""
    uploads = {upload.id: Address.parse(upload.address) for upload in session.uploads.values()}
    now = {before: after for after, befores in state.moves.former.items() for before in befores}

    def is_meant(address: Address) -> bool:
        return chosen is None or address in chosen or now.get(address) in chosen

    lost = {address: intent for address, intent in session.open.items() if is_meant(address)}
    return lost, [session.uploads[id] for id, address in uploads.items() if is_meant(address)]


def _missing(session: Session, made: Plan) -> frozenset[Address]:
    """What is blocked and never had a record."""
    return frozenset(blocked.address for blocked in made.blocked) - session.moved.bindings.keys()


def _judged(session: Session, planned: Planned, changes: Sequence[Change]) -> Judged:
    """What today's policies say of these changes (rule G1)."""
    policies = session.project.settings.policies
    if not policies:
        return Judged()  # most projects: nothing is named, and no process is asked
    knowledge = planned.knowledge
    named = names(planned.schema, knowledge, planned.draft.resolution)
    return judge(policies, changes, planned.schema, knowledge, named, now=session.now())


def _with_judgement(made: Plan, found: Judged) -> Plan:
    return replace(made, refusals=(*found.refusals, *made.refusals), warnings=(*made.warnings, *found.warnings))


def _reader(session: Session, state: State) -> Reader:
    lag = session.workspace.settings.index_lag_timeout
    return Reader(session.client, state, lag, clock=session.clock, sleep=session.sleep)


def _context(
    session: Session, schema: Schema, token: Token, warnings: tuple[PlanWarning, ...], *, whole: bool
) -> Context:
    return Context(
        workspace=WorkspaceInfo(session.workspace.name, session.workspace.base_url, organisation_ids(schema)),
        created_at=session.now(),
        config_digest=session.project.digest,
        warnings=warnings,
        enrichment=session.project.settings.enrichment,
        rate_share=session.workspace.settings.rate_share,
        scopes=None if token.full else frozenset(token.scopes),
        whole=whole,
        safety=session.project.settings.safety,
        bound=len(session.state.bindings),
    )


# ---------------------------------------------------------------- undo


async def _members_of(reader: Reader, entry: Entry, at: str) -> frozenset[str]:
    """Who is in a list that a run wrote; asked again until the index has caught up with that (rule R2)."""
    assert entry.members is not None
    kind, added, removed = entry.members
    return await reader.settled_members(entry.id, kind, at, frozenset(added), frozenset(removed))


def _refuse_adoption(made: Draft, desired: Mapping[Address, Desired]) -> None:
    """What an undo would make again is there: somebody made it, and it is theirs (rule L3)."""
    for address in made.resolution.adopted:
        made.changes.pop(address, None)
        made.bindings.pop(address, None)
        reason = f"left alone, for it changed since: {made.resolution.ids[address]} is in its place"
        made.blocked[address] = Blocked(address, reason, BY_HAND, desired[address].place)
