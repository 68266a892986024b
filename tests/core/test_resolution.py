"""Matches and refs to ids: what is found, what is refused, and what must be read before either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from lfsync.knowledge.finder import Finder
from lfsync.knowledge.knowledge import Knowledge, Trash, Wanted
from lfsync.model import JSON, Address, Record, Term
from lfsync.planning.resolution import Resolution, resolve
from lfsync.state.state import Binding, State
from tests.core.world import SCHEMA, STATE, bound, in_trash, live, record, wishes

ACME = "accounts: {acme: {fields: {$name: Acme}}}"
A = Address("account", "acme")


def found(
    text: str, now: Knowledge, state: State = STATE, *, recreate_missing: bool = False
) -> tuple[Resolution, Wanted]:
    """What each address resolves to, and what must be read before that can be believed."""
    now.ask_anew()
    return resolve(wishes(text), SCHEMA, state, now, recreate_missing=recreate_missing), now.wanted


def gone(now: Knowledge, *ids: str) -> Knowledge:
    """The same workspace, without these accounts: read by id, and 404; the whole trash does not hold them."""
    now.absent |= {("account", id) for id in ids}
    return in_trash(now)


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


def test_a_bound_id_that_a_whole_list_lacks_is_asked_of_the_trash() -> None:
    """Rule I6, U9: a read by id may show what is in it."""
    state = bound(Binding(A, "acc_9"))
    now = live()
    now.add(record("acc_9", {"$name": "Acme"}, fresh=True))
    assert found(ACME, now, state)[1] == Wanted(probes={"account"})
    in_trash(now, record("acc_8", {}), whole=False, shown=True)
    assert found(ACME, now, state)[1] == Wanted(trash={("account", "acc_9")})
    in_trash(now, record("acc_8", {}), shown=True)
    resolution, wanted = found(ACME, now, state)
    assert (resolution.ids, wanted) == ({A: "acc_9"}, Wanted())


@pytest.mark.parametrize(
    ("text", "how"),
    [(ACME, "bound to"), ("accounts: {acme: {id: acc_9, fields: {$name: Acme}}}", "`id` names")],
)
def test_an_id_that_is_gone_blocks_and_says_what_is_known(text: str, how: str) -> None:
    """Rule I6: naming id and what is known of it."""
    now = live()
    now.absent.add(("account", "acc_9"))
    state = bound(Binding(A, "acc_9"))
    assert found(text, now, state)[1] == Wanted(glances={"account"})
    in_trash(now, record("acc_9", {"$name": "Acme"}))
    resolution, wanted = found(text, now, state)
    assert resolution.blocked[A].reason == f'{how} acc_9, which is gone: it is in the trash, as "Acme"'
    assert not resolution.ids
    assert not wanted


def test_a_record_that_took_the_place_of_a_gone_one_is_named() -> None:
    """Rule I6: it was merged, or made again by hand."""
    now = gone(live(record("acc_1", {"$name": "Acme"}, fresh=True)), "acc_9")
    blocked = found(ACME, now, bound(Binding(A, "acc_9")))[0].blocked[A]
    assert "bound to acc_9, which is gone" in blocked.reason
    assert 'acc_1 "Acme" https://crm.example/acc_1' in blocked.reason
    assert "--recreate-missing" in str(blocked.hint)
    assert "id: acc_1" in str(blocked.hint)


def test_a_gone_id_is_named_also_where_many_may_have_taken_its_place() -> None:
    """Rule I6: it blocks its resource, naming id and what is known of it."""
    now = gone(live(*(record(f"acc_{n}", {"$name": "Acme"}, fresh=True) for n in (1, 2))), "acc_9")
    blocked = found(ACME, now, bound(Binding(A, "acc_9")))[0].blocked[A]
    assert "bound to acc_9, which is gone" in blocked.reason
    assert "acc_1" in blocked.reason + str(blocked.hint)


@pytest.mark.parametrize(
    ("in_it", "there", "ids", "restored", "adopted"),
    [
        # back out of the trash where the API can
        (["acc_9"], [], {A: "acc_9"}, {A}, set()),
        # else created anew
        ([], [], {}, set(), set()),
        # if its match hits exactly one other live record, that one is bound
        (["acc_9"], ["acc_1"], {A: "acc_1"}, set(), {A}),
        ([], ["acc_1"], {A: "acc_1"}, set(), {A}),
    ],
)
def test_recreate_missing(
    in_it: list[str], there: list[str], ids: dict[Address, str], restored: set[Address], adopted: set[Address]
) -> None:
    """Rule I6."""
    now = gone(live(*(record(id, {"$name": "Acme"}, fresh=True) for id in there)), "acc_9")
    in_trash(now, *(record(id, {"$name": "Acme"}) for id in in_it))
    resolution, wanted = found(ACME, now, bound(Binding(A, "acc_9")), recreate_missing=True)
    assert resolution.ids == ids
    assert resolution.restored == restored
    assert resolution.adopted == adopted
    assert not resolution.blocked
    assert not wanted


def test_recreate_missing_asks_the_trash_first() -> None:
    now = live()
    now.absent.add(("account", "acc_9"))
    assert found(ACME, now, bound(Binding(A, "acc_9")), recreate_missing=True)[1] == Wanted(
        trash={("account", "acc_9")}
    )


@pytest.mark.parametrize("state", [STATE, bound(Binding(A, "acc_9"))])
def test_with_an_id_recreate_missing_only_restores(state: State) -> None:
    """Rule I6: it never is another record, and what can't be restored stays blocked."""
    text = "accounts: {acme: {id: acc_9, fields: {$name: Acme}}}"
    now = gone(live(record("acc_1", {"$name": "Acme"}, fresh=True)), "acc_9")
    assert "acc_9, which is gone" in found(text, now, state, recreate_missing=True)[0].blocked[A].reason
    in_trash(now, record("acc_9", {"$name": "Acme"}))
    resolution, _ = found(text, now, state, recreate_missing=True)
    assert resolution.ids == {A: "acc_9"}
    assert resolution.restored == {A}
    assert found(text, now, state)[0].blocked.keys() == {A}, "nobody asked for it"


