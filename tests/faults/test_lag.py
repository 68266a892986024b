"""Faults of one kind: what lists don't show yet was taken for what is not there (rules R2, R4, I6)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from tests.faults.stage import Answer, Open, Stage

_LAG, _TIMEOUT = 100.0, 200.0  # nobody waits: `Waits` makes the clocks jump
_ACME = "accounts: {acme: {fields: {$name: Acme, nickname: Sunny}}}\n"
_HUB: Answer = {"accounts": [{"ref": "hub", "fields": {"$name": "Hub"}}]}
_HUB_ALONE = "accounts: {hub: {fields: {$name: Hub}}}\n"
# One resource of each kind, by its key.
_KINDS = {
    "account": "accounts: {KEY: {fields: {$name: Acme}}}\n",
    "contact": "contacts: {KEY: {fields: {$name: {firstName: Ada, lastName: Lind}, $email: [ada@acme.example]}}}\n",
    "opportunity": (
        "opportunities:\n  KEY:\n    fields: {$name: Renewal, $stage: Open}\n"
        "    relationships: {$account: {match: {$name: Hub}}}\n"
    ),
    "task": (
        "tasks:\n  KEY:\n    fields: {$title: Call, $status: TODO}\n"
        "    relationships: {$account: {match: {$name: Hub}}, $assignedTo: kai@corp.example}\n"
    ),
    "note": "notes: {KEY: {fields: {$title: Kick-off}, relationships: {$account: [{match: {$name: Hub}}]}}}\n",
    "list": "lists: {KEY: {fields: {$name: Targets, $objectType: $account}, members: [{match: {$name: Hub}}]}}\n",
}
_SOME = ["account", "task", "list"]
_TRASHABLE = ["account", "task"]


def _lagging(stage: Open, crm: str, timeout: float = _TIMEOUT, **more: Answer) -> Stage:
    """A workspace whose lists show the seed, and whatever is written from now on late."""
    box = stage(crm, _HUB, lag=_LAG, timeout=timeout, **more)
    box.waits.pass_by(_LAG)
    return box


def _of(kind: str, key: str) -> str:
    return _KINDS[kind].replace("KEY", key)


def _made(box: Stage, kind: str) -> set[str]:
    """The live records of a kind but for the seed's hub."""
    return box.ids(kind) - set(box.called("account", "Hub"))


# ---------------------------------------------------------------- undo at once


@pytest.mark.parametrize("kind", _SOME)
def test_a_create_can_be_undone_at_once(stage: Open, kind: str) -> None:
    """Rule R4: what was written within the lag is read by id, by undo as well."""
    box = _lagging(stage, _of(kind, "one"))
    box.apply(expect=0)
    assert len(_made(box, kind)) == 1
    box.lfsync("undo", "--yes", expect=0)
    assert _made(box, kind) == set()


def test_an_update_can_be_undone_at_once(stage: Open) -> None:
    """Rule R4."""
    box = _lagging(stage, _ACME)
    box.apply(expect=0)
    (acme,) = _made(box, "account")
    box.write(_ACME.replace("Sunny", "Rainy"))
    box.apply(expect=0)
    box.lfsync("undo", "--yes", expect=0)
    assert box.value("account", acme, "nickname") == "Sunny"


def test_new_members_can_be_taken_out_by_undo_at_once(stage: Open) -> None:
    """Rules R2 and R4: membership has no read by id, and is still put back."""
    crm = _ACME + "lists: {targets: {fields: {$name: Targets, $objectType: $account}, members: MEMBERS}}\n"
    box = _lagging(stage, crm.replace("MEMBERS", "[acme]"))
    (hub,) = box.called("account", "Hub")
    box.apply(expect=0)
    box.write(crm.replace("MEMBERS", "[acme, {match: {$name: Hub}}]"))
    box.apply(expect=0)
    (targets,) = box.ids("list")
    assert box.linked(targets, hub)
    box.lfsync("undo", "--yes", expect=0)
    assert not box.linked(targets, hub)
    assert box.linked(targets, box.bound("account.acme"))


