"""Runs a case: its project through the real command line, against a sandbox of its own, in process.

A case is a folder (see README.md). Ids are written `acc_acme-solar` in it, after what a person calls the record: they
are put in and taken out here, so that a case can be read, and stays as it is when the sandbox makes other ids.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import httpx
import yaml

from lfsync.cli import run
from lfsync.kinds import KINDS, MEMBER_KEYS
from lfsync.model import Plan
from lfsync.planning import plan_file as planfile
from lfsync.project.settings import SandboxSettings
from lfsync.sandbox.store import Store
from lfsync.sandbox.transport import open_transport
from tests.e2e.rig import Run

CASES = Path(__file__).parent
Answer: TypeAlias = Any  # JSON of the sandbox: looked into freely
Capture: TypeAlias = Callable[[], tuple[str, str]]

_SETTINGS = """
version: 1
default_workspace: sandbox
workspaces:
  sandbox:
    index_lag_timeout: 0
    sandbox: {seed: seed.yaml, rps: 0, random_seed: 7}
"""
_GOLDEN = ("plan.txt", "plan.json", "after.txt", "undo.txt")
_OF_THE_CASE = ("seed.yaml", "edits.yaml", "later.yaml", "options.yaml", "before", *_GOLDEN)
_HEADERS = {"Authorization": "Bearer sk_lf_cases", "Lightfield-Version": "2026-03-01"}
_MOST_SHOWN = 12  # records of a kind in after.txt


@dataclass(frozen=True)
class Options:
    """options.yaml.

    `only`: the addresses of `--only`. `flags`: more of plan and apply. `json`: keep the JSON plan too.
    `state`: arguments of `lfsync state`, run before the plan. `saved`: apply the saved plan. `undo`: undo the apply.
    """

    only: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    json: bool = False
    state: tuple[tuple[str, ...], ...] = ()
    saved: bool = False
    undo: bool = False

    @property
    def arguments(self) -> list[str]:
        """What plan, and apply of no saved plan, are given."""
        return [*self.flags, *(word for address in self.only for word in ("--only", address))]


class Case:
    """One case in a folder of its own. `capture` gives and forgets what was printed so far (pytest's `readouterr`)."""

    def __init__(self, source: Path, root: Path, capture: Capture) -> None:
        self.source = source
        self.root = root
        self.capture = capture
        self.options = Options(**_yaml(source / "options.yaml"))
        self.golden: dict[str, str] = {}
        root.mkdir()
        (root / "lfsync.yaml").write_text(_SETTINGS)
        seed = _yaml(CASES / "workspace.yaml") | _yaml(source / "seed.yaml")
        (root / "seed.yaml").write_text(yaml.safe_dump(seed, sort_keys=False, allow_unicode=False))
        self.ids: dict[str, str] = {}
        self.planned = Run(0, "", "")
        self.made: Plan | None = None
        self.saved = root.parent / f"{root.name}.plan.json"

    # ------------------------------------------------------------ the story

    def play(self) -> dict[str, str]:
        """The golden files of this case, by name."""
        before = self.source / "before"
        edits = _yaml(self.source / "edits.yaml") or []
        later = _yaml(self.source / "later.yaml") or []
        if before.exists() or edits:
            self.lay_out(before if before.exists() else None)
            first = self.lfsync("apply", "--yes")
            assert first.code == 0, first
        self.lay_out()
        self.look(lambda ask: self.make(ask, edits))
        for arguments in self.options.state:
            assert self.lfsync("state", *arguments).code == 0
        self.plan()
        if self.planned.err:
            return self.golden
        if self.options.saved:
            self.look(lambda ask: self.make(ask, later))
        self.apply()
        if self.options.undo:
            self.look(lambda ask: self.make(ask, later))
            self.undo()
        return self.golden

    def lay_out(self, over: Path | None = None) -> None:
        """The project's files, with those of `over` in place of theirs; what an earlier layout had is gone."""
        kept = {"seed.yaml", ".lfsync", "lfsync.yaml"}
        for path in self.root.iterdir():
            if path.name not in kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for folder in filter(None, (self.source, over)):
            skipped = shutil.ignore_patterns(*_OF_THE_CASE) if folder == self.source else None
            shutil.copytree(folder, self.root, ignore=skipped, dirs_exist_ok=True)
        self.look(self.learn)
        for path in self.root.rglob("*"):
            if path.is_file() and path.suffix in (".yaml", ".csv", ".jsonl") and ".lfsync" not in path.parts:
                path.write_bytes(self.real(path.read_bytes().decode("latin-1")).encode("latin-1"))

    def plan(self) -> None:
        # Without the field history, whose times are of today, and for which an apply does not ask.
        quiet = ("--no-history", "--detailed-exitcode")
        said = self.lfsync("plan", *quiet, "-o", str(self.saved), *self.options.arguments)
        self.golden["plan.txt"] = self.masked(f"{said.out}{said.err}[exit code {said.code}]\n")
        self.planned = said
        if said.err:
            return
        text = self.saved.read_text()
        self.made = made = planfile.from_json(text)
        assert planfile.from_json(planfile.dumps(made)) == made
        self.hide(made)
        if self.options.json:
            data = json.loads(text) | {"created_at": "…", "fingerprint": "…", "config_digest": "…"}
            data["workspace"] |= {"ids": ["…"]}
            self.golden["plan.json"] = self.masked(json.dumps(data, indent=1, ensure_ascii=False)) + "\n"

    def hide(self, made: Plan) -> None:
        """With --redact no value of a live record is printed, and none that the files declare (rule G2)."""
        shown = self.lfsync("plan", "--no-history", "--redact", *self.options.arguments).out
        shown = re.sub(rf"\b({'|'.join(KINDS)}|object\.\w+)\.[^\s,]+", "ADDRESS", shown)
        held = [each for change in made.changes for each in change.fields]
        values = {*self.look(_values), *(text for each in held for text in _leaves([each.before, each.after]))}
        told = [text for text in values if re.search(r"[ @/]", text) and len(text) > 4 and text in shown]
        assert not told, f"--redact shows {told}:\n{shown}"

    def apply(self) -> None:
        what = [str(self.saved)] if self.options.saved else self.options.arguments
        said = self.lfsync("-vv", "apply", "--yes", *what)
        assert said.out.startswith(self.planned.out), "apply shows another plan than plan did"
        writes = self.writes(said)
        pruned = self.options.only and "--prune" in self.options.flags  # the named orphan is known no more
        again = self.lfsync("plan", "--detailed-exitcode", *(() if pruned else self.options.arguments))
        if said.code == 0:
            assert self.made is not None
            assert sum(writes.values()) == self.made.requests.write, "the plan counts other requests"
            assert again.code == 0 or pruned, f"the plan after an apply is not empty:\n{again.out}{again.err}"
        told = said.out.removeprefix(self.planned.out)
        self.golden["after.txt"] = self.masked(self.told(replace(said, out=told), writes, again))

    def undo(self) -> None:
        """Undo shows its plan, and goes on."""
        said = self.lfsync("-vv", "undo", "--yes")
        self.golden["undo.txt"] = self.masked(self.told(said, self.writes(said), self.lfsync("plan")))

    def told(self, said: Run, writes: Mapping[str, int], again: Run) -> str:
        """What a command that writes said and did, and what comes next."""
        lines = re.sub(r"\d{8}T\d{6}Z-\w+", "RUN", said.out).splitlines()
        parts = [
            *(line for line in lines if line and not line.startswith("Requests: ")),
            *re.findall(r"^lfsync: .*|^    .*", said.err, re.MULTILINE),
            f"[exit code {said.code}]",
            "",
            "# Writes",
            *(f"{count} x {write}" if count > 1 else write for write, count in sorted(writes.items())),
            "",
            "# The workspace",
            self.look(self.dump),
            "# Next plan",
            again.out.splitlines()[0],
        ]
        return "\n".join(parts) + "\n"

    def writes(self, said: Run) -> Counter[str]:
        """The writes that a run under -vv sent."""
        self.look(self.learn)
        return Counter(re.findall(r"^((?:POST|DELETE) .*?) \d+ ms$", self.masked(said.err), re.MULTILINE))

    def lfsync(self, *arguments: str) -> Run:
        self.capture()
        verbose = [word for word in arguments if word == "-vv"]
        code = run(["-C", str(self.root), *verbose, *(word for word in arguments if word != "-vv")])
        return Run(code, *self.capture())

    # ------------------------------------------------------------ people in Lightfield

    def make(self, ask: Ask, edits: list[dict[str, Answer]]) -> None:
        for edit in edits:
            self.edit(ask, *edit.popitem())

    def edit(self, ask: Ask, what: str, body: Answer) -> None:
        """`METHOD /path: body`, or `relabel: {OLD: NEW}` for the label of a select option."""
        if what == "relabel":
            store = Store(self.database, time.time)
            schema = store.meta("schema") or ""
            for old, new in body.items():
                assert json.dumps({"label": old})[1:-1].replace(" ", "") in schema
                schema = schema.replace(f'"label":"{old}"', f'"label":"{new}"')
            store.set_meta("schema", schema)
            store.close()
            return
        method, _, path = self.real(what).partition(" ")
        ask(method, path, json.loads(self.real(json.dumps(body))))
        self.learn(ask)

    @property
    def database(self) -> Path:
        return self.root / ".lfsync" / "sandbox" / "sandbox.db"

    def look(self, work: Callable[[Ask], Answer]) -> Answer:
        """Do something with the sandbox past lfsync."""
        given = _yaml(self.root / "lfsync.yaml")["workspaces"]["sandbox"]["sandbox"]
        transport = open_transport(
            SandboxSettings.model_validate(given), database=self.database, seed=self.root / given["seed"]
        )
        with asyncio.Runner() as runner:
            client = httpx.AsyncClient(transport=transport, base_url="http://sandbox", headers=_HEADERS)
            try:
                return work(Ask(runner, client))
            finally:
                runner.run(client.aclose())

    # ------------------------------------------------------------ ids

    def real(self, text: str) -> str:
        names = {name: id for id, name in self.ids.items()}
        return re.sub(r"[a-z]+_[a-z0-9-]+", lambda found: names.get(found[0], found[0]), text)

    def masked(self, text: str) -> str:
        return re.sub(r"[a-z]+_[A-Za-z0-9]+", lambda found: self.ids.get(found[0], found[0]), text)

    def learn(self, ask: Ask) -> None:
        """Names for ids that have none yet."""
        for id, called in _called(ask):
            if id not in self.ids:
                slug = re.sub(r"[^a-z0-9]+", "-", called.lower()).strip("-") or "nameless"
                name = f"{id.split('_')[0]}_{slug}"
                taken = set(self.ids.values())
                number = next(n for n in range(1, 999) if (f"{name}-{n}" if n > 1 else name) not in taken)
                self.ids[id] = f"{name}-{number}" if number > 1 else name

    def dump(self, ask: Ask) -> str:
        """All live records: what is not empty of their fields and links."""
        found: dict[str, object] = {}
        for kind in KINDS.values():
            rows = sorted(ask.rows(kind.path), key=lambda row: self.ids[row["id"]])
            shown = {self.ids[row["id"]]: self.bare(ask, row) for row in rows[:_MOST_SHOWN]}
            if shown:
                found[kind.section] = shown
            if len(rows) > len(shown):
                found[f"{kind.section} in all"] = len(rows)
        return yaml.safe_dump(found, sort_keys=False, default_flow_style=None, width=100, allow_unicode=True)

    def bare(self, ask: Ask, row: Answer) -> dict[str, object]:
        """What is not empty of a record; links in the order of their names."""
        if "fields" not in row:  # a file
            return {key: row[key] for key in ("filename", "mimeType", "sizeBytes", "status")}
        fields = {key: cell["value"] for key, cell in row["fields"].items()}
        rels = row.get("relationships", {}).items()
        links = {key: rel.get("directions", {}).get("asSource", rel)["values"] for key, rel in rels} | _members(
            ask, row
        )
        named = {key: sorted(self.ids[id] for id in ids) for key, ids in links.items()}
        return {key: value for key, value in (fields | named).items() if value not in (None, "", [])}


class Ask:
    """Requests to the sandbox, without awaiting."""

    def __init__(self, runner: asyncio.Runner, client: httpx.AsyncClient) -> None:
        self.runner = runner
        self.client = client

    def __call__(self, method: str, path: str, body: Answer = None) -> Answer:
        content = "" if body is None else json.dumps(body)
        sent = self.client.request(method, path, content=content, headers={"Content-Type": "application/json"})
        answer = self.runner.run(sent)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self, path: str, query: str = "") -> list[Answer]:
        """All of a list, oldest first."""
        found: list[Answer] = []
        while True:
            page = self("GET", f"{path}?offset={len(found)}{query}")
            found += page["data"]
            if len(found) >= page["totalCount"]:
                return found[::-1]


