"""The README is true: its console blocks print what they say, its files plan, its workflow runs, its commands exist.

HTML comments in the README, which no reader sees, tell what to do with the block below them, or between blocks:

    story NAME [FOLDER]     go on in the project NAME; a new one is a copy of FOLDER, or empty
    run                     the console block below prints this; a line `...` stands for any lines
    file PATH               the block below is this file of the project
    edit PATH "OLD" "NEW"   somebody edits a file
    cut PATH FROM TO        somebody takes the lines out from the one that starts with FROM to the one with TO
    person METHOD PATH BODY somebody works in Lightfield; an address in PATH stands for its record's id
    quiet COMMAND           runs a command that the text does not show, and that must succeed
    workflow                the block below is a GitHub workflow
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
import httpx
import pytest
import yaml

from lfsync.cli import cli, run
from lfsync.connection import open_transport
from lfsync.project.load import load_project
from lfsync.project.workspace import choose_workspace
from tests.e2e.rig import KEY, LFSYNC, clean_environment, serving

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")

_STEP = re.compile(
    r"^<!-- (?P<what>\w+)(?P<rest>[^\n]*) -->\n(?:```\w*\n(?P<block>.*?)^```$)?", re.MULTILINE | re.DOTALL
)
_CHANGING = (
    (re.compile(r"\b([a-z]{3})_[0-9a-f]{20}\b"), r"\1_ID"),
    (re.compile(r"\b\d{8}T\d{6}Z-[0-9a-f]+\b"), "RUN"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  \S+@\S+  "), "WHEN  WHO  "),
    (re.compile(r"(Undoing run RUN of ).*"), r"\1WHO."),
    (re.compile(r" in \d+\.\d s$", re.MULTILINE), " in N s"),
    (re.compile(r"(sandbox\.jsonl):\d+"), r"\1:N"),
)


@dataclass
class Reader:
    """Somebody who does what the README says, and watches what is printed."""

    shelf: Path
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    folder: Path = Path()
    code: int = 0
    seen: list[str] = field(default_factory=list)

    def story(self, rest: str, _: str) -> None:
        name, *sample = rest.split()
        self.folder = self.shelf / name
        if not self.folder.exists() and sample:
            shutil.copytree(ROOT / sample[0], self.folder, ignore=shutil.ignore_patterns(".lfsync"))
        self.folder.mkdir(exist_ok=True)
        self.patch.chdir(self.folder)

    def file(self, rest: str, block: str) -> None:
        path = self.folder / rest
        path.parent.mkdir(exist_ok=True)
        path.write_text(block, "utf-8")

    def edit(self, rest: str, _: str) -> None:
        name, old, new = shlex.split(rest)
        text = (self.folder / name).read_text("utf-8")
        assert text.count(old) == 1, f"{old!r} is not there once"
        (self.folder / name).write_text(text.replace(old, new), "utf-8")

    def cut(self, rest: str, _: str) -> None:
        name, start, end = rest.split()
        before, _, after = (self.folder / name).read_text("utf-8").partition(f"\n{start}\n")
        (self.folder / name).write_text(f"{before}\n{end}\n{after.partition(f'{chr(10)}{end}{chr(10)}')[2]}", "utf-8")

    def person(self, rest: str, _: str) -> None:
        method, path, body = rest.split(maxsplit=2)
        head, _, last = path.rpartition("/")
        if "." in last:
            self.command(f"lfsync state show {last}")
            last = json.loads("".join(self.seen))["id"]
        asyncio.run(_work_in(self.folder, method, f"{head}/{last}", json.loads(body)))

    def quiet(self, rest: str, _: str) -> None:
        self.command(rest)
        assert self.code == 0, self.seen

    def run(self, rest: str, block: str) -> None:
        for shown in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, expected = shown.partition("\n")
            self.command(line)
            assert _is_shown(expected, "".join(self.seen)), f"$ {line}\n{''.join(self.seen)}\nis not\n{expected}"

    def command(self, line: str) -> None:
        """Runs it; `seen` is what it prints, without the line that tells of its progress."""
        words = shlex.split(line)
        if words == ["echo", "$?"]:
            self.seen = [f"{self.code}\n"]
            return
        assert words[0] == "lfsync"
        self.capture.readouterr()
        self.code = run(words[1:])
        out, err = self.capture.readouterr()
        self.seen = [text for text in (*err.splitlines(True), *out.splitlines(True)) if not text.startswith("applied ")]


async def _work_in(folder: Path, method: str, path: str, body: object) -> None:
    workspace = choose_workspace(load_project(folder), "sandbox")
    headers = {"Authorization": f"Bearer {KEY}", "Lightfield-Version": "2026-03-01"}
    async with (
        open_transport(workspace) as transport,
        httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client,
    ):
        answer = await client.request(method, path, json=body)
    assert answer.is_success, answer.text


def _same(text: str) -> str:
    for pattern, name in _CHANGING:
        text = pattern.sub(name, text)
    return text.rstrip("\n")


def _is_shown(expected: str, printed: str) -> bool:
    parts = [re.escape(part.strip("\n")) for part in re.split(r"^\.\.\.$", _same(expected), flags=re.MULTILINE)]
    return (
        re.fullmatch(
            r"(?:.*\n)?".join(rf"{part}\n?" if part else "" for part in parts), _same(printed) + "\n", re.DOTALL
        )
        is not None
    )


def _steps() -> Iterator[tuple[str, str, str]]:
    for found in _STEP.finditer(README):
        yield found["what"], found["rest"].strip(), found["block"] or ""


def test_what_the_readme_shows_is_what_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LIGHTFIELD_API_KEY", "LIGHTFIELD_BASE_URL", "LFSYNC_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    reader = Reader(tmp_path, capsys, monkeypatch)
    does = {
        "story": reader.story,
        "run": reader.run,
        "file": reader.file,
        "edit": reader.edit,
        "cut": reader.cut,
        "person": reader.person,
        "quiet": reader.quiet,
    }
    for what, rest, block in _steps():
        if what in does:
            does[what](rest, block)


def test_every_console_block_is_run() -> None:
    assert README.count("```console") == sum(what == "run" for what, _, _ in _steps()) > 5


def test_every_command_and_option_is_there() -> None:
    lines = re.findall(r"(?:^\$ |`|^ *)lfsync ([^`\n]*)", README, re.MULTILINE)
    assert len(lines) > 40
    for line in lines:
        _parse(line.partition("|")[0].partition(";")[0])


def _parse(line: str) -> None:
    """Follows a command line into click's commands; every option must be known to the command it stands behind."""
    command: click.Command = cli
    known = _options(command)
    for word in line.replace("[", " ").replace("]", " ").split():
        if word in ("#", "||"):
            break
        if word.startswith("-"):
            assert word.partition("=")[0] in known, f"{word} in `lfsync {line}`"
        elif isinstance(command, click.Group) and word in command.commands:
            command = command.commands[word]
            known = _options(command)


