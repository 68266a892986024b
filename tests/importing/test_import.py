"""`lfsync import` on the command line (design.md, section 13; rule V1)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from lfsync.project.documents import parse
from tests.e2e.rig import LFSYNC, Project, Server, project, read_until, serving
from tests.effort import size

SEED = """\
members:
  - {ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}
  - {ref: mia, email: mia@corp.example, first: Mia, last: Okoye}
definitions:
  account:
    fields:
      tier: {type: SINGLE_SELECT, label: Tier, options: [Gold, Silver]}
      about: {type: MARKDOWN, label: About}
  opportunity: {stages: [Open, Won]}
objects: {project: {label: Project, fields: {name: {type: TEXT, label: Name}}}}
records:
  accounts:
    - {ref: acme, fields: {$name: Acme Solar, tier: Gold, about: "# A\\n\\nb\\n\\nc"}, relationships: {$owner: kai}}
    - {ref: twin, fields: {$name: Twin}}
    - {fields: {$name: Twin}}
    - {fields: {$name: "!!!"}}
    - {fields: {$name: Gone}, trashed: true}
  contacts:
    - {ref: ada, fields: {$name: {firstName: Ada}, $email: [ada@acme.example]}, relationships: {$account: [acme]}}
  tasks:
    - {fields: {$title: Call, $status: TODO}, relationships: {$account: acme, $assignedTo: kai}}
    - {fields: {$title: Mail, $status: TODO}, relationships: {$account: twin, $assignedTo: mia}}
  lists: [{fields: {$name: Targets, $objectType: $account}, members: [acme, twin]}]
  object.project: [{fields: {name: Apollo}}]
