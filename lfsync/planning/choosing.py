"""Which live records an import takes, and what must be read beside them (design.md, section 13; rule V1). I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lfsync.api.client import Token
from lfsync.errors import UsageError
from lfsync.kinds import KINDS, OBJECT, id_kind, is_kind, kind_of, member_kind
from lfsync.knowledge.finder import Finder
from lfsync.knowledge.knowledge import Wanted, is_unfinished, named
from lfsync.model import JSON, Address, Cell, FieldDef, Place, Query, Record, Schema, Target, Value
from lfsync.planning.live_schema import may_read
from lfsync.planning.planned import Planned
from lfsync.planning.preparation import Scope
from lfsync.planning.refs import query_of
from lfsync.planning.session import Session
from lfsync.project.documents import parse
from lfsync.wording import did_you_mean, nfc

_WHERE = Place("--where", 0)
_DIVIDED = ("ADDRESS", "FULL_NAME")
_ANY_OBJECT = f"{OBJECT}any"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which records are asked for. `limit`: of each kind; `download`: files too, with their content."""

    kinds: tuple[str, ...] = ()
    everything: bool = False
    ids: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    limit: int | None = None
    download: bool = False


async def kinds_of(session: Session, choice: Choice) -> tuple[list[str], list[str]]:
    """The kinds to look at; of all kinds, those that the key may read, and what it may not."""
    if choice.kinds:
        return list(dict.fromkeys(choice.kinds)), []
    if not choice.everything and all(id_kind(id) for id in choice.ids):
        return sorted({str(id_kind(id)) for id in choice.ids if is_kind(str(id_kind(id)))}), []
    token = await session.token()
    known = [*KINDS, *(f"{OBJECT}{slug}" for slug in await _object_types(session, token))]
    readable = [kind for kind in known if may_read(token, kind) and (choice.download or not kind_of(kind).uploaded)]
    hidden = [kind for kind in known if not may_read(token, kind)]
    hidden += [] if may_read(token, _ANY_OBJECT) else ["custom objects"]
    warnings = [f"this key may not read {', '.join(hidden)}: nothing of it is imported"] if hidden else []
    return readable, warnings


async def unmentioned(session: Session, planned: Planned) -> list[str]:
    """Of all kinds, what is imported with its content only is left out: that is said where there is any."""
    notes = []
    for kind in (kind for kind in KINDS.values() if kind.uploaded and kind.name in planned.schema.kinds):
        page = await session.client.page(kind)
        managed = {binding.id for binding in session.state.bindings.values()}
        if any(not is_unfinished(record) and record.id not in managed for record in page.records):
            how = "left out, and referred to by id: --download imports them with their content"
            notes.append(f"{kind.section} are {how}")
    return notes


def refuse_unknown(schema: Schema, kinds: Sequence[str], keys: Iterable[str]) -> None:
    """A key of `--field` that no kind has, or none that can be written: it would quietly import less than was meant."""
    known = {"members": True} if "list" in kinds else {}
    for kind in kinds:
        definitions = schema.kinds[kind]
        for each in definitions.fields.values():
            known[each.key] = known.get(each.key, False) or not each.read_only
        for rel in definitions.relationships.values():
            known[rel.key] = known.get(rel.key, False) or rel.writable
    writable = [key for key, is_writable in known.items() if is_writable]
    for key in map(nfc, keys):
        if key not in writable:
            who = f"{kinds[0]} has no" if len(kinds) == 1 else f"none of {', '.join(kinds)} has a"
            said = f"`{key}` can't be written" if key in known else f"{who} field or relationship `{key}`"
            raise UsageError(f"--field: {said}", hint=did_you_mean(key, writable))


async def _object_types(session: Session, token: Token) -> tuple[str, ...]:
    return await session.client.object_types() if may_read(token, _ANY_OBJECT) else ()


async def chosen(session: Session, planned: Planned, kinds: Sequence[str], choice: Choice) -> dict[str, list[Record]]:
    """What is live, asked for, and not managed yet."""
    managed = {(address.kind, id) for address, id in planned.draft.resolution.ids.items()}
    managed |= {(b.address.kind, b.id) for b in session.state.bindings.values()}
    found: dict[str, list[Record]] = {}
    for kind in kinds:
        query = _query(session, planned, kind, choice.where)
        hits = _matching(planned, kind, query) if choice.where else planned.knowledge.of_kind(kind)
        each = [r for r in hits if (kind, r.id) not in managed and (not choice.ids or r.id in choice.ids)]
        each = [record for record in each if not is_unfinished(record)]
        each.sort(key=lambda record: (record.created_at, record.id))
        found[kind] = each[: choice.limit]
    known = {record.id for records in found.values() for record in records} | {id for _, id in managed}
    for id in choice.ids:
        if id not in known:
            is_live = any(planned.knowledge.record(kind, id) for kind in kinds)
            why = (
                "its record does not match --where" if is_live else f"no live record of {', '.join(kinds)} has this id"
            )
            raise UsageError(f"--id {id}: {why}")
    return found


