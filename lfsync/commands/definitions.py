"""`lfsync definitions`: what a workspace has, kept in the repository, held against what it has now. I/O."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Collection, Iterable
from pathlib import Path

from lfsync.commands.opening import open_session
from lfsync.commands.planning import listener
from lfsync.commands.terminal.console import Options, out, say
from lfsync.commands.terminal.loop import awaited
from lfsync.errors import ConfigError, Problem, UsageError
from lfsync.kinds import ANY_TYPE, KINDS, is_among, is_kind
from lfsync.model import JSON, Definitions, FieldDef, Place, RelDef, Schema
from lfsync.planning.live_schema import read_answers
from lfsync.planning.plan_file import safe
from lfsync.planning.saved_definitions import (
    MEMBERS,
    Answers,
    Saved,
    dumps,
    loads,
    moved,
    not_compared,
    same,
    schema_of,
)
from lfsync.planning.session import Session
from lfsync.project.documents import MAX_SIZE
from lfsync.project.schemas.files import resources_schema, settings_schema
from lfsync.project.schemas.workspace import workspace_schema, workspace_settings_schema
from lfsync.project.workspace import LOCAL, Workspace
from lfsync.render.definitions import definitions_text, in_order
from lfsync.render.terminal import escape
from lfsync.state.state import organisation_ids, refuse_foreign
from lfsync.state.state_file import ignore_local_files, replace_text
from lfsync.times import unix_time
from lfsync.wording import did_you_mean

_DAY = 24 * 3600
_FOREIGN = "Check the API key and the base URL. Where they are right, save anew: `lfsync definitions --save`."


def definitions(options: Options, kinds: tuple[str, ...], *, save: bool, check: bool, format: str) -> int:
    """0; with `check` 2 where the live definitions are not those that were saved."""
    for kind in kinds:
        if not is_kind(kind):
            hint = did_you_mean(kind, KINDS) or f"Kinds are {', '.join(KINDS)} and object.SLUG."
            raise UsageError(f"there is no kind `{kind}`", hint=hint)
    if kinds and (save or check):
        raise UsageError("--save and --check are for all kinds at once", hint="Leave the kinds out.")
    if save and check:
        raise UsageError("--check holds the live definitions against those that --save replaces", hint="Pass one.")
    return awaited(_definitions(options, kinds, save=save, check=check, format=format))


async def _definitions(options: Options, kinds: tuple[str, ...], *, save: bool, check: bool, format: str) -> int:
    async with open_session(options.root, options.workspace, listener(options)) as session:
        saved = _to_check(session.workspace) if check else None
        answers = await read_answers(session.client, await session.client.validate(), kinds)
        if saved:
            return _checked(session, saved, schema_of(answers), format)
        if save:
            return _saved(session, answers, format)
    return _shown(options, kinds, answers, format)


# ---------------------------------------------------------------- show


def _shown(options: Options, kinds: tuple[str, ...], answers: Answers, format: str) -> int:
    shown = schema_of(answers)
    if asked := [kind for kind in kinds if kind not in shown.kinds]:
        raise UsageError(
            f"the workspace has no {', '.join(asked)} that the key can see",
            hint="`lfsync definitions` without a kind shows what there is.",
        )
    if not kinds:
        tell_unread(shown)
    if format == "json":
        out(_json(shown, kinds or in_order(shown.kinds)))
    else:
        out(definitions_text(shown, kinds, width=options.width, color=options.color(sys.stdout)))
    return 0


def tell_unread(schema: Schema) -> None:
    """What is missing because the key may not read it."""
    if unread := [*sorted(schema.unread), *([] if schema.members_known else [MEMBERS])]:
        say(escape(f"This key may not read {_named(unread)}: nothing is known of them."))


def _named(kinds: Iterable[str]) -> str:
    return ", ".join("types of custom objects" if kind == ANY_TYPE else kind for kind in kinds)


# ---------------------------------------------------------------- save


def _saved(session: Session, answers: Answers, format: str) -> int:
    schema = schema_of(answers)
    session.refuse_foreign(schema)
    tell_unread(schema)
    written, unchanged = keep(session.workspace, answers, session.now())
    if format == "json":
        document: JSON = {"written": [*written], "unchanged": [*unchanged]}
        out(json.dumps(document, indent=2))
    else:
        lines = [f"wrote {name}" for name in written] or ["All is as it was saved; nothing was written."]
        out("\n".join(map(escape, lines)))
    return 0


def keep(workspace: Workspace, answers: Answers, at: str) -> tuple[list[str], list[str]]:
    """Write the definitions down, and the schemas that follow from them; what was written, and what was not.

    Definitions that say the same keep their date: git shows a change where something changed, and only there.
    """
    text = dumps(answers, _unchanged_since(workspace, answers) or at)
    saved = loads(text, _name(workspace))
    schemas = _schemas(workspace, workspace_schema(saved.schema), workspace_settings_schema(saved.schema))
    return _replaced(workspace, {workspace.definitions_path: text, **schemas})


def keep_schemas(workspace: Workspace) -> list[str]:
    """Write down what is known of every workspace, for editors, until the definitions of this one are saved."""
    schemas = _schemas(workspace, resources_schema(), settings_schema())
    missing = {path: text for path, text in schemas.items() if not path.exists()}  # those that are there may know more
    return _replaced(workspace, missing)[0]


def _schemas(workspace: Workspace, resources: dict[str, object], settings: dict[str, object]) -> dict[Path, str]:
    made = {"resources.json": resources, "lfsync.json": settings}
    return {workspace.schemas_path / name: _schema_text(schema) for name, schema in made.items()}


def _replaced(workspace: Workspace, texts: dict[Path, str]) -> tuple[list[str], list[str]]:
    ignore_local_files(workspace.root / LOCAL)
    names = {path: path.relative_to(workspace.root).as_posix() for path in texts}
    written = [names[path] for path, text in texts.items() if replace_text(path, text, "it")]
    return written, [name for name in names.values() if name not in written]


def _unchanged_since(workspace: Workspace, answers: Answers) -> str | None:
    """The date of a copy that says the same; none of one that is damaged, for this is the way out."""
    try:
        known = same(_text(workspace) or "", answers)
    except ConfigError:
        return None
    return known.at if known else None


def _schema_text(schema: dict[str, object]) -> str:
    return safe(json.dumps(schema, ensure_ascii=False, indent=1) + "\n")


# ---------------------------------------------------------------- what was saved


def saved_of(workspace: Workspace) -> Saved | None:
    """What was saved of a workspace, if anything was. ConfigError where it can't be read."""
    text = _text(workspace)
    return None if text is None else loads(text, _name(workspace))


