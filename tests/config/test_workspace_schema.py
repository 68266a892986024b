"""The schema of a workspace refuses what a plan there refuses, and nothing that it takes (design 14).

Each mistake is held against both: the schemas that `definitions --save` writes, and `validate --online`, which finds
what a plan would, against the same sandbox.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import jsonschema  # type: ignore[import-untyped]
import pytest

from lfsync.cli import run
from lfsync.kinds import ANY_TYPE
from lfsync.model import FieldDef, Option
from lfsync.model import Schema as Known
from lfsync.planning.definitions import builtin_definitions
from lfsync.project.documents import parse
from lfsync.project.value_schemas import Schema
from lfsync.project.workspace_schema import workspace_schema, workspace_settings_schema
from tests.config.config_samples import patterns, reads_as_javascript

EXAMPLES = Path(__file__).parents[2] / "examples"
SETTINGS = """\
version: 1
workspaces:
  sandbox: {sandbox: {seed: seed.yaml, rps: 0}}
"""
SEED = """\
members:
  - {ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}
  - {ref: mia, email: mia@corp.example}
definitions:
  account:
    fields:
      tier: {type: SINGLE_SELECT, label: Tier, description: What they pay for, options: [
        {label: Gold, description: All}, Silver, Süd-West]}
      tags: {type: MULTI_SELECT, label: Tags, options: [Red, Blue, "2027"]}
      score: {type: NUMBER, label: Score}
      revenue: {type: CURRENCY, label: Revenue, currency: EUR}
      renewal: {type: DATETIME, label: Renewal}
      isPartner: {type: CHECKBOX, label: Partner}
      hotline: {type: TELEPHONE, label: Hotline}
      billing: {type: EMAIL, label: Billing}
      docs: {type: URL, label: Docs, multiple: true}
      about: {type: MARKDOWN, label: About}
      page: {type: HTML, label: Page}
      boss: {type: FULL_NAME, label: Boss}
      health: {type: NUMBER, label: Health, read_only: true}
    relationships:
      partner: {target: account, cardinality: HAS_MANY, label: Partners}
      lead: {target: member, cardinality: HAS_ONE, label: Lead}
  opportunity: {pipelines: {New: [Proposal, Won], Renewal: [Proposal, Lost]}}
objects:
  project:
    label: Project
    title: name
    fields:
      name: {type: TEXT, label: Name}
      phase: {type: SINGLE_SELECT, label: Phase, options: [Plan, Build]}
