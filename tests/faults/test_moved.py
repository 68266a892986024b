"""`moved:` blocks where kills, clones, people and other commands take part (rules M1, A2, A4, M2, V1, V2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from random import Random

import pytest

from tests.effort import size
from tests.faults.town import Build, Town

ACCOUNTS = "/v1/accounts"
BEFORE = "accounts:\n" + "".join(f"  a{n}: {{fields: {{$name: A{n}, nickname: N{n}}}}}\n" for n in (1, 2, 3))
AFTER = BEFORE.replace("  a", "  b").replace("$name: A", "$name: B")
MOVED = "moved:\n" + "".join(f"  - {{from: account.a{n}, to: account.b{n}}}\n" for n in (1, 2, 3))
NAMES = ["B1", "B2", "B3"]


def _settle(town: Town) -> None:
    """Applies until one ends well."""
    for _ in range(3):
        if town.lfsync("apply", "--yes", "--allow-large").code == 0:
            return
    raise AssertionError(town.lfsync("plan").text)


# Of three writes; once the last was answered, there is nothing left to kill.
_KILLS = [(1, True), (1, False), (2, True), (2, False), (3, True)]


def _moved(town: Town) -> None:
    """Every record has its new name, there is no second one, and the state knows the new addresses only."""
    assert town.titles(ACCOUNTS) == NAMES
    assert town.plan()["changes"] == town.plan()["orphans"] == []
    bound = {address for address, line in town.state().items() if "id" in line}
    assert bound == {"account.b1", "account.b2", "account.b3"}


@pytest.mark.parametrize(("writes", "unanswered"), _KILLS)
@pytest.mark.parametrize("changed", [True, False], ids=["another match", "the same match"])
def test_creates_that_a_kill_left_open_are_moved_too(
    build: Build, writes: int, unanswered: bool, changed: bool
) -> None:
    """Rules M1, A4: what a killed run made, or may have made, under the old address is the new one's record."""
    town = build()
    town.write(BEFORE)
    town.killed_apply(writes, unanswered=unanswered)
    after = AFTER if changed else BEFORE.replace("  a", "  b")
    town.write(MOVED + after)
    _settle(town)
    town.write(MOVED + AFTER)
    _settle(town)
    _moved(town)


def test_only_the_new_address_takes_the_open_create_along(build: Build) -> None:
    """Rules P3, A4: --only names the new address, and the create that is open under the old one is looked for."""
    town = build()
    town.write(BEFORE)
    town.killed_apply(1, unanswered=True)
    made = town.titles(ACCOUNTS)[0]
    town.write(MOVED + AFTER)
    town.apply("--only", f"account.b{made[1]}")
    assert town.titles(ACCOUNTS) == [f"B{made[1]}"]


@pytest.mark.parametrize(("writes", "unanswered"), _KILLS)
def test_killed_while_it_moves(build: Build, writes: int, unanswered: bool) -> None:
    """Rule M1: killed at any write, the next run ends where an unbroken one would have."""
    town = build()
    town.write(BEFORE)
    town.apply()
    town.write(MOVED + AFTER)
    town.killed_apply(writes, unanswered=unanswered)
    _settle(town)
    _moved(town)


def test_killed_between_the_two_lines_of_a_move(build: Build) -> None:
    """Both addresses bound to one record is a done move: the old one is let go of, and nothing is blocked."""
    town = build()
    town.write(BEFORE)
    town.apply()
    path = town.root / ".lfsync/state/prod.jsonl"
    lines = path.read_text().splitlines()
    twice = [*lines, *(line.replace("account.a", "account.b") for line in lines[1:])]
    path.write_text("\n".join(twice) + "\n")
    town.write(MOVED + BEFORE.replace("  a", "  b"))
    assert town.actions("--prune") == {}
    town.apply()
    town.write(MOVED + AFTER)
    _settle(town)
    _moved(town)


