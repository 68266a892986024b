"""`lfsync definitions`, its saved copy, and `validate` with it (design.md, sections 8 and 14; rule V3)."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from lfsync.api.client import Client, ClientSettings
from lfsync.kinds import ANY_TYPE
from lfsync.planning.live_schema import read_answers
from lfsync.planning.saved_definitions import Answers
from tests.e2e.rig import KEY, Project, Run, Server

SEED = """\
members:
  - {ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}
  - {ref: mia, email: mia@corp.example, first: Mia, last: Okoye}
definitions:
  account:
    fields:
      tier: {type: SINGLE_SELECT, label: Tier, options: [Gold, Silver]}
      score: {type: NUMBER, label: Score}
      regions:
        type: MULTI_SELECT
        label: Regions
        options: [Lower Saxony, Upper Austria, South Holland, West Flanders, East Sussex, North Jutland, Île-de-France]
  opportunity: {stages: [Open, Won]}
objects: {project: {label: Project, fields: {name: {type: TEXT, label: Name}}}}
records:
  accounts: [{ref: secret, fields: {$name: Secret Account Name}}]
"""
FILE = ".lfsync/definitions/prod.json"
SCHEMAS = [".lfsync/schemas/prod/resources.json", ".lfsync/schemas/prod/lfsync.json"]
_KINDS = ("accounts", "contacts", "opportunities", "tasks", "notes", "meetings", "lists", "files")
NO_OBJECTS = "sk_lf_scopes_" + ",".join(f"{kind}:read" for kind in (*_KINDS, "members"))
GOOD = "accounts: {a: {fields: {$name: A, tier: Gold}, relationships: {$owner: kai@corp.example}}}\n"
FILES = {"crm.yaml": GOOD}
BAD = "accounts: {a: {fields: {$name: A, tier: Glod, teir: Gold}, relationships: {$owner: eve@corp.example}}}\n"


@pytest.fixture
def saved(place: Project, crm: Server) -> Project:
    """A project with a saved copy."""
    place.lfsync("definitions", "--save")
    crm.forget()
    return place


def no_key(place: Project) -> Project:
    """As in the CI of a fork: no key, no address."""
    env = {key: value for key, value in place.env.items() if not key.startswith("LIGHTFIELD_")}
    return Project(place.folder, env, place.workspace)


def edit(place: Project, change: Callable[[dict[str, Any]], object]) -> None:
    path = place.folder / FILE
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def messages(run: Run) -> list[str]:
    return [problem["message"] for problem in run.json()["problems"]]


# ---------------------------------------------------------------- show


def test_definitions_show_what_there_is(place: Project) -> None:
    text = place.lfsync("definitions").out
    rows = {line.split()[0]: line for line in text.splitlines() if line}
    for name in ("account", "contact", "opportunity", "task", "meeting", "note", "list", "file", "object.project"):
        assert rows[name] == name
    assert '"Tier"' in rows["tier"]
    assert "Gold, Silver" in rows["tier"]
    assert rows["$accountStatus"].endswith("read only")
    assert "→ one member" in rows["$owner"]
    assert "Kai Berg" in rows["kai@corp.example"]
    assert "Secret" not in text


def test_one_kind_is_shown_alone(place: Project) -> None:
    text = place.lfsync("definitions", "object.project").out
    assert text.splitlines()[0] == "object.project"
    assert "tier" not in text
    assert "members" not in text
    document = place.lfsync("definitions", "--format", "json", "account").json()
    assert list(document["kinds"]) == ["account"]


def test_into_a_pipe_nothing_is_cut_and_on_a_terminal_every_line_fits(place: Project) -> None:
    """Rule P2."""
    from lfsync.planning.saved_definitions import loads
    from lfsync.render.definitions import definitions_text

    piped = place.lfsync("definitions", "account").out
    [regions] = [line for line in piped.splitlines() if line.split()[:1] == ["regions"]]
    assert regions.endswith("East Sussex, North Jutland, Île-de-France")
    place.lfsync("definitions", "--save")
    schema = loads((place.folder / FILE).read_text(), FILE).schema
    rows = definitions_text(schema, (), width=80, color=False).splitlines()
    assert max(map(len, rows)) <= 80
    assert any(row.lstrip().endswith("Île-de-France") and row.startswith(" " * 20) for row in rows)


def test_the_json_is_the_same_document_for_every_workspace(place: Project) -> None:
    document = place.lfsync("definitions", "--format", "json").json()
    assert list(document) == ["kinds", "members", "missing"]
    assert document["missing"] == []
    account = document["kinds"]["account"]
    fields = {field["key"]: field for field in account["fields"]}
    assert list(fields["tier"]) == [
        "key", "label", "id", "description", "type", "writable", "multiple", "unique", "currency", "handle_service",
        "parent_field", "words", "options",
    ]  # fmt: skip
    assert [option["label"] for option in fields["tier"]["options"]] == ["Gold", "Silver"]
    assert not fields["$accountStatus"]["writable"]
    rels = {rel["key"]: rel for rel in account["relationships"]}
    assert list(rels["$owner"]) == ["key", "label", "id", "target", "many", "writable"]
    assert {member["email"] for member in document["members"]} == {"kai@corp.example", "mia@corp.example"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["acount"], "did you mean `account`?"),
        (["object.nope"], "the workspace has no object.nope"),
        (["account", "--save"], "Leave the kinds out"),
        (["--save", "--check"], "Pass one"),
    ],
)
def test_slips(place: Project, arguments: list[str], told: str) -> None:
    assert told in place.lfsync("definitions", *arguments, expect=1).err


def test_a_kind_that_the_key_may_not_read_is_refused_where_it_is_asked_for(place: Project) -> None:
    """design.md, section 8: 4 for a missing scope. Without kinds what can be read is shown, and the rest is named."""
    blind = place.elsewhere(LIGHTFIELD_API_KEY="sk_lf_scopes_accounts:read")
    assert "contacts:read" in blind.lfsync("definitions", "contact", expect=4).err
    run = blind.lfsync("definitions", "--format", "json")
    assert set(run.json()["kinds"]) == {"account", "list", "file"}
    assert run.json()["members"] is None
    assert ANY_TYPE in run.json()["missing"]
    assert "types of custom objects" in run.err


def test_a_project_with_mistakes_or_without_resources_has_definitions_too(place: Project) -> None:
    place.write("crm.yaml", "accounts: {a: {feilds: {}}}\n")
    place.lfsync("definitions", "--save")
    (place.folder / "crm.yaml").unlink()
    place.lfsync("definitions", "--check")


# ---------------------------------------------------------------- 403 on one kind


def _refusing(*paths: str) -> httpx.MockTransport:
    """An API whose definitions are empty, and that refuses some paths though the key has every scope."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path in paths:
            return httpx.Response(403, json={"error": {"type": "forbidden", "message": "no"}})
        if path == "/v1/auth/validate":
            return httpx.Response(200, json={"active": True, "scopes": []})
        if path == "/v1/objects":
            return httpx.Response(200, json={"data": [{"objectType": "project"}, {"objectType": "vault"}]})
        if path.endswith("/definitions"):
            return httpx.Response(200, json={"fieldDefinitions": {}, "relationshipDefinitions": {}})
        return httpx.Response(200, json={"data": [], "totalCount": 0})

    return httpx.MockTransport(answer)


