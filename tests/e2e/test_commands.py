"""Commands, options, exit codes and files as design.md fixes them (sections 3, 4, 6 and 8)."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lfsync import __version__
from tests.e2e.conftest import MakeProject
from tests.e2e.rig import KEY, Project, Server, clean_environment, project, serving

_VERBS = ("read", "create", "update")
_FILES = {
    "crm.yaml": "accounts:\n"
    "  solo: {fields: {$name: Solo, score: 2}}\n"
    "  new: {fields: {$name: New}}\n"
    "contacts: {bo: {fields: {$email: [bo@new.example]}, relationships: {$account: [new]}}}\n"
    "lists: {l: {fields: {$name: L, $objectType: $account}, members: [new]}}\n"
}

_KEYS = {
    "": "format_version lfsync_version created_at workspace config_digest fingerprint summary requests "
    "estimated_seconds enrichment_events required_scopes missing_scopes changes blocked orphans warnings kept refusals",
    "workspace": "name base_url ids",
    "summary": "create update adopt delete restore unchanged blocked drift",
    "requests": "read search write",
    "changes": "address kind action id name link moved_from adopted cause source depends_on fields relationships "
    "members warnings",
    "fields": "key label value_type before after before_raw after_raw cause",
    "relationships": "key before after add remove cause",
    "members": "add remove",
    "source": "file line column",
    "blocked": "address reason hint source quoted",
    "orphans": "address id",
}


def _objects(name: str, value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every object of a plan that has fixed keys, with the name of the key that holds it."""
    if isinstance(value, list):
        for item in value:
            yield from _objects(name, item)
    if isinstance(value, dict) and name in _KEYS:
        yield name, value
        for key, part in value.items():
            yield from _objects(key, part)


def _keys_are_fixed(plan: dict[str, Any]) -> set[str]:
    """Asserts that a plan has the keys of design.md and no other; the names of the objects it has."""
    seen = set()
    for name, found in _objects("", plan):
        assert set(found) == set(_KEYS[name].split()), name
        seen.add(name)
    return seen


def test_the_keys_of_a_plan(server: Server, make: MakeProject) -> None:
    place = make(_FILES)
    seen = _keys_are_fixed(place.plan())
    place.apply()
    assert place.apply().err == "", "nothing to do, nothing to say"
    place.write("crm.yaml", "accounts: {twin: {fields: {$name: Twin}}, new: {fields: {$name: New}}}\n")
    run = place.lfsync("plan", "--format", "json", expect=3)
    blocked = run.json()
    seen |= _keys_are_fixed(blocked)
    assert seen == _KEYS.keys()
    assert [orphan["address"] for orphan in blocked["orphans"]] == ["account.solo", "contact.bo", "list.l"]
    assert server.writes() != []


def test_the_way_of_a_project_and_its_exit_codes(server: Server, make: MakeProject) -> None:
    place = make(_FILES)
    assert place.lfsync("plan", expect=0).out, "changes, but nobody asked for the code"
    assert place.lfsync("validate").err == ""
    place.lfsync("validate", "--online")
    assert server.writes() == []
    place.plan(expect=2)
    place.apply()
    place.plan(expect=0)
    folder = place.folder / ".lfsync"
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", "history", "journal", "state"]
    assert (folder / ".gitignore").read_text().split() == ["journal/", "history/", "sandbox/", "!/schemas/*/"]
    lines = place.state_file.read_text().splitlines()
    assert "lfsync_state" in json.loads(lines[0])
    assert list(place.state()) == ["account.new", "account.solo", "contact.bo", "list.l"], "sorted"
    assert not any(text in "\n".join(lines) for text in ("New", "Solo", "bo@new.example")), "no values"


def test_a_saved_plan_is_private_and_lies_where_the_user_stands(server: Server, make: MakeProject) -> None:
    place = make(_FILES)
    here = place.folder.parent / "here"
    here.mkdir()
    (here / "my.plan.json").write_text("older")
    run = place.lfsync("plan", "-o", "my.plan.json", "--format", "json", cwd=here)
    saved = here / "my.plan.json"
    assert json.loads(saved.read_text()) == run.json()
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert server.writes() == []
    nowhere = place.lfsync("plan", "-o", "no/such/folder/plan.json", expect=1)
    assert "no/such/folder" in nowhere.err


