"""What is wrong with a project, as annotations of GitHub Actions, which others read (rule G2). I/O."""

from __future__ import annotations

from collections.abc import Sequence

from lfsync.commands.forges.repository import folder_in_repository
from lfsync.commands.terminal.console import Options
from lfsync.errors import ConfigError, Problem
from lfsync.planning.redaction import redacted_problems, redacted_warnings
from lfsync.project.load import Project, load_project
from lfsync.render.annotations import problem_annotations, warning_annotations


def problems_for_github(problems: Sequence[Problem], options: Options | None) -> str:
    """Without what `redact:` hides. `options` None: no project was found."""
    if options is None:
        return problem_annotations(problems, "")
    project = _project(options)
    told = problems if project is None else redacted_problems(problems, project.resources, project.settings.redact)
    return problem_annotations(told, folder_in_repository(options.root))


def warnings_for_github(project: Project, options: Options) -> str:
    """Of the files; without what `redact:` hides."""
    told = redacted_warnings(project.warnings, project.settings.redact)
    return warning_annotations(told, folder_in_repository(options.root))


def _project(options: Options) -> Project | None:
    """None where `lfsync.yaml` itself is what is wrong: nothing else was read then."""
    try:
        return load_project(options.root)
    except ConfigError:
        return None
