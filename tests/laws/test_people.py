"""The laws while people work in the workspace: between two applies, and between a plan and its apply."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfsync.kinds import MEMBER_KEYS, kind_of
from lfsync.model import Address, Change, Desired
from tests.laws.bench import Bench, Run
from tests.laws.cases import ANCHOR, SECTIONS, Case, cases
from tests.laws.courts import applied, bench, converges
from tests.laws.laws import blocked, plan_is_empty
from tests.laws.menu import EDITED, FIELDS
from tests.laws.profiles import examples


def _edit(box: Bench, address: Address, body: object) -> None:
    box.person("POST", f"{kind_of(address.kind).record_path}/{box.state.bindings[address].id}", body)


# ---------------------------------------------------------------- between two applies


@examples(20)
@given(cases(), st.data())
def test_edits_of_declared_fields_are_drift_and_all_others_survive(case: Case, data: st.DataObject) -> None:
    with bench(case) as box:
        desired = converges(box).planned.desired
        expected: dict[Address, set[str]] = {}
        for address in sorted(box.state.bindings):
            keys = [key for key in FIELDS[address.kind] if key in EDITED]
            edits = data.draw(st.sets(st.sampled_from(keys))) if keys else set[str]()
            if edits:
                _edit(box, address, {"fields": {key: EDITED[key] for key in edits}})
            managed = desired[address].fields.keys() - desired[address].ignore_changes
            if drifted := edits & managed:
                expected[address] = drifted
        run = applied(box)
        assert {change.address: {field.key for field in change.fields} for change in run.plan.changes} == expected
        assert {change.cause for change in run.plan.changes} <= {"drift"}
        assert not any(change.relationships or change.members for change in run.plan.changes)
        plan_is_empty(applied(box))


@examples(20)
@given(cases())
def test_links_that_people_add_end_only_where_a_set_is_exact_or_excludes_them(case: Case) -> None:
    with bench(case) as box:
        desired = converges(box).planned.desired
        linked = {address for address, key in _linkable(box, desired) if _link_to_anchor(box, desired[address], key)}
        if linked:
            run = applied(box)
            assert {change.address for change in run.plan.changes} <= linked
            assert not any(change.fields for change in run.plan.changes)
            assert not any(link.add for change in run.plan.changes for link in change.relationships)
            assert {change.cause for change in run.plan.changes} <= {"drift"}
            plan_is_empty(applied(box))


def _linkable(box: Bench, desired: Mapping[Address, Desired]) -> list[tuple[Address, str]]:
    """One relationship for each bound resource that holds several of a kind that has an anchor."""
    found: list[tuple[Address, str]] = []
    for address in sorted(box.state.bindings):
        wish = desired[address]
        if wish.members is not None:
            found.append((address, ""))
        keys = {"note": "$contact", "account": "backers", "opportunity": "rivals"}
        if (key := keys.get(address.kind)) in wish.links:
            found.append((address, str(key)))
    return found


def _link_to_anchor(box: Bench, wish: Desired, key: str) -> bool:
    """Somebody links the anchor; False where it is linked already."""
    declared = wish.links[key] if key else wish.members
    assert declared is not None
    anchor = box.known("account", f"@id:{SECTIONS[declared.definition.target]}:{ANCHOR}")
    id = box.state.bindings[wish.address].id
    if any({link.src, link.dst} == {id, anchor} for link in box.snapshot().links):
        return False
    name = key or MEMBER_KEYS[declared.definition.target]
    _edit(box, wish.address, {"relationships": {name: {"add": [anchor]}}})
    return True


@pytest.mark.parametrize("retrieve", ["404", "record"])
@examples(15)
@given(cases(), st.data())
def test_what_people_trash_is_blocked_and_never_made_again(retrieve: str, case: Case, data: st.DataObject) -> None:
    with bench(case, {"trashed-retrieve": retrieve, "trashed-update": "ok"}) as box:
        converges(box)
        bound = sorted(address for address in box.state.bindings if kind_of(address.kind).restorable)
        if not bound:
            return
        address = data.draw(st.sampled_from(bound))
        id = box.state.bindings[address].id
        box.person("DELETE", f"{kind_of(address.kind).record_path}/{id}")
        before = box.snapshot().rows.keys()
        run = applied(box)
        assert id in blocked(run.plan)[address]
        assert box.snapshot().rows.keys() == before
        assert not any(sent.path.endswith(id) for sent in run.writes)


# ---------------------------------------------------------------- between plan and apply (rule A1)


@examples(20)
@given(cases(), st.integers(0, 99))
def test_a_record_that_came_after_the_plan_is_not_made_twice(case: Case, pick: int) -> None:
    with bench(case) as box:
        came: list[Change] = []

        def meanwhile(run: Run) -> None:
            found = [change for change in run.plan.changes if _can_come_first(run, change)]
            if found:
                came.append(found[pick % len(found)])
                query = run.planned.desired[came[0].address].query
                assert query is not None
                fields = {term.key: term.sent for term in query.terms if not term.empty}
                box.person("POST", kind_of(query.kind).record_path, {"fields": fields})

        run = applied(box, meanwhile)
        if came:
            assert run.fate()[str(came[0].address)] == "stale"
            next_plan = box.plan().plan
            (change,) = [change for change in next_plan.changes if change.address == came[0].address]
            assert change.adopted


def _can_come_first(run: Run, change: Change) -> bool:
    """A create whose match is of fields alone, and of a kind that needs no more than those."""
    query = run.planned.desired[change.address].query
    if change.action != "create" or query is None or change.address.kind in ("task", "opportunity", "meeting"):
        return False
    return not change.depends_on and all(term.empty or term.field is not None for term in query.terms)


@examples(20)
@given(cases(), st.integers(0, 99))
def test_an_edit_after_the_plan_is_not_overwritten(case: Case, pick: int) -> None:
    with bench(case) as box:
        moved: list[tuple[Change, str]] = []

        def meanwhile(run: Run) -> None:
            updates = [change for change in run.plan.changes if change.action == "update"]
            found = [
                (c, f.key) for c in updates for f in c.fields if f.key in EDITED and f.key in FIELDS[c.address.kind]
            ]
            if found:
                moved.append(found[pick % len(found)])
                change, key = moved[0]
                path = f"{kind_of(change.address.kind).record_path}/{change.id}"
                box.person("POST", path, {"fields": {key: EDITED[key]}})

        run = applied(box, meanwhile)
        if moved:
            change, key = moved[0]
            assert run.fate()[str(change.address)] == "stale"
            assert not any(sent.path.endswith(str(change.id)) for sent in run.writes)
            again = applied(box)
            (left,) = [c for c in again.plan.changes if c.address == change.address]
            assert key in {field.key for field in left.fields}
            plan_is_empty(applied(box))
