"""Matches and refs to ids. Pure.

A resource finds its record by, in order: `id` in the file, the state's binding, its match (rule I1). A match must hit
exactly one live record; two are refused with the candidates, none means a create. What can't be decided on what has
been read so far is asked for: the resolver collects the reads it wants, refresh makes them, and resolving starts again
from the top with more known. It ends because nothing is asked for twice.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from lfsync.kinds import Kind, is_kind, kind_of
from lfsync.knowledge.finder import Finder
from lfsync.knowledge.knowledge import Knowledge, RecordKey, named
from lfsync.model import Address, Blocked, Desired, DesiredLinks, Query, Record, Schema, Target, Term, Upload
from lfsync.planning.uploads import Holdings, held_content
from lfsync.state.state import Binding, State
from lfsync.values.table import VALUE_TYPES

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which record each address is. An address in neither `ids` nor `blocked` is to be created.

    `adopted`: found by match or `id`, not bound before. `moved`: the address that the record was bound under, before it
    was found so (rule I4) or by a `moved:` block (rule M1).
    `replaced`: the file that an address is bound to, whose content is no more the declared one: it gets another (F1).
    `restored`: bound to a record in the trash that is to be taken out of it (rule I6).
    `contested`: records that a blocked resource may be, for all that is known.
    `named`: records that a ref of anything declared names, by id or match (rule L2).
    """

    ids: Mapping[Address, str]
    adopted: frozenset[Address]
    restored: frozenset[Address]
    moved: Mapping[Address, Address]
    blocked: Mapping[Address, Blocked]
    queries: Mapping[int, str]
    warnings: tuple[str, ...]
    contested: frozenset[RecordKey] = frozenset()
    named: frozenset[RecordKey] = frozenset()
    replaced: Mapping[Address, str] = field(default_factory=dict)

    def target(self, target: Target) -> str | Address:
        """The id that a ref means, or the address of what is still to be created."""
        if target.address is not None:
            return self.ids.get(target.address, target.address)
        if target.query is not None:
            return self.queries[id(target.query)]
        assert target.id is not None
        return target.id

    def match_targets(self, query: Query, ids: Mapping[Address, str] | None = None) -> dict[str, set[str]]:
        """The ids that a query's relationship terms name, by key; `ids`: what addresses have as of now."""
        found: dict[str, set[str]] = {}
        for term in query.terms:
            if term.rel is not None and not term.empty:
                meant = (self.target(target) for target in term.targets)
                now = ((ids or self.ids).get(each) if isinstance(each, Address) else each for each in meant)
                found[term.key] = {id for id in now if id is not None}
        return found


def resolve(
    desired: Mapping[Address, Desired],
    schema: Schema,
    state: State,
    knowledge: Knowledge,
    *,
    recreate_missing: bool = False,
) -> Resolution:
    """Resolve every address; `knowledge` is told what must be read before the answer can be believed."""
    resolver = _Resolver(desired, schema, state, knowledge, recreate_missing)
    for address in desired:
        resolver.address(address)
    resolver.refuse_shared()
    resolver.refuse_contradictions()
    resolver.check_links()
    resolver.note_named()
    return Resolution(
        resolver.ids,
        frozenset(resolver.adopted),
        frozenset(resolver.restored),
        resolver.moved,
        resolver.blocked,
        resolver.queries,
        tuple(resolver.warnings),
        frozenset(resolver.contested),
        frozenset(resolver.named),
        resolver.replaced,
    )


