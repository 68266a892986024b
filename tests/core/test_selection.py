"""`--only` and `--exclude` (rule P3): what they choose and take along, and what that leaves without its record."""

from __future__ import annotations

import pytest

from lfsync.errors import UsageError
from lfsync.model import Address
from lfsync.planning.draft import Draft, Wishes
from lfsync.planning.drafting import draft
from lfsync.planning.selection import Patterns, Selection, select
from lfsync.state.state import Binding
from tests.core.world import SCHEMA, bound, live, record, wishes

OLD = Address("account", "old")
PROJECT = """
accounts: {a: {fields: {$name: A}, relationships: {parent: b}}, b: {fields: {$name: B}}, c: {fields: {$name: C}}}
contacts: {k: {fields: {$email: [k@x.example]}, relationships: {$account: {include: [a], exclude: [c]}}}}
tasks: {t: {match: {$title: T, $account: c}, fields: {$title: T, $status: TODO}}}
lists: {l: {fields: {$name: L, $objectType: $contact}, members: [k]}}
"""
EVERYTHING = {"account.a", "account.b", "account.c", "contact.k", "task.t", "list.l"}


def chosen(only: list[str], exclude: list[str] | None = None) -> Selection:
    return select(wishes(PROJECT), {OLD}, Patterns(tuple(only), tuple(exclude or ())))


def names(found: Selection) -> set[str]:
    return {str(address) for address in found.chosen}


@pytest.mark.parametrize(
    ("only", "taken"),
    [
        (["account.b"], {"account.b"}),
        (["account.a"], {"account.a", "account.b"}),
        (["list.l"], {"list.l", "contact.k", "account.a", "account.b", "account.c"}),
        (["task.t"], {"task.t", "account.c"}),
        (["account.b", "account.c", "account.b"], {"account.b", "account.c"}),
        (["task"], {"task.t", "account.c"}),
        (["task.*"], {"task.t", "account.c"}),
        (["account.?"], {"account.a", "account.b", "account.c"}),
        (["acc*.b"], {"account.b"}),
        (["*"], EVERYTHING),
        ([f"file:{wishes(PROJECT)[Address('account', 'a')].place.file}"], EVERYTHING),
        (["file:*"], EVERYTHING),
    ],
)
def test_only_takes_along_what_is_depended_on(only: list[str], taken: set[str]) -> None:
    assert names(chosen(only)) == taken


@pytest.mark.parametrize(
    ("only", "exclude", "taken"),
    [
        ([], ["account"], {"contact.k", "task.t", "list.l"}),
        ([], ["account.a", "list.*"], {"account.b", "account.c", "contact.k", "task.t"}),
        (["list.l"], ["account.a"], {"list.l", "contact.k", "account.c"}),
        (["account"], ["account.a"], {"account.b", "account.c"}),
    ],
)
def test_exclude_wins_and_takes_its_own_dependencies_with_it(
    only: list[str], exclude: list[str], taken: set[str]
) -> None:
    assert names(chosen(only, exclude)) == taken


def test_what_is_excluded_is_looked_at_where_it_is_referred_to() -> None:
    assert {str(a) for a in chosen(["list.l"], ["account.a"]).seen} == EVERYTHING - {"task.t"}


def test_only_a_full_address_names_an_orphan_and_any_pattern_spares_one() -> None:
    assert chosen(["task.t", "account.old"]).orphans == {OLD}
    assert chosen(["account.*"]).orphans == set()
    assert chosen([], ["task.t"]).orphans == {OLD}
    assert chosen([], ["account.ol?"]).orphans == set()
    assert select(wishes(PROJECT), {OLD}).chosen == wishes(PROJECT)


@pytest.mark.parametrize("text", ["account.x", "account.", "a", "", "planet.mars", "tasks", "file:no.yaml", "note.*"])
@pytest.mark.parametrize("option", ["only", "exclude"])
def test_a_pattern_that_matches_nothing_is_an_error(text: str, option: str) -> None:
    with pytest.raises(UsageError, match=f"--{option} {text}") as caught:
        select(wishes(PROJECT), (), Patterns(**{option: (text,)}))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "meant"), [("account.harbourline", "account.harborline"), ("acount", "account"), ("accounts", "account")]
)
def test_the_nearest_is_suggested(text: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        select(wishes("accounts: {harborline: {fields: {$name: H}}}"), (), Patterns((text,)))
    assert caught.value.hint == f"did you mean `{meant}`?"


CHAIN = """
accounts:
  root: {fields: {$name: Root}}
  child: {fields: {$name: Child}, relationships: {parent: root}}
  grandchild: {fields: {$name: Grandchild}, relationships: {parent: child}}
  alone: {fields: {$name: Alone}}
"""


def cut(*, exclude: str, there: bool) -> Draft:
    now = live(record("acc_1", {"$name": "Root"}, fresh=True)) if there else live()
    selection = select(wishes(CHAIN), (), Patterns(exclude=(exclude,)))
    made = draft(selection.seen, SCHEMA, bound(), now, wishes=Wishes())
    selection.cut(made)
    return made


def test_what_needs_an_excluded_create_is_blocked_and_so_is_what_needs_that() -> None:
    made = cut(exclude="account.root", there=False)
    assert [str(address) for address in made.changes] == ["account.alone"]
    reasons = {str(address): blocked.reason for address, blocked in made.blocked.items()}
    assert reasons == {
        "account.child": "it needs account.root, which has no live record yet and is left out of this run",
        "account.grandchild": "account.child, which it needs, is blocked",
    }


def test_an_excluded_resource_that_has_a_record_can_still_be_referred_to() -> None:
    made = cut(exclude="account.root", there=True)
    assert sorted(map(str, made.changes)) == ["account.alone", "account.child", "account.grandchild"]
    assert made.blocked == {}


def test_an_excluded_orphan_stays() -> None:
    now = live(record("acc_9", {"$name": "Old"}, fresh=True))
    text = "accounts: {new: {fields: {$name: New}}}"
    selection = select(wishes(text), {OLD}, Patterns(exclude=("account.old",)))
    asked = Wishes(prune=True, only=selection.orphans)
    made = draft(selection.seen, SCHEMA, bound(Binding(OLD, "acc_9")), now, wishes=asked)
    selection.cut(made)
    assert [str(address) for address in made.changes] == ["account.new"]
