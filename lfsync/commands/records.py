"""`lfsync state` and `lfsync history`. I/O."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lfsync.commands.definitions import saved_of
from lfsync.commands.opening import state_store
from lfsync.commands.terminal.console import Options, out
from lfsync.commands.terminal.loop import awaited
from lfsync.errors import ConfigError, StateError, UnkeptError, UsageError
from lfsync.model import JSON, Address, Change, FieldChange, LinkChange, MembersChange, Place, Schema
from lfsync.planning import plan_file as planfile
from lfsync.project.load import load_project
from lfsync.project.workspace import Workspace, choose_workspace
from lfsync.render.terminal import escape
from lfsync.render.text import changes_text
from lfsync.state import history as runs
from lfsync.state import journal, state_file
from lfsync.state.merge import merge
from lfsync.state.runs import Run
from lfsync.state.state import Binding, State, line_of
from lfsync.state.store import Store
from lfsync.times import iso
from lfsync.values.table import VALUE_TYPES, is_empty
from lfsync.wording import nearest, nfc

_DONE = {"create": "created", "update": "updated", "delete": "trashed", "restore": "restored"}


def state_list(options: Options, *, format: str) -> int:
    """Every address with its id."""
    state = awaited(_read(options))
    if format == "json":
        listed = [line_of(state.bindings[address]) for address in sorted(state.bindings)]
        out(planfile.safe(json.dumps(listed, indent=2)))
        return 0
    for address in sorted(state.bindings):
        out(escape(f"{address}  {state.bindings[address].id}"))
    return 0


def state_show(options: Options, text: str) -> int:
    """One line of the state, for people."""
    state = awaited(_read(options))
    out(planfile.safe(json.dumps(line_of(state.bindings[_bound(state, text)]), indent=2)))
    return 0


def state_rm(options: Options, text: str) -> int:
    """Let go of an address."""
    gone = awaited(_let_go(options, text))
    out(escape(f"{gone.address} is let go of; {gone.id} stays as it is."))
    return 0


def state_mv(options: Options, old: str, new: str) -> int:
    """Rename an address."""
    before, after = awaited(_rename(options, old, new))
    out(escape(f"{before} is {after} now."))
    return 0


def state_merge(base: Path, ours: Path, theirs: Path) -> int:
    """OURS becomes the merge of both since BASE; what can't be read leaves it as it is (rule M2)."""
    names = (f"BASE {base}", f"OURS {ours}", f"THEIRS {theirs}")
    texts = [_text(path, name) for path, name in zip((base, ours, theirs), names, strict=True)]
    state_file.replace_text(ours, merge(texts[0], texts[1], texts[2], names))
    return 0


