"""`--only` and `--exclude`: which resources a plan is for, and what they need (rule P3). Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from lfsync.errors import UsageError
from lfsync.kinds import kind_of
from lfsync.model import Address, Blocked, Change, Desired
from lfsync.planning.draft import Draft, pending, query_targets
from lfsync.planning.rule_lists import is_ruled, rests_on
from lfsync.planning.uploads import makes_record
from lfsync.wording import did_you_mean

_FILE = "file:"
_HINT = "A pattern is an address with `*` and `?` (`account.acme-*`), a kind (`task`) or a file (`file:crm/a.yaml`)."


@dataclass(frozen=True, slots=True)
class Patterns:
    """What the command line names. False where it names nothing, and the plan is for everything.

    `called`: how the command line calls what `only` holds.
    """

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    called: ClassVar[str] = "--only"

    def __bool__(self) -> bool:
        return bool(self.only or self.exclude)


class Arguments(Patterns):
    """What a command names by its arguments, not by --only."""

    called = "PATTERN"


ALL = Patterns()


@dataclass(frozen=True, slots=True)
class Selection:
    """`chosen` are planned, and these `orphans` may go; `seen` are looked at too, for what is chosen refers to them.

    `excluded`: what is never planned, whatever depends on it.
    """

    chosen: Mapping[Address, Desired]
    seen: Mapping[Address, Desired]
    orphans: frozenset[Address] = frozenset()
    whole: bool = False
    excluded: frozenset[Address] = frozenset()

    @property
    def perhaps(self) -> Mapping[Address, Desired]:
        """What may be planned: a draft tells which changes a list by rule takes along."""
        if not any(map(is_ruled, self.chosen.values())):
            return self.chosen
        return {address: wish for address, wish in self.seen.items() if address not in self.excluded}

    def along(self, made: Draft) -> Selection:
        """With the resources on whose changes it rests who is in a list by rule, and all that these depend on (K1)."""
        rests = [by for address in self.chosen.keys() & made.rests.keys() for by in made.rests[address].values()]
        more = {address for by in rests for address in by} & self.seen.keys() - self.chosen.keys()
        if not more or self.whole:
            return self
        taken = {*self.chosen, *with_dependencies(self.seen, more, without=self.excluded)}
        return replace(self, chosen={address: wish for address, wish in self.seen.items() if address in taken})

    def cut(self, made: Draft) -> None:
        """Leave in the draft what is chosen; what needs a record that an excluded resource would make is blocked."""
        if self.whole:
            return
        missing = {a for a, change in made.changes.items() if _is_making(change)} - self.chosen.keys()
        missing -= self.orphans
        made.restrict(self.chosen.keys() | self.orphans)
        while found := list(_needing(made, self.chosen, missing)):
            for address, needed in found:
                if made.can_do_without(address, needed):
                    continue
                made.blocked[address] = self._blocked(address, needed)
                was = made.changes.pop(address)
                if _is_making(was):
                    missing.add(address)

    def _blocked(self, address: Address, needed: Address) -> Blocked:
        place = self.chosen[address].place
        if needed in self.chosen:
            return Blocked(address, f"{needed}, which it needs, is blocked", None, place)
        reason = f"it needs {needed}, which has no live record yet and is left out of this run"
        return Blocked(address, reason, f"Don't exclude {needed}, or exclude {address} too.", place)


def _is_making(change: Change) -> bool:
    return change.action == "restore" or makes_record(change)


def select(desired: Mapping[Address, Desired], orphans: Collection[Address], patterns: Patterns = ALL) -> Selection:
    """What the patterns choose among what is declared, and the orphans that may go.

    Only a full address chooses an orphan; any pattern excludes one. UsageError for a pattern that matches nothing.
    """
    if not patterns:
        return Selection(desired, desired, whole=True)
    known = _Known(desired, orphans)
    excluded = frozenset(address for text in patterns.exclude for address in known.matched(text, "--exclude"))
    if not patterns.only:
        chosen = {address: wish for address, wish in desired.items() if address not in excluded}
        # An orphan may turn out to be the record of anything declared (rule I4).
        seen = desired if orphans else with_dependencies(desired, chosen)
        return Selection(chosen, seen, frozenset(orphans) - excluded, excluded=excluded)
    named = {address for text in patterns.only for address in known.matched(text, patterns.called)}
    going = (named & set(orphans)) - excluded
    chosen = with_dependencies(desired, (named & desired.keys()) - excluded, without=excluded)
    kinds = {kind for wish in chosen.values() for kind in rests_on(wish)}
    seen = with_dependencies(desired, [*chosen, *(address for address in desired if address.kind in kinds)])
    return Selection(chosen, seen, frozenset(going), excluded=excluded)


def matching(desired: Mapping[Address, Desired], patterns: Patterns) -> set[Address]:
    """The declared resources that patterns name, and nothing that these depend on. UsageError as with `select`."""
    known = _Known(desired, ())
    return {address for text in patterns.only for address in known.matched(text, patterns.called)}


def witnesses(
    desired: Mapping[Address, Desired], bound: Container[Address], orphans: Iterable[Address]
) -> dict[Address, Desired]:
    """What must be resolved before these orphans may go: all that might turn out to be one of them (rule I4)."""
    kinds = {orphan.kind for orphan in orphans}
    unbound = [a for a, wish in desired.items() if a.kind in kinds and (wish.id is not None or a not in bound)]
    naming = [address for address, wish in desired.items() if _named_kinds(wish) & kinds]
    return with_dependencies(desired, [*unbound, *naming])


def _named_kinds(wish: Desired) -> set[str]:
    """The kinds of what a resource names by id or match: such a record is no orphan (rule L2)."""
    links = wish.all_links
    named = {link.definition.target for link in links for t in (*link.include, *link.exclude) if t.address is None}
    terms = wish.query.terms if wish.query else ()
    return named | {term.rel.target for term in terms if term.rel for t in term.targets if t.address is None}


def mentioned(changes: Iterable[Change]) -> set[Address]:
    """The resources that the links and members of a plan name: who applies it has to know their ids."""
    links = (link for change in changes for link in (*change.relationships, change.members) if link is not None)
    return {Address.parse(text) for link in links for text in (*link.add, *link.remove) if "." in text}


def with_dependencies(
    desired: Mapping[Address, Desired], named: Iterable[Address], *, without: Container[Address] = ()
) -> dict[Address, Desired]:
    """The named resources and all they depend on, as far as a way leads there around `without`."""
    waiting = list(named)
    chosen: set[Address] = set()
    while waiting:
        address = waiting.pop()
        if address not in chosen and address not in without:
            chosen.add(address)
            waiting += _dependencies(desired[address])
    return {address: wish for address, wish in desired.items() if address in chosen}


def with_neighbours(desired: Mapping[Address, Desired], named: Iterable[Address]) -> dict[Address, Desired]:
    """The named resources, all they depend on, and all that may decide about links of theirs from the other side."""
    named = list(named)
    inverses = [(kind_of(a.kind).inverse, desired[a].links) for a in named]
    kinds = {links[key].definition.target for inverse, links in inverses for key in inverse if key in links}
    return with_dependencies(desired, [*named, *(address for address in desired if address.kind in kinds)])


def _dependencies(wish: Desired) -> list[Address]:
    links = wish.all_links
    found = [address for link in links for address in pending((*link.include, *link.exclude))]
    return found + query_targets(wish.query)


def _needing(
    made: Draft, chosen: Mapping[Address, Desired], missing: Container[Address]
) -> Iterator[tuple[Address, Address]]:
    """The changes that add a link to a record that won't be there, or look for their own by one."""
    for address, change in made.changes.items():
        links = (link for link in (*change.relationships, change.members) if link is not None)
        added = [Address.parse(text) for link in links for text in link.add if "." in text]
        wish = chosen.get(address)
        sought = query_targets(wish.query) if wish and change.action == "create" else []
        needed = next((each for each in (*added, *sought) if each in missing), None)
        if needed is not None:
            yield address, needed


