"""A runner of GitHub Actions, as far as action.yml and the workflow around it need one.

Checkouts are real clones; what other actions do (`checkout`, `upload-artifact`, `download-artifact`) is done by hand.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.rig import LFSYNC
from tests.render.runner import Command, commands

ROOT = Path(__file__).parents[2]
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_WORDS = re.compile(r"'[^']*'|&&|\|\||==|!=|!|[A-Za-z_][\w.-]*|[(),]")
_OPERATORS = {"&&": " and ", "||": " or ", "!": " not "}
_PLACE_IN_PYTHON = """\
#!{python}
import os, stat, sys
with open(os.environ["CALLS"], "a") as log: log.write(" ".join(sys.argv[1:]) + "\\n")
if sys.argv[1:3] == ["-m", "venv"]:
    os.makedirs(sys.argv[3] + "/bin")
    os.symlink({lfsync!r}, sys.argv[3] + "/bin/lfsync")
    os.symlink(__file__, sys.argv[3] + "/bin/python")
"""


@dataclass
class Job:
    """What a job left behind."""

    folder: Path
    ok: bool = True
    log: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)

    @property
    def annotations(self) -> list[Command]:
        """What the runner obeyed, between `stop-commands` and its token nothing."""
        found: list[Command] = []
        deaf = ""
        for each in commands(self.log):
            if deaf:
                deaf = "" if each.name == deaf else deaf
            elif each.name == "stop-commands":
                deaf = each.data
            else:
                found.append(each)
        return found


@dataclass
class GitHub:
    """One repository, its workflow, and the runs of it."""

    shelf: Path
    env: Mapping[str, str]
    workflow: Mapping[str, Any]
    action: Mapping[str, Any]
    count: int = 0

    @property
    def remote(self) -> str:
        return (self.shelf / "remote.git").as_uri()

    @property
    def installed(self) -> str:
        """What the set-up asked of Python and pip."""
        return (self.shelf / "calls").read_text()

    def start(self, folder: Path) -> None:
        """The repository, with what is in `folder`."""
        tools = self.shelf / "tools"
        tools.mkdir()
        (tools / "python3").write_text(_PLACE_IN_PYTHON.format(python=sys.executable, lfsync=str(LFSYNC)))
        (tools / "python3").chmod(0o755)
        self.sh(self.shelf, f"git init -q --bare -b main remote.git && git init -q -b main {folder.name}")
        self.sh(folder, f"git remote add origin {self.remote}")

    def merge(self, folder: Path) -> str:
        """Somebody's files get into main: the commit."""
        who = "-c user.name=t -c user.email=t@t.example"
        self.sh(folder, f"git add . && git {who} commit -qm work")
        if self.sh(folder, "git ls-remote origin"):
            self.sh(folder, f"git {who} pull -q --no-rebase --no-edit origin main")
        self.sh(folder, "git push -q origin HEAD:main")
        return self.sh(folder, "git rev-parse HEAD").strip()

    def run(self, event: str, commit: str, *jobs: str, payload: Mapping[str, object] | None = None) -> dict[str, Job]:
        """The jobs of one run, in their order; one whose `if` says no is not there."""
        self.count += 1
        return self.resume(self.count, event, commit, {}, *jobs, payload=payload)

    def resume(
        self,
        run: int,
        event: str,
        commit: str,
        done: dict[str, Job],
        *jobs: str,
        payload: Mapping[str, object] | None = None,
    ) -> dict[str, Job]:
        """Goes on with a run that waited for approval."""
        for name in jobs:
            job = self.workflow["jobs"][name]
            wanted = [job["needs"]] if "needs" in job else []
            needs = {each: {"outputs": done[each].outputs} for each in wanted if each in done}
            github = {"event_name": event, "event": payload or {}, "token": "ghs_job", "ref": "refs/heads/main"}
            contexts = {"github": github, "needs": needs, "secrets": {}, "steps": {}}
            ready = len(needs) == len(wanted) and all(done[each].ok for each in needs)
            if ready and evaluate(job.get("if", "true"), contexts):
                done[name] = self._job(f"run-{run}-{name}", job, contexts, commit, self.shelf / f"run-{run}-artifacts")
        return done

    def _job(self, name: str, job: Mapping[str, Any], contexts: dict[str, Any], commit: str, artifacts: Path) -> Job:
        home = self.shelf / name
        (home / "temp").mkdir(parents=True)
        event = home / "event.json"
        event.write_text(json.dumps(contexts["github"]["event"]))
        made = Job(home / "work")
        env = {**self.env, "GITHUB_EVENT_PATH": str(event), "GITHUB_WORKSPACE": str(made.folder)}
        env |= {"RUNNER_TEMP": str(home / "temp"), "GITHUB_ACTION_PATH": str(ROOT), "CALLS": str(self.shelf / "calls")}
        env["GITHUB_EVENT_NAME"] = contexts["github"]["event_name"]
        env |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(home / "summary")}
        env["PATH"] = f"{self.shelf / 'tools'}{os.pathsep}{env['PATH']}"
        contexts["runner"] = {"temp": str(home / "temp")}
        for step in job["steps"]:
            if step["uses"].startswith("actions/checkout@"):
                self.sh(home, f"git clone -q --depth 1 {self.remote} work")
                self.sh(made.folder, f"git fetch -q --depth 1 origin {commit} && git checkout -q --detach {commit}")
            else:
                assert step["uses"].partition("@")[0] == "YOUR-ORG/lfsync"
                given = {key: fill(value, contexts) for key, value in step.get("with", {}).items()}
                outputs = self._composite(made, given, contexts, env, artifacts)
                contexts["steps"][step.get("id", "")] = {"outputs": outputs}
        made.outputs = {key: fill(value, contexts) for key, value in job.get("outputs", {}).items()}
        made.summary = (home / "summary").read_text("utf-8") if (home / "summary").exists() else ""
        return made

    def _composite(
        self, made: Job, given: Mapping[str, str], outer: Mapping[str, Any], env: dict[str, str], artifacts: Path
    ) -> dict[str, str]:
        """The steps of action.yml: each whose `if` holds, none after a failure without `always()`."""
        inputs = self.action["inputs"]
        assert given.keys() <= inputs.keys(), "the workflow asks for what the action does not know"
        values = {key: given.get(key, fill(one.get("default", ""), outer)) for key, one in inputs.items()}
        contexts = {**outer, "inputs": values, "steps": {}}
        for step in self.action["runs"]["steps"]:
            contexts["ok"] = made.ok
            condition = step.get("if", "success()")
            asks = re.search(r"\b(always|failure)\(\)", condition)
            if not (evaluate(condition, contexts) and (made.ok or asks)):
                continue
            made.steps.append(step["name"])
            if "uses" in step:
                _carry(step, contexts, artifacts, made.folder)
                continue
            own = {key: fill(value, contexts) for key, value in step.get("env", {}).items()}
            code, outputs = self._script(made, step["run"], {**env, **own}, env)
            contexts["steps"][step.get("id", "")] = {"outputs": outputs}
            made.ok = made.ok and code == 0
        return {key: fill(one["value"], contexts) for key, one in self.action["outputs"].items()}

    def _script(
        self, made: Job, script: str, env: Mapping[str, str], later: dict[str, str]
    ) -> tuple[int, dict[str, str]]:
        told = {name: made.folder.parent / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH")}
        for path in told.values():
            path.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            env={**env, **{name: str(path) for name, path in told.items()}},
            cwd=made.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        made.log += done.stdout
        later |= _pairs(told["GITHUB_ENV"])
        for line in told["GITHUB_PATH"].read_text().splitlines():
            later["PATH"] = f"{line}{os.pathsep}{later['PATH']}"
        return done.returncode, _pairs(told["GITHUB_OUTPUT"])

    def sh(self, folder: Path, script: str) -> str:
        done = subprocess.run(
            ["bash", "-e", "-c", script], env=dict(self.env), cwd=folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def _pairs(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def _carry(step: Mapping[str, Any], contexts: Mapping[str, Any], artifacts: Path, folder: Path) -> None:
    """An artifact, kept or taken."""
    asked = {key: fill(value, contexts) for key, value in step["with"].items()}
    kept, path = artifacts / asked["name"], folder / asked["path"]
    if step["uses"].startswith("actions/upload-artifact@"):
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        shutil.copytree(path, kept, dirs_exist_ok=True) if path.is_dir() else shutil.copy(path, kept)
    else:
        assert step["uses"].startswith("actions/download-artifact@")
        shutil.copytree(kept, path, dirs_exist_ok=True)


def fill(text: object, contexts: Mapping[str, Any]) -> str:
    """A text with its `${{ }}`."""
    said = str(text).lower() if isinstance(text, bool) else str(text)
    return _EXPRESSION.sub(lambda hit: _shown(evaluate(hit[1], contexts)), said)


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def evaluate(expression: str, contexts: Mapping[str, Any]) -> Any:
    """An expression, with or without its braces."""
    inner = _EXPRESSION.fullmatch(expression.strip())
    text = inner[1] if inner else expression
    calls = {"always": lambda: True, "failure": lambda: not contexts["ok"], "success": lambda: contexts["ok"]}
    translated = "".join(_OPERATORS.get(word) or _python(word) for word in _WORDS.findall(text))
    return eval(translated, {**calls, "look": lambda name: _looked_up(name, contexts)})


def _python(word: str) -> str:
    if word == "true":
        return "True"
    return f"look({word!r})" if re.match(r"[A-Za-z_]", word) and word not in ("always", "failure", "success") else word


def _looked_up(name: str, contexts: Mapping[str, Any]) -> Any:
    """What is not there is null, and null is the empty text."""
    found: Any = contexts
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return "" if found is None else found


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))
