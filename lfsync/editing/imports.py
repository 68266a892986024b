"""Live records as resources of a project: keys, refs, values, as a person would write them (rule V1). Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from lfsync.editing.repasting import data_of
from lfsync.editing.splices import CantEditError
from lfsync.editing.yaml_text import entry
from lfsync.kinds import OBJECT, Kind, is_kind, kind_of, member_kind
from lfsync.knowledge.finder import MASKABLE, Finder
from lfsync.knowledge.knowledge import Knowledge, title
from lfsync.model import (
    JSON,
    Address,
    Definitions,
    FieldDef,
    Links,
    Member,
    Place,
    Query,
    Record,
    RelDef,
    Resource,
    Schema,
    Target,
    Term,
)
from lfsync.project.documents import MAX_TEXT
from lfsync.project.keys import as_key, key_problem
from lfsync.values.pasted import pasted
from lfsync.values.pipelines import NEVER_SENT, live_value
from lfsync.values.table import VALUE_TYPES, BadValueError, is_empty, match_keys
from lfsync.wording import folded
from lfsync.yaml_scalars import in_flow, scalar

MembersMode: TypeAlias = Literal["exact", "include", "none"]

_LONGEST_KEY: Final = 50  # characters; a name may have thousands
_LINES_INLINE: Final = 3  # a longer text gets a file of its own
_ENDINGS: Final = {"MARKDOWN": ".md", "TEXT": ".txt"}  # of such files, by the value type
_TITLES: Final = ("name", "title")
_NOWHERE: Final = Place("", 0)


@dataclass(frozen=True, slots=True)
class Imported:
    """A record as a resource. `yaml`: its lines, from column 0. `texts`: contents of files of its own, by name.

    `left`: what of it no file can say, and why.
    """

    address: Address
    record: Record
    yaml: str
    texts: Mapping[str, str] = field(default_factory=dict)
    left: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """What the command line asks for. `fields`: fields and relationships, none for all that are set.

    `texts`: the folder that long texts go to, below the project's.
    """

    fields: frozenset[str] = frozenset()
    members: MembersMode = "include"
    texts: str = ""
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class World:
    """What is known of project and workspace. `addresses`: of the records that are managed.

    `defaults`: what `lfsync.yaml` says of all resources of a kind. `taken`: addresses that are in use.
    `names`: whether a file name is, for a text. `contents`: the files that hold what was downloaded, by id.
    `unnamed`: kinds whose imported records are named by id, since what gives them their keys is not in place yet.
    `claimed`: records, as (kind, id), that the match of a declared resource describes though that one is bound to
    another: only an `id:` tells the two apart (rule C10).
    """

    schema: Schema
    knowledge: Knowledge
    addresses: Mapping[tuple[str, str], Address]
    defaults: Mapping[str, Resource]
    taken: Collection[Address]
    names: Callable[[str, str], bool]
    contents: Mapping[str, str] = field(default_factory=dict)
    claimed: Collection[tuple[str, str]] = ()
    unnamed: Collection[str] = ()


def import_records(records: Mapping[str, Sequence[Record]], world: World, ask: Ask) -> list[Imported]:
    """`records`: by kind, those to be imported. Oldest first, so that the same ones get the same keys on every run."""
    chosen = {kind: sorted(each, key=lambda record: (record.created_at, record.id)) for kind, each in records.items()}
    keys = _keys(chosen, world)
    writer = _Writer(world, ask, keys, _mirrored(chosen, world.schema))
    return [writer.imported(record) for each in chosen.values() for record in each]


def targets_first(named: Mapping[str, Collection[str]]) -> list[str]:
    """Files in an order in which none names what is still to come, as far as there is one. `named`: by each of them."""
    found: dict[str, None] = {}

    def add(name: str, above: frozenset[str]) -> None:
        for other in sorted({*named[name]} - above - found.keys()):
            add(other, above | {other})
        found[name] = None

    for name in named:
        if name not in found:
            add(name, frozenset({name}))
    return list(found)


# ---------------------------------------------------------------- keys


def match_field(kind: Kind, definitions: Definitions, record: Record) -> FieldDef | None:
    """The field by which a record is found and called: of its kind's match, or what a custom object is called by."""
    firsts = [keys[0] for keys in kind.matches] or [*_TITLES, *(f"${name}" for name in _TITLES)]
    texts = [key for key, known in definitions.fields.items() if known.type == "TEXT" and not known.read_only]
    for key in [*firsts, *([] if kind.matches else texts)]:
        known = definitions.fields.get(key)
        if known is not None and match_keys(_canonical(record, known, definitions)):
            return known
    return None


