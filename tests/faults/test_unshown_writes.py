"""Faults of one kind: a write that the plan did not show (rules A1, A2, A4)."""

from __future__ import annotations

import re

import pytest

from tests.faults.stage import Answer, Ask, Moment, Open, Stage

# ---------------------------------------------------------------- a create that is answered from its key

_ACME = "accounts: {acme: {fields: {$name: Acme, nickname: Sunny}}}\n"
_WITH_CONTACTS = "accounts:\n  acme:\n    fields: {$name: Acme, nickname: Sunny}\n    relationships: {$contact: []}\n"


def _rename_and_edit(box: Stage, id: str) -> str:
    """Somebody makes the record another one, and links a contact to it: the contact."""
    box.edit("account", id, {"$name": "Acme of Kai", "nickname": "Kai's own"})
    ada = box.make("contact", {"$name": {"firstName": "Ada"}})
    box.person("POST", f"/v1/accounts/{id}", {"relationships": {"$contact": {"add": [ada]}}})
    return ada


def _untouched(box: Stage, id: str, contact: str) -> None:
    assert box.value("account", id, "$name") == "Acme of Kai"
    assert box.value("account", id, "nickname") == "Kai's own"
    assert box.linked(id, contact)


@pytest.mark.parametrize("crm", [_ACME, _WITH_CONTACTS])
def test_a_replayed_create_leaves_alone_what_people_changed_since(stage: Open, crm: str) -> None:
    """Rule A2, in a clone without the state: moved since the answer → bound as adopted, left alone, stale."""
    box = stage(crm)
    box.apply(expect=0)
    (acme,) = box.ids("account")
    box.forget_state()
    ada = _rename_and_edit(box, acme)
    run = box.apply(expect=3)
    assert "1 created" not in run.out
    assert box.bound("account.acme") == acme
    _untouched(box, acme, ada)
    assert box.ids("account") == {acme}


@pytest.mark.parametrize("crm", [_ACME, _WITH_CONTACTS])
def test_undo_never_trashes_what_a_replay_answered_with(stage: Open, crm: str) -> None:
    """Rule A2: bound as adopted, so undo does not trash it."""
    box = stage(crm)
    box.apply(expect=0)
    (acme,) = box.ids("account")
    box.forget_state()
    ada = _rename_and_edit(box, acme)
    box.apply()
    box.lfsync("undo", "--yes")
    _untouched(box, acme, ada)


@pytest.mark.parametrize("crm", [_ACME, _WITH_CONTACTS])
def test_after_state_rm_what_people_changed_stays_and_undo_leaves_it(stage: Open, crm: str) -> None:
    """Rules A2 and R4: the released line keeps the generation, so no answer of an old key is taken for a new record."""
    box = stage(crm)
    box.apply(expect=0)
    (acme,) = box.ids("account")
    box.lfsync("state", "rm", "account.acme", expect=0)
    ada = _rename_and_edit(box, acme)
    run = box.apply()
    _untouched(box, acme, ada)
    assert ("1 created" in run.out) == (len(box.rows("account")) == 2)
    box.lfsync("undo", "--yes")
    _untouched(box, acme, ada)


def test_a_replayed_create_is_bound_where_nobody_touched_it(stage: Open) -> None:
    """Rule A2: every managed key as the cached answer shows it → bound, no second record; the file's change is sent."""
    box = stage(_ACME)
    box.apply(expect=0)
    (acme,) = box.ids("account")
    box.forget_state()
    box.write(_ACME.replace("Sunny", "Rainy"))
    box.apply(expect=0)
    assert box.ids("account") == {acme}
    assert box.value("account", acme, "nickname") == "Rainy"


def test_a_create_whose_answer_was_lost_leaves_alone_what_people_changed_since(stage: Open) -> None:
    """Rules A2 and A4: killed after the POST, then renamed and edited: never overwritten, never made again unasked."""
    box = stage(_ACME)
    box.killed(Moment("POST", "/v1/accounts", after=True))
    (acme,) = box.ids("account")
    ada = _rename_and_edit(box, acme)
    assert box.apply().code == 3
    _untouched(box, acme, ada)
    assert box.ids("account") == {acme}


