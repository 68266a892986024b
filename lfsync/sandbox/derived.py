"""The links of meetings that follow from their attendees (API sheet, 4.6 and 7).

A meeting's `$contact` are the contacts with an attendee's e-mail, its `$account` the accounts of these, its
`$opportunity` the opportunities of those. They are kept as links like all others, so that they show on both sides and
trail writes in the index; whatever a write touches is derived anew before anything is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lfsync.model import JSON
from lfsync.sandbox.store import Link, Row, Store

CONTACT, ACCOUNT, OPPORTUNITY = "meeting.$contact", "meeting.$account", "meeting.$opportunity"


def settle(store: Store, since: int | None = None) -> None:
    """Derives anew what follows from the writes of this transaction."""
    touched = store.take_touched()
    if not touched or not store.any_of("meeting"):
        return
    rows = [row for row in map(store.get, touched) if row]
    for id in dict.fromkeys(id for row in rows for id in _meetings(store, row)):
        meeting = store.get(id)
        if meeting:
            _derive(store, meeting, since)
    store.take_touched()


def _meetings(store: Store, row: Row) -> Iterator[str]:
    """The meetings whose links a change of this record may change."""
    if row.kind == "meeting":
        yield row.id
    elif row.kind == "contact":
        yield from store.linked(CONTACT, row.id, source=False)
        for email in addresses(row.fields.get("$email")):
            yield from store.with_term("meeting", "$attendeeEmails", email)
    elif row.kind == "opportunity":
        yield from store.linked(OPPORTUNITY, row.id, source=False)
        for account in store.linked("opportunity.$account", row.id, source=True):
            yield from store.linked(ACCOUNT, account, source=False)


def _derive(store: Store, meeting: Row, since: int | None) -> None:
    contacts = _contacts(store, meeting)
    accounts = _far(store, "account.$contact", contacts)
    opportunities = _far(store, "opportunity.$account", accounts)
    for edge, wanted in ((CONTACT, contacts), (ACCOUNT, accounts), (OPPORTUNITY, opportunities)):
        here = store.linked(edge, meeting.id, source=True)
        for other in here:
            if other not in wanted:
                store.unlink(Link(edge, meeting.id, other))
        for other in wanted:
            if other not in here:
                store.link(edge, meeting.id, other, since)


def _contacts(store: Store, meeting: Row) -> list[str]:
    """Live contacts with an attendee's e-mail; one that was linked before it was trashed stays so.

    A contact that was merged away stands for the one that it went into.
    """
    before = store.linked(CONTACT, meeting.id, source=True)
    found: dict[str, None] = {}
    for email in addresses(meeting.fields.get("$attendeeEmails")):
        for row in _with_email(store, email):
            kept = row.id if not row.trashed or row.id in before else _merged_into(store, row.id)
            if kept:
                found[kept] = None
    return list(found)


def _merged_into(store: Store, id: str) -> str | None:
    sql = "SELECT json_extract(body, '$.primaryId') FROM merges WHERE json_extract(body, '$.duplicateId') = ?"
    found = store.execute(sql, id).fetchone()
    return str(found[0]) if found else None


def _with_email(store: Store, email: str) -> list[Row]:
    """The contacts that hold this e-mail, oldest first; a term may name ones that once did."""
    rows = [row for id in store.with_term("contact", "$email", email) if (row := store.get(id))]
    holding = [row for row in rows if email in addresses(row.fields.get("$email"))]
    return sorted(holding, key=lambda row: (row.created, row.seq))


def live_contact(store: Store, email: str) -> bool:
    """Whether a live contact holds this e-mail."""
    return any(not row.trashed for row in _with_email(store, email.casefold()))


def _far(store: Store, edge: str, ids: Iterable[str]) -> list[str]:
    """The sources of an edge to these records: both edges that are walked here point at what came before."""
    return list(dict.fromkeys(other for id in ids for other in store.linked(edge, id, source=False)))


def addresses(value: JSON) -> list[str]:
    """The e-mail addresses of a field, without case."""
    items = value if isinstance(value, list) else [] if value is None else [value]
    return [str(item).casefold() for item in items]