"""
GOOD = """\
accounts:
  acme:
    match: {$website: https://acme.example}
    fields:
      $name: Acme
      $website: [https://acme.example, acme.example]
      $linkedIn: linkedin.com/company/acme
      $twitter: "@acme"
      $primaryAddress: {street: Hafen 1, city: 5, postalCode: 24103, country: de, latitude: 54.3}
      tier: " GOLD"
      tags: [red, 2027, ""]
      score: 7.5
      revenue: 75000
      renewal: 2028-02-29
      isPartner: true
      hotline: [+4943112345]
      billing: null
      docs: docs.acme.example
      about: {file: about.md}
      boss: {firstName: Ada, lastName: ""}
    relationships:
      $owner: KAI@corp.example
      lead: null
      $contact: [ada, {match: {$email: bo@acme.example}}]
      partner: {include: [], exclude: [birch]}
    lifecycle: {ignore_changes: [tier, $owner, health], protect: true}
  birch: {fields: {$name: Birch, tier: süd-west}}
contacts:
  ada: {fields: {$name: {firstName: Ada}, $email: [ada@acme.example]}, relationships: {$account: [acme]}}
opportunities:
  big: {match: [$name], fields: {$name: Big, $pipeline: New, $stage: proposal}, relationships: {$account: acme}}
tasks:
  call: {fields: {$title: Call, $status: in progress}, relationships: {$account: acme, $assignedTo: mia@corp.example}}
lists:
  top: {fields: {$name: Top, $objectType: account}, members: {include: [acme, {match: {$name: Nobody}}]}}
  ruled:
    fields: {$name: Ruled, $objectType: $account}
    members:
      where:
        tier: [gold, Süd-West, null]
        tags: [Red, 2027]
        score: [7.5, 8]
        revenue: 75000
        renewal: null
        isPartner: [false, null]
        $website: [acme.example, https://birch.example]
        boss: [{firstName: Ada}, null]
        health: 5
        $accountStatus: ""
        $owner: [KAI@corp.example, null]
        partner: {match: {$name: Nobody}}
        $contact: []
      include: [acme, acc_0123]
      exclude: [birch]
  deals:
    fields: {$name: Deals, $objectType: opportunity}
    members: {where: {$pipeline: New, $stage: [Proposal, Won], $account: [acme, birch]}}
objects:
  project:
    apollo: {match: [name], fields: {name: Apollo, phase: build}}
sources:
  - kind: account
    file: rows.csv
    key: Id
    match: {$name: Name}
    fields:
      $name: Name
      tags: {column: Tags, split: ";"}
      docs: [Site, {column: Blog}]
      $primaryAddress: {city: City, country: {value: DE}}
      tier: {value: Silver}
    relationships: {$owner: {value: kai@corp.example}, partner: {column: Partners, split: ","}}
    lifecycle: {seed: true, ignore_changes: [tags]}
"""
ROWS = "Id,Name,Tags,Site,Blog,City,Partners\n1,One,Red;Blue,one.example,,Kiel,acme\n"


@dataclass(frozen=True)
class Judges:
    """The schemas of a workspace and the program itself, on the same file."""

    folder: Path

    def schema(self, name: str) -> Schema:
        path = self.folder / ".lfsync" / "schemas" / "sandbox" / f"{name}.json"
        return cast(Schema, json.loads(path.read_text("utf-8")))

    def schema_refuses(self, text: str, name: str = "resources") -> bool:
        return not _takes(self.schema(name), text)

    def plan_refuses(self, text: str, name: str = "crm.yaml") -> bool:
        path = self.folder / name
        before = path.read_text("utf-8")
        path.write_text(text, "utf-8")
        code = run(["-C", str(self.folder), "validate", "--online"])
        path.write_text(before, "utf-8")
        assert code in (0, 1)
        return code == 1


@pytest.fixture(scope="module")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Judges:
    folder = tmp_path_factory.mktemp("project")
    files = {"lfsync.yaml": SETTINGS, "seed.yaml": SEED, "crm.yaml": GOOD, "rows.csv": ROWS, "about.md": "Hello\n"}
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    assert run(["-C", str(folder), "definitions", "--save"]) == 0
    return Judges(folder)


def account(fields: str = "", relationships: str = "", rest: str = "") -> str:
    return f"accounts: {{acme: {{fields: {{$name: Acme, {fields}}}, relationships: {{{relationships}}}, {rest}}}}}\n"


def source(fields: str = "", rest: str = "", kind: str = "account") -> str:
    return f"sources: [{{kind: {kind}, file: rows.csv, key: Id, fields: {{$name: Name, {fields}}}, {rest}}}]\n"


def task(fields: str, relationships: str = "$assignedTo: kai@corp.example") -> str:
    return f"tasks: {{t: {{fields: {{$title: T, {fields}}}, relationships: {{{relationships}}}}}}}\n"


def deal(fields: str) -> str:
    accounts = "accounts: {a: {fields: {$name: A}}}\n"
    return f"{accounts}opportunities: {{o: {{fields: {{$name: O, {fields}}}, relationships: {{$account: a}}}}}}\n"


def members(of: str) -> str:
    return f"lists: {{l: {{fields: {{$name: L, $objectType: account}}, members: {of}}}}}\n"


MISTAKES = {
    # keys
    "a system field mistyped": account("$webste: acme.example"),
    "a custom field mistyped": account("teir: Gold"),
    "a field of another kind": account("$dueAt: 2027-03-01"),
    "a field that Lightfield writes": account("$accountStatus: well"),
    "a custom field that is read-only": account("health: 5"),
    "a field among the relationships": account(relationships="tier: Gold"),
    "a relationship among the fields": account("$owner: kai@corp.example"),
    "a relationship mistyped": account(relationships="$ownr: kai@corp.example"),
    "a relationship that is set from the other side": account(relationships="$task: [t]"),
    "a section mistyped": "acounts: {a: {fields: {$name: A}}}\n",
    "a part of a body mistyped": "accounts: {a: {feilds: {$name: A}}}\n",
    "a key that is none": "accounts: {'a b': {fields: {$name: A}}}\n",
    "members of what is no list": account(rest="members: []"),
    "a lifecycle key mistyped": account(rest="lifecycle: {protected: true}"),
    "a lifecycle flag that is a word": account(rest="lifecycle: {protect: always}"),
    "an ignored key that the kind has not": account(rest="lifecycle: {ignore_changes: [teir]}"),
    "ignored keys that are no list": account(rest="lifecycle: {ignore_changes: tier}"),
    "a match of a key that the kind has not": account(rest="match: [$webste]"),
    "a match by a value of a key that the kind has not": account(rest="match: {$webste: acme.example}"),
    "a match by an option that there is not": account(rest="match: {tier: Glod}"),
    "a match by an empty value": account(rest="match: {$website: null}"),
    "a match of nothing": account(rest="match: []"),
    "an id of another kind": account(rest="id: con_0123456789"),
    "an id that is a number": account(rest="id: 7"),
    # lists by rule
    "a rule of nothing": members("{where: {}}"),
    "a rule that is null": members("{where: null}"),
    "a rule that is a list": members("{where: [tier]}"),
    "a rule mistyped": members("{wher: {tier: Gold}}"),
    "a rule of a key that the kind has not": members("{where: {teir: Gold}}"),
    "a rule of a key of another kind": members("{where: {$stage: Won}}"),
    "a rule of an option that there is not": members("{where: {tier: [Gold, Glod]}}"),
    "a rule of a wrong type": members("{where: {score: high}}"),
    "a rule of one wrong type among right ones": members("{where: {score: [5, high]}}"),
    "a rule of a day that no month has": members("{where: {renewal: 2027-02-30}}"),
    "a rule of a member that there is not": members("{where: {$owner: bo@corp.example}}"),
    "a rule of one such member among others": members("{where: {$owner: [kai@corp.example, bo@corp.example]}}"),
    "a rule of what is set at the other side": members("{where: {$task: null}}"),
    "a rule in a relationship": account(relationships="partner: {where: {tier: Gold}}"),
    # options
    "an option mistyped": account("tier: Glod"),
    "an option without its umlaut": account("tier: Sud-West"),
    "one of several options mistyped": account("tags: [Red, Bleu]"),
    "two options where one fits": account("tier: [Gold, Silver]"),
    "an option that is a flag": account("tier: true"),
    "a number that is no option": account("tags: [2026]"),
    "a status that there is not": task("$status: DONE"),
    "a stage that there is not": deal("$stage: Negotiation"),
    "a stage that two pipelines have, by a half of its name": deal("$stage: Propos"),
    "a pipeline that there is not": deal("$pipeline: Upsell, $stage: Won"),
    "a list of what lists don't hold": "lists: {l: {fields: {$name: L, $objectType: $task}}}\n",
    # values
    "a number for a text": account("$industry: [], about: 5"),
    "a list for a text": task("$description: [a], $status: TODO"),
    "a text for a number": account("score: seven"),
    "a number in quotes": account("score: '7'"),
    "a number beyond all precision": account("score: 9007199254740993"),
    "an amount with its currency": account("revenue: 75000 EUR"),
    "an amount with separators": account("revenue: '75,000'"),
    "a currency as a part": account("revenue: {amount: 5, currency: EUR}"),
    "a word for a flag": account("isPartner: yes"),
    "a number for a flag": account("isPartner: 1"),
    "a day that no month has": account("renewal: 2027-02-30"),
    "a leap day in another year": account("renewal: 2027-02-29"),
    "a day as people write it": account("renewal: 1.3.2027"),
    "a time without its offset": account("renewal: 2027-03-01T17:00:00"),
    "an hour that no day has": account("renewal: 2027-03-01T25:00Z"),
    "a year alone": account("renewal: 2027"),
    "an e-mail address without its name": account("billing: '@corp.example'"),
    "an e-mail address that is a sign": account("billing: '@'"),
    "two e-mail addresses in one text": account("billing: 'a@b.example, c@d.example'"),
    "two e-mail addresses where one fits": account("billing: [a@b.example, c@d.example]"),
    "a web address that is a word": account("docs: x"),
    "a web address that is a mapping": account("docs: {url: acme.example}"),
    "a profile of another network": account("$linkedIn: x.com/acme"),
    "a profile that is a sign": account("$twitter: '@'"),
    "a job as a profile": account("$linkedIn: linkedin.com/jobs/5"),
    "a telephone number that is a number": account("hotline: 4943112345"),
    "a telephone number of words": account("hotline: call us"),
    "a telephone number cut off": account("hotline: '+4'"),
    "an address that is a text": account("$primaryAddress: Hafen 1"),
    "a part of an address mistyped": account("$primaryAddress: {town: Kiel}"),
    "a country by its name": account("$primaryAddress: {country: Germany}"),
    "a latitude beyond the pole": account("$primaryAddress: {latitude: 91}"),
    "a city that is a list": account("$primaryAddress: {city: [Kiel]}"),
    "a name that is a text": "contacts: {c: {fields: {$name: Ada Lind, $email: [a@b.example]}}}\n",
    "a part of a name mistyped": account("boss: {first: Ada}"),
    "a value that the API can't take": account("page: <b>"),
    "a text file without its path": account("about: {file: ''}"),
    # refs
    "a member by an unknown e-mail": account(relationships="$owner: kim@corp.example"),
    "a member by name": account(relationships="lead: Kai"),
    "a member by a match": account(relationships="$owner: {match: {$name: Kai}}"),
    "two members where one fits": account(relationships="$owner: [kai@corp.example, mia@corp.example]"),
    "a part of a has-one": account(relationships="$owner: {include: [kai@corp.example]}"),
    "a ref that is a number": account(relationships="partner: [5]"),
    "a ref by an unknown word": account(relationships="partner: {includes: [acme]}"),
    "a ref by a match of an unknown key": account(relationships="partner: [{match: {$nam: A}}]"),
    "a ref by a match of a wrong type": account(relationships="partner: [{match: {score: high}}]"),
    "a ref by a match of nothing": account(relationships="partner: [{match: {}}]"),
    "an assignee that there is not": task("$status: TODO", "$assignedTo: kim@corp.example"),
    "members of a list by an unknown word": members("{only: []}"),
    "members of a list that are one": members("acme"),
    "a member of a list by a match of an unknown key": members("[{match: {$nam: A}}]"),
    # custom objects, files
    "a type of objects that there is not": "objects: {projekt: {a: {match: [name], fields: {name: A}}}}\n",
    "a field that a type has not": "objects: {project: {a: {match: [name], fields: {name: A, phas: Plan}}}}\n",
    "an option that a type has not": "objects: {project: {a: {match: [name], fields: {name: A, phase: Rest}}}}\n",
    "an object that says not which it is": "objects: {project: {a: {fields: {name: A}}}}\n",
    "a purpose that there is not": "files: {f: {path: about.md, purpose: fun}}\n",
    # sources
    "a source of an unknown kind": source(kind="acount"),
    "a source of a type of objects that there is not": source(kind="object.projekt"),
    "a source with a field mistyped": source("teir: Tags"),
    "a source with a read-only field": source("health: Tags"),
    "a source with a relationship mistyped": source(rest="relationships: {$ownr: Id}"),
    "a source with a match mistyped": source(rest="match: {$nam: Name}"),
    "a source with an option mistyped": source("tier: {value: Glod}"),
    "a source with a value of a wrong type": source("score: {value: high}"),
    "a source with an unknown member": source(rest="relationships: {$owner: {value: kim@corp.example}}"),
    "a column form mistyped": source("tags: {colum: Tags}"),
    "a split of what holds one value": source("score: {column: Tags, split: ';'}"),
    "several columns for what holds one value": source("about: [Site, Blog]"),
    "parts of what has none": source("about: {city: City}"),
    "a part of an address from a column, mistyped": source("$primaryAddress: {town: City}"),
    "a literal of an address of a wrong type": source("$primaryAddress: {country: {value: Germany}}"),
    "a source with a literal match of nothing": source(rest="match: {$name: {value: null}}"),
    "a source without a key": "sources: [{kind: account, file: rows.csv, fields: {$name: Name}}]\n",
    "a source with a lifecycle mistyped": source(rest="lifecycle: {seeds: true}"),
}
DEFAULTS = {
    "a default of an unknown kind": "acount: {fields: {tier: Gold}}",
    "a default of a field mistyped": "account: {fields: {teir: Gold}}",
    "a default of an option mistyped": "account: {fields: {tier: Glod}}",
    "a default of a wrong type": "account: {fields: {score: high}}",
    "a default of an unknown member": "account: {relationships: {$owner: kim@corp.example}}",
    "a default of a relationship mistyped": "account: {relationships: {$ownr: kai@corp.example}}",
    "a default of a lifecycle mistyped": "account: {lifecycle: {ignore: [tier]}}",
    "a default of a part that defaults have not": "account: {match: [$name]}",
}


def test_what_is_right_passes_both(judges: Judges) -> None:
    assert not judges.plan_refuses(GOOD)
    assert not judges.schema_refuses(GOOD)
    assert not judges.schema_refuses(SETTINGS, "lfsync")


@pytest.mark.parametrize("text", [account(), source(), task("$status: TODO"), deal("$stage: Won")])
def test_what_the_mistakes_are_made_in_is_right(text: str, judges: Judges) -> None:
    assert not judges.plan_refuses(text)
    assert not judges.schema_refuses(text)


@pytest.mark.parametrize("text", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused_by_both(text: str, judges: Judges) -> None:
    """50 kinds of mistake and more."""
    assert judges.plan_refuses(text)
    assert judges.schema_refuses(text)


@pytest.mark.parametrize("defaults", DEFAULTS.values(), ids=DEFAULTS)
def test_a_mistake_in_the_defaults_is_refused_by_both(defaults: str, judges: Judges) -> None:
    text = f"{SETTINGS}defaults: {{{defaults}}}\n"
    assert judges.plan_refuses(text, "lfsync.yaml")
    assert judges.schema_refuses(text, "lfsync")


@pytest.mark.parametrize("name", ["quickstart", "revops", "seeding", "adopted"])
def test_the_examples_pass_the_schemas_of_their_own_workspaces(name: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns(".lfsync")))
    assert run(["-C", str(folder), "-w", "sandbox", "definitions", "--save"]) == 0
    judges = Judges(folder)
    for path in sorted(folder.rglob("*.yaml")):
        if path.parent.name not in ("sandbox", "drafts"):
            schema = "lfsync" if path.name == "lfsync.yaml" else "resources"
            assert not judges.schema_refuses(path.read_text("utf-8"), schema), path


@pytest.mark.parametrize("name", ["resources", "lfsync"])
def test_schema_prints_what_was_saved(name: str, judges: Judges, capsys: pytest.CaptureFixture[str]) -> None:
    """Design 14: with a saved copy, `schema resources` knows the workspace."""
    capsys.readouterr()
    assert run(["-C", str(judges.folder), "schema", name]) == 0
    assert json.loads(capsys.readouterr().out) == judges.schema(name)


def _known(*kinds: str, **more: Any) -> Known:
    return Known({kind: builtin_definitions(kind) for kind in kinds}, **{"members": (), **more})


def _takes(schema: Schema, text: str) -> bool:
    jsonschema.Draft7Validator.check_schema(schema)
    return bool(jsonschema.Draft7Validator(schema).is_valid(parse(text, "x.yaml").data))


@pytest.mark.parametrize(
    "text",
    [
        "contacts: {c: {fields: {own: 1}, relationships: {$account: [a], own: [b]}}}",
        "objects: {project: {a: {match: [name], fields: {name: A}}}}",
        "sources: [{kind: contact, file: a.csv, key: K, fields: {own: Own}}]",
        "sources: [{kind: object.project, file: a.csv, key: K, match: [name], fields: {name: Name}}]",
        "accounts: {a: {fields: {$name: A}, relationships: {$owner: who@corp.example, $contact: [{match: {own: 1}}]}}}",
    ],
)
def test_of_what_the_key_may_not_read_everything_passes(text: str) -> None:
    known = _known("account", "list", members_known=False, unread=frozenset({"contact", ANY_TYPE}))
    assert _takes(workspace_schema(known), text)


def test_what_can_be_no_member_is_refused_without_members(judges: Judges) -> None:
    schema = workspace_schema(_known("account", members_known=False))
    assert not _takes(schema, "accounts: {a: {fields: {$name: A}, relationships: {$owner: Kai}}}")
    assert _takes(schema, "accounts: {a: {fields: {$name: A}, relationships: {$owner: mem_0a1b}}}")


@pytest.mark.parametrize("key", ["a/b", "a%20b", "a~1b", "ä b"])
def test_a_key_that_a_reference_would_have_to_escape(key: str) -> None:
    definitions = builtin_definitions("account")
    odd = FieldDef(key, key, "SINGLE_SELECT", options=(Option("o1", "One"),))
    known = Known({"account": replace(definitions, fields={**definitions.fields, key: odd})}, ())
    for value, fits in (("one", True), ("two", False)):
        fields = f"fields: {{'{key}': {value}}}"
        assert _takes(workspace_schema(known), f"accounts: {{a: {{id: acc_1, {fields}}}}}") == fits
        settings = f"version: 1\nworkspaces: {{a: }}\ndefaults: {{account: {{{fields}}}}}\n"
        assert _takes(workspace_settings_schema(known), settings) == fits


def test_every_pattern_is_one_in_an_editor_too(judges: Judges) -> None:
    for name in ("resources", "lfsync"):
        found = patterns(judges.schema(name))
        assert len(found) > 20
        assert [pattern for pattern in found if not reads_as_javascript(pattern)] == []


BEYOND = {
    "a ref that no file declares": account(relationships="partner: [nobody]"),
    "an id of another kind as a ref": account(relationships="partner: [con_0123456789]"),
    "a stage of another pipeline": deal("$pipeline: New, $stage: Lost"),
    "a stage that two pipelines have": deal("$stage: Proposal"),
    "a pipeline without its stage": deal("$pipeline: New"),
    "a match by a key that is not declared here": account(rest="match: [tier]"),
    "nothing that finds the record": "accounts: {a: {fields: {tier: Gold}}}\n",
    "a list that says not of what": "lists: {l: {fields: {$name: L}}}\n",
    "a ref that is named twice": account(relationships="partner: [acme, acme]"),
    "two resources of one match": "accounts: {a: {fields: {$name: A}}, b: {fields: {$name: A}}}\n",
    "a text file that is not there": account("about: {file: none.md}"),
    "a text file with no option in it": account("tier: {file: about.md}"),
    "a column that the file has not": source("tier: Tier"),
    "a telephone number of no country": account("hotline: '+999 1234567'"),
}


@pytest.mark.parametrize("text", BEYOND.values(), ids=BEYOND)
def test_what_no_value_says_of_itself(text: str, judges: Judges) -> None:
    """What other values, files or tables tell is left to `validate`; docs/editors.md says so."""
    assert judges.plan_refuses(text)
    assert not judges.schema_refuses(text)
