"""Streams that nobody reads, that are closed, or that are full: no run ends in its middle, and no code changes.

design.md, section 8: "A lost reader changes no code", "Exit 1 always means that nothing was written".
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeProject
from tests.e2e.rig import LFSYNC, TIMEOUT, Project, Server

_SCHEMAS = Path(__file__).parents[2] / "schemas"
COUNT = 60
FILES = {
    "crm.yaml": "sources: [{kind: account, file: rows.csv, key: Id, fields: {$name: Name}}]\n",
    "rows.csv": "Id,Name\n" + "".join(f"{n},Streamed company {n}\n" for n in range(COUNT)),
}
BLOCKED = {"crm.yaml": "accounts: {twin: {fields: {$name: Twin}}, new: {fields: {$name: New in a stream}}}\n"}


def shell(place: Project, line: str) -> int:
    """The exit code of lfsync in `line`, a line of bash in which `lfsync` is the program and its project."""
    script = f'lfsync() {{ {LFSYNC} -C {place.folder} "$@"; }}; {line}'
    command = ["bash", "-c", script]
    done = subprocess.run(command, env=dict(place.env), capture_output=True, timeout=TIMEOUT, text=True, check=False)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done.returncode


GONE = [
    pytest.param("lfsync {} | true; exit ${{PIPESTATUS[0]}}", id="stdout has no reader"),
    pytest.param("lfsync {} | head -1; exit ${{PIPESTATUS[0]}}", id="head"),
    pytest.param("lfsync {} 2> >(true)", id="stderr has no reader"),
    pytest.param("lfsync {} <&-", id="no stdin"),
    pytest.param("lfsync {} >&-", id="no stdout"),
    pytest.param("lfsync {} 2>&-", id="no stderr"),
    pytest.param("lfsync {} <&- >&- 2>&-", id="none"),
    pytest.param("lfsync {} 2>/dev/full", id="stderr is full"),
]


@pytest.mark.parametrize("line", GONE)
def test_an_apply_goes_on_without_its_readers(server: Server, make: MakeProject, line: str) -> None:
    place = make(FILES)
    assert shell(place, line.format("-vv apply --yes")) == 0
    assert len(server.writes()) == COUNT
    assert len(place.state()) == COUNT
    place.plan(expect=0)


@pytest.mark.parametrize("line", GONE)
def test_a_plan_says_by_its_code_what_it_would_say_by_words(untouched: Server, tmp_path: Path, line: str) -> None:
    place = Project(tmp_path / "p").elsewhere(LIGHTFIELD_BASE_URL=untouched.url, LIGHTFIELD_API_KEY="sk_lf_x")
    place.write("lfsync.yaml", "{version: 1, default_workspace: prod, workspaces: {prod: {}}}\n")
    for name, text in FILES.items():
        place.write(name, text)
    assert shell(place, line.format("plan --detailed-exitcode")) == 2
    for name, text in BLOCKED.items():
        place.write(name, text)
    assert shell(place, line.format("plan")) == 3
    assert shell(place, line.format("plan --no-such-option")) == 1


def test_a_full_disk_under_stdout_is_told_and_is_never_exit_1_after_a_write(server: Server, make: MakeProject) -> None:
    place = make(FILES)
    with Path("/dev/full").open("w") as full:
        command: list[str | Path] = [LFSYNC, "-C", place.folder]

        def told(*arguments: str) -> tuple[int, str]:
            done = subprocess.run(
                [*command, *arguments], env=dict(place.env), stdout=full, stderr=subprocess.PIPE, text=True, check=False
            )
            assert "Traceback" not in done.stderr
            return done.returncode, done.stderr

        code, said = told("plan")
        assert (code, "No space left" in said) == (1, True), "nothing was written, and nobody saw the plan"
        code, said = told("apply", "--yes")
        assert (code, "No space left" in said) == (3, True)
        assert len(server.writes()) == COUNT, "no run stops in its middle"
        assert len(place.state()) == COUNT
        assert told("plan")[0] == 1


def test_a_closed_stdout_never_becomes_the_next_file_that_is_opened(server: Server, make: MakeProject) -> None:
    place = make(BLOCKED)
    assert shell(place, "lfsync apply --yes >&- 2>&- <&-") == 3
    assert [json.loads(line)["address"] for line in place.state_file.read_text().splitlines()[1:]] == ["account.new"]
    for path in (place.folder / ".lfsync").rglob("*.jsonl"):
        for line in path.read_text().splitlines():
            json.loads(line)


def test_a_pipe_that_does_not_block_gets_everything(untouched: Server, tmp_path: Path) -> None:
    """Other programs make the pipe of their children non-blocking: node, for one."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with subprocess.Popen([str(LFSYNC), "schema"], stdout=writer, stderr=subprocess.PIPE, text=True) as process:
        os.close(writer)
        chunks = []
        while chunk := os.read(reader, 1000):
            chunks.append(chunk)
        assert process.stderr is not None
        assert (process.wait(TIMEOUT), process.stderr.read()) == (0, "")
    os.close(reader)
    published = {path.name.removesuffix(".schema.json") for path in _SCHEMAS.iterdir()}
    assert json.loads(b"".join(chunks)).keys() == published
