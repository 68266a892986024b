"""Walks a plan: every change just after what it depends on, independent ones side by side, deletes last. I/O.

Failures stay local: what depends on a change that made nothing is skipped with the reason, the rest goes on. Apply
tells a reporter; it never prints.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from lfsync.applying.give_up import GiveUpError
from lfsync.applying.look_back import LookBack
from lfsync.applying.reporter import Reporter
from lfsync.applying.run import Progress, Run, place_of
from lfsync.applying.writer import Writer
from lfsync.errors import (
    ApiError,
    CredentialsError,
    LockLostError,
    OutageError,
    RejectedError,
    UnavailableError,
    UnreadableError,
)
from lfsync.model import Address, Change, Desired, Outcome, Place, Status
from lfsync.planning.planned import Planned
from lfsync.planning.rule_lists import is_ruled
from lfsync.planning.uniques import cleared_first
from lfsync.state.ledger import HistoryLike, JournalLike, Ledger, NoHistory, NoJournal
from lfsync.state.state import State
from lfsync.times import iso

_AT_ONCE = 96
_INTERRUPTED = "interrupted before it began"
_MADE: tuple[Status, ...] = ("done", "unchanged", "not converged")
_AS_PLANNED: tuple[Status, ...] = ("done", "unchanged")


class Applier:
    """Applies one plan once. `state` is what is known after each outcome: read it whenever `run` has ended."""

    def __init__(
        self,
        planned: Planned,
        reporter: Reporter,
        journal: JournalLike | None = None,
        history: HistoryLike | None = None,
    ) -> None:
        self.planned = planned
        journal, history = journal or NoJournal(), history or NoHistory()
        self.ledger = Ledger(_seen(planned), journal, history, lambda: iso(planned.reader.client.now()))
        self.writer = Writer(Run(planned, self.ledger, reporter))
        self.reporter = reporter
        self._exists: dict[Address, asyncio.Event] = {}
        self._outcomes: dict[Address, asyncio.Future[Outcome]] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._stop_reason: str | None = None

    @property
    def state(self) -> State:
        """The state as of now."""
        return replace(self.planned.state.as_kept(), bindings=self.ledger.bindings, released=self.ledger.released)

    def stop(self, reason: str = _INTERRUPTED) -> None:
        """Begin nothing new; what is in flight ends as it would."""
        self._stop_reason = self._stop_reason or reason
        self.writer.run.is_stopping = True

    @property
    def uploads(self) -> tuple[int, int, int]:
        """How many uploads are under way, how many of their bytes were sent, and of how many."""
        moving = self.writer.uploader.under_way.values()
        return len(moving), sum(sent for sent, _ in moving), sum(size for _, size in moving)

    async def run(self) -> list[Outcome]:
        """An outcome for each change, in the order of the plan."""
        self.reporter.start(self.planned.plan)
        self._write_down()
        changes = self.planned.plan.changes
        self._exists = {change.address: asyncio.Event() for change in changes}
        loop = asyncio.get_running_loop()
        self._outcomes = {change.address: loop.create_future() for change in changes}
        outcomes: dict[Address, Outcome] = {}
        self.writer.uploader.announce(changes)
        try:
            await self.writer.uploader.clean_up()
            await asyncio.gather(*(self._take_out(change) for change in changes if change.action == "restore"))
            await self._clear_first()
            for wave in _waves(changes):
                missing = self._not_made(outcomes)
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(self._finish(change, missing)) for change in wave]
                outcomes |= {task.result().address: task.result() for task in tasks}
            if not self._stop_reason:
                outcomes = await LookBack(self.writer.run).outcomes(changes, outcomes)
        finally:
            self.reporter.close()
        return [outcomes[change.address] for change in changes]

    def _write_down(self) -> None:
        """What is known of earlier runs, now that the question is answered (rule A4)."""
        recovery, kept = self.planned.recovery, self.planned.state.as_kept().bindings
        for written in recovery.made.values():
            self.ledger.answered(written)
            self.ledger.bind(kept[written.address])
        for address in recovery.dropped - recovery.made.keys():
            self.ledger.drop(address)
        for address in self.planned.draft.released:
            self.ledger.release(address)

    def _not_made(self, outcomes: Mapping[Address, Outcome]) -> dict[str, Address]:
        """By kind, a resource that should have come, and did not: deletes of its kind do not happen (rule A9)."""
        failed = {a for a, o in outcomes.items() if o.action == "create" and o.status not in _MADE}
        return {address.kind: address for address in sorted(self.planned.missing | failed, reverse=True)}

    async def _clear_first(self) -> None:
        """Unique values that swap owners (rule A7). Where it fails, the change that it is for fails and says why."""
        by_address = {change.address: change for change in self.planned.plan.changes}
        for address, keys in cleared_first(self.planned.plan.changes, self.planned.desired).items():
            with contextlib.suppress(ApiError, GiveUpError):
                await self.writer.clear(by_address[address], keys)

    async def _take_out(self, change: Change) -> None:
        """Where it fails, it is tried again in the change's own turn, which tells of it."""
        async with self._slots:
            if not self._stop_reason:
                with contextlib.suppress(ApiError):
                    await self.writer.take_out(change)

    async def _finish(self, change: Change, missing: Mapping[str, Address]) -> Outcome:
        outcome = await self._outcome(change, missing)
        self._exists[change.address].set()
        self._outcomes[change.address].set_result(outcome)
        self.reporter.finished(outcome)
        return outcome

    async def _outcome(self, change: Change, missing: Mapping[str, Address]) -> Outcome:
        end: GiveUpError | None = None
        status: Status
        try:
            if change.action == "delete" and change.address.kind in missing:
                waits = f"waits for {missing[change.address.kind]}, which was not made"
                raise GiveUpError("skipped", waits, "Nothing is trashed while what may take its place is missing.")
            status = await self._perform(change, Progress())
        except GiveUpError as error:
            end, status = error, error.status
        except ApiError as error:
            end = self._failure(change, error)
            status = end.status
        id = self.writer.run.ids.get(change.address, change.id)
        if end is None:
            return Outcome(change.address, change.action, status, id)
        source = end.source or change.source
        return Outcome(change.address, change.action, status, id, end.reason, end.hint, source, end.is_unknown)

    async def _perform(self, change: Change, progress: Progress) -> Status:
        """Write once what it needs is there, and prove it; link what could not be linked before."""
        if change.action != "delete" and change.members is not None and is_ruled(self.writer.run.wish(change)):
            return await self._perform_ruled(change, progress)
        await self._wait_for(change.depends_on)
        return await self._perform_now(change, progress)

    async def _perform_ruled(self, change: Change, progress: Progress) -> Status:
        """A list by rule: who is in rests on changes, and is left as it is where one of those failed (rule K1)."""
        outcomes = [await self._outcomes[address] for address in change.depends_on]
        lost = {outcome.address for outcome in outcomes if outcome.status not in _AS_PLANNED}
        narrowed, why = self.writer.run.narrowed(change, lost)
        status = await self._perform_now(narrowed, progress)
        if why is None:
            return status
        raise GiveUpError("skipped", f"written but for some members, which stay as they are: {why}", "Plan again.")

    async def _perform_now(self, change: Change, progress: Progress) -> Status:
        async with self._slots:
            if self._stop_reason:
                raise GiveUpError("skipped", self._stop_reason)
            self.reporter.began(change)
            await self._write(change, progress)
            self._exists[change.address].set()
            if not progress.late:
                return await self.writer.prove(change, progress)
        await self._wait_for(progress.late)
        async with self._slots:
            await self.writer.link_late(change, progress)
            return await self.writer.prove(change, progress)

    async def _wait_for(self, addresses: tuple[Address, ...] | list[Address]) -> None:
        for address in addresses:
            await self._exists[address].wait()
            if address not in self.writer.run.ids:
                raise GiveUpError("skipped", f"{address}, which it refers to, was not made")

    async def _write(self, change: Change, progress: Progress) -> None:
        """Once more where the API reports a conflict (rule A5), or refuses links that may be there already (U11)."""
        try:
            await self.writer.write(change, progress)
        except RejectedError as error:
            if error.status != 409 and not change.relationships and not change.members:
                raise
            await self.writer.reread_members(change)
            await self.writer.write(change, progress)

    def _failure(self, change: Change, error: ApiError) -> GiveUpError:
        if isinstance(error, CredentialsError):
            self.stop(f"not begun: {error.message}")
        if isinstance(error, OutageError | LockLostError):
            self.stop(f"not begun: {error.message}")
        reason, hint = error.message, error.hint
        is_unknown = isinstance(error, UnavailableError | UnreadableError)
        if is_unknown:
            reason = f"{reason}; whether it was written is not known"
            hint = hint or "The next plan reads what is there."
        source = _blamed(self.planned.desired.get(change.address), error.param)
        return GiveUpError("failed", reason, hint, source, is_unknown=is_unknown)


