"""What the promises say of one run: design.md sections 1, 4, 6 to 8, 10, and the rules. Knows no code of lfsync. Pure.

It knows what the files declare, what the database held at every moment, who changed what when, the plan that was shown,
and which record the state says an address is bound to. Where the promises leave something open, it says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.adversary.menu import (
    LINKS,
    MATCHES,
    MEMBERS,
    SECTIONS,
    TYPES,
    Link,
    by_server,
    form,
    is_private,
    plain,
    records_path,
    same,
)
from tests.adversary.stage import Effect, Place, Record, Request, Snapshot, Touch
from tests.adversary.uploads import FILES, faults_of_files, holding, is_upload

CODES = {0, 1, 2, 3, 4, 130}
_CREATES = {records_path(kind) for kind in SECTIONS if kind != "file"}


@dataclass(frozen=True)
class Undone:
    """The run that an undo puts back. `known`: all that may be on its record. `whole`: it was not killed."""

    requests: Sequence[Request]
    whole: bool
    began: int
    ended: int
    known: Sequence[Request] = ()


@dataclass(frozen=True)
class Facts:
    """One command, and everything around it.

    `member`: the key is no admin's; `unseen`: private meetings are not there at all for such a key. Of uploads:
    `begun` by any run so far; `opened` and `finished` by killed runs whose journal this one has.
    """

    command: str
    code: int
    text: str
    files: Mapping[str, Mapping[str, Any]]
    before: Snapshot
    after: Snapshot
    requests: Sequence[Request]
    touches: Sequence[Touch]
    began: int
    shown_at: int
    bound_before: Mapping[str, str]
    bound_after: Mapping[str, str]
    protected: frozenset[str] = frozenset()
    members: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    only: Sequence[str] = ()
    plan: Mapping[str, Any] | None = None
    planned: Snapshot | None = None
    killed: bool = False
    unsettled: frozenset[str] = frozenset()
    undone: Undone | None = None
    member: bool = False
    unseen: bool = False
    now: int = 0
    begun: frozenset[str] = frozenset()
    opened: frozenset[str] = frozenset()
    finished: frozenset[str] = frozenset()

    @property
    def effects(self) -> list[Effect]:
        """All that this run changed."""
        return [effect for request in self.requests for effect in request.effects]

    @property
    def written(self) -> list[Request]:
        """The writes that did something, or were answered as done."""
        return [r for r in self.requests if r.is_write and (r.effects or (r.status or 500) < 300)]


def faults(facts: Facts) -> Iterator[str]:
    """Each promise that this run broke, in words."""
    yield from _codes(facts)
    court = Court(facts)
    yield from court.private()
    yield from faults_of_files(facts)
    if facts.command == "apply":
        for effect in facts.effects:
            yield from court.asked_for(effect)
        yield from court.doubles()
        yield from court.overwritten()
        if facts.plan is not None:
            yield from court.as_shown()
        if facts.code == 0:
            yield from court.declared_lives()
    elif facts.command == "undo":
        yield from court.overwritten()
        if facts.undone is not None:
            yield from court.put_back(facts.undone)


def _codes(facts: Facts) -> Iterator[str]:
    """Exit codes are true (section 8)."""
    if "Traceback" in facts.text or facts.code == 70:
        yield f"a bug in lfsync: exit {facts.code}: {facts.text[-400:]}"
    elif facts.code not in CODES and not facts.killed:
        yield f"exit code {facts.code} of {facts.command}: {facts.text[-400:]}"
    written = facts.written
    if facts.code in (1, 4) and written:
        yield f"exit {facts.code}, but it wrote: {_told(written)}"
    if facts.command in ("plan", "no", "state") and written:
        yield f"{facts.command} wrote: {_told(written)}"


def _told(requests: Sequence[Request]) -> str:
    return ", ".join(f"{r.method} {r.path}" for r in requests[:4])


@dataclass
class Court:
    """Judges one run."""

    facts: Facts

    # ------------------------------------------------------------ what the files say

    def declared(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Address, kind and body of what should exist."""
        for address, body in self.facts.files.items():
            if not body.get("lifecycle", {}).get("absent"):
                yield address, address.partition(".")[0], body

    def ids(self, address: str) -> set[str]:
        """The records that an address may stand for: what it is bound to, else what it matches."""
        bound = {bound[address] for bound in (self.facts.bound_before, self.facts.bound_after) if address in bound}
        living = {id for id in bound if id in self.facts.after.records and not self.facts.after.records[id].gone}
        if address.startswith("file."):
            living = set()  # its content moves it on to another one
        return bound if living else bound | self.hits(address, self.facts.before) | self.hits(address, self.facts.after)

    def targets(self, kind: str, ref: Any) -> set[str]:
        """The ids that a ref may mean."""
        if isinstance(ref, dict):
            moments = (self.facts.before, self.facts.after, self.facts.planned or self.facts.before)
            # What people did within the lag may not show yet, and a ref is what the index knows.
            lagging = {id for id in self.facts.unsettled if id in self.facts.before.records}
            return {id for moment in moments for id in self._by_name(ref, moment)} | lagging
        if kind == "member":
            return {self.facts.members[ref]} if ref in self.facts.members else {ref}
        return self.ids(f"{kind}.{ref}")

    def _by_name(self, ref: Mapping[str, Any], snapshot: Snapshot) -> Iterator[str]:
        wanted = plain(ref["match"]["$name"])
        for record in snapshot.records.values():
            if record.kind == "account" and not record.trashed and plain(record.fields.get("$name", "")) == wanted:
                yield record.id

    def hits(self, address: str, snapshot: Snapshot, *, sure: bool = False) -> set[str]:
        """Live records that a resource's match finds (rules I2, C18). `sure`: where nothing about it is open."""
        kind, body = address.partition(".")[0], self.facts.files.get(address)
        if body is None:
            return set()
        if kind == "file":
            return holding(snapshot, body["content"])
        own = "match" in body
        keys = body["match"] if own else next((m for m in MATCHES[kind] if body["fields"].get(m[0])), ())
        if not keys:
            return set()
        return {
            record.id
            for record in snapshot.records.values()
            if record.kind == kind
            and not record.gone
            and not (sure and self._unseen(record))
            and all(self._fits(kind, body, key, record, snapshot, sure=sure) for key in keys)
        }

    def _unseen(self, record: Record) -> bool:
        return self.facts.unseen and record.kind == "meeting" and is_private(record.fields)

    def _fits(
        self, kind: str, body: Mapping[str, Any], key: str, record: Record, snapshot: Snapshot, *, sure: bool
    ) -> bool:
        if key in LINKS[kind]:
            return self._link_fits(kind, body, key, record, snapshot, sure=sure)
        left = form(TYPES[kind][key], body["fields"].get(key), {})
        right = form(TYPES[kind][key], record.fields.get(key), {})
        if isinstance(left, frozenset) and TYPES[kind][key] != "FULL_NAME":
            return bool(left & (right or frozenset()))
        return bool(left == right)

    def _link_fits(
        self, kind: str, body: Mapping[str, Any], key: str, record: Record, snapshot: Snapshot, *, sure: bool
    ) -> bool:
        link = LINKS[kind][key]
        live = set(_linked(snapshot, link, record.id))
        refs = _refs(body.get("relationships", {}).get(key))
        if not refs:
            return not live
        for ref in refs:
            ids = self.targets(link.target, ref)
            if sure and (len(ids) != 1 or self._trashed(next(iter(ids)), snapshot)):
                continue
            if ids & live:
                return True
        return False

    def _trashed(self, id: str, snapshot: Snapshot) -> bool:
        return id not in snapshot.records or snapshot.records[id].gone

    # ------------------------------------------------------------ nothing that nobody asked for

    def asked_for(self, effect: Effect) -> Iterator[str]:
        """Only what is declared is managed; nothing is deleted that nobody asked to delete (promises 1 and 3)."""
        what = effect.place[0]
        if what == "record" or is_upload(effect, self.facts.after):
            return
        if what == "trash":
            yield from self._may_trash(effect) if effect.new else self._may_restore(effect)
        elif what == "field" and not self._field_asked(effect):
            yield f"wrote {self._name(effect.place)}: {effect.old!r} -> {effect.new!r}, which no file declares"
        elif what == "link" and not self._link_asked(effect):
            yield f"{'made' if effect.new else 'ended'} a link that no file asks for: {self._name(effect.place)}"

    def _name(self, place: Place) -> str:
        return " ".join((place[0], *(self._label(part) for part in place[1:])))

    def _label(self, id: str) -> str:
        record = self.facts.after.records.get(id)
        if record is None:
            return id
        bound = [a for b in (self.facts.bound_before, self.facts.bound_after) for a, i in b.items() if i == id]
        names = (record.fields[key] for key in ("$name", "$title", "filename") if key in record.fields)
        return f"{record.kind}({bound[0] if bound else next(names, None)})"

    def _field_asked(self, effect: Effect) -> bool:
        _, id, key = effect.place
        record = self.facts.after.records[id]
        fresh = id not in self.facts.before.records
        if fresh and record.kind == "task" and key == "$status":
            return True
        return any(
            self._declares(body, kind, key, effect.new, fresh=fresh or self._owed(effect))
            for address, kind, body in self.declared()
            if kind == record.kind and id in self.ids(address)
        )

    def _owed(self, effect: Effect) -> bool:
        """What is sent at create only may go in a later request, and in a later run where that one failed or was
        killed: of a record that lfsync made, where nobody has set the key meanwhile (rules L1, A4, A8)."""
        made = any(t.run > 0 and t.effect.place == ("record", effect.place[1]) for t in self.facts.touches)
        return made and effect.old in (None, "", [])

    def _declares(self, body: Mapping[str, Any], kind: str, key: str, value: Any, *, fresh: bool) -> bool:
        life = body.get("lifecycle", {})
        if key not in body["fields"]:
            return False
        if not fresh and (key in life.get("ignore_changes", ()) or life.get("seed")):
            return False
        return self._same(kind, key, body["fields"][key], value)

    def _same(self, kind: str, key: str, declared: Any, stored: Any) -> bool:
        return same(TYPES[kind][key], declared, stored, self.facts.options.get((kind, key), {}))

    def _link_asked(self, effect: Effect) -> bool:
        _, edge, source, target = effect.place
        if edge.endswith(".$createdBy"):
            return source not in self.facts.before.records
        if edge == MEMBERS:
            return self._membership_asked(source, target, effect.new)
        for address, kind, body in self.declared():
            mine = self.ids(address)
            for key, link in LINKS[kind].items():
                near, far = (source, target) if link.source else (target, source)
                value = body.get("relationships", {}).get(key)
                if link.edge != edge or near not in mine or key not in body.get("relationships", {}):
                    continue
                wanted = {id for ref in _refs(value) for id in self.targets(link.target, ref)}
                if effect.new and far in wanted:
                    return True
                if not effect.new and self._may_end(link, value, far, wanted):
                    return True
        return False

    def _may_end(self, link: Link, value: Any, far: str, wanted: set[str]) -> bool:
        if isinstance(value, dict) and "match" not in value:
            gone = {id for ref in value.get("exclude", ()) for id in self.targets(link.target, ref)}
            return far in gone
        # One ref may mean several records (a bound one that is gone, and its successor).
        return far not in wanted or len(wanted) > len(_refs(value))

    def _membership_asked(self, source: str, target: str, made: bool) -> bool:
        for address, kind, body in self.declared():
            if kind != "list" or source not in self.ids(address) or "members" not in body:
                continue
            member = str(body["fields"]["$objectType"]).removeprefix("$")
            value = body["members"]
            wanted = {id for ref in _refs(value) for id in self.targets(member, ref)}
            if _rule(value) is not None:
                if self._rule_asks(member, value, target, wanted, made=made):
                    return True
                continue
            if made and target in wanted:
                return True
            if not made and self._may_end(LINKS["account"]["$contact"]._replace(target=member), value, target, wanted):
                return True
        return False

    def _rule_asks(self, kind: str, value: Mapping[str, Any], id: str, named: set[str], *, made: bool) -> bool:
        """Whether a list by rule may let somebody in or out, by what was so at some moment around the run (rule K1)."""
        excluded = {each for ref in value.get("exclude", ()) for each in self.targets(kind, ref)}
        moments = (self.facts.before, self.facts.planned or self.facts.before, self.facts.after)
        fits = {self._ruled(kind, value["where"], id, moment) for moment in moments}
        touched = self._touched(id) or id in self.facts.unsettled
        if made:
            return id in named or (True in fits or touched)
        return id in excluded or ((False in fits or touched) and id not in named)

    def _ruled(self, kind: str, where: Mapping[str, Any], id: str, snapshot: Snapshot) -> bool:
        """Whether a record is there, and as a rule asks."""
        record = snapshot.records.get(id)
        if record is None or record.kind != kind or record.gone:
            return False
        for key, asked in where.items():
            values = asked if isinstance(asked, list) else [asked]
            if key in LINKS[kind]:
                live = set(_linked(snapshot, LINKS[kind][key], id))
                fits = any(self.facts.members[each] in live if each is not None else not live for each in values)
            else:
                fits = any(self._same(kind, key, each, record.fields.get(key)) for each in values)
            if not fits:
                return False
        return True

    def _may_trash(self, effect: Effect) -> Iterator[str]:
        id = effect.place[1]
        name = self._label(id)
        holders = [address for address, bound in self.facts.bound_before.items() if bound == id]
        if any(address in self.facts.protected for address in holders):
            yield f"trashed {name}, which is protected (rule L1)"
        for address, kind, body in self.declared():
            if id in (self.facts.bound_before.get(address), self.facts.bound_after.get(address)):
                yield f"trashed {name}, which {address} declares"
            elif self._named_by(id, kind, body):
                yield f"trashed {name}, which {address} refers to (rule L2)"
        absent = [a for a, body in self.facts.files.items() if body.get("lifecycle", {}).get("absent")]
        if "prune" in self.facts.flags:
            if not holders and not any(id in self.hits(address, self.facts.before) for address in absent):
                yield f"trashed {name}, which lfsync never managed"
        elif not any(address in holders for address in absent):
            # A renamed key takes the binding along (rule I4), also that of what should not exist.
            moved = [a for a in absent if id in self.hits(a, self.facts.before)]
            if not moved or not holders or any(address in self.facts.files for address in holders):
                yield f"trashed {name}, and nobody asked for it"

    def _named_by(self, id: str, kind: str, body: Mapping[str, Any]) -> bool:
        for key, value in body.get("relationships", {}).items():
            for ref in _refs(value):
                if (
                    isinstance(ref, dict)
                    and LINKS[kind][key].target == "account"
                    and id in self.targets("account", ref)
                ):
                    return True
        return False

    def _may_restore(self, effect: Effect) -> Iterator[str]:
        if "recreate" not in self.facts.flags:
            yield f"restored {self._label(effect.place[1])} without --recreate-missing (rule I6)"

    def private(self) -> Iterator[str]:
        """Who sees the metadata of a meeting alone tries to change nothing of it (design 16)."""
        for request in self.facts.requests if self.facts.member else ():
            section, _, id = request.path.removeprefix("/v1/").partition("/")
            record = self.facts.before.records.get(id)
            redacted = section == "meetings" and record and is_private(record.fields)
            if redacted and request.is_write and not self._touched(id):
                yield f"{request.method} of {self._label(id)}, whose values are redacted for this key"

    # ------------------------------------------------------------ nothing twice

    def doubles(self) -> Iterator[str]:
        """No second copy of a record (promise 1; rules I4, I9, R4)."""
        made: dict[str, str] = {}
        for request in self.facts.requests:
            for effect in request.effects:
                if effect.place[0] == "record" and not is_upload(effect, self.facts.after):
                    yield from self._double(effect.place[1], made)

    def _double(self, id: str, made: dict[str, str]) -> Iterator[str]:
        record = self.facts.after.records[id]
        now = Snapshot({id: record._replace(trashed=False)}, self.facts.after.links)
        mine = [
            address for address, kind, _ in self.declared() if kind == record.kind and self._meant(address, id, now)
        ]
        if not mine and not self._touched(id):
            yield f"made {self._label(id)}, which no file declares"
        for address in mine[:1] if len(mine) == 1 else []:
            if address in made:
                yield f"made {address} twice in one run: {made[address]} and {id}"
            made[address] = id
            bound = self.facts.bound_before.get(address)
            if bound and not self._trashed(bound, self.facts.before) and not self._trashed(bound, self.facts.after):
                yield f"made {address} again, though it is bound to {bound}, which is there"
            elif bound and self._was_gone(bound) and "recreate" not in self.facts.flags:
                yield f"made {address} again without --recreate-missing, though {bound} is gone (rule I6)"
            for other in sorted(self.hits(address, self.facts.before, sure=True) - {id}):
                open_to_doubt = other in self.facts.unsettled or self._touched(other)
                if not open_to_doubt and not self._trashed(other, self.facts.after):
                    yield f"made {address} ({id}) though {self._label(other)} {other} matches it (rule I9)"

    def _was_gone(self, id: str) -> bool:
        """Whether people trashed a record, or the server hid it, before the run began."""
        if id not in self.facts.before.records or not self._trashed(id, self.facts.before) or self._touched(id):
            return False
        ends = [t.run for t in self.facts.touches if t.effect.place in (("trash", id), ("hidden", id))]
        return bool(ends) and ends[-1] <= 0  # what an undo trashed is let go of

    def _meant(self, address: str, id: str, now: Snapshot) -> bool:
        return self.facts.bound_after.get(address) == id or id in self.hits(address, now)

    def _touched(self, id: str) -> bool:
        """Whether people, or the server, changed this record since the run began, or since its plan was made."""
        since = min(self.facts.began, self.facts.shown_at)
        return any(t.run <= 0 and t.tick > since and id in t.effect.place[1:] for t in self.facts.touches)

    # ------------------------------------------------------------ no edit is overwritten

    def overwritten(self) -> Iterator[str]:
        """What people changed after the plan was shown is intact, but for one request's time (rule A1)."""
        last: dict[Place, Touch] = {}
        for touch in self.facts.touches:
            place = touch.effect.place
            before = last.get(place)
            last[place] = touch
            if touch.run <= 0 or touch.tick <= self.facts.began or before is None or before.run != 0:
                continue
            if before.tick > self.facts.shown_at and not self._in_the_window(before.tick, touch.tick, place):
                moved = f"{touch.effect.old!r} -> {touch.effect.new!r}"
                yield f"overwrote what a person did after the plan: {self._name(place)}: {moved}"

    def _in_the_window(self, edited: int, written: int, place: Place) -> bool:
        """The record was read after the plan and before the edit, and nothing else was asked of it in between."""
        ids = {part for part in place[1:] if part in self.facts.after.records}
        about = [r for r in self.facts.requests if any(f"/{id}" in r.path for id in ids) and r.ticks[1] < written]
        looks = [r for r in about if not r.is_write and r.ticks[1] > self.facts.shown_at]
        return bool(looks) and looks[-1].ticks[1] <= edited + 1 and about[-1] is looks[-1]

    # ------------------------------------------------------------ the plan is the truth

    def as_shown(self) -> Iterator[str]:
        """What the plan shows is what apply does, and nothing else (promise 2)."""
        assert self.facts.plan is not None
        changes: Sequence[Mapping[str, Any]] = self.facts.plan["changes"]
        fresh = self._fresh(changes)
        for effect in self.facts.effects:
            if is_upload(effect, self.facts.after):
                told = any(effect.place[1] in warning["message"] for warning in self.facts.plan["warnings"])
                shown = told or any(c["kind"] == "file" and c["action"] in ("create", "update") for c in changes)
            else:
                shown = any(self._shows(change, effect, fresh) for change in changes)
            if not shown:
                yield f"the plan does not show {self._name(effect.place)}: {effect.old!r} -> {effect.new!r}"

    def _fresh(self, changes: Iterable[Mapping[str, Any]]) -> Mapping[str, set[str]]:
        """The records that stand for planned creates: those made in this run, or found under their own key."""
        found: dict[str, set[str]] = {}
        ids = {r.id for r in self.facts.requests if r.method == "POST" and r.path in _CREATES and r.id}
        for change in changes:
            if change["action"] in ("create", "restore"):
                after = Snapshot({id: self.facts.after.records[id] for id in ids}, self.facts.after.links)
                meant = {id for id in ids if self._meant(change["address"], id, after)}
                untouched = {id for id in meant if id not in self.facts.before.records or not self._edited(id)}
                found[change["address"]] = untouched
        return found

    def _edited(self, id: str) -> bool:
        """Whether people changed a record before this run: a replayed create must leave it alone (rule A2)."""
        return any(t.run == 0 and id in t.effect.place[1:] for t in self.facts.touches if t.tick <= self.facts.shown_at)

    def _shows(self, change: Mapping[str, Any], effect: Effect, fresh: Mapping[str, set[str]]) -> bool:
        mine = {change["id"]} if change.get("id") else set()
        mine |= fresh.get(change["address"], set())
        place, kind = effect.place, change["address"].partition(".")[0]
        if place[0] == "link":
            return self._shows_link(change, place, kind, mine, fresh)
        if place[1] not in mine:
            return False
        if place[0] == "record":
            return bool(change["action"] in ("create", "restore"))
        if place[0] == "trash":
            return bool(change["action"] == ("delete" if effect.new else "restore"))
        created = place[1] in fresh.get(change["address"], set())
        return created or any(row["key"] == place[2] for row in change["fields"])

    def _shows_link(
        self, change: Mapping[str, Any], place: Place, kind: str, mine: set[str], fresh: Mapping[str, set[str]]
    ) -> bool:
        if not mine & set(place[2:]):
            return False
        if mine & fresh.get(change["address"], set()):
            return True
        if place[1] == MEMBERS:
            return bool(change.get("members"))
        keys = {key for key, link in LINKS[kind].items() if link.edge == place[1]}
        return any(row["key"] in keys for row in change["relationships"])

    # ------------------------------------------------------------ done means done

    def declared_lives(self) -> Iterator[str]:
        """After exit 0 everything declared is live (promise 2)."""
        for address, kind, body in self.declared():
            if self.facts.only and address not in self.facts.only:
                continue
            id = self.facts.bound_after.get(address)
            if id is None:
                yield f"exit 0, but {address} is bound to nothing"
                continue
            if self._touched(id):
                continue
            if self._trashed(id, self.facts.after):
                if not self._hidden(("trash", id)):
                    yield f"exit 0, but {address} is in the trash"
            elif self.facts.member and is_private(self.facts.after.records[id].fields):
                continue
            elif not body.get("lifecycle", {}).get("seed"):
                yield from self._lives(address, kind, body, self.facts.after.records[id])

    def _lives(self, address: str, kind: str, body: Mapping[str, Any], record: Record) -> Iterator[str]:
        ignored = body.get("lifecycle", {}).get("ignore_changes", ())
        for key, value in body["fields"].items():
            if by_server(key, record.fields.get(key)):
                continue  # the server's own form of it (rule S5)
            wrong = key not in ignored and not self._same(kind, key, value, record.fields.get(key))
            if wrong and not self._hidden(("field", record.id, key)):
                yield f"exit 0, but {address} {key} is {record.fields.get(key)!r}, not {value!r}"
        for key, value in body.get("relationships", {}).items():
            if key not in ignored:
                yield from self._set_lives(f"{address} {key}", record.id, value, LINKS[kind][key])
        if "members" in body:
            target = str(body["fields"]["$objectType"]).removeprefix("$")
            yield from self._set_lives(
                f"{address} members", record.id, body["members"], Link(MEMBERS, True, target, True)
            )

    def _set_lives(self, name: str, near: str, value: Any, link: Link) -> Iterator[str]:
        live = _linked(self.facts.after, link, near)
        shown = {id for id in live if link.target == "member" or not self._trashed(id, self.facts.after)}
        partial = isinstance(value, dict) and "match" not in value
        wanted: set[str] = set()
        for ref in _refs(value):
            ids = self._settled(link.target, ref)
            if ids is None:
                return  # open what it means: say nothing
            wanted |= ids
        if (rule := _rule(value)) is not None:
            partial = False
            out = {id for ref in value.get("exclude", ()) for id in self.targets(link.target, ref)}
            ruled = {id for id in self.facts.after.records if self._ruled(link.target, rule, id, self.facts.after)}
            open_to_doubt = {id for id in ruled ^ shown if self._touched(id) or id in self.facts.unsettled}
            wanted = (wanted | (ruled - out) | (open_to_doubt & shown)) - (open_to_doubt - shown)
        excluded = [self._settled(link.target, ref) or set() for ref in (value.get("exclude", ()) if partial else ())]
        for ids, how in (
            (wanted - shown, "lacks {}"),
            (set() if partial else shown - wanted, "has {} beside what is declared"),
            (shown.intersection(set().union(*excluded)), "has {}, which it excludes"),
        ):
            wrong = [self._label(id) for id in ids if not self._hidden(_link_of(link, near, id))]
            if wrong:
                yield f"exit 0, but {name} {how.format(wrong)}"

    def _hidden(self, place: Place) -> bool:
        """Whether people, or the server, had the last word on it within the lag: no row shows that yet (rule R1)."""
        ids = place[2:] if place[0] == "link" else place[1:2]
        last = next((touch.run for touch in reversed(self.facts.touches) if touch.effect.place == place), None)
        return last is not None and last <= 0 and any(id in self.facts.unsettled for id in ids)

    def _settled(self, kind: str, ref: Any) -> set[str] | None:
        """The one record that a ref means after the run; None where that is open."""
        if isinstance(ref, str) and kind != "member":
            bound = self.facts.bound_after.get(f"{kind}.{ref}")
            found = {bound} if bound else set()
        else:
            found = self.targets(kind, ref)
        if len(found) != 1:
            return None
        id = next(iter(found))
        return found if kind == "member" or not (self._trashed(id, self.facts.after) or self._touched(id)) else None

    # ------------------------------------------------------------ undo

    def put_back(self, undone: Undone) -> Iterator[str]:
        """Undo puts back what is on record, and leaves alone what people changed since (rule L3)."""
        first, known = _summed(undone.requests), _summed(undone.known)
        # A change within the one request that rule A1 allows is on no record.
        since = [t for t in self.facts.touches if (t.tick > undone.began if t.run <= 0 else t.tick > undone.ended)]
        moved = {t.effect.place for t in since if t.tick <= self.facts.began or t.run <= 0}
        ids = {part for place in moved for part in place[1:]}
        made = {e.place[1] for e in self.facts.effects if e.place[0] == "record"}
        for effect in self.facts.effects:
            on_record = effect.place in known or self._of_created(effect.place, known) or _sent(effect.place, undone)
            if not on_record and not made & set(effect.place[1:]):
                yield f"undo touched what the run did not write: {self._name(effect.place)}"
        if self.facts.code in (0, 1) and undone.whole and not self.facts.unsettled:
            yield from self._is_back(first, moved, ids)

    def _of_created(self, place: Place, first: Mapping[Place, Effect]) -> bool:
        return any(("record", part) in first for part in place[1:])

    def _is_back(self, first: Mapping[Place, Effect], moved: set[Place], ids: set[str]) -> Iterator[str]:
        for place, effect in first.items():
            record, code = self.facts.after.records.get(place[1]), self.facts.code
            if place in moved or (record and record.kind in ("list", *FILES)) or set(place[1:]) & ids:
                continue
            if place[0] == "record":
                if record and not record.trashed and not self._held(place[1]):
                    yield f"undo ended with {code}, but {self._label(place[1])}, which the run made, is still there"
            elif not self._of_created(place, first) and not self._list_link(place):
                now = self.facts.after.value(place)
                if now != effect.old and effect.old != effect.new:
                    yield f"undo ended with {code}, but {self._name(place)} is {now!r}, not {effect.old!r}"

    def _held(self, id: str) -> bool:
        return any(self.facts.bound_before.get(address) == id for address in self.facts.protected)

    def _list_link(self, place: Place) -> bool:
        if place[0] != "link":
            return False
        records = [self.facts.after.records.get(part) for part in place[2:]]
        return any(r is None or r.trashed or r.kind == "list" for r in records if r or place[1] == MEMBERS)


