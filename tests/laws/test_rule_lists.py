"""The law of lists by rule: after an apply the list is the rule's answer, and the next plan is empty (rule K1).

The answer is told here by its own words, of the sandbox's records as they are, whatever lfsync made of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfsync.kinds import kind_of
from lfsync.model import Address
from lfsync.planning.draft import Wishes
from lfsync.sandbox.quirks import QUIRKS
from lfsync.sandbox.schema import MEMBERSHIP
from lfsync.sandbox.store import Row
from lfsync.wording import folded, nfc
from tests.laws.bench import Bench, Snapshot
from tests.laws.cases import MEMBERS, Case, cases
from tests.laws.courts import FINE, applied, bench
from tests.laws.laws import blocked, plan_is_empty
from tests.laws.menu import DECLARED, EDITED, LIVE, OPTIONS, TAGS, Data
from tests.laws.profiles import examples

_QUIRKS = {
    *("text-trim", "email-case", "unset-fields", "empty-clears", "trashed-retrieve", "trashed-links", "membership-lag"),
    *("trash-lag", "duplicate-link", "precision", "label-match", "tie-break", "list-object-type", "definition-keys"),
    *("link-order", "link-cap-counts", "add-remove-together", "pipeline-on-read", "error-envelope", "url-form"),
}
_CHOSEN = st.fixed_dictionaries({q.name: st.sampled_from(q.values) for q in QUIRKS if q.name in _QUIRKS})
_ASKED: Mapping[str, list[Data]] = {
    "tier": [*OPTIONS[:3], "gold ", None],
    "tags": [*TAGS[:3], None],
    "score": [*DECLARED["score"], *LIVE["score"], None],
    "isPartner": [True, False, None],
    "blurb": [*DECLARED["blurb"][:8], " with space ", "old", None],
    "support": [*DECLARED["support"], "OLD@x.example", None],
    "$owner": [*MEMBERS[:2], None],
    "$account": ["@id:accounts:0", None],
}
_OF_KIND = {
    "account": [key for key in _ASKED if key != "$account"],
    "contact": [key for key in _ASKED if key not in ("$owner",)],
    "opportunity": [*_ASKED],
}


def _rules(case: Case, data: st.DataObject) -> None:
    """Every list of a case becomes one by rule; and each kind of members has one at least."""
    lists = case.resources.setdefault("list", {})
    for number, kind in enumerate(_OF_KIND):
        if data.draw(st.booleans()):
            fields = {"$name": f"By rule {number}", "$objectType": f"${kind}"}
            lists[f"ruled-{number}"] = {"fields": fields, "relationships": {}}
    for body in lists.values():
        if not body.get("lifecycle"):
            kind = body["fields"]["$objectType"].removeprefix("$")
            keys = data.draw(st.lists(st.sampled_from(_OF_KIND[kind]), min_size=1, max_size=2, unique=True))
            body["members"] = {"where": {key: data.draw(_values(key)) for key in keys}}


def _values(key: str) -> st.SearchStrategy[Data]:
    one = st.sampled_from(_ASKED[key])
    return one | st.lists(one, min_size=1, max_size=3)


@examples(40)
@given(cases(), st.data(), _CHOSEN, st.sampled_from([0.0, 1.0]))
def test_a_list_is_its_rules_answer(case: Case, data: st.DataObject, quirks: dict[str, str], lag: float) -> None:
    _rules(case, data)
    with bench(case, quirks, lag) as box:
        run = applied(box)
        assert set(run.fate().values()) <= FINE, run.outcomes
        _is_as_ruled(box, blocked(run.plan))
        plan_is_empty(applied(box))  # at once: the index lags, and what it shows is not believed
        _edit(box, data)
        box.time.skipped += 2 * lag
        run = applied(box)
        assert set(run.fate().values()) <= FINE, run.outcomes
        _is_as_ruled(box, blocked(run.plan))
        plan_is_empty(applied(box))


def _edit(box: Bench, data: st.DataObject) -> None:
    """People edit records, and who is in the lists."""
    now = box.snapshot()
    lists = {link.src for link in now.links if link.edge == MEMBERSHIP}
    managed = {binding.id for binding in box.state.bindings.values()} | {box.known("account", "@id:accounts:0")}
    for row in sorted(now.rows.values(), key=lambda row: row.seq):
        if row.trashed or row.hidden or row.kind not in _OF_KIND or not data.draw(st.booleans()):
            continue
        if row.id not in managed and data.draw(st.integers(0, 4)) == 0:
            box.person("DELETE", f"{kind_of(row.kind).record_path}/{row.id}")
            continue
        key = data.draw(st.sampled_from(["tier", "score", "blurb", "tags"]))
        value = data.draw(st.sampled_from([EDITED[key], LIVE[key][0], None]))
        box.person("POST", f"{kind_of(row.kind).record_path}/{row.id}", {"fields": {key: value}})
    for id in sorted(lists):
        if not now.rows[id].trashed and data.draw(st.booleans()):
            gone = sorted(link.dst for link in now.links if link.edge == MEMBERSHIP and link.src == id)
            held = f"${now.rows[gone[0]].kind}s".replace("ys", "ies")
            if not box.snapshot().rows[gone[0]].trashed:
                box.person("POST", f"/v1/lists/{id}", {"relationships": {held: {"remove": gone[0]}}})


# ---------------------------------------------------------------- the answer


def _is_as_ruled(box: Bench, left: Iterable[Address]) -> None:
    now = box.snapshot()
    for key, body in box.case.resources["list"].items():
        address = Address("list", key)
        rule = body.get("members", {}) if isinstance(body.get("members"), dict) else {}
        if "where" not in rule or address in left or address not in box.state.bindings:
            continue
        id, kind = box.state.bindings[address].id, body["fields"]["$objectType"].removeprefix("$")
        linked = {link.dst for link in now.links if link.edge == MEMBERSHIP and link.src == id}
        linked = {other for other in linked if not now.rows[other].trashed}
        live = [row for row in now.rows.values() if row.kind == kind and not row.trashed and not row.hidden]
        wanted = {row.id for row in live if all(_holds(box, now, row, *each) for each in rule["where"].items())}
        assert linked == wanted, (address, rule, linked, wanted)


def _holds(box: Bench, now: Snapshot, row: Row, key: str, asked: Data) -> bool:
    held = _held(box, now, row, key)
    values = asked if isinstance(asked, list) else [asked]
    return any(not held if value is None else _form(box, row.kind, key)(value) in held for value in values)


def _held(box: Bench, now: Snapshot, row: Row, key: str) -> set[Data]:
    if key.startswith("$"):
        ends = box.crm.schema.kinds[row.kind].relationships[key].ends
        sides = [
            (link.src, link.dst) if end.source else (link.dst, link.src)
            for end in ends
            for link in now.links
            if link.edge == end.edge
        ]
        return {far for near, far in sides if near == row.id and not (far in now.rows and now.rows[far].trashed)}
    value = row.fields.get(key)
    listed = value if isinstance(value, list) else [value]
    forms = {_form(box, row.kind, key)(each) for each in listed if each not in (None, "")}
    return forms - {""}


def _form(box: Bench, kind: str, key: str) -> Callable[[Data], Data]:
    """What of a value is compared: a select's option, a text in NFC without white space around it."""
    if key in ("tier", "tags"):
        options = {" ".join(folded(o.label).split()): o.id for o in box.crm.kind(kind).fields[key].options}
        return lambda value: options.get(" ".join(folded(str(value)).split()), value)
    if key == "score":
        return lambda value: round(float(value), 2)
    if key == "support":
        return lambda value: str(value).strip().lower()
    if key == "$owner":
        return lambda value: box.known(kind, f"@id:members:{MEMBERS.index(value)}")
    if key == "$account":
        return lambda value: box.known(kind, value)
    return lambda value: nfc(value.strip()) if isinstance(value, str) else value