def test_an_unbound_resource_restores_nothing() -> None:
    """Rule I6."""
    now = gone(live(), "acc_9")
    in_trash(now, record("acc_9", {"$name": "Acme"}))
    resolution, wanted = found(ACME, now, recreate_missing=True)
    assert (resolution.ids, resolution.blocked, resolution.restored, bool(wanted)) == ({}, {}, frozenset(), False)


@pytest.mark.parametrize("named", [True, False])
def test_what_is_gone_is_absent(named: bool) -> None:
    """Rule I6: a bound or named id that is gone satisfies `absent: true`."""
    id = "id: acc_9, " if named else ""
    text = f"accounts: {{acme: {{{id}fields: {{$name: Acme}}, lifecycle: {{absent: true}}}}}}"
    now = gone(live(), "acc_9")
    resolution, wanted = found(text, now, STATE if named else bound(Binding(A, "acc_9")))
    assert (resolution.ids, resolution.blocked, bool(wanted)) == ({}, {}, False)


@pytest.mark.parametrize("text", [ACME, "accounts: {acme: {id: acc_9, fields: {$name: Acme}}}"])
def test_a_record_that_this_key_may_not_read_blocks_its_resource_only(text: str) -> None:
    """Rule A9."""
    now = live(record("acc_1", {"$name": "Birch"}))
    now.forbidden["account", "acc_9"] = "it is hidden"
    text = f"{text[:-1]}, birch: {{fields: {{$name: Birch}}}}}}"
    resolution, wanted = found(text, now, bound(Binding(A, "acc_9")))
    assert "acc_9: it can't be read: it is hidden" in resolution.blocked[A].reason
    assert resolution.ids == {Address("account", "birch"): "acc_1"}
    assert not wanted


def test_a_record_that_may_be_in_the_trash_for_all_anybody_knows_blocks() -> None:
    """Rules I6, A9: a read by id shows it, no list does, and this key may not look into the trash."""
    now = live()
    now.add(record("acc_9", {"$name": "Acme"}, fresh=True))
    now.shows_trashed["account"] = True
    now.trash["account"] = Trash(unlisted="the key lacks accounts:restore")
    resolution, wanted = found(ACME, now, bound(Binding(A, "acc_9")))
    assert "acc_9, which no list shows" in resolution.blocked[A].reason
    assert "the key lacks accounts:restore" in resolution.blocked[A].reason
    assert "accounts:restore" in str(resolution.blocked[A].hint)
    assert not wanted


def test_a_record_that_is_gone_matches_nothing() -> None:
    """Rule I9: a list may still show it."""
    now = gone(live(record("acc_9", {"$name": "Acme"})), "acc_9")
    assert found(ACME, now)[0].ids == {}
    now = live(record("acc_9", {"$name": "Acme"}, fresh=True))
    in_trash(now, record("acc_9", {"$name": "Acme"}), shown=True)
    assert found(ACME, now)[0].ids == {}


