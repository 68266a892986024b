"""README.md and docs/ are true: their console blocks print what they say, their files plan, their workflow runs, their
commands and links exist.

HTML comments in a page, which no reader sees, tell what to do with the block below them, or between blocks. The stories
of a page are its own; it can be read, and run, without the others.

    story NAME [FOLDER]     go on in the project NAME; a new one is a copy of FOLDER, or empty
    run                     the console block below prints this; a line `...` stands for any lines
    file PATH               the block below is this file of the project
    excerpt PATH            the block below stands in this file of the project
    edit PATH "OLD" "NEW"   somebody edits a file
    cut PATH FROM TO        somebody takes the lines out from the one that starts with FROM to the one with TO
    gone PATH ...           these files and folders of the project are not there yet
    person METHOD PATH BODY somebody works in Lightfield; an address in PATH stands for its record's id
    quiet COMMAND           runs a command that the text does not show, and that must succeed
    served SEED             until the next story a workspace that holds this is at LIGHTFIELD_BASE_URL, with a key
    editor PATH             the block below is a file of the project with settings that lead an editor to schemas
    workflow                the block below is a GitHub workflow; tests/action runs it
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
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import click
import httpx
import pytest

from lfsync.cli import cli, run
from lfsync.connection import open_transport
from lfsync.project.load import load_project
from lfsync.project.settings import SafetySettings, SandboxSettings, Settings, WorkspaceSettings
from lfsync.project.workspace import choose_workspace
from tests.e2e.rig import KEY, serving

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [README, *DOCS]
EVERYWHERE = [*PAGES, *sorted((ROOT / "examples").glob("*/README.md"))]


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=_name)

_STEP = re.compile(
    r"^<!-- (?P<what>\w+)(?P<rest>[^\n]*) -->\n(?:```\w*\n(?P<block>.*?)^```$)?", re.MULTILINE | re.DOTALL
)
_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CHANGING = (
    (re.compile(r"\b([a-z]{3})_[0-9a-f]{20}\b"), r"\1_ID"),
    (re.compile(r"\b\d{8}T\d{6}Z-[0-9a-f]+\b"), "RUN"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  \S+@\S+  "), "WHEN  WHO  "),
    (re.compile(r"(Undoing run RUN of ).*"), r"\1WHO."),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d UTC\b"), "WHEN"),
    (re.compile(r"saved today \(\d{4}-\d\d-\d\d\)"), "saved today (DAY)"),
    (re.compile(r" in \d+\.\d s$", re.MULTILINE), " in N s"),
    (re.compile(r"(sandbox\.jsonl):\d+"), r"\1:N"),
)


@dataclass
class Reader:
    """Somebody who does what a page says, and watches what is printed."""

    shelf: Path
    capture: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    folder: Path = Path()
    code: int = 0
    seen: list[str] = field(default_factory=list)
    server: ExitStack = field(default_factory=ExitStack)

    def story(self, rest: str, _: str) -> None:
        self.server.close()
        name, *sample = rest.split()
        self.folder = self.shelf / name
        if not self.folder.exists() and sample:
            shutil.copytree(ROOT / sample[0], self.folder, ignore=shutil.ignore_patterns(".lfsync"))
        self.folder.mkdir(exist_ok=True)
        self.patch.chdir(self.folder)

    def served(self, rest: str, _: str) -> None:
        server = self.server.enter_context(serving(ROOT / rest, "--rps", "0", "--random-seed", "1"))
        patch = self.server.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("LIGHTFIELD_BASE_URL", server.url)
        patch.setenv("LIGHTFIELD_API_KEY", KEY)

    def editor(self, rest: str, block: str) -> None:
        self.file(rest, block)
        for schema, patterns in json.loads(block)["yaml.schemas"].items():
            assert json.loads((self.folder / schema).read_text("utf-8"))["$schema"]
            assert any(list(self.folder.glob(pattern)) for pattern in patterns)

    def file(self, rest: str, block: str) -> None:
        path = self.folder / rest
        path.parent.mkdir(exist_ok=True)
        path.write_text(block, "utf-8")

    def excerpt(self, rest: str, block: str) -> None:
        assert block
        assert block in (self.folder / rest).read_text("utf-8")

    def edit(self, rest: str, _: str) -> None:
        name, old, new = shlex.split(rest)
        text = (self.folder / name).read_text("utf-8")
        assert text.count(old) == 1, f"{old!r} is not there once"
        (self.folder / name).write_text(text.replace(old, new), "utf-8")

    def cut(self, rest: str, _: str) -> None:
        name, start, end = rest.split()
        before, _, after = (self.folder / name).read_text("utf-8").partition(f"\n{start}\n")
        (self.folder / name).write_text(f"{before}\n{end}\n{after.partition(f'{chr(10)}{end}{chr(10)}')[2]}", "utf-8")

    def gone(self, rest: str, _: str) -> None:
        for name in rest.split():
            path = self.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

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
        if words[0] == "git":
            self.git(line)
            return
        assert words[0] == "lfsync"
        self.capture.readouterr()
        self.code = run(words[1:])
        out, err = self.capture.readouterr()
        self.seen = [text for text in (*err.splitlines(True), *out.splitlines(True)) if not text.startswith("applied ")]

    def git(self, line: str) -> None:
        """In a shell, as somebody whose name git knows. It must succeed."""
        who = {f"GIT_{role}_{what}": "t@t.example" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["bash", "-c", line],
            env={**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull},
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        self.code, self.seen = 0, [*done.stdout.splitlines(True), *done.stderr.splitlines(True)]


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
    if not expected.strip():
        return not printed
    parts = [re.escape(part.strip("\n")) for part in re.split(r"^\.\.\.$", _same(expected), flags=re.MULTILINE)]
    return (
        re.fullmatch(
            r"(?:.*\n)?".join(rf"{part}\n?" if part else "" for part in parts), _same(printed) + "\n", re.DOTALL
        )
        is not None
    )


def _steps(page: Path) -> Iterator[tuple[str, str, str]]:
    for found in _STEP.finditer(page.read_text("utf-8")):
        yield found["what"], found["rest"].strip(), found["block"] or ""


@EVERY_PAGE
def test_what_a_page_shows_is_what_is_printed(
    page: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LIGHTFIELD_API_KEY", "LIGHTFIELD_BASE_URL", "LFSYNC_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    reader = Reader(tmp_path, capsys, monkeypatch)
    does = {
        "story": reader.story,
        "run": reader.run,
        "file": reader.file,
        "excerpt": reader.excerpt,
        "edit": reader.edit,
        "cut": reader.cut,
        "person": reader.person,
        "quiet": reader.quiet,
        "gone": reader.gone,
        "served": reader.served,
        "editor": reader.editor,
    }
    with reader.server:
        for what, rest, block in _steps(page):
            if what != "workflow":
                does[what](rest, block)


@EVERY_PAGE
def test_every_block_is_run(page: Path) -> None:
    """What a console shows is run, what a project holds is a file of a story; `sh` is for the reader's shell."""
    blocks = re.findall(r"^```(console|yaml|csv|markdown|json|sql)$", page.read_text("utf-8"), re.MULTILINE)
    held = [what for what, _, block in _steps(page) if block]
    assert len(blocks) == len(held)
    assert blocks.count("console") == held.count("run")