def test_a_create_that_is_open_under_the_new_address_disputes_the_record(build: Build) -> None:
    """Rules M1, A4: a killed run made what should have been moved: both are named, and neither is touched."""
    town = build()
    town.write(BEFORE)
    town.apply()
    town.write(AFTER)  # forgot to say that they were moved
    town.killed_apply(1, unanswered=True)
    [made] = set(town.titles(ACCOUNTS)) - {"A1", "A2", "A3"}
    town.write(MOVED + AFTER)
    [blocked] = (plan := town.plan("--prune"))["blocked"]
    number = made[1]
    assert blocked["address"] == f"account.b{number}"
    assert town.id(f"account.a{number}") in blocked["reason"]
    assert f"`lfsync state rm account.b{number}`" in blocked["hint"]
    assert {change["action"] for change in plan["changes"]} == {"update"}
    town.apply("--prune", expect=3)
    assert town.titles(ACCOUNTS) == sorted(["A" + number, *NAMES])
    assert town.lfsync("state", "rm", f"account.b{number}").code == 0
    town.trash(ACCOUNTS, next(row["id"] for row in town.rows(ACCOUNTS) if row["fields"]["$name"]["value"] == made))
    _settle(town)
    _moved(town)


@pytest.mark.parametrize("ours", ["moved", "not moved"])
def test_two_clones_one_of_which_moved(build: Build, ours: str) -> None:
    """Rules M1, M2: the other clone wrote under the old address meanwhile; the merge knows both: no dispute."""
    town = build()
    town.write(BEFORE)
    town.apply()
    state = town.root / ".lfsync/state/prod.jsonl"
    base = state.read_text()
    town.write(BEFORE.replace("N1", "N9"))
    town.apply()
    theirs = state.read_text()
    state.write_text(base)
    town.write(MOVED + AFTER.replace("N1", "N9"))
    town.apply()
    sides = {"base": base, "ours": state.read_text(), "theirs": theirs}
    if ours == "not moved":
        sides |= {"ours": theirs, "theirs": state.read_text()}
    paths = {name: town.root / ".lfsync" / name for name in sides}
    for name, text in sides.items():
        paths[name].write_text(text)
    assert town.lfsync("state", "merge", *map(str, paths.values())).code == 0
    state.write_text(paths["ours"].read_text())
    assert town.actions("--prune") == {}
    town.apply()
    _moved(town)


def test_a_plan_writes_no_move(build: Build) -> None:
    """Rule M1: planned as an adopt with `moved_from`, by `plan` too; the state changes at apply."""
    town = build()
    town.write(BEFORE)
    town.apply()
    before = town.state()
    town.write(MOVED + BEFORE.replace("  a", "  b"))
    town.forget()
    plan = town.plan()
    assert [(c["action"], c["address"], c["moved_from"], c["id"], c["name"]) for c in plan["changes"]] == [
        ("adopt", f"account.b{n}", f"account.a{n}", before[f"account.a{n}"]["id"], f"A{n}") for n in (1, 2, 3)
    ]
    assert town.state() == before
    assert town.writes() == []
    town.apply()
    now = town.state()
    for n in (1, 2, 3):  # generation, hashes and the mark of what lfsync made move along
        assert now[f"account.b{n}"] == before[f"account.a{n}"] | {"address": f"account.b{n}"}
        assert now[f"account.a{n}"]["released"] == before[f"account.a{n}"]["id"]
    assert town.plan()["changes"] == []


def test_protect_moves_along(build: Build) -> None:
    """Rule L1: it stays in the state until a file says `protect: false`."""
    town = build()
    keep = "accounts: {a1: {fields: {$name: A1}, lifecycle: {protect: true}}}\n"
    town.write(keep)
    town.apply()
    town.write("moved: [{from: account.a1, to: account.b1}]\naccounts: {b1: {fields: {$name: A1}}}\n")
    town.apply()
    town.write("accounts: {c1: {fields: {$name: C1}}}\n")
    town.apply("--prune")
    assert town.titles(ACCOUNTS) == ["A1", "C1"]


