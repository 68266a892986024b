"""`lfsync import`: live records into files and state (design.md, section 13; rule V1). I/O."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from lfsync.commands.opening import open_session
from lfsync.commands.planning import listener, reading_progress, warn_of_merges
from lfsync.commands.terminal.console import Options, out
from lfsync.commands.terminal.loop import awaited
from lfsync.editing.downloads import Downloaded, clear, download, names
from lfsync.editing.files import Whole, write_all
from lfsync.editing.imports import Ask, Imported, MembersMode, World, import_records, targets_first
from lfsync.editing.insertion import inserted
from lfsync.editing.splices import CantEditError
from lfsync.errors import LfsyncError, Problem, StateError, UnrecordedError, UsageError
from lfsync.kinds import KINDS, OBJECT, id_kind, is_kind, kind_of
from lfsync.knowledge.knowledge import named, title
from lfsync.model import Address, Desired, Record, Schema
from lfsync.planning.choosing import (
    Choice,
    chosen,
    described,
    kinds_of,
    read_members,
    read_targets,
    refuse_unknown,
    uncontested,
    unmentioned,
)
from lfsync.planning.draft import Draft
from lfsync.planning.make import redraft, survey
from lfsync.planning.plan_file import safe
from lfsync.planning.planned import Planned
from lfsync.planning.prepare import prepare
from lfsync.planning.selection import with_dependencies
from lfsync.planning.session import Session
from lfsync.planning.uploads import held_fields
from lfsync.project.declarations import every
from lfsync.project.folder import SETTINGS
from lfsync.project.load import edited
from lfsync.render.terminal import escape
from lfsync.render.words import shortened
from lfsync.state.state import Binding, State
from lfsync.wording import did_you_mean, nfc

_ROUNDS = 20
_HEADER = "# Written by `lfsync import`, yours from here on.\n"
_LONGEST_NAME, _LONGEST_REASON = 200, 600  # characters, on a terminal
_NAMED = 3  # of those that are left alike


@dataclass(frozen=True, slots=True)
class Request(Choice):
    """What the command line asks for: which records, and how they are written."""

    fields: tuple[str, ...] = ()
    into: str = "."
    members: MembersMode = "include"


@dataclass(slots=True)
class _File:
    """A file as it is to be. `before`: what it holds now, None where it is not there.

    `text`, `section`: what the resources are put into, and where. `interim`: what it holds until all others are there.
    """

    name: str
    path: Path
    before: bytes | None
    text: str
    section: tuple[str, ...]
    resources: list[Imported]
    after: bytes = b""
    interim: bytes | None = None

    @property
    def kind(self) -> str:
        return self.resources[0].address.kind

    def holding(self, resources: Iterable[Imported]) -> bytes:
        """With these resources. CantEditError where its form has no place for them."""
        return inserted(self.text, self.section, [each.yaml for each in resources]).encode()


@dataclass(slots=True)
class _Result:
    """What goes into files, and what is left: (address or id, key or None, reason). `contents`: downloads, by id.

    `written`: the same resources, with the imported records of some kinds named by id.
    """

    files: list[_File] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    contents: dict[str, Downloaded] = field(default_factory=dict)
    left: list[tuple[str, str | None, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    draft: Draft | None = None
    written: Callable[[Collection[str]], list[Imported]] = lambda unnamed: []

    @property
    def resources(self) -> list[Imported]:
        return [each for file in self.files for each in file.resources]

    def is_missing(self, each: Imported) -> bool:
        """Whether its content is still to be downloaded."""
        content = self.contents.get(each.record.id)
        return content is not None and not content.sha256


def import_live(options: Options, request: Request, *, dry_run: bool, format: str) -> int:
    """0; 3 where something was left."""
    _refuse_slips(request)
    result = awaited(_imported(options, request, dry_run=dry_run))
    code = 3 if result.left else 0
    is_cut = options.width is not None
    text = _json(result, dry_run, code) if format == "json" else "\n".join(map(escape, _text(result, dry_run, is_cut)))
    out(text)
    return code


def _refuse_slips(request: Request) -> None:
    for text in (*request.where, *request.fields, *request.kinds, *request.ids):
        if text.startswith("="):
            hint = "The shell took `$name` for a variable of its own: put it into single quotes, '$name=Acme'."
            raise UsageError(f"{text}: nothing stands before the `=`", hint=hint)
    for text in request.where:
        if "=" not in text:
            raise UsageError(f"--where {text}: a condition is written KEY=VALUE", hint="An example: --where tier=Gold")
    if bool(request.kinds) == request.everything and not request.ids:
        what = "both kinds and --all" if request.everything else "nothing"
        raise UsageError(
            f"import was given {what}", hint="Name kinds (`lfsync import account`), ids with --id, or --all."
        )
    for kind in request.kinds:
        if not is_kind(kind):
            hint = did_you_mean(kind, KINDS) or f"Kinds are {', '.join(KINDS)} and object.SLUG."
            raise UsageError(f"there is no kind `{kind}`", hint=hint)
    if request.into.startswith("-") or not request.into:
        hint = "Name a folder of the project; `.`, or no --into, is the project's own."
        raise UsageError(f"--into `{request.into}` is no folder", hint=hint)
    for id in request.ids:
        _refuse_id(id)
    for named_kind in (*request.kinds, *map(id_kind, request.ids)):
        if named_kind in KINDS and KINDS[str(named_kind)].uploaded and not request.download:
            hint = "Pass --download. Without it, what refers to a file names it by its id."
            raise UsageError(f"a {named_kind} is imported with its content only", hint=hint)


def _refuse_id(id: str) -> None:
    kind = id_kind(id)
    if kind and not is_kind(kind):
        raise UsageError(f"--id {id}: this is the id of a {kind}, and nothing of that kind is imported")
    if not id:
        raise UsageError("--id is empty", hint="Name the id of a record, such as acc_4bfa4b18.")


async def _imported(options: Options, request: Request, *, dry_run: bool) -> _Result:
    with reading_progress(options) as watcher:
        async with open_session(
            options.root,
            options.workspace,
            listener(options),
            watcher=watcher,
            writing=not dry_run,
        ) as session:
            warn_of_merges(session.workspace)
            request = replace(request, into=_folder(session.project.root, request.into))
            if not dry_run:
                clear(session.workspace.downloads_path)
            kinds, warnings = await kinds_of(session, request)
            planned = await survey(session, kinds)
            refuse_unknown(planned.schema, kinds, request.fields)
            notes = [] if request.download or not request.everything else await unmentioned(session, planned)
            notes += _orphans(session, kinds)
            records = await chosen(session, planned, kinds, request)
            left = uncontested(planned, records)
            contents, lost = await _downloaded(session, planned, records, request, dry_run=dry_run)
            if request.members != "none":
                await read_members(planned, records)
            await read_targets(planned, records)
            watcher.close()
            result = await _settled(session, planned, records, request, contents)
            result.left += [*left, *lost]
            _drop(session.project.root, [each for id, each in contents.items() if id not in result.contents])
            result.warnings += warnings
            result.notes += notes
            if not dry_run:
                _write(session, planned.schema, result)
            return result


def _orphans(session: Session, kinds: Collection[str]) -> Iterator[str]:
    """Whose files are lost may look for its records here: they are managed still, and so nothing to import (V1)."""
    lost = [a for a in session.moved.orphans(session.project.resources) if a.kind in kinds]
    if lost:
        who = f"{lost[0]} is" if len(lost) == 1 else f"{', '.join(map(str, lost[:_NAMED]))}{_more(len(lost))} are"
        yield f"{who} managed already, though declared no more: `lfsync state rm` lets go of one"


def _more(count: int) -> str:
    """Of so many, those that are not named."""
    return f" and {count - _NAMED} more" if count > _NAMED else ""


async def _downloaded(
    session: Session, planned: Planned, records: dict[str, list[Record]], request: Request, *, dry_run: bool
) -> tuple[dict[str, Downloaded], list[tuple[str, str | None, str]]]:
    """By id, what the chosen files hold, in files of the project; those that can't be had are taken out, and named."""
    chosen = [record for kind, each in records.items() if kind_of(kind).uploaded for record in each]
    folder = f"{request.into}files/"
    if dry_run:
        there = {path.name.casefold() for path in (session.project.root / folder).glob("*")}
        return {each.id: Downloaded(f"{folder}{_free(title(each), there)}", "", is_new=False) for each in chosen}, []
    declared = {Path(upload.real) for each in session.project.resources.values() if (upload := each.upload)}

    async def fetch(record: Record, path: Path) -> str:
        return await session.client.content(kind_of(record.kind), record.id, path)

    found, lost = await download(
        session.project.root, folder, chosen, fetch, declared, session.workspace.downloads_path
    )
    for record in chosen:
        if record.id in lost:
            records[record.kind].remove(record)
        else:
            planned.knowledge.contents[record.kind, record.id] = found[record.id].sha256
    return found, [(named(record), None, lost[record.id]) for record in chosen if record.id in lost]