class _StuckError(Exception):
    """This resource can't go on. Never leaves the module."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class _Resolver:
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
        kinds = {desired.query.kind for desired in desired.values() if desired.query} | schema.kinds.keys()
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
        self.done: set[Address] = set()
        self.open: set[Address] = set()

    def address(self, address: Address) -> str | None:
        """The id of an address, None where it is to be created or blocked."""
        if address not in self.done:
            if address in self.open:
                raise _StuckError(f"its match refers to itself through {address}")
            self.open.add(address)
            try:
                self._find(self.desired[address])
            except _StuckError as stuck:
                self._block(address, stuck)
            self.open.discard(address)
            self.done.add(address)
        return self.ids.get(address)

    def _find(self, desired: Desired) -> None:
        address = desired.address
        binding = self.state.bindings.get(address)
        moves = self.state.moves
        if address in moves.disputed:
            raise _StuckError(*_disputed(address, binding, moves.disputed[address]))
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
            raise _StuckError(what, f"Say which is right with `id:`, for example `id: {binding.id}`; trash the other.")
        elif binding is not None:
            self._find_bound(desired, binding.id)
        elif (found := self._sought(desired)) is not None:
            self.ids[address] = found
            self._adopt(address)

    def _find_named(self, desired: Desired, id: str) -> None:
        """The record that `id:` names. With --recreate-missing it comes out of the trash, and never is another one."""
        address = desired.address
        if desired.absent and (self._is_let_go(address, id) or self._may_be_gone(address.kind, id)):
            return
        missing = self._may_return(address, id) or self._is_gone(address.kind, id, "`id` names")
        if missing and not self._restore(address, id):
            what = f"`id` names {id}, which is gone: {self.knowledge.fate(address.kind, id)}"
            raise _StuckError(what, _GONE_ID_HINT)
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
        if not self._may_return(address, id) and not self._is_gone(address.kind, id, "bound to"):
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
            raise _StuckError(f"bound to {id}, which is gone; its match finds another record now: {shown}", hint)
        elif not self.recreate_missing:
            raise _StuckError(f"bound to {id}, which is gone: {self.knowledge.fate(address.kind, id)}", _GONE_HINT)
        else:
            self._restore(address, id)

    def _match_instead(self, desired: Desired, gone: str) -> str | None:
        """The one other record that the match of a resource hits, whose own record is gone."""
        try:
            return self._sought(desired, without=gone)
        except _StuckError as stuck:
            fate = self.knowledge.fate(desired.address.kind, gone)
            raise _StuckError(f"bound to {gone}, which is gone: {fate}; {stuck.reason}", stuck.hint) from None

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
        return self._match(desired.query, desired, without=without) if desired.query is not None else None

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
                raise _StuckError(f"{what}: {self.knowledge.unreadable[kind, record.id]}", "Plan again.")
        if kind in self.knowledge.unlistable:
            what = f"whether its content is there can't be told: the list of {kind}s moves while it is read"
            raise _StuckError(what, "Plan again when it is quiet.")
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
            raise _StuckError(what, "Plan again.")
        return held in (None, sha256)

    def _refuse_other_content(self, desired: Desired, id: str) -> None:
        """An `id` says which file it is, and no file changes: other content would need another id."""
        if desired.upload is None or desired.seed or desired.address not in self.ids or self._holds(desired, id):
            return
        del self.ids[desired.address]
        self.adopted.discard(desired.address)
        what = f"`id` names {id}, which holds other content than `{desired.upload.path}`, and no {desired.address.kind}"
        raise _StuckError(f"{what} can be changed", "Take `id` out to upload it as a new one; or take `path` out.")

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

    def _is_gone(self, kind: str, id: str, how: str) -> bool:
        """Whether a record is gone. What this key may not see, or nobody can be sure of, blocks (rules I6, A9)."""
        presence = self.knowledge.presence(kind, id)
        if presence == "forbidden":
            raise _StuckError(f"{how} {id}: {self.knowledge.fate(kind, id)}", _FORBIDDEN_HINT)
        if presence == "unsure":
            what = f"{how} {id}, which no list shows, so that it may be in the trash: {self._unlisted(kind)}"
            raise _StuckError(what, _unsure_hint(kind_of(kind)))
        return presence == "gone"

    def _unlisted(self, kind: str) -> str:
        trash = self.knowledge.trash.get(kind)
        return (trash and trash.unlisted) or "the API lists none of this kind"

    def _match(self, query: Query, desired: Desired | None = None, *, without: str | None = None) -> str | None:
        """The one record that a query hits, None for no hit (rules I2, I3, I9).

        `desired`: whose match it is; a record that the `id:` of another one names is no hit (rule C10). `without`: an
        id that is none either.
        """
        targets = {}
        for term in query.terms:
            if term.rel is not None and not term.empty:
                linked = {id for target in term.targets if (id := self._target(target))}
                if not linked:
                    self._refuse_cut_off(query, term)
                    return None  # linked to a record that is still to be made: nothing can hit
                targets[term.key] = linked
        found = self._hits(query, targets)
        hits = [hit for hit in found if hit.id != without and not self._is_anothers(hit, desired)]
        if len(hits) > 1:
            doubtful = {(hit.kind, hit.id) for hit in hits if not hit.fresh}
            self.knowledge.wanted.records |= doubtful
            self.contested.update((hit.kind, hit.id) for hit in hits)
            raise _StuckError(*_ambiguous(query, hits))
        by_account = (term.key for term in query.terms if term.key in targets and _points_at_account(term))
        accounts = {id for key in by_account for id in targets[key]}
        searched = self.knowledge.is_searched(query.kind, accounts, found=bool(hits))
        if not (searched or hits) and query.kind in self.knowledge.unlistable:
            raise _StuckError(
                f"whether {describe(query)} exists can't be told: the list of {query.kind}s moves while it is read",
                "Plan again when it is quiet.",
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
            raise _StuckError(what, "Use the key of an admin; or if it is the one, name it with `id:`.")

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
            raise _StuckError(
                what, "If it is the one, name it with `id:`; else restore or unlink what is in the trash."
            )

    def _is_anothers(self, hit: Record, desired: Desired | None) -> bool:
        return desired is not None and self.claimed.get((hit.kind, hit.id), desired.address) != desired.address

    def _target(self, target: Target) -> str | None:
        """The id that a ref means, None where it is still to be created."""
        if target.address is not None:
            found = self.address(target.address)
            if target.address in self.blocked and found is None:
                raise _StuckError(f"refers to {target.address}, which is blocked")
            return found
        if target.query is not None:
            return self._queried(target, target.query)
        return target.id

    def _queried(self, target: Target, query: Query) -> str:
        if id(query) not in self.queries:
            try:
                hit = self._match(query)
            except _StuckError as stuck:
                raise _StuckError(f"{target.place}: {stuck.reason}", stuck.hint) from None
            if hit is None:
                raise _StuckError(
                    f"{target.place}: no live {query.kind} matches {describe(query)}",
                    "Correct the match, or declare the record in this project.",
                )
            self.queries[id(query)] = hit
        return self.queries[id(query)]

    def refuse_shared(self) -> None:
        """Two resources on one record: the unbound one is blocked, both if neither is bound (rule I5)."""
        by_record = defaultdict(list)
        for address, id in self.ids.items():
            by_record[address.kind, id].append(address)
        for (_, id), addresses in by_record.items():
            if len(addresses) < 2:
                continue
            bound = [a for a in addresses if (b := self.state.bindings.get(a)) is not None and b.id == id]
            for address in addresses:
                if [address] == bound:
                    continue
                others = " and ".join(str(other) for other in addresses if other != address)
                reason = f"finds {id}, the record of {others}"
                self._block(address, _StuckError(reason, "Give one of them a match or an `id` that tells them apart."))

    def refuse_contradictions(self) -> None:
        """Both sides of a link, where only their ids tell that they contradict each other (rule C9)."""
        owners = {id: address for address, id in self.ids.items()}
        sides = [
            (desired.address, key, back, link)
            for desired in self.desired.values()
            for key, back in kind_of(desired.address.kind).inverse.items()
            if (link := _managed(desired, key)) is not None
        ]
        found: dict[Address, str] = {}
        for near, key, back, link in sides:
            for meant in map(self._meant, link.include):
                far = owners.get(meant) if isinstance(meant, str) else meant
                theirs = _managed(self.desired[far], back) if far else None
                if far and theirs and not {near, far} & self.blocked.keys() and self._leaves_out(theirs, near):
                    ours = f"`{key}` links {far}, whose `{back}` at {theirs.place} leaves {near} out"
                    found.setdefault(near, ours)
                    found.setdefault(far, f"`{back}` leaves {near} out, whose `{key}` at {link.place} links {far}")
        for address, reason in found.items():
            self._block(address, _StuckError(reason, "Declare the link on one side, or alike on both."))

    def _leaves_out(self, links: DesiredLinks, address: Address) -> bool:
        here = self.ids.get(address, address)
        if any(self._meant(target) == here for target in links.exclude):
            return True
        meant = [self._meant(target) for target in links.include]
        return links.exact and here not in meant and None not in meant

    def _meant(self, target: Target) -> str | Address | None:
        """As `Resolution.target`; None where a match was not resolved."""
        if target.address is not None:
            return self.ids.get(target.address, target.address)
        try:
            return self._target(target)
        except _StuckError:
            return None

    def note_named(self) -> None:
        """The records that refs name: what somebody still refers to is no orphan (rule L2)."""
        for desired in self.desired.values():
            links = desired.all_links
            targets = [(link.definition.target, t) for link in links for t in (*link.include, *link.exclude)]
            terms = desired.query.terms if desired.query else ()
            targets += [(term.rel.target, target) for term in terms if term.rel for target in term.targets]
            for kind, target in targets:
                meant = None if target.address is not None else self._meant(target)
                if isinstance(meant, str):
                    self.named.add((kind, meant))

    def check_links(self) -> None:
        """Block what refers to something that is blocked without an id, or is not there; until nothing changes."""
        waiting = [d for address, d in self.desired.items() if address not in self.blocked]
        blocked = -1
        while blocked != len(self.blocked):
            blocked = len(self.blocked)
            for desired in waiting:
                if desired.address in self.blocked:
                    continue
                try:
                    self._check(desired)
                except _StuckError as stuck:
                    self._block(desired.address, stuck)

    def _check(self, desired: Desired) -> None:
        if desired.absent:
            return  # it goes, and its links with it
        for link in desired.all_links:
            for target in link.include:
                if target.address is not None and self.desired[target.address].absent:
                    what = f"{target.place}: refers to {target.address}, which is declared absent"
                    raise _StuckError(what, _ABSENT_HINT)
            for target in (*link.include, *link.exclude):
                self._target(target)
                if target.id is not None and is_kind(link.definition.target):
                    self._check_present(link, target, target.id)
            if both := self._both(link):
                what = f"`{link.definition.key}` includes and excludes {both[0].text} and {both[1].text}, one record"
                raise _StuckError(f"{both[1].place}: {what}", "Take one of them out.")

    def _check_present(self, link: DesiredLinks, target: Target, id: str) -> None:
        kind = link.definition.target
        try:
            gone = self._is_gone(kind, id, f"`{link.definition.key}` names")
        except _StuckError as stuck:
            if self.knowledge.presence(kind, id) == "forbidden":
                return  # this key may not read it, and may still link it: the API will say
            raise _StuckError(f"{target.place}: {stuck.reason}", stuck.hint) from None
        if gone:
            what = f"`{link.definition.key}` names {id}, which is gone: {self.knowledge.fate(kind, id)}"
            raise _StuckError(f"{target.place}: {what}")

    def _both(self, link: DesiredLinks) -> tuple[Target, Target] | None:
        """Two refs to one record, one that includes it and one that excludes it."""
        if not link.include or not link.exclude:
            return None
        included = {meant: target for target in link.include if (meant := self._meant(target)) is not None}
        for target in link.exclude:
            meant = self._meant(target)
            if meant is not None and meant in included:
                return included[meant], target
        return None

    def _block(self, address: Address, stuck: _StuckError) -> None:
        self.ids.pop(address, None)
        self.adopted.discard(address)
        self.restored.discard(address)
        self.moved.pop(address, None)
        self.replaced.pop(address, None)
        self.blocked[address] = Blocked(address, stuck.reason, stuck.hint, self.desired[address].place)


def _disputed(address: Address, own: Binding | None, others: Iterable[Binding]) -> tuple[str, str]:
    """A `moved:` block leads to an address from others, and they have several records (rule M1)."""
    bound = [each for each in (own, *others) if each is not None]
    both = " and ".join(f"{each.address} is bound to {each.id}" for each in bound)
    wrong = " or ".join(f"`lfsync state rm {each.address}`" for each in bound)
    what = f"`moved` says that {address} was {' and '.join(str(each.address) for each in others)} before, but {both}"
    return what, f"Let go of the one that is wrong, which stays as it is in Lightfield: {wrong}."


def _points_at_account(term: Term) -> bool:
    return term.rel is not None and term.rel.target == "account"


def _managed(desired: Desired, key: str) -> DesiredLinks | None:
    return None if desired.absent or key in desired.ignore_changes else desired.links.get(key)


_GONE_HINT = (
    "Restore it in Lightfield, or let --recreate-missing do so; or name the record that took its place with `id`; "
    "or let go of it with `lfsync state rm`, to find it by match or create it again."
)


def _unsure_hint(kind: Kind) -> str:
    if kind.trash:
        return f"Look at it in Lightfield; a key with {kind.scope}:restore can tell."
    return f"Look at it in Lightfield{'; --recreate-missing takes it out of the trash' if kind.restorable else ''}."


_ABSENT_HINT = "Take the ref out, or the `absent: true`."

_FORBIDDEN_HINT = "Use a key that may read it, or take it out of the project."

_GONE_ID_HINT = "Restore it in Lightfield; or correct the `id`, or take it out, to find the record by match."


def describe(query: Query) -> str:
    """A query in words: `$name "Acme", $account acme`."""
    return ", ".join(_describe(term) for term in query.terms)


def _describe(term: Term) -> str:
    if term.empty:
        return f"{term.key} empty"
    if term.field is not None:
        shown = VALUE_TYPES[term.field.type].text(term.sent, term.field)
        listed = shown if isinstance(shown, list) else [shown]
        return f"{term.key} {' or '.join(json.dumps(item, ensure_ascii=False) for item in listed)}"
    return f"{term.key} {', '.join(target.text for target in term.targets)}"


def _ambiguous(query: Query, hits: list[Record]) -> tuple[str, str]:
    lines = list(map(named, hits))
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    shown = "; ".join([*lines[:_SHOWN], *more])
    reason = f"{len(hits)} live records match {describe(query)}: {shown}"
    hint = "Name the right one with `id:`, add a field to `match` that tells them apart, or merge them in Lightfield."
    return reason, hint