def test_undo_before_and_after_the_move(build: Build) -> None:
    """Rule M1: undo goes by record, whichever address it has by now."""
    town = build()
    town.write(BEFORE)
    town.apply()
    town.write(BEFORE.replace("N1", "N9"))
    town.apply()
    town.write(MOVED + BEFORE.replace("  a", "  b").replace("N1", "N9"))
    assert town.lfsync("undo", "--yes").code == 0  # the state has the old addresses still
    assert "account.a1" in town.state()
    assert town.plan()["changes"][0]["fields"][0]["before"] == "N1"
    town.apply()
    assert town.lfsync("undo", "--yes").code == 0
    assert [line["id"] for a, line in town.state().items() if "id" in line and a.startswith("account.b")]
    assert town.plan()["changes"][0]["fields"][0]["before"] == "N1"


def test_explain_follows_the_move(build: Build) -> None:
    """Design 13: the old address is asked for, and the resource is told of."""
    town = build()
    town.write(BEFORE)
    town.apply()
    town.write(MOVED + AFTER)
    said = town.lfsync("explain", "account.a1")
    assert said.code == 0
    assert said.out.startswith("account.b1 ")
    assert "was account.a1 before" in said.out


def test_accept_takes_drift_of_what_moves(build: Build) -> None:
    """Rule V2: the hashes are those of the old address, so drift is drift; the next plan shows nothing of it."""
    town = build()
    town.write(BEFORE)
    town.apply()
    town.edit(ACCOUNTS, town.id("account.a1"), fields={"nickname": "Sunny"})
    text = MOVED + BEFORE.replace("  a", "  b")
    town.write(text)
    said = town.lfsync("accept")
    assert said.code == 0, said
    assert (town.root / "crm.yaml").read_text() == text.replace("N1", "Sunny")
    assert {c["address"]: c["action"] for c in town.plan()["changes"]} == {"account.b2": "adopt", "account.b3": "adopt"}
    town.apply()
    assert town.actions() == {}


def test_accept_leaves_what_a_move_leads_to(build: Build) -> None:
    """Rule V2: taking a trashed resource out would leave a `moved:` that leads to nothing: left, with the reason."""
    town = build()
    town.write(BEFORE)
    town.apply()
    town.write(text := MOVED + BEFORE.replace("  a", "  b"))
    town.apply()
    town.trash(ACCOUNTS, town.id("account.b1"))
    said = town.lfsync("accept", "account.b1")
    assert said.code == 3
    assert "account.b1: `moved` leads to it, and it is not declared" in said.out
    assert (town.root / "crm.yaml").read_text() == text


def test_import_keeps_the_block_and_takes_no_name_of_it(build: Build) -> None:
    """Rule V1: a file with a `moved:` block is extended in place; an old address is no free key."""
    town = build("records: {accounts: [{ref: a, fields: {$name: A1}}]}\n")
    moved = "moved:\n- {from: account.a1, to: account.b1}   # since June\naccounts:\n  b1: {fields: {$name: B1}}\n"
    town.write(moved, "accounts.yaml")
    town.apply()
    said = town.lfsync("import", "account")
    assert said.code == 0, said
    text = (town.root / "accounts.yaml").read_text()
    assert text.startswith(moved)
    assert "\n  a1-2:" in text
    assert town.actions() == {}


def test_what_is_asked_costs_no_request(build: Build) -> None:
    """Issue 8: whether a create is a renamed orphan is told by the hashes that the state has."""
    town = build()
    town.write(BEFORE)
    town.apply()
    counts = []
    for nickname in ("N1", "Other"):
        town.write(AFTER.replace("N1", nickname))
        town.forget()
        plan = town.plan()
        asked = {c["address"]: [w for w in c["warnings"] if w.startswith("renamed?")] for c in plan["changes"]}
        told = 3 if nickname == "N1" else 2
        assert sum(map(len, asked.values())) == told
        counts.append(len(town.log()))
    assert counts[0] == counts[1]
    assert json.dumps("moved: [{from: account.a2, to: account.b2}]")[1:-1] in asked["account.b2"][0]