def test_only_takes_what_it_depends_on_along(server: Server, make: MakeProject) -> None:
    place = make(_FILES)
    place.apply("--only", "contact.bo")
    assert place.state().keys() == {"account.new", "contact.bo"}
    plan = place.plan("--only", "account.solo", "--only", "contact.bo")
    assert [change["address"] for change in plan["changes"]] == ["account.solo"]
    wrong = place.lfsync("plan", "--only", "contact.boo", expect=1)
    assert "contact.boo" in wrong.err
    assert "contact.bo" in wrong.err.replace("contact.boo", "")
    place.apply()
    place.plan(expect=0)
    assert len(server.writes()) == 4


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["plann"], "plan"),
        (["plan", "--detailed-exitcod"], "--detailed-exitcode"),
        (["-w", "prd", "plan"], "prod"),
        (["sandbox", "serve", "--quirk", "no-such=1"], "no-such"),
        (["sandbox", "reset"], "prod"),
    ],
    ids=" ".join,
)
def test_a_slip_of_the_pen_on_the_command_line(
    untouched: Server, tmp_path: Path, arguments: list[str], says: str
) -> None:
    run = project(tmp_path / "p", untouched.url, _FILES).lfsync(*arguments, expect=1)
    assert says in run.err
    assert run.out == ""


def test_no_project_here(tmp_path: Path) -> None:
    empty = Project(tmp_path)
    assert "lfsync init" in empty.lfsync("plan", expect=1).err
    assert "nowhere" in Project(tmp_path / "nowhere").lfsync("plan", expect=1, cwd=tmp_path).err


def test_the_key_never_shows(server: Server, make: MakeProject) -> None:
    place = make(_FILES)
    run = place.lfsync("-vv", "apply", "--yes")  # every run is checked for the key
    assert "POST /v1/accounts 200" in run.err
    assert "Bearer" not in run.text
    files = [path for path in place.folder.rglob("*") if path.is_file()]
    assert not any(KEY.encode() in path.read_bytes() for path in files)
    assert place.state_file.stat().st_mode & 0o777 == 0o644, "made to be committed"


def test_the_environment_chooses_the_workspace(untouched: Server, tmp_path: Path) -> None:
    settings = "version: 1\nworkspaces: {one: {}, two: {base_url: 'http://127.0.0.1:9'}, play: {sandbox: {}}}\n"
    files = {"lfsync.yaml": settings, "crm.yaml": "accounts: {new: {fields: {$name: New}}}\n"}
    place = project(tmp_path / "p", untouched.url, files)
    unnamed = place.lfsync("plan", expect=1)
    assert "-w" in unnamed.err
    named = place.lfsync("plan", "--format", "json", env={"LFSYNC_WORKSPACE": "two"}).json()["workspace"]
    assert (named["name"], named["base_url"]) == ("two", untouched.url), "LIGHTFIELD_BASE_URL wins over the file"
    both = place.lfsync("-w", "one", "plan", "--format", "json", env={"LFSYNC_WORKSPACE": "two"}).json()
    assert both["workspace"]["name"] == "one", "-w wins over LFSYNC_WORKSPACE"
    empty = place.lfsync("-w", "", "plan", expect=1, env={"LFSYNC_WORKSPACE": "one"})
    assert "no workspace ``" in empty.err, "what an unset variable of a script gives names no workspace"


def test_a_global_option_behind_the_command_is_told_its_place(tmp_path: Path) -> None:
    run = Project(tmp_path).lfsync("plan", "-w", "prod", expect=1)
    assert "lfsync -w ... COMMAND" in run.err


