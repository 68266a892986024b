"""Where a plan is saved, and where a project keeps its own: rules C13, C17 and P4."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeProject
from tests.e2e.rig import LFSYNC, TIMEOUT, Project, Server, project

_FILES = {
    "crm.yaml": "accounts: {new: {fields: {$name: New of the places}}}\n"
    "notes: {n: {fields: {$title: N, $content: {file: notes/n.md}}, relationships: {$account: [new]}}}\n"
    "sources: [{kind: account, file: data/rows.csv, key: Id, fields: {$name: Name}}]\n",
    "notes/n.md": "# A note\n",
    "data/rows.csv": "Id,Name\n1,Company of the places\n",
    ".git/config": "[core]\n",
    ".lfsync/state/.keep": "",
    "here/.keep": "",
}


@pytest.fixture
def place(untouched: Server, tmp_path: Path) -> Project:
    return project(tmp_path / "p", untouched.url, _FILES)


def _everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its mode and bytes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        data = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (path.lstat().st_mode, data)
    return found


# ---------------------------------------------------------------- -o


@pytest.mark.parametrize(
    "arguments",
    [
        ["-o", "--detailed-exitcode"],
        ["-o", "-"],
        ["-out=x"],
        ["-o=x"],
        ["--out", "-x"],
        ["--out=ut=x"],
        ["-o", ""],
        ["-o", "."],
        ["-o", "lfsync.yaml"],
        ["-o", "here/../lfsync.yaml"],
        ["-o", "crm.yaml"],
        ["-o", "notes/n.md"],
        ["-o", "data/rows.csv"],
        ["-o", "a-link-to-rows"],
        ["-o", "link-to-data/rows.csv"],
        ["-o", ".lfsync/plan.json"],
        ["-o", ".lfsync/state/prod.jsonl"],
        ["-o", ".git/config"],
        ["-o", ".git/hooks"],
        ["-o", "link-to-git/x"],
        ["-o", "here/new.yaml"],
        ["-o", "no/such/folder/x"],
        ["-o", "crm.yaml/x"],
        ["-o", "/dev/full"],
    ],
    ids=" ".join,
)
def test_rule_c17_a_wrong_place_is_refused_and_nothing_is_touched(place: Project, arguments: list[str]) -> None:
    (place.folder / "a-link-to-rows").symlink_to("data/rows.csv")
    (place.folder / "link-to-data").symlink_to("data")
    (place.folder / "link-to-git").symlink_to(".git")
    before = _everything(place.folder.parent)
    run = place.lfsync("plan", *arguments, expect=1, cwd=place.folder)
    assert run.out == ""
    assert run.err
    assert _everything(place.folder.parent) == before


def test_out_is_o(place: Project) -> None:
    place.lfsync("plan", "--out", "my.json", cwd=place.folder / "here")
    assert json.loads((place.folder / "here" / "my.json").read_text())["changes"]


def test_rule_c13_o_and_plan_are_relative_to_where_the_user_stands(place: Project) -> None:
    here = place.folder / "here"
    place.lfsync("plan", "-o", "my.plan.json", cwd=here)
    assert (here / "my.plan.json").is_file()
    assert place.lfsync("show", "my.plan.json", cwd=here).out
    assert place.lfsync("show", "my.plan.json", cwd=place.folder, expect=1).err


def test_onto_a_link_it_writes_through(place: Project) -> None:
    kept = place.write("../kept/yesterday.json", "older")
    kept.chmod(0o644)
    (place.folder / "latest.json").symlink_to("../kept/yesterday.json")
    (place.folder / "next.json").symlink_to("../kept/tomorrow.json")
    for name in ("latest.json", "next.json"):
        place.lfsync("plan", "-o", name, cwd=place.folder)
        assert (place.folder / name).is_symlink()
        real = (place.folder / name).resolve()
        assert json.loads(real.read_text())["changes"]
        assert stat.S_IMODE(real.stat().st_mode) == 0o600, "a plan holds personal data"
    assert sorted(path.name for path in kept.parent.iterdir()) == ["tomorrow.json", "yesterday.json"]


@pytest.mark.parametrize("device", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("into", ["a pipe", "a file"])
def test_onto_stdout_it_writes_there(place: Project, tmp_path: Path, device: str, into: str) -> None:
    out = tmp_path / "out"
    command = f"{LFSYNC} -C {place.folder} plan -o {device} {'| cat' if into == 'a pipe' else ''} > {out}"
    subprocess.run(["bash", "-c", command], env=dict(place.env), timeout=TIMEOUT, check=True)
    plan, rest = json.JSONDecoder().raw_decode(out.read_text())
    assert plan["changes"]
    assert "Plan for prod" in out.read_text()[rest:], "the text comes after it, over nothing"


def test_onto_a_device_or_a_pipe_it_writes_and_replaces_nothing(place: Project, tmp_path: Path) -> None:
    place.lfsync("plan", "-o", "/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as cat:
        place.lfsync("plan", "-o", pipe)
        assert json.loads(cat.communicate(timeout=TIMEOUT)[0])["changes"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_plan_that_fails_leaves_the_older_one(place: Project) -> None:
    older = place.write("my.json", "older")
    place.elsewhere(LIGHTFIELD_BASE_URL="http://127.0.0.1:9").lfsync("plan", "-o", older, expect=1)
    assert older.read_text() == "older"


# ---------------------------------------------------------------- a checkout that can't be written


@pytest.fixture
def read_only(place: Project) -> Iterator[Project]:
    folders = [path for path in (place.folder, *place.folder.rglob("*")) if path.is_dir()]
    for folder in folders:
        folder.chmod(0o555)
    yield place
    for folder in folders:
        folder.chmod(0o755)


def test_rule_p4_a_plan_needs_no_folder_that_it_may_write(read_only: Project) -> None:
    """The mode binds no administrator, so what is there afterwards is compared too."""
    before = _everything(read_only.folder)
    saved = read_only.folder.parent / "saved.json"
    assert read_only.lfsync("plan", "--detailed-exitcode", "-o", saved, expect=2).out
    assert read_only.lfsync("show", saved).out
    read_only.lfsync("validate")
    read_only.lfsync("validate", "--online")
    read_only.lfsync("history")
    assert _everything(read_only.folder) == before


def test_rule_p4_a_plan_takes_no_lock(server: Server, make: MakeProject) -> None:
    place = make({"crm.yaml": _FILES["crm.yaml"].splitlines()[0]})
    place.apply()
    lock = next((place.folder / ".lfsync" / "journal").glob("*.lock"), place.folder / ".lfsync/journal/prod.lock")
    lock.touch()
    with subprocess.Popen(["flock", "-x", lock, "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write(b"held\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == b"held\n"
        place.lfsync("apply", "--yes", expect=4)
        place.plan(expect=0)


# ---------------------------------------------------------------- links


@pytest.mark.parametrize(
    "link", [".lfsync", ".lfsync/state", ".lfsync/journal", ".lfsync/history", ".lfsync/state/prod.jsonl"]
)
def test_rule_c17_lfsync_stays_inside_the_project(untouched: Server, tmp_path: Path, link: str) -> None:
    place = project(tmp_path / "p", untouched.url, {"crm.yaml": _FILES["crm.yaml"].splitlines()[0]})
    outside = tmp_path / "outside"
    outside.mkdir()
    (place.folder / link).parent.mkdir(parents=True, exist_ok=True)
    (place.folder / link).symlink_to(outside / "x.jsonl" if link.endswith("jsonl") else outside)
    for command in (["plan"], ["apply", "--yes"], ["state", "list"], ["history"], ["undo", "--yes"]):
        run = place.lfsync(*command, expect=1)
        assert f"{link} leads out of the project" in run.err
    assert list(outside.iterdir()) == []


def test_a_state_that_is_a_link_inside_the_project_is_written_through(server: Server, make: MakeProject) -> None:
    place = make({"crm.yaml": _FILES["crm.yaml"].splitlines()[0]})
    (place.folder / "kept").mkdir()
    place.state_file.parent.mkdir(parents=True)
    place.state_file.symlink_to("../../kept/state.jsonl")
    place.apply()
    assert place.state_file.is_symlink()
    assert "account.new" in (place.folder / "kept" / "state.jsonl").read_text()
    place.plan(expect=0)
