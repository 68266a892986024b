"""`lfsync init`, `validate` and `schema`. I/O."""

from __future__ import annotations

import asyncio
import json

from lfsync.commands.console import Options, out
from lfsync.files import Project
from lfsync.fileschema import resources_schema, settings_schema
from lfsync.planfile import plan_schema
from lfsync.scaffold import init as scaffold
from lfsync.session import check_offline, open_session

SCHEMAS = ("resources", "lfsync", "plan")


def init(options: Options) -> int:
    """A project that plans at once."""
    written = scaffold(options.root)
    for path in written:
        out(f"wrote {path}")
    out("Now run `lfsync plan`.")
    return 0


def validate(options: Options, *, online: bool) -> int:
    """0, or all problems at once."""
    project = asyncio.run(_online(options)) if online else check_offline(options.root)
    count = len(project.resources)
    checked = "against the live definitions" if online else "without a workspace"
    out(f"{count} resource{'' if count == 1 else 's'}, no problems found {checked}.")
    return 0


async def _online(options: Options) -> Project:
    async with open_session(options.root, options.workspace) as session:
        await session.prepare()
        return session.project


def schema(name: str | None) -> int:
    """The JSON Schema of one kind of file, or of all by name."""
    made: dict[str, object] = {"resources": resources_schema(), "lfsync": settings_schema(), "plan": plan_schema()}
    out(json.dumps(made[name] if name else made, indent=2))
    return 0
