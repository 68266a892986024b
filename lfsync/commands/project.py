"""`lfsync init`, `validate` and `schema`. I/O."""

from __future__ import annotations

import asyncio
import json
import os
import time
from dataclasses import replace
from pathlib import Path

from lfsync.commands.console import Options, out, say
from lfsync.commands.definitions import keep, saved_of
from lfsync.commands.opening import open_session
from lfsync.commands.problems import problems_json
from lfsync.errors import ConfigError, UsageError
from lfsync.kinds import OBJECT
from lfsync.planning.definitions import builtin_schema
from lfsync.planning.live_schema import read_answers
from lfsync.planning.plan_file import plan_schema
from lfsync.planning.prepare import prepare
from lfsync.planning.saved_definitions import Saved
from lfsync.project.file_schemas import resources_schema, settings_schema
from lfsync.project.folder import SETTINGS
from lfsync.project.keys import key_problem
from lfsync.project.load import Project, load_project
from lfsync.project.scaffold import init as scaffold
from lfsync.project.scaffold import init_live
from lfsync.project.workspace import choose_workspace
from lfsync.project.workspace_schema import workspace_schema, workspace_settings_schema
from lfsync.render.terminal import escape
from lfsync.times import unix_time

_LIVE_NAME = "prod"
_DAY = 24 * 3600
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


def init_from_workspace(options: Options) -> int:
    """A project for a workspace that is in use: its settings and its definitions, and no resource yet."""
    root, name = options.folder or Path(), options.workspace or _LIVE_NAME
    if key_problem(name):
        raise UsageError(f"-w {name}: not a name for a workspace", hint="Letters, digits and . _ - only.")
    written = init_live(root, name, os.environ.get("LIGHTFIELD_BASE_URL") or None)
    try:
        written += asyncio.run(_kept(replace(options, folder=root, workspace=name)))
    except BaseException:
        (root / SETTINGS).unlink(missing_ok=True)  # so that it can be tried again, with the right key
        raise
    for path in written:
        out(f"wrote {path}")
    there = "" if root == Path() else f" -C {root}"
    out("Nothing is imported yet. Next:")
    out(f"  lfsync{there} import --all --dry-run    what there is, as it would be written")
    out(f"  lfsync{there} import --all              into files; or `import account --where KEY=VALUE`, and so on")
    out(f"  lfsync{there} plan                      no change")
    return 0


async def _kept(options: Options) -> list[str]:
    async with open_session(options.root, options.workspace, may_be_empty=True) as session:
        token = await session.client.validate()
        answers = await read_answers(session.client, token)
        if answers.missing:
            say(f"This key may not read {', '.join(answers.missing)}: nothing is known of it.")
        return keep(session.workspace, answers, session.now())


def validate(options: Options, *, online: bool, format: str) -> int:
    """0, or all problems at once."""
    saved = None if online else _saved(options)
    project = asyncio.run(_online(options)) if online else check_offline(options.root, saved)
    for warning in project.warnings:
        say(escape(f"Warning: {warning}"))
    if format == "json":
        out(problems_json(()))
        return 0
    count = len(project.resources)
    checked = (
        "the files and the live definitions" if online else f"{_against(saved)}; --online looks at the workspace too"
    )
    out(f"{count} resource{'' if count == 1 else 's'}, no problems found in {checked}.")
    return 0


def _saved(options: Options) -> Saved | None:
    """What is saved of the workspace; nothing where none is named (rule V3)."""
    project = load_project(options.root)
    if options.workspace is None and not project.settings.default_workspace and "LFSYNC_WORKSPACE" not in os.environ:
        return None
    return saved_of(choose_workspace(project, options.workspace))


def _against(saved: Saved | None) -> str:
    if saved is None:
        return "the files"
    age = int((time.time() - (unix_time(saved.at) or 0)) // _DAY)
    when = "today" if age < 1 else "yesterday" if age == 1 else f"{age} days ago"
    return f"the files and the definitions saved {when} ({saved.at[:10]})"


def check_offline(root: Path, saved: Saved | None = None) -> Project:
    """All that can be said without a workspace, or with what is `saved` of one. ConfigError with every problem."""
    project = load_project(root)
    objects = any(address.kind.startswith(OBJECT) for address in project.resources)
    known = saved if saved and not (objects and saved.missing) else None
    schema = known.schema if known else builtin_schema()
    _, problems = prepare(project.resources, schema, complete=known is not None, mappings=project.mappings)
    if project.problems or problems:
        raise ConfigError([*project.problems, *problems])
    return project


async def _online(options: Options) -> Project:
    """The project that was checked."""
    async with open_session(options.root, options.workspace) as session:
        await session.prepare()
        return session.project


def schema(options: Options, name: str | None) -> int:
    """The JSON Schema of one kind of file, or of all by name; strict where the project has saved definitions."""
    saved = _saved(options) if (options.root / SETTINGS).exists() else None
    resources = workspace_schema(saved.schema) if saved else resources_schema()
    settings = workspace_settings_schema(saved.schema) if saved else settings_schema()
    made: dict[str, object] = {"resources": resources, "lfsync": settings, "plan": plan_schema()}
    out(json.dumps(made[name] if name else made, indent=2))
    return 0