def _seen(planned: Planned) -> State:
    """The state, with what the draft saw of the addresses that are bound already (rule S3).

    What moves to another address does so when its change has its turn, as what is adopted (rule M1).
    """
    bindings = dict(planned.state.as_kept().bindings)
    for address, binding in planned.draft.bindings.items():
        if address in bindings and bindings[address].id == binding.id:
            bindings[address] = binding
    return replace(planned.state, bindings=bindings)


def _waves(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Everything but deletes; then deletes kind by kind, children first (rule A7)."""
    yield [change for change in changes if change.action != "delete"]
    deletes = [change for change in changes if change.action == "delete"]
    for _, wave in groupby(deletes, key=lambda change: change.address.kind):
        yield list(wave)


def _blamed(wish: Desired | None, param: str | None) -> Place | None:
    """The place of the value that the API's `param` names: with or without its `$` (API sheet, 11.1)."""
    section, _, key = (param or "").partition(".")
    names = {"fields": "fields", "relationships": "links"}
    if wish is None or section not in names:
        return None
    key = key.split(".")[0]
    if key in ("$accounts", "$contacts", "$opportunities"):
        return place_of(wish, "members", "")
    declared = wish.fields.keys() | wish.links.keys()
    return place_of(wish, names[section], key if key in declared else f"${key}")
