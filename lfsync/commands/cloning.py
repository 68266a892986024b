"""`lfsync sandbox clone`: a live workspace as a sandbox of this project (rule K5). I/O."""

from __future__ import annotations

import asyncio
import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lfsync.api.client import Listing, Status
from lfsync.commands.opening import open_session
from lfsync.commands.planning import listener, reading_progress
from lfsync.commands.terminal.console import Options, out, say
from lfsync.commands.terminal.loop import awaited
from lfsync.editing.splices import LINE_END, CantEditError, Splice, line_end, spliced
from lfsync.editing.yaml_edit import BodyEdit, Put, edit_yaml
from lfsync.errors import ApiError, ConfigError, UsageError
from lfsync.kinds import KINDS, MEMBER_KEYS, OBJECT, kind_of
from lfsync.model import JSON, Place, Record, Resource
from lfsync.planning.cloning import Contents, hidden_matches, seed_of
from lfsync.planning.live_schema import may_read, read_answers
from lfsync.planning.redaction import Redaction
from lfsync.planning.saved_definitions import Answers, schema_of
from lfsync.planning.session import Session
from lfsync.project.documents import parse
from lfsync.project.folder import SETTINGS, Folder
from lfsync.project.settings import WORKSPACE_NAME, SandboxSettings, WorkspaceSettings
from lfsync.project.workspace import LOCAL, Workspace, empty_sandbox, workspace_at
from lfsync.render.terminal import escape
from lfsync.render.words import plural
from lfsync.state import lock, state_file
from lfsync.state.state import State
from lfsync.yaml_scalars import scalar

_FOLDER = "sandbox"
_PLAIN = re.compile(r"[$A-Za-z][A-Za-z]+(\.[A-Za-z_]+)?")
_WORDS = frozenset({"true", "false", "null"})


def clone(options: Options, name: str, *, records: bool) -> int:
    """0. `name`: of the workspace that the clone is."""
    if not WORKSPACE_NAME.match(name):
        raise UsageError(
            f"no workspace can be called `{name}`", hint="Letters, digits, `_` and `-`, at most 64 characters."
        )
    cloned, answers, contents, state, source = awaited(_read(options, name, records=records))
    seed = seed_of(source, answers, contents, Redaction(cloned.rules))
    _write(cloned, source, seed, state if records else None)
    for line in _told(name, source, contents, records=records):
        out(escape(line))
    return 0


class _Clone:
    """The workspace that the clone will be, and what the project says of it."""

    def __init__(self, session: Session, name: str) -> None:
        self.rules = session.project.settings.redact
        self.seed = f"{_FOLDER}/{name}.yaml"
        here = session.project.settings.workspaces
        if name == session.workspace.name:
            raise UsageError(f"`{name}` is the workspace itself", hint="Give the clone another name.")
        self.is_known = name in here
        sandbox = here[name].sandbox if self.is_known else None
        if self.is_known and (sandbox is None or sandbox.seed != self.seed):
            raise UsageError(
                f"lfsync.yaml has a workspace `{name}` already, and it is no clone",
                hint=f"A clone is a sandbox with `seed: {self.seed}`. Give the clone another name.",
            )
        settings = here[name] if self.is_known else WorkspaceSettings(sandbox=SandboxSettings(seed=self.seed))
        self.workspace: Workspace = workspace_at(session.project.root, name, settings)


async def _read(options: Options, name: str, *, records: bool) -> tuple[_Clone, Answers, Contents, State, str]:
    """All that the key may see of the workspace, as it is now."""
    with reading_progress(options) as watcher:
        async with open_session(options.root, options.workspace, listener(options), watcher=watcher) as session:
            cloned = _Clone(session, name)
            answers = await read_answers(session.client, await session.client.validate())
            schema = schema_of(answers)
            session.refuse_foreign(schema)
            if not records:
                return cloned, answers, Contents(), session.state, session.workspace.name
            resources: Iterable[Resource] = session.project.resources.values()
            if problems := list(hidden_matches(cloned.rules, resources, schema.kinds)):
                raise ConfigError(problems, workspace=session.workspace.name)
            contents = await _contents(session, list(schema.kinds))
            return cloned, answers, contents, session.state, session.workspace.name


async def _contents(session: Session, kinds: Sequence[str]) -> Contents:
    """The records of these kinds, as far as the key may see them."""
    client = session.client
    token = await client.validate()
    seen = [kind for kind in kinds if may_read(token, kind)]
    if unseen := sorted({*kinds} - {*seen}):
        say(f"The key may not read {', '.join(unseen)}: the clone has none of them.")
    trash = [kind for kind in seen if kind_of(kind).trash and token.holds(f"{kind_of(kind).scope}:restore")]
    listed = await asyncio.gather(*(_listed(session, kind, "active") for kind in seen))
    trashed = await asyncio.gather(*(_listed(session, kind, "trashed") for kind in trash))
    records = {kind: list(listing.records.values()) for kind, listing in zip(seen, listed, strict=True)}
    gone = {kind: list(listing.records.values()) for kind, listing in zip(trash, trashed, strict=True)}
    lists = records.get("list", [])
    members = await asyncio.gather(*(_members(session, each) for each in lists))
    if hidden := sum(record.redacted for each in records.values() for record in each):
        say(f"{plural(hidden, 'meeting')} show their metadata only: their texts are missing in the clone.")
    return Contents(records, gone, dict(zip((each.id for each in lists), members, strict=True)))


