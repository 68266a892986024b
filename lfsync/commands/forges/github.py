"""Which pull request a job of GitHub Actions runs for, and how GitHub is spoken to. I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lfsync.commands.forges.forge import NUMBER, Environment, Forge, base_in, token_in
from lfsync.errors import UsageError
from lfsync.model import JSON

_REPOSITORY: Final = re.compile(r"(?!\.{1,2}/)[\w.-]+/(?!\.{1,2}$)[\w.-]+", re.ASCII)


def github(env: Environment) -> Forge:
    repository, number = env.get("GITHUB_REPOSITORY", ""), _pull_request(env)
    if not _REPOSITORY.fullmatch(repository):
        raise UsageError("GITHUB_REPOSITORY names no repository: it is OWNER/NAME in a job of GitHub Actions")
    token = token_in(env, "GITHUB_TOKEN", hint='Give the step `env: {GITHUB_TOKEN: "${{ github.token }}"}`.')
    return Forge(
        name="GitHub",
        request=f"pull request #{number}",
        base=base_in(env, "GITHUB_API_URL"),
        token=token,
        token_from="GITHUB_TOKEN",
        headers={
            "Authorization": f"Bearer {token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        },
        comments=f"/repos/{repository}/issues/{number}/comments",
        comment=f"/repos/{repository}/issues/comments",
        edit="PATCH",
        whoami="/user",
        rights="Give the job `permissions: {pull-requests: write}`. For a pull request from a fork GitHub's token may "
        "only read.",
        job_is_bot=True,
    )


def _pull_request(env: Environment) -> str:
    """The number of the pull request that the event is about."""
    event = _event(env.get("GITHUB_EVENT_PATH", ""))
    issue = event.get("issue")
    about = event.get("pull_request") or (issue if isinstance(issue, dict) and issue.get("pull_request") else None)
    found = about.get("number") if isinstance(about, dict) else None
    by_ref = re.fullmatch(r"refs/pull/([0-9]+)/(?:merge|head)", env.get("GITHUB_REF", ""))
    number = str(found) if isinstance(found, int) else by_ref[1] if by_ref else ""
    if not NUMBER.fullmatch(number):
        raise UsageError(
            "this job runs for no pull request: neither GITHUB_EVENT_PATH nor GITHUB_REF names one",
            hint="Run it `on: pull_request`. --dry-run prints what would be put.",
        )
    return number


def _event(path: str) -> Mapping[str, JSON]:
    try:
        found = json.loads(Path(path).read_text("utf-8")) if path else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
