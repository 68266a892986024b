"""Completion in a shell (design.md, section 8): asked as bash, zsh and fish ask, through the environment."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from lfsync.kinds import KINDS
from tests.e2e.rig import LFSYNC, TIMEOUT, Project, clean_environment

SETTINGS = "version: 1\ndefault_workspace: prod\nexclude: [drafts/]\nworkspaces: {prod: {}, rehearsal: {sandbox: {}}}\n"
FILES = {
    "lfsync.yaml": SETTINGS,
    "crm/accounts.yaml": "accounts:\n  acme: {fields: {$name: Acme}}\n  åre: {fields: {$name: Åre}}\n",
    "crm/more.yaml": "objects: {project: {apollo.11: {match: [name], fields: {name: Apollo}}}}\ntasks: {call: }\n",
    "drafts/x.yaml": "accounts: {draft: {fields: {$name: Draft}}}\n",
    "broken.yaml": "accounts: {",
    ".lfsync/state/prod.jsonl": '{"lfsync_state": 1, "salt": "0123456789", "ids": []}\n'
    '{"address": "account.row-1", "id": "acc_1", "origin": "adopted"}\n'
    '{"address": "account.acme", "id": "acc_2", "origin": "adopted"}\n'
    '{"address": "account.\\u001b[31m", "id": "acc_4", "origin": "adopted"}\n{"address": 7, "id": "acc_5"}\n[1]\n'
    '{"address": "account.gone", "generation": 1, "released": "acc_3", "at": "2026-11-20T08:00:00Z"}\n',
    ".lfsync/definitions/prod.json": json.dumps({"kinds": {"account": {}, "object.vault": {}, "object.": {}}}),
}


@pytest.fixture
def place(tmp_path: Path) -> Project:
    """No key, no network: a request would fail at once."""
    made = Project(tmp_path / "project", clean_environment(LIGHTFIELD_BASE_URL="http://127.0.0.1:9"))
    for name, text in FILES.items():
        made.write(name, text)
    return made


def ask(place: Project, *words: str, shell: str = "bash", cwd: Path | None = None, **env: str) -> list[str]:
    """What a shell offers for the last word."""
    asked = {"_LFSYNC_COMPLETE": f"{shell}_complete", "COMP_WORDS": " ".join(("lfsync", *words))}
    asked["COMP_CWORD"] = words[-1] if shell == "fish" else str(len(words))
    done = subprocess.run(
        [LFSYNC],
        env={**place.env, **asked, **env},
        cwd=cwd or place.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "", "a shell shows it in the middle of the line"
    lines = [line for line in done.stdout.splitlines() if line]
    if shell == "zsh":
        return lines[1::3]
    return [line.partition(",")[2].partition("\t")[0] for line in lines]


def test_commands_options_and_choices(place: Project) -> None:
    assert ask(place, "im") == ["import"]
    assert ask(place, "state", "m") == ["merge", "mv"]
    assert "--from-workspace" in ask(place, "init", "--")
    assert ask(place, "validate", "--format", "") == ["text", "json", "github"]
    assert ask(place, "completion", "") == ["bash", "zsh", "fish"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_workspaces_of_the_settings(place: Project, shell: str) -> None:
    assert ask(place, "-w", "", shell=shell) == ["prod", "rehearsal"]
    assert ask(place, "-w", "re", shell=shell) == ["rehearsal"]


def test_kinds_with_the_types_of_files_and_saved_definitions(place: Project) -> None:
    for command in ("import", "definitions"):
        assert set(ask(place, command, "")) == {*KINDS, "object.project", "object.vault"}
    assert ask(place, "import", "account", "con") == ["contact"]


@pytest.mark.parametrize("before", [["plan", "--only"], ["apply", "--exclude"], ["accept"]])
def test_patterns_are_kinds_and_addresses_of_files_and_state(place: Project, before: list[str]) -> None:
    assert ask(place, *before, "acc") == ["account", "account.acme", "account.row-1", "account.åre"]
    assert ask(place, *before, "object.p") == ["object.project", "object.project.apollo.11"]
    assert ask(place, *before, "account.å") == ["account.åre"]


def test_addresses(place: Project) -> None:
    """`state` takes what is bound; what was let go of and what is excluded is offered nowhere."""
    assert ask(place, "explain", "") == [
        "account.acme", "account.row-1", "account.åre", "object.project.apollo.11", "task.call"
    ]  # fmt: skip
    for command in (["show"], ["rm"], ["mv"]):
        assert ask(place, "state", *command, "") == ["account.acme", "account.row-1"]
    assert ask(place, "state", "mv", "account.row-1", "account.å") == ["account.åre"]


def test_another_folder_and_workspace_are_those_of_the_line_so_far(place: Project) -> None:
    assert ask(place, "-C", str(place.folder), "explain", "task", cwd=place.folder.parent) == ["task.call"]
    assert ask(place, "explain", "task", cwd=place.folder / "crm") == ["task.call"], "looked for upwards"
    assert ask(place, "-w", "rehearsal", "state", "show", "") == []
    assert ask(place, "state", "show", "", LFSYNC_WORKSPACE="rehearsal") == []


def test_what_is_wrong_is_no_business_of_a_shell(place: Project) -> None:
    """Silent: no error, no traceback."""
    for words in (["-w", ""], ["explain", ""], ["plan", "--only", ""], ["state", "rm", ""]):
        assert ask(place, "-C", "nowhere", *words) == []
    assert ask(place, "-w", "nowhere", "state", "rm", "") == []
    assert ask(place, "-w", "nowhere", "explain", "task") == ["task.call"], "files are there, whichever workspace"
    assert ask(place, "explain", "", cwd=place.folder.parent) == []
    place.write(".lfsync/state/prod.jsonl", b"<<<<<<< ours\n\xff")
    place.write(".lfsync/definitions/prod.json", "[")
    assert ask(place, "explain", "task") == ["task.call"]
    place.write("lfsync.yaml", "version: [")
    assert ask(place, "explain", "") == []


def test_a_big_project_is_no_wait(place: Project) -> None:
    """Rows and huge files are not read: what is bound is in the state, and that is read at once."""
    lines = [f'{{"address": "account.c-{n}", "id": "acc_{n}", "origin": "adopted"}}' for n in range(20_000)]
    place.write(".lfsync/state/prod.jsonl", "\n".join(lines))
    place.write("crm/zz.yaml", "accounts:\n" + "".join(f"  d-{n}: {{fields: {{$name: D}}}}\n" for n in range(50_000)))
    before = os.times()
    assert ask(place, "explain", "account.c-1999") == ["account.c-1999", *(f"account.c-1999{n}" for n in range(10))]
    assert os.times().children_user - before.children_user < 2
    assert len(ask(place, "explain", "")) == 500


def test_bash_completes_with_the_script_that_is_printed(place: Project) -> None:
    script = """
        source <(lfsync completion bash)
        complete -p lfsync
        COMP_WORDS=(lfsync explain account.a); COMP_CWORD=2
        _lfsync_completion lfsync
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    env = {**place.env, "PATH": f"{LFSYNC.parent}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", "--norc", "-c", script]
    done = subprocess.run(
        command, env=env, cwd=place.folder, capture_output=True, text=True, timeout=TIMEOUT, check=True
    )
    assert done.stderr == ""
    first, *offered = done.stdout.splitlines()
    assert first.endswith("_lfsync_completion lfsync")
    assert offered == ["account.acme"]


@pytest.mark.parametrize(("shell", "says"), [("bash", "complete "), ("zsh", "#compdef lfsync"), ("fish", "complete ")])
def test_the_script_goes_to_stdout_and_needs_no_project(tmp_path: Path, shell: str, says: str) -> None:
    run = Project(tmp_path / "nowhere").lfsync("completion", shell)
    assert says in run.out
    assert "_LFSYNC_COMPLETE" in run.out
    assert run.err == ""


def test_another_shell_is_a_mistake(tmp_path: Path) -> None:
    assert "bash" in Project(tmp_path).lfsync("completion", "csh", expect=1).err
