"""examples/ci/gitlab.yml, its scripts run as GitLab runs them: the same promises as for GitHub."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.action.github import ROOT, load
from tests.e2e.rig import KEY, LFSYNC, clean_environment, serving
from tests.forges.fake import Forge
from tests.serving import served

_PIPELINE: Any = load(ROOT / "examples/ci/gitlab.yml")
_PUSH_URL = "https://lfsync:glpat-push@gitlab.corp.example:443/corp/crm.git"


@dataclass(frozen=True)
class GitLab:
    """One project, and the jobs of its pipelines."""

    shelf: Path
    env: dict[str, str]
    forge: Forge

    @property
    def remote(self) -> str:
        return (self.shelf / "remote.git").as_uri()

    def merge(self, folder: Path) -> str:
        who = "-c user.name=t -c user.email=t@t.example"
        self.sh(folder, f"git add . && git {who} commit -qm work")
        self.sh(folder, f"git {who} pull -q --no-rebase --no-edit origin main || true")
        self.sh(folder, "git push -q origin HEAD:main")
        return self.sh(folder, "git rev-parse HEAD").strip()

    def job(self, folder: str, name: str, commit: str, artifacts: Path | None = None, **env: str) -> tuple[Path, str]:
        """A job in a clone of its own, which is given back with what it printed."""
        work = self.shelf / folder
        self.sh(self.shelf, f"git clone -q {self.remote} {folder}")
        self.sh(work, f"git checkout -q --detach {commit}")
        if artifacts:
            for path in _PIPELINE["plan"]["artifacts"]["paths"]:
                shutil.copy(artifacts / path, work)
        variables = {key: str(value) for key, value in _PIPELINE["variables"].items()}
        lines = [*_PIPELINE["default"]["before_script"], *_PIPELINE[name]["script"]]
        return work, self.sh(work, "set -eo pipefail\n" + "\n".join(lines), **variables, **env)

    def sh(self, folder: Path, script: str, **env: str) -> str:
        command = ["bash", "-e", "-c", script]
        done = subprocess.run(command, env={**self.env, **env}, cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def _gitlab(shelf: Path) -> Iterator[tuple[GitLab, Path]]:
    project, forge, tools = shelf / "project", Forge(), shelf / "tools"
    shutil.copytree(ROOT / "examples/quickstart", project, ignore=shutil.ignore_patterns(".lfsync"))
    tools.mkdir()
    (tools / "pip").write_text("#!/bin/sh\n")  # lfsync is there already
    (tools / "pip").chmod(0o755)
    settings = shelf / "gitconfig"
    with serving(project / "sandbox/workspace.yaml") as server, served(forge.app()) as url:
        env = clean_environment(
            LIGHTFIELD_BASE_URL=server.url,
            LIGHTFIELD_READ_KEY=KEY,
            LIGHTFIELD_WRITE_KEY=KEY,
            GITLAB_CI="true",
            GITLAB_TOKEN="glpat-bot",
            PUSH_TOKEN="glpat-push",
            CI_API_V4_URL=f"{url}/api/v4",
            CI_PROJECT_ID="12",
            CI_DEFAULT_BRANCH="main",
            CI_SERVER_PROTOCOL="https",
            CI_SERVER_HOST="gitlab.corp.example",
            CI_SERVER_PORT="443",
            CI_PROJECT_PATH="corp/crm",
            PATH=os.pathsep.join([str(tools), str(LFSYNC.parent), os.environ["PATH"]]),
            GIT_CONFIG_GLOBAL=str(settings),
        )
        gitlab = GitLab(shelf, env, forge)
        settings.write_text(f'[url "{gitlab.remote}"]\n\tinsteadOf = {_PUSH_URL}\n')
        gitlab.sh(shelf, "git init -q --bare -b main remote.git && git init -q -b main project")
        gitlab.sh(shelf / "remote.git", "git config receive.advertisePushOptions true")
        gitlab.sh(project, f"git remote add origin {gitlab.remote}")
        yield gitlab, project


def test_a_merge_request_gets_a_comment_and_two_merges_in_a_row_lose_no_binding(tmp_path: Path) -> None:
    with _gitlab(tmp_path) as (gitlab, project):
        first = gitlab.merge(project)
        gitlab.job("request", "plan", first, CI_MERGE_REQUEST_IID="5")
        assert "6 to create" in gitlab.forge.bodies[0]
        one, printed = gitlab.job("one", "plan", first)
        assert "6 to create" in printed
        (project / "more.yaml").write_text("accounts: {elm: {fields: {$name: Elm Heating}}}\n", "utf-8")
        second = gitlab.merge(project)
        assert "Elm" not in gitlab.job("one-apply", "apply", first, one)[1]
        two, printed = gitlab.job("two", "plan", second)
        assert "Plan for prod: 1 to create; 8 unchanged" in printed
        gitlab.job("two-apply", "apply", second, two)

        gitlab.sh(tmp_path, f"git clone -q {gitlab.remote} end")
        kept = (tmp_path / "end/.lfsync/state/prod.jsonl").read_text("utf-8").splitlines()
        assert len({json.loads(line)["address"] for line in kept[1:]}) == 8 + 1
        assert not list((tmp_path / "end").glob("*.plan.json"))
        assert "No changes" in gitlab.job("last", "plan", second)[1]
        assert len(gitlab.forge.comments) == 1