def _text(path: Path, name: str) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise StateError(f"{name} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise StateError(f"{name} can't be read: it is no text") from None


def history(options: Options, *, format: str) -> int:
    """The runs on record, newest first."""
    kept = runs.runs(_workspace(options).history_path)
    if format == "json":
        out(planfile.safe(json.dumps([_summary(run) for run in kept], indent=2)))
        return 0
    for run in kept:
        out(escape(_line(run)))
    if not kept:
        out("No run is on record.")
    return 0


def history_show(options: Options, name: str | None, *, format: str) -> int:
    """What one run wrote."""
    workspace = _workspace(options)
    run = runs.find(workspace.history_path, name)
    if format == "json":
        entries = [entry.model_dump() for entry in run.merged()]
        out(planfile.safe(json.dumps({**_summary(run), "entries": entries}, ensure_ascii=False, indent=2)))
        return 0
    out(escape(_line(run)))
    out(changes_text(list(_changes(run, _names(workspace))), width=options.width, color=options.color(sys.stdout)))
    return 0


def run_in_words(run: Run) -> str:
    """Which run, and what it holds where it did not come to its end."""
    name = f"run {run.header.run} of {run.header.who}"
    return name if run.ended == "whole" else f"{name}, which was {run.ended}: {_counts(run)} is all it did"


def _line(run: Run) -> str:
    head, end = run.header, "" if run.ended == "whole" else f"; {run.ended}"
    return f"{head.run}  {head.at}  {head.who}  {head.command}: {_counts(run)}{end}"


def _counts(run: Run) -> str:
    return ", ".join(f"{count} {_DONE[action]}" for action, count in sorted(run.counts().items())) or "nothing"


@dataclass(frozen=True, slots=True)
class _Names:
    """What is known here of ids, without asking anybody: `of` records, by id; fields by the saved definitions."""

    of: Mapping[str, str]
    schema: Schema | None

    def records(self, ids: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.of.get(id, id) for id in ids)

    def field(self, kind: str, key: str, before: JSON, after: JSON) -> FieldChange:
        known = self.schema.kinds.get(kind) if self.schema else None
        field = known.fields.get(key) if known else None
        if field is None or field.type not in VALUE_TYPES:
            return FieldChange(key, key, "TEXT", before, after, before, after, "config")
        text = VALUE_TYPES[field.type].text
        shown = [None if is_empty(value) else text(value, field) for value in (before, after)]
        return FieldChange(key, field.label, field.type, shown[0], shown[1], before, after, "config")


def _names(workspace: Workspace) -> _Names:
    """From the history and the state, which has the last word where it lies here, and from the saved definitions."""
    of = {entry.id: entry.address for run in reversed(runs.runs(workspace.history_path)) for entry in run.entries}
    if workspace.settings.state_url is None:
        with suppress(StateError):
            state = awaited(_state(state_store(workspace), workspace))
            of |= {binding.id: str(address) for address, binding in state.bindings.items()}
    schema = None
    with suppress(ConfigError):
        saved = saved_of(workspace)
        schema = saved.schema if saved else None
    of |= {member.id: member.email for member in schema.members if member.email} if schema else {}
    return _Names(of, schema)


def _changes(run: Run, names: _Names) -> Iterator[Change]:
    """What a run wrote, as the changes that it made; what nobody here knows a name of, in the API's own form."""
    for entry in run.merged():
        address = Address.parse(entry.address)
        members = [names.records(ids) for ids in entry.members[1:]] if entry.members else None
        yield Change(
            address,
            entry.action,
            Place("", 0, 0),
            id=entry.id,
            fields=tuple(names.field(address.kind, key, *values) for key, values in entry.fields.items()),
            relationships=tuple(
                LinkChange(key, [], [], names.records(added), names.records(removed), "config")
                for key, (added, removed) in entry.relationships.items()
            ),
            members=MembersChange(*members) if members else None,
        )


def _summary(run: Run) -> dict[str, JSON]:
    return {**run.header.model_dump(), "ended": run.ended, "counts": dict(run.counts())}


def _workspace(options: Options) -> Workspace:
    return choose_workspace(load_project(options.root), options.workspace)


async def _let_go(options: Options, text: str) -> Binding:
    workspace = _workspace(options)
    store = state_store(workspace)
    async with store.held():
        state = await _state(store, workspace)
        gone = state.bindings[_bound(state, text)]
        _write(store, workspace, state.without(gone.address, iso(time.time())))
    return gone


async def _rename(options: Options, old: str, new: str) -> tuple[Address, Address]:
    workspace = _workspace(options)
    store = state_store(workspace)
    async with store.held():
        state = await _state(store, workspace)
        before, after = _bound(state, old), _address(new)
        if after.kind != before.kind:
            raise UsageError(f"{before} is no {after.kind}", hint="Only the key can change, not the kind.")
        if after in state.bindings:
            raise UsageError(f"{after} is bound already", hint=f"Let go of it first: `lfsync state rm {after}`.")
        _write(store, workspace, state.renamed(before, after, iso(time.time())))
    return before, after


async def _read(options: Options) -> State:
    workspace = _workspace(options)
    return await _state(state_store(workspace), workspace)


async def _state(store: Store, workspace: Workspace) -> State:
    return journal.recovered(await store.read(), journal.read(workspace.journal_path))


def _write(store: Store, workspace: Workspace, state: State) -> None:
    """`state` holds what the journal knew; what outlives a run stays in the journal."""
    left = journal.read(workspace.journal_path)
    try:
        store.write(state)
    except UnkeptError as error:  # no run made this, so that no journal holds it
        raise StateError(error.message, hint="Nothing was changed. Run it again.") from None
    kept = journal.Journal(workspace.journal_path)
    kept.begin(state, left, iso(time.time()))
    kept.end()


def _bound(state: State, text: str) -> Address:
    address = _address(text)
    if address not in state.bindings:
        near = nearest(address.key, [a.key for a in state.bindings if a.kind == address.kind], cutoff=0.8)
        hint = f"did you mean `{address.kind}.{near}`?" if near else "`lfsync state list` shows what is."
        raise UsageError(f"{text} is not in the state", hint=hint)
    return address


def _address(text: str) -> Address:
    try:
        return Address.parse(nfc(text))  # as keys are (rule C18), whatever the terminal makes of it
    except ValueError:
        raise UsageError(f"{text}: not an address", hint="An address is `kind.key`: `account.acme`.") from None
