"""The law of `accept`: whatever people change, of every kind, the next plan is empty, and no other line moves."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.accept.conftest import Desk

CRM = """\
accounts:
  a: {fields: {$name: A}}
contacts:
  ada:
    fields: {$name: {firstName: Ada, lastName: Lind}, $email: [ada@x.example], $title: Head, $doNotContact: false}
    relationships: {$account: [a]}
opportunities:
  deal:
    fields: {$name: Deal, $stage: Open, $pipeline: Renewals, $amount: 5}
    relationships: {$account: a, $champion: ada}
tasks:
  call:
    fields: {$title: Call, $status: TODO, $dueAt: 2026-12-15T17:00:00-06:00, $description: "**x**"}
    relationships: {$account: a, $assignedTo: kai@corp.example}
notes:
  memo:
    fields:
      $title: Memo
      $content:
        file: memo.md
    relationships: {$account: [a], $contact: [ada]}
lists:
  best: {fields: {$name: Best, $objectType: $account, $description: One}, members: [a]}
"""


def test_every_kind(desk: Desk) -> None:
    desk.begin({"crm.yaml": CRM, "memo.md": "# one"})
    mia = next(row["id"] for row in desk.town.rows("/v1/members") if "Mia" in str(row))
    email = {"$name": {"firstName": "Ada", "lastName": "Berg"}, "$email": ["ada@x.example", "ada@y.example"]}
    desk.people(
        "contact.ada",
        {**email, "$title": None, "$doNotContact": True},
        S_account={"remove": [desk.town.id("account.a")]},
    )
    deal = {"$stage": desk.option("$stage", "Lost", "opportunities"), "$amount": 6.5}
    desk.people("opportunity.deal", deal, S_champion={"replace": None})
    task = {"$title": "Call: again", "$status": "COMPLETE", "$dueAt": "2027-01-01T00:00:00.000Z"}
    desk.people("task.call", task, S_assignedTo={"replace": mia})
    desk.people("note.memo", {"$content": "# one\n\ntwo"})
    desk.people("note.memo", None, S_contact={"remove": [desk.town.id("contact.ada")]})
    desk.people("list.best", {"$description": "Two", "$name": "- Best"})
    desk.accept()
    old = [
        "lastName: Lind}, $email: [ada@x.example], $title: Head, $doNotContact: false}",
        "relationships: {$account: [a]}\nopp",
        "$stage: Open, $pipeline: Renewals, $amount: 5",
        "$champion: ada",
        '{$title: Call, $status: TODO, $dueAt: 2026-12-15T17:00:00-06:00, $description: "**x**"}',
        "$assignedTo: kai@corp.example",
        "$contact: [ada]",
        "{$name: Best, $objectType: $account, $description: One}",
    ]
    new = [
        "lastName: Berg}, $email: [ada@x.example, ada@y.example], $title: null, $doNotContact: true}",
        "relationships: {$account: []}\nopp",
        "$stage: Lost, $pipeline: Renewals, $amount: 6.5",
        "$champion: null",
        '{$title: "Call: again", $status: COMPLETE, $dueAt: 2027-01-01, $description: "**x**"}',
        "$assignedTo: mia@corp.example",
        "$contact: []",
        '{$name: "- Best", $objectType: $account, $description: Two}',
    ]
    expected = CRM
    for before, after in zip(old, new, strict=True):
        assert before in expected
        expected = expected.replace(before, after)
    assert desk.read() == expected
    assert desk.read("memo.md") == "# one\n\ntwo"


def test_what_is_not_managed_stays_out(desk: Desk) -> None:
    """Promise 3, and rule L1: fields that no file names, `ignore_changes`, `seed`."""
    text = """\
accounts:
  a: {fields: {$name: A, nickname: x}, lifecycle: {ignore_changes: [nickname]}}
  b: {fields: {$name: B, nickname: x}, lifecycle: {seed: true}}
  c: {fields: {$name: C}}
"""
    desk.begin({"crm.yaml": text})
    for key in "abc":
        desk.people(f"account.{key}", {"nickname": "new", "score": 3})
    assert desk.accept().out == "Nothing to accept.\n"
    assert desk.read() == text


VALUES: dict[str, list[tuple[str, Any]]] = {
    "nickname": [("Sun", "Sun"), ("'Moon'", "Moon"), ('"it\'s: #1"', "it's: #1"), ("|-\n        a\n        b", "a\nb")],
    "score": [("7", 7), ("-0.5", -0.5), ("1000000", 1_000_000), ("0x10", 16)],
    "revenue": [("12.50", 12.5), ("0", 0)],
    "partner": [("true", True), ("False", False)],
    "renewal": [("2027-03-01", "2027-03-01T00:00:00.000Z"), ("2027-03-01T12:00+02:00", "2027-03-01T10:00:00.000Z")],
    "hotline": [
        ('"+12025550123"', ["+12025550123"]),
        ("[+442079460958, +12025550123]", ["+442079460958", "+12025550123"]),
    ],
    "$website": [
        ("acme.example", ["https://acme.example"]),
        ("\n      - https://a.example # a\n      - https://b.example/", ["https://a.example", "https://b.example/"]),
        ("[https://c.example, https://b.example]", ["https://c.example", "https://b.example"]),
    ],
    "$primaryAddress": [
        ("{city: Kiel, country: de}", {"city": "Kiel", "country": "DE"}),
        ("\n        street: Hafen 1 # here\n        city: Bonn", {"street": "Hafen 1", "city": "Bonn"}),
    ],
    "about": [
        ("|\n        One.\n\n        Two.", "One.\n\nTwo."),
        ("One.", "One."),
        (">\n        a\n        b", "a b"),
    ],
    "$linkedIn": [
        ("linkedin.com/company/acme", "https://linkedin.com/company/acme"),
        ("https://linkedin.com/in/ada",) * 2,
    ],
}  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_whatever_people_change_the_next_plan_is_empty(desk: Desk, seed: int) -> None:
    """Issue 8's law, by chance: random values in random forms; only lines of values that people changed move."""
    chance = random.Random(seed)
    lines = ["# made up", "accounts:"]
    owner: list[tuple[str, str] | None] = [None, None]
    for number in range(6):
        lines += [f"  r{number}:  # {number}", "    fields:", f"      $name: R {number}"]
        owner += [None] * 3
        for key in chance.sample(sorted(VALUES), 6):
            written = f"      {key}: {chance.choice(VALUES[key])[0]}".split("\n")
            lines += [*written, f"      # after {key}"]
            owner += [*[(f"account.r{number}", key)] * len(written), None]
    ending = chance.choice(["\n", "\r\n"])
    desk.begin({"crm.yaml": ending.join(lines)})
    people: dict[str, dict[str, Any]] = {}
    for address, key in sorted({each for each in owner if each}):
        if chance.random() < 0.5:
            people.setdefault(address, {})[key] = chance.choice([*(live for _, live in VALUES[key]), None])
    for address, fields in people.items():
        desk.people(address, fields)
    desk.accept()
    after = desk.read().split(ending)
    kept = [line for line, of in zip(lines, owner, strict=True) if of is None or of[1] not in people.get(of[0], {})]
    rest = iter(after)
    assert all(any(line == other for other in rest) for line in kept)
