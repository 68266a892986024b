"""The state file: what is written is read again, byte for byte, and nobody reads a value in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.errors import RefusedError, StateError
from lfsync.model import Address, Member, Schema
from lfsync.state.state import (
    Binding,
    Hashes,
    LinkHashes,
    Released,
    State,
    decode,
    encode,
    organisation_ids,
    refuse_foreign,
)
from tests.core.world import SALT, SCHEMA, STATE, bound

T = TypeVar("T")
A, B = Address("account", "a"), Address("account", "b")
_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="."), min_size=1, max_size=12)
_HASH = st.text("0123456789abcdef", min_size=16, max_size=16)
_HASHES = st.builds(Hashes, _HASH, st.none() | _HASH)
_LINKED = _HASH | _HASH.map("-{}".format) | st.just("=")
_LINK_HASHES = st.builds(LinkHashes, _HASH, st.none() | st.lists(_LINKED, max_size=3).map(tuple))
_ADDRESSES = st.builds(Address, st.sampled_from(["account", "contact", "object.project"]), _WORDS)
_BINDINGS = st.builds(
    Binding,
    _ADDRESSES,
    _WORDS,
    st.integers(0, 5),
    st.sampled_from(["created", "adopted"]),
    st.none() | st.just("2026-01-01T00:00:00Z"),
    st.dictionaries(_WORDS, _HASHES, max_size=3),
    st.dictionaries(_WORDS, _LINK_HASHES, max_size=3),
    st.none() | _LINK_HASHES,
    st.booleans(),
    owed=st.lists(_WORDS, max_size=2).map(tuple),
)
_RELEASED = st.builds(Released, _ADDRESSES, st.integers(0, 5), _WORDS, st.just("2026-01-01T00:00:00Z"))


def _state(ids: list[str], lines: list[Binding | Released]) -> State:
    by_address = {each.address: each for each in lines}
    return State(
        SALT,
        tuple(ids),
        {address: each for address, each in by_address.items() if isinstance(each, Binding)},
        {address: each for address, each in by_address.items() if isinstance(each, Released)},
    )


_STATES = st.builds(_state, st.lists(_HASH, max_size=3), st.lists(_BINDINGS | _RELEASED, max_size=6))


@settings(max_examples=150, deadline=None)
@given(_STATES)
def test_what_is_written_is_read_again(state: State) -> None:
    assert decode(encode(state), "s") == state


@settings(max_examples=100, deadline=None)
@given(_STATES, st.randoms(use_true_random=False))
def test_the_same_state_has_the_same_bytes(state: State, order: Random) -> None:
    text = encode(state)
    bindings, released = dict(_shuffled(state.bindings, order)), dict(_shuffled(state.released, order))
    assert encode(replace(state, bindings=bindings, released=released)) == text == encode(decode(text, "s"))


def _shuffled(lines: Mapping[Address, T], order: Random) -> list[tuple[Address, T]]:
    return order.sample(list(lines.items()), len(lines))


@settings(max_examples=100, deadline=None)
@given(_STATES)
def test_a_line_for_each_address_in_order(state: State) -> None:
    header, *lines = encode(state).removesuffix("\n").split("\n")
    assert json.loads(header)["lfsync_state"] == 1
    assert [Address.parse(json.loads(line)["address"]) for line in lines] == sorted({*state.bindings, *state.released})
    assert state.lines() == {Address.parse(json.loads(line)["address"]): n for n, line in enumerate(lines, 2)}


@settings(max_examples=200, deadline=None)
@given(_STATES, st.data())
def test_damage_is_named_by_its_line_or_harmless(state: State, data: st.DataObject) -> None:
    lines = encode(state).split("\n")
    number = data.draw(st.integers(0, len(lines) - 1))
    lines[number] = data.draw(st.sampled_from(["{", "[]", "null", '"', "\x00", '{"address": 1}', "<<<<<<< HEAD"]))
    with pytest.raises(StateError, match=f"^s:{number + 1}: "):
        decode("\n".join(lines), "s")


@pytest.mark.parametrize(
    "line",
    [
        '{"address":"account","id":"acc_1","origin":"created"}',
        '{"address":"account.a","id":"acc_1","origin":"stolen"}',
        '{"address":"account.a","id":"acc_1","origin":"created","more":1}',
        '{"address":"account.a","id":"acc_1","origin":"created","fields":{"x":["a"]}}',
        '{"address":"account.a","id":"acc_1","origin":"created","relationships":{"x":["a","b"]}}',
        '{"address":"planet.mars","id":"acc_1","origin":"created"}',
        '{"address":"planet.mars","generation":0,"released":"acc_1","at":""}',
        '{"address":"account.a","generation":0,"released":"acc_1"}',
        '{"address":"account.a","id":"acc_2","generation":0,"released":"acc_1","at":""}',
    ],
)
def test_an_unreadable_line_says_why(line: str) -> None:
    with pytest.raises(StateError, match=r"^s:2: the state can't be read: ."):
        decode(encode(STATE) + line, "s")


@pytest.mark.parametrize("second", [Binding(A, "acc_1"), Released(A, 1, "acc_1", "2026-01-01T00:00:00Z")])
def test_an_address_twice_is_refused(second: Binding | Released) -> None:
    text = encode(bound(Binding(A, "acc_9")))
    with pytest.raises(StateError, match=r"^s:3: .*account\.a stands here twice"):
        decode(text + encode(_state([], [second])).split("\n")[1], "s")


@pytest.mark.parametrize("text", ["", "\n", '{"lfsync_state":2,"salt":"0123456789abcdef","ids":[]}\n', '{"salt":"x"}'])
def test_a_file_without_its_header_is_refused(text: str) -> None:
    with pytest.raises(StateError, match=r"^s:1: "):
        decode(text, "s")


@settings(max_examples=100, deadline=None)
@given(st.text(min_size=3) | st.lists(st.text(min_size=3), min_size=1))
def test_no_value_can_be_read_and_each_salt_hides_it_anew(value: str | list[str]) -> None:
    """Rule S2."""
    found = STATE.hash(value)  # type: ignore[arg-type]
    assert len(found) == 16
    assert set(found) <= set("0123456789abcdef")
    assert found != State("fedcba9876543210").hash(value)  # type: ignore[arg-type]
    assert found == State(SALT).hash(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other"), [("1", 1), ("null", None), ("true", True), ("[]", []), (["a", "b"], ["ab"]), ("", None)]
)
def test_values_of_other_types_have_other_hashes(one: str, other: str) -> None:
    assert STATE.hash(one) != STATE.hash(other)


def test_a_foreign_organisation_is_refused() -> None:
    """Rule S1."""
    known = organisation_ids(SCHEMA)
    refuse_foreign(known, SCHEMA, "the state")
    refuse_foreign((), SCHEMA, "a new state")
    refuse_foreign(known[:1], SCHEMA, "an organisation that has changed since")
    with pytest.raises(RefusedError, match="the state belongs to another organisation"):
        refuse_foreign(known, Schema({}, (Member("mem_x", "kai@corp.example", "Kai"),)), "the state")


def test_ids_of_built_in_fields_do_not_tell_organisations_apart() -> None:
    assert organisation_ids(Schema({"contact": SCHEMA.kinds["contact"]}, ())) == ()


def test_a_state_is_not_called_foreign_where_nothing_of_the_organisation_can_be_read() -> None:
    known = organisation_ids(SCHEMA)
    refuse_foreign(known, replace(SCHEMA, members=(), kinds={}), "the state")
    with pytest.raises(RefusedError, match="another organisation"):
        refuse_foreign(known, replace(SCHEMA, members=(Member("mem_x", "x@x.example", "X"),), kinds={}), "the state")


# ---------------------------------------------------------------- what was let go of (rules A2, R4)

AT = "2026-03-01T09:00:00Z"
NOON = 1_772_366_400.0  # that day


def test_a_released_address_is_neither_bound_nor_forgotten() -> None:
    state = bound(Binding(A, "acc_1", 3, "created"), Binding(B, "acc_2")).without(A, AT)
    assert list(state.bindings) == [B]
    assert state.released == {A: Released(A, 3, "acc_1", AT)}
    assert encode(state).splitlines()[1] == f'{{"address":"account.a","at":"{AT}","generation":3,"released":"acc_1"}}'
    assert state.without(A, AT) is state
    assert state.without(Address("account", "c"), AT) is state


@pytest.mark.parametrize(
    ("binding", "released", "generation"), [(None, None, 0), (2, None, 2), (None, 3, 3), (0, 3, 3), (4, 3, 4)]
)
def test_no_key_that_was_spent_is_sent_again(binding: int | None, released: int | None, generation: int) -> None:
    """Rule A2: spent generations are kept in the state, also where another record was adopted meanwhile."""
    state = STATE if binding is None else bound(Binding(A, "acc_9", binding))
    if released is not None:
        state = replace(state, released={A: Released(A, released, "acc_1", AT)})
    assert state.generation(A) == generation


def test_an_address_that_is_bound_again_has_one_line() -> None:
    state = bound(Binding(A, "acc_1", 3)).without(A, AT)
    again = decode(encode(replace(state, bindings={A: Binding(A, "acc_9", 4)})), "s")
    assert again.bindings == {A: Binding(A, "acc_9", 4)}
    assert again.generation(A) == 4


@pytest.mark.parametrize(("hours", "kept"), [(0, True), (23.9, True), (24.1, False), (-5, True)])
def test_a_day_after_its_keys_are_forgotten_it_goes(hours: float, kept: bool) -> None:
    """API sheet 9: the API knows a key for 24 hours. A clock that is off forgets nothing early."""
    made_at = 1_772_355_600.0  # AT
    state = bound(Binding(A, "acc_1", 3)).without(A, AT).forgetting(made_at + hours * 3600)
    assert (A in state.released) == kept


def test_a_time_that_can_not_be_read_is_kept() -> None:
    state = replace(STATE, released={A: Released(A, 1, "acc_1", "soon")})
    assert A in state.forgetting(NOON).released


# ---------------------------------------------------------------- who is linked (rules S2, S4)

_IDS = st.sets(st.sampled_from([f"con_{n}" for n in range(6)]))


@settings(max_examples=200, deadline=None)
@given(_IDS, _IDS)
def test_an_exact_set_moved_when_any_link_did(was: set[str], now: set[str]) -> None:
    last = STATE.linked(was, (), exact=True)
    assert STATE.relinked(last, now) == (was != now)


@settings(max_examples=200, deadline=None)
@given(_IDS, _IDS, _IDS)
def test_of_a_partial_set_only_what_was_spoken_of_moves(was: set[str], named: set[str], now: set[str]) -> None:
    last = STATE.linked(was, named, exact=False)
    assert STATE.relinked(last, now) == (was & named != now & named)


@settings(max_examples=100, deadline=None)
@given(_IDS, _IDS, st.booleans(), st.randoms(use_true_random=False))
def test_what_is_remembered_of_links_has_one_form_and_no_id(
    was: set[str], named: set[str], exact: bool, order: Random
) -> None:
    """Rule S2: the same bytes for the same links, and nobody reads an id in them."""
    last = STATE.linked(was, order.sample(sorted(named), len(named)), exact=exact)
    assert last == STATE.linked(set(was), sorted(named), exact=exact)
    assert not any("con_" in each for each in last)
    for each in last:
        assert each == "=" or (set(each.removeprefix("-")) <= set("0123456789abcdef") and len(each) in (16, 17))
    again = State("f" * 16).linked(was, named, exact=exact)
    assert [each for each in again if each != "="] != [each for each in last if each != "="] or not set(last) - {"="}
