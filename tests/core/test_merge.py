"""Two states made one (rule M2): cases by hand, and what holds for any two states."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.errors import StateError
from lfsync.model import Address
from lfsync.state.merge import Line, merge, merged_line
from lfsync.state.state import Binding, Hashes, LinkHashes, State, decode, encode

SALT, OTHER_SALT = "0123456789abcdef", "fedcba9876543210"
A, B = Address("account", "a"), Address("account", "b")
OLD, NEW, NEWER = Hashes("d0", "l0"), Hashes("d1", "l1"), Hashes("d2", "l2")


def state(*bindings: Binding, salt: str = SALT, ids: Iterable[str] = ()) -> State:
    return State(salt, tuple(ids), {binding.address: binding for binding in bindings})


def merged(base: State | None, ours: State, theirs: State) -> State:
    return decode(merge(encode(base) if base else "", encode(ours), encode(theirs)), "merged")


def bound(base: Binding | None, ours: Binding | None, theirs: Binding | None) -> Binding | None:
    """What becomes of one address."""
    sides = [state(*([side] if side else [])) for side in (base, ours, theirs)]
    return merged(*sides).bindings.get(A)


def keyed(**fields: Hashes) -> Binding:
    return Binding(A, "acc_1", fields=fields)


# ---------------------------------------------------------------- by hand


def test_what_two_clones_bound_is_all_there() -> None:
    """Two pull requests merged before the first run ends: nothing that either bound is lost."""
    base = state(Binding(A, "acc_1"))
    ours = state(Binding(A, "acc_1"), Binding(B, "acc_2"))
    theirs = state(Binding(A, "acc_1"), Binding(Address("task", "t"), "tsk_1"))
    assert {*merged(base, ours, theirs).bindings} == {A, B, Address("task", "t")}


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "kept"),
    [
        pytest.param({"x": OLD}, {"x": OLD}, {"x": NEW}, {"x": NEW}, id="one moved"),
        pytest.param({"x": OLD}, {"x": NEW}, {"x": NEW}, {"x": NEW}, id="both moved alike"),
        pytest.param({"x": OLD}, {"x": NEW}, {"x": NEWER}, {}, id="both moved: dropped"),
        pytest.param({}, {"x": NEW}, {"x": NEWER}, {}, id="both added: dropped"),
        pytest.param({"x": OLD}, {}, {"x": OLD}, {}, id="let go of"),
        pytest.param({"x": OLD}, {}, {"x": NEW}, {}, id="let go of and moved: nothing can be told"),
        pytest.param({"x": OLD, "y": OLD}, {"x": NEW, "y": OLD}, {"x": OLD, "y": NEW}, {"x": NEW, "y": NEW}, id="two"),
    ],
)
def test_hashes_by_key(
    base: dict[str, Hashes], ours: dict[str, Hashes], theirs: dict[str, Hashes], kept: dict[str, Hashes]
) -> None:
    """Three-way per key; where both moved, the hash is dropped."""
    assert bound(keyed(**base), keyed(**ours), keyed(**theirs)) == keyed(**kept)
    assert bound(keyed(**base), keyed(**theirs), keyed(**ours)) == keyed(**kept)


def test_the_higher_generation_and_the_later_write() -> None:
    early, late = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
    ours, theirs = Binding(A, "acc_1", 3, written_at=early), Binding(A, "acc_1", 2, written_at=late)
    assert bound(ours, ours, theirs) == bound(None, theirs, ours) == Binding(A, "acc_1", 3, written_at=late)


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "kept"),
    [
        (True, True, False, False),
        (False, True, False, True),
        (True, False, False, False),
        (None, True, False, True),
        (None, False, False, False),
    ],
)
def test_protect(base: bool | None, ours: bool, theirs: bool, kept: bool) -> None:
    """Three-way, else true."""
    one, two = Binding(A, "acc_1", protect=ours), Binding(A, "acc_1", protect=theirs)
    ancestor = None if base is None else Binding(A, "acc_1", protect=base)
    for made in (bound(ancestor, one, two), bound(ancestor, two, one)):
        assert made is not None
        assert made.protect == kept


def test_removed_here() -> None:
    """Removed here, changed there: kept. Removed here and untouched there: gone."""
    assert bound(keyed(x=OLD), None, keyed(x=NEW)) == bound(keyed(x=OLD), keyed(x=NEW), None) == keyed(x=NEW)
    assert bound(keyed(x=OLD), None, keyed(x=OLD)) is bound(keyed(x=OLD), keyed(x=OLD), None) is None


@pytest.mark.parametrize(
    ("one", "two", "kept"),
    [
        (Binding(A, "acc_1", 2), Binding(A, "acc_2", 1), Binding(A, "acc_1", 2, also=("acc_2",))),
        (Binding(A, "acc_2", 1), Binding(A, "acc_1", 1), Binding(A, "acc_1", 1, also=("acc_2",))),
        (Binding(A, "acc_1", also=("acc_3",)), Binding(A, "acc_2"), Binding(A, "acc_1", also=("acc_2", "acc_3"))),
    ],
)
def test_two_ids_for_one_address(one: Binding, two: Binding, kept: Binding) -> None:
    """That of the higher generation, then the smaller id; the other stands in `also`."""
    assert bound(None, one, two) == bound(None, two, one) == bound(Binding(A, "acc_0"), one, two) == kept


def test_a_record_of_its_own_on_one_side_is_no_question() -> None:
    """Three-way: a record that one side made anew (`--recreate-missing`) has no rival in the one that is gone."""
    old, anew = Binding(A, "acc_9", 1, fields={"x": OLD}), Binding(A, "acc_1", 2, fields={"x": NEW})
    assert bound(old, anew, replace(old, fields={"x": NEWER})) == anew
    assert bound(old, old, anew) == anew


def test_what_one_side_settled_is_settled() -> None:
    open_, settled = Binding(A, "acc_1", also=("acc_2",)), Binding(A, "acc_1")
    assert bound(open_, settled, open_) == bound(open_, open_, settled) == settled
    assert bound(settled, open_, settled) == open_


def test_what_one_side_wrote_is_owed_no_more() -> None:
    """Keys that a create still owes (rule L1) go one by one: what either side has sent is not sent again."""
    all_, none = Binding(A, "acc_1", owed=("x", "y")), Binding(A, "acc_1")
    one, other = replace(all_, owed=("x",)), replace(all_, owed=("y",))
    assert bound(all_, all_, one) == bound(all_, one, all_) == bound(all_, one, one) == one
    assert bound(all_, one, other) == bound(all_, none, one) == none
    assert bound(none, one, none) == bound(None, one, one) == one


def test_hashes_under_another_salt_say_nothing() -> None:
    """They are dropped, also where OURS has one of the same key: the other side may have moved it since."""
    line = Binding(A, "acc_1", fields={"x": OLD, "mine": OLD})
    base, ours = state(line), state(line, Binding(B, "acc_2", fields={"x": OLD}))
    theirs = state(Binding(A, "acc_1", fields={"x": OLD}), Binding(Address("task", "t"), "tsk_1", fields={"x": OLD}))
    made = merged(base, ours, replace(theirs, salt=OTHER_SALT))
    assert made.salt == SALT
    assert made.bindings[A].fields == {}
    assert made.bindings[B].fields == {"x": OLD}
    assert made.bindings[Address("task", "t")] == Binding(Address("task", "t"), "tsk_1")
    alone = merged(None, state(keyed(x=OLD, mine=OLD)), state(keyed(x=OLD), salt=OTHER_SALT))
    assert alone.bindings[A].fields == {"mine": OLD}


def test_a_state_made_anew_keeps_what_the_old_one_never_moved() -> None:
    """Only OURS was lost and made again, under a salt of its own: the other side is as it was."""
    base = state(keyed(x=OLD), salt=OTHER_SALT)
    assert merged(base, state(keyed(x=NEW)), base).bindings[A] == keyed(x=NEW)


def _released(generation: int = 1, id: str = "acc_1", at: str = "2026-01-02T00:00:00Z") -> Line:
    return Line({"address": "account.a", "generation": generation, "released": id, "at": at})


def _bound(generation: int = 1, id: str = "acc_1", written_at: str = "2026-01-01T00:00:00Z") -> Line:
    return Line({"address": "account.a", "generation": generation, "id": id, "written_at": written_at})


_LATE = "2026-01-03T00:00:00Z"


@pytest.mark.parametrize(
    ("base", "one", "two", "kept"),
    [
        pytest.param(_bound(), _released(), _bound(), _released(), id="let go of here, untouched there"),
        pytest.param(_released(), _bound(2), _released(), _bound(2), id="bound again here"),
        pytest.param(None, _released(2), _released(1, at=_LATE), _released(2), id="the higher generation"),
        pytest.param(None, _released(), _bound(2), _bound(2), id="a binding of a higher generation"),
        pytest.param(_bound(0), _released(), _bound(written_at=_LATE), _bound(written_at=_LATE), id="written since"),
        pytest.param(_bound(0), _released(), _bound(), _released(), id="written before it was let go of"),
        pytest.param(None, _released(2), _bound(1, written_at=_LATE), _released(2), id="a release of a higher one"),
        pytest.param(_released(), None, _released(), None, id="forgotten after its day"),
    ],
)
def test_what_was_let_go_of(base: Line | None, one: Line | None, two: Line, kept: Line | None) -> None:
    """Rule R4's lines: a binding newer than a release wins, else the release."""
    assert merged_line(base, one, two) == merged_line(base, two, one) == kept