def _answers(*refused: str) -> Answers:
    async def read() -> Answers:
        settings = ClientSettings("https://api.example", KEY, transport=_refusing(*refused))
        async with Client(settings) as client:
            return await read_answers(client, await client.validate())

    return asyncio.run(read())


def test_a_403_concerns_what_was_asked_for_alone() -> None:
    """Whatever the scopes of the key say: a kind, one type, all types, members."""
    assert _answers().missing == ()
    one = _answers("/v1/tasks/definitions", "/v1/objects/vault/definitions")
    assert one.missing == ("task", "object.vault")
    assert "object.project" in one.kinds
    assert _answers("/v1/objects").missing == (ANY_TYPE,)
    assert _answers("/v1/members").members is None
    assert _answers("/v1/members").missing == ()


# ---------------------------------------------------------------- save


def test_what_is_saved_is_made_to_be_committed(place: Project) -> None:
    """Section 4: the .gitignore that lfsync writes leaves out journal, history and sandbox, and nothing of this."""
    run = place.lfsync("definitions", "--save")
    assert run.out.splitlines() == [f"wrote {name}" for name in (FILE, *SCHEMAS)]
    for name in (FILE, *SCHEMAS):
        assert (place.folder / name).stat().st_mode & 0o777 == 0o644
    subprocess.run(["git", "init", "-q", place.folder], check=True)
    command = ["git", "-C", str(place.folder), "check-ignore", FILE, *SCHEMAS, ".lfsync/journal/x"]
    ignored = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert ignored.split() == [".lfsync/journal/x"]
    text = (place.folder / FILE).read_text()
    assert "kai@corp.example" in text
    assert "Berg" not in text
    assert "Secret" not in text
    assert KEY not in text


