"""`lfsync import --download`: files with their content (design.md, section 16; rules F1, V1)."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from lfsync.editing.downloads import names
from lfsync.project.settings import SandboxSettings
from lfsync.sandbox.app import create_app
from tests.e2e.rig import TIMEOUT, Project, Server
from tests.e2e.rig import project as served_project
from tests.importing.test_awkward import declared
from tests.serving import served

SEED = """\
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


# ---------------------------------------------------------------- killed on the way


@contextmanager
def stalling() -> Iterator[tuple[Project, subprocess.Popen[str], Path]]:
    """An import whose download began and can't end: the project, its process, and where its contents are."""
    folder = Path(tempfile.mkdtemp(prefix="downloads-"))
    seed = folder / "seed.yaml"
    seed.write_text(SEED)
    app = create_app(SandboxSettings(rps=0), database=":memory:", seed=seed)

    async def stall(scope: Any, receive: Any, send: Any) -> None:
        async def never(message: Any) -> None:
            if message["type"] == "http.response.body" and held.is_set():
                message = {**message, "more_body": True}
                await send(message)
                stalled.set()
                while held.is_set():
                    await asyncio.sleep(0.01)
                message = {**message, "body": b"", "more_body": False}
            await send(message)

        downloads = scope["type"] == "http" and not scope["path"].startswith(("/v1/", "/_sandbox"))
        await app(scope, receive, never if downloads else send)

    held, stalled = threading.Event(), threading.Event()
    held.set()
    try:
        with served(stall) as url, ExitStack() as on_the_way_out:
            on_the_way_out.callback(held.clear)  # the server ends once nobody is held
            made = served_project(folder / "project", url, {})
            with made.start("import", "file", "--download", "--into", "crm") as process:
                assert stalled.wait(TIMEOUT)
                yield made, process, made.folder / ".lfsync" / "journal" / "prod.import"
                held.clear()
                process.kill()
    finally:
        app.state.close()
        shutil.rmtree(folder)


def test_a_killed_import_leaves_nothing_behind_once_another_one_ran() -> None:
    """Whatever it imports, and wherever to. What is on its way is no file of the project, and hidden from git."""
    with stalling() as (made, process, on_their_way):
        process.kill()
        process.wait()
        assert any(on_their_way.iterdir())
        assert list((made.folder / "crm" / "files").iterdir()) == []
        assert "journal/" in (made.folder / ".lfsync" / ".gitignore").read_text()
        made.lfsync("import", "meeting")
        assert not on_their_way.exists()


def test_what_a_living_import_uses_is_left_alone() -> None:
    """Section 4: it holds the lock. Another workspace of the project has a lock, and a place, of its own."""
    with stalling() as (made, process, on_their_way):
        made.lfsync("import", "meeting", expect=4)
        made.lfsync("import", "meeting", "--dry-run")
        made.write(
            "lfsync.yaml",
            "version: 1\nworkspaces: {prod: {index_lag_timeout: 0}, other: {index_lag_timeout: 0}}\n",
        )
        made.lfsync("-w", "other", "import", "meeting")
        assert any(on_their_way.iterdir())
        assert process.poll() is None