def _options(command: click.Command) -> set[str]:
    return {name for option in command.params for name in option.opts if name.startswith("-")} | {"--help", "--version"}


def test_every_option_is_in_the_reference() -> None:
    reference = README[README.index("## Reference") :]
    for name, command in _commands(cli, "lfsync"):
        for option in _options(command) - {"-h", "--help"}:
            assert f"`{option}" in reference, f"{option} of {name}"


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for part in command.commands.values():
            yield from _commands(part, f"{name} {part.name}")


def test_the_workflow_plans_applies_and_keeps_the_state(tmp_path: Path) -> None:
    (text,) = (block for what, _, block in _steps() if what == "workflow")
    jobs = yaml.safe_load(text)["jobs"]
    scripts = [step["run"] for job in ("plan", "apply") for step in jobs[job]["steps"] if "run" in step]
    project, remote = tmp_path / "project", tmp_path / "remote.git"
    shutil.copytree(ROOT / "examples/quickstart", project, ignore=shutil.ignore_patterns(".lfsync"))
    with serving(project / "sandbox/workspace.yaml") as server:
        env = clean_environment(
            LIGHTFIELD_BASE_URL=server.url,
            LIGHTFIELD_API_KEY=KEY,
            LFSYNC_WORKSPACE="prod",
            PATH=f"{LFSYNC.parent}{os.pathsep}{os.environ['PATH']}",
            GITHUB_OUTPUT=str(tmp_path / "output"),
            GITHUB_STEP_SUMMARY=str(tmp_path / "summary"),
            GIT_CONFIG_GLOBAL=os.devnull,
        )
        here = ["git", "-C", str(project)]
        for command in (
            ["git", "init", "-q", "--bare", "-b", "main", str(remote)],
            [*here, "init", "-q", "-b", "main"],
            [*here, "remote", "add", "origin", str(remote)],
            [*here, "add", "."],
            [*here, "-c", "user.name=t", "-c", "user.email=t@t.example", "commit", "-qm", "start"],
            [*here, "push", "-q", "-u", "origin", "main"],
        ):
            subprocess.run(command, env=env, check=True)
        for script in scripts:
            if not script.startswith("pip "):
                subprocess.run(["bash", "-e", "-c", script], env=env, cwd=project, check=True, capture_output=True)
    assert (tmp_path / "output").read_text() == "code=2\n"
    assert "Plan for prod: 6 to create" in (tmp_path / "summary").read_text()
    kept = subprocess.run(["git", "-C", remote, "ls-tree", "-r", "--name-only", "main"], capture_output=True, text=True)
    assert ".lfsync/state/prod.jsonl" in kept.stdout.split()
    assert "prod.plan.json" not in kept.stdout