def _free(filename: str, taken: set[str]) -> str:
    """The name that a file would get."""
    name = next(name for name in names(filename) if name.casefold() not in taken)
    taken.add(name.casefold())
    return name


def _drop(root: Path, contents: Iterable[Downloaded]) -> None:
    """Contents that no resource came to name."""
    for each in contents:
        if each.is_new:
            (root / each.name).unlink(missing_ok=True)


# ---------------------------------------------------------------- the files as they would be


async def _settled(
    session: Session,
    planned: Planned,
    records: Mapping[str, Sequence[Record]],
    request: Request,
    contents: Mapping[str, Downloaded],
) -> _Result:
    """The files, held against what the next plan would say. What would not come out as it is live is left."""
    left: dict[tuple[str, str], tuple[str, str | None, str]] = {}
    for _ in range(_ROUNDS):
        chosen = {
            kind: [planned.knowledge.record(kind, r.id) or r for r in each if (kind, r.id) not in left]
            for kind, each in records.items()
        }
        result = _files(session, planned, chosen, request, contents)
        wrong, result.draft = await _held(session, planned, result)
        result.left += left.values()
        if not wrong:
            return result
        for each in result.resources:
            if each.address in wrong:
                left[each.address.kind, each.record.id] = (named(each.record), None, wrong[each.address])
    raise StateError("the workspace changes faster than it can be read", hint="Import again when it is quiet.")


