"""The state file: what is written is read again, byte for byte, and nobody reads a value in it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.errors import RefusedError, StateError
from lfsync.model import Address, Member, Schema
from lfsync.state.state import Binding, Hashes, State, decode, encode, organisation_ids, refuse_foreign
from tests.core.world import SALT, SCHEMA, STATE

_WORDS = st.text(st.characters(codec="utf-8", exclude_characters="."), min_size=1, max_size=12)
_HASH = st.text("0123456789abcdef", min_size=16, max_size=16)
_HASHES = st.builds(Hashes, _HASH, st.none() | _HASH)
_KEYED = st.dictionaries(_WORDS, _HASHES, max_size=3)
_ADDRESSES = st.builds(Address, st.sampled_from(["account", "contact", "object.project"]), _WORDS)
_BINDINGS = st.builds(
    Binding,
    _ADDRESSES,
    _WORDS,
    st.integers(0, 5),
    st.sampled_from(["created", "adopted"]),
    st.none() | st.just("2026-01-01T00:00:00Z"),
    _KEYED,
    _KEYED,
    st.none() | _HASHES,
)
_STATES = st.builds(
    lambda ids, bindings: State(SALT, tuple(ids), {each.address: each for each in bindings}),
    st.lists(_HASH, max_size=3),
    st.lists(_BINDINGS, max_size=6),
)


@settings(max_examples=150, deadline=None)
@given(_STATES)
def test_what_is_written_is_read_again(state: State) -> None:
    assert decode(encode(state), "s") == state


@settings(max_examples=100, deadline=None)
@given(_STATES, st.randoms(use_true_random=False))
def test_the_same_state_has_the_same_bytes(state: State, order: object) -> None:
    shuffled = list(state.bindings.items())
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    text = encode(state)
    assert encode(replace(state, bindings=dict(shuffled))) == text == encode(decode(text, "s"))


@settings(max_examples=100, deadline=None)
@given(_STATES)
def test_a_line_for_each_address_in_order(state: State) -> None:
    header, *lines = encode(state).removesuffix("\n").split("\n")
    assert json.loads(header)["lfsync_state"] == 1
    assert [Address.parse(json.loads(line)["address"]) for line in lines] == sorted(state.bindings)


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
    ],
)
def test_an_unreadable_line_says_why(line: str) -> None:
    with pytest.raises(StateError, match=r"^s:2: the state can't be read: ."):
        decode(encode(STATE) + line, "s")


def test_an_address_twice_is_refused() -> None:
    line = encode(replace(STATE, bindings={Address("account", "a"): Binding(Address("account", "a"), "acc_1")}))
    with pytest.raises(StateError, match=r"^s:3: .*account\.a stands here twice"):
        decode(line + line.split("\n")[1], "s")


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
