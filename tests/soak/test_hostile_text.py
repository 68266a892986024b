"""What people typed into the CRM reaches no terminal raw, breaks no table and no JSON.

In process.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from lfsync.cli import run
from lfsync.project.settings import SandboxSettings
from lfsync.sandbox.transport import open_transport
from tests.soak.tally import Tally

_RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
HOSTILE = {
    "ansi": "\x1b[31mred\x1b[0m \x1b]0;title\x07",
    "control": "a\x00b\x08\x7f\x85\x9b31m\r\nnext line\ttab",
    "bidi": "\u202egnp.exe\u202c \u2066x\u2069 \u200f",
    "emoji": "👩‍👩‍👧 🏳️‍🌈 é",
    "wide": "株式会社 ｶﾌﾞ",
    "markdown": "| a | b |\n|---|---|\n# h <!-- x --> [x](javascript:alert(1)) ``` `",
    "html": "<script>alert(1)</script> &amp; </td>",
    "json": '"}],"summary":{"delete":0}} \\',
    "percent": "%s %n {0} ${HOME} $(id) `id`",
}
_BIG = "x" * 1_000_000 + "\x1b[2J"
_SEED = """
members: [{ref: kai, email: kai@corp.example, first: Kai, last: Berg}]
definitions: {account: {fields: {nickname: {type: TEXT, label: "Nick | <b>name</b>"}}}}
"""
_SETTINGS = (
    "version: 1\ndefault_workspace: play\nworkspaces: {play: {index_lag_timeout: 0, sandbox: {seed: s.txt, rps: 0}}}\n"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace whose every text is hostile, about to be adopted and changed."""
    place = tmp_path / "project"
    place.mkdir()
    (place / "s.txt").write_text(_SEED)
    (place / "lfsync.yaml").write_text(_SETTINGS)
    declared: dict[str, Any] = {
        name: {"id": id, "fields": {"nickname": "plain"}} for name, id in zip(HOSTILE, _typed_in(place), strict=False)
    }
    note = {"big": {"match": {"$title": "Big"}, "fields": {"$content": "small"}}}
    (place / "crm.yaml").write_text(yaml.safe_dump({"accounts": declared, "notes": note}))
    return place


def _typed_in(place: Path) -> list[str]:
    """What people make in Lightfield: an account for each hostile text, and a big note. Gives their ids."""
    database = place / ".lfsync" / "sandbox" / "play.db"
    database.parent.mkdir(parents=True)
    transport = open_transport(SandboxSettings(rps=0), database=database, seed=place / "s.txt")
    bodies = [("accounts", {"$name": f"{name} {text}", "nickname": text}) for name, text in HOSTILE.items()]
    bodies.append(("notes", {"$title": "Big", "$content": _BIG}))
    headers = {"Authorization": "Bearer sk_lf_hostile", "Lightfield-Version": "2026-03-01"}
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(transport=transport, base_url="http://sandbox", headers=headers)
        answers = [runner.run(client.post(f"/v1/{path}", json={"fields": fields})) for path, fields in bodies]
        runner.run(client.aclose())
    assert {answer.status_code for answer in answers} == {200}, answers[-1].text[:500]
    return [answer.json()["id"] for answer in answers]


def told(root: Path, *arguments: str, codes: tuple[int, ...] = (0, 2)) -> str:
    """All that a command prints; never a raw character."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(["-C", str(root), *arguments])
    text = out.getvalue() + err.getvalue()
    assert code in codes, text[-2000:]
    assert not (found := _RAW.search(text)), text[max(0, found.start() - 80) : found.end() + 20].encode()
    return out.getvalue()


def _steps(root: Path, plan: str) -> Iterator[tuple[str, ...]]:
    yield ("plan",)
    yield ("plan", "--format", "json")
    yield ("plan", "-o", plan)
    yield ("show", plan)
    yield ("show", plan, "--format", "json")
    yield ("-vv", "apply", "--yes", "--allow-large")
    yield ("undo", "--yes", "--allow-large")
    yield ("apply", "--yes", "--allow-large")


def test_no_raw_character_reaches_a_terminal(root: Path, tmp_path: Path, tally: Tally) -> None:
    tally.add("hostile texts, through every command", tried=len(HOSTILE) + 1, remark="none reaches a terminal raw")
    for arguments in _steps(root, str(tmp_path / "saved.plan.json")):
        text = told(root, *arguments)
        if "json" in arguments:
            assert len(json.loads(text)["changes"]) == len(HOSTILE) + 1
        elif arguments == ("plan",):
            lines = text.splitlines()
            assert sum(line.startswith("  ~ account.") for line in lines) == len(HOSTILE), "a line for each"
            assert not [
                line for line in lines if re.match(r"\S", line) and line.startswith(("next line", "|", "<", "#"))
            ]
    (root / "crm.yaml").write_text("accounts: {kept: {fields: {$name: Kept}}}\n")
    gone = told(root, "plan", "--prune")
    assert all(f" account.{name} " in gone for name in HOSTILE), "alike deletes are told at once, and each is named"
    told(root, "apply", "--yes", "--prune", "--allow-large")
    for name in (
        "undo --yes --allow-large",
        "history",
        "history --format json",
        "state list",
        "state show account.ansi",
    ):
        told(root, *name.split())


def test_what_is_kept_holds_no_raw_character_and_is_not_for_git(root: Path) -> None:
    """Design 12: journals and history are their owner's alone; the state holds no value."""
    told(root, "apply", "--yes", "--allow-large")
    local = root / ".lfsync"
    ignored = (local / ".gitignore").read_text().split()
    assert {"journal/", "history/", "sandbox/"} <= set(ignored)
    for path in local.rglob("*.jsonl"):
        text = path.read_text()
        assert not _RAW.search(text.replace("\n", "")), path
        if "history" in path.parts or "journal" in path.parts:
            assert path.stat().st_mode & 0o777 == 0o600, path
        else:
            assert "plain" not in text
            assert "red" not in text


def test_state_lines_that_are_not_ours_reach_no_terminal_raw(root: Path) -> None:
    told(root, "apply", "--yes", "--allow-large")
    state = root / ".lfsync" / "sandbox" / "play.jsonl"
    line = {"address": "account.\x1b[31m\x9b", "id": "acc_\x1b[2J\x7f", "origin": "created"}
    header = state.read_text().splitlines()[0]
    state.write_text(f"{header}\n{json.dumps(line)}\n")
    assert told(root, "state", "list").count("\n") == 1
    told(root, "state", "show", line["address"])
    told(root, "plan")
    told(root, "plan", "--prune", codes=(0, 1))
    told(root, "state", "rm", "account.\x1b[0m", codes=(1,))
    told(root, "state", "mv", line["address"], "account.fine\x07")
    told(root, "state", "rm", "account.fine\x07")


def test_git_keeps_none_of_it(tmp_path: Path) -> None:
    told(tmp_path, "init")
    told(tmp_path, "plan", "-o", str(tmp_path / "mine.plan.json"))
    told(tmp_path, "apply", "--yes")
    git = ["git", "-C", str(tmp_path)]
    bare = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run([*git, "init", "-q"], check=True, env=bare)
    done = subprocess.run(
        [*git, "ls-files", "--others", "--exclude-standard"], check=True, env=bare, capture_output=True, text=True
    )
    kept = set(done.stdout.split())
    schemas = {f".lfsync/schemas/sandbox/{name}.json" for name in ("lfsync", "resources")}
    assert kept == {".gitignore", ".lfsync/.gitignore", "crm.yaml", "lfsync.yaml", "sandbox/workspace.yaml", *schemas}