def slug(text: str) -> str:
    """A name as a key: in NFC, lower case, short; empty where nothing of it can stand in one."""
    key = as_key(text.lower())[:_LONGEST_KEY].strip("-._@+")
    while key and key_problem(key):
        key = key[1:]
    return key


def _keys(chosen: Mapping[str, Sequence[Record]], world: World) -> dict[tuple[str, str], Address]:
    taken = set(world.taken)
    found: dict[tuple[str, str], Address] = {}
    numbers: dict[tuple[str, str], int] = {}
    for kind, records in chosen.items():
        for record in records:
            called = _called(record, kind_of(kind), world.schema.kinds[kind])
            if kind_of(kind).uploaded:
                called = called.rpartition(".")[0] or called
            stem = slug(called) or record.id
            number = numbers.get((kind, stem), 1)
            address = Address(kind, stem if number == 1 else f"{stem}-{number}")
            while address in taken:
                number += 1
                address = Address(kind, f"{stem}-{number}")
            numbers[kind, stem] = number + 1
            taken.add(address)
            found[kind, record.id] = address
    return found


def _called(record: Record, kind: Kind, definitions: Definitions) -> str:
    known = match_field(kind, definitions, record)
    if known is None:
        return title(record)
    text = VALUE_TYPES[known.type].text(live_value(record, known, definitions), known)
    return str(text[0]) if isinstance(text, list) else str(text or "")


def _canonical(record: Record, known: FieldDef, definitions: Definitions) -> JSON:
    return VALUE_TYPES[known.type].canonical(live_value(record, known, definitions), known)


# ---------------------------------------------------------------- both sides of a custom relationship


def _mirrored(chosen: Mapping[str, Sequence[Record]], schema: Schema) -> set[tuple[str, str]]:
    """(kind, key) of custom relationships that another kind shows, too, and better: one of its records links one."""
    pairs = {
        (kind, key): {(record.id, id) for record in records for id in record.links.get(key, ())}
        for kind, records in chosen.items()
        for key in schema.kinds[kind].relationships
        if not key.startswith("$")
    }
    hidden: set[tuple[str, str]] = set()
    for (kind, key), links in pairs.items():
        rel = schema.kinds[kind].relationships[key]
        for (other, back), theirs in pairs.items():
            far = schema.kinds[other].relationships[back]
            if other != rel.target or far.target != kind or (kind, key) == (other, back) or not links:
                continue
            if {(b, a) for a, b in theirs} == links and (other, back) not in hidden and rel.many >= far.many:
                hidden.add((kind, key))
                break
    return hidden


# ---------------------------------------------------------------- one record


