"""Resource files to resources: forms, defaults, digest (design 3; rules C3, C12, P1)."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.model import Address, Lifecycle, Links, Match, Place, Ref, Resource, Value
from lfsync.project.declarations import Default
from lfsync.project.resource_file import digest, join
from tests.config.config_samples import SETTINGS, declared, load

A = Address("account", "a")


def one(text: str) -> Resource:
    found = declared(text)
    assert not found.problems
    return found.resources[0]


def place(line: int, column: int) -> Place:
    return Place("r.yaml", line, column)


def test_values_keep_their_places() -> None:
    text = "accounts:\n  a:\n    fields:\n      $name: Acme\n      w: [x, 1]\n      n: {p: null}"
    text += "\n      f: no\n    id: acc_1\n"
    found = one(text)
    assert found.address == A
    assert found.place == place(2, 3)
    assert found.fields == {
        "$name": Value("Acme", place(4, 14)),
        "w": Value(["x", 1], place(5, 10)),
        "n": Value({"p": None}, place(6, 10)),
        "f": Value("no", place(7, 10)),
    }
    assert found.id == Value("acc_1", place(8, 9))


def test_the_forms_of_links() -> None:
    text = (
        "accounts:\n  a:\n    relationships:\n      one: b\n      none: null\n      blank: ''\n"
        "      set: [b, {match: {$name: C}}]\n"
        "      part: {include: [b], exclude: [c]}\n      found: {match: {$name: C}}\n      empty: []\n"
    )
    links = one(text).relationships
    assert links["one"] == Links(place(4, 12), "one", (Ref(place(4, 12), "b"),))
    assert links["none"] == Links(place(5, 13), "one")
    assert links["blank"] == Links(place(6, 14), "one")
    assert [ref.text for ref in links["set"].include] == ["b", ""]
    assert links["set"].form == "exact"
    assert (links["part"].form, links["part"].include[0].text, links["part"].exclude[0].text) == ("partial", "b", "c")
    assert links["found"].form == "one"
    assert links["found"].include[0].match == {"$name": Value("C", place(9, 30))}
    assert links["empty"] == Links(place(10, 14), "exact")


def test_the_forms_of_match_and_members() -> None:
    assert one("accounts: {a: {match: [$name]}}").match == Match(place(1, 23), keys=(Value("$name", place(1, 24)),))
    assert one("accounts: {a: {match: {$name: X}}}").match == Match(
        place(1, 23), values={"$name": Value("X", place(1, 31))}
    )
    assert one("lists: {a: {members: []}}").members == Links(place(1, 22), "exact")
    partial = one("lists: {a: {members: {exclude: [x]}}}").members
    assert partial
    assert (partial.form, partial.include, [ref.text for ref in partial.exclude]) == ("partial", (), ["x"])


def test_empty_sections_and_bodies() -> None:
    found = declared("accounts:\ncontacts: {a: }\nsources:\n")
    assert not found.problems
    assert [resource.address for resource in found.resources] == [Address("contact", "a")]


def test_anchors_merge_bodies() -> None:
    found = declared(
        "accounts:\n  a: &a {fields: &f {t: G, u: 1}}\n  b: {<<: *a}\n  c: {fields: {<<: *f, u: 2}}\n"
    ).resources
    assert [{key: value.data for key, value in resource.fields.items()} for resource in found] == [
        {"t": "G", "u": 1},
        {"t": "G", "u": 1},
        {"t": "G", "u": 2},
    ]


def test_defaults_merge_key_by_key_and_the_resource_wins(tmp_path: Path) -> None:  # rule C3
    lfsync = SETTINGS + (
        "defaults:\n  account:\n    fields: {tier: Gold, tags: [a, b], note: x}\n"
        "    relationships: {$owner: kai@corp.example}\n    lifecycle: {ignore_changes: [tier]}\n"
    )
    project = load(
        tmp_path,
        {
            "lfsync.yaml": lfsync,
            "r.yaml": "accounts:\n  a: {fields: {$name: A}}\n  b:\n    fields: {$name: B, tags: [c], note: null}\n"
            "    relationships: {$owner: null}\n    lifecycle: {ignore_changes: null}\n"
            "contacts: {c: {fields: {$email: [c@x.example]}}}\n"
            "sources: [{kind: account, file: r.csv, key: N, fields: {$name: N, tier: T}}]\n",
            "r.csv": "N,T\nx,Silver\ny,\n",
        },
    )
    assert not project.problems
    got = {
        str(resource.address): (
            {key: value.data for key, value in resource.fields.items()},
            [ref.text for links in resource.relationships.values() for ref in links.include],
            [key.data for key in resource.lifecycle.ignore_changes],
        )
        for resource in project.resources.values()
    }
    shared = {"tags": ["a", "b"], "note": "x"}
    assert got == {
        "account.a": ({"$name": "A", "tier": "Gold", **shared}, ["kai@corp.example"], ["tier"]),
        "account.b": ({"$name": "B", "tier": "Gold", "tags": ["c"], "note": None}, [], []),
        "contact.c": ({"$email": ["c@x.example"]}, [], []),
        "account.x": ({"$name": "x", "tier": "Silver", **shared}, ["kai@corp.example"], ["tier"]),
        "account.y": ({"$name": "y", "tier": "Gold", **shared}, ["kai@corp.example"], ["tier"]),
    }
    assert project.resources[A].fields["tier"].place == Place("lfsync.yaml", 5, 20)


def test_a_lifecycle_goes_over_the_default_one_key_by_key() -> None:
    ignored = (Value("t", place(1, 1)),)
    defaults = {"account": Default(lifecycle={"ignore_changes": ignored, "protect": True})}
    assert declared("accounts: {a: {}}", defaults).resources[0].lifecycle == Lifecycle(ignored, protect=True)
    own = declared("accounts: {a: {lifecycle: {protect: null, seed: true}}}", defaults)
    assert own.resources[0].lifecycle == Lifecycle(ignored, seed=True)


# ---------------------------------------------------------------- digest and order

_BLOCKS = [
    "accounts: {a: {fields: {$name: A, t: [x, y]}, relationships: {$owner: k@x, r: [p, q, {match: {$name: Z}}]}}}",
    "accounts: {b: {match: [$name, w], fields: {$name: B, w: 1}}}",
    "contacts: {c: {id: con_1, lifecycle: {ignore_changes: [x, y]}}}",
    "lists: {l: {fields: {$name: L, $objectType: $account}, members: {include: [a, b], exclude: [c, d]}}}",
    "tasks: {t: {match: {$title: T, u: 2}, fields: {$title: U}}}",
]
_SHUFFLED = [
    "accounts: {a: {relationships: {r: [{match: {$name: Z}}, q, p], $owner: k@x}, fields: {t: [x, y], $name: A}}}",
    "accounts: {b: {fields: {w: 1, $name: B}, match: [w, $name]}}",
    "contacts: {c: {lifecycle: {ignore_changes: [y, x]}, id: con_1}}",
    "lists: {l: {members: {exclude: [d, c], include: [b, a]}, fields: {$objectType: $account, $name: L}}}",
    "tasks: {t: {fields: {$title: U}, match: {u: 2, $title: T}}}",
]


def _digest(texts: list[str]) -> str:
    resources, problems = join(declared(text).resources for text in texts)
    assert not problems
    return digest(resources)


@settings(max_examples=50)
@given(st.permutations(range(len(_BLOCKS))), st.lists(st.booleans(), min_size=len(_BLOCKS), max_size=len(_BLOCKS)))
def test_order_does_not_matter(order: list[int], shuffled: list[bool]) -> None:
    texts = [(_SHUFFLED if shuffled[index] else _BLOCKS)[index] for index in order]
    assert _digest(texts) == _digest(_BLOCKS)


def test_every_change_of_the_desired_state_changes_the_digest() -> None:
    texts = [
        "accounts: {a: {fields: {$name: A}}}",
        "accounts: {b: {fields: {$name: A}}}",
        "accounts: {a: {fields: {$name: B}}}",
        "accounts: {a: {fields: {$name: null}}}",
        "accounts: {a: {fields: {$name: '1'}}}",
        "accounts: {a: {fields: {$name: 1}}}",
        "accounts: {a: {fields: {$name: A}, id: x}}",
        "accounts: {a: {fields: {$name: A}, match: [$name]}}",
        "accounts: {a: {fields: {$name: A}, match: {$name: A}}}",
        "accounts: {a: {fields: {$name: A}, relationships: {r: x}}}",
        "accounts: {a: {fields: {$name: A}, relationships: {r: [x]}}}",
        "accounts: {a: {fields: {$name: A}, relationships: {r: {include: [x]}}}}",
        "accounts: {a: {fields: {$name: A}, relationships: {r: {exclude: [x]}}}}",
        "accounts: {a: {fields: {$name: A}, relationships: {r: {match: {x: y}}}}}",
        "accounts: {a: {fields: {$name: A}, lifecycle: {ignore_changes: [$name]}}}",
        "contacts: {a: {fields: {$name: A}}}",
    ]
    assert len({_digest([text]) for text in texts}) == len(texts)


def test_where_things_stand_does_not_change_the_digest() -> None:
    assert _digest(["accounts: {a: {fields: {$name: A}}}"]) == _digest(
        ["# moved\n\naccounts:\n  a:\n    fields:\n      $name: 'A'\n"]
    )


@settings(max_examples=15)
@given(st.randoms(use_true_random=False))
def test_rows_in_any_order_and_in_any_files_are_the_same_project(rng: random.Random) -> None:
    rows = [f"  r{n}: {{fields: {{$name: N{n}}}}}\n" for n in range(12)]
    rng.shuffle(rows)
    cut = rng.randint(1, 11)
    parts = ["accounts:\n" + "".join(part) for part in (rows[:cut], rows[cut:])]
    assert _digest(parts) == _digest(["accounts:\n" + "".join(sorted(rows))])