async def _listed(session: Session, kind: str, status: Status) -> Listing:
    listing = await session.client.list(kind_of(kind), status=status)
    if not listing.complete:
        raise ApiError(
            f"the list of {kind} moves all the time: {len(listing.records)} of {listing.total} were seen",
            hint="Clone again when less is written.",
        )
    return listing


async def _members(session: Session, each: Record) -> list[str]:
    targets = {f"${kind}": kind for kind in MEMBER_KEYS}
    object_type = f"${str(each.fields.get('$objectType')).removeprefix('$')}"
    if object_type not in targets:
        return []
    return list((await session.client.list_members(each.id, kind_of(targets[object_type]))).records)


# ---------------------------------------------------------------- writing


def _write(cloned: _Clone, source: str, seed: Mapping[str, JSON], state: State | None) -> None:
    """The seed, what is known of its records, and its entry in lfsync.yaml, which comes last: it makes it whole."""
    workspace = cloned.workspace
    settings = None if cloned.is_known else _with_entry(workspace, cloned.seed, source)
    state_file.ignore_local_files(workspace.root / LOCAL)
    with lock.held(workspace.lock_path, workspace.name):
        path = workspace.inside(cloned.seed)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _ignore(path)
            _write_private(path, text_of(seed))
            empty_sandbox(workspace)
            if state is not None:
                state_file.write(workspace.state_path, state)
            if settings is not None:
                state_file.replace_text(workspace.root / SETTINGS, settings, "lfsync.yaml")
        except OSError as error:
            raise UsageError(f"{error.filename or cloned.seed} can't be written: {error.strerror}") from None


def _with_entry(workspace: Workspace, seed: str, source: str) -> str:
    """lfsync.yaml with the entry of the workspace; every byte that was there stays."""
    text = Folder(workspace.root).yaml(SETTINGS)
    document = parse(text, SETTINGS)
    place: Place = document.place(["workspaces"])
    edit = BodyEdit({(workspace.name,): Put({"sandbox": {"seed": seed}})})
    edited = edit_yaml(text, {(place.line, place.column): edit})
    if edited.left:
        why: CantEditError = next(iter(edited.left.values()))
        raise UsageError(
            f"{place}: the clone's entry can't be written here: {why.reason}",
            hint=f"Write it yourself, and clone again: `{workspace.name}: {{sandbox: {{seed: {seed}}}}}`.",
        )
    splices = [*edited.splices]
    if isinstance(document.data, dict) and "default_workspace" not in document.data:
        splices.append(_default(text, place, source))  # the only workspace was the default, and is the only one no more
    return spliced(text, splices)


def _default(text: str, place: Place, source: str) -> Splice:
    """Names the default, before the key at this place."""
    line = _line_start(text, place)
    at = line + place.column - 1
    entry, indent = f"default_workspace: {scalar(source)}", text[line:at]
    return Splice(at, at, f"{entry}, " if indent.strip() else f"{entry}{line_end(text)}{indent}")


def _line_start(text: str, place: Place) -> int:
    """Where the line of a place begins."""
    ends = [0, *(found.end() for found in LINE_END.finditer(text))]
    return ends[place.line - 1]


def _ignore(path: Path) -> None:
    """A `.gitignore` beside the seed keeps it out of git: it holds what the workspace holds."""
    ignore, line = path.parent / ".gitignore", f"/{path.name}"
    old = ignore.read_text("utf-8") if ignore.exists() else ""
    if line not in old.splitlines():
        gap = "" if not old or old.endswith("\n") else "\n"
        ignore.write_text(f"{old}{gap}{line}\n", "utf-8")


def _write_private(path: Path, text: str) -> None:
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def text_of(seed: Mapping[str, JSON]) -> str:
    """The seed as YAML: a line for each entry, in JSON's own form, which no version of YAML reads otherwise."""
    lines = ["# Made by `lfsync sandbox clone`; the next one replaces it."]
    for key, part in seed.items():
        lines += _section(key, part, 0)
    return "\n".join(lines) + "\n"


def _section(key: str, part: JSON, depth: int) -> list[str]:
    indent = "  " * depth
    if isinstance(part, list) and part:
        return [f"{indent}{_key(key)}:", *(f"{indent}  - {_json(item)}" for item in part)]
    if isinstance(part, dict) and part and depth < 3:
        return [f"{indent}{_key(key)}:", *(line for k, v in part.items() for line in _section(k, v, depth + 1))]
    return [f"{indent}{_key(key)}: {_json(part)}"]


def _key(key: str) -> str:
    return key if _PLAIN.fullmatch(key) and key.lower() not in _WORDS else _json(key)


def _json(data: JSON) -> str:
    """JSON whose characters YAML takes as they stand."""
    text = json.dumps(data, ensure_ascii=False)
    return re.sub(r"[^\x20-\x7e]", lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


# ---------------------------------------------------------------- telling


def _told(name: str, source: str, contents: Contents, *, records: bool) -> tuple[str, str]:
    seed = f"{_FOLDER}/{name}.yaml"
    if not records:
        return (
            f"Cloned {source}: its definitions and members, without records, are in {seed}.",
            f"Plan against it: lfsync -w {name} plan",
        )
    counts = [_counted(kind, len(found)) for kind, found in contents.records.items() if found]
    return (
        f"Cloned {source} with its records ({', '.join(counts) or 'there are none'}) into {seed}.",
        f"Rehearse: lfsync -w {name} apply",
    )


def _counted(kind: str, count: int) -> str:
    if kind not in KINDS:
        return plural(count, f"{kind.removeprefix(OBJECT)} record")
    return f"{count} {kind if count == 1 else kind_of(kind).section}"