"""


def declared(place: Project, name: str) -> dict[str, dict[str, object]]:
    data = parse((place.folder / name).read_text(), name).data
    assert isinstance(data, dict)
    (section,) = data.values()
    return section  # type: ignore[return-value]


def test_the_first_day_is_one_command(place: Project) -> None:
    run = place.lfsync("import", "--all")
    assert "Imported 9 records." in run.out
    place.plan(expect=0)
    accounts = declared(place, "accounts.yaml")
    assert set(accounts) >= {"acme-solar", "twin", "twin-2"}, "slugs of the match value"
    assert "gone" not in accounts, "active records only"
    acme = accounts["acme-solar"]
    assert acme["fields"] == {
        "$name": "Acme Solar",
        "tier": "Gold",
        "about": {"file": "accounts/acme-solar.about.md"},
    }, "options by label, long texts in files, nothing that was never set"
    assert acme["relationships"] == {"$owner": "kai@corp.example"}
    assert "id" not in acme
    assert "id" in accounts["twin"]
    assert "id" in accounts["twin-2"]
    assert declared(place, "contacts.yaml")["ada@acme.example"]["relationships"] == {"$account": ["acme-solar"]}
    assert declared(place, "lists.yaml")["targets"]["members"] == {"include": ["acme-solar", "twin"]}
    assert declared(place, "object.project.yaml") == {
        "project": {"apollo": {"match": ["name"], "fields": {"name": "Apollo"}}}
    }


def test_a_second_import_takes_only_what_came_since(crm: Server, place: Project) -> None:
    place.lfsync("import", "account", "contact")
    before = {path.name: path.read_bytes() for path in place.folder.glob("*.yaml")}
    assert "Nothing to import." in place.lfsync("import", "account", "contact").out
    assert before == {path.name: path.read_bytes() for path in place.folder.glob("*.yaml")}
    place.lfsync("import", "task")
    assert {path.name for path in place.folder.glob("*.yaml")} == {*before, "tasks.yaml"}
    assert declared(place, "tasks.yaml")["call"]["relationships"] == {
        "$assignedTo": "kai@corp.example",
        "$account": "acme-solar",
    }


def test_what_is_not_imported_is_named_by_a_match_where_it_hits_once(place: Project) -> None:
    place.lfsync("import", "task")
    tasks = declared(place, "tasks.yaml")
    assert tasks["call"]["relationships"]["$account"] == {"match": {"$name": "Acme Solar"}}  # type: ignore[index]
    twin = tasks["mail"]["relationships"]["$account"]  # type: ignore[index]
    assert twin.startswith("acc_"), "two accounts have this name"
    assert f"$account: {twin}  # Twin" in (place.folder / "tasks.yaml").read_text()
    place.plan(expect=0)


def test_a_file_that_is_there_keeps_every_byte(place: Project) -> None:
    own = b"# mine\naccounts:\n    mine:   # four columns\n        fields: {$name: 'Acme Solar'}\n\nx-own: {a: 1}\n"
    own = own.replace(b"\n", b"\r\n")
    place.write("accounts.yaml", own)
    place.lfsync("import", "account")
    text = (place.folder / "accounts.yaml").read_bytes()
    head, tail = own.split(b"\r\n\r\nx-own")
    assert text.startswith(head)
    assert text.endswith(b"x-own" + tail)
    assert b"\n    twin:\r\n" in text, "as deep as what stands there"
    assert b"\n" not in text.replace(b"\r\n", b"")
    assert b"acme-solar" not in text, "what a declared resource finds is managed"
    assert [c["address"] for c in place.plan()["changes"]] == ["account.mine"], "the user's own is still to be adopted"


def test_a_file_of_another_form_is_left_alone(place: Project) -> None:
    place.write("accounts.yaml", "accounts: {mine: {fields: {$name: Acme Solar}}}\n")
    place.lfsync("import", "account")
    assert (place.folder / "accounts.yaml").read_text() == "accounts: {mine: {fields: {$name: Acme Solar}}}\n"
    assert "twin" in declared(place, "accounts-2.yaml")


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (["tier=Gold"], ["acme-solar"]),
        (["tier=gold"], ["acme-solar"]),
        (["$owner=kai@corp.example"], ["acme-solar"]),
        (["$name=Twin"], ["twin", "twin-2"]),
        (["$name=Twin", "tier=Gold"], []),
    ],
)
def test_where_compares_as_a_match_does(place: Project, where: list[str], found: list[str]) -> None:
    options = [part for each in where for part in ("--where", each)]
    run = place.lfsync("import", "account", *options, "--format", "json", "--dry-run")
    assert [each["address"] for each in run.json()["imported"]] == [f"account.{key}" for key in found]


def test_where_takes_addresses_of_this_project(place: Project) -> None:
    place.lfsync("import", "account", "--where", "tier=Gold")
    for ref in ("acme-solar", "account.acme-solar"):
        run = place.lfsync("import", "task", "--where", f"$account={ref}", "--format", "json", "--dry-run")
        assert [each["address"] for each in run.json()["imported"]] == ["task.call"]


def test_fields_and_limit_and_folder(place: Project) -> None:
    place.lfsync("import", "account", "--field", "tier", "--limit", "1", "--into", "crm")
    (key,) = declared(place, "crm/accounts.yaml")
    assert declared(place, "crm/accounts.yaml")[key] in (
        {"match": {"$name": "Acme Solar"}, "fields": {"tier": "Gold"}},
    ), "the oldest one; only the field that was asked for is managed"
    place.plan(expect=0)


def test_a_list_says_what_it_holds_whatever_is_asked_for(place: Project) -> None:
    """Without `$objectType` a list is no list that a plan takes (design.md, section 3)."""
    run = place.lfsync("import", "list", "--field", "$description")
    assert "Imported 1 record." in run.out
    assert declared(place, "lists.yaml")["targets"]["fields"] == {"$objectType": "$account"}
    assert place.plan(expect=0)["summary"]["unchanged"] == 1


def test_where_takes_what_is_divided_into_parts(place: Project) -> None:
    """The way out that its own message tells is one (promise 5)."""
    assert "Nothing to import." in place.lfsync("import", "contact", "--where", "$name={firstName: Eve}").out
    assert "Imported 1 record." in place.lfsync("import", "contact", "--where", "$name={firstName: Ada}").out


def test_into_an_absolute_path_of_the_project(place: Project) -> None:
    place.lfsync("import", "account", "--into", f"{place.folder.resolve()}/crm")
    assert "{file: crm/accounts/acme-solar.about.md}" in (place.folder / "crm/accounts.yaml").read_text()
    assert place.plan(expect=0)["summary"]["unchanged"] == 4


def test_by_id_without_a_kind(place: Project) -> None:
    place.lfsync("import", "task", "--where", "$title=Call")
    id = place.ids()["task.call"]
    place.lfsync("state", "rm", "task.call")
    (place.folder / "tasks.yaml").unlink()
    run = place.lfsync("import", "--id", id, "--format", "json")
    assert run.json()["imported"] == [{"address": "task.call", "id": id}]


def test_dry_run_writes_nothing(place: Project) -> None:
    run = place.lfsync("import", "--all", "--dry-run")
    assert "would write accounts.yaml: 4 resources" in run.out
    assert "$name: Acme Solar" in run.out
    assert [path.name for path in place.folder.iterdir()] == ["lfsync.yaml"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["account", "--where", "=Acme"], "shell"),
        (["account", "--where", "tier"], "KEY=VALUE"),
        (["account", "--where", "teir=Gold"], "`tier`"),
        (["account", "--where", "tier=Glod"], "`Gold`"),
        (["acount"], "`account`"),
        ([], "--all"),
        (["account", "--all"], "--all"),
        (["--id", "acc_nothing"], "acc_nothing"),
        (["account", "--into", ".hidden"], "hidden"),
        (["account", "--into", "../elsewhere"], "outside"),
        (["account", "--into", "/tmp/elsewhere"], "--into: /tmp/elsewhere/accounts.yaml"),
        (["account", "--into", ""], "no folder"),
        (["account", "--into", "--dry-run"], "`--dry-run` is no folder"),
        (["account", "--into", "lfsync.yaml"], "lfsync.yaml is a file"),
        (["account", "--field", "teir"], "did you mean `tier`?"),
        (["account", "--field", "$opportunity"], "`$opportunity` can't be written"),
        (["account", "contact", "--field", "$stage"], "none of account, contact has a field or relationship `$stage`"),
        (["object.projekt"], "did you mean `project`?"),
        (["--id", "mem_1"], "the id of a member"),
        (["--id", ""], "--id is empty"),
    ],
)
def test_mistakes(place: Project, arguments: list[str], said: str) -> None:
    run = place.lfsync("import", *arguments, expect=1)
    assert said in run.err
    assert [path.name for path in place.folder.iterdir()] in (
        ["lfsync.yaml"],
        [".lfsync", "lfsync.yaml"],
        ["lfsync.yaml", ".lfsync"],
    )


def test_a_kind_that_the_key_may_not_read_is_named(crm: Server, place: Project) -> None:
    limited = place.elsewhere(LIGHTFIELD_API_KEY="sk_lf_scopes_accounts:read,members:read")
    run = limited.lfsync("import", "--all")
    assert "may not read contact" in run.out
    assert "Imported 4 records." in run.out


def test_killed_anywhere_files_and_state_agree(crm: Server, tmp_path: Path) -> None:
    """Whatever is there is whole; the next import goes on, and the next plan is empty. Each step: test_kills.py."""
    for number in range(size(2, 8)):
        place = project(tmp_path / f"p{number}", crm.url, {})
        command: list[str | Path] = [LFSYNC, "-C", place.folder, "import", "--all"]
        process = subprocess.Popen(command, env=dict(place.env), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(0.4 + number * size(20, 5) / 100)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        if list(place.folder.glob("*.yaml")) != [place.folder / "lfsync.yaml"]:
            assert place.plan(expect=None)["summary"]["create"] == 0  # type: ignore[arg-type]
        place.lfsync("import", "--all", expect=None)
        plan = place.lfsync("plan", "--format", "json", expect=None).json()
        assert {change["action"] for change in plan["changes"]} <= {"adopt"}


def test_json(place: Project) -> None:
    run = place.lfsync("import", "account", "--format", "json")
    told = json.loads(run.out)
    assert told["files"] == [{"file": "accounts.yaml", "resources": 4}]
    assert told["texts"] == ["accounts/acme-solar.about.md"]


def test_of_files_nothing_is_said_where_there_are_none(place: Project) -> None:
    """Design 16: `import` takes files with --download only."""
    assert "--download" not in place.lfsync("import", "--all").text


def test_a_name_that_goes_on_and_on_is_cut_on_a_terminal_alone(tmp_path: Path) -> None:
    """Rule P2: into a pipe nothing is cut. Of a line that is left, id, reason and link can still be read."""
    seed = tmp_path / "seed.yaml"
    seed.write_text(
        "members: [{ref: kai, email: kai@corp.example, role: admin}]\n"
        f"files: [{{filename: {'a' * 250}.txt, content: hello}}]\n"
    )
    with serving(seed) as server:
        place = project(tmp_path / "p", server.url, {"files": "in the way"})
        arguments = ("import", "file", "--download")
        assert "a" * 250 in place.lfsync(*arguments, expect=3).out
        shown = _on_terminal(place, *arguments)
    assert "left: fil_" in shown
    assert " more characters … " in shown
    assert "a" * 100 not in shown
    assert "files/ can't be written" in shown


def _on_terminal(place: Project, *arguments: str) -> str:
    """What a command prints on a terminal."""
    ours, theirs = os.openpty()
    with subprocess.Popen([LFSYNC, "-C", place.folder, *arguments], env=dict(place.env), stdout=theirs):
        os.close(theirs)
        said = read_until(ours, None)
    os.close(ours)
    return said