def test_ids_of_the_organisation_are_united() -> None:
    made = merged(None, state(ids=["b", "c"]), state(ids=["a", "b"]))
    assert made.ids == ("a", "b", "c")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_that_cannot_be_read_is_named(place: int) -> None:
    texts = [encode(state())] * 3
    texts[place] = encode(state()) + "{"
    with pytest.raises(StateError, match=f"^{('base', 'ours', 'theirs')[place]}:2: "):
        merge(texts[0], texts[1], texts[2], ("base", "ours", "theirs"))


def test_conflict_markers_are_named_with_the_way_out() -> None:
    """Rule M2: not a word of JSON."""
    head, line = encode(state(Binding(A, "acc_1"))).splitlines()
    text = "\n".join([head, "<<<<<<< HEAD", line, "=======", line, ">>>>>>> topic", ""])
    with pytest.raises(StateError, match=r"^\.lfsync/state/prod\.jsonl:2: the state holds conflict markers") as caught:
        decode(text, ".lfsync/state/prod.jsonl")
    assert "lfsync state merge base ours theirs && mv ours prod.jsonl && rm base theirs`" in (caught.value.hint or "")


# ---------------------------------------------------------------- of any two states

_HASHES = st.sampled_from([OLD, NEW, NEWER, Hashes("d0", None)])
_LINKS = st.sampled_from([LinkHashes("d0", ("l0", "=")), LinkHashes("d1", ("-l0", "l1")), LinkHashes("d0", None)])
_KEYED = st.dictionaries(st.sampled_from(["x", "y"]), _HASHES)
_BINDINGS = st.builds(
    Binding,
    st.builds(Address, st.sampled_from(["account", "object.project"]), st.sampled_from(["a", "b", "ü"])),
    st.sampled_from(["r1", "r2", "r3"]),
    st.integers(0, 2),
    st.sampled_from(["created", "adopted"]),
    st.sampled_from([None, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
    _KEYED,
    st.dictionaries(st.sampled_from(["x", "y"]), _LINKS),
    st.none() | _LINKS,
    st.booleans(),
    owed=st.sampled_from([(), ("x",), ("x", "y")]),
)
_STATES = st.builds(
    lambda bindings, ids, salt: state(*bindings, salt=salt, ids=sorted(ids)),
    st.lists(_BINDINGS, max_size=4),
    st.sets(st.sampled_from(["1", "2", "3"])),
    st.sampled_from([SALT, SALT, OTHER_SALT]),
)
_BASES = st.none() | _STATES


@settings(max_examples=200, deadline=None)
@given(_STATES)
def test_nothing_moved_nothing_changes(one: State) -> None:
    text = encode(one)
    assert merge(text, text, text) == merge("", text, text) == text


@settings(max_examples=200, deadline=None)
@given(_STATES, _STATES)
def test_what_one_side_left_alone_is_as_the_other_says(base: State, moved: State) -> None:
    """But for generations, which never go back, and what is written under another salt."""
    moved = replace(moved, salt=base.salt, ids=tuple(sorted({*base.ids, *moved.ids})))
    made = merged(base, moved, base)
    assert made == merged(base, base, moved)
    assert made.bindings.keys() == moved.bindings.keys()
    for address, binding in moved.bindings.items():
        before = base.bindings.get(address)
        generation = max(binding.generation, before.generation if before else 0)
        written_at = made.bindings[address].written_at  # the later one
        assert made.bindings[address] == replace(binding, generation=generation, written_at=written_at)


@settings(max_examples=300, deadline=None)
@given(_BASES, _STATES, _STATES)
def test_the_sides_may_be_swapped(base: State | None, ours: State, theirs: State) -> None:
    """But for the salt, which is that of OURS, and with it the hashes."""
    made, other = merged(base, ours, theirs), merged(base, theirs, ours)
    assert made.salt == ours.salt
    if ours.salt == theirs.salt:
        assert made == other
    assert _bare(made) == _bare(other)


@settings(max_examples=300, deadline=None)
@given(_BASES, _STATES, _STATES)
def test_no_record_is_forgotten_that_a_side_bound_since(base: State | None, ours: State, theirs: State) -> None:
    before = {} if base is None else {(a, b.id) for a, b in base.bindings.items()}
    made = merged(base, ours, theirs).bindings
    for side in (ours, theirs):
        for address, binding in side.bindings.items():
            if (address, binding.id) not in before:
                assert binding.id in (made[address].id, *made[address].also)
                assert made[address].generation >= binding.generation


@settings(max_examples=200, deadline=None)
@given(_STATES, st.lists(_BINDINGS, max_size=3), st.lists(_BINDINGS, max_size=3))
def test_edits_of_different_addresses_both_survive(base: State, one: list[Binding], two: list[Binding]) -> None:
    mine = {each.address: each for each in one if each.address.kind == "account"}
    yours = {each.address: each for each in two if each.address.kind != "account"}
    made = merged(base, *(replace(base, bindings={**base.bindings, **side}) for side in (mine, yours))).bindings
    for address, binding in (mine | yours).items():
        assert (made[address].id, made[address].fields) == (binding.id, binding.fields)


def _bare(made: State) -> list[dict[str, object]]:
    """A state without what depends on its salt."""
    bare = [replace(each, fields={}, links={}, members=None) for each in made.bindings.values()]
    return [json.loads(line) for line in encode(state(*bare, ids=made.ids)).splitlines()]