def _values(ask: Ask) -> set[str]:
    """Every text that the workspace holds."""
    paths = ["/v1/members", *(kind.path for kind in KINDS.values())]
    trash = {kind.path for kind in KINDS.values() if kind.trash}
    rows = [
        row
        for path in paths
        for row in (*ask.rows(path), *(ask.rows(path, "&status=trashed") if path in trash else ()))
    ]
    return {text for row in rows for cell in row.get("fields", {}).values() for text in _leaves(cell["value"])}


def _leaves(value: Answer) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)


def _called(ask: Ask) -> Iterator[tuple[str, str]]:
    """(id, what a person calls it) of everything in the workspace."""
    for row in ask.rows("/v1/members"):
        yield row["id"], row["fields"]["$email"]["value"].split("@")[0]
    for kind in KINDS.values():
        for definition in _definitions(ask, kind.path) if kind.definitions else ():
            for option in definition.get("typeConfiguration", {}).get("options") or ():
                yield option["id"], option["label"]
        trashed = ask.rows(kind.path, "&status=trashed") if kind.trash else []
        for row in ask.rows(kind.path) + trashed:
            yield row["id"], _title(row)


def _definitions(ask: Ask, path: str) -> list[Answer]:
    return list(ask("GET", f"{path}/definitions")["fieldDefinitions"].values())


def _title(row: Answer) -> str:
    if "filename" in row:
        return str(row["filename"])
    value = next(v["value"] for key in ("$name", "$title") if (v := row["fields"].get(key)))
    parts = [value.get("firstName"), value.get("lastName")] if isinstance(value, dict) else [value]
    return " ".join(part for part in parts if part)


def _members(ask: Ask, row: Answer) -> dict[str, list[str]]:
    holds = row["fields"].get("$objectType", {}).get("value")
    if holds is None:
        return {}
    section = MEMBER_KEYS[holds.lstrip("$")].lstrip("$")
    return {"members": [member["id"] for member in ask.rows(f"/v1/lists/{row['id']}/{section}")]}


def _yaml(path: Path) -> Answer:
    return yaml.safe_load(path.read_text()) if path.exists() else {}


def cases() -> Mapping[str, Path]:
    """Every case by name."""
    return {path.parent.name: path.parent for path in sorted(CASES.glob("*/desired.yaml"))}
