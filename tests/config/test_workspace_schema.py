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
from lfsync.project.schemas.values import Schema
from lfsync.project.schemas.workspace import workspace_schema, workspace_settings_schema
from tests.config.config_samples import patterns, reads_as_javascript
from tests.mistakes import BEYOND_THE_SCHEMA, DEFAULTS, FILES, GOOD, MISTAKES, SETTINGS, account, deal, source, task

EXAMPLES = Path(__file__).parents[2] / "examples"


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
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")
    assert run(["-C", str(folder), "definitions", "--save"]) == 0
    return Judges(folder)


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


@pytest.mark.parametrize("text", BEYOND_THE_SCHEMA.values(), ids=BEYOND_THE_SCHEMA)
def test_what_the_schema_can_not_know_is_refused_by_the_plan_alone(text: str, judges: Judges) -> None:
    assert judges.plan_refuses(text)
    assert not judges.schema_refuses(text)


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