def _query(session: Session, planned: Planned, kind: str, where: Sequence[str]) -> Query | None:
    """`--where` as a match; it may be of no use for this kind where several kinds are imported."""
    if not where:
        return None
    scope = Scope(session.project.resources, planned.schema, complete=True)
    values = {}
    for text in where:
        key, _, value = text.partition("=")
        key = nfc(key.strip())
        known = planned.schema.kinds[kind].fields.get(key)
        values[key] = Value(_data(nfc(value), known), _WHERE)
    query = query_of(scope, kind, values, _WHERE, Address(kind, "*"))
    if scope.problems:
        problem = scope.problems[0]
        raise UsageError(f"--where: {problem.message}", hint=problem.hint)
    return query


def _data(value: str, known: FieldDef | None) -> JSON:
    """A cell; of what is divided into parts, the mapping that is written so."""
    if known is not None and known.type in _DIVIDED and value.lstrip().startswith("{"):
        return parse(value, _WHERE.file).data
    return Cell(_plain(value))


def _plain(value: str) -> str:
    """The key of an address of this project: a ref names the key alone."""
    try:
        address = Address.parse(value)
    except ValueError:
        return value
    return address.key if is_kind(address.kind) else value


def _matching(planned: Planned, kind: str, query: Query | None) -> list[Record]:
    if query is None:
        return []
    targets = {}
    for term in query.terms:
        if term.rel is not None:
            targets[term.key] = {id for target in term.targets if (id := _id(planned, target))}
    return Finder(planned.schema, {kind: planned.knowledge.of_kind(kind)}).find(query, targets)


def _id(planned: Planned, target: Target) -> str | None:
    if target.address is not None:
        return planned.draft.resolution.ids.get(target.address)
    if target.query is not None:
        raise UsageError("--where takes keys, e-mails and ids for what a record is linked to, no match")
    return target.id


def described(
    planned: Planned, records: Mapping[str, Sequence[Record]], *, bound: bool
) -> dict[tuple[str, str], Address]:
    """Of what is to be imported, the records that a declared resource's match describes. `bound`: to another record."""
    finder = Finder(planned.schema, records)
    found: dict[tuple[str, str], Address] = {}
    for address, wish in planned.desired.items():
        is_asked = (address in planned.state.bindings) == bound and wish.id is None and records.get(address.kind)
        for query in wish.queries if is_asked else ():
            linked = [term for term in query.terms if term.rel is not None]
            targets = {term.key: {id for each in term.targets if (id := _meant(planned, each))} for term in linked}
            found |= {(hit.kind, hit.id): address for hit in finder.find(query, targets)}
    return found


def uncontested(planned: Planned, records: dict[str, list[Record]]) -> list[tuple[str, str | None, str]]:
    """Take out, and name, what a declared resource can't choose from.

    With an `id:` elsewhere, none would be left for its match to hit, and the next plan would create one more.
    """
    contested = described(planned, records, bound=False)
    left: list[tuple[str, str | None, str]] = []
    for kind, each in records.items():
        records[kind] = [record for record in each if (kind, record.id) not in contested]
        for record in each:
            if address := contested.get((kind, record.id)):
                why = f"the match of {address} hits it, and others: name the right one there by `id:`"
                left.append((named(record), None, why))
    return left


def _meant(planned: Planned, target: Target) -> str | None:
    resolution = planned.draft.resolution
    if target.query is not None:
        return resolution.queries.get(id(target.query))
    return resolution.ids.get(target.address) if target.address is not None else target.id


async def read_members(planned: Planned, records: Mapping[str, Sequence[Record]]) -> None:
    held = {(record.id, str(member_kind(record.fields.get("$objectType")))) for record in records.get("list", ())}
    await planned.reader.read(Wanted(memberships={(id, kind) for id, kind in held if kind in planned.schema.kinds}))


async def read_targets(planned: Planned, records: Mapping[str, Sequence[Record]]) -> None:
    """All of what is linked and not known: whether a match hits it, and nothing else, only a whole list tells.

    What no list shows is read by id, so that it is known what is gone, or can't be seen, before a file names it.
    """
    knowledge, schema = planned.knowledge, planned.schema
    linked = {
        (rel.target, id)
        for each in records.values()
        for record in each
        for key, ids in record.links.items()
        if (rel := schema.kinds[record.kind].relationships.get(key)) and rel.writable
        for id in ids
    }
    for record in records.get("list", ()):
        kind = member_kind(record.fields.get("$objectType"))
        linked |= {(kind, id) for id in knowledge.memberships.get(record.id, ()) if kind}
    known = {(kind, id) for kind, id in linked if is_kind(kind) and kind in schema.kinds}
    managed = {(address.kind, id) for address, id in planned.draft.resolution.ids.items()}
    searched = {kind for kind, _ in known - managed if not kind_of(kind).uploaded} - knowledge.listed.keys()
    await planned.reader.read(Wanted(searches={kind: set() for kind in searched}))
    unlisted = [each for each in sorted(known) if knowledge.record(*each) is None]
    while True:
        for each in unlisted:
            knowledge.presence(*each)
        wanted = knowledge.ask_anew()
        if not wanted:
            return
        await planned.reader.read(wanted)
