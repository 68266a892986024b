"""Records and links in SQLite, each with the time span in which it held, so that a read can look at the past.

Every version of a record and every link has `since` and `until` (milliseconds; the open end is FOREVER). A read at
time T sees what holds then: that is all there is to the index lag, and it survives a restart. Expired versions are kept
for HORIZON.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from lfsync.model import JSON
from lfsync.sandbox.contents import Contents

FOREVER = 2**62
HORIZON = 3_600_000  # ms: no index lag is longer

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS versions (
    id TEXT NOT NULL, kind TEXT NOT NULL, seq INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER,
    trashed INTEGER NOT NULL, hidden INTEGER NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,
    fields TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS versions_page ON versions (kind, trashed, created, seq, until, since, hidden, id);
CREATE INDEX IF NOT EXISTS versions_id ON versions (id, until, since, trashed, created, seq);
CREATE TABLE IF NOT EXISTS links (
    n INTEGER PRIMARY KEY, edge TEXT NOT NULL, src TEXT NOT NULL, dst TEXT NOT NULL,
    since INTEGER NOT NULL, until INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS links_src ON links (src, edge, until, since, dst);
CREATE INDEX IF NOT EXISTS links_dst ON links (dst, edge, until, since, src);
CREATE TABLE IF NOT EXISTS terms (
    kind TEXT NOT NULL, key TEXT NOT NULL, term TEXT NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (kind, key, term, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, value TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS history_key ON history (id, key, n);
CREATE TABLE IF NOT EXISTS replies (
    space TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (space, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS merges (id TEXT PRIMARY KEY, at INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (id TEXT PRIMARY KEY, begun INTEGER, ends TEXT, status TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (n INTEGER PRIMARY KEY, due INTEGER NOT NULL, id TEXT NOT NULL, job TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (due);
"""

_COLUMNS = "id, kind, seq, created, updated, trashed, hidden, fields"
_PAGE_ORDERS = {
    "newest-first": "created DESC, seq DESC",
    "oldest-first": "created DESC, seq ASC",
    "by-id": "created DESC, id ASC",
}


class Row(NamedTuple):
    """One version of a record. Times are milliseconds; `fields` holds bare values."""

    id: str
    kind: str
    seq: int
    created: int
    updated: int | None
    trashed: bool
    hidden: bool
    fields: dict[str, JSON]


class Link(NamedTuple):
    """One link of an edge."""

    edge: str
    src: str
    dst: str


