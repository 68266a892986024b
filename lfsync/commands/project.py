"""`lfsync init`, `validate` and `schema`. I/O."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from lfsync.commands.console import Options, out, say
from lfsync.planning.plan_file import plan_schema
from lfsync.planning.session import check_offline, open_session
from lfsync.project.file_schemas import resources_schema, settings_schema
from lfsync.project.load import Project
from lfsync.project.scaffold import init as scaffold
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


def validate(options: Options, *, online: bool) -> int:
    """0, or all problems at once."""
    project = asyncio.run(_online(options)) if online else check_offline(options.root)
    for warning in project.warnings:
        say(escape(f"Warning: {warning}"))
    count = len(project.resources)
    checked = "the files and the live definitions" if online else "the files; --online looks at the workspace too"
    out(f"{count} resource{'' if count == 1 else 's'}, no problems found in {checked}.")
    return 0


async def _online(options: Options) -> Project:
    """The project that was checked."""
    async with open_session(options.root, options.workspace) as session:
        await session.prepare()
        return session.project


def schema(name: str | None) -> int:
    """The JSON Schema of one kind of file, or of all by name."""
    made: dict[str, object] = {"resources": resources_schema(), "lfsync": settings_schema(), "plan": plan_schema()}
    out(json.dumps(made[name] if name else made, indent=2))
    return 0
