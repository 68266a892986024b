"""`lfsync init`, `validate` and `schema`. I/O."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from lfsync.commands.console import Options, out
from lfsync.commands.opening import open_session
from lfsync.commands.problems import problems_json
from lfsync.errors import ConfigError
from lfsync.planning.definitions import builtin_schema
from lfsync.planning.plan_file import plan_schema
from lfsync.planning.prepare import prepare
from lfsync.project.file_schemas import resources_schema, settings_schema
from lfsync.project.load import Project, load_project
from lfsync.project.scaffold import init as scaffold

SCHEMAS = ("resources", "lfsync", "plan")


def init(options: Options) -> int:
    """A project that plans at once."""
    written = scaffold(options.root)
    for path in written:
        out(f"wrote {path}")
    there = "" if options.root == Path() else f" -C {options.root}"
    out(f"Now run `lfsync{there} plan`.")
    return 0


def validate(options: Options, *, online: bool, format: str) -> int:
    """0, or all problems at once."""
    count = asyncio.run(_online(options)) if online else len(check_offline(options.root).resources)
    if format == "json":
        out(problems_json(()))
        return 0
    checked = "the files and the live definitions" if online else "the files; --online looks at the workspace too"
    out(f"{count} resource{'' if count == 1 else 's'}, no problems found in {checked}.")
    return 0


def check_offline(root: Path) -> Project:
    """Everything that can be said without a workspace. ConfigError with all problems."""
    project = load_project(root)
    _, problems = prepare(project.resources, builtin_schema(), complete=False)
    if project.problems or problems:
        raise ConfigError([*project.problems, *problems])
    return project


async def _online(options: Options) -> int:
    """How many resources were checked."""
    async with open_session(options.root, options.workspace) as session:
        await session.prepare()
        return len(session.project.resources)


def schema(name: str | None) -> int:
    """The JSON Schema of one kind of file, or of all by name."""
    made: dict[str, object] = {"resources": resources_schema(), "lfsync": settings_schema(), "plan": plan_schema()}
    out(json.dumps(made[name] if name else made, indent=2))
    return 0