# ---------------------------------------------------------------- patterns


class _Known:
    """What a pattern may match: what is declared, and orphans."""

    def __init__(self, desired: Mapping[Address, Desired], orphans: Iterable[Address]) -> None:
        self.desired = desired
        self.everything = {*desired, *orphans}

    def matched(self, given: str, option: str) -> set[Address]:
        """The addresses that a pattern stands for. But for --exclude, only its full address stands for an orphan."""
        text = unicodedata.normalize("NFC", given)
        among = self.everything if option == "--exclude" else self.desired.keys()
        match = _matcher(text.removeprefix(_FILE).removeprefix("./"))
        if text.startswith(_FILE):
            found = {address for address, wish in self.desired.items() if match(wish.place.file)}
        else:
            found = {address for address in among if match(str(address)) or match(address.kind)}
            found |= {address for address in self.everything if str(address) == text}
        if not found:
            raise UsageError(f"{option} {given}: nothing that is declared matches it", hint=self._suggestion(text))
        return found

    def _suggestion(self, text: str) -> str:
        """The nearest of what would have matched: of files, addresses or kinds."""
        if text.startswith(_FILE):
            known = {f"{_FILE}{wish.place.file}" for wish in self.desired.values()}
        else:
            known = {str(a) if "." in text else a.kind for a in self.everything}
        return did_you_mean(text, sorted(known)) or _HINT


def _matcher(pattern: str) -> Callable[[str], object]:
    """`*` is any text, `?` any character, everything else is itself."""
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.compile("".join(parts), re.DOTALL).fullmatch
