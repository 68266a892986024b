"""Cases that once broke a law, as small as they get."""

from __future__ import annotations

import pytest

from tests.laws.cases import Case
from tests.laws.courts import bench, converges
from tests.laws.laws import shape
from tests.laws.menu import Data

SEED: Data = {"members": [{"ref": "kai", "email": "kai@corp.example", "role": "admin"}]}
_ADA = {"$name": {"firstName": "Ada", "lastName": "Lind"}}
_NONE: Data = {"include": [], "exclude": []}


@pytest.mark.parametrize(
    ("of_account", "of_contact"),
    [
        ({"include": ["ada"], "exclude": []}, _NONE),
        (["ada"], _NONE),
        (["ada"], {"include": ["acme"]}),
        (_NONE, ["acme"]),
    ],
)
def test_a_link_that_one_side_alone_names_is_made(of_account: Data, of_contact: Data) -> None:
    """Rule C9: a side that declares the relationship but not this link leaves it to the other side."""
    accounts = {"acme": {"fields": {"$name": "Acme"}, "relationships": {"$contact": of_account}}}
    contacts = {"ada": {"fields": _ADA, "relationships": {"$account": of_contact}}}
    with bench(Case(SEED, {"account": accounts, "contact": contacts})) as box:
        run = converges(box)
        assert len(run.writes) == 2
        assert any(link.edge in ("account.$contact", "contact.$account") for link in box.snapshot().links)


def test_an_exact_set_ends_a_link_that_the_other_side_does_not_name() -> None:
    """Rule C9: nobody else would end it."""
    records = {
        "accounts": [{"ref": "acme", "fields": {"$name": "Acme"}}],
        "contacts": [{"fields": _ADA, "relationships": {"$account": ["acme"]}}],
    }
    accounts = {"acme": {"fields": {"$name": "Acme"}, "relationships": {"$contact": []}}}
    contacts = {"ada": {"fields": _ADA, "relationships": {"$account": _NONE}}}
    with bench(Case({**SEED, "records": records}, {"account": accounts, "contact": contacts})) as box:
        run = converges(box)
        assert [sent.body for sent in run.writes] == [
            {"relationships": {"$contact": {"remove": [box.known("contact", "@id:contacts:0")]}}}
        ]


def test_the_order_of_keys_and_refs_does_not_show_in_a_plan() -> None:
    fields = {"$name": "Acme", "score": 1, "blurb": "x"}
    links = {"$owner": "kai@corp.example", "peers": ["birch", "cedar"]}
    others = {key: {"fields": {"$name": key}} for key in ("birch", "cedar")}
    with bench(Case(SEED, {"account": {"acme": {"fields": fields, "relationships": links}, **others}})) as box:
        plan = shape(box.plan().plan)
        turned = {"$owner": "kai@corp.example", "peers": ["cedar", "birch"]}
        body = {"relationships": dict(reversed(turned.items())), "fields": dict(reversed(fields.items()))}
        box.case.resources = {"account": {**dict(reversed(others.items())), "acme": body}}
        box.write()
        assert shape(box.plan().plan) == plan


def test_the_same_resource_is_named_as_blocking_whatever_the_order() -> None:
    twins = [{"fields": {"$name": name}} for name in ("Birch", "Birch", "Cedar", "Cedar")]
    accounts = {key: {"fields": {"$name": key.title()}} for key in ("birch", "cedar")}
    seed = {**SEED, "records": {"accounts": twins}}
    said = []
    for refs in (["birch", "cedar"], ["cedar", "birch"]):
        notes = {"memo": {"fields": {"$title": "Memo"}, "relationships": {"$account": refs}}}
        with bench(Case(seed, {"note": notes, "account": accounts})) as box:
            said.append([one["reason"] for one in shape(box.plan().plan)["blocked"] if one["address"] == "note.memo"])
    assert said == [["refers to account.birch, which is blocked"]] * 2