def test_what_was_trashed_is_not_asked_of(build: Build) -> None:
    """A block that leads to it would only block: the advice would be wrong."""
    town = build()
    town.write("accounts: {a: {fields: {$name: A, nickname: N}}}\n")
    town.apply()
    town.write("accounts: {b: {fields: {$name: B, nickname: N}}}\n")
    (change,) = town.plan()["changes"]
    assert [each[:8] for each in change["warnings"]] == ["renamed?"]
    town.trash("/v1/accounts", town.id("account.a"))
    (change,) = town.plan()["changes"]
    assert (change["action"], change["warnings"]) == ("create", [])


# ---------------------------------------------------------------- random chains

_CHAINS = {f"account.a{n}": "accounts" for n in range(4)} | {"contact.c0": "contacts", "contact.c1": "contacts"}
_CHAINS |= {"list.l0": "lists"}


def _laid_out(town: Town, chance: Random, keys: Mapping[str, list[str]], at: int, salt: str) -> None:
    """The project with each resource under the key that it has `at` that time, and all moves up to then, in two files.

    `salt`: part of the names, which are what the default matches look for.
    """
    now = {first: chain[min(at, len(chain) - 1)].partition(".")[2] for first, chain in keys.items()}
    a, contacts = [now[f"account.a{n}"] for n in range(4)], [now["contact.c0"], now["contact.c1"]]
    resources = {
        "accounts": {key: {"fields": {"$name": f"A{n}{salt}", "nickname": f"N{n}"}} for n, key in enumerate(a)},
        "contacts": {
            key: {
                "fields": {"$name": {"firstName": f"C{n}{salt}"}, "$email": [f"c{n}{salt}@x.example"]},
                "relationships": {"$account": [a[n]]},
            }
            for n, key in enumerate(contacts)
        },
        "lists": {now["list.l0"]: {"fields": {"$name": f"L{salt}", "$objectType": "$account"}, "members": a[:2]}},
    }
    steps = [{"from": b, "to": c} for chain in keys.values() for b, c in pairwise(chain[: at + 1])]
    chance.shuffle(steps)
    cut = chance.randint(0, len(steps))
    town.write(json.dumps({**resources, "moved": steps[:cut]}))
    town.write(json.dumps({"moved": steps[cut:]}), "moves.yaml")


@pytest.mark.parametrize("seed", range(size(8, 120)))
def test_random_chains_keep_every_record(build: Build, seed: int) -> None:
    """Rule M1, promise 1: whatever is renamed, and wherever a run is killed, there are as many records as before."""
    chance = Random(seed)
    town = build()
    keys = {first: [first, *(f"{first}-{step}" for step in range(1, chance.randint(1, 4)))] for first in _CHAINS}
    _laid_out(town, chance, keys, 0, "")
    if chance.random() < 0.5:
        town.killed_apply(chance.randint(1, 5), unanswered=chance.random() < 0.5)
    else:
        town.apply()
    known = {first: town.state().get(first, {}).get("id") for first in keys} if _has_state(town) else {}
    for at in sorted(chance.sample((1, 2, 3), chance.randint(1, 3))):
        _laid_out(town, chance, keys, at, chance.choice(["", f" {at}"]).strip())
        plan = town.plan("--prune")
        assert not [c for c in plan["changes"] if c["action"] == "delete"], plan
        if (writes := plan["requests"]["write"]) and chance.random() < 0.5:
            until = chance.randint(1, min(writes, 3))
            town.killed_apply(until, unanswered=until == writes or chance.random() < 0.5)
    _settle(town)
    assert [len(town.rows(path)) for path in (ACCOUNTS, "/v1/contacts", "/v1/lists")] == [4, 2, 1]
    bound = {address: line["id"] for address, line in town.state().items() if "id" in line}
    last = {chain[min(at, len(chain) - 1)] for chain in keys.values()}
    assert bound.keys() == last
    for first, id in known.items():
        assert id is None or bound[keys[first][min(at, len(keys[first]) - 1)]] == id
    assert town.actions("--prune") == {}