class _Writer:
    def __init__(
        self, world: World, ask: Ask, keys: Mapping[tuple[str, str], Address], hidden: Collection[tuple[str, str]]
    ) -> None:
        self.world = world
        self.ask = ask
        self.keys = keys
        self.hidden = hidden
        self.members: dict[str, Member] = {member.id: member for member in world.schema.members}
        mails = [folded(member.email) for member in world.schema.members]
        self.mails = {mail for mail in mails if mail and mails.count(mail) == 1}
        knowledge = world.knowledge
        self.finder = Finder(world.schema, {kind: knowledge.of_kind(kind) for kind in world.schema.kinds})

    def imported(self, record: Record) -> Imported:
        kind, definitions = kind_of(record.kind), self.world.schema.kinds[record.kind]
        address = self.keys[record.kind, record.id]
        if kind.uploaded:
            body: dict[str, JSON] = {"path": self.world.contents[record.id], "mimeType": record.fields.get("mimeType")}
            lines = [f"{scalar(address.key)}:", *(line for key, data in body.items() for line in _lines(key, data, 2))]
            return Imported(address, record, "\n".join(lines))
        left: list[tuple[str, str]] = []
        texts: dict[str, str] = {}
        fields = dict(self._fields(record, kind, definitions, address, texts, left))
        links = dict(self._links(record, kind, definitions, left))
        lines = [f"{scalar(address.key)}:", *self._identity(record, kind, definitions, {*fields, *links})]
        if fields:
            lines += ["  fields:", *(line for key, data in fields.items() for line in _lines(key, data, 4))]
        if links:
            lines += [
                "  relationships:",
                *(line for key, refs in links.items() for line in self._relationship(key, refs)),
            ]
        lines += self._members(record, left)
        if len(lines) == 1:
            lines = [f"{lines[0]} {{}}"]
        return Imported(address, record, "\n".join(lines), texts, tuple(left))

    # ------------------------------------------------------------ identity

    def _identity(self, record: Record, kind: Kind, definitions: Definitions, said: Collection[str]) -> Iterator[str]:
        """`match` or `id`, where the kind's own match would not find this record and no other."""
        known = match_field(kind, definitions, record)
        query = self._query(record, kind, definitions, known)
        keys = [term.key for term in query.terms if not term.empty] if query else []
        if query is None or known is None or not self._is_said(record, known) or not self._is_only(query, record):
            yield f"  id: {scalar(record.id)}"
        elif not kind.matches:
            yield f"  match: [{scalar(known.key, flow=True)}]" if known.key in said else self._matched(record, known)
        elif any(key not in said for key in keys):
            yield self._matched(record, known) if len(query.terms) == 1 else f"  id: {scalar(record.id)}"

    def _matched(self, record: Record, known: FieldDef) -> str:
        data = pasted(live_value(record, known, self.world.schema.kinds[record.kind]), known)
        return _lines("match", {known.key: data}, 2)[0]

    def _is_said(self, record: Record, known: FieldDef) -> bool:
        """Whether a file can say the value that a record is found by, and this key is shown it."""
        try:
            return not record.redacted and data_of(known, record.fields.get(known.key), None) is not None
        except CantEditError:
            return False

    def _query(self, record: Record, kind: Kind, definitions: Definitions, known: FieldDef | None) -> Query | None:
        """What the kind's default match would look for, if all of the record was declared."""
        if known is None:
            return None
        keys = next((keys for keys in kind.matches if keys[0] == known.key), (known.key,))
        return Query(record.kind, _NOWHERE, tuple(self._term(record, key, definitions) for key in keys))

    def _term(self, record: Record, key: str, definitions: Definitions) -> Term:
        known, rel = definitions.fields.get(key), definitions.relationships.get(key)
        if known is not None:
            value = live_value(record, known, definitions)
            return Term(key, field=known, sent=value, empty=not match_keys(_canonical(record, known, definitions)))
        linked = record.links.get(key, ())
        targets = tuple(Target(_NOWHERE, id, id=id) for id in linked)
        return Term(key, rel=rel, targets=targets, empty=not targets)

    def _is_only(self, query: Query, record: Record) -> bool:
        if (record.kind, record.id) in self.world.claimed:
            return False
        targets = {term.key: {str(target.id) for target in term.targets} for term in query.terms if term.rel}
        return [hit.id for hit in self.finder.find(query, targets)] == [record.id]

    # ------------------------------------------------------------ fields

    def _fields(
        self,
        record: Record,
        kind: Kind,
        definitions: Definitions,
        address: Address,
        texts: dict[str, str],
        left: list[tuple[str, str]],
    ) -> Iterator[tuple[str, JSON]]:
        default = self.world.defaults.get(record.kind)
        for key in _ordered(kind.fields, definitions.fields):
            known = definitions.fields[key]
            value = live_value(record, known, definitions)
            given = default.fields.get(key) if default else None
            if known.read_only or known.type == "HTML" or key in NEVER_SENT or _is_hidden(record, known):
                continue
            if given is None and key in kind.generated and key not in self.ask.fields:
                continue
            if given is not None:
                if not _is_given(given.data, value, known):
                    yield key, self._said(known, value, address, texts, left)
            elif not is_empty(value) and (self._is_asked(key) or key in kind.decides):
                said = self._said(known, value, address, texts, left)
                if said is not None:
                    yield key, said

    def _is_asked(self, key: str) -> bool:
        return not self.ask.fields or key in self.ask.fields

    def _said(
        self, known: FieldDef, value: JSON, address: Address, texts: dict[str, str], left: list[tuple[str, str]]
    ) -> JSON:
        try:
            data = data_of(known, value, None)
        except CantEditError as error:
            left.append((known.key, error.reason))
            return None
        if not isinstance(data, str) or known.type not in _ENDINGS or data.count("\n", 0, -1) < _LINES_INLINE:
            return data
        text = f"{data}\n" if known.type == "MARKDOWN" else data  # whose line ends at the end are no part of it
        if not _is_file_text(text):
            return data
        name = self._text_name(known, address, text)
        texts[name] = text
        return {"file": name}

    def _text_name(self, known: FieldDef, address: Address, text: str) -> str:
        folder = kind_of(address.kind).section if not address.kind.startswith(OBJECT) else address.kind
        stem = f"{self.ask.texts}{folder}/{address.key}.{known.key.lstrip('$')}"
        name, number = f"{stem}{_ENDINGS[known.type]}", 1
        while self.world.names(name, text):
            number += 1
            name = f"{stem}-{number}{_ENDINGS[known.type]}"
        return name

    # ------------------------------------------------------------ links

    def _links(
        self, record: Record, kind: Kind, definitions: Definitions, left: list[tuple[str, str]]
    ) -> Iterator[tuple[str, _Refs]]:
        """An exact set; where a file can't name all that is linked, only those that it can are managed."""
        default = self.world.defaults.get(record.kind)
        for key in _ordered(kind.relationships, definitions.relationships):
            rel = definitions.relationships[key]
            knowledge = self.world.knowledge
            linked = [id for id in record.links.get(key, ()) if not knowledge.is_gone(rel.target, id)]
            hidden = {id: reason for id in linked if (reason := self._unnamed(rel.target, id))}
            shown = [id for id in linked if id not in hidden]
            given = default.relationships.get(key) if default else None
            if not rel.writable or (record.kind, key) in self.hidden:
                continue
            if given is None and not (linked and self._is_asked(key)):
                continue
            if given is None and not self.ask.fields and _is_others(kind, key):
                continue
            left += [(key, reason) for reason in dict.fromkeys(hidden.values())]
            refs = _Refs([self._ref(rel.target, id) for id in shown], rel.many, partial=bool(hidden))
            if (refs.refs or not refs.partial) and not (given and self._is_default(given, rel, linked)):
                yield key, refs

    def _unnamed(self, kind: str, id: str) -> str:
        """Why no file can name what is linked; empty where one can."""
        if kind == "member" and id not in self.members:
            return f"member {id} is not active, and can't be named" if self.members else _unreadable("member")
        if is_kind(kind) and kind not in self.world.schema.kinds:
            return _unreadable(kind)
        if (kind, id) in self.world.knowledge.forbidden:
            return f"this key may not see {id}"
        is_read = is_kind(kind) and self.world.knowledge.record(kind, id) is not None
        unsure = is_read and not self._key(kind, id) and self.world.knowledge.presence(kind, id) == "unsure"
        return f"no list shows {id}, so that it may be in the trash" if unsure else ""

    def _is_default(self, given: Links, rel: RelDef, linked: Sequence[str]) -> bool:
        if given.form == "partial":
            return False
        named = {ref.text for ref in given.include}
        own = {id: {text for text in (id, self._mail(id), self._key(rel.target, id)) if text} for id in linked}
        return len(named) == len(linked) and all(named & texts for texts in own.values())

    def _mail(self, id: str) -> str:
        member = self.members.get(id)
        return member.email if member and folded(member.email) in self.mails else ""

    def _key(self, kind: str, id: str) -> str:
        address = self.world.addresses.get((kind, id))
        if address is None and kind not in self.world.unnamed:
            address = self.keys.get((kind, id))
        return address.key if address else ""

    def _ref(self, kind: str, id: str) -> _Ref:
        """A member by e-mail, what is managed by its key, what else can be told apart by a match; else the id."""
        if kind == "member":
            return _Ref(self._mail(id) or id)
        if key := self._key(kind, id):
            return _Ref(key)
        if (kind, id) in self.keys:
            return _Ref(id)
        record = self.world.knowledge.record(kind, id)
        if record is None or kind not in self.world.schema.kinds:
            return _Ref(id)
        if kind_of(kind).uploaded:
            return _Ref(id, title(record))
        known = match_field(kind_of(kind), self.world.schema.kinds[kind], record)
        if known is not None and self._is_said(record, known) and self._finds(record, known):
            return _Ref({"match": {known.key: pasted(record.fields.get(known.key), known)}})
        return _Ref(id, title(record))

    def _finds(self, record: Record, known: FieldDef) -> bool:
        """Whether one value alone finds a record, and it was listed that there is no other."""
        query = Query(record.kind, _NOWHERE, (Term(known.key, field=known, sent=record.fields.get(known.key)),))
        return record.kind in self.world.knowledge.listed and self._is_only(query, record)

    def _relationship(self, key: str, refs: _Refs) -> Iterator[str]:
        if not refs.many:
            one = refs.refs[0] if refs.refs else _Ref(None)
            yield from _lines(key, one.data, 4, one.comment)
        elif refs.partial:
            yield from _lines(key, {"include": [ref.data for ref in refs.refs]}, 4)
        elif any(ref.comment for ref in refs.refs):
            yield f"    {scalar(key)}:"
            yield from (f"      - {_flow(ref.data)}{_comment(ref.comment)}" for ref in refs.refs)
        else:
            yield from _lines(key, [ref.data for ref in refs.refs], 4)

    def _members(self, record: Record, left: list[tuple[str, str]]) -> Iterator[str]:
        ids = self.world.knowledge.memberships.get(record.id)
        kind = member_kind(record.fields.get("$objectType"))
        if record.kind != "list" or kind is None or self.ask.members == "none" or not self._is_asked("members"):
            return
        if ids is None:
            left.append(("members", _unreadable(kind)))
            return
        refs = [self._ref(kind, id) for id in sorted(ids) if not self.world.knowledge.is_gone(kind, id)]
        refs.sort(key=lambda ref: str(ref.data))
        exact = self.ask.members == "exact"
        if not refs:
            yield from ["  members: []"] if exact else []
            return
        yield from ["  members:"] if exact else ["  members:", "    include:"]
        indent = " " * (4 if exact else 6)
        yield from (f"{indent}- {_flow(ref.data)}{_comment(ref.comment)}" for ref in refs)


