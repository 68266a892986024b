"""The idempotency store: answers of creates and updates by key, for a day (API sheet, section 9)."""

from __future__ import annotations

from lfsync.sandbox.errors import FaultError, bad_request
from lfsync.sandbox.store import Store

HEADER = "Idempotency-Key"
RETENTION = 24 * 3_600_000  # ms
MAX_LENGTH = 255


class Replies:
    """Stored answers, and the keys of requests that still run. A failed request leaves nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._running: set[tuple[str, str]] = set()

    def find(self, space: str, key: str) -> str | None:
        """The answer of the request that first used this key. The payload is not compared."""
        sql = "SELECT body FROM replies WHERE space = ? AND key = ? AND at > ?"
        found = self._store.execute(sql, space, key, self._store.now() - RETENTION).fetchone()
        return str(found[0]) if found else None

    def keep(self, space: str, key: str, body: str) -> None:
        """Stores an answer; to be called in the transaction of the work itself."""
        self._store.execute("INSERT OR REPLACE INTO replies VALUES (?,?,?,?)", space, key, self._store.now(), body)

    def begin(self, space: str, key: str) -> None:
        """Marks a key as in use. Raises FaultError 409 if it is."""
        if (space, key) in self._running:
            message = "A request with this key is still running."
            raise FaultError(409, message, type="idempotency_conflict", param=HEADER)
        self._running.add((space, key))

    def end(self, space: str, key: str) -> None:
        """Frees the key."""
        self._running.discard((space, key))


def check(key: str | None) -> str | None:
    """The key if there is one. Raises FaultError 400 for one that is too long."""
    if key and len(key) > MAX_LENGTH:
        raise bad_request("idempotency_key_too_long", f"A key has at most {MAX_LENGTH} characters.", HEADER)
    return key or None
