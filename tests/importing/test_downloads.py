"""`lfsync import --download`: files with their content (design.md, section 16; rules F1, V1)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from lfsync.editing.downloads import names
from tests.e2e.rig import Project, Server, serving
from tests.e2e.rig import project as served_project
from tests.importing.test_awkward import declared

_SEED = """\
members: [{ref: kai, email: kai@corp.example, role: admin}]
files:
  - {ref: call, filename: call.txt, content: hello}
  - {filename: call.txt, content: another call}
  - {filename: ../../up.txt, content: up}
  - {filename: accounts.yaml, mimeType: text/plain, content: "accounts: {evil: {fields: {$name: Evil}}}"}
  - {filename: lfsync.yaml, mimeType: text/plain, content: "version: 1"}
  - {filename: .gitignore, content: "*"}
  - {filename: big.pdf, mimeType: application/pdf, size: 3000000}
records:
  meetings:
    - fields: {$title: M, $startDate: 2026-01-02T10:00:00Z, $endDate: 2026-01-02T11:00:00Z}
      relationships: {$transcript: call}
"""


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    seed = tmp_path_factory.mktemp("files") / "seed.yaml"
    seed.write_text(_SEED)
    with serving(seed) as server:
        yield server


@pytest.fixture
def place(crm: Server, tmp_path: Path) -> Iterator[Project]:
    crm.forget()
    yield served_project(tmp_path / "project", crm.url, {})
    assert crm.writes() == []


def contents(place: Project, folder: str = "files") -> dict[str, int]:
    return {path.name: path.stat().st_size for path in (place.folder / folder).iterdir()}


def test_files_come_with_their_content_and_the_next_plan_is_empty(place: Project) -> None:
    run = place.lfsync("import", "--all", "--download")
    assert "Imported 8 records." in run.out
    files = declared(place.folder, "files.yaml")
    assert files["call"] == {"path": "files/call.txt", "mimeType": "text/plain"}
    assert (place.folder / "files/call.txt").read_text() == "hello"
    assert (place.folder / "files/call-2.txt").read_text() == "another call"
    assert contents(place)["big.pdf"] == 3_000_000
    (meeting,) = declared(place.folder, "meetings.yaml").values()
    assert meeting["relationships"] == {"$transcript": "call"}
    place.plan(expect=0)
    assert "Nothing to import." in place.lfsync("import", "--all", "--download").out


def test_what_was_uploaded_declares_nothing(place: Project) -> None:
    """No name leads out of the folder, hides, or is a file that a project reads (rule C1)."""
    place.lfsync("import", "file", "--download", "--into", "crm")
    assert {path.name for path in place.folder.iterdir()} == {".lfsync", "crm", "lfsync.yaml"}
    assert not {"accounts.yaml", "lfsync.yaml", ".gitignore"} & contents(place, "crm/files").keys()
    assert contents(place, "crm/files").keys() >= {"up.txt", "gitignore"}
    place.plan(expect=0)


def test_without_download_files_are_left_out_and_named_by_id(place: Project) -> None:
    run = place.lfsync("import", "--all")
    assert run.out.count("Note: files are left out") == 1
    assert "Warning" not in run.out
    assert not (place.folder / "files.yaml").exists()
    (meeting,) = declared(place.folder, "meetings.yaml").values()
    assert str(meeting["relationships"]["$transcript"]).startswith("fil_")
    assert "# call.txt" in (place.folder / "meetings.yaml").read_text()
    place.plan(expect=0)
    for arguments in (["file"], ["--id", str(meeting["relationships"]["$transcript"])]):
        assert "--download" in place.lfsync("import", *arguments, expect=1).err


def test_a_file_that_is_there_is_never_written_over(place: Project) -> None:
    place.write("files/call.txt", "mine")
    place.lfsync("import", "file", "--download")
    assert (place.folder / "files/call.txt").read_text() == "mine"
    assert declared(place.folder, "files.yaml")["call"]["path"] == "files/call-2.txt"
    place.plan(expect=0)


def test_what_a_killed_import_left_is_taken(place: Project) -> None:
    """Same name, same content, and no resource names it: it is what would be written again."""
    place.write("files/call.txt", "hello")
    place.lfsync("import", "file", "--download")
    assert declared(place.folder, "files.yaml")["call"]["path"] == "files/call.txt"
    place.plan(expect=0)


def test_a_dry_run_downloads_nothing(crm: Server, place: Project) -> None:
    run = place.lfsync("import", "file", "--download", "--dry-run")
    assert "would download 7 files into files/" in run.out
    assert "path: files/call-2.txt" in run.out
    assert not (place.folder / "files").exists()
    assert not any("/url" in str(entry["path"]) for entry in crm.log())


def test_a_folder_that_leads_out_of_the_project_is_refused(place: Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (place.folder / "files").symlink_to(outside)
    run = place.lfsync("import", "file", "--download", expect=3)
    assert "leads out of the project" in run.out
    assert list(outside.iterdir()) == []


def test_a_content_that_changed_is_an_upload(place: Project) -> None:
    """Rule F1: what was imported is known by its content."""
    place.lfsync("import", "file", "--download")
    place.write("files/call.txt", "another text")
    (change,) = place.plan()["changes"]
    assert (change["address"], change["action"]) == ("file.call", "update")


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("a/b\\c.txt", ["c.txt", "c-2.txt"]),
        ("..", ["file", "file-2"]),
        ("", ["file", "file-2"]),
        ("x.YAML", ["x.YAML.txt", "x.YAML-2.txt"]),
        ("tab\there.txt", ["tab-here.txt", "tab-here-2.txt"]),
        ("no-ending", ["no-ending", "no-ending-2"]),
        ("\u202egnp.exe", ["gnp.exe", "gnp-2.exe"]),
    ],
)
def test_names(filename: str, expected: list[str]) -> None:
    assert list(islice(names(filename), 2)) == expected


@pytest.mark.parametrize("filename", ["語" * 300 + ".txt", "🙂" * 300, "a." + "b" * 300, "." * 300, "x" * 255])
def test_a_long_name_fits(filename: str, tmp_path: Path) -> None:
    for name in islice(names(filename), 3):
        (tmp_path / name).touch()
        assert len(os.fsencode(name)) <= 255
