"""The JSON Schemas: kept under schemas/, true to what lfsync takes and to the samples of the contract."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from lfsync.project.documents import parse
from lfsync.project.load import load_project
from lfsync.project.scaffold import init
from lfsync.project.schemas.files import resources_schema, settings_schema
from lfsync.project.schemas.values import Schema
from tests.config.config_samples import patterns, reads_as_javascript, write
from tests.locked import skip_unless_locked

SCHEMAS = Path(__file__).parents[2] / "schemas"
SETTINGS = """\
version: 1
default_workspace: sandbox
exclude: [data/]
workspaces:
  sandbox:
    sandbox: {seed: sandbox/workspace.yaml}
  prod:
    base_url: https://api.lightfield.app
    api_key_env: LIGHTFIELD_API_KEY
    state: .lfsync/state/prod.jsonl
defaults:
  task: {relationships: {$assignedTo: kai@corp.example}, lifecycle: {ignore_changes: [$status]}}
safety: {max_updates: 30%, max_deletes: 10%, floor: 10}
enrichment: auto
"""
RESOURCES = """\
accounts:
  acme:
    match: {$website: https://acme-solar.example}
    fields:
      $name: Acme Solar
      $website: [https://acme-solar.example]
      tier: Gold
      renewalDate: 2027-03-01
      nickname: null
    relationships:
      $owner: kai@corp.example
contacts:
  ada:
    fields: {$name: {firstName: Ada, lastName: Lind}, $email: [ada@acme-solar.example]}
    relationships: {$account: [acme]}
opportunities:
  acme-renewal:
    fields: {$name: Acme renewal, $stage: Proposal, $amount: 75000}
    relationships: {$account: acme, $champion: ada}
tasks:
  acme-pricing:
    fields: {$title: Review pricing, $status: TODO, $dueAt: 2026-12-15T17:00:00-06:00}
    relationships: {$account: acme, $opportunity: acme-renewal, $assignedTo: kai@corp.example}
notes:
  acme-kickoff:
    fields: {$title: Kick-off, $content: {file: notes/acme-kickoff.md}}
    relationships: {$account: [acme]}
lists:
  q4-targets:
    fields: {$name: Q4 targets, $objectType: $account, $description: Curated in git}
    members: [acme]
objects:
  project:
    apollo: {fields: {name: Apollo}, match: [name]}
sources:
  - kind: account
    file: data/companies.csv
    key: Symbol
    match: [$name]
    fields:
      $name: Security
      founded: {column: Founded, pattern: '(\\d{4})'}
      tags: {column: Tags, split: ";"}
      region: {value: US}
      $primaryAddress: {city: City, state: State}
    relationships: {$owner: {column: Owner}}
"""
FILES: dict[str, str | bytes] = {
    "lfsync.yaml": SETTINGS,
    "crm.yaml": RESOURCES,
    "sandbox/workspace.yaml": "members: []\n",
    "notes/acme-kickoff.md": "Hello\n",
    "data/companies.csv": "Symbol,Security,Founded,Tags,City,State,Owner\n"
    "MMM,3M,1902,a;b,Saint Paul,MN,kai@corp.example\n",
}


def errors(schema: Schema, text: str) -> list[str]:
    checker = jsonschema.Draft7Validator(schema)
    return [_path(error.absolute_path) for error in checker.iter_errors(parse(text, "x.yaml").data)]


def _path(keys: Iterable[str | int]) -> str:
    """`$.accounts.a.fields['$name']`: jsonschema has spelt it in more than one way."""
    return "$" + "".join(
        f"[{key}]" if isinstance(key, int) else f".{key}" if key.isidentifier() else f"['{key}']" for key in keys
    )


@pytest.mark.parametrize(("name", "schema"), [("resources", resources_schema()), ("lfsync", settings_schema())])
def test_the_files_under_schemas_are_not_stale(name: str, schema: Schema) -> None:
    jsonschema.Draft7Validator.check_schema(schema)
    skip_unless_locked("pydantic")
    assert json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8")) == schema


def test_the_samples_of_the_contract(tmp_path: Path) -> None:
    assert errors(settings_schema(), SETTINGS) == []
    assert errors(resources_schema(), RESOURCES) == []
    project = load_project(write(tmp_path, FILES))
    assert not project.problems
    assert len(project.resources) == 8


def test_a_new_project(tmp_path: Path) -> None:
    init(tmp_path)
    assert errors(settings_schema(), (tmp_path / "lfsync.yaml").read_text(encoding="utf-8")) == []
    assert errors(resources_schema(), (tmp_path / "crm.yaml").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "accounts:\n",
        "accounts: {a: }",
        "accounts: {a: {fields: , relationships: , lifecycle: }}",
        "accounts: {a: {fields: {$unheardOf: 1, own: {x: [1]}}, relationships: {parent: b, $more: {include: [x]}}}}",
        "lists: {l: {fields: {$objectType: account}, members: {exclude: [{match: {$name: X}}]}}}",
        "tasks: {t: {match: {$title: x}, lifecycle: {ignore_changes: null}, relationships: {$account: '', team: [x]}}}",
        "sources: [{kind: task, query: select 1 as A, key: A}, {kind: task, query: q.sql, key: A}]",
        "sources: [{kind: task, file: A.CSV, key: [A, {column: B}], match: {$title: T}, fields: {x: [A, {value: 1}]}}]",
    ],
)
def test_what_lfsync_takes(text: str) -> None:
    assert errors(resources_schema(), text) == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("acounts: {}", "$"),
        ("accounts: {a b: {}}", "$.accounts"),
        ("accounts: {a: {feilds: {}}}", "$.accounts.a"),
        ("accounts: {a: {members: []}}", "$.accounts.a"),
        ("accounts: {a: {fields: {$name: 3}}}", "$.accounts.a.fields['$name']"),
        ("accounts: {a: {fields: {$accountStatus: x}}}", "$.accounts.a.fields"),
        ("accounts: {a: {relationships: {$task: [t]}}}", "$.accounts.a.relationships"),
        ("accounts: {a: {relationships: {$owner: {who: x}}}}", "$.accounts.a.relationships['$owner']"),
        ("accounts: {a: {lifecycle: {seed: 1}}}", "$.accounts.a.lifecycle.seed"),
        ("accounts: {a: {match: []}}", "$.accounts.a.match"),
        ("accounts: {a: {fields: {$primaryAddress: {town: x}}}}", "$.accounts.a.fields['$primaryAddress']"),
        ("tasks: {t: {fields: {$titel: x}}}", "$.tasks.t.fields"),
        ("tasks: {t: {fields: {$status: DONE}}}", "$.tasks.t.fields['$status']"),
        ("notes: {t: {fields: {$title: {path: x}}}}", "$.notes.t.fields['$title']"),
        ("sources: [{kind: account, file: x.txt, key: A}]", "$.sources[0].file"),
        ("sources: [{kind: account, file: x.csv}]", "$.sources[0]"),
        ("sources: [{kind: account, key: A}]", "$.sources[0]"),
        ("sources: [{kind: account, query: select 1, file: x.csv, key: A}]", "$.sources[0]"),
        ("sources: [{kind: account, query: '', key: A}]", "$.sources[0].query"),
        ("sources: [{kind: account, file: x.csv, key: A, fields: {a: {colum: X}}}]", "$.sources[0].fields.a"),
    ],
)
def test_typos(text: str, path: str) -> None:
    assert errors(resources_schema(), text) == [path]


@pytest.mark.parametrize(
    "text",
    [
        "version: 2\nworkspaces: {a: }",
        "version: 1\nworkspaces: {}",
        "version: 1\nworkspaces: {a: {sandbox: {sed: x}}}",
        "version: 1\nworkspaces: {a: {sandbox: , base_url: x}}",
        "version: 1\nworkspaces: {a: {api_key: x}}",
        "version: 1\nworkspaces: {a: }\nsafety: {max_updates: 30}",
        "version: 1\nworkspaces: {a: }\ndefaults: {tasks: {}}",
        "version: 1\nworkspaces: {a: }\ndefaults: {task: {fields: {$titel: x}}}",
    ],
)
def test_typos_of_settings(text: str) -> None:
    assert errors(settings_schema(), text)


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nworkspaces: {a: , b: {sandbox: }}\ndefaults:\nsafety:\nexclude:\n",
        "version: 1\nworkspaces: {b: {sandbox: {quirks: {a: true, b: 404}}}}\nsafety: {max_deletes: 0}\n",
    ],
)
def test_settings_that_lfsync_takes(text: str) -> None:
    assert errors(settings_schema(), text) == []


@pytest.mark.parametrize("key", ["Müller-GmbH", "株式会社", "हिन्दी", "a.b_c@d+e-f", "é" * 128])
def test_keys_of_any_script_pass(key: str) -> None:  # design 3
    assert errors(resources_schema(), f"accounts: {{{key}: {{fields: {{$name: A}}}}}}\n") == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("objects: {project: {a: {match: [name], fields: {name: A}}}}", []),
        ("objects: {pro-ject_2: {a: {id: obj_1}}}", []),
        ("objects: {project: }", []),
        ("objects: {2nd: {a: {id: obj_1}}}", ["$.objects"]),
        ("objects: {project: {a: {fields: {name: A}}}}", ["$.objects.project.a"]),
        ("sources: [{kind: object.project, file: a.csv, key: K}]", []),
        ("sources: [{kind: object.2nd, file: a.csv, key: K}]", ["$.sources[0].kind"]),
    ],
)
def test_custom_objects(text: str, wrong: list[str]) -> None:  # design 3 and 4: no default match; rule C3
    assert errors(resources_schema(), text + "\n") == wrong


def test_defaults_of_custom_objects() -> None:  # rule C3
    line = "  {}: {{fields: {{phase: Plan}}}}\n"
    assert errors(settings_schema(), SETTINGS.replace("safety", line.format("object.project") + "safety")) == []
    assert errors(settings_schema(), SETTINGS.replace("safety", line.format("object.2") + "safety")) == ["$.defaults"]


@pytest.mark.parametrize("key", ["a b", "-a", "a/b", "k" * 129])
def test_what_is_no_key_is_refused(key: str) -> None:
    assert errors(resources_schema(), f"accounts: {{'{key}': {{fields: {{$name: A}}}}}}\n") == ["$.accounts"]


@pytest.mark.parametrize(
    ("block", "wrong"),
    [
        ("", []),
        ("[]", []),
        ("[{from: account.a, to: account.b}, {from: ' object.project.a ', to: object.project.東京}]", []),
        ("{from: account.a, to: account.b}", ["$.moved"]),
        ("[{from: account.a}]", ["$.moved[0]"]),
        ("[{from: account.a, to: account.b, too: account.c}]", ["$.moved[0]"]),
        ("[{from: a, to: account.b}]", ["$.moved[0].from"]),
        ("[{from: acount.a, to: object.a}]", ["$.moved[0].from", "$.moved[0].to"]),
        ("[{from: account.a b, to: account.-b}]", ["$.moved[0].from", "$.moved[0].to"]),
    ],
)
def test_moved(block: str, wrong: list[str]) -> None:  # rule M1
    assert errors(resources_schema(), f"moved: {block}\n") == wrong


def test_the_users_own_keys_pass() -> None:  # design 3
    assert errors(resources_schema(), "x-anchors: [{a: 1}]\n") == []


@pytest.mark.parametrize("schema", [resources_schema(), settings_schema()], ids=["resources", "lfsync"])
def test_every_pattern_is_one_in_an_editor_too(schema: Schema) -> None:
    found = patterns(schema)
    assert len(found) > 20
    assert [pattern for pattern in found if not reads_as_javascript(pattern)] == []


def test_redact_is_a_list_of_texts() -> None:  # rule G2
    assert errors(settings_schema(), SETTINGS + 'redact: [contact.$email, "*.TELEPHONE", note]\n') == []
    assert errors(settings_schema(), SETTINGS + "redact: [1]\n") == ["$.redact[0]"]