def _files(
    session: Session,
    planned: Planned,
    records: Mapping[str, Sequence[Record]],
    request: Request,
    contents: Mapping[str, Downloaded],
) -> _Result:
    world, into = _world(session, planned, records, contents), request.into
    ask = Ask(frozenset(map(nfc, request.fields)), request.members, into, request.limit)
    result = _Result(written=lambda unnamed: import_records(records, replace(world, unnamed=unnamed), ask))
    by_kind: dict[str, list[Imported]] = {}
    for each in import_records(records, world, ask):
        by_kind.setdefault(each.address.kind, []).append(each)
        result.texts |= each.texts
        result.left += [(str(each.address), key, reason) for key, reason in each.left]
        if each.record.id in contents:
            result.contents[each.record.id] = contents[each.record.id]
    for kind, resources in by_kind.items():
        result.files.append(_file(session, into, kind, resources))
    return result


def _world(
    session: Session, planned: Planned, records: Mapping[str, Sequence[Record]], contents: Mapping[str, Downloaded]
) -> World:
    """What there is already: in the workspace, in the files, and of names."""
    project = session.project
    defaults = {
        mapping.address.kind: mapping
        for mapping in project.mappings
        if mapping.address == every(mapping.address.kind) and mapping.place.file == SETTINGS
    }

    def is_taken(name: str, text: str) -> bool:
        """Whether it can't be the name of a new text; one that a killed import left, and nothing names, can be."""
        path = project.root / name
        return os.path.lexists(path) and (path.resolve() in project.files or not _is_file_of(path, text))

    return World(
        schema=planned.schema,
        knowledge=planned.knowledge,
        addresses={(a.kind, id): a for a, id in planned.draft.resolution.ids.items()},
        defaults=defaults,
        taken={*project.resources, *session.state.bindings, *(move.before.address for move in project.moves)},
        names=is_taken,
        contents={id: each.name for id, each in contents.items()},
        claimed=described(planned, records, bound=True),
    )


def _is_file_of(path: Path, text: str) -> bool:
    try:
        return path.is_file() and not path.is_symlink() and path.read_bytes() == text.encode()
    except OSError:
        return False


def _folder(root: Path, into: str) -> str:
    """The folder that files go to, as the beginning of their names."""
    path = PurePosixPath(into.replace("\\", "/"))
    if path.is_absolute() and path.is_relative_to(root.as_posix()):
        path = path.relative_to(root.as_posix())
    try:
        blocking = [each for each in (root / path, *(root / path).parents) if each.exists() and not each.is_dir()]
    except OSError as error:
        raise UsageError(f"--into {into}: {error.strerror}", hint="Name a folder of the project.") from None
    if blocking:
        raise UsageError(f"--into {into}: {blocking[0].name} is a file", hint="Name a folder of the project.")
    return f"{path}/" if path.parts else ""