def test_saving_again_changes_no_byte_and_a_change_keeps_the_rest(place: Project) -> None:
    place.lfsync("definitions", "--save")
    edit(place, lambda file: file.update(saved_at="2026-01-02T03:04:05Z"))
    reformatted = (place.folder / FILE).read_text()
    place.lfsync("definitions", "--save")
    first = (place.folder / FILE).read_text()
    assert first != reformatted
    (place.folder / FILE).write_text(first.replace(json.loads(first)["saved_at"], "2026-01-02T03:04:05Z"))
    old = (place.folder / FILE).read_bytes()
    run = place.lfsync("definitions", "--save")
    assert run.out == "All is as it was saved; nothing was written.\n"
    assert (place.folder / FILE).read_bytes() == old
    assert place.lfsync("definitions", "--save", "--format", "json").json() == {
        "written": [],
        "unchanged": [FILE, *SCHEMAS],
    }
    (place.folder / FILE).write_text(old.decode().replace('"Gold"', '"Glod"'))
    place.lfsync("definitions", "--save")
    after = (place.folder / FILE).read_text().splitlines()
    moved = [line for line in after if line not in old.decode().splitlines()]
    assert len(moved) == 1
    assert "saved_at" in moved[0]


def test_a_damaged_copy_is_the_thing_to_save_over(saved: Project) -> None:
    saved.write(FILE, "<<<<<<< HEAD\n")
    saved.lfsync("definitions", "--save")
    saved.lfsync("definitions", "--check")


def test_a_place_that_can_not_be_written_is_an_error_and_leaves_nothing_half(place: Project) -> None:
    place.write(".lfsync/definitions", "a file where a folder should be")
    run = place.lfsync("definitions", "--save", expect=1)
    assert ".lfsync/definitions/prod.json: it can't be written" in run.err
    assert not (place.folder / SCHEMAS[0]).exists()
    assert (place.folder / ".lfsync/definitions").read_text() == "a file where a folder should be"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_what_only_reads_works_in_a_folder_that_can_not_be_written(saved: Project) -> None:
    """No lock, no temporary file."""
    folders = [saved.folder, saved.folder / ".lfsync", saved.folder / ".lfsync/definitions"]
    for folder in folders:
        folder.chmod(0o555)
    try:
        saved.lfsync("definitions")
        saved.lfsync("definitions", "--check")
        saved.lfsync("validate")
    finally:
        for folder in folders:
            folder.chmod(0o755)


def test_no_lock_is_needed(place: Project) -> None:
    from lfsync.state import lock

    with lock.held(place.folder / ".lfsync/journal/prod.lock", "prod"):
        place.lfsync("definitions", "--save")
        place.lfsync("definitions", "--check")


# ---------------------------------------------------------------- check


def test_check_exits_2_and_names_what_moved(saved: Project) -> None:
    assert saved.lfsync("definitions", "--check").out.startswith("All is as it was saved today")

    def change(file: dict[str, Any]) -> None:
        fields = file["kinds"]["account"]["fieldDefinitions"]
        fields["tier"]["typeConfiguration"]["options"][0]["label"] = "Glod"
        fields["gone"] = fields.pop("score")
        file["members"].pop()

    edit(saved, change)
    run = saved.lfsync("definitions", "--check", expect=2)
    assert run.out.splitlines() == [
        "account.gone: is gone",
        "account.score: is new",
        "account.tier: option `Glod`: label `Glod` → `Gold`",
        "member mia@corp.example: is new",
    ]
    document = saved.lfsync("definitions", "--check", "--format", "json", expect=2).json()
    assert list(document) == ["saved_at", "moved", "not_compared"]
    assert document["moved"][0] == {"where": "account.gone", "what": "is gone"}