@pytest.mark.parametrize("kind", _TRASHABLE)
def test_a_prune_can_be_undone_at_once_and_the_record_found_again(stage: Open, kind: str) -> None:
    """Rule R4, for what was trashed and restored: the same record, no second one, nothing blocked."""
    box = _lagging(stage, _of(kind, "one"))
    box.apply(expect=0)
    made = _made(box, kind)
    box.write(_HUB_ALONE)
    box.apply("--prune", expect=0)
    assert _made(box, kind) == set()
    box.lfsync("undo", "--yes", "--allow-large", expect=0)
    assert _made(box, kind) == made
    box.write(_of(kind, "one"))
    box.apply(expect=0)
    assert _made(box, kind) == made


@pytest.mark.parametrize("kind", _SOME)
def test_apply_right_after_the_undo_of_a_create_binds_no_trashed_record(stage: Open, kind: str) -> None:
    """Rules R4 and I6: lists still show what undo trashed a moment ago; it is not adopted, and one new one is made."""
    box = _lagging(stage, _of(kind, "one"))
    box.apply(expect=0)
    old = _made(box, kind)
    box.lfsync("undo", "--yes", expect=0)
    box.apply()
    box.apply()
    new = _made(box, kind)
    assert len(new) == 1
    assert new != old
    assert {box.bound(f"{kind}.one")} == new


# ---------------------------------------------------------------- another name within the lag of a create


@pytest.mark.parametrize("kind", sorted(_KINDS))
def test_a_key_renamed_within_the_lag_of_its_create_makes_no_second_record(stage: Open, kind: str) -> None:
    """Rules R4 and I4: the orphan was written within the lag, so it is read by id and moves to its new address."""
    box = _lagging(stage, _of(kind, "one"))
    box.apply(expect=0)
    made = _made(box, kind)
    box.write(_of(kind, "two"))
    box.apply(expect=0)
    assert _made(box, kind) == made
    assert {box.bound(f"{kind}.two")} == made
    assert box.plan(expect=0)["changes"] == []


@pytest.mark.parametrize("kind", _SOME)
@pytest.mark.parametrize("key", ["one", "two"])
def test_state_rm_within_the_lag_of_a_create_makes_no_second_record(stage: Open, kind: str, key: str) -> None:
    """Rule R4: the released line names the record, so it is read by id; under a new key as well."""
    box = _lagging(stage, _of(kind, "one"))
    box.apply(expect=0)
    made = _made(box, kind)
    box.lfsync("state", "rm", f"{kind}.one", expect=0)
    box.write(_of(kind, key))
    box.apply(expect=0)
    assert _made(box, kind) == made
    assert {box.bound(f"{kind}.{key}")} == made


@pytest.mark.parametrize("kind", _SOME)
def test_a_lost_state_within_the_lag_of_a_create_makes_no_second_record(stage: Open, kind: str) -> None:
    """Rule A2: the create meets its own key, whatever the lists show."""
    box = _lagging(stage, _of(kind, "one"))
    box.apply(expect=0)
    made = _made(box, kind)
    box.forget_state()
    box.apply(expect=0)
    assert _made(box, kind) == made


def test_a_resource_moved_within_the_lag_and_pruned_is_not_trashed(stage: Open) -> None:
    """Rule I4: a renamed key plans no write, and prune can't touch it, within the lag as well."""
    box = _lagging(stage, _of("account", "one"))
    box.apply(expect=0)
    made = _made(box, "account")
    box.write(_of("account", "two"))
    box.apply("--prune", expect=0)
    assert _made(box, "account") == made


# ---------------------------------------------------------------- restored a moment ago


@pytest.mark.parametrize("kind", _TRASHABLE)
@pytest.mark.parametrize("retrieve", ["404", "record"])
def test_a_plan_right_after_a_restore_is_empty(stage: Open, kind: str, retrieve: str) -> None:
    """Rule R4: the trash still lists what was restored within the lag; it is read by id, and not called gone."""
    box = _lagging(stage, _of(kind, "one"), quirks={"trashed-retrieve": retrieve})
    box.apply(expect=0)
    (made,) = _made(box, kind)
    box.waits.pass_by(_LAG)
    box.trash(kind, made)
    box.waits.pass_by(_LAG)
    box.apply("--recreate-missing", expect=0)
    assert _made(box, kind) == {made}
    plan = box.plan(expect=0)
    assert (plan["changes"], plan["blocked"]) == ([], [])


# ---------------------------------------------------------------- trashed a moment ago