@pytest.mark.parametrize("claims", [True, False])
def test_a_record_that_anothers_id_names_is_no_hit(claims: bool) -> None:
    """Rule C10: two of one match can be told apart where all but one carry an `id:`."""
    id = "id: acc_2, " if claims else "match: {tier: Gold}, "
    text = f"accounts: {{acme: {{fields: {{$name: Acme}}}}, twin: {{{id}fields: {{$name: Acme}}}}}}"
    now = live(*(record(f"acc_{n}", {"$name": "Acme"}, fresh=True) for n in (1, 2)))
    resolution, _ = found(text, now)
    if claims:
        assert resolution.ids == {A: "acc_1", Address("account", "twin"): "acc_2"}
    else:
        assert resolution.blocked.keys() == {A}


def test_nothing_is_created_where_the_list_moves_while_it_is_read() -> None:
    """Rules I9, R3: "nothing matches" follows only from a search that was complete."""
    now = live(record("acc_1", {"$name": "Birch"}))
    del now.listed["account"]
    now.unlistable.add("account")
    resolution, wanted = found(f"{ACME[:-1]}, birch: {{fields: {{$name: Birch}}}}}}", now)
    assert "moves while it is read" in resolution.blocked[A].reason
    assert resolution.ids == {Address("account", "birch"): "acc_1"}
    assert not wanted


TASK = "accounts: {acme: {fields: {$name: Acme}}}\ntasks: {t: {fields: {$title: T}, relationships: {$account: acme}}}"


def test_the_mirror_of_an_account_finds_and_never_proves() -> None:
    """Rule I9."""
    task = Address("task", "t")
    now = live(record("acc_1", {"$name": "Acme"}, fresh=True))
    del now.listed["task"]
    assert found(TASK, now)[1] == Wanted(searches={"task": {"acc_1"}})
    now.mirrored.add(("task", "acc_1"))
    resolution, wanted = found(TASK, now)
    assert (task in resolution.ids, wanted) == (False, Wanted(searches={"task": set()}))
    now.add(record("tsk_1", {"$title": "T"}, {"$account": ("acc_1",)}, fresh=True))
    resolution, wanted = found(TASK, now)
    assert (resolution.ids[task], wanted) == ("tsk_1", Wanted())


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
    now = gone(live(record("acc_1", {"$name": "A"}), record("acc_2", {"$name": "B"})), "acc_1")
    resolution, _ = found(text, now)
    assert resolution.blocked.keys() == {A}


NOTE = "notes: {n: {fields: {$title: N}, relationships: {$account: [acc_2]}}}"
N = Address("note", "n")


def test_a_live_id_that_is_gone_is_named_with_its_place() -> None:
    now = gone(live(), "acc_2")
    in_trash(now, record("acc_2", {"$name": "B"}))
    reason = found(NOTE, now)[0].blocked[N].reason
    assert reason.startswith("crm.yaml:1:")
    assert '`$account` names acc_2, which is gone: it is in the trash, as "B"' in reason


def test_a_live_id_that_this_key_may_not_read_may_still_be_linked() -> None:
    """Rule A9: the API will say."""
    now = live()
    now.forbidden["account", "acc_2"] = "it is hidden"
    resolution, wanted = found(NOTE, now)
    assert (resolution.blocked, bool(wanted)) == ({}, False)


@pytest.mark.parametrize(
    ("include", "exclude"),
    [
        ("acme", "acc_1"),
        ("acc_1", "acme"),
        ("acme", "{match: {$name: Acme}}"),
        ("{match: {$name: Acme}}", "acc_1"),
    ],
)
def test_one_record_is_not_included_and_excluded(include: str, exclude: str) -> None:
    """Rule C9's kind: two refs of other spelling may be one record, which only their ids tell."""
    text = f"""
    accounts: {{acme: {{fields: {{$name: Acme}}}}}}
    notes: {{n: {{fields: {{$title: N}}, relationships: {{$account: {{include: [{include}], exclude: [{exclude}]}}}}}}}}
    """
    resolution, _ = found(text, live(record("acc_1", {"$name": "Acme"}, fresh=True)))
    blocked = resolution.blocked[N]
    assert blocked.reason.startswith("crm.yaml:3:")
    assert "includes and excludes" in blocked.reason
    assert "one record" in blocked.reason
    assert resolution.ids.keys() == {A}


