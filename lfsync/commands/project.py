"""`lfsync init`, `validate` and `schema`. I/O."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from lfsync.applying.run_report import event_schema, run_schema
from lfsync.commands.console import Options, out, say
from lfsync.commands.opening import open_session
from lfsync.commands.problems import problems_json
from lfsync.commands.repository import folder_in_repository
from lfsync.errors import ConfigError
from lfsync.planning.definitions import builtin_schema
from lfsync.planning.plan_file import plan_schema
from lfsync.planning.prepare import prepare
from lfsync.project.file_schemas import resources_schema, settings_schema
from lfsync.project.load import Project, load_project
from lfsync.project.scaffold import init as scaffold
from lfsync.render.annotations import warning_annotations
from lfsync.render.terminal import escape

SCHEMAS = ("resources", "lfsync", "plan")


def init(options: Options) -> int:
    """A project that plans at once."""
    root = options.folder or Path()  # never a project further up (rule C17)
    written = scaffold(root)
    for path in written:
        out(f"wrote {path}")
    there = "" if root == Path() else f" -C {root}"
    out(f"Now run `lfsync{there} plan`.")
    return 0


def validate(options: Options, *, online: bool, format: str) -> int:
    """0, or all problems at once."""
    project = asyncio.run(_online(options)) if online else check_offline(options.root)
    if format == "github":
        out(warning_annotations(project.warnings, folder_in_repository(options.root)))
    else:
        for warning in project.warnings:
            say(escape(f"Warning: {warning}"))
    if format == "json":
        out(problems_json(()))
        return 0
    count = len(project.resources)
    checked = "the files and the live definitions" if online else "the files; --online looks at the workspace too"
    out(f"{count} resource{'' if count == 1 else 's'}, no problems found in {checked}.")
    return 0


def check_offline(root: Path) -> Project:
    """Everything that can be said without a workspace. ConfigError with all problems."""
    project = load_project(root)
    _, problems = prepare(project.resources, builtin_schema(), complete=False, mappings=project.mappings)
    if project.problems or problems:
        raise ConfigError([*project.problems, *problems])
    return project


async def _online(options: Options) -> Project:
    """The project that was checked."""
    async with open_session(options.root, options.workspace) as session:
        await session.prepare()
        return session.project


def schema(name: str | None) -> int:
    """The JSON Schema of one kind of file, or of all by name."""
    made: dict[str, object] = {
        "resources": resources_schema(),
        "lfsync": settings_schema(),
        "plan": plan_schema(),
        "run": run_schema(),
        "event": event_schema(),
    }
    out(json.dumps(made[name] if name else made, indent=2))
    return 0
