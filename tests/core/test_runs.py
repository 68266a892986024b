"""Several requests on one record are one to whoever reads the record of a run (rule A8)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lfsync.state.ledger import Operation
from lfsync.state.runs import Entry, Run, RunHeader

HEADER = RunHeader(run="r", workspace="w", who="me", at="", command="apply", config_digest="", lfsync_version="")
_IDS = st.sets(st.sampled_from("abcdef"))


def wrote(action: Operation = "update", id: str = "acc_1", **more: Any) -> Entry:
    return Entry(address="account.acme", action=action, id=id, **more)


def merged(*entries: Entry) -> tuple[Entry, ...]:
    return Run(HEADER, entries).merged()


def test_one_entry_stays_as_it_is() -> None:
    each = wrote(
        fields={"$name": ("A", "B")}, relationships={"$owner": (["mem_1"], [])}, origin="created", generation=2
    )
    assert merged(each) == (each,)


def test_each_record_is_one_in_the_order_of_the_first() -> None:
    """Also two records of one address: the one that was trashed, and the one that took its place."""
    found = merged(wrote("delete", "acc_1"), wrote("create", "acc_2"), wrote("update", "acc_2"), wrote(id="acc_1"))
    assert [(each.action, each.id) for each in found] == [("delete", "acc_1"), ("create", "acc_2")]
    run = Run(HEADER, (wrote("create", "acc_2"), wrote("update", "acc_2"), wrote(id="acc_1")))
    assert run.counts() == {"create": 1, "update": 1}


def test_a_field_was_what_it_was_first_and_is_what_it_is_last() -> None:
    (one,) = merged(
        wrote(fields={"$name": ("A", "B"), "tier": (None, "opt_g")}),
        wrote(fields={"$name": ("B", "C"), "nickname": ("x", None)}),
        wrote(fields={"$name": ("C", "D")}),
    )
    assert one.fields == {"$name": ("A", "D"), "tier": (None, "opt_g"), "nickname": ("x", None)}


@pytest.mark.parametrize(
    ("actions", "action"),
    [
        (["create", "update"], "create"),
        (["restore", "update"], "restore"),
        (["update", "update"], "update"),
        (["update", "delete"], "delete"),
        (["create", "update", "update"], "create"),
    ],
)
def test_what_was_done_is_what_came_first_but_for_a_delete(actions: list[Operation], action: Operation) -> None:
    assert [each.action for each in merged(*map(wrote, actions))] == [action]


def test_a_delete_says_what_it_trashed() -> None:
    """Rule L3: what comes back is as it was before the run."""
    update = wrote(fields={"$name": ("A", "B")}, relationships={"partners": (["acc_2"], [])})
    gone = wrote("delete", fields={"$name": ("B", None)}, origin="created", generation=3)
    (one,) = merged(update, gone)
    assert (one.origin, one.generation) == ("created", 3)
    assert one.fields == {"$name": ("A", None)}


@settings(max_examples=200, deadline=None)
@given(_IDS, st.lists(_IDS, min_size=1, max_size=4))
def test_links_are_what_came_and_went_in_all(before: set[str], after: list[set[str]]) -> None:
    """Rule A8: what was added and removed again is as it was."""
    entries, now = [], before
    for then in after:
        step = (sorted(then - now), sorted(now - then))
        entries.append(wrote(relationships={"partners": step}, members=("account", *step)))
        now = then
    (one,) = merged(*entries)
    assert one.members is not None
    for added, removed in (one.relationships["partners"], one.members[1:]):
        assert set(added) == now - before
        assert set(removed) == before - now


def test_members_and_links_of_either_request_count() -> None:
    (one,) = merged(wrote("create", members=("account", ["acc_2"], [])), wrote(relationships={"$owner": (["m"], [])}))
    assert one.members == ("account", ["acc_2"], [])
    assert one.relationships == {"$owner": (["m"], [])}
    (other,) = merged(wrote("create"), wrote(members=("account", ["acc_2"], [])))
    assert other.members == ("account", ["acc_2"], [])


@pytest.mark.parametrize("address", ["nobody", "planet.mars", ""])
def test_an_address_of_no_kind_is_refused(address: str) -> None:
    with pytest.raises(ValidationError):
        Entry(address=address, action="update", id="acc_1")
