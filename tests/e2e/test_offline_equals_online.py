"""With saved definitions `validate` finds offline what a plan would, but what only records can tell (design.md, 14).

Each mistake is checked on both ways, and the problems must be the same to the last character.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lfsync.cli import run

ROOT = Path(__file__).parent.parent.parent

SEED = """\
members:
  - {ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}
  - {ref: mia, email: mia@corp.example, first: Mia, last: Okoye}
definitions:
  account:
    fields:
      tier: {type: SINGLE_SELECT, label: Tier, options: [Gold, Silver, silver plus]}
      services: {type: MULTI_SELECT, label: Services, options: [Installation, Support]}
      annualRevenue: {type: CURRENCY, label: Annual revenue, currency: EUR}
      renewalDate: {type: DATETIME, label: Renewal date}
      hotline: {type: TELEPHONE, label: Hotline}
      isPartner: {type: CHECKBOX, label: Partner}
      employees: {type: NUMBER, label: Employees}
      nickname: {type: TEXT, label: Nickname}
      portal: {type: URL, label: Portal}
      billing: {type: EMAIL, label: Billing}
      profile: {type: SOCIAL_HANDLE, label: Profile, handle_service: TWITTER}
      office: {type: ADDRESS, label: Office}
      locked: {type: NUMBER, label: Locked, read_only: true}
    relationships:
      parent: {label: Parent, cardinality: HAS_ONE, objectType: account}
      sites: {label: Sites, cardinality: HAS_MANY, objectType: project}
  opportunity: {pipelines: {New business: [Open, Won], Renewals: [Open, Renewed]}}
objects:
  project:
    label: Project
    fields: {name: {type: TEXT, label: Name}, size: {type: NUMBER, label: Size}}
    relationships: {customer: {label: Customer, cardinality: HAS_ONE, objectType: account}}
records:
  accounts: [{ref: acme, fields: {$name: Acme, tier: Gold}}]
