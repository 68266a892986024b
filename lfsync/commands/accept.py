"""`lfsync accept`: what people changed in Lightfield, into the files. I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lfsync.commands.opening import open_session
from lfsync.commands.planning import listener, reading_progress, warn_of_merges
from lfsync.commands.terminal.console import Options, out
from lfsync.commands.terminal.loop import awaited
from lfsync.editing.acceptance import Accepted, Edit, Left, Part, accept, deviations, unsettled
from lfsync.editing.files import Rewritten, rewrite
from lfsync.editing.files import replace as replace_file
from lfsync.editing.splices import CantEditError
from lfsync.errors import Problem, StateError, UnrecordedError
from lfsync.kinds import kind_of
from lfsync.knowledge.knowledge import Wanted
from lfsync.model import JSON, Address, Place, Resource
from lfsync.planning.draft import Draft
from lfsync.planning.make import plan_declared, redraft
from lfsync.planning.plan_file import safe
from lfsync.planning.planned import Planned
from lfsync.planning.prepare import prepare
from lfsync.planning.selection import Arguments, matching, with_neighbours
from lfsync.planning.session import Session
from lfsync.project.load import edited
from lfsync.render.terminal import escape
from lfsync.state.state import State

_OTHERWISE = "the edited file would not say just this, so it is left"
_BY_HAND = "Change it by hand; `lfsync plan` shows both values."
_SHOWN = 3  # addresses that a warning names


@dataclass(slots=True)
class _Result:
    """What goes into the files, and what is left. `draft` is the plan of the edited files."""

    files: list[Rewritten] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    draft: Draft | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def edits(self) -> list[Edit]:
        return [edit for each in self.files for edit in each.edits]

    def leave(self, edit: Edit, reason: str, hint: str | None = None) -> None:
        self.left.append(Left(edit.of.address, edit.of.part, edit.of.place, reason, hint))


def accept_drift(
    options: Options, patterns: tuple[str, ...], *, conflicts: bool, dry_run: bool, format: str = "text"
) -> int:
    """0; 3 where something was left."""
    result = awaited(_accepted(options, patterns, conflicts=conflicts, dry_run=dry_run))
    code = 3 if result.left else 0
    out(_json(result, dry_run, code) if format == "json" else "\n".join(_text(result, dry_run)))
    return code


async def _accepted(options: Options, patterns: tuple[str, ...], *, conflicts: bool, dry_run: bool) -> _Result:
    with reading_progress(options) as watcher:
        async with open_session(
            options.root, options.workspace, listener(options), watcher=watcher, writing=not dry_run
        ) as session:
            warn_of_merges(session.workspace)
            named = Arguments(patterns)
            planned = await plan_declared(session, named)
            watcher.close()
            chosen = matching(planned.desired, named) if patterns else set(planned.desired)
            trashed = await _trashed(planned, chosen)
            made = accept(session.project, planned, chosen, trashed, conflicts=conflicts, is_named=bool(patterns))
            result = await _settled(session, planned, made.edits)
            result.left = [*made.left, *result.left]
            result.warnings = [*_warnings(made.unknown)]
            if not dry_run:
                _write(session, planned, result)
            return result


async def _trashed(planned: Planned, chosen: Iterable[Address]) -> set[Address]:
    """The blocked ones whose record people trashed. Of a kind whose trash nothing lists: whose record is gone."""
    knowledge, bindings = planned.knowledge, planned.state.bindings
    blocked = {each.address for each in planned.plan.blocked} & set(chosen) & bindings.keys()
    gone = {a for a in blocked if knowledge.is_gone(a.kind, bindings[a].id)}
    listed = {(a.kind, bindings[a].id) for a in gone if kind_of(a.kind).trash}
    if unseen := {key for key in listed if knowledge.trashed(*key) is None}:
        await planned.reader.read(Wanted(trash=unseen))
    return {a for a in gone if not kind_of(a.kind).trash or knowledge.trashed(a.kind, bindings[a].id) is not None}


async def _settled(session: Session, planned: Planned, edits: Sequence[Edit]) -> _Result:
    """The files as they would be, held against what is wanted. What does not come out so is left, and all made anew."""
    result = _Result()
    while edits:
        files, refused = rewrite(session.project.root, edits, session.project.digests)
        for each in refused:
            result.leave(each.edit, each.reason, each.hint)
        result.files = files
        if not result.edits:
            break
        wrong, result.draft = await _held(session, planned, files)
        if not wrong:
            break
        going = {id(edit): reason for edit in result.edits if (reason := wrong.why(edit))}
        for edit in result.edits:
            if id(edit) in going:
                result.leave(edit, going[id(edit)], _BY_HAND)
        edits = [edit for edit in result.edits if id(edit) not in going]
        result.files = []
    return result


@dataclass(frozen=True, slots=True)
class _Wrong:
    """What comes out otherwise than meant, with the reason: all edits of a resource, or some parts of it."""

    resources: Mapping[Address, str]
    parts: Mapping[Address, Mapping[Part, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.resources or self.parts)

    def why(self, edit: Edit) -> str | None:
        of = edit.of
        return self.resources.get(of.address) or self.parts.get(of.address, {}).get(of.part)


async def _held(session: Session, planned: Planned, files: Sequence[Rewritten]) -> tuple[_Wrong, Draft | None]:
    """The edits that come out otherwise than meant; and the plan of the edited files."""
    parts, removed = _parts(edit for each in files for edit in each.edits)
    touched = {*parts, *removed}
    after = edited(session.project, {each.path: each.after for each in files})
    desired, problems = prepare(after.resources, planned.schema, mappings=after.mappings)
    if problems := [*after.problems, *problems]:
        return _blamed(problems, parts, removed, after.resources), None
    others = deviations(session.project.resources, after.resources, parts, removed)
    if others:
        return _Wrong(dict.fromkeys(others & touched or touched, _OTHERWISE)), None
    wishes = {a: desired[a] if a in parts else wish for a, wish in planned.desired.items() if a not in removed}
    draft = await redraft(session, planned, with_neighbours(wishes, parts))
    blocked = {a: f"it would be blocked: {draft.blocked[a].reason}" for a in parts.keys() & draft.blocked.keys()}
    moved = {a: dict.fromkeys(unsettled(draft.changes.get(a), parts[a]), _OTHERWISE) for a in parts}
    return _Wrong(blocked, {a: each for a, each in moved.items() if each}), draft


def _blamed(
    problems: Sequence[Problem],
    parts: Mapping[Address, set[Part]],
    removed: set[Address],
    resources: Mapping[Address, Resource],
) -> _Wrong:
    """The edits that the problems of the edited files come from: those of the place, or of the resource, else all."""
    touched = {str(address): address for address in (*parts, *removed)}
    placed: dict[Address, dict[Part, str]] = {}
    whole: dict[Address, str] = {}
    for each in problems:
        address = touched.get(each.address or "")
        if address is None:
            continue
        own = [part for part in parts.get(address, ()) if each.place in _places(resources.get(address), part)]
        if own:
            placed.setdefault(address, {}).update(dict.fromkeys(own, each.message))
        else:
            whole.setdefault(address, each.message)
    if placed or whole:
        return _Wrong(whole, placed)
    return _Wrong(dict.fromkeys(touched.values(), f"the files would have a problem then: {problems[0].message}"))


def _places(resource: Resource | None, part: Part) -> set[Place]:
    """Where a part of a resource stands in the edited files, its refs each for itself."""
    if resource is None:
        return set()
    if part[0] == "fields":
        return {resource.fields[part[1]].place} if part[1] in resource.fields else set()
    links = resource.members if part[0] == "members" else resource.relationships.get(part[1])
    return {links.place, *(ref.place for ref in (*links.include, *links.exclude))} if links else set()


def _parts(edits: Iterable[Edit]) -> tuple[dict[Address, set[Part]], set[Address]]:
    parts: dict[Address, set[Part]] = {}
    removed: set[Address] = set()
    for edit in edits:
        if edit.of.part:
            parts.setdefault(edit.of.address, set()).add(edit.of.part)
        else:
            removed.add(edit.of.address)
    return parts, removed


def _warnings(unknown: Sequence[Address]) -> Iterator[str]:
    if unknown:
        names = ", ".join(map(str, unknown[:_SHOWN])) + (
            f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        )
        yield (
            f"{names}: differs, and the state has no hashes of what differs, so that nobody can tell who changed it: "
            "it does not count as drift. An apply makes hashes"
        )


# ---------------------------------------------------------------- writing


def _write(session: Session, planned: Planned, result: _Result) -> None:
    """The files first, each whole or not at all; then the state says that they and Lightfield agree (rule V2)."""
    written: list[Rewritten] = []
    for each in result.files:
        try:
            replace_file(each)
            written.append(each)
        except CantEditError as error:
            for edit in each.edits:
                result.leave(edit, error.reason, error.hint)
    failed = {edit.of.address for each in result.files if each not in written for edit in each.edits}
    result.files = written
    if not written or result.draft is None:
        return
    parts, removed = _parts(result.edits)
    state = _agreed(session, planned, result.draft, parts.keys() - failed, removed)
    try:
        session.keep(state, planned.schema)
    except (StateError, OSError) as error:
        raise UnrecordedError(f"the files are written, but the state can't be: {error}") from None


def _agreed(
    session: Session, planned: Planned, draft: Draft, accepted: Iterable[Address], removed: Iterable[Address]
) -> State:
    state = session.state
    bindings = dict(state.bindings)
    for address in accepted:
        if address in draft.bindings:
            bindings.pop(planned.draft.resolution.moved.get(address, address), None)
            bindings[address] = draft.bindings[address]
    state = replace(state, bindings=bindings)
    for address in removed:
        state = state.without(address, session.now())
    return state


# ---------------------------------------------------------------- telling


def _text(result: _Result, dry_run: bool) -> Iterator[str]:
    for each in result.files:
        yield from (escape(line) for line in _diff(each))
    if result.files:
        yield ""
    for left in result.left:
        key = f"`{left.part[-1]}`: " if left.part else ""
        yield escape(f"{left.place}: {left.address}: {key}{left.reason}")
        if left.hint:
            yield escape(f"    {left.hint}")
    yield from (escape(f"Warning: {warning}.") for warning in result.warnings)
    yield _summary(result, dry_run)


def _diff(each: Rewritten) -> Iterator[str]:
    yield from (f"--- a/{each.name}", f"+++ b/{each.name}", *each.diff)


def _summary(result: _Result, dry_run: bool) -> str:
    parts, removed = _parts(result.edits)
    values, files = sum(map(len, parts.values())), len(result.files)
    told = [f"{values} value{_s(values)} of {len(parts)} resource{_s(len(parts))}"] if values else []
    told += [f"{len(removed)} resource{_s(len(removed))} taken out"] if removed else []
    left = f"; {len(result.left)} left" if result.left else ""
    if not told:
        return f"Nothing to accept{left}."
    verb = "Would accept" if dry_run else "Accepted"
    return f"{verb} {', '.join(told)}, in {files} file{_s(files)}{left}."


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _json(result: _Result, dry_run: bool, code: int) -> str:
    document = {
        "dry_run": dry_run,
        "accepted": [{**_where(edit.of), "before": edit.of.before, "after": edit.of.after} for edit in result.edits],
        "left": [{**_where(left), "reason": left.reason, "hint": left.hint} for left in result.left],
        "files": [{"file": each.name, "diff": "".join(f"{line}\n" for line in _diff(each))} for each in result.files],
        "warnings": list(result.warnings),
        "exit_code": code,
    }
    return safe(json.dumps(document, ensure_ascii=False, indent=2))


def _where(of: Accepted | Left) -> dict[str, JSON]:
    place = of.place
    key = of.part[-1] if of.part else None
    return {"address": str(of.address), "key": key, "file": place.file, "line": place.line, "column": place.column}
