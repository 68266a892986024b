"""Custom objects in the hands of people: slugs with typos, a trash that nothing lists, undo (rules C2, I6, L3)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from lfsync.kinds import kind_of
from tests.faults.stage import Open, Stage

PROJECT = "object.project"
OBJECTS = {
    "project": {
        "fields": {"name": {"type": "TEXT"}, "phase": {"type": "SINGLE_SELECT", "options": ["Plan", "Build", "Done"]}},
        "relationships": {
            "customer": {"target": "account", "cardinality": "HAS_ONE"},
            "after": {"target": "project", "cardinality": "HAS_MANY"},
        },
    }
}
CRM = """\
accounts:
  acme: {fields: {$name: Acme}}
objects:
  project:
    apollo:
      match: [name]
      fields: {name: Apollo, phase: Plan}
      relationships: {customer: acme}
"""


def applied(stage: Open, crm: str = CRM, quirks: Mapping[str, str] | None = None) -> Stage:
    """A workspace in which all is as declared."""
    town = stage(crm, objects=OBJECTS, quirks=quirks)
    town.apply(expect=0)
    assert town.plan(expect=0)["changes"] == []
    return town


def blocked(town: Stage, *arguments: str) -> str:
    (one,) = town.plan(*arguments, expect=3)["blocked"]
    return f"{one['reason']}\n{one['hint']}"


# ---------------------------------------------------------------- types (rule C2)


def test_a_slug_with_a_typo_is_told_with_all_other_mistakes(stage: Open) -> None:
    """Placed at the slug, once, with the nearest; also where a source or `defaults` name it; not offline."""
    crm = CRM.replace("  project:", "  projcet:").replace("$name: Acme", "$nme: Acme, $name: Acme")
    town = stage(
        crm + "sources:\n  - {kind: object.prject, file: rows.csv, key: Id, match: [name], fields: {name: Id}}\n"
    )
    town.write("Id\na\nb\n", "rows.csv")
    error = town.lfsync("plan", expect=1).err
    for line in ("crm.yaml:2:25: account.acme: account has no field `$nme`", "crm.yaml:4:3: ", "crm.yaml:10:5: "):
        assert line in error
    assert error.count("this workspace has no custom object type") == 2
    assert "it has none" in error


def test_the_nearest_slug_is_offered_and_nothing_is_said_offline(stage: Open) -> None:
    town = stage(CRM.replace("  project:", "  projcet:"), objects=OBJECTS)
    assert "did you mean `project`?" in town.lfsync("plan", expect=1).err
    town.lfsync("validate", expect=0)
    assert "did you mean `project`?" in town.lfsync("validate", "--online", expect=1).err


def test_a_type_that_is_gone_keeps_its_orphans_and_stops_nothing(stage: Open) -> None:
    """Rule A9: the state names a record of a type that this key doesn't see any more."""
    town = applied(stage)
    town.crm.schema.kinds.pop("project")
    town.write("accounts:\n  acme: {fields: {$name: Acme Solar}, match: {$name: Acme}}\n")
    plan = town.plan("--prune", expect=2)
    assert [change["action"] for change in plan["changes"]] == ["update"]
    assert any("object.project.apollo" in told["message"] for told in plan["warnings"])


# ---------------------------------------------------------------- a trash that nothing lists (rule I6)


def test_what_is_gone_blocks_and_says_that_its_trash_can_not_be_looked_into(stage: Open) -> None:
    town = applied(stage)
    id = town.bound("object.project.apollo")
    town.trash(PROJECT, id)
    said = blocked(town)
    assert id in said
    assert "which no list shows" in said
    assert "--recreate-missing" in said


def test_what_is_gone_is_not_made_again_under_another_key(stage: Open) -> None:
    """Rules I4, I6: it may be hidden; what was let go of, or had other values, is nobody's hindrance."""
    town = applied(stage)
    town.trash(PROJECT, town.bound("object.project.apollo"))
    town.write(CRM.replace("    apollo:", "    moon:"))
    said = blocked(town, "--prune")
    assert "object.project.apollo, declared no more, had name" in said
    assert "`lfsync state rm object.project.apollo`" in said
    town.write(CRM.replace("    apollo:", "    moon:").replace("Apollo", "Moon"))
    assert [change["action"] for change in town.plan(expect=2)["changes"]] == ["create"]
    town.write(CRM.replace("    apollo:", "    moon:"))
    town.lfsync("state", "rm", "object.project.apollo", expect=0)
    assert [change["action"] for change in town.plan(expect=2)["changes"]] == ["create"]