def _sent(place: Place, undone: Undone) -> bool:
    """Whether a link was asked for, though a person had made it a moment before."""
    return place[0] == "link" and any(
        any(f"/{near}" in r.path and far in str(r.body) for near, far in (place[2:], place[:1:-1]))
        for r in undone.known
    )


def _summed(requests: Iterable[Request]) -> dict[Place, Effect]:
    """What these requests made of each place, from the first to the last."""
    found: dict[Place, Effect] = {}
    for request in requests:
        for effect in request.effects:
            old = found[effect.place].old if effect.place in found else effect.old
            found[effect.place] = Effect(effect.place, old, effect.new)
    return found


def _refs(value: Any) -> list[Any]:
    """The refs that a declared relationship or list of members names as to be there."""
    if value is None:
        return []
    if isinstance(value, dict) and "match" not in value:
        return list(value.get("include", ()))
    return list(value) if isinstance(value, list) else [value]


def _rule(value: Any) -> Mapping[str, Any] | None:
    """What a list by rule asks for."""
    found: Mapping[str, Any] | None = value.get("where") if isinstance(value, dict) else None
    return found


def _link_of(link: Link, near: str, far: str) -> Place:
    """The link between two records, as a place."""
    return ("link", link.edge, near, far) if link.source else ("link", link.edge, far, near)


def _linked(snapshot: Snapshot, link: Link, id: str) -> Iterator[str]:
    for edge, source, target in snapshot.links:
        if edge == link.edge and id == (source if link.source else target):
            yield target if link.source else source
