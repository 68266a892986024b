"""A change as requests: within the limits, everything once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.kinds import KINDS
from lfsync.model import JSON, LinkChange, MembersChange, RelDef
from lfsync.planning.bodies import (
    LIMIT,
    Body,
    LinkWrite,
    bodies,
    count,
    create_links,
    fields_of,
    member_links,
    update_links,
)
from tests.core.world import change, live, planned, wishes

_IDS = st.integers(0, 99).map(lambda n: f"id_{n}")
_LINKS = st.lists(
    st.builds(LinkWrite, st.sampled_from(["a", "b"]), st.sampled_from(["add", "remove"]), _IDS, st.just(True))
    | st.builds(LinkWrite, st.sampled_from(["x", "y"]), st.just("replace"), st.none() | _IDS, st.just(False)),
    max_size=120,
)
_FIELDS = st.dictionaries(st.sampled_from(["f", "g"]), st.integers(), max_size=2)


def _sent(body: Body) -> tuple[int, Counter[tuple[str, str, str | None]]]:
    """(ids and link changes, what is changed) of an update's JSON."""
    found: Counter[tuple[str, str, str | None]] = Counter()
    relationships = body.for_update().get("relationships", {})
    assert isinstance(relationships, dict)
    for key, operations in relationships.items():
        assert isinstance(operations, dict)
        for operation, ids in operations.items():
            for id in ids if isinstance(ids, list) else [ids]:
                assert id is None or isinstance(id, str)
                found[key, operation, id] += 1
    weight = sum(number * (2 if operation == "replace" else 1) for (_, operation, _), number in found.items())
    return weight, found


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(KINDS)), _FIELDS, _LINKS)
def test_every_link_once_and_never_over_the_limit(kind: str, fields: dict[str, JSON], links: list[LinkWrite]) -> None:
    replaced: dict[str, LinkWrite] = {}
    for link in links:
        if link.operation == "replace":
            replaced[link.key] = link
    links = [*replaced.values(), *(link for link in links if link.operation != "replace")]
    made = bodies(kind, dict(fields), links)
    together: Counter[tuple[str, str, str | None]] = Counter()
    for number, body in enumerate(made):
        weight, found = _sent(body)
        assert 0 < weight <= LIMIT or (number == 0 and body.fields)
        assert body.fields == (fields if number == 0 else {})
        if not KINDS[kind].add_with_remove:
            keys = {(key, operation) for key, operation, _ in found}
            assert not any((key, "add") in keys and (key, "remove") in keys for key, _ in keys)
        together += found
    assert together == Counter((link.key, link.operation, link.id) for link in links)
    assert bool(made) == bool(fields or links)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 130), st.integers(0, 130))
def test_as_few_requests_as_the_limit_allows(add: int, remove: int) -> None:
    links = update_links(RelDef("$contact", "", "contact", many=True), _ids(add), map(str, range(remove)))
    assert len(bodies("account", {}, links)) == -(-(add + remove) // LIMIT)
    apart = len(bodies("contact", {}, links))
    assert apart == -(-add // LIMIT) + -(-remove // LIMIT)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 70), st.integers(0, 70), st.booleans())
def test_the_plan_counts_what_apply_sends(add: int, remove: int, create: bool) -> None:
    desired = next(iter(wishes("lists: {l: {fields: {$name: L, $objectType: $account}, members: []}}").values()))
    members = MembersChange(tuple(_ids(add)), () if create else tuple(map(str, range(remove))))
    sent = bodies("list", {"$name": "L"} if create else {}, member_links(desired, members.add, members.remove))
    fields = change(planned("accounts: {a: {fields: {$name: L}}}", live()), "account.a").fields if create else ()
    assert count("list", create, fields, (), members, lambda _: True) == max(len(sent), 1)


def test_removals_go_first() -> None:
    links = update_links(RelDef("$contact", "", "contact", many=True), ["con_new"], ["con_old"])
    assert [(link.operation, link.id) for link in links] == [("remove", "con_old"), ("add", "con_new")]


@pytest.mark.parametrize(("add", "sent"), [(["mem_kai"], "mem_kai"), ([], None)])
def test_a_has_one_is_replaced(add: list[str], sent: str | None) -> None:
    (body,) = bodies("account", {}, update_links(RelDef("$owner", "", "member", many=False), add, ["mem_mia"]))
    assert body.for_update() == {"relationships": {"$owner": {"replace": sent}}}


def test_required_links_go_with_the_first_request_of_a_create() -> None:
    desired = wishes(
        """
        contacts: {c: {fields: {$email: [c@x.example]}}}
        opportunities: {o: {fields: {$name: O}, relationships: {$champion: c, $account: acc_1}}}
        """
    )
    (wish,) = (each for each in desired.values() if each.address.kind == "opportunity")
    links = create_links(wish, {"$champion": ["con_1"], "$account": ["acc_1"]}, [])
    assert [link.key for link in links] == ["$account", "$champion"]
    assert bodies("opportunity", {}, links)[0].for_create()["relationships"] == {
        "$account": "acc_1",
        "$champion": "con_1",
    }


def test_a_create_lists_has_many_ids() -> None:
    body = Body({"$name": "A"}, [LinkWrite("$contact", "add", f"con_{n}", True) for n in range(2)])
    assert body.for_create() == {"fields": {"$name": "A"}, "relationships": {"$contact": ["con_0", "con_1"]}}


def test_nothing_to_link_is_not_named() -> None:
    assert Body({"$name": "A"}).for_create() == {"fields": {"$name": "A"}}
    assert Body().for_update() == {}


def test_a_link_change_counts_by_its_cardinality() -> None:
    links = [LinkChange(f"r{n}", None, "x", ("acc_1",), (), "config") for n in range(13)]
    assert count("account", False, (), links, None, lambda _: False) == 2
    assert count("account", False, (), links, None, lambda _: True) == 1


def test_a_select_is_sent_by_id_and_a_pipeline_never() -> None:
    made = planned("accounts: {a: {fields: {$name: A, tier: Gold}}}", live())
    fields = change(made, "account.a").fields
    assert fields_of("opportunity", fields) == {"$name": "A", "tier": "opt_g"}
    assert fields_of("opportunity", (replace(field, key="$pipeline") for field in fields)) == {}


def _ids(number: int) -> list[str]:
    return [f"acc_{n}" for n in range(number)]