def test_what_is_in_a_trash_that_can_be_looked_into_is_made_anew_under_another_key(stage: Open) -> None:
    """Rule I6: an unbound resource restores nothing, and nothing is hidden here."""
    town = applied(stage)
    town.trash("account", town.bound("account.acme"))
    town.write(CRM.replace("  acme:", "  emca:").replace("customer: acme", "customer: emca"))
    actions = {change["address"]: change["action"] for change in town.plan(expect=2)["changes"]}
    assert actions["account.emca"] == "create"


def test_a_restore_of_what_nobody_saw_ends_whole_where_it_is_as_declared(stage: Open) -> None:
    town = applied(stage)
    id = town.bound("object.project.apollo")
    town.trash(PROJECT, id)
    (change,) = town.plan("--recreate-missing", expect=2)["changes"]
    assert (change["action"], change["id"], change["fields"]) == ("restore", id, [])
    assert "not known" in change["warnings"][0]
    town.apply("--recreate-missing", expect=0)
    assert town.ids(PROJECT) == {id}
    assert town.plan(expect=0)["changes"] == []


def test_what_a_restore_brings_back_is_never_overwritten_unseen(stage: Open) -> None:
    """Somebody edited it before they trashed it: stale, and the next plan shows the edit as drift."""
    town = applied(stage)
    id = town.bound("object.project.apollo")
    town.edit(PROJECT, id, {"phase": "Done"})
    edited = town.value(PROJECT, id, "phase")
    town.trash(PROJECT, id)
    run = town.apply("--recreate-missing", expect=3)
    assert "`phase`" in run.out + run.err
    assert "Plan again" in run.out + run.err
    assert town.value(PROJECT, id, "phase") == edited
    (change,) = town.plan(expect=2)["changes"]
    assert [(field["key"], field["cause"]) for field in change["fields"]] == [("phase", "drift")]


def test_what_can_not_be_restored_fails_and_names_the_way_out(stage: Open) -> None:
    town = stage(CRM.replace("match: [name]", "id: obj_0123456789abcdef0123"), objects=OBJECTS)
    assert "is gone" in blocked(town)
    run = town.apply("--recreate-missing", expect=3)
    assert "Correct the `id`" in run.out + run.err
    assert town.ids(PROJECT) == set()


def test_where_reads_show_the_trash_nobody_is_sure_and_the_restore_is_planned_with_what_is_known(stage: Open) -> None:
    """Quirk trashed-retrieve=record (U9)."""
    town = applied(stage, quirks={"trashed-retrieve": "record"})
    id = town.bound("object.project.apollo")
    town.edit(PROJECT, id, {"phase": "Done"})
    town.trash(PROJECT, id)
    assert "may be in the trash" in blocked(town)
    (change,) = town.plan("--recreate-missing", expect=2)["changes"]
    assert change["action"] == "restore"
    assert [(field["key"], field["before"], field["after"]) for field in change["fields"]] == [
        ("phase", "Done", "Plan")
    ]
    town.apply("--recreate-missing", expect=0)
    assert town.ids(PROJECT) == {id}
    assert town.plan(expect=0)["changes"] == []


@pytest.mark.parametrize("retrieve", ["404", "record"])
def test_a_record_that_took_its_place_is_bound_instead(stage: Open, retrieve: str) -> None:
    town = applied(stage, quirks={"trashed-retrieve": retrieve})
    town.trash(PROJECT, town.bound("object.project.apollo"))
    other = town.make(PROJECT, {"name": "Apollo", "phase": "Plan"})
    town.apply("--recreate-missing", expect=0)
    assert town.bound("object.project.apollo") == other
    assert town.ids(PROJECT) == {other}


# ---------------------------------------------------------------- prune, undo