# ---------------------------------------------------------------- faults, kills, and what comes between


@examples(8)
@given(cases(), st.data())
def test_a_list_is_its_rules_answer_under_faults(case: Case, data: st.DataObject) -> None:
    _rules(case, data)
    with bench(case.without_files(), lag=0.2, faults=0.1) as box:
        run = applied(box)
        assert set(run.fate().values()) <= FINE, run.outcomes
        _is_as_ruled(box, blocked(run.plan))
        plan_is_empty(applied(box))


class _KilledError(BaseException):
    """The process is gone."""


@examples(10)
@given(cases(), st.data(), st.integers(1, 12))
def test_killed_at_any_write_and_run_again(case: Case, data: st.DataObject, last: int) -> None:
    """Design 10: the same end state, whatever was written; not even what was known of it is left."""
    _rules(case, data)
    with bench(case.without_files()) as box:
        inner, before = box.spy.inner, box.state
        box.spy.inner = axe = _Axe(inner, last)
        ended = False
        with contextlib.suppress(_KilledError, BaseExceptionGroup):
            box.apply()
            ended = True
        assert ended == (axe.left > 0)
        box.spy.inner, box.state = inner, before
        run = box.apply()
        assert set(run.fate().values()) <= FINE, run.outcomes
        _is_as_ruled(box, blocked(run.plan))
        plan_is_empty(box.plan())