def test_a_replayed_create_of_a_trashed_record_makes_a_new_one(stage: Open) -> None:
    """Rule A2: gone or trashed → next generation."""
    box = stage(_ACME)
    box.apply(expect=0)
    (old,) = box.ids("account")
    box.forget_state()
    box.trash("account", old)
    box.apply(expect=0)
    (new,) = box.ids("account")
    assert new != old


# ---------------------------------------------------------------- late links

_CYCLE = "accounts:\n" + "".join(
    f"  a{n:02}:\n    fields: {{$name: Account {n:02}, nickname: Sunny}}\n"
    f"    relationships: {{parent: a{(n + 1) % 40:02}}}\n"
    for n in range(40)
)


def test_an_edit_between_a_create_and_its_late_link_survives(stage: Open) -> None:
    """Rule A1 for late links: a managed value that moved is stale, and nothing of it is overwritten."""
    box = stage(_CYCLE)

    async def edit(ask: Ask, answer: Answer) -> None:
        await ask("POST", f"/v1/accounts/{answer['id']}", {"fields": {"nickname": "Kai's own"}})

    box.meanwhile("POST", "/v1/accounts", edit, after=True, every=True)
    run = box.apply(expect=3)
    assert {row.fields["nickname"] for row in box.rows("account")} == {"Kai's own"}
    assert len(box.rows("account")) == 40
    assert "stale" in run.out


def test_an_undeclared_edit_between_a_create_and_its_late_link_survives(stage: Open) -> None:
    """Rule A1: every other key survives, and the link is made."""
    box = stage(_CYCLE.replace(", nickname: Sunny", ""))

    async def edit(ask: Ask, answer: Answer) -> None:
        await ask("POST", f"/v1/accounts/{answer['id']}", {"fields": {"nickname": "Kai's own"}})

    box.meanwhile("POST", "/v1/accounts", edit, after=True, every=True)
    box.apply(expect=0)
    assert {row.fields["nickname"] for row in box.rows("account")} == {"Kai's own"}
    assert box.plan(expect=0)["changes"] == []


def test_a_link_that_somebody_set_before_the_late_link_is_left_alone(stage: Open) -> None:
    """Rule A1 for late links: the relationship itself moved since the create."""
    box = stage(_CYCLE)
    other = box.make("account", {"$name": "Holding"})
    linked: list[str] = []

    async def link(ask: Ask, answer: Answer) -> None:
        if not answer["relationships"]["parent"]["directions"]["asSource"]["values"]:
            await ask("POST", f"/v1/accounts/{answer['id']}", {"relationships": {"parent": {"replace": other}}})
            linked.append(answer["id"])

    box.meanwhile("POST", "/v1/accounts", link, after=True, every=True)
    box.apply(expect=3)
    assert linked
    assert all(box.linked(id, other) for id in linked)


# ---------------------------------------------------------------- a create that was open when a run was killed


def _killed_before_the_create(stage: Open, crm: str = _ACME) -> Stage:
    box = stage(crm)
    box.killed(Moment("POST", "/v1/accounts"))
    assert box.rows("account") == []
    box.forget_writes()
    return box


def test_an_open_create_is_not_written_after_a_no(stage: Open) -> None:
    """Rule A4: nothing is ever written before the question is answered."""
    box = _killed_before_the_create(stage)
    assert box.project.apply_on_terminal("n\r").code == 1
    assert box.writes() == []
    assert box.rows("account") == []


def test_an_open_create_whose_resource_got_an_id_is_never_sent(stage: Open) -> None:
    """Rule A4: a corrected file, a no, then a yes: the old body is never created."""
    box = _killed_before_the_create(stage)
    there = box.make("account", {"$name": "Acme GmbH", "nickname": "Sunny"})
    box.write(f"accounts: {{acme: {{id: {there}, fields: {{$name: Acme GmbH, nickname: Sunny}}}}}}\n")
    assert box.project.apply_on_terminal("n\r").code == 1
    assert box.writes() == []
    box.apply(expect=0)
    assert box.writes() == []
    assert box.ids("account") == {there}