def _has_state(town: Town) -> bool:
    return (town.root / ".lfsync/state/prod.jsonl").exists()


# ---------------------------------------------------------------- together with other things


def _only_new(town: Town) -> None:
    """The next plan is empty, and only new addresses are bound."""
    assert town.actions("--prune") == {}
    assert [address for address, line in town.state().items() if "id" in line and ".old" in address] == []


def test_a_file_that_moves_and_changes(build: Build) -> None:
    """Rule F1: changed content is uploaded under the new address; the old one has no record any more."""
    town = build()
    text = "files: {old: {path: call.txt, purpose: meeting_transcript, mimeType: text/plain}}\n"
    town.write("Hello", "call.txt")
    town.write(text)
    town.apply()
    town.write("Hello, all", "call.txt")
    town.write(text.replace("old", "new") + "moved: [{from: file.old, to: file.new}]\n")
    assert town.actions() == {"file.new": "update"}
    town.apply()
    _only_new(town)


@pytest.mark.parametrize("bound", [True, False], ids=["of an orphan", "of nobody"])
def test_an_id_names_another_record(build: Build, bound: bool) -> None:
    """Rule I1: `id` wins with a warning; the record that the move would have brought along is let go of."""
    town = build()
    town.write("accounts: {old: {fields: {$name: A}}" + (", old-2: {fields: {$name: B}}}\n" if bound else "}\n"))
    town.apply()
    id = town.id("account.old-2") if bound else town.make(ACCOUNTS, {"$name": "B"})
    town.write(
        f"moved: [{{from: account.old, to: account.new}}]\naccounts: {{new: {{id: {id}, fields: {{$name: B}}}}}}\n"
    )
    plan = town.plan("--prune")
    assert [(c["address"], c["action"], c["id"]) for c in plan["changes"]] == [("account.new", "adopt", id)]
    assert any("replaces the record it was bound to" in warning["message"] for warning in plan["warnings"])
    town.apply("--prune")
    _only_new(town)
    assert town.titles(ACCOUNTS) == ["A", "B"]


def test_a_list_that_is_gone_is_made_again_under_the_new_address(build: Build) -> None:
    """Rule I6: blocked as any that is gone; --recreate-missing makes it anew."""
    town = build()
    town.write("lists: {old: {fields: {$name: L, $objectType: $account}}}\n")
    town.apply()
    town.trash("/v1/lists", town.id("list.old"))
    town.write("moved: [{from: list.old, to: list.new}]\nlists: {new: {fields: {$name: L2, $objectType: $account}}}\n")
    [blocked] = town.plan("--prune")["blocked"]
    assert (blocked["address"], "which is gone" in blocked["reason"]) == ("list.new", True)
    town.apply("--prune", expect=3)
    assert town.id("list.old"), "nothing moves that is blocked"
    town.apply("--recreate-missing")
    _only_new(town)
    assert town.titles("/v1/lists") == ["L2"]


def test_what_is_absent_and_gone_is_let_go_of(build: Build) -> None:
    """Rules I6, L2: a bound id that is gone satisfies `absent: true`, under its old address too."""
    town = build()
    town.write("accounts: {old: {fields: {$name: A}}, other: {fields: {$name: B}}}\n")
    town.apply()
    town.trash(ACCOUNTS, town.id("account.old"))
    town.write(
        "moved: [{from: account.old, to: account.new}]\n"
        "accounts: {new: {match: {$name: A}, lifecycle: {absent: true}}, other: {fields: {$name: B}}}\n"
    )
    assert town.actions() == {}
    town.apply()
    _only_new(town)