class _Axe(httpx.AsyncBaseTransport):
    """Lets so many writes through; the answer of the last is lost with everything."""

    def __init__(self, inner: httpx.AsyncBaseTransport, left: int) -> None:
        self.inner = inner
        self.left = left

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        self.left -= request.method == "POST"
        if self.left <= 0:
            raise _KilledError
        return response


def _world(rule: Data, accounts: Mapping[str, Data] | None = None) -> Case:
    """Four live accounts and a list by rule; of `accounts`, bodies by key."""
    live: Mapping[str, Data] = {
        "Acme": {"tier": "Gold"},
        "Birch": {"tier": "Silver"},
        "Cedar": {"tier": "Gold"},
        "Dune": {},
    }
    records = [{"ref": name.lower(), "fields": {"$name": name, **fields}} for name, fields in live.items()]
    members = [{"ref": mail.partition("@")[0], "email": mail} for mail in MEMBERS]
    bodies = {key: {"relationships": {}, **body} for key, body in (accounts or {}).items()}
    lists = {"gold": {"fields": {"$name": "Gold", "$objectType": "$account"}, "relationships": {}, "members": rule}}
    return Case({"members": members, "records": {"accounts": records}}, {"account": bodies, "list": lists})


_GOLD = {"where": {"tier": "Gold"}}


def _named(box: Bench) -> dict[str, str]:
    return {str(row.fields["$name"]): row.id for row in box.snapshot().rows.values() if row.kind == "account"}


def _members(box: Bench) -> set[str]:
    now = box.snapshot()
    linked = {link.dst for link in now.links if link.edge == MEMBERSHIP}
    return {str(now.rows[id].fields["$name"]) for id in linked if not now.rows[id].trashed}


def test_a_row_that_lags_lets_nobody_in_or_out() -> None:  # rule R1
    with bench(_world(_GOLD), lag=60) as box:
        box.apply()
        assert _members(box) == {"Acme", "Cedar"}
        box.time.skipped += 120
        ids = _named(box)
        box.person("POST", f"/v1/accounts/{ids['Acme']}", {"fields": {"tier": "Silver"}})
        box.person("POST", f"/v1/accounts/{ids['Birch']}", {"fields": {"tier": "Gold"}})
        box.time.skipped += 120
        box.person("POST", f"/v1/accounts/{ids['Acme']}", {"fields": {"tier": "Gold"}})
        box.person("POST", f"/v1/accounts/{ids['Birch']}", {"fields": {"tier": "Silver"}})
        plan_is_empty(box.plan())


def test_of_a_managed_record_a_row_that_lags_is_read_where_the_files_say_nothing_of_it() -> None:  # rule R1
    with bench(_world(_GOLD, {"acme": {"fields": {"$name": "Acme"}}}), lag=60) as box:
        box.apply()
        box.time.skipped += 120
        id = _named(box)["Acme"]
        box.person("POST", f"/v1/accounts/{id}", {"fields": {"tier": "Silver"}})
        box.time.skipped += 120
        box.person("POST", f"/v1/accounts/{id}", {"fields": {"tier": "Gold"}})
        plan_is_empty(box.plan())


_ADA = {"$name": {"firstName": "Ada", "lastName": "Lind"}}


