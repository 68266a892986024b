"""A state in an object store: read with its etag, written over that etag only, under a lock of its own (rule K3). I/O.

The lock is the object `STATE.lock`. It is made where there is none, and from then on taken, renewed, taken over and
let go of by overwriting the version that was seen, never otherwise: of two that try, one succeeds, and a holder who is
not it any more finds out with the next renewal. It is never deleted, for a delete has no condition.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from lfsync.errors import LockLostError, RefusedError, StateError, UnkeptError
from lfsync.state import lock as local_lock
from lfsync.state.bucket import Bucket, Found, MovedError
from lfsync.state.lease import Lock, Terms, lock_of
from lfsync.state.state import State, decode, encode

# Counts while the machine sleeps: a lease runs out meanwhile. (Where there is no such clock, CLOCK_MONOTONIC is one.)
_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_LOOKS = 20  # at a lock that seems to be dead, in one lease
_JOURNALED = "Nothing is lost: the journal of this machine has it, and the next run here puts it into the state."


class RemoteStore:
    """The state at `url`. `tell` is told, in words, what a person who waits should know."""

    def __init__(
        self, url: str, lock_path: Path, workspace: str, *, tell: Callable[[str], object], terms: Terms
    ) -> None:
        self._url = url
        self._lock_path = lock_path
        self._workspace = workspace
        self._tell = tell
        self._terms = terms
        self._bucket = Bucket(url)
        self._seen: Found | None = None
        self._lease: Lease | None = None

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """The local lock, for the journal is local; then the one beside the state."""
        with local_lock.held(self._lock_path, self._workspace):
            self._lease = await self._acquired()
            try:
                yield
            finally:
                if why := self._lease.let_go():
                    self._tell(f"The lock of {self._url} could not be let go of: {why}. It ends by itself.")

    async def read(self) -> State:
        """What the object holds."""
        self._seen = await asyncio.to_thread(self._bucket.read, self._bucket.path)
        if self._seen is None:
            return State(salt=secrets.token_hex(16))
        try:
            return decode(self._seen.body.decode(), self._url)
        except UnicodeDecodeError:
            raise StateError(f"{self._url}: the state can't be read: it is no text") from None

    def write(self, state: State) -> None:
        """Over what was read or written last. A state that says the same as that leaves it untouched."""
        body = encode(state).encode()
        if self._seen is not None and self._seen.body == body:
            return
        assert self._lease is not None
        try:
            self._lease.ensure()
            self._seen = self._bucket.replace(self._bucket.path, body, self._seen, patience=self._terms.patience)
        except MovedError:
            what = f"{self._url}: the state was written by somebody else since this run read it"
            raise UnkeptError(f"{what}, so it stays as it is", hint=_JOURNALED) from None
        except (LockLostError, StateError) as error:
            raise UnkeptError(error.message, hint=_JOURNALED) from None

    async def may_write(self) -> None:
        """LockLostError unless enough of the lease is left."""
        assert self._lease is not None
        if not self._lease.is_safe:
            await asyncio.to_thread(self._lease.ensure)

    async def _acquired(self) -> Lease:
        """The lock. RefusedError at once where it is live; one that seems dead is looked at for a lease."""
        watched: tuple[Found, float] | None = None
        bucket = Bucket(self._url, timeout=self._terms.renewal)
        name = f"{bucket.path}.lock"
        while True:
            asked = time.monotonic()
            found = await asyncio.to_thread(bucket.read, name)
            held = lock_of(found.body) if found else None
            if found is not None and not (held and held.released):
                if watched is None:
                    if held and held.is_live(time.time()):
                        raise self._refused(held)
                    watched = (found, time.monotonic())
                    self._tell(self._doubtful(held))
                elif watched[0].version != found.version:
                    raise self._refused(held)
                lease = held.lease if held else self._terms.lease
                if asked < watched[1] + lease:
                    await asyncio.sleep(lease / _LOOKS)
                    continue
            try:
                return Lease(bucket, name, found, self._terms)
            except MovedError:
                continue  # somebody was faster: look who

    def _refused(self, held: Lock | None) -> RefusedError:
        return RefusedError(
            f"the state of `{self._workspace}` is locked by another run: {held or 'who holds it is not known'}",
            hint="Wait until it ends, or stop it. The lock of a process that died is free a few minutes later.",
        )

    def _doubtful(self, held: Lock | None) -> str:
        lease = held.lease if held else self._terms.lease
        return (
            f"The state is locked by a run that seems to be dead: {held or 'who holds it is not known'}. "
            f"It is taken over if nothing renews its lock for {lease:.0f} seconds."
        )


class Lease:
    """The lock, once it is ours: a thread renews it until it is let go of, or somebody else has it.

    Making one takes the lock, over what was `seen`: MovedError where that is there no more.
    """

    def __init__(self, bucket: Bucket, name: str, seen: Found | None, terms: Terms) -> None:
        self._bucket, self._name, self._terms = bucket, name, terms
        now = datetime.now(UTC)
        self._lock = Lock(
            host=socket.gethostname(),
            pid=os.getpid(),
            start=now,
            expires=now,
            lease=terms.lease,
            token=secrets.token_hex(16),
        )
        self._seen = seen
        self._until = 0.0
        self._lost = ""
        self._mutex = threading.Lock()
        self._ended = threading.Event()
        self._write(released=False)
        self._thread = threading.Thread(target=self._keep_renewing, name="lfsync-lease", daemon=True)
        self._thread.start()

    @property
    def is_safe(self) -> bool:
        """Whether enough of the lease is left for a write; the time that the machine slept counts."""
        return not self._lost and self._until - time.clock_gettime(_BOOT) >= self._terms.margin

    def ensure(self) -> None:
        """LockLostError unless enough of the lease is left; where it is not, a renewal is tried first."""
        why = ""
        with self._mutex:
            if not self.is_safe:
                why = self._renewed()
        if not self.is_safe:
            raise LockLostError(
                f"the lock of the state was lost: {self._lost or why}",
                hint="What was written is in the journal of this machine. Run again: the next plan reads what is.",
            )

    def let_go(self) -> str:
        """Let go of the lock, where it is ours still; why that is not possible, for people."""
        self._ended.set()
        with self._mutex:
            if self._lost:
                return ""
            try:
                self._write(released=True)
            except MovedError:
                return ""
            except StateError as error:
                return error.message
            finally:
                self._lost = "it was let go of"
        return ""

    def _keep_renewing(self) -> None:
        while not self._ended.wait(self._terms.every):
            with self._mutex:
                if self._lost:
                    return
                self._renewed()

    def _renewed(self) -> str:
        """Why the lease could not be renewed; nothing where it was."""
        if self._lost:
            return self._lost
        try:
            self._write(released=False)
        except MovedError as moved:
            other = lock_of(moved.found.body) if moved.found else None
            self._lost = f"it went to another run: {other}" if other else "somebody removed it"
        except StateError as error:
            return error.message
        return self._lost

    def _write(self, *, released: bool) -> None:
        """Over the version that was seen; or over our own of a try before, whose answer was lost."""
        began = time.clock_gettime(_BOOT)
        expires = datetime.fromtimestamp(time.time() + self._terms.lease, UTC)
        self._lock = self._lock.model_copy(
            update={"expires": expires, "renewed": self._lock.renewed + 1, "released": released}
        )
        try:
            self._seen = self._bucket.replace(self._name, self._lock.body(), self._seen, patience=self._terms.renewal)
        except MovedError as moved:
            other = lock_of(moved.found.body) if moved.found else None
            if other is None or other.token != self._lock.token:
                raise
            self._seen = self._bucket.replace(self._name, self._lock.body(), moved.found, patience=self._terms.renewal)
        self._until = began + self._terms.lease