def test_rule_c14_the_environment_never_touches_a_sandbox(untouched: Server, tmp_path: Path) -> None:
    place = project(tmp_path / "p", untouched.url, {"crm.yaml": "accounts: {new: {fields: {$name: New}}}\n"})
    plain = Project(place.folder, clean_environment())
    place.lfsync("-w", "play", "apply", "--yes")
    assert untouched.log() == []
    assert plain.lfsync("-w", "play", "plan", "--format", "json").json()["changes"] == [], "no key is needed"
    assert (place.folder / ".lfsync" / "sandbox" / "play.jsonl").is_file()
    plain.lfsync("-w", "play", "sandbox", "reset")
    again = plain.lfsync("-w", "play", "plan", "--format", "json").json()
    assert [change["action"] for change in again["changes"]] == ["create"]


def test_rule_s1_a_state_of_another_organisation_is_refused(
    untouched: Server, server: Server, make: MakeProject
) -> None:
    place = make(_FILES)
    place.apply()
    state = place.state_file.read_bytes()
    elsewhere = place.elsewhere(LIGHTFIELD_BASE_URL=untouched.url)
    run = elsewhere.lfsync("apply", "--yes", expect=4)
    assert "another organisation" in run.err
    assert place.state_file.read_bytes() == state
    assert elsewhere.lfsync("plan", expect=4).out == ""


def test_rule_s1_a_state_that_import_wrote_is_refused_elsewhere(
    untouched: Server, server: Server, make: MakeProject
) -> None:
    """After the four commands of the README nothing has been applied: the state knows whose it is all the same."""
    place = make({})
    place.lfsync("import", "--all")
    place.lfsync("plan")
    elsewhere = place.elsewhere(LIGHTFIELD_BASE_URL=untouched.url)
    for command in ("plan", "validate --online", "definitions --save"):
        assert "another organisation" in elsewhere.lfsync(*command.split(), expect=4).err


def test_rule_s1_other_kinds_of_the_same_organisation_are_not_foreign(tmp_path: Path, make: MakeProject) -> None:
    """A key that may not read members; the files were about accounts, and are about contacts now."""
    seed = tmp_path / "two.yaml"
    fields = "{fields: {one: {type: TEXT, label: One}}}"
    seed.write_text(f"definitions: {{account: {fields}, contact: {fields}}}\n")
    with serving(seed) as own, serving(seed) as other:
        key = "sk_lf_scopes_" + ",".join(f"{kind}:{verb}" for kind in ("accounts", "contacts") for verb in _VERBS)
        place = make({"crm.yaml": "accounts: {a: {fields: {$name: A}}}\n"})
        place = place.elsewhere(LIGHTFIELD_BASE_URL=own.url, LIGHTFIELD_API_KEY=key)
        place.apply()
        (place.folder / "crm.yaml").write_text("contacts: {c: {fields: {$email: [c@x.example]}}}\n")
        place.apply()
        elsewhere = place.elsewhere(LIGHTFIELD_BASE_URL=other.url)
        assert "another organisation" in elsewhere.lfsync("plan", expect=4).err


def test_rule_s1_a_run_that_sees_less_leaves_what_the_state_knows(
    untouched: Server, server: Server, make: MakeProject
) -> None:
    """A key that may not read members, of files that name no custom field: the ids of runs before stay."""
    place = make(_FILES)
    place.apply()
    seen = json.loads(place.state_file.read_text().splitlines()[0])["ids"]
    assert seen
    narrow = place.elsewhere(LIGHTFIELD_API_KEY="sk_lf_scopes_lists:read,lists:create")
    for path in place.folder.glob("*.yaml"):
        if path.name != "lfsync.yaml":
            path.unlink()
    (place.folder / "crm.yaml").write_text("lists: {new: {fields: {$name: New, $objectType: $account}}}\n")
    narrow.apply()
    assert json.loads(place.state_file.read_text().splitlines()[0])["ids"] == seen