@pytest.mark.parametrize("rule", [{"$account": "acme"}, {"$account": None}])
def test_a_link_that_we_wrote_from_the_other_side_a_moment_ago_counts(rule: Data) -> None:  # rules R4, K1
    case = _world(_GOLD, {"acme": {"fields": {"$name": "Acme"}}})
    case.seed["records"]["contacts"] = [{"ref": "ada", "fields": _ADA}]
    del case.resources["list"]["gold"]
    with bench(case, lag=60) as box:
        box.lag_timeout = 90.0
        case.resources["account"]["acme"]["relationships"] = {"$contact": [{"match": _ADA}]}
        box.write()
        box.apply()
        fields = {"$name": "Of Acme", "$objectType": "$contact"}
        case.resources["list"]["of"] = {"fields": fields, "relationships": {}, "members": {"where": rule}}
        box.write()
        box.apply()
        assert len([link for link in box.snapshot().links if link.edge == MEMBERSHIP]) == bool(rule["$account"])
        plan_is_empty(box.plan())


def test_an_unchanged_list_costs_its_pages_and_no_reads() -> None:  # design 5: unchanged records cost their pages
    with bench(_world(_GOLD, {"birch": {"fields": {"$name": "Birch", "tier": "Gold"}}})) as box:
        box.apply()
        before = len(box.log())
        plan_is_empty(box.plan())
        asked = [entry["path"] for entry in box.log()[before:]]
        assert not [path for path in asked if path.startswith("/v1/accounts/acc_")], asked
        assert len([path for path in asked if path.startswith("/v1/accounts?")]) == 1, asked


def test_a_saved_plan_keeps_its_members() -> None:  # rule K1
    with bench(_world(_GOLD)) as box:
        saved = box.plan().plan
        ids = _named(box)
        box.person("POST", f"/v1/accounts/{ids['Acme']}", {"fields": {"tier": "Silver"}})
        box.person("POST", f"/v1/accounts/{ids['Dune']}", {"fields": {"tier": "Gold"}})
        run = box.apply_saved(saved)
        assert set(run.fate().values()) <= FINE, run.outcomes
        assert _members(box) == {"Acme", "Cedar"}
        box.apply()
        assert _members(box) == {"Cedar", "Dune"}
        plan_is_empty(box.plan())


def test_a_saved_plan_lets_nobody_in_who_was_trashed_since() -> None:  # rule K1: of live records
    with bench(_world(_GOLD)) as box:
        saved = box.plan().plan
        box.person("DELETE", f"/v1/accounts/{_named(box)['Acme']}")
        run = box.apply_saved(saved)
        assert run.fate() == {"list.gold": "skipped"}
        assert "gone since the plan" in str(run.outcomes[0].reason)
        assert _members(box) == {"Cedar"}
        plan_is_empty(box.plan())


def test_after_a_saved_plan_who_is_added_by_hand_is_drift() -> None:  # rules S4, K1
    with bench(_world(_GOLD)) as box:
        box.apply_saved(box.plan().plan)
        id = box.state.bindings[Address("list", "gold")].id
        box.person("POST", f"/v1/lists/{id}", {"relationships": {"$accounts": {"add": _named(box)["Dune"]}}})
        [change] = box.plan().plan.changes
        assert change.cause == "drift"


_FOLLOWS = {
    "birch": {"fields": {"$name": "Birch", "tier": "Gold"}},
    "cedar": {"fields": {"$name": "Cedar", "tier": "Silver"}},
    "elm": {"fields": {"$name": "Elm", "tier": "Gold"}},
}


@pytest.mark.parametrize("saved", [False, True])
def test_membership_is_skipped_with_the_change_it_rests_on(saved: bool) -> None:  # rule K1
    with bench(_world(_GOLD, _FOLLOWS)) as box:
        ids = _named(box)

        def meanwhile(_: object = None) -> None:
            for name in ("Birch", "Cedar"):
                box.person("POST", f"/v1/accounts/{ids[name]}", {"fields": {"tier": "Manual"}})

        if saved:
            made = box.plan().plan
            meanwhile()
            run = box.apply_saved(made)
        else:
            run = box.apply(meanwhile)
        assert run.fate()["account.birch"] == run.fate()["account.cedar"] == "stale"
        assert run.fate()["account.elm"] == "done"
        assert run.fate()["list.gold"] == "skipped"
        assert _members(box) == {"Acme", "Elm"}  # Cedar was no member yet, and Birch is left out
        run = box.apply()
        assert set(run.fate().values()) <= FINE, run.outcomes
        assert _members(box) == {"Acme", "Birch", "Elm"}
        plan_is_empty(box.plan())


