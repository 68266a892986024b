"""`lfsync definitions`: what a workspace has, kept in the repository, held against what it has now. I/O."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

from lfsync.commands.console import Options, out, say
from lfsync.commands.opening import open_session
from lfsync.commands.planning import listener
from lfsync.errors import UsageError
from lfsync.kinds import KINDS, is_kind
from lfsync.model import JSON, Definitions, FieldDef, RelDef, Schema
from lfsync.planning.live_schema import read_answers
from lfsync.planning.plan_file import safe
from lfsync.planning.saved_definitions import Answers, Saved, dumps, loads, moved, schema_of
from lfsync.planning.session import Session
from lfsync.project.workspace import Workspace
from lfsync.project.workspace_schema import workspace_schema, workspace_settings_schema
from lfsync.render.terminal import escape
from lfsync.state.state import refuse_foreign
from lfsync.state.state_file import replace_text
from lfsync.wording import did_you_mean

_OPTIONS = 12  # options of a select that the text names


def definitions(options: Options, kinds: tuple[str, ...], *, save: bool, check: bool, format: str) -> int:
    """0; with `check` 2 where the live definitions are not those that were saved."""
    for kind in kinds:
        if not is_kind(kind):
            raise UsageError(
                f"there is no kind `{kind}`", hint=did_you_mean(kind, KINDS) or f"Kinds are {', '.join(KINDS)}."
            )
    if kinds and (save or check):
        raise UsageError("--save and --check are for all kinds at once", hint="Leave the kinds out.")
    return asyncio.run(_definitions(options, kinds, save=save, check=check, format=format))


async def _definitions(options: Options, kinds: tuple[str, ...], *, save: bool, check: bool, format: str) -> int:
    async with open_session(options.root, options.workspace, listener(options), may_be_empty=True) as session:
        answers = await _answers(session, kinds)
        if missing := answers.missing:
            say(f"This key may not read {', '.join(missing)}: nothing is known of it.")
        if check:
            return _checked(session.workspace, answers, format)
        if save:
            written = keep(session.workspace, answers, session.now())
            _tell_saved(written, format)
            return 0
    shown = schema_of(answers)
    asked = [kind for kind in kinds if kind not in shown.kinds]
    if asked:
        known = ", ".join(kind for kind in shown.kinds if kind not in KINDS) or "none"
        raise UsageError(f"the workspace has no {', '.join(asked)}", hint=f"Its types of custom objects: {known}.")
    out(_json(shown, answers) if format == "json" else "\n".join(map(escape, _text(shown, kinds))))
    return 0


async def _answers(session: Session, kinds: tuple[str, ...]) -> Answers:
    token = await session.client.validate()
    return await read_answers(session.client, token, kinds)


def keep(workspace: Workspace, answers: Answers, at: str) -> list[str]:
    """Write the definitions down, and the schemas that follow from them; the names of what was written."""
    schema = schema_of(answers)
    made = {"resources": workspace_schema, "lfsync": workspace_settings_schema}
    files = {workspace.definitions_path: dumps(answers, at)} | {
        workspace.schemas_path / f"{name}.json": json.dumps(make(schema), ensure_ascii=False, indent=1)
        for name, make in made.items()
    }
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(path, text if text.endswith("\n") else f"{text}\n")
    return [path.relative_to(workspace.root).as_posix() for path in files]


def saved_of(workspace: Workspace) -> Saved | None:
    """What was saved of a workspace, if anything was."""
    path = workspace.definitions_path
    name = path.relative_to(workspace.root).as_posix()
    try:
        return loads(path.read_text("utf-8"), name)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} can't be read: {error}", hint="Save it again: `lfsync definitions --save`.") from None


def _checked(workspace: Workspace, answers: Answers, format: str) -> int:
    saved = saved_of(workspace)
    if saved is None:
        raise UsageError(f"nothing is saved of `{workspace.name}`", hint="Save it first: `lfsync definitions --save`.")
    live = schema_of(answers)
    refuse_foreign(saved.ids, live, f"what is saved of `{workspace.name}`")
    unread = {*saved.missing, *answers.missing}
    lines = [line for line in moved(saved.schema, live) if line.split(".")[0].split(":")[0] not in unread]
    if format == "json":
        out(safe(json.dumps({"saved_at": saved.at, "moved": lines}, ensure_ascii=False, indent=2)))
    else:
        out("\n".join(map(escape, lines)) or f"All is as it was saved at {saved.at}.")
    return 2 if lines else 0


def _tell_saved(written: list[str], format: str) -> None:
    if format == "json":
        out(json.dumps({"written": written}, indent=2))
    else:
        out("\n".join(f"wrote {name}" for name in written))


# ---------------------------------------------------------------- telling


def _text(schema: Schema, kinds: tuple[str, ...]) -> Iterator[str]:
    for number, kind in enumerate(kinds or schema.kinds):
        if number:
            yield ""
        yield from _kind_lines(kind, schema.kinds[kind])
    if not kinds and schema.members_known:
        yield ""
        yield "members"
        yield from (f"  {member.email or member.id}  {member.name}".rstrip() for member in schema.members)


def _kind_lines(kind: str, definitions: Definitions) -> Iterator[str]:
    yield kind
    rows = [(field.key, _field_text(field)) for field in definitions.fields.values()]
    rows += [(rel.key, _rel_text(rel)) for rel in definitions.relationships.values()]
    width = min(max((len(key) for key, _ in rows), default=0), 32)
    yield from (f"  {key:<{width}}  {text}" for key, text in rows)


def _field_text(field: FieldDef) -> str:
    notes = [field.type]
    if field.label and field.label != field.key:
        notes.append(f'"{field.label}"')
    notes += [word for word, is_so in (("several", field.multiple), ("unique", field.unique)) if is_so]
    if field.currency:
        notes.append(field.currency)
    if field.read_only:
        notes.append("read only")
    labels = [option.label for option in field.options] or [*field.words]
    if labels:
        more = f" and {len(labels) - _OPTIONS} more" if len(labels) > _OPTIONS else ""
        notes.append(f"{', '.join(labels[:_OPTIONS])}{more}")
    return "  ".join(notes)


def _rel_text(rel: RelDef) -> str:
    return f"→ {'many' if rel.many else 'one'} {rel.target}{'' if rel.writable else '  read only'}"


def _json(schema: Schema, answers: Answers) -> str:
    document: dict[str, JSON] = {
        "kinds": {kind: _kind_json(each) for kind, each in schema.kinds.items()},
        "members": [{"id": m.id, "email": m.email, "name": m.name} for m in schema.members],
        "missing": [*answers.missing],
    }
    return safe(json.dumps(document, ensure_ascii=False, indent=2))


def _kind_json(definitions: Definitions) -> JSON:
    fields: list[JSON] = [_field_json(field) for field in definitions.fields.values()]
    relationships: list[JSON] = [
        {"key": rel.key, "label": rel.label, "target": rel.target, "many": rel.many, "writable": rel.writable}
        for rel in definitions.relationships.values()
    ]
    return {"fields": fields, "relationships": relationships}


def _field_json(field: FieldDef) -> JSON:
    options: list[JSON] = [
        {"id": option.id, "label": option.label, "description": option.description, "parent": option.parent}
        for option in field.options
    ]
    return {
        "key": field.key,
        "label": field.label,
        "description": field.description,
        "type": field.type,
        "writable": not field.read_only,
        "multiple": field.multiple,
        "unique": field.unique,
        "currency": field.currency,
        "words": [*field.words],
        "options": options,
    }
