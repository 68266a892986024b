"""Small faults, each with its neighbours."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.town import Build, Town, error

# ---------------------------------------------------------------- definitions


def _definitions(bend: Callable[[dict[str, Any]], None]) -> Callable[[str, str, bytes], bytes]:
    def after(method: str, path: str, body: bytes) -> bytes:
        if path != "/v1/accounts/definitions":
            return body
        data = json.loads(body)
        bend(data)
        return json.dumps(data).encode()

    return after


def _no_options(data: dict[str, Any]) -> None:
    data["fieldDefinitions"]["nickname"]["typeConfiguration"] = {"options": None}


def _select_without(data: dict[str, Any]) -> None:
    data["fieldDefinitions"]["tier"]["typeConfiguration"]["options"] = None


def _nulls(data: dict[str, Any]) -> None:
    for definition in data["fieldDefinitions"].values():
        definition["description"] = None
        definition["typeConfiguration"] |= {"parentFieldKey": None, "currency": None}


def _unlinked(data: dict[str, Any]) -> None:
    for definition in data["relationshipDefinitions"].values():
        definition |= {"id": None, "description": None}


@pytest.mark.parametrize("bend", [_no_options, _select_without, _nulls, _unlinked])
def test_a_definition_with_nulls_stops_no_plan(build: Build, bend: Callable[[dict[str, Any]], None]) -> None:
    """API sheet 2.4: `typeConfiguration` is an object whose members may be missing: null is the same (rule C8)."""
    town = build("records: {accounts: [{ref: top, fields: {$name: Top}}]}\n")
    town.bent.after = _definitions(bend)
    town.write(
        "accounts: {acme: {fields: {$name: Acme, nickname: Ace}, relationships: {parent: {match: {$name: Top}}}}}\n"
        "tasks:\n"
        "  call: {fields: {$title: Call, $status: TODO},\n"
        "         relationships: {$account: acme, $assignedTo: kai@corp.example}}\n"
    )
    town.apply()
    assert town.plan()["changes"] == []


def test_a_select_without_options_takes_no_label(build: Build) -> None:
    """Rule C6, promise 5: no label can be found, which is a problem at its place."""
    town = build()
    town.bent.after = _definitions(_select_without)
    town.write("accounts: {acme: {fields: {$name: Acme, tier: Gold}}}\n")
    said = town.lfsync("plan")
    assert said.code == 1
    assert "crm.yaml:1" in said.err


def test_a_type_that_is_listed_and_has_no_definitions_is_no_typo(build: Build) -> None:
    """Promise 5: what is wrong, and what to do; never "no type `project`, did you mean `project`?"."""
    town = build("objects: {project: {label: Project, fields: {name: {type: TEXT, label: Name}}}}\n")
    hidden = "/v1/objects/project/definitions"
    town.bent.instead = lambda method, path: error(404, "not_found") if path == hidden else None
    town.write("objects: {project: {apollo: {match: [name], fields: {name: Apollo}}}}\n")
    said = town.lfsync("plan")
    assert said.code == 1
    assert "crm.yaml:1" in said.err
    assert "lists the custom object type `project`" in said.err
    assert "did you mean" not in said.err


# ---------------------------------------------------------------- unreadable answers

_UNREADABLE = {
    "html": b"<html>Welcome</html>",
    "cut off": b'{"id": "acc_',
    "nothing": b"",
    "an empty object": b"{}",
    "a list": b"[]",
    "null": b"null",
    "no text": b"\xff\xfe\x00",
    "id is a number": b'{"id": 7, "createdAt": "2026-01-01T00:00:00.000Z", "fields": {}, "relationships": {}}',
}
_THREE = "accounts:\n" + "".join(f"  {name}: {{fields: {{$name: {name}}}}}\n" for name in ("acme", "birch", "cedar"))


def _garble(town: Town, method: str, what: bytes, path: str = "/v1/accounts", name: bytes = b"birch") -> None:
    """The answers to these requests of birch become unreadable."""

    def after(asked: str, at: str, body: bytes) -> bytes:
        return what if (asked, at) == (method, path) and name in body else body

    town.bent.after = after


@pytest.mark.parametrize("what", _UNREADABLE)
def test_an_unreadable_200_to_a_create_leaves_its_outcome_open(build: Build, what: str) -> None:
    """Rule A9: it concerns that resource only; A6: exit 3; the outcome is not known, and rule A2: no second record."""
    town = build()
    town.write(_THREE)
    _garble(town, "POST", _UNREADABLE[what])
    said = town.apply(expect=3)
    assert town.titles("/v1/accounts") == ["acme", "birch", "cedar"]
    assert "account.birch" in said.text
    assert "nothing written" not in said.text.lower()
    assert "nothing was written" not in said.text.lower()
    assert "2 created" in said.text
    town.bent.after = lambda method, path, body: body
    town.apply()
    assert town.titles("/v1/accounts") == ["acme", "birch", "cedar"]
    assert town.plan()["changes"] == []


def test_an_unreadable_200_to_the_only_create(build: Build) -> None:
    """Exit 1 always means that nothing was written (design 8): here something may have been, so it is 3."""
    town = build()
    town.write("accounts: {birch: {fields: {$name: birch}}}\n")
    _garble(town, "POST", b"<html>")
    said = town.apply(expect=3)
    assert "nothing written" not in said.text.lower()
    town.bent.after = lambda method, path, body: body
    town.apply()
    assert town.titles("/v1/accounts") == ["birch"]


def test_what_depends_on_an_unreadable_create_waits(build: Build) -> None:
    """Design 7: dependants are skipped with the reason, the rest goes on; the next run links the one record."""
    town = build()
    town.write(
        _THREE + "tasks:\n"
        "  call: {fields: {$title: Call, $status: TODO},\n"
        "         relationships: {$account: birch, $assignedTo: kai@corp.example}}\n"
    )
    _garble(town, "POST", b"<html>")
    town.apply(expect=3)
    assert town.titles("/v1/tasks") == []
    town.bent.after = lambda method, path, body: body
    town.apply()
    assert town.titles("/v1/accounts") == ["acme", "birch", "cedar"]
    assert town.titles("/v1/tasks") == ["Call"]


def test_an_unreadable_200_to_an_update_concerns_that_resource_only(build: Build) -> None:
    """Rule A9 and A3: the others go on, exit 3; the next run reads it and finds the value there."""
    town = build()
    town.write(_THREE)
    town.apply()
    town.write(_THREE.replace("}}", ", nickname: New}}"))
    _garble(town, "POST", b"<html>", path=f"/v1/accounts/{town.id('account.birch')}")
    said = town.apply(expect=3)
    assert "account.birch" in said.text
    assert {row["fields"]["nickname"]["value"] for row in town.rows("/v1/accounts")} == {"New"}
    town.bent.after = lambda method, path, body: body
    town.apply()
    assert town.plan()["changes"] == []


def test_an_unreadable_read_of_one_record_concerns_that_resource_only(build: Build) -> None:
    """Rule A9."""
    town = build()
    town.write(_THREE)
    town.apply()
    town.write(_THREE.replace("}}", ", nickname: New}}"))
    _garble(town, "GET", b"<html>", path=f"/v1/accounts/{town.id('account.birch')}")
    town.apply(expect=3)
    new = [row for row in town.rows("/v1/accounts") if row["fields"]["nickname"]["value"] == "New"]
    assert len(new) == 2


# ---------------------------------------------------------------- one saved plan, twice


def test_a_saved_plan_that_is_applied_again_is_done(build: Build) -> None:
    """Rule A1: managed values equal `after`: done. Promise 1: nothing is doubled; exit 0."""
    town = build("records: {accounts: [{fields: {$name: Live}}]}\n")
    town.write(
        _THREE + "  live: {fields: {$name: Live, nickname: New}}\n"
        "contacts: {ada: {fields: {$email: [ada@x.example]}, relationships: {$account: [acme]}}}\n"
        "lists: {best: {fields: {$name: Best, $objectType: $account}, members: [acme, birch]}}\n"
        "tasks:\n"
        "  call: {fields: {$title: Call, $status: TODO},\n"
        "         relationships: {$account: birch, $assignedTo: kai@corp.example}}\n"
    )
    saved = str(town.root.parent / "plan.json")
    assert town.lfsync("plan", "-o", saved).code == 0
    town.apply(saved)
    town.forget()
    said = town.apply(saved)
    assert town.writes() == []
    assert "stale" not in said.text
    assert "changed in Lightfield" not in said.text


def test_a_saved_plan_that_was_killed_goes_on(build: Build) -> None:
    """Rules A1 and A2: the rest of it is done, what was done stays, exit 0."""
    town = build()
    town.write("accounts:\n" + "".join(f"  a{n}: {{fields: {{$name: A{n}}}}}\n" for n in range(12)))
    saved = str(town.root.parent / "plan.json")
    assert town.lfsync("plan", "-o", saved).code == 0
    town.killed_apply(5)
    town.apply(saved)
    assert town.titles("/v1/accounts") == sorted(f"A{n}" for n in range(12))
    assert len(town.writes()) == 12


def test_a_saved_plan_with_deletes_that_is_applied_again_is_done(build: Build) -> None:
    """Rule A1, A2: trashed already, as the plan wanted it: exit 0, and no write."""
    town = build()
    town.settings(safety={"max_deletes": "100%"})
    town.write(_THREE)
    town.apply()
    town.write("accounts: {acme: {fields: {$name: acme}}}\n")
    saved = str(town.root.parent / "plan.json")
    assert town.lfsync("plan", "--prune", "-o", saved).code == 0
    town.apply(saved)
    town.forget()
    town.apply(saved)
    assert town.writes() == []


def test_a_saved_plan_applied_again_leaves_later_edits_alone(build: Build) -> None:
    """Rule A1: neither `before` nor `after`: stale, left alone, exit 3."""
    town = build()
    town.write("accounts: {acme: {fields: {$name: Acme, nickname: Ours}}}\n")
    saved = str(town.root.parent / "plan.json")
    assert town.lfsync("plan", "-o", saved).code == 0
    town.apply(saved)
    town.edit("/v1/accounts", town.id("account.acme"), fields={"nickname": "Theirs"})
    town.forget()
    town.apply(saved, expect=3)
    assert town.writes() == []


# ---------------------------------------------------------------- undo of a list


@pytest.mark.parametrize("kind", ["account", "contact", "opportunity"])
@pytest.mark.parametrize("read", ["bare", "dollar"])
def test_undo_of_a_trashed_list_sends_its_object_type_with_the_dollar(build: Build, read: str, kind: str) -> None:
    """Rule L3: undo makes the list again; the bare form of `$objectType` is deprecated, and never sent."""
    town = build(quirks={"list-object-type": read})
    fields = f"{{$name: Best, $objectType: ${kind}}}"
    town.settings(safety={"max_deletes": "100%"})
    town.write(f"lists: {{best: {{fields: {fields}}}}}\n")
    town.apply()
    town.write(f"lists: {{best: {{fields: {fields}, lifecycle: {{absent: true}}}}}}\n")
    town.apply()
    assert town.titles("/v1/lists") == []
    said = town.lfsync("undo", "--yes")
    assert said.code == 0, said
    assert town.titles("/v1/lists") == ["Best"]
    sent = [json.loads(body) for method, path, body in town.bent.sent if (method, path) == ("POST", "/v1/lists")]
    assert [body["fields"]["$objectType"] for body in sent] == [f"${kind}"] * 2


def test_two_spellings_of_one_match_value_are_two_hits(build: Build) -> None:
    """Rule I2: hosts are compared without case: two records of one value are refused, not doubled."""
    town = build(
        "records: {accounts: [{fields: {$name: One, $website: ['https://acme-solar.example']}}, "
        "{fields: {$name: Two, $website: ['https://Acme-Solar.example']}}]}\n"
    )
    town.write(
        "accounts: {acme: {match: [$website], fields: {$name: Acme, $website: ['https://ACME-solar.example']}}}\n"
    )
    found = town.plan()
    assert found["exit_code"] == 3
    (blocked,) = found["blocked"]
    assert all(row["id"] in blocked["reason"] for row in town.rows("/v1/accounts"))
    town.apply(expect=3)
    assert town.titles("/v1/accounts") == ["One", "Two"]


# ---------------------------------------------------------------- one target list


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_another_list_becomes_the_target(build: Build, order: str) -> None:
    """Rule A7, API sheet 4.7: a workspace has one target list, so that the old one lets go first."""
    town = build()
    kinds = {"ab": ("target", "null"), "ba": ("null", "target")}

    def write(of: tuple[str, str]) -> None:
        rows = (
            f"{key}: {{fields: {{$name: {key}, $objectType: $account, $kind: {kind}}}}}"
            for key, kind in zip("ab", of, strict=True)
        )
        town.write(f"lists: {{{', '.join(rows)}}}\n")

    write(kinds[order])
    town.apply()
    write(kinds[order[::-1]])
    town.apply()
    assert town.actions() == {}
