"""Rules that only show while people edit the same workspace. Named after the rules (`rule A1`)."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.conftest import MakeProject
from tests.e2e.rig import Project, Run, Server

_SOLO = "accounts: {solo: {fields: {$name: Solo, score: 2}}}\n"
_OPTIONAL = "accounts: {solo: {fields: {$name: Solo, score: 2, tier: Gold}}}\n"


def _id(server: Server, name: str) -> str:
    with server.sdk() as sdk:
        (row,) = sdk.account.list(extra_query={"$name[equal]": name}).data
        return row.id


def _value(server: Server, id: str, key: str) -> object:
    with server.sdk() as sdk:
        found = sdk.account.retrieve(id).fields.get(key)
        return found.value if found else None


def _edit(server: Server, name: str, **fields: object) -> None:
    """What a person does in Lightfield meanwhile."""
    id = _id(server, name)
    with server.sdk() as sdk:
        sdk.account.update(id, fields=fields)  # type: ignore[arg-type]


def _confirmed(place: Project, meanwhile: Callable[[], object]) -> Run:
    return place.apply_on_terminal("y\n", meanwhile=meanwhile)


def test_rule_a1_a_record_made_meanwhile_is_not_made_again(server: Server, make: MakeProject) -> None:
    place = make(
        {
            "crm.yaml": "accounts: {new: {fields: {$name: New}}, other: {fields: {$name: Other}}}\n"
            "contacts: {bo: {fields: {$email: [bo@new.example]}, relationships: {$account: [new]}}}\n"
        }
    )

    def by_hand() -> None:
        with server.sdk() as sdk:
            sdk.account.create(fields={"$name": "New"})

    run = _confirmed(place, by_hand)
    assert run.code == 3
    assert "stale" in run.text
    assert _id(server, "New") in run.text, "one record of this name, and the run names it"
    assert _id(server, "Other"), "the rest goes on"
    assert "contact.bo" not in place.state(), "what depends on it is skipped"
    place.apply()
    place.plan(expect=0)
    assert _id(server, "New") == place.ids()["account.new"], "the next run adopts it"


def test_rule_a1_an_edit_of_a_planned_field_makes_it_stale(server: Server, make: MakeProject) -> None:
    place = make({"crm.yaml": _SOLO})
    run = _confirmed(place, lambda: _edit(server, "Solo", score=7))
    assert run.code == 3
    assert "stale" in run.text
    assert _value(server, _id(server, "Solo"), "score") == 7, "left alone"


def test_rule_a1_an_edit_of_another_field_survives(server: Server, make: MakeProject) -> None:
    place = make({"crm.yaml": _OPTIONAL})
    run = _confirmed(place, lambda: _edit(server, "Solo", nickname="Moon", score=2))
    assert run.code == 0, run.text
    id = _id(server, "Solo")
    assert _value(server, id, "nickname") == "Moon"
    assert _value(server, id, "score") == 2, "already as planned: done, not sent again"
    place.plan(expect=0)


def test_rule_a2_made_trashed_and_made_again_is_a_new_record(server: Server, make: MakeProject) -> None:
    place = make({"crm.yaml": "accounts: {new: {fields: {$name: New}}}\n"})
    place.apply()
    first = place.ids()["account.new"]
    with server.sdk() as sdk:
        sdk.account.delete(first)
    place.state_file.unlink()
    place.apply()
    second = place.ids()["account.new"]
    assert second != first
    assert _id(server, "New") == second
    place.plan(expect=0)


def test_rule_a2_the_keys_of_what_was_let_go_are_not_used_again(server: Server, make: MakeProject) -> None:
    """However soon it is made again, and whatever the API says of a trashed record."""
    new, other = "accounts: {new: {fields: {$name: New}}}\n", "accounts: {other: {fields: {$name: Other}}}\n"
    place = make({"crm.yaml": new})
    ids = set()
    for let_go in ("prune", "rm", "mv"):
        place.write("crm.yaml", new)
        place.apply()
        ids.add(place.ids()["account.new"])
        if let_go == "prune":
            place.write("crm.yaml", other)
            place.apply("--prune")
            continue
        with server.sdk() as sdk:
            sdk.account.delete(place.ids()["account.new"])
        place.lfsync("state", let_go, "account.new", *(["account.old"] if let_go == "mv" else []), expect=0)
    place.apply(expect=0)
    created = [entry["idempotency_key"] for entry in server.log() if entry["method"] == "POST"]
    assert len(created) == len(set(created)), "a key was sent twice"
    assert _id(server, "New") == place.ids()["account.new"] not in ids
    assert len(ids) == 3
    place.plan(expect=0)


def test_rule_c9_both_sides_of_a_link_that_contradict_each_other(server: Server, make: MakeProject) -> None:
    place = make(
        {
            "a.yaml": "accounts: {a: {fields: {$name: A}, relationships: {$contact: []}}}\n",
            "c.yaml": "contacts: {bo: {fields: {$email: [bo@a.example]}, relationships: {$account: [a]}}}\n",
        }
    )
    run = place.lfsync("apply", "--yes", expect=1)
    assert "c.yaml:1:78: contact.bo: " in run.err
    assert "a.yaml:1:62" in run.err
    assert server.writes() == []
    place.write("a.yaml", "accounts: {a: {fields: {$name: A}, relationships: {$contact: [bo]}}}\n")
    place.apply()
    assert place.plan(expect=0)["changes"] == []


def test_rule_i7_adoption_with_and_without_differences(server: Server, make: MakeProject) -> None:
    place = make(
        {
            "crm.yaml": "accounts:\n"
            "  solo:\n"
            "    fields: {$name: Solo, score: 2, nickname: Ours}\n"
            "    lifecycle: {ignore_changes: [nickname]}\n"
            "contacts: {ada: {fields: {$email: [Ada@Solo.example]}}}\n"
        }
    )
    changes = {change["address"]: change for change in place.plan()["changes"]}
    solo, ada = changes["account.solo"], changes["contact.ada"]
    assert (solo["action"], solo["adopted"], ada["action"]) == ("update", True, "adopt")
    assert [field["key"] for field in solo["fields"]] == ["score"], "ignored keys take live as it is"
    place.apply()
    assert server.writes() == [f"POST /v1/accounts/{solo['id']}"]
    assert _value(server, solo["id"], "nickname") == "Sunny"


def test_rule_i8_a_create_only_key_that_differs_blocks_and_says_why(server: Server, make: MakeProject) -> None:
    deal = "opportunities: {deal: {fields: {$name: Deal, $stage: Won}, relationships: {$account: %s}}}\n"
    accounts = "accounts: {solo: {fields: {$name: Solo}}, other: {fields: {$name: Other}}}\n"
    place = make({"crm.yaml": accounts + deal % "solo"})
    place.apply()
    place.write("crm.yaml", accounts + deal % "other")
    (blocked,) = place.plan(expect=3)["blocked"]
    assert blocked["address"] == "opportunity.deal"
    assert "$account" in blocked["reason"]
    with server.counting() as written:
        place.apply(expect=3)
    assert written == []


def test_verdicts_tell_who_moved_what(server: Server, make: MakeProject) -> None:
    place = make({"crm.yaml": "accounts: {solo: {fields: {$name: Solo, score: 2, nickname: Ours, tier: Gold}}}\n"})
    place.apply()
    _edit(server, "Solo", score=7, tier="Silver")
    place.write("crm.yaml", "accounts: {solo: {fields: {$name: Solo, score: 3, nickname: New, tier: Gold}}}\n")
    (change,) = place.plan()["changes"]
    causes = {field["key"]: field["cause"] for field in change["fields"]}
    assert causes == {"score": "conflict", "nickname": "config", "tier": "drift"}
    place.apply()
    place.plan(expect=0)