def _text(workspace: Workspace) -> str | None:
    path, place = workspace.definitions_path, Place(_name(workspace), 1)
    hint = "Save it again: `lfsync definitions --save`; or remove it."
    try:
        if path.exists() and (not path.is_file() or path.stat().st_size > MAX_SIZE):
            raise ConfigError([Problem("the saved definitions can't be read: it is no such file", place, hint=hint)])
        return path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError([Problem(f"the saved definitions can't be read: {why}", place, hint=hint)]) from None


def _name(workspace: Workspace) -> str:
    return workspace.definitions_path.relative_to(workspace.root).as_posix()


def age(saved: Saved) -> str:
    """For people: `saved 3 days ago (2026-11-20)`."""
    days = int((time.time() - (unix_time(saved.at) or 0)) // _DAY)
    when = "today" if days < 1 else "yesterday" if days == 1 else f"{days} days ago"
    return f"saved {when} ({saved.at[:10]})"


def not_checked(saved: Saved, kinds: Collection[str]) -> str | None:
    """What of these kinds, and of members, a saved copy says nothing of."""
    schema = saved.schema
    unread = [kind for kind in in_order(kinds) if kind not in schema.kinds and is_among(kind, schema.unread)]
    unread += [] if schema.members_known else [MEMBERS]
    if not unread:
        return None
    return f"Not checked, as the key that saved the definitions may not read them: {_named(unread)}."


# ---------------------------------------------------------------- check


def _to_check(workspace: Workspace) -> Saved:
    saved = saved_of(workspace)
    if saved is None:
        raise UsageError(f"nothing is saved of `{workspace.name}`", hint="Save it first: `lfsync definitions --save`.")
    return saved


def _checked(session: Session, saved: Saved, live: Schema, format: str) -> int:
    session.refuse_foreign(live)
    refuse_foreign(organisation_ids(saved.schema), live, f"what is saved of `{session.workspace.name}`", _FOREIGN)
    moves, unknown = moved(saved.schema, live), not_compared(saved.schema, live)
    if format == "json":
        document: JSON = {
            "saved_at": saved.at,
            "moved": [{"where": move.where, "what": move.what} for move in moves],
            "not_compared": [*unknown],
        }
        out(safe(json.dumps(document, ensure_ascii=False, indent=2)))
    else:
        if unknown:
            say(escape(f"Not compared, as this key or the one that saved may not read them: {_named(unknown)}."))
        out("\n".join(escape(str(move)) for move in moves) or f"All is as it was {age(saved)}.")
    return 2 if moves else 0


# ---------------------------------------------------------------- JSON


def _json(schema: Schema, kinds: Iterable[str]) -> str:
    members: list[JSON] = [{"id": m.id, "email": m.email, "name": m.name} for m in schema.members]
    document: dict[str, JSON] = {
        "kinds": {kind: _kind_json(schema.kinds[kind]) for kind in kinds},
        "members": members if schema.members_known else None,
        "missing": [*sorted(schema.unread)],
    }
    return safe(json.dumps(document, ensure_ascii=False, indent=2))


def _kind_json(definitions: Definitions) -> JSON:
    fields: list[JSON] = [_field_json(field) for field in definitions.fields.values()]
    relationships: list[JSON] = [_relationship_json(rel) for rel in definitions.relationships.values()]
    return {"fields": fields, "relationships": relationships}


def _relationship_json(rel: RelDef) -> JSON:
    return {
        "key": rel.key,
        "label": rel.label,
        "id": rel.id,
        "target": rel.target,
        "many": rel.many,
        "writable": rel.writable,
    }


def _field_json(field: FieldDef) -> JSON:
    options: list[JSON] = [
        {"id": option.id, "label": option.label, "description": option.description, "parent": option.parent}
        for option in field.options
    ]
    return {
        "key": field.key,
        "label": field.label,
        "id": field.id,
        "description": field.description,
        "type": field.type,
        "writable": not field.read_only,
        "multiple": field.multiple,
        "unique": field.unique,
        "currency": field.currency,
        "handle_service": field.handle_service,
        "parent_field": field.parent_field,
        "words": [*field.words],
        "options": options,
    }
