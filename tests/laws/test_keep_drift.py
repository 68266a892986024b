"""The law of --keep-drift: an apply never writes a key that people changed in Lightfield (rule P5)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lfsync.kinds import MEMBER_KEYS, kind_of
from lfsync.model import Address, Change, Plan
from lfsync.planning.draft import Wishes
from tests.laws.bench import Bench, Run, Sent
from tests.laws.cases import Case, cases
from tests.laws.courts import FINE, bench, converges
from tests.laws.laws import plan_is_empty, plan_survives_json
from tests.laws.menu import DECLARED, EDITED, FIELDS
from tests.laws.profiles import examples
from tests.laws.test_people import _edit, _link_to_anchor, _linkable


@examples(30)
@given(cases(), st.data())
def test_keep_drift_never_writes_a_drifted_key(case: Case, data: st.DataObject) -> None:
    with bench(case) as box:
        desired = converges(box).planned.desired
        for address in sorted(box.state.bindings):
            editable = [key for key in FIELDS.get(address.kind, ()) if key in EDITED]
            edits = data.draw(st.sets(st.sampled_from(editable))) if editable else ()
            if edits:
                _edit(box, address, {"fields": {key: EDITED[key] for key in edits}})
        for address, key in _linkable(box, desired):
            if data.draw(st.booleans()):
                _link_to_anchor(box, desired[address], key)
        _change_files(box, data)
        plain = box.plan().plan
        drift, was = _drifted(plain), box.snapshot()
        box.wishes = Wishes(keep_drift=True)
        saved = box.plan().plan
        plan_survives_json(saved)
        assert {(each.address, each.key) for each in saved.kept} == drift
        assert not _drifted(saved)
        run = box.apply_saved(saved) if data.draw(st.booleans()) else box.apply()
        assert set(run.fate().values()) <= FINE, run.outcomes
        now = box.snapshot()
        for address, key in drift:
            id = box.state.bindings[address].id
            assert was.rows[id].fields.get(key) == now.rows[id].fields.get(key), (address, key)
            assert not any(key in _keys(box, sent, run, address) for sent in run.writes), (address, key)
        assert not box.plan().plan.changes, "kept drift is no change"
        box.wishes = Wishes()
        again = box.plan().plan
        assert _drifted(again) == drift, "the hashes of what is kept stay"
        box.apply()
        plan_is_empty(box.plan())


def _change_files(box: Bench, data: st.DataObject) -> None:
    """Somebody declares other values, of some of the same keys, too.

    What is found by a title keeps it, and of a meeting little can change.
    """
    for bodies in (each for kind, each in box.case.resources.items() if kind != "meeting"):
        for body in bodies.values():
            for key in sorted(body.get("fields", {}).keys() & EDITED.keys() & DECLARED.keys() - {"$title"}):
                if data.draw(st.booleans()):
                    body["fields"][key] = data.draw(st.sampled_from(DECLARED[key]))
    box.write()


def _drifted(plan: Plan) -> set[tuple[Address, str]]:
    return {(change.address, key) for change in plan.changes for key in _drifted_keys(change)}


def _drifted_keys(change: Change) -> set[str]:
    links = {link.key for link in change.relationships if link.cause == "drift"}
    keys = links | {field.key for field in change.fields if field.cause == "drift"}
    others = {field.cause for field in change.fields} | {link.cause for link in change.relationships}
    alone = change.cause == "drift" if not others else change.cause == "conflict" and others == {"config"}
    return keys | {"members"} if change.members is not None and alone else keys


def _keys(box: Bench, sent: Sent, run: Run, address: Address) -> set[str]:
    """The keys of this resource that a request writes."""
    if not sent.path.startswith(kind_of(address.kind).record_path) or not sent.path.endswith(
        box.state.bindings[address].id
    ):
        return set()
    links = set(sent.body.get("relationships", {}))
    members = run.planned.desired[address].members
    held = {"members"} if members is not None and MEMBER_KEYS[members.definition.target] in links else set[str]()
    return {*sent.body.get("fields", {}), *links, *held}