@pytest.mark.parametrize("retrieve", ["404", "record"])
def test_prune_and_undo(stage: Open, retrieve: str) -> None:
    """Rule L3: what a run trashed comes back, what it made goes."""
    town = applied(stage, quirks={"trashed-retrieve": retrieve})
    id = town.bound("object.project.apollo")
    town.write(
        "accounts:\n  acme: {fields: {$name: Acme}}\nobjects:\n  project: {mir: {match: [name], fields: {name: Mir}}}\n"
    )
    town.apply("--prune", expect=0)
    assert id in town.ids(PROJECT, trashed=True)
    town.lfsync("undo", "--yes", expect=0)
    assert town.ids(PROJECT) == {id}
    town.write(CRM)
    assert town.plan(expect=0)["changes"] == []


def test_state_commands_and_patterns(stage: Open) -> None:
    town = applied(stage)
    id = town.bound("object.project.apollo")
    town.lfsync("state", "mv", "object.project.apollo", "object.project.moon", expect=0)
    town.write(CRM.replace("    apollo:", "    moon:").replace("Plan", "Build"))
    (change,) = town.plan("--only", "object.project.*", expect=2)["changes"]
    assert (change["address"], change["id"]) == ("object.project.moon", id)
    town.lfsync("state", "rm", "object.project.moon", expect=0)
    (change,) = town.plan("--only", "object.project", expect=2)["changes"]
    assert change["adopted"]


def test_a_saved_plan_does_what_it_shows(stage: Open) -> None:
    town = applied(stage)
    town.write(
        CRM.replace("phase: Plan", "phase: Build")
        + "    mir: {match: [name], fields: {name: Mir}, relationships: {after: [apollo]}}\n"
    )
    saved = str(town.folder / "p.json")
    town.lfsync("plan", "-o", saved, expect=0)
    town.lfsync("apply", "--yes", saved, expect=0)
    assert town.plan(expect=0)["changes"] == []
    assert town.linked(town.bound("object.project.mir"), town.bound("object.project.apollo"))


def test_a_key_that_may_not_read_objects_plans_a_project_that_declares_none(
    stage: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty section, or a default, needs no scope: nothing is said of its type."""
    town = stage("accounts:\n  acme: {fields: {$name: Acme}}\nobjects: {project: }\n", objects=OBJECTS)
    monkeypatch.setenv("LIGHTFIELD_API_KEY", "sk_lf_scopes_accounts:read,accounts:create,members:read")
    assert [change["address"] for change in town.plan(expect=2)["changes"]] == ["account.acme"]


CYCLE = """\
objects:
  project:
    apollo: {match: [name], fields: {name: Apollo}, relationships: {crew: alpha}, lifecycle: {LIFECYCLE}}
  crew:
    alpha: {match: [name], fields: {name: Alpha}, relationships: {flies: [apollo]}, lifecycle: {LIFECYCLE}}
"""
CREWS = {
    "project": {
        "fields": {"name": {"type": "TEXT"}},
        "relationships": {"crew": {"target": "crew", "cardinality": "HAS_ONE"}},
    },
    "crew": {
        "fields": {"name": {"type": "TEXT"}},
        "relationships": {"flies": {"target": "project", "cardinality": "HAS_MANY"}},
    },
}


@pytest.mark.parametrize("lifecycle", ["ignore_changes: [KEY]", "seed: true", "protect: true"])
def test_a_link_that_had_to_wait_belongs_to_the_create(stage: Open, lifecycle: str) -> None:
    """Rule L1: what is ignored later, and what a seed declares, is sent at create; a cycle takes two steps for that."""
    crm = CYCLE.replace("LIFECYCLE", lifecycle).replace("KEY", "crew", 1).replace("KEY", "flies", 1)
    town = stage(crm, objects=CREWS)
    town.apply(expect=0)
    apollo, alpha = town.bound("object.project.apollo"), town.bound("object.crew.alpha")
    project = town.person("GET", f"{kind_of(PROJECT).record_path}/{apollo}")
    crew = town.person("GET", f"{kind_of('object.crew').record_path}/{alpha}")
    assert project["relationships"]["crew"]["values"] == [alpha]
    assert crew["relationships"]["flies"]["values"] == [apollo]
    assert town.plan(expect=0)["changes"] == []