def test_a_broken_state_is_told_with_its_line(untouched: Server, tmp_path: Path) -> None:
    place = project(tmp_path / "p", untouched.url, _FILES)
    place.write(".lfsync/state/prod.jsonl", '{"lfsync_state": 1, "salt": "0123456789", "ids": []}\n<<<<<<< HEAD\n')
    run = place.lfsync("apply", "--yes", expect=1)
    assert "prod.jsonl:2" in run.err


def test_large_updates_are_refused_until_allowed(server: Server, make: MakeProject) -> None:
    rows = {"rows.csv": "Id,Name,Score\n" + "".join(f"{n},Company {n},1\n" for n in range(12))}
    source = "sources: [{kind: account, file: rows.csv, key: Id, fields: {$name: Name, score: Score}}]\n"
    place = make({"crm.yaml": source, **rows})
    place.apply()
    place.write("rows.csv", rows["rows.csv"].replace(",1\n", ",2\n"))
    with server.counting() as written:
        run = place.lfsync("apply", "--yes", expect=4)
    assert "--allow-large" in run.err
    assert written == []
    place.apply("--allow-large")
    place.plan(expect=0)


def test_losing_the_state_loses_no_record(server: Server, make: MakeProject) -> None:
    place = make(_FILES)
    place.apply()
    place.state_file.unlink()
    adopted = place.plan()
    assert {change["action"] for change in adopted["changes"]} == {"adopt"}


def test_init_plans_at_once(tmp_path: Path) -> None:
    place = Project(tmp_path / "new")
    assert "lfsync.yaml" in place.lfsync("init", cwd=tmp_path).out
    assert place.lfsync("init", expect=1).err
    place.plan(expect=2)
    place.apply()
    place.plan(expect=0)
    assert "*.plan.json" in (tmp_path / "new" / ".gitignore").read_text().split()


def test_schema_and_quirks_are_json(tmp_path: Path) -> None:
    place = Project(tmp_path)
    assert place.lfsync("schema").json().keys() >= {"resources", "lfsync", "plan", "run", "event"}
    quirks = json.loads(place.lfsync("sandbox", "quirks", "--format", "json").out)
    assert all(quirk.keys() == {"name", "unknown", "values", "default"} for quirk in quirks)  # rule X4
    assert all(quirk["default"] in quirk["values"] for quirk in quirks)
    assert "noop-update" in place.lfsync("sandbox", "quirks").out
    assert place.lfsync("--version").out == f"lfsync {__version__}\n"


def test_a_sandbox_keeps_its_database(seed_file: Path, tmp_path: Path) -> None:
    database = str(tmp_path / "crm.db")
    with serving(seed_file, "--rps", "0", "--db", database) as server:
        place = project(tmp_path / "p", server.url, _FILES)
        place.apply()
    with serving(seed_file, "--rps", "0", "--db", database) as server:
        again = place.elsewhere(LIGHTFIELD_BASE_URL=server.url)
        again.plan(expect=0)


def test_a_byte_order_mark_is_read_past(server: Server, make: MakeProject) -> None:
    source = "\ufeffsources: [{kind: account, file: rows.csv, key: Id, fields: {$name: Name}}]\n"
    place = make({"crm.yaml": source, "rows.csv": "\ufeffId,Name\n1,Café\n"})
    assert [change["address"] for change in place.plan()["changes"]] == ["account.1"]
    assert server.writes() == []


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("account.nope", None),
        ("contact.new", None),
        ("account.soo", "account.solo"),
        ("account.Solo", "account.solo"),
        ("task.solo", None),
    ],
)
def test_state_rm_suggests_only_what_could_have_been_meant(
    server: Server, make: MakeProject, given: str, meant: str | None
) -> None:
    """A suggestion that is taken lets go of a record: nearness of another kind, or of few letters, is no reason."""
    place = make({"crm.yaml": "accounts: {solo: {fields: {$name: Solo}}, note: {fields: {$name: Note}}}\n"})
    place.apply()
    run = place.lfsync("state", "rm", given, expect=1)
    assert f"{given} is not in the state" in run.err
    assert ("did you mean" in run.err) == (meant is not None)
    assert meant is None or f"did you mean `{meant}`?" in run.err