def test_check_with_a_key_of_fewer_rights_compares_less_and_says_so(saved: Project) -> None:
    """What the key can't see is not compared, never gone."""
    for key in (NO_OBJECTS, "sk_lf_scopes_accounts:read,members:read"):
        run = saved.lfsync("definitions", "--check", env={"LIGHTFIELD_API_KEY": key})
        assert "types of custom objects" in run.err
        assert "gone" not in run.text
        document = saved.lfsync("definitions", "--check", "--format", "json", env={"LIGHTFIELD_API_KEY": key}).json()
        assert document["moved"] == []
        assert ANY_TYPE in document["not_compared"]
    run = saved.lfsync("definitions", "--check", env={"LIGHTFIELD_API_KEY": "sk_lf_scopes_accounts:read,tasks:read"})
    assert "members" in run.err


def test_check_without_a_copy_says_how_to_make_one(place: Project) -> None:
    assert "lfsync definitions --save" in place.lfsync("definitions", "--check", expect=1).err


def test_a_copy_of_another_organisation_is_refused_with_its_own_way_out(saved: Project) -> None:
    """Rule S1, exit code 4; the hint is about the copy, not about a state file."""
    text = (saved.folder / FILE).read_text()
    saved.write(FILE, text.replace('"ad_', '"ad_0').replace('"mem_', '"mem_0'))
    run = saved.lfsync("definitions", "--check", expect=4)
    assert "what is saved of `prod` belongs to another organisation" in run.err
    assert "lfsync definitions --save" in run.err
    assert "state file" not in run.err
    saved.lfsync("definitions", "--save")
    saved.lfsync("definitions", "--check")


def test_nothing_is_saved_of_another_organisation_than_the_state_is_of(place: Project) -> None:
    """Rule S1: the key is of another workspace than the one that this project manages."""
    place.write(".lfsync/state/prod.jsonl", '{"lfsync_state": 1, "salt": "0123456789", "ids": ["0123456789abcdef"]}\n')
    assert "the state of `prod`" in place.lfsync("definitions", "--save", expect=4).err
    assert not (place.folder / FILE).exists()


@pytest.mark.parametrize("quirk", ["archived-options: listed", "definition-keys: slug"])
def test_what_was_just_saved_has_not_moved_whatever_the_api_answers(quirk: str, tmp_path: Path) -> None:
    """U22, U32."""
    play = Project(tmp_path, no_key(Project(tmp_path)).env, "play")
    play.write("seed.txt", SEED)
    sandbox = f"{{seed: seed.txt, rps: 0, quirks: {{{quirk}}}}}"
    play.write("lfsync.yaml", f"version: 1\nworkspaces: {{play: {{sandbox: {sandbox}}}}}\n")
    play.write("crm.yaml", GOOD)
    play.lfsync("definitions", "--save")
    play.lfsync("definitions", "--check")
    assert "All is as it was saved" in play.lfsync("definitions", "--save").out
    play.lfsync("validate")


# ---------------------------------------------------------------- validate


def test_validate_checks_against_the_copy_without_key_and_network(saved: Project, crm: Server) -> None:
    fork = no_key(saved)
    run = fork.lfsync("validate")
    assert "no problems found in the files and the definitions of `prod` saved today (" in run.out
    saved.write("crm.yaml", BAD)
    run = fork.lfsync("validate", "--format", "json", expect=1)
    assert messages(run) == [
        "`tier`: `Glod` is no option of `tier`",
        "account has no field `teir`",
        "`$owner`: no member `eve@corp.example` in this workspace",
    ]
    assert "against the definitions of `prod` saved today (" in fork.lfsync("validate", expect=1).err
    assert crm.log() == []


def test_validate_takes_the_copy_of_the_workspace_that_is_named(saved: Project) -> None:
    """Rule V3: of -w, else LFSYNC_WORKSPACE, else the default; another workspace's copy says nothing."""
    saved.write("crm.yaml", BAD)
    saved.lfsync("validate", expect=1)
    assert "no problems found in the files;" in saved.lfsync("-w", "play", "validate").out
    assert "no problems found in the files;" in saved.lfsync("validate", env={"LFSYNC_WORKSPACE": "play"}).out
    saved.write("lfsync.yaml", "version: 1\nworkspaces: {prod: {}, play: {sandbox: {}}}\n")
    assert "no problems found in the files;" in saved.lfsync("validate").out
    assert "no problems found in the files;" in saved.lfsync("validate", env={"LFSYNC_WORKSPACE": ""}).out
    saved.lfsync("-w", "prod", "validate", expect=1)
    assert "there is no workspace `prd`" in saved.lfsync("-w", "prd", "validate", expect=1).err