@pytest.mark.parametrize(
    "crm", ["accounts: {acme: {fields: {$name: Acme Solar}}}\n", "accounts: {birch: {fields: {$name: Birch}}}\n"]
)
def test_an_open_create_that_is_declared_no_longer_is_never_sent(stage: Open, crm: str) -> None:
    """Rule A4: no longer declared with the same match values: its key is never sent again."""
    box = _killed_before_the_create(stage)
    box.write(crm)
    box.apply(expect=0)
    assert box.called("account", "Acme") == []
    assert len(box.rows("account")) == 1


def test_an_open_create_whose_match_hits_by_now_is_an_adoption(stage: Open) -> None:
    """Rule A4: if today's match has one hit, that is an `adopt` and the key stays unsent."""
    box = _killed_before_the_create(stage)
    made = box.make("account", {"$name": "Acme", "nickname": "Sunny"})
    (change,) = box.plan(expect=2)["changes"]
    assert (change["action"], change["id"]) == ("adopt", made)
    box.apply(expect=0)
    assert box.writes() == []


def test_an_open_create_is_part_of_the_plan_and_made_once(stage: Open) -> None:
    """Rule A4: still declared with the same match values: a create under its own key."""
    box = _killed_before_the_create(stage)
    (change,) = box.plan(expect=2)["changes"]
    assert change["action"] == "create"
    assert box.writes() == []
    box.apply(expect=0)
    assert len(box.rows("account")) == 1
    assert box.plan(expect=0)["changes"] == []


def test_an_open_create_is_left_open_by_a_run_of_other_things(stage: Open) -> None:
    """Rule A4: `--only` of other things leaves it open."""
    box = _killed_before_the_create(stage)
    box.write(_ACME + "contacts: {ada: {fields: {$name: {firstName: Ada, lastName: Lind}}}}\n")
    box.apply("--only", "contact.ada", expect=0)
    assert box.rows("account") == []
    box.apply(expect=0)
    assert len(box.rows("account")) == 1


def test_a_create_that_was_done_when_its_file_was_corrected_is_told_and_not_doubled(stage: Open) -> None:
    """Rule A4: killed after the create, the name corrected: its record is found, bound, and updated once asked."""
    box = stage(_ACME)
    box.killed(Moment("POST", "/v1/accounts", after=True))
    (acme,) = box.ids("account")
    box.write(_ACME.replace("Acme", "Acme Solar"))
    box.forget_writes()
    assert box.project.apply_on_terminal("n\r").code == 1
    assert box.writes() == []
    box.apply()
    assert box.ids("account") == {acme}
    assert box.value("account", acme, "$name") == "Acme Solar"


# ---------------------------------------------------------------- restores and undo look before they write, too


def test_a_restore_that_somebody_did_first_overwrites_nothing(stage: Open) -> None:
    """Rule A1 for restores, from a saved plan: restored and edited by hand since: stale, left alone."""
    box = stage(_ACME)
    box.apply(expect=0)
    (acme,) = box.ids("account")
    box.trash("account", acme)
    saved = str(box.folder / "saved.plan.json")
    plan = box.plan("--recreate-missing", "-o", saved)
    assert [change["action"] for change in plan["changes"]] == ["restore"]
    box.person("POST", f"/v1/accounts/{acme}/restore")
    box.edit("account", acme, {"nickname": "Kai's own"})
    box.forget_writes()
    box.apply(saved, expect=3)
    assert box.value("account", acme, "nickname") == "Kai's own"
    assert not any(re.fullmatch("POST /v1/accounts/[^/]+", write) for write in box.writes())


