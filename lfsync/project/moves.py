"""`moved:` blocks: which address a resource had before (rule M1). Pure.

Moves chain, in any order and across files: where `a` became `b` and `b` became `c`, the resource `c` was both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from yaml.nodes import MappingNode, Node, SequenceNode

from lfsync.errors import Problem
from lfsync.kinds import KINDS, is_kind
from lfsync.model import Address, Place, Resource
from lfsync.project.cycles import cycles
from lfsync.project.declarations import Forms, is_null, no_kind
from lfsync.project.documents import items, pairs
from lfsync.project.keys import key_problem
from lfsync.wording import did_you_mean, nfc

MOVED: Final = "moved"
ENDS: Final = ("from", "to")
_FORM: Final = "write {from: account.birch, to: account.birch-energy}"


class End(NamedTuple):
    """An address that a move names, and where."""

    address: Address
    place: Place


class Move(NamedTuple):
    """One entry of a `moved:` block."""

    before: End
    after: End


# ---------------------------------------------------------------- reading


def read_moves(forms: Forms, node: Node) -> Iterator[Move]:
    """The entries of one block that can be understood; what is wrong with the others is said."""
    if isinstance(node, SequenceNode):
        for item in items(node):
            ends = _ends(forms, item)
            if ends is not None:
                yield ends
    elif not is_null(node):
        forms.say(node, f"`{MOVED}` must be a list", f"{_FORM}, each as an item of a list")


def _ends(forms: Forms, node: Node) -> Move | None:
    if not isinstance(node, MappingNode):
        forms.say(node, f"an item of `{MOVED}` must be a mapping", _FORM)
        return None
    found: dict[str, End | None] = {}
    for key, value in pairs(node):
        if key.value in ENDS:
            found[key.value] = _end(forms, key.value, value)
        else:
            forms.unknown(key, ENDS, f"`{MOVED}`")
    for part in ENDS:
        if part not in found:
            forms.say(node, f"`{part}` is missing in `{MOVED}`", _FORM)
    before, after = (found.get(part) for part in ENDS)
    return Move(before, after) if before and after else None


def _end(forms: Forms, part: str, node: Node) -> End | None:
    text = forms.text(node, f"`{part}`")
    if text is None:
        return None
    try:
        address = Address.parse(nfc(text.strip()))
    except ValueError:
        forms.say(node, f"`{part}`: `{text}` is no address", "an address is `kind.key`: `account.birch`")
        return None
    wrong = key_problem(address.key) if is_kind(address.kind) else _not_a_kind(address.kind)
    if wrong:
        forms.say(node, f"`{part}`: {wrong[0]}", wrong[1])
        return None
    return End(address, forms.place(node))


def _not_a_kind(name: str) -> tuple[str, str]:
    message, hint = no_kind(name)
    return message, hint if hint else f"kinds are {', '.join(KINDS)}, object.SLUG"


# ---------------------------------------------------------------- checking


def check_moves(moves: Sequence[Move], resources: Mapping[Address, Resource]) -> Iterator[Problem]:
    """What the files alone can tell of all moves together."""
    firsts: dict[Address, Move] = {}
    for move in moves:
        first = firsts.setdefault(move.before.address, move)
        if first is not move:
            message = f"`from` twice; it is first at {first.before.place}"
            yield _problem(move.before, message, "keep the one that is right")
        else:
            yield from _check(move, moves, resources)
    circles = {address for circle in cycles(_graph(firsts.values())) if len(circle) > 1 for address in circle}
    for move in firsts.values():
        if move.before.address in circles:
            message = f"`{MOVED}` leads back to where it begins"
            yield _problem(move.before, message, "take out what is not meant: a chain ends at a declared resource")


def _check(move: Move, moves: Sequence[Move], resources: Mapping[Address, Resource]) -> Iterator[Problem]:
    before, after = move
    if before.address == after.address:
        yield _problem(after, "`from` and `to` are the same", "take it out")
        return
    if before.address.kind != after.address.kind:
        what = f"{before.address} can't become another kind: a record stays what it is"
        yield _problem(after, what, "only the key can change")
        return
    if before.address in resources:
        what = f"`from` is still declared, at {resources[before.address].place}"
        yield _problem(before, what, "rename it there as well, or take this out")
    if after.address not in resources and not any(each.before.address == after.address for each in moves):
        near = did_you_mean(str(after.address), _of_kind(after.address.kind, resources))
        hint = near or "declare it under this key, or take this out"
        yield _problem(after, f"`{MOVED}` leads to it, and it is not declared", hint)


def _of_kind(kind: str, resources: Iterable[Address]) -> Iterator[str]:
    return (str(address) for address in resources if address.kind == kind)


def _problem(end: End, message: str, hint: str) -> Problem:
    return Problem(message, end.place, str(end.address), hint)


# ---------------------------------------------------------------- following


def former(moves: Collection[Move]) -> dict[Address, tuple[Address, ...]]:
    """By the address that is declared now, all that its resource had before, the latest first."""
    into: dict[Address, list[Address]] = {}
    for move in moves:
        into.setdefault(move.after.address, []).append(move.before.address)
    ends = into.keys() - {move.before.address for move in moves}
    return {end: tuple(_back(end, into)) for end in sorted(ends)}


def _back(end: Address, into: Mapping[Address, Sequence[Address]]) -> list[Address]:
    found: list[Address] = []
    waiting = [end]
    while waiting:
        new = [each for address in waiting for each in sorted(into.get(address, ())) if each not in found]
        found += new
        waiting = new
    return found


def _graph(moves: Iterable[Move]) -> dict[Address, tuple[Address, ...]]:
    return {move.before.address: (move.after.address,) for move in moves}
