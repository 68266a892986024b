"""Which pull or merge request a CI runs for, and how its forge is spoken to: told by the environment. I/O.

GitHub's and GitLab's APIs differ in paths, headers and names only: each is a `Forge`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

import httpx

from lfsync.api.answers import clean
from lfsync.api.wire import is_loopback
from lfsync.errors import CredentialsError, UsageError
from lfsync.model import JSON

Environment: TypeAlias = Mapping[str, str]

_REPOSITORY: Final = re.compile(r"(?!\.{1,2}/)[\w.-]+/(?!\.{1,2}$)[\w.-]+", re.ASCII)
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_NOBODY: Final = 0  # no user's id
_PORTS: Final = 65_535


@dataclass(frozen=True, slots=True)
class Forge:
    """Where the comments are, and who asks. `token` is never shown; `token_from` names where it came from.

    `comments`: the path that lists them and takes a new one. `comment`: the path of one, without its id.
    `whoami`: the path that tells whose token it is; empty where the token may not ask, and the environment tells it:
    `writes_as`. `rights`: what to do where the token may not do what it must. `job_is_bot`: a job's own token writes as
    a bot, which no person can be.
    """

    name: str
    request: str
    base: str
    token: str = field(repr=False)
    token_from: str
    headers: Mapping[str, str] = field(repr=False)
    comments: str
    comment: str
    edit: Literal["PATCH", "PUT"]
    whoami: str
    rights: str
    job_is_bot: bool = False
    writes_as: int | None = None


def forge_of(on: str | None, env: Environment) -> Forge:
    """The forge whose CI this is, or the one that `on` names. UsageError where the environment doesn't tell all."""
    if on is None:
        on = "github" if env.get("GITHUB_ACTIONS") else "gitlab" if env.get("GITLAB_CI") else None
    if on is None:
        raise UsageError(
            "this is neither a job of GitHub Actions nor one of GitLab CI",
            hint="Name the forge with --on; --dry-run prints what would be put.",
        )
    return _FORGES[on](env)


def _github(env: Environment) -> Forge:
    repository, number = env.get("GITHUB_REPOSITORY", ""), _pull_request(env)
    if not _REPOSITORY.fullmatch(repository):
        raise UsageError("GITHUB_REPOSITORY names no repository: it is OWNER/NAME in a job of GitHub Actions")
    token = _token(env, "GITHUB_TOKEN", hint='Give the step `env: {GITHUB_TOKEN: "${{ github.token }}"}`.')
    return Forge(
        name="GitHub",
        request=f"pull request #{number}",
        base=_base(env, "GITHUB_API_URL"),
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
    if not _NUMBER.fullmatch(number):
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


def _gitlab(env: Environment) -> Forge:
    number = env.get("CI_MERGE_REQUEST_IID", "")
    project = env.get("CI_MERGE_REQUEST_PROJECT_ID") or env.get("CI_PROJECT_ID", "")
    if not _NUMBER.fullmatch(number) or not _NUMBER.fullmatch(project):
        raise UsageError(
            "this job runs for no merge request: CI_MERGE_REQUEST_IID or CI_PROJECT_ID is missing",
            hint='Run it with `rules: [{if: $CI_PIPELINE_SOURCE == "merge_request_event"}]`. --dry-run prints what '
            "would be put.",
        )
    rights = (
        "Put a project access token with the scope `api` and the role Reporter into the CI variable GITLAB_TOKEN: "
        "masked, and not protected, or merge requests don't get it."
    )
    is_own = bool(env.get("GITLAB_TOKEN"))
    token_from = "GITLAB_TOKEN" if is_own else "CI_JOB_TOKEN"
    token = _token(env, token_from, hint=rights)
    notes = f"/projects/{project}/merge_requests/{number}/notes"
    return Forge(
        name="GitLab",
        request=f"merge request !{number}",
        base=_base(env, "CI_API_V4_URL"),
        token=token,
        token_from=token_from,
        headers={"PRIVATE-TOKEN" if is_own else "JOB-TOKEN": token},
        comments=notes,
        comment=notes,
        edit="PUT",
        whoami="/user" if is_own else "",
        rights=rights,
        writes_as=_user(env) if not is_own else None,
    )


def _user(env: Environment) -> int:
    """As whom a job of GitLab writes: the one who started it."""
    user = env.get("GITLAB_USER_ID", "")
    return int(user) if _NUMBER.fullmatch(user) else _NOBODY


_FORGES: Final[Mapping[str, Callable[[Environment], Forge]]] = {"github": _github, "gitlab": _gitlab}


def _token(env: Environment, name: str, *, hint: str) -> str:
    """CredentialsError where there is none; one that can't stand in a header would show in httpx's own message."""
    token = env.get(name, "").strip()
    if not token:
        raise CredentialsError(f"{name} is not set", hint=hint)
    if not token.isascii() or not token.isprintable() or " " in token:
        raise CredentialsError(f"{name} holds no token: it has characters that a token can't have", hint=hint)
    return token


def _base(env: Environment, name: str) -> str:
    """The API's address as the CI gives it. UsageError unless the token is safe on the way there."""
    try:
        url = httpx.URL(env.get(name, "").strip())
    except httpx.InvalidURL:
        raise UsageError(f"{name} is not a URL") from None
    if (
        url.scheme not in ("http", "https")
        or not url.host
        or url.userinfo
        or url.query
        or url.fragment
        or (url.port or 0) > _PORTS
    ):
        raise UsageError(f"{name} must be https://HOST/..., as the CI sets it")
    if url.scheme == "http" and not is_loopback(url.host):
        raise UsageError(f"{name}: plain http to {clean(url.host, 100)} would show the token to the network")
    return str(url).rstrip("/")