@dataclass(frozen=True, slots=True)
class _Ref:
    """A ref as a file has it, and the name of the record for who can't read ids."""

    data: JSON
    comment: str = ""


@dataclass(frozen=True, slots=True)
class _Refs:
    refs: list[_Ref]
    many: bool
    partial: bool = False


def _is_others(kind: Kind, key: str) -> bool:
    """Whether nobody asked for a link here: the other side says it, or Lightfield set it when the record was made."""
    created_by = key in kind.create_only and key not in kind.required
    return created_by or (key in kind.inverse and kind.name != "contact")


def _is_file_text(text: str) -> bool:
    """Whether a file, read, is this text again: it has one form of line ends, and a mark at its start is no text."""
    return "\r\n" not in text and not text.startswith("\ufeff") and len(text.encode()) <= MAX_TEXT


def _unreadable(kind: str) -> str:
    return f"this key may not read {kind}"


def _is_hidden(record: Record, known: FieldDef) -> bool:
    """Whether a field may hold something else than this key is shown."""
    return record.redacted and known.type in MASKABLE


def _is_given(default: JSON, value: JSON, known: FieldDef) -> bool:
    """Whether a default says the live value already."""
    row = VALUE_TYPES[known.type]
    try:
        return row.canonical(row.parse(default, known), known, default) == row.canonical(value, known, default)
    except BadValueError:
        return False


def _ordered(documented: Iterable[str], known: Mapping[str, object]) -> list[str]:
    """System keys first, as they are documented; then as the definitions have them."""
    return [*(key for key in documented if key in known), *(key for key in known if key not in documented)]


def _lines(key: str, data: JSON, indent: int, comment: str = "") -> list[str]:
    lines = entry(key, data, indent).removesuffix("\n").split("\n")
    return [*lines[:-1], lines[-1] + _comment(comment)]


def _flow(data: JSON) -> str:
    return in_flow(data) if isinstance(data, dict | list) else scalar(data)


def _comment(text: str) -> str:
    """A record's name behind its id, on the line."""
    shown = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return f"  # {shown[:80]}" if shown else ""