"""
SETTINGS = "version: 1\nexclude: [sandbox/]\nworkspaces: {box: {sandbox: {seed: sandbox/seed.yaml}}}\n"


def _account(*fields: str, links: str = "", more: str = "") -> str:
    parts = f"fields: {{{', '.join(('$name: A', *fields))}}}" + (f", relationships: {{{links}}}" if links else "")
    return f"accounts: {{a: {{{parts}{more}}}}}\n"


def _opportunity(*fields: str, links: str = "$account: a") -> str:
    parts = f"fields: {{{', '.join(('$name: O', *fields))}}}, relationships: {{{links}}}"
    return f"accounts: {{a: {{fields: {{$name: A}}}}}}\nopportunities: {{o: {{{parts}}}}}\n"


def _project(*fields: str, links: str = "", slug: str = "project") -> str:
    rels = f", relationships: {{{links}}}" if links else ""
    fields_text = ", ".join(("name: P", *fields))
    return f"objects: {{{slug}: {{p: {{match: [name], fields: {{{fields_text}}}{rels}}}}}}}\n"


def _source(fields: str, rest: str = "", kind: str = "account") -> str:
    return f"sources: [{{kind: {kind}, file: rows.csv, key: Id, fields: {{$name: Name, {fields}}}{rest}}}]\n"


MISTAKES = {
    "unknown system field": _account("$webste: a.example"),
    "unknown custom field": _account("teir: Gold"),
    "label in place of a key": _account("Annual revenue: 5"),
    "relationship among the fields": _account("$owner: kai@corp.example"),
    "field among the relationships": _account(links="tier: Gold"),
    "unknown option": _account("tier: Glod"),
    "unknown option of several": _account("services: [Support, Sleep]"),
    "several options of one": _account("tier: [Gold, Silver]"),
    "number for an option": _account("tier: 1"),
    "text for a number": _account("employees: many"),
    "flag for a number": _account("employees: true"),
    "text for a checkbox": _account("isPartner: perhaps"),
    "number for a checkbox": _account("isPartner: 2"),
    "no date": _account("renewalDate: tomorrow"),
    "no such day": _account("renewalDate: 2027-02-30"),
    "time without offset": _account("renewalDate: 2027-02-03T10:00:00"),
    "text for an amount": _account("annualRevenue: much"),
    "another currency": _account("annualRevenue: {amount: 5, currency: USD}"),
    "no telephone": _account("hotline: call us"),
    "no address of the web": _account("portal: 'not a url'"),
    "no e-mail": _account("billing: nobody"),
    "several values of one": _account("nickname: [A, B]"),
    "mapping for a text": _account("nickname: {a: b}"),
    "list for an address": _account("office: [Street]"),
    "unknown part of an address": _account("office: {stret: Harbour Road}"),
    "text for a handle": _account("profile: 'two words'"),
    "system field that is read only": _account("$accountStatus: Fine"),
    "custom field that is read only": _account("locked: 5"),
    "unknown relationship": _account(links="$onwer: kai@corp.example"),
    "unknown custom relationship": _account(links="perent: b"),
    "relationship that is read only": _account(links="$task: [b]"),
    "unknown member": _account(links="$owner: eve@corp.example"),
    "member by name": _account(links="$owner: Kai"),
    "account for a member": _account(links="$owner: a"),
    "member for an account": _account(links="parent: kai@corp.example"),
    "two for one": _account(links="parent: [acc_1, acc_2]"),
    "include for one": _account(links="parent: {include: [acc_1]}"),
    "unknown key of another kind": _account(links="$contact: [nobody]"),
    "unknown key of a custom object": _account(links="sites: [nobody]"),
    "id of another kind": _account(links="parent: con_0123456789"),
    "match of a ref with an unknown field": _account(links="parent: {match: {teir: Gold}}"),
    "match of a ref with an unknown option": _account(links="parent: {match: {tier: Glod}}"),
    "match of a member": _account(links="$owner: {match: {$email: kai@corp.example}}"),
    "match by an unknown field": _account(more=", match: {teir: Gold}"),
    "match by an unknown option": _account(more=", match: {tier: Glod}"),
    "match by an empty value": _account("nickname: null", more=", match: [nickname]"),
    "ignored key that is not there": _account(more=", lifecycle: {ignore_changes: [teir]}"),
    "id of a contact": _account(more=", id: con_0123456789"),
    "twins by what the workspace calls equal": (
        "accounts:\n"
        "  a: {match: [tier], fields: {$name: A, tier: Silver}}\n"
        "  b: {match: [tier], fields: {$name: B, tier: ' silver '}}\n"
    ),
    "unknown stage": _opportunity("$stage: Opne"),
    "stage that two pipelines have": _opportunity("$stage: Open"),
    "stage of another pipeline": _opportunity("$pipeline: Renewals", "$stage: Won"),
    "unknown pipeline": _opportunity("$pipeline: Newals", "$stage: Won"),
    "pipeline without stage": _opportunity("$pipeline: Renewals"),
    "create-only key with an unknown member": _opportunity(links="$account: a, $createdBy: eve@corp.example"),
    "opportunity without its account": "opportunities: {o: {fields: {$name: O}, relationships: {$account: b}}}\n",
    "unknown type of custom objects": _project(slug="projct"),
    "unknown field of a custom object": _project("sise: 5"),
    "wrong type of a custom object's field": _project("size: big"),
    "unknown relationship of a custom object": _project(links="custmer: acc_1"),
    "custom object without match": "objects: {project: {p: {fields: {name: P}}}}\n",
    "word that a task doesn't know": "tasks: {t: {fields: {$title: T, $status: DOING}}}\n",
    "custom field of a task": "tasks: {t: {fields: {$title: T, $status: TODO, tier: Gold}}}\n",
    "list of what no list holds": "lists: {l: {fields: {$name: L, $objectType: $task}}}\n",
    "member of a list that is not there": (
        "lists: {l: {fields: {$name: L, $objectType: $account}, members: [nobody]}}\n"
    ),
    "meeting that ends before it begins": (
        "meetings: {m: {fields: {$title: M, $startDate: 2026-05-02T10:00:00Z, $endDate: 2026-05-02T09:00:00Z}}}\n"
    ),
    "unknown field of a source": _source("teir: Tier"),
    "unknown option in a row": _source("tier: Tier"),
    "unknown constant of a source": _source("tier: {value: Glod}"),
    "unknown member in a row": _source("nickname: Tier", ", relationships: {$owner: Owner}"),
    "source of an unknown type": (
        "sources: [{kind: object.projct, file: rows.csv, key: Id, match: [name], fields: {name: Name}}]\n"
    ),
    "unknown default": _account(),
    "several at once": _account("teir: Gold", "tier: Glod", "employees: many", links="$owner: eve@corp.example"),
}
DEFAULTS = {"unknown default": "defaults: {account: {fields: {teir: Gold}}}\n"}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the saved definitions of its sandbox."""
    folder = tmp_path_factory.mktemp("offline")
    (folder / "sandbox").mkdir()
    (folder / "sandbox/seed.yaml").write_text(SEED)
    (folder / "lfsync.yaml").write_text(SETTINGS)
    (folder / "rows.csv").write_text("Id,Name,Tier,Owner\n1,One,Gold,kai@corp.example\n2,Two,Glod,eve@corp.example\n")
    assert run(["-C", str(folder), "definitions", "--save"]) == 0
    return folder


def _problems(folder: Path, capture: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    capture.readouterr()
    code = run(["-C", str(folder), "validate", *options, "--format", "json"])
    found: list[dict[str, Any]] = json.loads(capture.readouterr().out)["problems"]
    assert code == (1 if found else 0)
    return found


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_offline_as_it_is_online(name: str, box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (box / "lfsync.yaml").write_text(SETTINGS + DEFAULTS.get(name, ""))
    (box / "crm.yaml").write_text(MISTAKES[name])
    online = _problems(box, capsys, "--online")
    assert online, "a mistake it must be"
    assert _problems(box, capsys) == online


def test_there_are_many_mistakes() -> None:
    assert len(MISTAKES) >= 50


def test_offline_and_without_a_copy_only_some_are_found(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that the test above says something of the copy."""
    (box / "lfsync.yaml").write_text(SETTINGS)
    copy, aside = box / ".lfsync/definitions/box.json", box / "aside.json"
    copy.rename(aside)
    try:
        blind = 0
        for text in MISTAKES.values():
            (box / "crm.yaml").write_text(text)
            blind += not _problems(box, capsys)
    finally:
        aside.rename(copy)
    assert blind > 15


@pytest.mark.parametrize("name", ["quickstart", "revops", "seeding", "adopted"])
def test_an_example_has_no_problems_offline(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / name
    shutil.copytree(ROOT / "examples" / name, folder, ignore=shutil.ignore_patterns(".lfsync"))
    assert run(["-C", str(folder), "definitions", "--save"]) == 0
    assert _problems(folder, capsys) == []
    assert run(["-C", str(folder), "validate"]) == 0
    assert "saved today" in capsys.readouterr().out