def test_a_removal_is_skipped_with_the_change_it_rests_on() -> None:  # rule K1
    with bench(_world(_GOLD, {"cedar": {"fields": {"$name": "Cedar", "tier": "Gold"}}})) as box:
        box.apply()
        assert _members(box) == {"Acme", "Cedar"}
        box.case.resources["account"]["cedar"]["fields"]["tier"] = "Silver"
        box.write()
        id = _named(box)["Cedar"]
        run = box.apply(lambda _: box.person("POST", f"/v1/accounts/{id}", {"fields": {"tier": "Manual"}}))
        assert run.fate() == {"account.cedar": "stale", "list.gold": "skipped"}
        assert not [sent for sent in run.writes if "/lists/" in sent.path]
        assert _members(box) == {"Acme", "Cedar"}
        run = box.apply()
        assert set(run.fate().values()) <= FINE, run.outcomes
        assert _members(box) == {"Acme"}
        plan_is_empty(box.plan())


def test_a_delete_that_does_not_come_leaves_its_member() -> None:  # rule K1
    with bench(_world(_GOLD, {"cedar": {"fields": {"$name": "Cedar", "tier": "Gold"}}})) as box:
        box.apply()
        del box.case.resources["account"]["cedar"]
        box.write()
        box.wishes = Wishes(prune=True)
        id = _named(box)["Cedar"]
        run = box.apply(lambda _: box.person("POST", f"/v1/accounts/{id}", {"fields": {"tier": "Manual"}}))
        assert run.fate() == {"account.cedar": "stale"}
        assert _members(box) == {"Acme", "Cedar"}
        box.apply()
        assert _members(box) == {"Acme"}
        plan_is_empty(box.plan())


def test_many_members_go_in_chunks() -> None:  # API sheet 7: 25 ids in a request
    fields = {f"a{n}": {"fields": {"$name": f"Account {n}", "tier": "Gold"}} for n in range(60)}
    with bench(_world(_GOLD, fields)) as box:
        run = applied(box)
        assert set(run.fate().values()) <= FINE, run.outcomes
        assert len(_members(box)) == 62
        box.case.resources["list"]["gold"]["members"] = {"where": {"tier": "Manual"}}
        box.write()
        run = applied(box)
        assert _members(box) == set()
        plan_is_empty(applied(box))


def test_a_saved_plan_that_keeps_hand_made_members_leaves_their_hashes() -> None:  # rules P5, K1
    with bench(_world(_GOLD)) as box:
        box.apply()
        id = box.state.bindings[Address("list", "gold")].id
        box.person("POST", f"/v1/lists/{id}", {"relationships": {"$accounts": {"add": _named(box)["Dune"]}}})
        box.case.resources["list"]["gold"]["fields"]["$description"] = "ours"
        box.write()
        box.wishes = Wishes(keep_drift=True)
        saved = box.plan().plan
        assert [change.members for change in saved.changes] == [None]
        assert [each.key for each in saved.kept] == ["members"]
        run = box.apply_saved(saved)
        assert set(run.fate().values()) <= FINE, run.outcomes
        again = box.plan().plan
        assert (again.changes, [each.key for each in again.kept]) == ((), ["members"])
        box.wishes = Wishes()
        [change] = box.plan().plan.changes
        assert change.cause == "drift"
        box.apply()
        assert _members(box) == {"Acme", "Cedar"}


def test_an_unsettled_list_keeps_the_hash_of_its_members() -> None:  # rules R2, S4
    """What the index does not tell yet is no news of who was in when it was told last."""
    with bench(_world(_GOLD), lag=60) as box:
        box.lag_timeout = 2.0
        box.write()
        box.apply()
        box.case.resources["list"]["gold"]["fields"]["$description"] = "ours"
        box.write()
        box.apply()
        known = box.state.bindings[Address("list", "gold")].members
        assert known is not None