class Store:
    """One database. Not for several threads at once; several processes may share it."""

    def __init__(self, database: str | Path, clock: Callable[[], float], random_seed: int | None = None) -> None:
        self._clock = clock
        self._db = sqlite3.connect(str(database), isolation_level=None, check_same_thread=False)
        try:
            self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA cache_size=-65536;")
            self._db.executescript(_TABLES)
        except sqlite3.Error:
            self._db.close()
            raise
        self.contents = Contents(database)
        self._touched: dict[str, None] = {}
        self._counts: dict[tuple[str, bool, bool], int] = {}
        self._orders: dict[tuple[str, str], list[str]] = {}
        self._written = self.now()
        salt = secrets.token_hex(16) if random_seed is None else f"seed {random_seed}"
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('salt', ?)", (salt,))
        self._salt = self.meta("salt")
        self._seq = 0
        self._data_version = 0

    def close(self) -> None:
        """Releases the database."""
        self._db.close()
        self.contents.close()

    def now(self) -> int:
        """Milliseconds since the epoch."""
        return round(self._clock() * 1000)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the writes in it, or none."""
        self._db.execute("BEGIN IMMEDIATE")
        seq = self._seq = int(self.meta("seq") or 0)
        try:
            yield
            if seq != self._seq:
                self.set_meta("seq", str(self._seq))
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        finally:
            self._touched.clear()
        self._db.execute("COMMIT")
        self._counts.clear()
        self._orders.clear()
        self._written = self.now()

    def execute(self, sql: str, *values: str | int | None) -> sqlite3.Cursor:
        """For the small tables that other modules own: replies, history, merges, runs, jobs."""
        return self._db.execute(sql, values)

    # ------------------------------------------------------------ meta and ids

    def meta(self, key: str) -> str | None:
        """A remembered value of the database itself."""
        found = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(found[0]) if found else None

    def set_meta(self, key: str, value: str) -> None:
        """Remembers a value."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def next_seq(self) -> int:
        """Counts up, in a transaction; what one that failed was given is given again."""
        self._seq += 1
        return self._seq

    def new_id(self, prefix: str) -> str:
        """An id that looks random; the same row of ids for the same random seed."""
        digest = hashlib.sha256(f"{self._salt}:{self.next_seq()}".encode()).hexdigest()
        return f"{prefix}{digest[:20]}"

    def signature(self, text: str) -> str:
        """What proves that this text came from this database."""
        return hashlib.sha256(f"{self._salt}:signed:{text}".encode()).hexdigest()

    def take_touched(self) -> list[str]:
        """The records that this transaction wrote or linked so far; the next call starts anew."""
        touched = list(self._touched)
        self._touched.clear()
        return touched

    # ------------------------------------------------------------ records

    def any_of(self, kind: str) -> bool:
        """Whether there is, or was, a record of this kind."""
        return self._db.execute("SELECT 1 FROM versions WHERE kind = ? LIMIT 1", (kind,)).fetchone() is not None

    def get(self, id: str) -> Row | None:
        """The record as it is now."""
        found = self._db.execute(f"SELECT {_COLUMNS} FROM versions WHERE id = ? AND until = ?", (id, FOREVER))
        return next(map(_row, found), None)

    def rows(self, ids: Iterable[str], at: int) -> list[Row]:
        """These records as they were then; in no order."""
        return [
            _row(found)
            for part in _parts(list(ids))
            for found in self._db.execute(
                f"SELECT {_COLUMNS} FROM versions WHERE id IN ({_marks(part)}) AND since <= ? AND until > ?",
                (*part, at, at),
            )
        ]

    def insert(self, row: Row) -> None:
        """A new record, visible from its creation on."""
        self._add_version(row, row.created)

    def update(self, row: Row) -> None:
        """A new version of a record."""
        now = self.now()
        self._db.execute("UPDATE versions SET until = ? WHERE id = ? AND until = ?", (now, row.id, FOREVER))
        self._db.execute("DELETE FROM versions WHERE id = ? AND until < ?", (row.id, now - HORIZON))
        self._add_version(row, now)

    def _add_version(self, row: Row, since: int) -> None:
        self._touched[row.id] = None
        values = (*row[:7], since, FOREVER, json.dumps(row.fields, separators=(",", ":")))
        self._db.execute("INSERT INTO versions VALUES (?,?,?,?,?,?,?,?,?,?)", values)

    def page(
        self, kind: str, *, trashed: bool, hidden: bool, at: int, window: tuple[int, int], order: str
    ) -> list[Row]:
        """One page, newest created first. `window` is offset and limit; `order` breaks ties; `hidden` shows all."""
        offset, limit = window
        found = self._db.execute(
            f"SELECT {_COLUMNS} FROM versions WHERE rowid IN (SELECT rowid FROM versions WHERE kind = ? AND trashed = ?"
            f" AND hidden <= ? AND since <= ? AND until > ? ORDER BY {_PAGE_ORDERS[order]} LIMIT ? OFFSET ?)"
            f" ORDER BY {_PAGE_ORDERS[order]}",
            (kind, trashed, hidden, at, at, limit, offset),
        )
        return [_row(values) for values in found]

    def count(self, kind: str, *, trashed: bool, hidden: bool, at: int) -> int:
        """How many records a list has in all. Kept in memory while nothing is written."""
        key = (kind, trashed, hidden)
        settled = self._settled(at)
        if settled and key in self._counts:
            return self._counts[key]
        found = self._db.execute(
            "SELECT count(*) FROM versions WHERE kind = ? AND trashed = ? AND hidden <= ? AND since <= ? AND until > ?",
            (kind, trashed, hidden, at, at),
        )
        count = int(found.fetchone()[0])
        if settled:
            self._counts[key] = count
        return count

    def _settled(self, at: int) -> bool:
        """Whether nothing was written since then. Forgets what was kept if another process wrote."""
        version = int(self._db.execute("PRAGMA data_version").fetchone()[0])
        if version != self._data_version:
            self._data_version = version
            self._counts.clear()
            self._orders.clear()
            self._written = self.now()
        return at >= self._written

    def scan(self, kind: str, *, trashed: bool, hidden: bool, at: int) -> Iterator[Row]:
        """All of a list's records, in no order."""
        found = self._db.execute(
            f"SELECT {_COLUMNS} FROM versions"
            " WHERE kind = ? AND trashed = ? AND hidden <= ? AND since <= ? AND until > ?",
            (kind, trashed, hidden, at, at),
        )
        return map(_row, found)

    # ------------------------------------------------------------ links

    def link(self, edge: str, src: str, dst: str, since: int | None = None) -> None:
        """A new link. The caller knows that it is not there."""
        since = self.now() if since is None else since
        self._touched.update({src: None, dst: None})
        self._db.execute(
            "INSERT INTO links (edge, src, dst, since, until) VALUES (?,?,?,?,?)", (edge, src, dst, since, FOREVER)
        )

    def unlink(self, link: Link) -> None:
        """Ends a link."""
        now = self.now()
        self._touched.update({link.src: None, link.dst: None})
        self._db.execute(
            "UPDATE links SET until = ? WHERE src = ? AND edge = ? AND dst = ? AND until = ?",
            (now, link.src, link.edge, link.dst, FOREVER),
        )
        self._db.execute(
            "DELETE FROM links WHERE src = ? AND edge = ? AND until < ?", (link.src, link.edge, now - HORIZON)
        )

    def links(self, ids: Iterable[str], at: int) -> list[Link]:
        """The links from and to these records, oldest first; one between two of them comes once."""
        found: dict[int, Link] = {}
        for part in _parts(list(ids)):
            for side in ("src", "dst"):
                sql = (
                    f"SELECT n, edge, src, dst FROM links WHERE {side} IN ({_marks(part)}) AND since <= ? AND until > ?"
                )
                for n, *link in self._db.execute(sql, (*part, at, at)):
                    found[n] = Link(*link)
        return [found[n] for n in sorted(found)]

    def linked(self, edge: str, id: str, *, source: bool, at: int = FOREVER - 1) -> list[str]:
        """The ids on the other side of one edge, oldest link first. `source`: `id` is its source."""
        near, far = ("src", "dst") if source else ("dst", "src")
        sql = f"SELECT {far} FROM links WHERE {near} = ? AND edge = ? AND since <= ? AND until > ? ORDER BY n"
        return [str(found[0]) for found in self._db.execute(sql, (id, edge, at, at))]

    def live_linked(self, edge: str, src: str, *, hidden: bool, at: int, order: str) -> list[str]:
        """The destinations of one edge that are not in the trash, in a page's order. Kept like `count`."""
        settled, key = self._settled(at), (edge, src)
        if settled and key in self._orders:
            return self._orders[key]
        found = self._db.execute(
            "SELECT id FROM links CROSS JOIN versions ON id = dst AND versions.until > ? AND versions.since <= ?"
            " WHERE src = ? AND edge = ? AND links.until > ? AND links.since <= ? AND NOT trashed"
            " AND hidden <= ?"
            f" ORDER BY {_PAGE_ORDERS[order]}",
            (at, at, src, edge, at, at, hidden),
        )
        ids = [str(values[0]) for values in found]
        if settled:
            self._orders[key] = ids
        return ids

    def trashed_of(self, ids: Iterable[str]) -> set[str]:
        """Those of these ids that are in the trash now."""
        return {
            str(found[0])
            for part in _parts(list(ids))
            for found in self._db.execute(
                f"SELECT id FROM versions WHERE id IN ({_marks(part)}) AND until = ? AND trashed", (*part, FOREVER)
            )
        }

    # ------------------------------------------------------------ terms: which records may hold a text

    def add_terms(self, kind: str, id: str, terms: Iterable[tuple[str, str]]) -> None:
        """Notes that a record holds, or once held, these texts under these keys."""
        self._db.executemany(
            "INSERT OR IGNORE INTO terms VALUES (?,?,?,?)", [(kind, key, term, id) for key, term in terms]
        )

    def with_term(self, kind: str, key: str, term: str) -> set[str]:
        """Ids that hold, or once held, exactly this text."""
        sql = "SELECT id FROM terms WHERE kind = ? AND key = ? AND term = ?"
        return {str(found[0]) for found in self._db.execute(sql, (kind, key, term))}

    def with_prefix(self, kind: str, key: str, prefix: str) -> set[str]:
        """Ids with a text that starts so."""
        sql = "SELECT id FROM terms WHERE kind = ? AND key = ? AND term >= ? AND term < ?"
        return {str(found[0]) for found in self._db.execute(sql, (kind, key, prefix, prefix + chr(0x10FFFF)))}

    def with_part(self, kind: str, key: str, part: str) -> set[str]:
        """Ids with a text that contains this."""
        sql = "SELECT id FROM terms WHERE kind = ? AND key = ? AND instr(term, ?)"
        return {str(found[0]) for found in self._db.execute(sql, (kind, key, part))}


def _row(values: tuple[str, str, int, int, int | None, int, int, str]) -> Row:
    id, kind, seq, created, updated, trashed, hidden, fields = values
    return Row(id, kind, seq, created, updated, bool(trashed), bool(hidden), json.loads(fields))


def _marks(values: list[str]) -> str:
    return ",".join("?" * len(values))


def _parts(values: list[str], size: int = 500) -> Iterator[list[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