def _file(session: Session, into: str, kind: str, resources: list[Imported]) -> _File:
    """The kind's file with the resources in it; a new one beside it, where that has a form that takes none."""
    path = ("objects", kind.removeprefix(OBJECT)) if kind.startswith(OBJECT) else (kind_of(kind).section,)
    stem = f"{into}{kind if kind.startswith(OBJECT) else kind_of(kind).section}"
    root = session.project.root
    for number in range(1, 100):
        name = f"{stem}.yaml" if number == 1 else f"{stem}-{number}.yaml"
        if not session.project.takes(name):
            raise UsageError(
                f"--into: {name} would be no resource file of this project",
                hint="It is hidden, excluded, another project's, or outside of the project's folder.",
            )
        real = (root / name).resolve()
        before = real.read_bytes() if real.exists() else None
        try:
            text = session.workspace.modeline(name) + _HEADER if before is None else before.decode("utf-8")
            found = _File(name, real, before, text, path, resources)
            found.after = found.holding(resources)
        except (CantEditError, UnicodeDecodeError):
            continue
        return found
    raise UsageError(
        f"{stem}.yaml is written in a form that nothing can be added to", hint="Name another folder: --into."
    )


async def _held(session: Session, planned: Planned, result: _Result) -> tuple[dict[Address, str], Draft | None]:
    """What would not be as it is live, with the reason; and the plan of the files.

    Of a dry run, contents are not there to be held against.
    """
    files = [file for file in result.files if not any(result.is_missing(each) for each in file.resources)]
    addresses = {each.address for file in files for each in file.resources}
    if not addresses:
        return {}, None
    root = session.project.root
    instead = {file.path: file.after for file in files}
    instead |= {(root / name).resolve(): text.encode() for name, text in result.texts.items()}
    after = edited(session.project, instead, [file.name for file in files])
    desired, problems = prepare(after.resources, planned.schema, mappings=after.mappings)
    if found := [*after.problems, *problems]:
        return _blamed(found, addresses), None
    seen = with_dependencies(desired, [*planned.draft.desired, *addresses])
    draft = await redraft(session, replace(planned, state=_holding(planned.state, result)), seen)
    wrong = {a: f"it would be blocked: {draft.blocked[a].reason}" for a in addresses & draft.blocked.keys()}
    for address in addresses & draft.changes.keys():
        change = draft.changes[address]
        if change.action != "adopt":
            keys = [each.key for each in change.fields] + [each.key for each in change.relationships] or ["members"]
            wrong[address] = f"the next plan would change {', '.join(f'`{key}`' for key in keys)}"
    return _first(wrong, desired), draft


def _holding(state: State, result: _Result) -> State:
    """The state with what was downloaded: a file is found by what the state knows of its content (rule F1)."""
    bindings = dict(state.bindings)
    for each in result.resources:
        if (content := result.contents.get(each.record.id)) is not None:
            held = held_fields(each.address.kind, content.sha256, state)
            bindings[each.address] = Binding(each.address, each.record.id, state.generation(each.address), fields=held)
    return replace(state, bindings=bindings)


def _first(wrong: dict[Address, str], desired: Mapping[Address, Desired]) -> dict[Address, str]:
    """Those that are wrong of themselves: what refers to them can name them by id, once they are left."""
    own = {
        address: reason
        for address, reason in wrong.items()
        if not any(t.address in wrong for link in desired[address].all_links for t in link.include if t.address)
    }
    return own or wrong


def _blamed(problems: Sequence[Problem], addresses: Collection[Address]) -> dict[Address, str]:
    by_name = {str(address): address for address in addresses}
    found = {by_name[each.address]: each.message for each in problems if each.address in by_name}
    return found or dict.fromkeys(addresses, problems[0].message)


# ---------------------------------------------------------------- writing


def _write(session: Session, schema: Schema, result: _Result) -> None:
    """Texts, then the files that name them, each whole, and all or none; then the state (rule V1)."""
    if not result.files or result.draft is None:
        return
    _write_files(session.project.root, result, _ordered(result, result.draft.desired))
    bindings = {each.address: result.draft.bindings[each.address] for each in result.resources}
    try:
        session.keep(replace(session.state, bindings={**session.state.bindings, **bindings}), schema)
    except (StateError, OSError) as error:
        raise UnrecordedError(f"the files are written, but the state can't be: {error}") from None


