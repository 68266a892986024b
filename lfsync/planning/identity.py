"""Which record a resource is, and which one a ref means. Pure.

A resource finds its record by, in order: `id` in the file, the state's binding, its match (rule I1). A match must hit
exactly one live record; two are refused with the candidates, none means a create. What can't be decided on what has
been read so far is asked for: `knowledge` collects the reads that are wanted, and its reader makes them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from lfsync.kinds import Kind, is_kind, kind_of
from lfsync.knowledge.finder import Finder
from lfsync.knowledge.knowledge import Knowledge, RecordKey, named, title_quotes
from lfsync.model import Address, Blocked, Desired, Query, Quoted, Record, Schema, Target, Term, Upload
from lfsync.planning.uploads import Holdings, held_content
from lfsync.state.state import Binding, State
from lfsync.values.table import VALUE_TYPES

_SHOWN = 10


class StuckError(Exception):
    """This resource can't go on; it is blocked for the reason. `quoted`: what of it are values of records (rule G2)."""

    def __init__(self, reason: str, hint: str | None = None, quoted: Iterable[Quoted] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.quoted = tuple(quoted)


class Identities:
    """The record of each address, as far as found: in neither `ids` nor `blocked` once asked for, it is to be made."""

    def __init__(
        self,
        desired: Mapping[Address, Desired],
        schema: Schema,
        state: State,
        knowledge: Knowledge,
        recreate_missing: bool,
    ) -> None:
        self.desired = desired
        self.schema = schema
        self.state = state
        self.knowledge = knowledge
        self.recreate_missing = recreate_missing
        kinds = {query.kind for desired in desired.values() for query in desired.queries} | schema.kinds.keys()
        self.finder = Finder(schema, {kind: knowledge.of_kind(kind) for kind in kinds})
        self.owner = {(b.address.kind, b.id): b.address for b in state.bindings.values()}
        self.ids: dict[Address, str] = {}
        self.adopted: set[Address] = set()
        self.restored: set[Address] = set()
        self.moved: dict[Address, Address] = {}
        self.replaced: dict[Address, str] = {}
        self.holdings: dict[str, Holdings] = {}
        self.blocked: dict[Address, Blocked] = {}
        self.queries: dict[int, str] = {}
        self.warnings: list[str] = []
        self.contested: set[RecordKey] = set()
        self.named: set[RecordKey] = set()
        self.claimed = {(d.address.kind, d.id): d.address for d in desired.values() if d.id is not None}
        self.orphans: dict[tuple[str, str, str], list[Binding]] | None = None
        self.done: set[Address] = set()
        self.open: set[Address] = set()

    def address(self, address: Address) -> str | None:
        """The id of an address, None where it is to be created or blocked."""
        if address not in self.done:
            if address in self.open:
                raise StuckError(f"its match refers to itself through {address}")
            self.open.add(address)
            try:
                self._find(self.desired[address])
            except StuckError as stuck:
                self.block(address, stuck)
            self.open.discard(address)
            self.done.add(address)
        return self.ids.get(address)

    def _find(self, desired: Desired) -> None:
        address = desired.address
        binding = self.state.bindings.get(address)
        moves = self.state.moves
        if address in moves.disputed:
            raise StuckError(*_disputed(address, binding, moves.disputed[address]))
        if address in moves.taken:
            self.moved[address] = moves.taken[address].address
        if desired.id is not None:
            self._find_named(desired, desired.id)
            self._refuse_other_content(desired, desired.id)
            if binding is not None and address in self.ids and binding.id != desired.id:
                self._adopt(address)
                self.warnings.append(f"{address}: `id` {desired.id} replaces the record it was bound to, {binding.id}")
        elif binding is not None and binding.also:
            both = ", ".join((binding.id, *binding.also))
            what = f"two machines bound it to different records: {both}"
            raise StuckError(what, f"Say which is right with `id:`, for example `id: {binding.id}`; trash the other.")
        elif binding is not None:
            self._find_bound(desired, binding.id)
        elif (found := self._sought(desired)) is not None:
            self.ids[address] = found
            self._adopt(address)
        elif not desired.absent:
            for query in desired.queries:
                self._refuse_unseen(desired, query)

    def _refuse_unseen(self, desired: Desired, query: Query) -> None:
        """A renamed key makes no second record (rule I4) where its own is gone and in no trash: it may be hidden (I9).

        Only the state can tell: something bound, declared no more, was declared with the same values of the match.
        """
        wishes = [desired.fields.get(term.key) for term in query.terms if term.field is not None and not term.empty]
        hashes = {wish.definition.key: self.state.hash(wish.canonical) for wish in wishes if wish is not None}
        if not hashes or len(hashes) < len(wishes):
            return
        for former in self._orphans().get((query.kind, *next(iter(hashes.items()))), ()):
            declared = {key: known.declared for key, known in former.fields.items()}
            if any(declared.get(key) != hash for key, hash in hashes.items()):
                continue
            presence = self.knowledge.presence(query.kind, former.id)
            listed = kind_of(query.kind).trash and self.knowledge.trashed(query.kind, former.id) is not None
            if presence in ("forbidden", "unsure") or (presence == "gone" and not listed):
                self.contested.add((query.kind, former.id))
                fate = self.knowledge.fate(query.kind, former.id)
                what = f"{former.address}, declared no more, had {describe(query)} too, and {former.id} is gone: {fate}"
                hint = f"If it is the same, call it `{former.address.key}` as before; else let go of it with"
                quoted = (*quotes(query), *self.knowledge.fate_quotes(query.kind, former.id))
                raise StuckError(what, f"{hint} `lfsync state rm {former.address}`.", quoted)

    def _orphans(self) -> Mapping[tuple[str, str, str], list[Binding]]:
        """What is bound and declared no more, by kind, key and the hash of what was declared of it."""
        if self.orphans is None:
            self.orphans = defaultdict(list)
            for address, binding in self.state.bindings.items():
                for key, known in binding.fields.items() if address not in self.desired else ():
                    self.orphans[address.kind, key, known.declared].append(binding)
        return self.orphans

    def _find_named(self, desired: Desired, id: str) -> None:
        """The record that `id:` names. With --recreate-missing it comes out of the trash, and never is another one."""
        address = desired.address
        if desired.absent and (self._is_let_go(address, id) or self._may_be_gone(address.kind, id)):
            return
        missing = self._may_return(address, id) or self.is_gone(address.kind, id, "`id` names")
        if missing and not self._restore(address, id):
            what = f"`id` names {id}, which is gone: {self.knowledge.fate(address.kind, id)}"
            raise StuckError(what, _GONE_ID_HINT, self.knowledge.fate_quotes(address.kind, id))
        self.ids[address] = id
        if address not in self.state.bindings:
            self._adopt(address)

    def _is_let_go(self, address: Address, id: str) -> bool:
        """Trashed or let go of so lately that no index may show it yet: it is not trashed a second time (rule R4)."""
        gone = self.state.released.get(address)
        return gone is not None and gone.id == id and (address.kind, id) in self.knowledge.recent

    def _may_be_gone(self, kind: str, id: str) -> bool:
        return self.knowledge.presence(kind, id) in ("gone", "unsure")

    def _find_bound(self, desired: Desired, id: str) -> None:
        """The record that the state names, if it is there; what is to become of it if it is not (rule I6)."""
        address = desired.address
        if not self._may_return(address, id) and not self.is_gone(address.kind, id, "bound to"):
            if desired.upload is None or desired.seed or self._holds(desired, id):
                self.ids[address] = id
            elif (found := self._sought(desired)) is not None:
                self.ids[address] = found
                self._adopt(address)
            else:
                self.replaced[address] = id
            return
        if desired.absent:
            return
        other = self._match_instead(desired, id)
        if other is not None and self.recreate_missing:
            self.ids[address] = other  # made by hand or merged into since: no second copy of it
            self._adopt(address)
        elif other is not None:
            record = self.knowledge.record(address.kind, other)
            shown = named(record) if record else other
            hint = f"If that is the one, let --recreate-missing bind it, or name it with `id: {other}`."
            what = f"bound to {id}, which is gone; its match finds another record now: {shown}"
            raise StuckError(what, hint, title_quotes(record))
        elif not self.recreate_missing:
            fate, quoted = self.knowledge.fate(address.kind, id), self.knowledge.fate_quotes(address.kind, id)
            raise StuckError(f"bound to {id}, which is gone: {fate}", _GONE_HINT, quoted)
        else:
            self._restore(address, id)

    def _match_instead(self, desired: Desired, gone: str) -> str | None:
        """The one other record that the match of a resource hits, whose own record is gone."""
        try:
            return self._sought(desired, without=gone)
        except StuckError as stuck:
            fate = self.knowledge.fate(desired.address.kind, gone)
            quoted = (*self.knowledge.fate_quotes(desired.address.kind, gone), *stuck.quoted)
            raise StuckError(f"bound to {gone}, which is gone: {fate}; {stuck.reason}", stuck.hint, quoted) from None

    def _may_return(self, address: Address, id: str) -> bool:
        """Whether it is to come out of a trash that nothing lists, for all that is known: a live one stays as it is."""
        kind = kind_of(address.kind)
        return (
            self.recreate_missing
            and kind.restorable
            and not kind.trash
            and self.knowledge.presence(address.kind, id) == "unsure"
        )

    def _sought(self, desired: Desired, *, without: str | None = None) -> str | None:
        """The record that a resource is by what it declares: its match, or its content; not the one `without`."""
        if desired.upload is not None:
            return self._by_content(desired, desired.upload)
        hits = (self._match(query, desired, without=without) for query in desired.queries)
        return next((hit for hit in hits if hit is not None), None)

    def _by_content(self, desired: Desired, upload: Upload) -> str | None:
        """The file that holds this content, the oldest of several; None where a whole search finds none (rule F1)."""
        kind = desired.address.kind
        if kind not in self.holdings:
            self.holdings[kind] = Holdings(kind, self.state, self.knowledge)
        holdings = self.holdings[kind]
        for id in holdings.held.get(self.state.hash(upload.sha256), ()):
            if self.knowledge.presence(kind, id) == "there":
                return id
        if not self.knowledge.is_searched(kind, (), found=False) and kind not in self.knowledge.unlistable:
            return None
        for record in holdings.alike(upload):
            if self.knowledge.presence(kind, record.id) != "there" or self._is_anothers(record, desired):
                continue
            held = self.knowledge.content(kind, record.id)
            if held == upload.sha256:
                return record.id
            if (kind, record.id) in self.knowledge.unreadable:
                what = f"whether {named(record)} holds the same content can't be told"
                hint = "Plan again. If it stays so, name the file with `id:` in place of `path`, or rename yours."
                why = self.knowledge.unreadable[kind, record.id]
                raise StuckError(f"{what}: {why}", hint, title_quotes(record))
        if kind in self.knowledge.unlistable:
            what = f"whether its content is there can't be told: the list of {kind}s moves while it is read"
            raise StuckError(what, "Plan again when it is quiet.")
        return None

    def _holds(self, desired: Desired, id: str) -> bool:
        """Whether a file holds the declared content; yes where that is still to be read."""
        assert desired.upload is not None
        kind, sha256 = desired.address.kind, desired.upload.sha256
        binding = self.state.bindings.get(desired.address)
        known = held_content(binding) if binding is not None and binding.id == id else None
        if known is not None:
            return known == self.state.hash(sha256)
        held = self.knowledge.content(kind, id)
        if (kind, id) in self.knowledge.unreadable:
            what = f"what {id} holds can't be told: {self.knowledge.unreadable[kind, id]}"
            raise StuckError(what, "Plan again.")
        return held in (None, sha256)

    def _refuse_other_content(self, desired: Desired, id: str) -> None:
        """An `id` says which file it is, and no file changes: other content would need another id."""
        if desired.upload is None or desired.seed or desired.address not in self.ids or self._holds(desired, id):
            return
        del self.ids[desired.address]
        self.adopted.discard(desired.address)
        what = f"`id` names {id}, which holds other content than `{desired.upload.path}`, and no {desired.address.kind}"
        raise StuckError(f"{what} can be changed", "Take `id` out to upload it as a new one; or take `path` out.")

    def _restore(self, address: Address, id: str) -> bool:
        """Whether a record that is gone is to come out of the trash (rule I6); where nothing lists that, it may be."""
        kind = kind_of(address.kind)
        if not self.recreate_missing or not kind.restorable:
            return False
        if kind.trash and self.knowledge.trashed(address.kind, id) is None:
            return False
        self.ids[address] = id
        self.restored.add(address)
        return True

    def _adopt(self, address: Address) -> None:
        self.adopted.add(address)
        former = self.owner.get((address.kind, self.ids[address]))
        if former is not None and former not in self.desired:
            self.moved[address] = former

    def is_gone(self, kind: str, id: str, how: str) -> bool:
        """Whether a record is gone. What this key may not see, or nobody can be sure of, blocks (rules I6, A9)."""
        presence = self.knowledge.presence(kind, id)
        if presence == "forbidden":
            quoted = self.knowledge.fate_quotes(kind, id)
            raise StuckError(f"{how} {id}: {self.knowledge.fate(kind, id)}", _FORBIDDEN_HINT, quoted)
        if presence == "unsure":
            what = f"{how} {id}, which no list shows, so that it may be in the trash: {self._unlisted(kind)}"
            raise StuckError(what, _unsure_hint(kind_of(kind)))
        return presence == "gone"

    def _unlisted(self, kind: str) -> str:
        trash = self.knowledge.trash.get(kind)
        return (trash and trash.unlisted) or "the API lists none of this kind"

    def _match(self, query: Query, desired: Desired | None = None, *, without: str | None = None) -> str | None:
        """The one record that a query hits, None for no hit (rules I2, I3, I9).

        `desired`: whose match it is; a record that the `id:` of another one names is no hit (rule C10). `without`: an
        id that is none either.
        """
        related = [term for term in query.terms if term.rel is not None and not term.empty]
        targets = {term.key: {id for target in term.targets if (id := self.target(target))} for term in related}
        for term in related:
            if not targets[term.key]:
                self._refuse_cut_off(query, term)
                return None  # linked to a record that is still to be made: nothing can hit
        found = self._hits(query, targets)
        hits = [hit for hit in found if hit.id != without and not self._is_anothers(hit, desired)]
        if len(hits) > 1:
            doubtful = {(hit.kind, hit.id) for hit in hits if not hit.fresh}
            self.knowledge.wanted.records |= doubtful
            self.contested.update((hit.kind, hit.id) for hit in hits)
            raise _ambiguous(query, hits)
        by_account = (term.key for term in query.terms if term.key in targets and _points_at_account(term))
        accounts = {id for key in by_account for id in targets[key]}
        searched = self.knowledge.is_searched(query.kind, accounts, found=bool(hits))
        if not (searched or hits) and query.kind in self.knowledge.unlistable:
            raise StuckError(
                f"whether {describe(query)} exists can't be told: the list of {query.kind}s moves while it is read",
                "Plan again when it is quiet.",
                quotes(query),
            )
        if searched and not hits:
            self._refuse_hidden(query, targets, desired)
        return hits[0].id if hits else None

    def _refuse_hidden(self, query: Query, targets: Mapping[str, set[str]], desired: Desired | None) -> None:
        """Nothing matches, unless it is a record that this key sees redacted, and nobody else's (rule I9)."""
        may = [hit for hit in self.finder.may_be(query, targets) if not self._is_anothers(hit, desired)]
        may = [hit for hit in may if self.owner.get((hit.kind, hit.id)) not in self.desired]
        if may:
            shown = "; ".join(map(named, may[:_SHOWN]))
            what = f"whether {describe(query)} exists can't be told: this key sees the metadata only of {shown}"
            hint = "Use the key of an admin; or if it is the one, name it with `id:`."
            raise StuckError(what, hint, (*quotes(query), *title_quotes(*may[:_SHOWN])))

    def _hits(self, query: Query, targets: Mapping[str, set[str]]) -> list[Record]:
        """What fulfils all terms. A relationship counts as empty where all that it links is in the trash (rule S6)."""
        loose = [term for term in query.terms if term.empty and term.rel is not None]
        if not loose or len(loose) == len(query.terms):
            return self.finder.find(query, targets)
        strict = replace(query, terms=tuple(term for term in query.terms if term not in loose))
        found = self.finder.find(strict, targets)
        return [hit for hit in found if all(self._links_nothing(hit, term) for term in loose)]

    def _links_nothing(self, record: Record, term: Term) -> bool:
        linked = record.links.get(term.key, ())
        kind = term.rel.target if term.rel else ""
        return not linked or (is_kind(kind) and all(self.knowledge.presence(kind, id) == "gone" for id in linked))

    def _refuse_cut_off(self, query: Query, term: Term) -> None:
        """What its match looks for is linked to a record that is still to be made, so that nothing can hit (rule I2).

        But where all else matches, and what a record is linked to is in the trash, it may be the one: no second copy.
        """
        others = tuple(other for other in query.terms if other.rel is None)
        if not others or not self.knowledge.is_searched(query.kind, (), found=False):
            return
        loose = [hit for hit in self.finder.find(replace(query, terms=others), {}) if hit.links.get(term.key)]
        cut_off = [hit for hit in loose if self._links_nothing(hit, term)]
        if cut_off:
            shown = "; ".join(map(named, cut_off[:_SHOWN]))
            what = f"`{term.key}` of {shown} links a record in the trash, and all else of its match is the same"
            hint = "If it is the one, name it with `id:`; else restore or unlink what is in the trash."
            raise StuckError(what, hint, title_quotes(*cut_off[:_SHOWN]))

    def _is_anothers(self, hit: Record, desired: Desired | None) -> bool:
        return desired is not None and self.claimed.get((hit.kind, hit.id), desired.address) != desired.address

    def target(self, target: Target) -> str | None:
        """The id that a ref means, None where it is still to be created."""
        if target.address is not None:
            found = self.address(target.address)
            if target.address in self.blocked and found is None:
                raise StuckError(f"refers to {target.address}, which is blocked")
            return found
        if target.query is not None:
            return self._queried(target, target.query)
        return target.id

    def _queried(self, target: Target, query: Query) -> str:
        if id(query) not in self.queries:
            try:
                hit = self._match(query)
            except StuckError as stuck:
                raise StuckError(f"{target.place}: {stuck.reason}", stuck.hint, stuck.quoted) from None
            if hit is None:
                raise StuckError(
                    f"{target.place}: no live {query.kind} matches {describe(query)}",
                    "Correct the match, or declare the record in this project and name it by its key.",
                    quotes(query),
                )
            self.queries[id(query)] = hit
        return self.queries[id(query)]

    def meant(self, target: Target) -> str | Address | None:
        """As `Resolution.target`; None where a match was not resolved."""
        if target.address is not None:
            return self.ids.get(target.address, target.address)
        try:
            return self.target(target)
        except StuckError:
            return None

    def block(self, address: Address, stuck: StuckError) -> None:
        self.ids.pop(address, None)
        self.adopted.discard(address)
        self.restored.discard(address)
        self.moved.pop(address, None)
        self.replaced.pop(address, None)
        self.blocked[address] = Blocked(address, stuck.reason, stuck.hint, self.desired[address].place, stuck.quoted)


def _disputed(address: Address, own: Binding | None, others: Iterable[Binding]) -> tuple[str, str]:
    """A `moved:` block leads to an address from others, and they have several records (rule M1)."""
    bound = [each for each in (own, *others) if each is not None]
    both = " and ".join(f"{each.address} is bound to {each.id}" for each in bound)
    wrong = " or ".join(f"`lfsync state rm {each.address}`" for each in bound)
    what = f"`moved` says that {address} was {' and '.join(str(each.address) for each in others)} before, but {both}"
    return what, f"Let go of the one that is wrong, which stays as it is in Lightfield: {wrong}."


def _points_at_account(term: Term) -> bool:
    return term.rel is not None and term.rel.target == "account"


_GONE_HINT = (
    "Restore it in Lightfield, or let --recreate-missing do so; or name the record that took its place with `id`; "
    "or let go of it with `lfsync state rm`, to find it by match or create it again."
)


def _unsure_hint(kind: Kind) -> str:
    if kind.trash:
        return f"Look at it in Lightfield; a key with {kind.scope}:restore can tell."
    return f"Look at it in Lightfield{'; --recreate-missing takes it out of the trash' if kind.restorable else ''}."


_FORBIDDEN_HINT = "Use a key that may read it, or take it out of the project."

_GONE_ID_HINT = "Restore it in Lightfield; or correct the `id`, or take it out, to find the record by match."


def sought_by(wish: Desired) -> str:
    """By what a resource is looked for, in words."""
    return ", else by ".join(map(describe, wish.queries))


def describe(query: Query) -> str:
    """A query in words: `$name "Acme", $account acme`."""
    return ", ".join(_describe(term) for term in query.terms)


def _describe(term: Term) -> str:
    if term.empty:
        return f"{term.key} empty"
    if term.field is not None:
        return f"{term.key} {' or '.join(_values(term))}"
    return f"{term.key} {', '.join(target.text for target in term.targets)}"


def _values(term: Term) -> list[str]:
    """What a term of a field looks for, each as JSON."""
    if term.field is None or term.empty:
        return []
    shown = VALUE_TYPES[term.field.type].text(term.sent, term.field)
    return [json.dumps(item, ensure_ascii=False) for item in (shown if isinstance(shown, list) else [shown])]


def quotes(query: Query) -> tuple[Quoted, ...]:
    """What `describe` quotes: the values, and of refs what names no resource of this project (rule G2)."""
    found = []
    for term in query.terms:
        found += [Quoted(query.kind, term.key, text.removeprefix('"').removesuffix('"')) for text in _values(term)]
        for target in term.targets:
            found += target_quotes(target, query.kind, term.key)
    return tuple(found)


def target_quotes(target: Target, kind: str, key: str) -> list[Quoted]:
    """What a ref's text tells of records, where a message about `key` of a `kind` shows it."""
    if target.address is not None:
        return []
    found = [Quoted(kind, key, target.text)]
    for term in target.query.terms if target.query else ():
        found.append(Quoted(target.query.kind if target.query else kind, term.key, target.text))
    if "@" in target.text and target.query is None:
        found.append(Quoted("member", "$email", target.text))
    return found


def _ambiguous(query: Query, hits: list[Record]) -> StuckError:
    lines = list(map(named, hits))
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    shown = "; ".join([*lines[:_SHOWN], *more])
    reason = f"{len(hits)} live records match {describe(query)}: {shown}"
    hint = "Name the right one with `id:`, add a field to `match` that tells them apart, or merge them in Lightfield."
    return StuckError(reason, hint, (*quotes(query), *title_quotes(*hits[:_SHOWN])))
