"""Matches and refs to ids: what is found, what is refused, and what must be read before either."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lfsync.knowledge.finder import Finder
from lfsync.knowledge.knowledge import Live
from lfsync.model import JSON, Address
from lfsync.planning.resolve import Resolution, Wanted, resolve
from lfsync.state.state import Binding, State
from tests.core.world import SCHEMA, STATE, bound, live, record, wishes

ACME = "accounts: {acme: {fields: {$name: Acme}}}"
A = Address("account", "acme")


def found(text: str, now: Live, state: State = STATE) -> tuple[Resolution, Wanted]:
    wanted = Wanted()
    return resolve(wishes(text), SCHEMA, state, now, wanted), wanted


@pytest.mark.parametrize(
    ("declared", "there", "hit"),
    [
        ("$name: Acme", {"$name": "Acme"}, True),
        ("$name: ' Acme'", {"$name": "Acme  "}, True),
        ("$name: Acme", {"$name": "acme"}, False),
        ("$name: Acme", {"$name": None}, False),
        ("$website: [b.example, a.example]", {"$website": ["https://A.example/", "https://c.example"]}, True),
        ("$website: [b.example]", {"$website": ["https://a.example"]}, False),
        ("tier: Gold", {"tier": "opt_g"}, True),
        ("employees: 5", {"employees": 5.0}, True),
    ],
)
def test_by_what_a_record_is_found(declared: str, there: dict[str, JSON], hit: bool) -> None:
    """Rule I2."""
    text = f"accounts: {{acme: {{match: {{{declared}}}, fields: {{nickname: x}}}}}}"
    resolution, _ = found(text, live(record("acc_1", there)))
    assert resolution.ids == ({A: "acc_1"} if hit else {})
    assert resolution.adopted == ({A} if hit else set())


def test_a_contact_is_found_by_any_address_without_case() -> None:
    now = live(record("con_1", {"$email": ["ADA@x.example", "b@x.example"]}))
    resolution, _ = found("contacts: {ada: {fields: {$email: [new@x.example, ada@X.example]}}}", now)
    assert resolution.ids == {Address("contact", "ada"): "con_1"}


def test_the_order_is_id_then_binding_then_match() -> None:
    """Rule I1."""
    now = live(*(record(f"acc_{n}", {"$name": "Acme" if n == 3 else "Other"}) for n in (1, 2, 3)))
    state = bound(Binding(A, "acc_2"))
    assert found(ACME, now)[0].ids == {A: "acc_3"}
    assert found(ACME, now, state)[0].ids == {A: "acc_2"}
    named, _ = found("accounts: {acme: {id: acc_1, fields: {$name: Acme}}}", now, state)
    assert named.ids == {A: "acc_1"}
    assert named.adopted == {A}
    assert named.warnings == ("account.acme: `id` acc_1 replaces the record it was bound to, acc_2",)
    assert found("accounts: {acme: {id: acc_2, fields: {$name: Acme}}}", now, state)[0].warnings == ()


def test_two_hits_are_refused_with_all_that_tells_them_apart() -> None:
    now = live(*(record(f"acc_{n}", {"$name": "Acme"}, fresh=True) for n in (2, 1)))
    resolution, wanted = found(ACME, now)
    assert resolution.blocked[A].reason == (
        '2 live records match $name "Acme": acc_1 "Acme" https://crm.example/acc_1; '
        'acc_2 "Acme" https://crm.example/acc_2'
    )
    assert "`id:`" in str(resolution.blocked[A].hint)
    assert not wanted


def test_listed_rows_that_would_refuse_are_read_by_id_first() -> None:
    """Rule R1."""
    now = live(*(record(f"acc_{n}", {"$name": "Acme"}) for n in (2, 1)))
    assert found(ACME, now)[1].records == {("account", "acc_1"), ("account", "acc_2")}


def test_many_hits_are_not_all_listed() -> None:
    now = live(*(record(f"acc_{n:02}", {"$name": "Acme"}, fresh=True) for n in range(30)))
    assert found(ACME, now)[0].blocked[A].reason.endswith("; and 20 more")


def test_a_bound_id_that_nobody_has_seen_is_read() -> None:
    assert found(ACME, live(), bound(Binding(A, "acc_9")))[1].records == {("account", "acc_9")}


def test_a_bound_id_that_a_whole_list_lacks_may_be_in_the_trash() -> None:
    """Rule I6: an index may trail the trash, and a read by id may still show what is in it."""
    now = live()
    now.add(record("acc_9", {"$name": "Acme"}, fresh=True))
    assert found(ACME, now, bound(Binding(A, "acc_9")))[1].trash == {"account"}
    now.trash["account"] = {}
    assert not found(ACME, now, bound(Binding(A, "acc_9")))[1]


@pytest.mark.parametrize("text", [ACME, "accounts: {acme: {id: acc_9, fields: {$name: Acme}}}"])
def test_an_id_that_is_gone_blocks_and_says_what_is_known(text: str) -> None:
    now = live(record("acc_1", {"$name": "Acme"}))
    now.gone["account", "acc_9"] = "it is in the trash"
    resolution, wanted = found(text, now, bound(Binding(A, "acc_9")))
    assert "acc_9, which is gone: it is in the trash" in resolution.blocked[A].reason
    assert not resolution.ids
    assert not wanted


def test_a_record_that_is_gone_matches_nothing() -> None:
    now = live(record("acc_9", {"$name": "Acme"}))
    now.gone["account", "acc_9"] = "it is in the trash"
    assert found(ACME, now)[0].ids == {}


@pytest.mark.parametrize(
    ("state", "blocked"),
    [
        (STATE, {"acme", "solar"}),
        (bound(Binding(A, "acc_1")), {"solar"}),
        (bound(Binding(A, "acc_1"), Binding(Address("account", "solar"), "acc_1")), {"acme", "solar"}),
    ],
)
def test_two_resources_on_one_record(state: State, blocked: set[str]) -> None:
    """Rule I5."""
    text = "accounts: {acme: {fields: {$name: Acme}}, solar: {match: {tier: Gold}, fields: {nickname: S}}}"
    resolution, _ = found(text, live(record("acc_1", {"$name": "Acme", "tier": "opt_g"})), state)
    assert {address.key for address in resolution.blocked} == blocked
    for address, each in resolution.blocked.items():
        assert "acc_1" in each.reason
        assert str(Address("account", "solar" if address == A else "acme")) in each.reason


def test_a_renamed_key_moves_its_binding() -> None:
    """Rule I4."""
    old = Address("account", "old")
    now = live(record("acc_1", {"$name": "Acme"}))
    assert found(ACME, now, bound(Binding(old, "acc_1")))[0].moved == {A: old}
    both = f"{ACME[:-1]}, old: {{fields: {{$name: Old}}}}}}"
    resolution, _ = found(both, now, bound(Binding(old, "acc_1")))
    assert resolution.moved == {}
    assert resolution.blocked.keys() == {A}


def test_a_ref_to_a_record_still_to_be_made_matches_nothing() -> None:
    """Rule I2."""
    text = (
        "accounts: {acme: {fields: {$name: Acme}}}\ntasks: {t: {fields: {$title: T}, relationships: {$account: acme}}}"
    )
    now = live(record("tsk_1", {"$title": "T"}, {"$account": ("acc_1",)}))
    assert found(text, now)[0].ids == {}
    now.add(record("acc_1", {"$name": "Acme"}))
    assert found(text, now)[0].ids[Address("task", "t")] == "tsk_1"


def test_what_a_default_match_leaves_out_must_be_empty() -> None:
    now = live(record("tsk_1", {"$title": "T"}, {"$account": ("acc_1",)}), record("tsk_2", {"$title": "T"}))
    assert found("tasks: {t: {fields: {$title: T}}}", now)[0].ids == {Address("task", "t"): "tsk_2"}


def test_what_refers_to_something_blocked_is_blocked_all_the_way() -> None:
    text = """
    accounts: {acme: {fields: {$name: Acme}}}
    contacts: {c: {fields: {$email: [c@x.example]}, relationships: {$account: [acme]}}}
    opportunities: {o: {fields: {$name: O}, relationships: {$account: acme_free, $champion: c}}}
    notes: {n: {fields: {$title: N}, relationships: {$opportunity: {include: [o]}}}}
    """.replace("acme_free", "acc_3")
    now = live(*(record(f"acc_{n}", {"$name": "Acme" if n < 3 else "C"}, fresh=True) for n in (1, 2, 3)))
    resolution, _ = found(text, now)
    assert {str(address) for address in resolution.blocked} == {"account.acme", "contact.c", "opportunity.o", "note.n"}
    assert "account.acme, which is blocked" in resolution.blocked[Address("contact", "c")].reason


def test_what_is_blocked_stops_only_what_refers_to_it() -> None:
    text = """
    accounts: {acme: {id: acc_1, fields: {$name: A}}}
    notes: {n: {fields: {$title: N}, relationships: {$account: [acc_2]}}}
    """
    now = live(record("acc_1", {"$name": "A"}), record("acc_2", {"$name": "B"}))
    now.gone["account", "acc_1"] = "gone"
    resolution, _ = found(text, now)
    assert resolution.blocked.keys() == {A}


def test_a_live_id_that_is_gone_is_named_with_its_place() -> None:
    now = live()
    now.gone["account", "acc_2"] = "it is in the trash"
    resolution, _ = found("notes: {n: {fields: {$title: N}, relationships: {$account: [acc_2]}}}", now)
    reason = resolution.blocked[Address("note", "n")].reason
    assert reason.startswith("crm.yaml:1:")
    assert "`$account` names acc_2, which is gone: it is in the trash" in reason


@pytest.mark.parametrize(("hits", "said"), [(0, "no live account matches"), (2, "2 live records match")])
def test_a_ref_by_match_must_hit_once(hits: int, said: str) -> None:
    text = "notes: {n: {fields: {$title: N}, relationships: {$account: [{match: {$name: Acme}}]}}}"
    now = live(*(record(f"acc_{n}", {"$name": "Acme"}, fresh=True) for n in range(hits)))
    reason = found(text, now)[0].blocked[Address("note", "n")].reason
    assert reason.startswith(f"crm.yaml:1:61: {said}")


def test_a_finder_takes_in_what_is_made_later() -> None:
    (wish,) = wishes(ACME).values()
    assert wish.query is not None
    finder = Finder(SCHEMA, Live())
    assert finder.find(wish.query, {}) == []
    finder.add(record("acc_2", {"$name": "Acme"}))
    finder.add(record("acc_1", {"$name": "Acme"}))
    assert [hit.id for hit in finder.find(wish.query, {})] == ["acc_1", "acc_2"]


def test_resolving_again_with_more_known_ends() -> None:
    now = live(whole=False)
    state = bound(Binding(A, "acc_1"))
    assert found(ACME, now, state)[1]
    now.add(replace(record("acc_1", {"$name": "Acme"}), fresh=True))
    assert not found(ACME, now, state)[1]
