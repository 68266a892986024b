"""Which workspace a run is for, where it is, and where what is kept of it lies. I/O."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from lfsync.errors import UsageError
from lfsync.model import Place
from lfsync.project.folder import SETTINGS, Folder
from lfsync.project.load import Project, load_project
from lfsync.project.settings import WorkspaceSettings, base_url
from lfsync.wording import did_you_mean

LOCAL = ".lfsync"
SANDBOX_URL = "http://localhost"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The workspace that a run is for, and where what is kept of it lies."""

    name: str
    settings: WorkspaceSettings
    root: Path

    @property
    def is_sandbox(self) -> bool:
        return self.settings.sandbox is not None

    def inside(self, name: str) -> Path:
        """A path that lfsync.yaml names. ConfigError where it leads out of the project."""
        return Folder(self.root).path(name, Place(SETTINGS, 1))

    @property
    def state_name(self) -> str:
        """Where the state is, for people."""
        return self.settings.state_url or str(self.state_path.relative_to(self.root))

    @property
    def state_path(self) -> Path:
        """The file of a state that is one."""
        if self.settings.state_file:
            return self.inside(self.settings.state_file)
        return self.root / LOCAL / ("sandbox" if self.is_sandbox else "state") / f"{self.name}.jsonl"

    @property
    def journal_path(self) -> Path:
        return self.root / LOCAL / "journal" / f"{self._state_name}.jsonl"

    @property
    def lock_path(self) -> Path:
        return self.root / LOCAL / "journal" / f"{self._state_name}.lock"

    @property
    def downloads_path(self) -> Path:
        """A folder for contents on their way into the project; who holds the lock has it for himself."""
        return self.root / LOCAL / "journal" / f"{self._state_name}.import"

    @property
    def _state_name(self) -> str:
        """What the state's lock and journal are called: two workspaces may share one state, and then these too."""
        if self.settings.state_url:
            return quote(self.settings.state_url, safe="")
        if not self.settings.state_file:
            return self.name
        path = self.state_path.relative_to(self.root.resolve())
        is_anothers_default = path.parent == Path(LOCAL, "state") and path.suffix == ".jsonl"
        return path.stem if is_anothers_default else quote(str(path), safe="")

    @property
    def history_path(self) -> Path:
        return self.root / LOCAL / "history" / self.name

    @property
    def definitions_path(self) -> Path:
        return self.root / LOCAL / "definitions" / f"{self.name}.json"

    @property
    def schemas_path(self) -> Path:
        return self.root / LOCAL / "schemas" / self.name

    def modeline(self, name: str, schema: str = "resources.json") -> str:
        """The line that tells editors the schema of a new file of the project; empty where none is written."""
        path = self.schemas_path / schema
        if not path.exists():
            return ""
        return f"# yaml-language-server: $schema={'../' * name.count('/')}{path.relative_to(self.root).as_posix()}\n"

    @property
    def database_path(self) -> Path:
        sandbox = self.settings.sandbox
        if sandbox is not None and sandbox.db:
            return self.inside(sandbox.db)
        return self.root / LOCAL / "sandbox" / f"{self.name}.db"

    @property
    def places(self) -> tuple[Path, ...]:
        """Everything that is kept of the workspace, and the folder that it is kept in."""
        local = self.root / LOCAL
        kept = (self.state_path, self.journal_path, self.lock_path, self.history_path, self.database_path)
        return (local, local / ".gitignore", self.downloads_path, *kept, self.definitions_path, self.schemas_path)

    @property
    def base_url(self) -> str:
        """LIGHTFIELD_BASE_URL wins over the file, but never touches a sandbox (rule C14)."""
        if self.is_sandbox:
            return SANDBOX_URL
        given = os.environ.get("LIGHTFIELD_BASE_URL")
        if given is not None and not given.strip():
            hint = "Unset it to go where lfsync.yaml says, or give it the API's address."
            raise UsageError("LIGHTFIELD_BASE_URL is set, but empty", hint=hint)
        try:
            return base_url(given or self.settings.base_url)
        except ValueError as error:
            raise UsageError(f"LIGHTFIELD_BASE_URL can't be used: {error}") from None


def choose_workspace(project: Project, name: str | None) -> Workspace:
    """The workspace that `-w`, LFSYNC_WORKSPACE or the file names."""
    # An empty -w is what a script's unset variable gives: the default could be another workspace than was meant.
    chosen = name if name is not None else os.environ.get("LFSYNC_WORKSPACE") or project.settings.default_workspace
    known = project.settings.workspaces
    if chosen is None:
        raise UsageError(
            "no workspace is named", hint=f"Name one with -w, or set `default_workspace`: {', '.join(known)}."
        )
    if chosen not in known:
        hint = did_you_mean(chosen, known) or f"workspaces here: {', '.join(known)}"
        raise UsageError(f"there is no workspace `{chosen}` in lfsync.yaml", hint=hint)
    return workspace_at(project.root, chosen, known[chosen])


def workspace_at(root: Path, name: str, settings: WorkspaceSettings) -> Workspace:
    """A workspace of the project at `root`. UsageError where what is kept of it would lie outside."""
    workspace = Workspace(name, settings, root)
    for path in workspace.places:
        _refuse_outside(root, path)
    return workspace


def _refuse_outside(root: Path, path: Path) -> None:
    """A link may lead elsewhere in the project, but not out of it: another project's state could lie there."""
    for step in reversed([path, *path.parents]):
        if step.is_relative_to(root) and not _is_inside(root, step):
            raise UsageError(
                f"{step.relative_to(root)} leads out of the project",
                hint=f"`{LOCAL}` stays inside the project: replace the link by what it stands for.",
            )


def _is_inside(root: Path, path: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # a loop of links
        return False


def reset_sandbox(root: Path, name: str | None) -> Workspace:
    """Throw away all that is kept of a sandbox workspace. UsageError for a real one."""
    workspace = choose_workspace(load_project(root), name)
    if not workspace.is_sandbox:
        raise UsageError(f"`{workspace.name}` is no sandbox", hint="Only a workspace with `sandbox:` can be reset.")
    empty_sandbox(workspace)
    return workspace


def empty_sandbox(workspace: Workspace) -> None:
    """Throw away all that is kept of a sandbox workspace."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{workspace.database_path}{suffix}").unlink(missing_ok=True)
    for path in (workspace.state_path, workspace.journal_path):
        path.unlink(missing_ok=True)
    for path in workspace.history_path.glob("*.jsonl"):
        path.unlink()
