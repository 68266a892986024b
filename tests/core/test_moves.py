"""`moved:` blocks as values: which addresses a resource had, and what that makes of the bindings (rule M1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.model import Address, Place, Resource
from lfsync.planning.draft import Wishes
from lfsync.project.moves import End, Move, check_moves, former
from lfsync.state.state import Binding, Hashes, Released, State
from tests.core.world import STATE, bound, drafted, live, record

ADDRESSES = [Address("account", f"k{n}") for n in range(9)]
PLACE = Place("crm.yaml", 1, 1)
A, B, C = ADDRESSES[:3]


def _moves(steps: Mapping[Address, Address]) -> list[Move]:
    return [Move(End(before, PLACE), End(after, PLACE)) for before, after in steps.items()]


# Each address moves to one before it, or to none: chains and trees of every form, never a circle.
_STEPS = st.tuples(*(st.none() | st.sampled_from(ADDRESSES[:n]) for n in range(1, len(ADDRESSES)))).map(
    lambda afters: {before: after for before, after in zip(ADDRESSES[1:], afters, strict=True) if after}
)
# Of each address the record: its own, the one of its end (as after a kill or a merge), or none.
_BOUND = st.tuples(*(st.sampled_from(["own", "end", None]) for _ in ADDRESSES))


def _end(address: Address, steps: Mapping[Address, Address]) -> Address:
    while address in steps:
        address = steps[address]
    return address


def _state(steps: Mapping[Address, Address], how: tuple[str | None, ...]) -> State:
    chosen = {address: each for address, each in zip(ADDRESSES, how, strict=True) if each}
    of = {address: _end(address, steps) if each == "end" else address for address, each in chosen.items()}
    return bound(*(Binding(address, f"acc_{own.key}", n) for n, (address, own) in enumerate(of.items())))


def _groups(steps: Mapping[Address, Address]) -> dict[Address, set[Address]]:
    """By the end of each chain, all that leads there."""
    found: dict[Address, set[Address]] = {}
    for before in steps:
        found.setdefault(_end(before, steps), set()).add(before)
    return found


@settings(max_examples=200, deadline=None)
@given(_STEPS, st.randoms(use_true_random=False))
def test_chains_are_followed_in_any_order(steps: dict[Address, Address], order: Random) -> None:
    moves = _moves(steps)
    shuffled = order.sample(moves, len(moves))
    assert {end: set(befores) for end, befores in former(moves).items()} == _groups(steps)
    assert former(shuffled) == former(moves)
    assert not list(check_moves(shuffled, {end: Resource(end, PLACE) for end in _groups(steps)}))


@settings(max_examples=300, deadline=None)
@given(_STEPS, _BOUND)
def test_no_binding_is_lost(steps: dict[Address, Address], how: tuple[str | None, ...]) -> None:
    """One record goes to one address; what several addresses dispute stays where it is; all can be taken back."""
    before = _state(steps, how)
    after = before.moving(former(_moves(steps)))
    assert after.as_kept().bindings == before.bindings
    assert {each.id for each in after.bindings.values()} == {each.id for each in before.bindings.values()}
    for end, befores in _groups(steps).items():
        ids = {before.bindings[a].id for a in (*befores, end) if a in before.bindings}
        if len(ids) > 1:
            assert {each.address for each in after.moves.disputed[end]} == befores & before.bindings.keys()
            assert not befores & set(after.orphans([end])), "what is disputed is no orphan"
            continue
        assert not befores & after.bindings.keys()
        assert {each.id for a, each in after.bindings.items() if a == end} == ids
    again = replace(after, moves=STATE.moves).moving(after.moves.former)
    assert again.bindings == after.bindings
    assert not again.moves.taken, "a done move is done"


@settings(max_examples=200, deadline=None)
@given(_STEPS, _BOUND, st.booleans())
def test_what_a_plan_makes_of_it(steps: dict[Address, Address], how: tuple[str | None, ...], renamed: bool) -> None:
    """Rule M1: an adopt, or an update where more differs, that says where from; no create, orphan or delete."""
    groups, before = _groups(steps), _state(steps, how)
    declared = [a for a in ADDRESSES if a in groups or a not in steps]
    names = {
        a: f"{'New ' if renamed else ''}{before.bindings[a].id if a in before.bindings else 'x'}" for a in declared
    }
    for end, befores in groups.items():
        olds = [before.bindings[a].id for a in befores if a in before.bindings]
        names[end] = f"{'New ' if renamed else ''}{olds[0]}" if olds else names[end]
    text = "accounts:\n" + "".join(
        f"  {a.key}: {{match: {{$name: 'none of {a.key}'}}, fields: {{$name: {names[a]}}}}}\n" for a in declared
    )
    ids = {each.id for each in before.bindings.values()}
    now = live(*(record(id, {"$name": id}, fresh=True) for id in ids))
    now.shows_trashed["account"] = False
    made = drafted(text, now, before.moving(former(_moves(steps))), Wishes(prune=True))
    for end in declared:
        former_ones = [before.bindings[a] for a in sorted(groups.get(end, ())) if a in before.bindings]
        own = before.bindings.get(end)
        change = made.changes.get(end)
        if len({each.id for each in (*former_ones, own) if each}) > 1:
            assert change is None
            assert all(each.id in made.blocked[end].reason for each in former_ones)
            continue
        if own or not former_ones:
            assert change is None or change.moved_from is None
            assert (change.action if change else None) == ("create" if not own else "update" if renamed else None)
            continue
        assert change is not None
        assert change.action == ("update" if renamed else "adopt")
        assert change.adopted
        assert change.moved_from in {each.address for each in former_ones}
        assert made.bindings[end].generation >= max(
            each.generation for each in former_ones if each.address == change.moved_from
        )
    assert not [address for address, change in made.changes.items() if change.action == "delete"]


def test_the_generation_is_the_higher_one() -> None:
    """Rule A2: a key that the new address used for creates of its own is never sent again; `state mv` does the same."""
    state = bound(Binding(A, "acc_1", 2, "created", None, {"$name": Hashes("d", "l")}, protect=True, also=("acc_2",)))
    state = replace(state, released={B: Released(B, 5, "acc_9", "2026-01-01T00:00:00Z")})
    moved = state.moving({B: (A,)})
    renamed = state.renamed(A, B, "2026-01-02T00:00:00Z")
    assert moved.bindings == renamed.bindings == {B: replace(state.bindings[A], address=B, generation=5)}
    assert renamed.released == {A: Released(A, 2, "acc_1", "2026-01-02T00:00:00Z")}


def test_what_a_run_finds_out_moves_too() -> None:
    """Rule A4: a create that a killed run made under the old address is the record of the new one."""
    state = STATE.moving({B: (A,)})
    found = state.binding({A: Binding(A, "acc_1", 1, "created")})
    assert found.bindings[B].id == "acc_1"
    assert found.as_kept().bindings.keys() == {A}
    both = found.binding({B: Binding(B, "acc_2", 1, "created")})
    assert {each.id for each in both.moves.disputed[B]} == {"acc_1"}
    assert both.bindings.keys() == {A, B}


def test_mistakes_never_hang() -> None:
    """A circle with a way out, and one `from` twice: told, and followed to an end all the same."""
    moves = [*_moves({A: B, B: A}), Move(End(A, PLACE), End(C, PLACE))]
    assert former(moves)[C] == (A, B)
    assert len([*check_moves(moves, {})]) >= 2
