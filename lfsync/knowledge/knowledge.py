"""What a run knows of the workspace, and whether that is enough to act on. Pure: a reader adds to it.

Knowledge has a source: read by id (`Record.fresh`), listed from an index that lags, or written by this run (rule R5).
Four questions are answered here, and nowhere else; where nothing known answers one, it is added to `wanted`, and who
asked comes back when it has been read.

  Is this record there?         404 to a read by id ......................... gone
  (`presence`)                  in the list ................................. there, as a hint (rule R1)
                                of a kind that is never deleted, read by id .. there, once its upload is completed;
                                                                               gone, if that has ended otherwise
                                of a kind without a listed trash, and in no
                                  whole list ................................ nobody is sure
                                written by this run ......................... there
                                read by id, and a read by id never shows
                                  what is in the trash (U9) ................. there
                                ... it does, and the trash holds it ......... gone
                                ... it does, and the whole trash does not ... there
                                ... it does, and the trash can't be read .... there if it is in the whole list
  Does nothing match?           only a whole list says so (rule I9); the mirror of an account (`$task`) shows all
  (`is_searched`)               that matches with it, but is not enough for a create
  Is it in the trash?           its pages, until it is found; of what we wrote lately the index knows nothing, until
  (`trashed`)                   the time is up (rule R4)
  What does a file hold?        its content, downloaded and hashed: no answer shows it
  (`content`)
  Who is in the list?           its members, asked again while the index may lag behind our own write (rule R2)
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from lfsync.kinds import TITLE_KEYS, kind_of
from lfsync.model import Quoted, Record

RecordKey: TypeAlias = tuple[str, str]
"""(kind, id)"""

Presence: TypeAlias = Literal["there", "gone", "forbidden", "unsure", "unknown"]


@dataclass(slots=True)
class Wanted:
    """Reads without which something can't be decided.

    `searches`: by kind, the accounts whose mirrors would do; an empty set: the whole list. `trash`: what is looked for
    there; `glances`: kinds whose newest trash is looked at, to tell what became of a record. `probes`: kinds of which
    it must be found out whether a read by id shows trashed records. `memberships`: (list id, kind of its members).
    `contents`: files whose content is asked for.
    """

    records: set[RecordKey] = field(default_factory=set)
    searches: dict[str, set[str]] = field(default_factory=dict)
    probes: set[str] = field(default_factory=set)
    glances: set[str] = field(default_factory=set)
    trash: set[RecordKey] = field(default_factory=set)
    memberships: set[tuple[str, str]] = field(default_factory=set)
    contents: set[RecordKey] = field(default_factory=set)

    def __bool__(self) -> bool:
        found = self.records or self.searches or self.probes or self.glances or self.trash or self.memberships
        return bool(found or self.contents)

    def search(self, kind: str, accounts: Iterable[str] = ()) -> None:
        """Look for all that may match: in the mirrors of these accounts, in the whole list without any."""
        accounts = set(accounts)
        if kind in self.searches and not (accounts and self.searches[kind]):
            self.searches[kind] = set()
        else:
            self.searches.setdefault(kind, set()).update(accounts)


@dataclass(slots=True)
class Need:
    """What one kind is read for: records of known ids, and the whole list where a match looks for something."""

    ids: set[str] = field(default_factory=set)
    is_listed: bool = False


@dataclass(slots=True)
class Trash:
    """What `status=trashed` showed of one kind. `unlisted`: why it can't be looked through, for people.

    `total`: how many there were at the first glance.
    """

    records: dict[str, Record] = field(default_factory=dict)
    whole: bool = False
    unlisted: str | None = None
    total: int = 0


@dataclass(slots=True)
class Knowledge:
    """All that one run knows.

    `listed`         by kind, the ids of a list that was read whole
    `unlistable`     kinds whose list kept moving while it was read
    `mirrored`       (kind, account): all records of the kind that the account lists were read by id
    `absent`         404 to a read by id; `forbidden`: 403, or an answer that can't be read, with what was said
    `shows_trashed`  by kind, whether a read by id shows what is in the trash
    `memberships`    by list id, the ids of its members; `unsettled` names lists whose index still lags behind our write
    `recent`         written, released or restored so lately that an index may not show it yet (rule R4)
    `too_new`        was as recent when the whole list of its kind was read, so that its absence there says nothing
    `late_lists`     lists that were written so lately when the run began
    `written`        by this run
    `contents`       of files, the sha256 of what they hold; `unreadable`: why it could not be downloaded
    `now`            the server's time when the run began (Unix seconds)
    """

    records: dict[str, dict[str, Record]] = field(default_factory=dict)
    listed: dict[str, frozenset[str]] = field(default_factory=dict)
    unlistable: set[str] = field(default_factory=set)
    mirrored: set[tuple[str, str]] = field(default_factory=set)
    absent: set[RecordKey] = field(default_factory=set)
    forbidden: dict[RecordKey, str] = field(default_factory=dict)
    shows_trashed: dict[str, bool] = field(default_factory=dict)
    trash: dict[str, Trash] = field(default_factory=dict)
    memberships: dict[str, frozenset[str]] = field(default_factory=dict)
    unsettled: set[str] = field(default_factory=set)
    recent: set[RecordKey] = field(default_factory=set)
    too_new: set[RecordKey] = field(default_factory=set)
    late_lists: set[str] = field(default_factory=set)
    written: set[RecordKey] = field(default_factory=set)
    contents: dict[RecordKey, str] = field(default_factory=dict)
    unreadable: dict[RecordKey, str] = field(default_factory=dict)
    wanted: Wanted = field(default_factory=Wanted)
    now: float = math.inf

    # ------------------------------------------------------------ taking in

    def add(self, record: Record) -> None:
        """Take a record in; one read by id is never replaced by a listed row (rule R1)."""
        known = self.records.setdefault(record.kind, {})
        if record.fresh or record.id not in known or not known[record.id].fresh:
            known[record.id] = record
        if record.fresh:
            self.absent.discard((record.kind, record.id))

    def wrote(self, record: Record) -> None:
        """This run wrote a record, and saw it in the answer."""
        self.written.add((record.kind, record.id))
        self.add(record)

    def restored(self, key: RecordKey) -> None:
        """This run took a record out of the trash."""
        self.written.add(key)
        self.absent.discard(key)

    def ask_anew(self) -> Wanted:
        """What was wanted so far; from here on, it is collected anew."""
        wanted, self.wanted = self.wanted, Wanted()
        return wanted

    # ------------------------------------------------------------ records

    def record(self, kind: str, id: str) -> Record | None:
        """The record, unless it is unknown or gone."""
        return None if self.is_gone(kind, id) else self.records.get(kind, {}).get(id)

    def seen(self, kind: str, id: str) -> Record | None:
        """The record as it was seen last, in the trash too; asks for nothing."""
        trash = self.trash.get(kind)
        return self.records.get(kind, {}).get(id) or (trash.records.get(id) if trash else None)

    def of_kind(self, kind: str) -> list[Record]:
        """Every known record of a kind that is not gone."""
        return [record for id, record in self.records.get(kind, {}).items() if not self.is_gone(kind, id)]

    def is_gone(self, kind: str, id: str) -> bool:
        """Whether it is known to be gone; asks for nothing."""
        key = (kind, id)
        if key in self.absent:
            return True
        if not self.shows_trashed.get(kind) or key in self.written or key in self.recent:
            return False
        return kind in self.trash and id in self.trash[kind].records

    def is_missing(self, kind: str, id: str) -> bool:
        """Whether it is gone, or a list of its kind lacks it that it is not too new for; asks for nothing."""
        listed = self.listed.get(kind)
        return self.is_gone(kind, id) or (listed is not None and id not in listed and (kind, id) not in self.recent)

    def presence(self, kind: str, id: str) -> Presence:
        """Whether a record is there; asks for what is not known."""
        key = (kind, id)
        if key in self.absent:
            return "gone"
        if key in self.forbidden:
            return "forbidden"
        record = self.records.get(kind, {}).get(id)
        if record is not None and is_unfinished(record):
            if record.fresh:
                return "gone"
            record = None  # its row may lag behind the end of the upload
        if record is None or (key in self.recent and not record.fresh):
            self.wanted.records.add(key)
            return "unknown"
        if not record.fresh or key in self.written:
            return "there"
        if id in self.listed.get(kind, ()) and key not in self.recent:
            return "there"
        return self._read_but_not_listed(key)

    def _read_but_not_listed(self, key: RecordKey) -> Presence:
        """A read by id shows it, and the list does not: it is new, or in the trash."""
        kind, id = key
        if not kind_of(kind).deletable:
            return "there"
        if not kind_of(kind).trash:
            if kind not in self.listed and kind not in self.unlistable:
                self.wanted.search(kind)
                return "unknown"
            is_new = key in self.recent or key in self.too_new
            return "there" if is_new or kind in self.unlistable else "unsure"
        if kind not in self.shows_trashed:
            self.wanted.probes.add(kind)
            return "unknown"
        if not self.shows_trashed[kind]:
            return "there"
        trash = self.trash[kind]
        if key in self.recent or not (trash.whole or trash.unlisted or id in trash.records):
            self.wanted.trash.add(key)
            return "unknown"
        if id in trash.records:
            return "gone"
        if trash.whole:
            return "there"
        if kind not in self.listed and kind not in self.unlistable:
            self.wanted.search(kind)
            return "unknown"
        return "unsure"

    def is_searched(self, kind: str, accounts: Iterable[str], *, found: bool) -> bool:
        """Whether all that may match was seen; asks for it where not.

        `accounts`: those that whatever matches is linked to. Their mirrors show it, and are asked first; but they are
        not enough where nothing was `found` in them (rule I9).
        """
        if kind in self.listed or kind in self.unlistable:
            return kind in self.listed
        accounts = set(accounts) if kind in kind_of("account").mirrors else set()
        if accounts and all((kind, account) in self.mirrored for account in accounts):
            if found:
                return True
            accounts = set()
        self.wanted.search(kind, accounts)
        return False

    def content(self, kind: str, id: str) -> str | None:
        """The sha256 of what a file holds; asks for it where it is not known, unless that failed (`unreadable`)."""
        if (kind, id) not in self.contents and (kind, id) not in self.unreadable:
            self.wanted.contents.add((kind, id))
        return self.contents.get((kind, id))

    def members(self, list_id: str, kind: str) -> frozenset[str] | None:
        """Who is in a list, of records of one kind; asks for it where it was not read."""
        if list_id not in self.memberships:
            self.wanted.memberships.add((list_id, kind))
        return self.memberships.get(list_id)

    def doubt_members(self, list_id: str, kind: str) -> None:
        """The index shows others than we left: it is asked again, where we wrote the list lately (rule R2)."""
        if list_id in self.late_lists and list_id not in self.unsettled:
            self.wanted.memberships.add((list_id, kind))

    # ------------------------------------------------------------ the trash

    def trashed(self, kind: str, id: str) -> Record | None:
        """The record as the trash holds it, None where it does not, or where nobody knows; asks for what is not known.

        To be asked of what is gone.
        """
        trash = self.trash.get(kind)
        if trash is not None and (id in trash.records or trash.unlisted):
            return trash.records.get(id)
        if trash is None or not trash.whole or (kind, id) in self.recent:
            self.wanted.trash.add((kind, id))
        return None

    def fate(self, kind: str, id: str) -> str:
        """What is known of a record that is not there, for people; a glance at the newest trash is enough."""
        key = (kind, id)
        if key in self.forbidden:
            return f"it can't be read: {self.forbidden[key]}"
        known = self.records.get(kind, {}).get(id)
        if known is not None and is_unfinished(known):
            return f"its upload is {known.fields.get('status')}"
        if not kind_of(kind).deletable:
            return "there is none of this id, or it is hidden from this key"
        trash = self.trash.get(kind)
        if trash is None:
            self.wanted.glances.add(kind)
            return "it was trashed, merged into another record, or is hidden from this key"
        if id in trash.records:
            called = title(trash.records[id])
            return (
                f"it is in the trash, as {json.dumps(called, ensure_ascii=False)}" if called else "it is in the trash"
            )
        if trash.whole and key not in self.recent:
            reasons = "".join(f" ({why})" for why in kind_of(kind).vanishing.values())
            return (
                "it is not in the trash, so it was merged into another record, is hidden from this key, or never was"
                + reasons
            )
        if not kind_of(kind).trash:
            return "it was merged into another record, is hidden from this key, or is in the trash, which no list shows"
        unlisted = f" (the trash: {trash.unlisted})" if trash.unlisted else ""
        return f"it was trashed, merged into another record, or is hidden from this key{unlisted}"

    def fate_quotes(self, kind: str, id: str) -> tuple[Quoted, ...]:
        """What `fate` quotes of a record (rule G2)."""
        trash = self.trash.get(kind)
        return title_quotes(trash.records.get(id)) if trash is not None else ()


def is_unfinished(record: Record) -> bool:
    """Whether a record is an upload that is not completed."""
    return kind_of(record.kind).uploaded and record.fields.get("status") != "COMPLETED"


def title(record: Record) -> str:
    """What a person calls a record: its name or title; empty where it has neither."""
    return _titled(record)[1]


def _titled(record: Record) -> tuple[str, str]:
    """The key that holds what a person calls a record, and what that is."""
    for key in TITLE_KEYS:
        value = record.fields.get(key)
        if isinstance(value, dict):
            return key, " ".join(str(value[part]) for part in ("firstName", "lastName") if value.get(part))
        if isinstance(value, str) and value:
            return key, value
    return TITLE_KEYS[0], ""


def title_quotes(*records: Record | None, bare: bool = False) -> tuple[Quoted, ...]:
    """What `named` quotes of these records (rule G2). `bare`: what a message without quotes around it does."""
    found = ((record.kind, *_titled(record)) for record in records if record is not None)
    return tuple(Quoted(kind, key, called if bare else quotable(called)) for kind, key, called in found if called)


def quotable(text: str) -> str:
    """A text as it stands between the quotes of a message."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def named(record: Record) -> str:
    """A record for a message: id, name and link."""
    parts = (record.id, json.dumps(title(record), ensure_ascii=False), record.link)
    return " ".join(filter(None, parts))
