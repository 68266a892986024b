"""The law of lists by rule: after an apply the list is the rule's answer, and the next plan is empty (rule K1).

The answer is told here by its own words, of the sandbox's records as they are, whatever lfsync made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from hypothesis import given
from hypothesis import strategies as st

from lfsync.kinds import kind_of
from lfsync.model import Address
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
    for row in sorted(now.rows.values(), key=lambda row: row.seq):
        if row.trashed or row.hidden or row.kind not in _OF_KIND or not data.draw(st.booleans()):
            continue
        key = data.draw(st.sampled_from(["tier", "score", "blurb", "tags"]))
        value = data.draw(st.sampled_from([EDITED[key], LIVE[key][0], None]))
        box.person("POST", f"{kind_of(row.kind).record_path}/{row.id}", {"fields": {key: value}})
    for id in sorted(lists):
        if not now.rows[id].trashed and data.draw(st.booleans()):
            gone = sorted(link.dst for link in now.links if link.edge == MEMBERSHIP and link.src == id)
            held = f"${now.rows[gone[0]].kind}s".replace("ys", "ies")
            if not now.rows[gone[0]].trashed:
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
