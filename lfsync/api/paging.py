"""Which pages of a listing to read, and when it is whole (rule R3). Pure.

A listing comes newest first, 25 rows at an offset, and moves while it is read. Two things can happen.
  A record is made: every row moves on by one. The new one is missed at the front, and one row slips through where a
  page was read after that and the next one before. Rows are counted by id, and a gap is closed at these places.
  A record goes: later rows move up by one, and one may slip through between two pages. The one that went may have
  been counted, so the number of ids proves nothing. Once the count has fallen, a page is believed only if it was read
  at the same count as the last one, is full, and shares no row with another; the others are read again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lfsync.model import Record

PAGE_SIZE: Final = 25


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its rows in order, and how many rows the server says there are in all."""

    records: tuple[Record, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Listing:
    """Rows by id. `complete` False: it kept moving, so `records` is all that was seen and may lack some of `total`."""

    records: Mapping[str, Record]
    total: int
    complete: bool


class Pages:
    """What has been read of one listing so far. Pages may be read side by side and added as they come."""

    def __init__(self) -> None:
        self._pages: dict[int, Page] = {}
        self._seen: dict[str, Record] = {}
        self._highest = 0
        self._latest = 0
        self._fell = False
        self._seen_at_last_gap = -1

    @property
    def highest(self) -> int:
        """The highest count so far: to be noted when a page is asked for, and given to `add`."""
        return self._highest

    @property
    def rows(self) -> int:
        """How many records were seen so far."""
        return len(self._seen)

    def add(self, offset: int, page: Page, highest_before: int = 0) -> None:
        """The page at `offset`, asked for when the highest count was `highest_before`.

        Pages under way at the same time are answered in any order, so one with a lower count than another proves
        nothing; one with a lower count than was known before it was asked for does.
        """
        self._fell = self._fell or page.total < highest_before
        self._highest, self._latest = max(self._highest, page.total), page.total
        self._pages[offset] = page
        self._seen.update((record.id, record) for record in page.records)

    def to_read(self) -> tuple[int, ...]:
        """The offsets to read next; none when the listing is whole, or when reading again would not help."""
        unread = tuple(offset for offset in self._offsets() if offset not in self._pages)
        if unread or not self._pages:
            return unread or (0,)
        return self._gaps() if self._by_count() else self._doubtful()

    def listing(self) -> Listing:
        """What there is, in the listing's order."""
        current = {record.id: record for offset in self._offsets() for record in self._rows(offset)}
        if not self._fell and len(self._seen) == self._total:
            return Listing(current | self._seen, self._total, complete=True)
        whole = len(current) == self._total and not self._doubtful()
        return Listing(current if whole else current | self._seen, self._total, complete=whole)

    @property
    def _total(self) -> int:
        return self._latest if self._fell else self._highest

    def _by_count(self) -> bool:
        """Can the number of ids still tell what is missing? Not if the count fell, or the last gap stayed open."""
        gap = self._total - len(self._seen)
        stuck = gap > 0 and len(self._seen) == self._seen_at_last_gap
        self._fell = self._fell or gap < 0 or stuck
        return not self._fell

    def _gaps(self) -> tuple[int, ...]:
        """Where rows may be missing while the count only grows: in front, and where a newer page precedes an older."""
        self._seen_at_last_gap = len(self._seen)
        missing = self._total - len(self._seen)
        slipped = (o for o in self._offsets() if o and self._pages[o].total < self._pages[o - PAGE_SIZE].total)
        return tuple(sorted({*range(0, missing, PAGE_SIZE), *slipped})) if missing else ()

    def _doubtful(self) -> tuple[int, ...]:
        count = Counter(record.id for offset in self._offsets() for record in self._rows(offset))
        return tuple(offset for offset in self._offsets() if self._is_doubtful(offset, count))

    def _is_doubtful(self, offset: int, count: Counter[str]) -> bool:
        page = self._pages.get(offset)
        return (
            page is None
            or page.total != self._total
            or len(page.records) < min(PAGE_SIZE, self._total - offset)
            or any(count[record.id] > 1 for record in page.records)
        )

    def _rows(self, offset: int) -> tuple[Record, ...]:
        page = self._pages.get(offset)
        return page.records if page else ()

    def _offsets(self) -> range:
        return range(0, max(self._total, 1), PAGE_SIZE)
