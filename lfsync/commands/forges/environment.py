"""Which forge a CI belongs to: told by the environment, or by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from lfsync.commands.forges.forge import Environment, Forge
from lfsync.commands.forges.github import github
from lfsync.commands.forges.gitlab import gitlab
from lfsync.errors import UsageError

_FORGES: Final[Mapping[str, Callable[[Environment], Forge]]] = {"github": github, "gitlab": gitlab}


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
