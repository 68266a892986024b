"""Loads a whole project: its settings, its resources and every problem that needs no network. I/O."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lfsync.errors import ConfigError, Problem, UsageError
from lfsync.kinds import kind_of
from lfsync.model import Address, Place, Resource
from lfsync.project.checks import check
from lfsync.project.contents import read_content
from lfsync.project.declarations import NO_DEFAULT, Body, Default, every
from lfsync.project.documents import Document, ExplosiveError, compose, parse
from lfsync.project.folder import SETTINGS, Folder
from lfsync.project.moves import Move, check_moves, former
from lfsync.project.query.asking import query_table
from lfsync.project.query.syntax import Query
from lfsync.project.resource_file import Declared, digest, join, looks_foreign, read_defaults, read_resources
from lfsync.project.rows.row_files import RowFile
from lfsync.project.rows.source_file import Table, read_table
from lfsync.project.settings import Settings, read_settings
from lfsync.project.source_rows import Built, build, build_members
from lfsync.project.sources import Roster, Source, mappings, members_mapping


@dataclass(frozen=True, slots=True)
class Project:
    """What a project's files say. `problems` are those that need no network; with any, nothing is planned (C2).

    `files`: the project's own (rule C17), links followed: lfsync.yaml, resource files, and what they name.
    `mappings` are what its sources, its `defaults` and the sections of its custom objects say of all their resources,
    to be checked as such (C15). `moves` are what its `moved:` blocks say.
    `texts`: the file that a `{file: ...}` names, by the place of the value. `sources` are by their place,
    `rosters` by the list whose members they are. `queried`: the names of the files that a source's query read.
    `digests`: of every file that was read, by its real path.
    """

    root: Path
    document: Document
    settings: Settings
    resources: Mapping[Address, Resource]
    mappings: tuple[Resource, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    files: frozenset[Path] = frozenset()
    texts: Mapping[Place, str] = field(default_factory=dict)
    sources: Mapping[Place, Source] = field(default_factory=dict)
    rosters: Mapping[Address, Roster] = field(default_factory=dict)
    queried: Mapping[Place, tuple[str, ...]] = field(default_factory=dict)
    moves: tuple[Move, ...] = ()
    digests: Mapping[Path, str] = field(default_factory=dict)

    @property
    def former(self) -> dict[Address, tuple[Address, ...]]:
        """By the address that is declared now, all that its resource had before (rule M1)."""
        return former(self.moves)

    @property
    def digest(self) -> str:
        """A hash of the desired state: the same for any order of files, keys and rows."""
        return digest(self.resources, self.moves)

    def takes(self, name: str) -> bool:
        """Whether a resource file of this name would be part of the project."""
        return Folder(self.root).takes(name, self.settings.exclude)


def load_project(root: Path) -> Project:
    """Read everything below `root`. Raises ConfigError with all problems if there is no usable `lfsync.yaml`.

    That nothing is declared is a warning: a project may be new, and what is to be imported is not there yet.
    """
    try:
        there = root.is_dir()
    except OSError:  # a name that is longer than names can be
        there = False
    if not there:
        raise UsageError(f"there is no folder {root}", hint="-C names the folder of a project")
    return _Loading(Folder(root)).load()


def edited(project: Project, instead: Mapping[Path, bytes], new: Collection[str] = ()) -> Project:
    """The project as it would be with these bytes in its files (by real path; lfsync.yaml is none of them).

    `new` are the names of resource files that are not there yet. Nothing else is read again, so that what others do to
    other files meanwhile makes no difference.
    """
    return _Loading(Folder(project.root, instead)).again(project, instead, new)


class _Loading:
    """One loading of one project; collects problems and warnings on the way."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.queried: dict[Place, tuple[str, ...]] = {}
        self.broken: set[Address] = set()

    def load(self) -> Project:
        document = self.settings_document()
        settings = self.settings(document)
        defaults, beside = read_defaults(document, self.folder.text)
        names, links = self.folder.find(_excludes(document))
        self.warnings += links
        seeds = self.check_paths(document, settings) if settings else []
        parts = [beside, *(self.declared(name, defaults) for name in names)]
        declared = self.without_named(parts, seeds)
        self.warn_of_foreign([part.file for part in declared if part.foreign])
        named = {*seeds, *(self.folder.real(name) for part in declared for name in part.named)}
        resources = self.contents(self.resources(declared, defaults))
        named |= {Path(resource.upload.real) for resource in resources.values() if resource.upload}
        named |= {self.folder.real(name) for names in self.queried.values() for name in names}
        whole = tuple(_said_of_many(document, defaults, declared))
        moves = tuple(move for part in declared for move in part.moves)
        self.problems += (*check(resources, whole, self.broken), *check_moves(moves, resources))
        if not (resources or self.problems):
            self.warnings.append(_NOTHING)
        found = ConfigError(self.problems)
        if settings is None:
            raise found
        files = frozenset({*named, *(self.folder.real(name) for name in (SETTINGS, *names, *_kept(settings)))})
        warnings = tuple(self.warnings)
        return Project(
            self.folder.root,
            document,
            settings,
            resources,
            whole,
            found.problems,
            warnings,
            files,
            texts={place: text for part in (beside, *declared) for place, text in part.texts.items()},
            sources={source.place: source for part in declared for source in part.sources},
            rosters={roster.address: roster for part in declared for roster in part.rosters},
            queried=self.queried,
            moves=moves,
            digests=self.folder.digests,
        )

    def again(self, project: Project, instead: Container[Path], new: Collection[str]) -> Project:
        """A project whose edited files are read anew, and the YAML files that name an edited text."""
        defaults, _ = read_defaults(project.document, self.folder.text)
        naming = {place.file for place, name in project.texts.items() if self.folder.real(name) in instead}
        homes = {(each.row.source if each.row else each.place).file for each in project.resources.values()}
        names = {name for name in homes if name in naming or self.folder.real(name) in instead} - {SETTINGS}
        names |= {*new}
        sources = {at for at, each in project.sources.items() if self.folder.real(each.file.path) in instead}
        kept = [
            each
            for each in project.resources.values()
            if (each.row.source if each.row else each.place).file not in names
            and not (each.row and each.row.source in sources)
        ]
        declared = [self.declared(name, defaults) for name in sorted(names)]
        beside = [project.sources[at] for at in sorted(sources) if at.file not in names]
        moves = tuple(move for move in project.moves if move.before.place.file not in names)
        declared.append(Declared("", resources=tuple(kept), sources=tuple(beside), moves=moves))
        moves = tuple(move for part in declared for move in part.moves)
        resources = self.contents(self.resources(declared, defaults))
        for path, known in self.folder.digests.items():
            if path not in instead and project.digests.get(path) != known:
                message = "the file was changed meanwhile"
                self.problems.append(Problem(message, Place(path.relative_to(self.folder.root).as_posix(), 1, 1)))
        self.problems += (*check(resources, project.mappings), *check_moves(moves, resources))
        return replace(project, resources=resources, moves=moves, problems=tuple(self.problems))

    def settings_document(self) -> Document:
        if not (self.folder.root / SETTINGS).exists():
            renamed = (self.folder.root / "lfsync.yml").exists()
            hint = "rename lfsync.yml" if renamed else "`lfsync init` starts a project; -C names the folder of one"
            raise ConfigError([Problem(f"there is no {SETTINGS} in {self.folder.root}", hint=hint)])
        return parse(self.folder.yaml(SETTINGS), SETTINGS)

    def settings(self, document: Document) -> Settings | None:
        try:
            return read_settings(document)
        except ConfigError as error:
            self.problems += error.problems
            return None

    def check_paths(self, document: Document, settings: Settings) -> list[Path]:
        """Paths in the settings stay inside the project. Returns them: they hold no resources (rule C1)."""
        named = []
        for name, workspace in settings.workspaces.items():
            at = ("workspaces", name)
            named.append(self.path(document, (*at, "state"), workspace.state_file))
            if workspace.sandbox:
                named.append(self.path(document, (*at, "sandbox", "db"), workspace.sandbox.db))
                named.append(self.path(document, (*at, "sandbox", "seed"), workspace.sandbox.seed, present=True))
        return [path for path in named if path]

    def path(self, document: Document, at: Sequence[str], name: str | None, present: bool = False) -> Path | None:
        if name is None:
            return None
        place = document.place(at)
        try:
            return self.folder.present(name, place) if present else self.folder.path(name, place)
        except ConfigError as error:
            self.problems += error.problems
            return None

    def declared(self, name: str, defaults: Mapping[str, Default]) -> Declared:
        text = ""
        try:
            text = self.folder.yaml(name)
            root = compose(text, name)
        except ConfigError as error:
            foreign = looks_foreign(text) and not isinstance(error, ExplosiveError)
            return Declared(name, problems=error.problems, foreign=foreign)
        return read_resources(root, name, defaults, self.folder.text)

    def without_named(self, declared: Sequence[Declared], settled: Sequence[Path]) -> list[Declared]:
        """The files that neither the settings name (`settled`) nor a source or a text (rule C1)."""
        files = {self.folder.real(part.file): part for part in reversed(declared)}  # a file and a link to it are one
        ours = {path: part for path, part in files.items() if path not in settled}
        named = {self.folder.real(name) for part in ours.values() for name in part.named}
        return [part for path, part in reversed(ours.items()) if path not in named]

    def warn_of_foreign(self, names: Sequence[str]) -> None:
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            what = "no resource file" if len(names) == 1 else "no resource files"
            self.warnings.append(
                f"{', '.join(names[:_NAMED])}{more}: {what}, for no top-level key is known; "
                f"name {'it' if len(names) == 1 else 'them'} in `exclude` of {SETTINGS}"
            )

    def resources(self, declared: Sequence[Declared], defaults: Mapping[str, Default]) -> dict[Address, Resource]:
        parts = [part.resources for part in declared]
        for part in declared:
            self.problems += () if part.foreign else part.problems
            for source in part.sources:
                built = self.rows(source, defaults.get(source.kind, NO_DEFAULT))
                self.problems += built.problems
                self.warnings += built.warnings
                self.broken |= built.broken
                parts.append(tuple(built.resources))
        resources, problems = join(parts)
        self.problems += problems
        rosters = (roster for part in declared for roster in part.rosters if not part.foreign)
        return resources | dict(self.with_members(rosters, resources))

    def with_members(
        self, rosters: Iterable[Roster], resources: Mapping[Address, Resource]
    ) -> Iterator[tuple[Address, Resource]]:
        """The lists whose members rows name, with these members."""
        for roster in rosters:
            resource = resources.get(roster.address)
            if resource is None or resource.members is None or resource.members.place != roster.place:
                continue  # declared twice: another one counts
            try:
                members, built = build_members(roster, table_of(self.folder, roster.file))
            except ConfigError as error:
                self.problems += error.problems
                continue
            self.problems += built.problems
            self.warnings += built.warnings
            yield roster.address, replace(resource, members=members)

    def contents(self, resources: Mapping[Address, Resource]) -> dict[Address, Resource]:
        """The same resources, those that are uploaded with what was read of their files."""
        read = {}
        for address, resource in resources.items():
            read[address] = resource
            if kind_of(address.kind).uploaded and resource.upload is None:
                read[address], problems, warnings = read_content(self.folder, resource)
                self.problems += problems
                self.warnings += warnings
        return read

    def rows(self, source: Source, default: Default) -> Built:
        try:
            return build(source, self.table(source), default)
        except ConfigError as error:
            return Built(problems=[*error.problems])

    def table(self, source: Source) -> Table:
        if source.query is None:
            return table_of(self.folder, source.file)
        table, self.queried[source.place] = table_of_query(self.folder, source.query)
        return table