def _write_files(root: Path, result: _Result, files: Sequence[_File]) -> None:
    """All or none: the files refer to each other, so that none of them is of use without the others."""
    texts = [(name, text) for name, text in result.texts.items() if not _is_file_of(root / name, text)]
    try:
        write_all(
            [Whole(name, root / name, None, text.encode()) for name, text in texts],
            [Whole(file.name, file.path, file.before, file.after, file.interim) for file in files],
        )
    except CantEditError as error:
        _drop(root, result.contents.values())
        raise LfsyncError(f"{error.reason}; nothing is imported", hint="Import again.") from None


def _ordered(result: _Result, desired: Mapping[Address, Desired]) -> list[_File]:
    """What others refer to first. Where two refer to each other, the first one names ids until the second is in place:
    whatever a kill leaves, no ref of it is to what no file declares."""
    home = {each.address: file.name for file in result.files for each in file.resources}
    by_name = {file.name: file for file in result.files}
    named = {file.name: _named(file, desired, home) for file in result.files}
    order = targets_first(named)
    for number, name in enumerate(order):
        if later := named[name] & set(order[number + 1 :]):
            file = by_name[name]
            written = {each.address: each for each in result.written({by_name[other].kind for other in later})}
            file.interim = file.holding(written[each.address] for each in file.resources)
    return [by_name[name] for name in order]


def _named(file: _File, desired: Mapping[Address, Desired], home: Mapping[Address, str]) -> set[str]:
    """The files whose resources a file refers to."""
    links = [link for each in file.resources for link in desired[each.address].all_links]
    targets = {target.address for link in links for target in (*link.include, *link.exclude)}
    return {home[address] for address in targets if address is not None and address in home}


# ---------------------------------------------------------------- telling


def _text(result: _Result, dry_run: bool, is_cut: bool) -> Iterator[str]:
    for file in result.files:
        verb = "would write" if dry_run else "extended" if file.before is not None else "wrote"
        yield f"{verb} {file.name}: {len(file.resources)} resource{_s(len(file.resources))}"
    if dry_run:
        for file in result.files:
            yield ""
            yield f"--- {file.name}"
            yield from "\n\n".join(each.yaml for each in file.resources).split("\n")
        yield ""
    if count := len(result.texts):
        yield f"{'would write' if dry_run else 'wrote'} {count} text{_s(count)} into files of their own"
    if count := len(result.contents):
        where = next(iter(result.contents.values())).name.rpartition("/")[0]
        yield f"{'would download' if dry_run else 'downloaded'} {count} file{_s(count)} into {where}/"
    for (key, reason), who in _alike(result.left).items():
        if is_cut:
            who, reason = [shortened(name, _LONGEST_NAME) for name in who], shortened(reason, _LONGEST_REASON)
        yield f"left: {', '.join(who[:_NAMED])}{_more(len(who))}: {f'`{key}`: ' if key else ''}{reason}"
    yield from (f"Warning: {warning}." for warning in result.warnings)
    yield from (f"Note: {note}." for note in result.notes)
    count = len(result.resources)
    yield f"{'Would import' if dry_run else 'Imported'} {count} record{_s(count)}." if count else "Nothing to import."


def _alike(left: Iterable[tuple[str, str | None, str]]) -> dict[tuple[str | None, str], list[str]]:
    """By key and reason, who is left for it: what is alike is told once (rule C16)."""
    found: dict[tuple[str | None, str], list[str]] = {}
    for name, key, reason in left:
        found.setdefault((key, reason), []).append(name)
    return found


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _json(result: _Result, dry_run: bool, code: int) -> str:
    document = {
        "dry_run": dry_run,
        "files": [{"file": file.name, "resources": len(file.resources)} for file in result.files],
        "texts": sorted(result.texts),
        "downloads": sorted(each.name for each in result.contents.values()),
        "imported": [{"address": str(each.address), "id": each.record.id} for each in result.resources],
        "left": [{"record": name, "key": key, "reason": reason} for name, key, reason in result.left],
        "warnings": result.warnings,
        "notes": result.notes,
        "exit_code": code,
    }
    return safe(json.dumps(document, ensure_ascii=False, indent=2))