@pytest.mark.parametrize("page", EVERYWHERE, ids=_name)
def test_every_command_and_option_is_there(page: Path) -> None:
    for line in _commands_named(page):
        _parse(line.partition(";")[0])


def test_the_pages_hold_much_to_try() -> None:
    """The patterns above find what they look for."""
    assert sum(what == "run" for page in PAGES for what, _, _ in _steps(page)) > 15
    assert sum(len(_commands_named(page)) for page in PAGES) > 60


def _parse(line: str) -> None:
    """Follows a command line into click's commands; every option must be known to the command it stands behind."""
    command: click.Command = cli
    known = _options(command)
    takes_value = False
    for word in line.replace("[", " ").replace("]", " ").split():
        if word in ("#", "|", "||"):
            break
        if takes_value:
            takes_value = False
        elif word.startswith("-"):
            name, _, value = word.partition("=")
            assert name in known, f"{word} in `lfsync {line}`"
            takes_value = known[name] and not value
        elif isinstance(command, click.Group):
            assert word in command.commands, f"{word} in `lfsync {line}`"
            command = command.commands[word]
            known = _options(command)


def _options(command: click.Command) -> dict[str, bool]:
    """The options of a command, and whether a value follows."""
    options = [part for part in command.params if isinstance(part, click.Option)]
    takes = {name: not (option.is_flag or option.count) for option in options for name in option.opts}
    return {**takes, "-h": False, "--help": False}


def test_every_command_and_option_is_in_the_reference() -> None:
    reference = (ROOT / "docs/commands.md").read_text("utf-8")
    for name, command in _commands(cli, "lfsync"):
        if not isinstance(command, click.Group):
            assert f"`{name}" in reference, name
        for option in _options(command):
            assert f"`{option}" in reference, f"{option} of {name}"


def test_every_setting_is_in_the_reference() -> None:
    reference = (ROOT / "docs/commands.md").read_text("utf-8")
    for model in (Settings, SafetySettings, WorkspaceSettings, SandboxSettings):
        for name in model.model_fields:
            assert f"`{name}`" in reference, name


def _commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for part in command.commands.values():
            yield from _commands(part, f"{name} {part.name}")


# ---------------------------------------------------------------- what holds of the pages as such


def test_the_readme_is_short_and_says_how_to_try_and_test_it() -> None:
    text = README.read_text("utf-8")
    assert len(text.splitlines()) <= 250
    assert {"make demo", "make test"} <= set(re.findall(r"^make \w+", text, re.MULTILINE))


@EVERY_PAGE
def test_every_make_target_is_there(page: Path) -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(re.findall(r"(?:^|`)make ([\w-]+)", page.read_text("utf-8"), re.MULTILINE)) <= set(targets)


def test_every_page_is_named_in_the_readme() -> None:
    links = {target.partition("#")[0] for target in _links(README)}
    assert {f"docs/{page.name}" for page in DOCS} <= links


@pytest.mark.parametrize("page", EVERYWHERE, ids=_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in _links(page):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        assert not anchor or anchor in _anchors(there), target


def _links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", _prose(page))


def _anchors(page: Path) -> set[str]:
    """Of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _prose(page: Path) -> str:
    """A page without its blocks of code."""
    return _BLOCK.sub("", page.read_text("utf-8"))


def _commands_named(page: Path) -> list[str]:
    """What follows `lfsync` in blocks of code and in code within the text."""
    return [line for code in _codes(page) for line in re.findall(r"^(?:\$ | *|.*run: )lfsync (.*)", code, re.MULTILINE)]


def _codes(page: Path) -> list[str]:
    """Blocks of code, and code within the text."""
    return [*_BLOCK.findall(page.read_text("utf-8")), *re.findall(r"`([^`\n]+)`", _prose(page))]