def _said_of_many(
    document: Document, defaults: Mapping[str, Default], declared: Sequence[Declared]
) -> Iterator[Resource]:
    """What is said of many resources at once: by `defaults`, by sections of custom objects, by sources."""
    for kind, default in defaults.items():
        yield Body().over(default, every(kind), document.place(("defaults", kind)))
    for part in declared:
        yield from part.types
    for part in declared:
        for source in part.sources:
            yield from mappings(source, defaults.get(source.kind, NO_DEFAULT))
    for part in declared:
        yield from map(members_mapping, part.rosters)


def table_of(folder: Folder, file: RowFile) -> Table:
    """The rows of a file. ConfigError where it can't be read, or holds no table."""
    return read_table(file, folder.rows(file.path, file.place, file.encoding))


def table_of_query(folder: Folder, query: Query) -> tuple[Table, tuple[str, ...]]:
    """The rows of a query, and the names of the files that it read. ConfigError where it can't be run."""
    table, names = query_table(folder.root, query)
    for name in names:
        folder.note(name, query.place)
    return table, names


_NAMED = 3  # files that a warning names
_NOTHING = (
    "the project declares nothing: add a resource file, `lfsync import` what is live, or see what `exclude` leaves out"
)


def _kept(settings: Settings) -> list[str]:
    """The files that the workspaces' own state and sandbox are kept in, as far as lfsync.yaml names them."""
    named = [(each.state_file, each.sandbox.db if each.sandbox else None) for each in settings.workspaces.values()]
    return [name for pair in named for name in pair if name]


def _excludes(document: Document) -> list[str]:
    """The patterns of `exclude` that can be used, whatever else is wrong with the settings."""
    found = document.data.get("exclude") if isinstance(document.data, dict) else None
    return [item for item in found if isinstance(item, str) and item.strip("./")] if isinstance(found, list) else []