def test_what_refers_to_something_declared_absent_is_blocked() -> None:
    text = """
    accounts: {acme: {fields: {$name: Acme}, lifecycle: {absent: true}}}
    notes: {n: {fields: {$title: N}, relationships: {$account: {include: [acme]}}}}
    """
    reason = found(text, live(record("acc_1", {"$name": "Acme"})))[0].blocked[N].reason
    assert "account.acme, which is declared absent" in reason


def test_sides_of_a_link_that_contradict_each_other_by_id_alone() -> None:
    """Rule C9."""
    text = """
    accounts: {acme: {fields: {$name: Acme}, relationships: {$contact: [con_1]}}}
    contacts: {ada: {fields: {$email: [ada@x.example]}, relationships: {$account: [acc_2]}}}
    """
    now = live(
        record("acc_1", {"$name": "Acme"}, fresh=True),
        record("acc_2", {"$name": "B"}, fresh=True),
        record("con_1", {"$email": ["ada@x.example"]}, fresh=True),
    )
    blocked = found(text, now)[0].blocked
    assert blocked.keys() == {A, Address("contact", "ada")}
    assert "crm.yaml:3:" in blocked[A].reason
    assert "crm.yaml:2:" in blocked[Address("contact", "ada")].reason


@pytest.mark.parametrize("ref", ["acc_1", "{match: {$name: Acme}}"])
@pytest.mark.parametrize("form", ["[{}]", "{{include: [{}]}}", "{{exclude: [{}]}}"])
def test_what_a_ref_names_is_noted(ref: str, form: str) -> None:
    """Rule L2: by id or match; so it is no orphan."""
    links = form.format(ref)
    text = f"notes: {{n: {{fields: {{$title: N}}, relationships: {{$account: {links}}}}}}}"
    resolution, _ = found(text, live(record("acc_1", {"$name": "Acme"}, fresh=True)))
    assert resolution.named == {("account", "acc_1")}


@pytest.mark.parametrize(("hits", "said"), [(0, "no live account matches"), (2, "2 live records match")])
def test_a_ref_by_match_must_hit_once(hits: int, said: str) -> None:
    text = "notes: {n: {fields: {$title: N}, relationships: {$account: [{match: {$name: Acme}}]}}}"
    now = live(*(record(f"acc_{n}", {"$name": "Acme"}, fresh=True) for n in range(hits)))
    reason = found(text, now)[0].blocked[Address("note", "n")].reason
    assert reason.startswith(f"crm.yaml:1:61: {said}")


class Counting(Finder):
    """Counts the terms that it held against a record."""

    held = 0

    def holds(self, term: Term, record: Record, targets: Mapping[str, set[str]]) -> bool:
        self.held += 1
        return super().holds(term, record, targets)


def test_a_finder_takes_in_what_is_made_later_and_what_it_has_become() -> None:
    (wish,) = wishes(ACME).values()
    assert wish.query is not None
    finder = Finder(SCHEMA, {})
    assert finder.find(wish.query, {}) == []
    finder.add(record("acc_2", {"$name": "Acme"}))
    finder.add(record("acc_1", {"$name": "Acme"}))
    assert [hit.id for hit in finder.find(wish.query, {})] == ["acc_1", "acc_2"]
    finder.add(record("acc_1", {"$name": "Birch"}))
    assert [hit.id for hit in finder.find(wish.query, {})] == ["acc_2"]


def test_a_record_is_looked_up_by_what_the_fewest_share() -> None:
    """Rule R6: of a thousand tasks of one title, each of another account, a match looks at its own."""
    tasks = [record(f"tsk_{n}", {"$title": "T"}, {"$account": (f"acc_{n}",)}) for n in range(1000)]
    query = wishes(TASK)[Address("task", "t")].query
    assert query is not None
    finder = Counting(SCHEMA, {"task": tasks})
    for n in range(100):
        assert [hit.id for hit in finder.find(query, {"$account": {f"acc_{n}"}})] == [f"tsk_{n}"]
    assert finder.held <= 300


def test_resolving_again_with_more_known_ends() -> None:
    now = live(whole=False)
    state = bound(Binding(A, "acc_1"))
    assert found(ACME, now, state)[1]
    now.add(replace(record("acc_1", {"$name": "Acme"}), fresh=True))
    assert found(ACME, now, state)[1]
    in_trash(now)
    assert not found(ACME, now, state)[1]
