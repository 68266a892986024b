"""`lfsync init`, `validate` and `schema`. I/O."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

from lfsync.api.client import Client
from lfsync.applying.run_report import event_schema, run_schema
from lfsync.commands.answers.documents import answer_schemas
from lfsync.commands.answers.problems import problems_json
from lfsync.commands.definitions import age, keep, keep_schemas, not_checked, saved_of, tell_unread
from lfsync.commands.forges.annotating import warnings_for_github
from lfsync.commands.opening import open_session
from lfsync.commands.planning import listener
from lfsync.commands.terminal.console import Options, out, say
from lfsync.commands.terminal.loop import awaited
from lfsync.connection import client_settings
from lfsync.errors import ConfigError, UsageError
from lfsync.planning.definitions import builtin_schema
from lfsync.planning.live_schema import read_answers
from lfsync.planning.plan_file import plan_schema
from lfsync.planning.prepare import prepare
from lfsync.planning.saved_definitions import Answers, Saved, schema_of
from lfsync.project.folder import SETTINGS
from lfsync.project.load import Project, load_project
from lfsync.project.scaffold import SANDBOX, init_live, refuse_taken
from lfsync.project.scaffold import init as scaffold
from lfsync.project.schemas.files import resources_schema, settings_schema
from lfsync.project.schemas.workspace import workspace_schema, workspace_settings_schema
from lfsync.project.settings import WORKSPACE_NAME, WorkspaceSettings
from lfsync.project.workspace import Workspace, choose_workspace, workspace_at
from lfsync.render.terminal import escape
from lfsync.times import iso

_LIVE_NAME = "prod"


def init(options: Options) -> int:
    """A project that plans at once."""
    root = options.folder or Path()  # never a project further up (rule C17)
    written = scaffold(root)
    for path in (*written, *keep_schemas(workspace_at(root.resolve(), SANDBOX, WorkspaceSettings()))):
        out(f"wrote {path}")
    there = "" if root == Path() else f" -C {root}"
    out(f"Now run `lfsync{there} plan`.")
    return 0


def init_from_workspace(options: Options) -> int:
    """A project for a workspace that is in use: its settings and its definitions, and no resource yet."""
    root, given = options.folder or Path(), options.workspace
    name = given if given is not None else os.environ.get("LFSYNC_WORKSPACE") or _LIVE_NAME
    if not WORKSPACE_NAME.fullmatch(name):
        hint = "Letters, digits, - and _ only; a letter or digit first."
        raise UsageError(f"`{name}` can't be the name of a workspace", hint=hint)
    refuse_taken(root)
    workspace = workspace_at(root.resolve(), name, WorkspaceSettings())
    answers, now = awaited(_live(options, workspace))
    tell_unread(schema_of(answers))
    kept, _ = keep(workspace, answers, now)  # the settings come last: until they are there, it can be tried again
    url = None if workspace.base_url == WorkspaceSettings().base_url else workspace.base_url
    for path in (*init_live(root, name, url, workspace.modeline(SETTINGS, "lfsync.json")), *kept):
        out(f"wrote {path}")
    there = "" if root == Path() else f" -C {root}"
    out("Nothing is imported yet. Next, in this order:")
    out(f"  lfsync{there} import --all    what is there into files; `--dry-run` shows it first")
    out(f"  lfsync{there} plan            shows no change")
    out("  git add . and git commit")
    return 0


async def _live(options: Options, workspace: Workspace) -> tuple[Answers, str]:
    """What the workspace has, and the server's time."""
    async with Client(client_settings(workspace, None), on_exchange=listener(options)) as client:
        answers = await read_answers(client, await client.validate())
        return answers, iso(client.now())


def validate(options: Options, *, online: bool, format: str) -> int:
    """0, or all problems at once."""
    if online:
        project, against = awaited(_online(options)), "the files and the live definitions"
    else:
        project, against = _offline(options)
    if format == "github":
        out(warnings_for_github(project, options))
    else:
        for warning in project.warnings:
            say(escape(f"Warning: {warning}"))
    count = len(project.resources)
    told = f"{count} resource{'' if count == 1 else 's'}, no problems found in {against}."
    if format == "json":
        say(told)
        out(problems_json(()))
    else:
        out(told)
    return 0


def _offline(options: Options) -> tuple[Project, str]:
    """The project that was checked, and against what. ConfigError with every problem."""
    project = load_project(options.root)
    workspace = _named_workspace(project, options)
    if workspace is None:
        check_offline(project)
        return project, "the files; --online looks at the workspace too"
    try:
        saved = saved_of(workspace)
    except ConfigError as error:
        check_offline(replace(project, problems=(*project.problems, *error.problems)))
        raise
    if saved and (unread := not_checked(saved, _kinds(project))):
        say(escape(unread))
    check_offline(project, saved, workspace.name)
    against = f"the files and the definitions of `{workspace.name}` {age(saved)}" if saved else "the files"
    return project, f"{against}; --online looks at the workspace too"


def _named_workspace(project: Project, options: Options) -> Workspace | None:
    """The workspace whose saved definitions count; None where none is named (rule V3)."""
    is_named = options.workspace is not None or os.environ.get("LFSYNC_WORKSPACE")
    if not is_named and project.settings.default_workspace is None:
        return None
    return choose_workspace(project, options.workspace)


def _kinds(project: Project) -> set[str]:
    declared = {address.kind for address in project.resources}
    return declared | {mapping.address.kind for mapping in project.mappings}


def check_offline(project: Project, saved: Saved | None = None, workspace: str | None = None) -> None:
    """All that can be said without a workspace, or with what is `saved` of one. ConfigError with every problem."""
    schema = saved.schema if saved else builtin_schema()
    _, problems = prepare(project.resources, schema, complete=saved is not None, mappings=project.mappings)
    if project.problems or problems:
        known = age(saved) if saved else None
        raise ConfigError([*project.problems, *problems], workspace=workspace if saved else None, saved=known)


async def _online(options: Options) -> Project:
    """The project that was checked."""
    async with open_session(options.root, options.workspace) as session:
        await session.prepare()
        return session.project


def schema(options: Options, name: str | None) -> int:
    """The JSON Schema of one kind of file, or of all by name; strict where the project has saved definitions."""
    saved = _saved(options, needed=name != "lfsync") if name in (None, "resources", "lfsync") else None
    made: dict[str, object] = {
        "resources": workspace_schema(saved.schema) if saved else resources_schema(),
        "lfsync": workspace_settings_schema(saved.schema) if saved else settings_schema(),
        "plan": plan_schema(),
        "run": run_schema(),
        "event": event_schema(),
        **answer_schemas(),
    }
    out(json.dumps(made[name] if name else made, indent=2))
    return 0


def _saved(options: Options, *, needed: bool) -> Saved | None:
    """What is saved of the workspace of a project, if there is one. Not `needed`: none where that can't be read."""
    if not (options.root / SETTINGS).exists():
        return None
    try:
        workspace = _named_workspace(load_project(options.root), options)
        return saved_of(workspace) if workspace else None
    except ConfigError:
        if needed:
            raise
        return None  # the schema of `lfsync.yaml` is asked for where something is wrong with it