def test_an_edit_right_after_a_restore_survives(stage: Open) -> None:
    """Rule A1, what follows a restore: the update that the plan showed looks again before it is sent."""
    box = stage(_ACME)
    box.apply(expect=0)
    (acme,) = box.ids("account")
    box.trash("account", acme)
    box.write(_ACME.replace("Sunny", "Rainy"))

    async def edit(ask: Ask, answer: Answer) -> None:
        await ask("POST", f"/v1/accounts/{acme}", {"fields": {"nickname": "Kai's own"}})

    box.meanwhile("POST", f"/v1/accounts/{acme}/restore", edit, after=True)
    box.apply("--recreate-missing", expect=3)
    assert box.value("account", acme, "nickname") == "Kai's own"


def test_undo_leaves_alone_what_people_changed_while_it_runs(stage: Open) -> None:
    """Rules A1 and L3: undo reads each record by id just before its write."""
    names = [f"Account {n:02}" for n in range(30)]
    crm = "accounts:\n" + "".join(
        f"  a{n:02}: {{fields: {{$name: {name}, nickname: Sunny}}}}\n" for n, name in enumerate(names)
    )
    box = stage(crm)
    box.apply(expect=0)
    box.write(crm.replace("Sunny", "Rainy"))
    box.apply(expect=0)
    ids = box.ids("account")

    async def edit(ask: Ask, answer: Answer) -> None:
        for id in ids:
            await ask("POST", f"/v1/accounts/{id}", {"fields": {"nickname": "Kai's own"}})

    reads = {"left": len(ids)}

    async def when_planned(ask: Ask, answer: Answer) -> None:
        reads["left"] -= 1
        if reads["left"] == 0:
            await edit(ask, answer)

    box.meanwhile("GET", "/v1/accounts/[^/]+", when_planned, after=True, every=True)
    box.forget_writes()
    assert box.lfsync("undo", "--yes", "--allow-large").code == 3
    kept = [row for row in box.rows("account") if row.fields["nickname"] == "Kai's own"]
    assert len(kept) == 30


# ---------------------------------------------------------------- a declared null that the create had no need of

_NULLS = {
    "account": ("accounts: {it: {fields: {$name: It, nickname: null}}}\n", "nickname"),
    "meeting": (
        "meetings: {it: {fields: {$title: It, $startDate: 2026-10-01T09:00:00Z, $endDate: 2026-10-01T10:00:00Z, "
        "$organizerEmail: kai@corp.example, $meetingPrep: null}}}\n",
        "$meetingPrep",
    ),
}


def _made_and_unseen(stage: Open, kind: str, way: str) -> tuple[Stage, str]:
    """A create that nobody knows of, and that no list shows yet: the next apply meets its own key."""
    box = stage(_NULLS[kind][0], lag=600)
    if way == "killed":
        box.killed(Moment("POST", f"/v1/{kind}s", after=True))
    else:
        box.apply(expect=0)
        box.forget_state()
    (it,) = box.ids(kind)
    return box, it


@pytest.mark.parametrize("kind", list(_NULLS))
@pytest.mark.parametrize("way", ["killed", "state lost"])
def test_a_replayed_null_leaves_what_was_written_meanwhile(stage: Open, kind: str, way: str) -> None:
    """Rules A1, A2: moved since the answer, whoever wrote it: bound as adopted, left alone, stale; then it is shown."""
    box, it = _made_and_unseen(stage, kind, way)
    key = _NULLS[kind][1]
    box.edit(kind, it, {key: "Kai's own"})
    run = box.apply(expect=3)
    assert "1 stale" in run.out
    assert box.value(kind, it, key) == "Kai's own"
    assert box.ids(kind) == {it}
    (change,) = box.plan()["changes"]
    assert [(field["key"], field["before"], field["after"]) for field in change["fields"]] == [(key, "Kai's own", None)]


@pytest.mark.parametrize("kind", list(_NULLS))
@pytest.mark.parametrize("way", ["killed", "state lost"])
def test_a_replayed_null_that_nobody_touched_is_done(stage: Open, kind: str, way: str) -> None:
    box, it = _made_and_unseen(stage, kind, way)
    run = box.apply(expect=0)
    assert "1 created" in run.out
    assert not box.value(kind, it, _NULLS[kind][1])
    assert box.ids(kind) == {it}
    assert box.plan()["changes"] == []
