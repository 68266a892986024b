"""Walks a plan: every change just after what it depends on, independent ones side by side. I/O.

Failures stay local: what depends on a change that made nothing is skipped with the reason, the rest goes on. Apply
tells a reporter; it never prints.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from lfsync.client import Client
from lfsync.errors import ApiError, CredentialsError, RejectedError, UnavailableError
from lfsync.model import Address, Change, Desired, Outcome, Place, Status
from lfsync.report import Reporter
from lfsync.state import State, organisation_ids
from lfsync.writer import GiveUpError, Job, Progress, Writer, place_of

_AT_ONCE = 96
_INTERRUPTED = "interrupted before it began"


class Applier:
    """Applies one plan once. `state` is what is known after each outcome: read it whenever `run` has ended."""

    def __init__(self, job: Job, client: Client, reporter: Reporter) -> None:
        self.job = job
        self.writer = Writer(job, client)
        self.reporter = reporter
        self._exists: dict[Address, asyncio.Event] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._stop_reason: str | None = None

    @property
    def state(self) -> State:
        """The state as of now."""
        ids = organisation_ids(self.job.schema)
        return replace(self.job.state, ids=ids, bindings=self.writer.bindings)

    def stop(self, reason: str = _INTERRUPTED) -> None:
        """Begin nothing new; what is in flight ends as it would."""
        self._stop_reason = self._stop_reason or reason

    async def run(self) -> list[Outcome]:
        """An outcome for each change, in the order of the plan."""
        self.reporter.start(self.job.plan)
        self._exists = {change.address: asyncio.Event() for change in self.job.plan.changes}
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._finish(change)) for change in self.job.plan.changes]
        finally:
            self.reporter.close()
        return [task.result() for task in tasks]

    async def _finish(self, change: Change) -> Outcome:
        outcome = await self._outcome(change)
        self._exists[change.address].set()
        self.reporter.finished(outcome)
        return outcome

    async def _outcome(self, change: Change) -> Outcome:
        end: GiveUpError | None = None
        status: Status
        try:
            status = await self._perform(change)
        except GiveUpError as error:
            end, status = error, error.status
        except ApiError as error:
            end = self._failure(change, error)
            status = end.status
        id = self.writer.ids.get(change.address)
        if end is None:
            return Outcome(change.address, change.action, status, id)
        return Outcome(change.address, change.action, status, id, end.reason, end.hint, end.source or change.source)

    async def _perform(self, change: Change) -> Status:
        """Write once what it needs is there; link what could not be linked before; prove."""
        await self._wait_for(change.depends_on)
        progress = Progress()
        async with self._slots:
            if self._stop_reason:
                raise GiveUpError("skipped", self._stop_reason)
            await self._write(change, progress)
        self._exists[change.address].set()
        if progress.late:
            await self._wait_for(progress.late)
            async with self._slots:
                await self.writer.link_late(change, progress)
        async with self._slots:
            return await self.writer.prove(change, progress)

    async def _wait_for(self, addresses: tuple[Address, ...] | list[Address]) -> None:
        for address in addresses:
            await self._exists[address].wait()
            if address not in self.writer.ids:
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
        reason = error.message
        if isinstance(error, UnavailableError):
            reason = f"{reason}; whether it was written is not known"
        hint = error.hint or ("The next plan reads what is there." if isinstance(error, UnavailableError) else None)
        return GiveUpError("failed", reason, hint, _blamed(self.job.desired[change.address], error.param))


def _blamed(wish: Desired, param: str | None) -> Place | None:
    """The place of the value that the API's `param` names: with or without its `$` (API sheet, 11.1)."""
    section, _, key = (param or "").partition(".")
    names = {"fields": "fields", "relationships": "links"}
    if section not in names:
        return None
    key = key.split(".")[0]
    if key in ("$accounts", "$contacts", "$opportunities"):
        return place_of(wish, "members", "")
    declared = wish.fields.keys() | wish.links.keys()
    return place_of(wish, names[section], key if key in declared else f"${key}")