@pytest.mark.parametrize("kind", _TRASHABLE)
@pytest.mark.parametrize("wait", [0, _LAG])
def test_what_is_trashed_within_the_lag_is_blocked_and_restored_not_made_again(
    stage: Open, kind: str, wait: float
) -> None:
    """Rules I6 and R4: neither list shows it in the trash; `--recreate-missing` restores it, and makes no second."""
    box = _lagging(stage, _of(kind, "one"), timeout=4 * _LAG)
    box.apply(expect=0)
    (made,) = _made(box, kind)
    box.waits.pass_by(wait)
    box.trash(kind, made)
    plan = box.plan()
    assert plan["changes"] == []
    assert made in plan["blocked"][0]["reason"]
    box.apply("--recreate-missing")
    box.apply("--recreate-missing")
    assert _made(box, kind) == {made}


# ---------------------------------------------------------------- clocks

_TARGETS = _ACME + "lists: {targets: {fields: {$name: Targets, $objectType: $account}, members: [acme]}}\n"


@contextmanager
def _within(box: Stage, seconds: float) -> Iterator[None]:
    """lfsync waits no longer for an index."""
    before = box.waits.seconds
    yield
    assert box.waits.seconds - before <= seconds


def _date_ahead(box: Stage, seconds: int) -> None:
    """The state as a machine wrote it whose clock was so far ahead."""

    def later(found: re.Match[str]) -> str:
        return (datetime.fromisoformat(found[0]) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    text = box.project.state_file.read_text()
    moved = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", later, text)
    assert moved != text
    box.project.state_file.write_text(moved)


def _add_member(box: Stage) -> None:
    """Somebody puts the hub on the list, and the lists show it."""
    (hub,), (targets,) = box.called("account", "Hub"), box.ids("list")
    box.person("POST", f"/v1/lists/{targets}", {"relationships": {"$accounts": {"add": [hub]}}})
    box.waits.pass_by(_LAG)


@pytest.mark.parametrize("seconds", [300, 86_400])
def test_a_state_from_a_clock_ahead_is_waited_for_no_longer_than_the_lag(stage: Open, seconds: int) -> None:
    """Rules R2 and R4: the rest of a wait is computed once and clamped to 0…`index_lag_timeout`."""
    box = _lagging(stage, _TARGETS)
    box.apply(expect=0)
    _date_ahead(box, seconds)
    _add_member(box)
    with _within(box, _TIMEOUT):
        box.plan()


@pytest.mark.parametrize("seconds", [300, 86_400])
def test_a_release_from_a_clock_ahead_is_waited_for_no_longer_than_the_lag(stage: Open, seconds: int) -> None:
    """Rule R4, for a released address whose match hits nothing by now."""
    box = _lagging(stage, _ACME)
    box.apply(expect=0)
    (old,) = _made(box, "account")
    box.lfsync("state", "rm", "account.acme", expect=0)
    _date_ahead(box, seconds)
    box.edit("account", old, {"$name": "Acme of Kai"})
    with _within(box, 2 * _TIMEOUT):
        box.apply()
    assert box.value("account", old, "$name") == "Acme of Kai"


@pytest.mark.parametrize("ahead", [300, -300])
def test_a_planner_whose_clock_is_off_waits_no_longer_and_acts_the_same(stage: Open, ahead: int) -> None:
    """Rule R4: times in state and journal are the server's, so this machine's clock does not matter."""
    box = _lagging(stage, _TARGETS, ahead=ahead)
    box.apply(expect=0)
    (acme,) = _made(box, "account")
    with _within(box, _TIMEOUT):
        box.plan(expect=0)
    box.lfsync("state", "rm", "account.acme", expect=0)
    with _within(box, 2 * _TIMEOUT):
        box.apply(expect=0)
    assert _made(box, "account") == {acme}
    box.waits.pass_by(_TIMEOUT)
    _add_member(box)
    with _within(box, 0):
        (change,) = box.plan(expect=2)["changes"]
    assert change["members"]["remove"]


@pytest.mark.parametrize("ahead", [300, -300])
def test_undo_at_once_by_a_clock_that_is_off(stage: Open, ahead: int) -> None:
    """Rule R4, for undo."""
    box = _lagging(stage, _ACME, ahead=ahead)
    box.apply(expect=0)
    with _within(box, _TIMEOUT):
        box.lfsync("undo", "--yes", expect=0)
    assert _made(box, "account") == set()
