"""Where the project lies in the repository that a CI looks at. I/O."""

from __future__ import annotations

import os
from pathlib import Path


def folder_in_repository(root: Path) -> str:
    """The path from the repository to the project, with `/`; empty where the project is the repository.

    The repository is the folder upwards that holds `.git`, where there is none the CI's own (`GITHUB_WORKSPACE`,
    `CI_PROJECT_DIR`), else the project.
    """
    project = root.resolve()
    held = [folder for folder in (project, *project.parents) if os.path.lexists(folder / ".git")]
    named = (os.environ.get(name) for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"))
    for folder in (*held[:1], *(Path(name).resolve() for name in named if name)):
        if project.is_relative_to(folder):
            found = project.relative_to(folder).as_posix()
            return "" if found == "." else found
    return ""
