"""`lfsync comment`: a saved plan on the pull or merge request that it is for, in one comment. I/O."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

from lfsync.commands.forges.comments import Comments
from lfsync.commands.forges.environment import forge_of
from lfsync.commands.forges.repository import folder_in_repository
from lfsync.commands.shown_plan import is_project, read_plan, rules_of, shown_plan
from lfsync.commands.terminal.console import Options, out
from lfsync.errors import UsageError
from lfsync.model import Plan
from lfsync.render.markdown import LONGEST, plan_markdown
from lfsync.render.markdown_text import size

_FORMAT = "markdown"
_MOST = 65_400  # bytes; GitHub takes 65,536 characters in a comment


def comment(options: Options, path: Path, *, on: str | None, dry_run: bool) -> int:
    """0 once it is there. An empty plan changes a comment that is there, and makes none."""
    if not is_project(options):
        raise UsageError(
            "no project here: what of a plan may be published stands in its lfsync.yaml (`redact:`)",
            hint="Run it in the project's folder, or name that with -C DIR.",
        )
    made = shown_plan(read_plan(path), _FORMAT, rules_of(options, _FORMAT), hidden=False)
    folder = folder_in_repository(options.root)
    mark = mark_of(made.workspace.name, folder)
    heading = f"### lfsync: `{_harmless(folder)}`\n\n" if folder else ""
    top = f"{mark}\n{heading}"
    body = f"{top}{plan_markdown(made, longest=min(LONGEST, _MOST - size(top)))}"
    if dry_run:
        out(body)
        return 0
    forge = forge_of(on, os.environ)
    with Comments(forge) as comments:
        put = comments.put(mark, body, new=not is_empty(made))
    said = {
        "made": f"A new comment on {forge.request} has the plan.",
        "updated": f"The comment on {forge.request} has the plan now.",
        "unchanged": f"The comment on {forge.request} has this plan already.",
        "none": f"The plan is empty, and {forge.request} has no comment of it: nothing to say.",
    }
    out(said[put])
    return 0


def is_empty(plan: Plan) -> bool:
    """Nothing that a reviewer could look at."""
    return not (plan.changes or plan.blocked or plan.refusals)


def mark_of(workspace: str, folder: str) -> str:
    """What a comment begins with, unseen: one for each workspace and project folder."""
    return f"<!-- lfsync plan workspace={_harmless(workspace)} folder={_harmless(folder)} -->"


def _harmless(name: str) -> str:
    """A name as nothing but text, in an HTML comment and in a code span alike; two names give two texts."""
    return "".join(each if each.isalnum() or each in "/._-" else quote(each, errors="surrogateescape") for each in name)
