"""`lfsync init --from-workspace`: the first day with a workspace that is in use (design.md, sections 8, 12 and 14)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.rig import KEY, LFSYNC, Project, Server, clean_environment

SEED = """\
members: [{ref: kai, email: kai@corp.example, first: Kai, last: Berg, role: admin}]
definitions:
  account: {fields: {tier: {type: SINGLE_SELECT, label: Tier, options: [Gold, Silver]}}}
objects: {project: {label: Project, fields: {name: {type: TEXT, label: Name}}}}
records:
  accounts:
    - {ref: acme, fields: {$name: Acme Solar, tier: Gold}, relationships: {$owner: kai}}
    - {fields: {$name: Birch Energy}}
  contacts: [{fields: {$name: {firstName: Ada}, $email: [ada@acme.example]}, relationships: {$account: [acme]}}]
"""
MADE = [
    "lfsync.yaml",
    ".gitignore",
    ".lfsync/definitions/prod.json",
    ".lfsync/schemas/prod/resources.json",
    ".lfsync/schemas/prod/lfsync.json",
]


@pytest.fixture
def place(unwritten: Server, tmp_path: Path) -> Project:
    """A folder that is not there yet; nothing is ever written to Lightfield."""
    return Project(tmp_path / "new", clean_environment(LIGHTFIELD_BASE_URL=unwritten.url, LIGHTFIELD_API_KEY=KEY))


def test_four_commands_adopt_a_workspace(place: Project, crm: Server) -> None:
    """Issue 8: a stranger can adopt a workspace with four commands. The address is remembered, the key is not."""
    run = place.lfsync("init", "--from-workspace")
    assert [line for line in run.out.splitlines() if line.startswith("wrote")] == [f"wrote {name}" for name in MADE]
    last = [line.strip().split("  ")[0] for line in run.out.splitlines()[-3:]]
    assert last == [
        f"lfsync -C {place.folder} import --all",
        f"lfsync -C {place.folder} plan",
        "git add . and git commit",
    ]
    assert not list(place.folder.glob("*accounts*")), "nothing is imported"

    settings = (place.folder / "lfsync.yaml").read_text()
    assert f"base_url: {crm.url}" in settings
    remembered = place.elsewhere()
    env = {name: value for name, value in remembered.env.items() if name != "LIGHTFIELD_BASE_URL"}
    later = Project(place.folder, env)
    assert "Imported 3 records." in later.lfsync("import", "--all").out
    later.plan(expect=0)
    assert "definitions of `prod` saved today" in later.lfsync("validate").out
    later.lfsync("definitions", "--check")
    for path in place.folder.rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes()


def test_files_that_lfsync_writes_tell_editors_their_schema(place: Project) -> None:
    """Section 14: relative to the file, so that it holds in every clone."""
    place.lfsync("init", "--from-workspace")
    place.lfsync("import", "account", "--into", "crm/all")
    place.lfsync("import", "contact")
    for name in ("lfsync.yaml", "crm/all/accounts.yaml", "contacts.yaml"):
        first = (place.folder / name).read_text().splitlines()[0]
        said, _, schema = first.partition("=")
        assert said == "# yaml-language-server: $schema"
        document = json.loads(((place.folder / name).parent / schema).read_text())
        assert ("default_workspace" in document["properties"]) == (name == "lfsync.yaml")
    place.plan(expect=0)


def test_a_plain_init_tells_editors_too(tmp_path: Path) -> None:
    """Section 14. What is known of every workspace, until the definitions of this one are saved."""
    new = Project(tmp_path, clean_environment(), "sandbox")
    assert "wrote .lfsync/schemas/sandbox/resources.json" in new.lfsync("init").out
    for name, schema in (("lfsync.yaml", "lfsync"), ("crm.yaml", "resources")):
        said = (new.folder / name).read_text().splitlines()[0]
        assert said == f"# yaml-language-server: $schema=.lfsync/schemas/sandbox/{schema}.json"
        assert json.loads((new.folder / said.partition("=")[2]).read_text()) == new.lfsync("schema", schema).json()
    new.lfsync("definitions", "--save")
    assert "tier" in (new.folder / ".lfsync/schemas/sandbox/resources.json").read_text()


def test_what_is_committed_is_enough_for_a_clone_without_a_key(place: Project, tmp_path: Path) -> None:
    place.lfsync("init", "--from-workspace")
    place.lfsync("import", "--all")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t.example", "-C", str(place.folder)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "Adopt"]):
        subprocess.run([*git, *command], check=True)
    subprocess.run(["git", "clone", "-q", str(place.folder), str(tmp_path / "clone")], check=True)
    clone = Project(tmp_path / "clone", clean_environment())
    assert {path.name for path in (clone.folder / ".lfsync").iterdir()} == {
        ".gitignore",
        "definitions",
        "schemas",
        "state",
    }
    clone.lfsync("validate")
    (clone.folder / "accounts.yaml").write_text("accounts: {acme: {fields: {$name: Acme, teir: Gold}}}\n")
    assert "account has no field `teir`" in clone.lfsync("validate", expect=1).err


def test_states_are_merged_by_address_from_now_on(place: Project) -> None:
    """Rule M2, as a plain `init`."""
    place.folder.mkdir()
    subprocess.run(["git", "init", "-q", place.folder], check=True)
    assert "wrote .gitattributes" in place.lfsync("init", "--from-workspace").out
    command = ["git", "-C", str(place.folder), "config", "merge.lfsync.driver"]
    driver = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert driver.startswith("lfsync state merge")
    assert "merge=lfsync" in (place.folder / ".gitattributes").read_text()


@pytest.mark.parametrize("how", ["-w", "LFSYNC_WORKSPACE"])
def test_the_workspace_has_the_name_that_it_is_given(place: Project, how: str) -> None:
    named = place if how == "-w" else place.elsewhere(LFSYNC_WORKSPACE="2024")
    named.lfsync(*(["-w", "2024"] if how == "-w" else []), "init", "--from-workspace")
    assert (place.folder / ".lfsync/definitions/2024.json").exists()
    place.lfsync("definitions", "--check")


@pytest.mark.parametrize("name", ["", "../x", "a b", "a.b", "-x", "x" * 65])
def test_a_name_that_none_can_be_is_refused(place: Project, name: str) -> None:
    run = place.lfsync("-w", name, "init", "--from-workspace", expect=1)
    assert "can't be the name of a workspace" in run.err
    assert not place.folder.exists()


def test_a_project_that_is_there_is_refused_before_anything_is_asked(place: Project, crm: Server) -> None:
    place.write("lfsync.yaml", "mine")
    assert "lfsync.yaml is there already" in place.lfsync("init", "--from-workspace", expect=1).err
    assert (place.folder / "lfsync.yaml").read_text() == "mine"
    assert crm.log() == []


@pytest.mark.parametrize(
    ("env", "code", "told"),
    [
        ({"LIGHTFIELD_API_KEY": ""}, 1, "LIGHTFIELD_API_KEY"),
        ({"LIGHTFIELD_API_KEY": "wrong"}, 1, "not accepted"),
        ({"LIGHTFIELD_BASE_URL": ""}, 1, "LIGHTFIELD_BASE_URL is set, but empty"),
        ({"LIGHTFIELD_BASE_URL": "ftp://x"}, 1, "LIGHTFIELD_BASE_URL can't be used"),
    ],
)
def test_what_fails_leaves_nothing_behind(place: Project, env: dict[str, str], code: int, told: str) -> None:
    """So that it can be tried again with the right key."""
    assert told in place.lfsync("init", "--from-workspace", expect=code, env=env).err
    assert not place.folder.exists()
    place.lfsync("init", "--from-workspace")


def test_a_key_of_few_rights_makes_a_project_of_what_it_may_read(place: Project) -> None:
    few = place.elsewhere(LIGHTFIELD_API_KEY="sk_lf_scopes_accounts:read,members:read")
    run = few.lfsync("init", "--from-workspace")
    assert "This key may not read contact, " in run.err
    saved = json.loads((place.folder / MADE[2]).read_text())
    assert list(saved["kinds"]) == ["account"]
    assert "object.*" in saved["missing"]


def test_other_files_of_the_folder_stay(place: Project) -> None:
    place.write(".gitignore", "node_modules/")
    place.write("README.md", "mine")
    place.lfsync("init", "--from-workspace")
    assert (place.folder / ".gitignore").read_text().startswith("node_modules/\n")
    assert (place.folder / "README.md").read_text() == "mine"


def test_lfsync_never_looks_up(place: Project) -> None:
    """Rule C17: a project above is another project."""
    outer = Project(place.folder.parent, place.env)
    outer.write("lfsync.yaml", "version: 1\nworkspaces: {prod: {}}\n")
    place.folder.mkdir()
    command = [str(LFSYNC), "init", "--from-workspace"]
    done = subprocess.run(command, cwd=place.folder, env=dict(place.env), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (place.folder / "lfsync.yaml").exists()
    assert not (outer.folder / ".lfsync").exists()
