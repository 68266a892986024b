"""Which merge request a job of GitLab CI runs for, and how GitLab is spoken to."""

from __future__ import annotations

from typing import Final

from lfsync.commands.forges.forge import NUMBER, Environment, Forge, base_in, token_in
from lfsync.errors import UsageError

_NOBODY: Final = 0  # no user's id


def gitlab(env: Environment) -> Forge:
    number = env.get("CI_MERGE_REQUEST_IID", "")
    project = env.get("CI_MERGE_REQUEST_PROJECT_ID") or env.get("CI_PROJECT_ID", "")
    if not NUMBER.fullmatch(number) or not NUMBER.fullmatch(project):
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
    token = token_in(env, token_from, hint=rights)
    notes = f"/projects/{project}/merge_requests/{number}/notes"
    return Forge(
        name="GitLab",
        request=f"merge request !{number}",
        base=base_in(env, "CI_API_V4_URL"),
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
    return int(user) if NUMBER.fullmatch(user) else _NOBODY