def test_online_and_plan_take_no_notice_of_the_copy(saved: Project) -> None:
    """Rule V3; not even of a damaged one."""
    edit(saved, lambda file: file["kinds"]["account"]["fieldDefinitions"].pop("tier"))
    assert "account has no field `tier`" in saved.lfsync("validate", expect=1).err
    assert "no problems found in the files and the live definitions" in saved.lfsync("validate", "--online").out
    saved.plan()
    saved.write(FILE, "{")
    saved.lfsync("validate", "--online")
    saved.plan()


def test_a_damaged_copy_is_told_together_with_the_mistakes_of_the_files(saved: Project) -> None:
    """Rule C2."""
    saved.write(FILE, "<<<<<<< HEAD\n")
    saved.write("crm.yaml", "accounts: {a: {fields: {$nmae: A}, feilds: {}}}\n")
    run = saved.lfsync("validate", expect=1)
    assert f"{FILE}:1: the saved definitions can't be read: git left a conflict in it" in run.err
    assert "lfsync definitions --save" in run.err
    assert "`feilds`" in run.err
    saved.write(FILE, b"\xff\xfe\x00")
    assert "it is no text" in saved.lfsync("validate", expect=1).err
    (saved.folder / FILE).unlink()
    (saved.folder / FILE).mkdir()
    assert FILE in saved.lfsync("validate", expect=1).err


def test_only_what_the_copy_lacks_goes_unchecked_and_is_named(place: Project) -> None:
    """Rule V3: saved with a key that may not read custom objects, it still says all about accounts."""
    place.elsewhere(LIGHTFIELD_API_KEY=NO_OBJECTS).lfsync("definitions", "--save")
    objects = "objects: {project: {apollo: {fields: {name: Apollo, any: 1}, match: [name]}}}\n"
    place.write("crm.yaml", GOOD + objects)
    run = no_key(place).lfsync("validate")
    assert "Not checked" in run.err
    assert "object.project" in run.err
    assert "account" not in run.err
    assert "the definitions of `prod` saved today (" in run.out
    place.write("crm.yaml", BAD + objects)
    run = no_key(place).lfsync("validate", expect=1)
    assert "account has no field `teir`" in run.err
    assert "object.project" in run.err
    place.write("crm.yaml", GOOD)
    assert no_key(place).lfsync("validate").err == ""


def test_a_type_that_the_copy_knows_not_to_exist_is_a_mistake_and_not_unchecked(saved: Project) -> None:
    saved.write("crm.yaml", "objects: {projct: {apollo: {fields: {name: Apollo}, match: [name]}}}\n")
    run = no_key(saved).lfsync("validate", expect=1)
    assert "no custom object type `projct`" in run.err
    assert "did you mean `project`?" in run.err
    assert "Not checked" not in run.err


def test_members_that_nobody_could_read_are_not_checked_and_named(place: Project) -> None:
    key = "sk_lf_scopes_" + ",".join(f"{kind}:read" for kind in (*_KINDS, "custom_objects"))
    place.elsewhere(LIGHTFIELD_API_KEY=key).lfsync("definitions", "--save")
    place.write("crm.yaml", GOOD.replace("kai@", "eve@"))
    run = no_key(place).lfsync("validate")
    assert "Not checked" in run.err
    assert "members" in run.err


# ---------------------------------------------------------------- schema


def test_the_schema_knows_the_workspace_where_its_definitions_are_saved(saved: Project) -> None:
    """Section 14; what is written for editors is the same."""
    fork = no_key(saved)
    schema = fork.lfsync("schema", "resources").json()
    assert "tier" in schema["definitions"]["account.fields"]["properties"]
    assert schema == json.loads((saved.folder / SCHEMAS[0]).read_text())
    saved.write("lfsync.yaml", "version: [")
    assert fork.lfsync("schema", "lfsync").json()["title"] == "lfsync.yaml"
    saved.write("lfsync.yaml", "version: 1\nworkspaces: {prod: {}}\n")
    (saved.folder / FILE).unlink()
    assert "tier" not in json.dumps(fork.lfsync("schema", "resources").json())
