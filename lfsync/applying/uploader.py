"""Uploads one file, and is sure of it (rules F1, A5). I/O.

  begin      POST, journaled before; the session's id and address are journaled at once
  PUT        the bytes from disk to the address that the session names, all of them anew with each try
  complete   with the md5; where the answer is lost, a read by id decides
  bound      on record, and in the state

A session that this run or a journaled one began, and that will not be completed, is cancelled; one that ended before
its time is begun again. An interrupted run lets what is under way end, as any write; where it is left at once, that is
cancelled on the way out. A begin whose answer is lost is not sent again before a complete search for the content.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from typing import BinaryIO

from lfsync.applying.give_up import GiveUpError
from lfsync.applying.run import Progress, Run
from lfsync.errors import ApiError, OutageError, RejectedError, UnavailableError, UnreadableError
from lfsync.kinds import Kind, kind_of
from lfsync.knowledge.knowledge import named
from lfsync.model import Address, Change, Query, Record, Term, Upload
from lfsync.planning.uploads import alike, bound, makes_record, request_body, with_content, written
from lfsync.state.ledger import Create, OpenUpload
from lfsync.state.state import Binding

_AT_ONCE = 4  # uploads; more would share one line, and let sessions expire that wait
_SESSIONS = 3  # for one content, before it is given up
_CHUNK = 256 * 1024
_LAST_WORD = 5.0  # seconds for a cancellation by a run that is left at once; else the next run ends what it began
_AGAIN = "The upload was cancelled; apply again."


class _EndedError(Exception):
    """This session came to nothing, and another one may do. Never leaves the module."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Uploader:
    """The uploads of one run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._resumed = dict(run.planned.leftovers.resumed)
        self.under_way: dict[Address, tuple[int, int]] = {}  # bytes sent, and of how many

    def announce(self, changes: Iterable[Change]) -> None:
        """How much there is to upload."""
        for change in changes:
            wish = self.run.planned.desired.get(change.address)
            if wish is not None and wish.upload is not None and makes_record(change):
                self.run.uploading(change.address, 0, wish.upload.size)

    async def clean_up(self) -> None:
        """Ends what earlier runs began and nobody wants any more; notes down what has ended already."""
        left = self.run.planned.leftovers
        for id in left.ended:
            self.run.ledger.end_upload(id)
        await asyncio.gather(*(self._cancel(opened) for opened in left.cancelled))

    async def write(self, change: Change, progress: Progress) -> None:
        """One file, unless it is there by now. Raises GiveUpError and ApiError; may be called again after one."""
        self._refuse_stale(change)
        if change.address in self.run.ids:
            return
        async with self._slots:
            upload = self._wish(change)
            self._refuse_stopping()
            await self._refuse_newcomers(change, upload)
            reason = ""
            for _ in range(_SESSIONS):
                self._refuse_stopping()
                try:
                    record, origin = await self._uploaded(change, upload)
                except _EndedError as ended:
                    reason = ended.reason
                    continue
                self._bind(change, progress, upload, record, origin)
                return
            raise GiveUpError("failed", f"{_SESSIONS} uploads of `{upload.path}` came to nothing: {reason}", _AGAIN)

    # ------------------------------------------------------------ the last look

    def _wish(self, change: Change) -> Upload:
        upload = self.run.wish(change).upload
        assert upload is not None
        return upload

    def _refuse_stopping(self) -> None:
        if self.run.is_stopping:
            raise GiveUpError("skipped", "interrupted before it began")

    def _refuse_stale(self, change: Change) -> None:
        """A saved plan may be older than what was read just before this apply."""
        draft = self.run.planned.draft
        blocked = draft.blocked.get(change.address)
        if blocked is not None:
            raise GiveUpError("blocked", blocked.reason, blocked.hint, blocked.source)
        was = draft.resolution.replaced.get(change.address)
        if change.address not in self.run.ids and was != change.id:
            planned = f"was {change.id} in the plan" if change.id else "had no file in the plan"
            now = f"is {was} by now" if was else "has no file any more"
            raise GiveUpError("stale", f"it {planned} and {now}", "Plan again.")

    async def _refuse_newcomers(self, change: Change, upload: Upload) -> None:
        """No second file of one content: has one come since the plan (rule A1)?"""
        kind = change.address.kind
        mime = self.run.planned.schema.kinds[kind].fields["mimeType"]
        query = Query(kind, upload.place, (Term("mimeType", field=mime, sent=upload.mime_type),))
        found = await self._same(await self.run.newcomers.hits(query, {}), upload)
        if found is not None:
            raise GiveUpError("stale", f"its content has come since the plan: {named(found)}", "Plan again.")

    async def _same(self, records: Iterable[Record], upload: Upload) -> Record | None:
        """The file among these that holds this content."""
        knowledge = self.run.knowledge
        for record in alike(records, upload):
            key = (record.kind, record.id)
            if record.fields.get("status") != "COMPLETED" or record.id in self.run.touched:
                continue
            if key not in knowledge.contents:
                knowledge.contents[key] = await self.run.client.content(kind_of(record.kind), record.id)
            if knowledge.contents[key] == upload.sha256:
                return record
        return None

    # ------------------------------------------------------------ one session

    async def _uploaded(self, change: Change, upload: Upload) -> tuple[Record, str]:
        """The file that holds the content now; `adopted`: somebody else's. _EndedError: try once more."""
        kind = kind_of(change.address.kind)
        opened: OpenUpload | Record | None = self._resumed.pop(change.address, None)
        if opened is not None:
            record = await self.run.client.retrieve(kind, opened.id)
            if record is not None and record.fields.get("status") == "COMPLETED":
                return record, "created"
        else:
            opened = await self._begun(change, upload, kind)
        if isinstance(opened, Record):
            return opened, "adopted"
        try:
            return await self._carried(change, upload, kind, opened), "created"
        except (_EndedError, GiveUpError, ApiError):
            await self._cancel(opened)
            raise
        except OSError as error:
            await self._cancel(opened)
            raise _changed(upload, str(error.strerror)) from None
        except asyncio.CancelledError:
            await self._cancel_on_the_way_out(opened)
            raise
        finally:
            self.under_way.pop(change.address, None)

    async def _begun(self, change: Change, upload: Upload, kind: Kind) -> OpenUpload | Record:
        """A new session; or the file that a search found after an answer was lost."""
        run, body = self.run, request_body(upload)
        generation = run.planned.state.generation(change.address)
        at = run.client.now()
        run.ledger.intend(Create(change.address, "", generation, {str(kind.content): upload.sha256}, body))
        try:
            session = await run.client.begin_upload(kind, body)
        except OutageError:
            raise
        except UnavailableError as lost:
            await run.reader.wait_for_index(at)
            await run.reader.list(kind.name)
            if kind.name in run.knowledge.unlistable:
                raise  # no search was complete: the journal keeps the intent for the next run
            found = await self._same(run.knowledge.of_kind(kind.name), upload)
            run.ledger.drop(change.address)
            if found is not None:
                return found
            raise _EndedError(lost.message) from None
        except UnreadableError:
            raise
        except ApiError:
            run.ledger.drop(change.address)
            raise
        opened = OpenUpload(
            address=str(change.address),
            id=session.record.id,
            url=session.url,
            headers=dict(session.headers),
            expires=session.expires_at,
            sha256=upload.sha256,
            body=body,
        )
        run.ledger.begin_upload(opened)
        return opened

    async def _carried(self, change: Change, upload: Upload, kind: Kind, opened: OpenUpload) -> Record:
        """The bytes, and that they are there. _EndedError where the session ended, or something else arrived."""
        client = self.run.client
        try:
            await client.storage.put(opened.url, opened.headers, upload.size, lambda: self._chunks(change, upload))
        except RejectedError as refused:
            record = await client.retrieve(kind, opened.id)
            if not _has_ended(record):
                raise GiveUpError("failed", refused.message, _AGAIN) from None
            if record is None or record.fields.get("status") != "COMPLETED":
                raise _EndedError(refused.message) from None
        except OutageError:
            raise
        except UnavailableError as error:
            raise GiveUpError("failed", error.message, _AGAIN) from None
        try:
            return await client.complete_upload(kind, opened.id, upload.md5)
        except OutageError:
            raise
        except (RejectedError, UnavailableError, UnreadableError) as error:
            record = await client.retrieve(kind, opened.id)
            if record is not None and record.fields.get("status") == "COMPLETED":
                return record
            if isinstance(error, RejectedError) or _has_ended(record):
                raise _EndedError(error.message) from None
            raise

    async def _chunks(self, change: Change, upload: Upload) -> AsyncGenerator[bytes, None]:
        """The file from disk; GiveUpError where it is not what was planned, before the last request says that it is."""
        sha256, sent = hashlib.sha256(), 0
        self._moved(change.address, 0, upload.size)
        with _open(upload) as file:
            while sent < upload.size:
                chunk = file.read(min(_CHUNK, upload.size - sent))
                if not chunk:
                    raise _changed(upload, "it is shorter now")
                sha256.update(chunk)
                sent += len(chunk)
                if sent == upload.size and (file.read(1) or sha256.hexdigest() != upload.sha256):
                    raise _changed(upload, "it holds something else now")
                yield chunk
                self._moved(change.address, sent, upload.size)

    def _moved(self, address: Address, sent: int, size: int) -> None:
        self.under_way[address] = (sent, size)
        self.run.uploading(address, sent, size)

    async def _cancel_on_the_way_out(self, opened: OpenUpload) -> None:
        """While the run is taken down around it, which interrupts whoever waits here, more than once maybe."""
        ending, until = asyncio.ensure_future(self._cancel(opened)), asyncio.get_running_loop().time() + _LAST_WORD
        while not ending.done() and (rest := until - asyncio.get_running_loop().time()) > 0:
            with suppress(asyncio.CancelledError):
                await asyncio.wait({ending}, timeout=rest)
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)  # the error that ends the run is told, not this one

    async def _cancel(self, opened: OpenUpload) -> None:
        """Ends a session; the journal keeps one of which nobody knows whether it has ended."""
        kind = kind_of(opened.address.partition(".")[0])
        record: Record | None
        with suppress(ApiError):
            try:
                record = await self.run.client.cancel_upload(kind, opened.id)
            except RejectedError:
                record = await self.run.client.retrieve(kind, opened.id)
            if record is None or record.fields.get("status") in ("CANCELLED", "EXPIRED"):
                self.run.ledger.end_upload(opened.id)

    # ------------------------------------------------------------ done

    def _bind(self, change: Change, progress: Progress, upload: Upload, record: Record, origin: str) -> None:
        run, address, state = self.run, change.address, self.run.planned.state
        record = with_content(record, upload)
        run.knowledge.contents[record.kind, record.id] = upload.sha256
        generation = state.generation(address) + 1
        if origin == "created":
            run.answered(written(address, record.id, request_body(upload), generation))
            binding = bound(state, address, record.id, upload.sha256, generation, run.ledger.server_time())
        else:
            binding = Binding(address, record.id, generation, "adopted", written_at=run.ledger.server_time())
        run.wrote(address, record)
        run.ledger.bind(binding)
        progress.record, progress.created = record, True


def _has_ended(record: Record | None) -> bool:
    return record is None or record.fields.get("status") != "PENDING"


def _open(upload: Upload) -> BinaryIO:
    """The very file that was read: no link that was put in its place, or into its path, since is followed."""
    if os.path.realpath(upload.real) != upload.real:
        raise _changed(upload, "its path leads elsewhere now")
    return os.fdopen(os.open(upload.real, os.O_RDONLY | os.O_NOFOLLOW), "rb")


def _changed(upload: Upload, how: str) -> GiveUpError:
    reason = f"`{upload.path}` was changed on disk since the plan read it: {how}"
    return GiveUpError("failed", reason, "Plan again; the upload was cancelled.", upload.place)
