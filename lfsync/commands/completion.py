"""What a shell offers: workspaces, kinds and addresses, from files and state alone; it fails in silence. I/O."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal, TypeAlias

from lfsync.kinds import KINDS, OBJECT, OBJECTS, SECTIONS, is_kind
from lfsync.model import Address
from lfsync.project.documents import Document, parse
from lfsync.project.folder import SETTINGS, Folder, find_project
from lfsync.project.keys import is_key_text
from lfsync.project.settings import read_settings
from lfsync.project.workspace import Workspace, workspace_at
from lfsync.wording import nfc

What: TypeAlias = Literal["workspace", "kind", "address", "bound", "pattern"]

_MOST: Final = 500  # names that are offered
_READ: Final = 500_000  # bytes of YAML that are read for it: half a second


def complete(what: What, folder: Path | None, workspace: str | None, incomplete: str) -> list[str]:
    """The names that begin with `incomplete`; none where anything is wrong: nobody asked for an error yet."""
    try:
        place = _Place(folder if folder is not None else find_project(Path.cwd()), workspace)
        begun = nfc(incomplete)
        return sorted(name for name in set(_NAMES[what](place)) if name.startswith(begun))[:_MOST]
    except Exception:
        return []


@dataclass(frozen=True)
class _Place:
    """A project, and the workspace that the command line names so far."""

    root: Path
    named: str | None

    @cached_property
    def document(self) -> Document:
        return parse((self.root / SETTINGS).read_text("utf-8"), SETTINGS)

    @property
    def workspace(self) -> Workspace | None:
        """None where none is named, or none of that name is there."""
        settings = read_settings(self.document)
        name = self.named or os.environ.get("LFSYNC_WORKSPACE") or settings.default_workspace or ""
        found = settings.workspaces.get(name)
        return None if found is None else workspace_at(self.root.resolve(), name, found)

    def workspaces(self) -> Iterable[str]:
        return read_settings(self.document).workspaces

    def kinds(self) -> Iterator[str]:
        yield from KINDS
        yield from (kind for kind in _saved_kinds(self.workspace) if kind.startswith(OBJECT))
        yield from (".".join(each.split(".", 2)[:2]) for each in self.addresses() if each.startswith(OBJECT))

    def addresses(self) -> Iterator[str]:
        """As the files declare them, rows left out, and as the state knows them."""
        yield from self.bound()
        left = _READ
        for name in Folder(self.root).find(read_settings(self.document).exclude)[0]:
            left -= (self.root / name).stat().st_size
            if left < 0:
                return
            yield from _declared(self.root / name)

    def bound(self) -> Iterator[str]:
        workspace = self.workspace
        if workspace is not None and not workspace.settings.state_url and workspace.state_path.exists():
            for line in workspace.state_path.read_text("utf-8", "replace").splitlines():
                yield from _address_in(line)

    def patterns(self) -> Iterator[str]:
        yield from self.kinds()
        yield from self.addresses()


_NAMES: Final[dict[What, Callable[[_Place], Iterable[str]]]] = {
    "workspace": _Place.workspaces,
    "kind": _Place.kinds,
    "address": _Place.addresses,
    "bound": _Place.bound,
    "pattern": _Place.patterns,
}


def _saved_kinds(workspace: Workspace | None) -> Iterable[str]:
    if workspace is None:
        return ()
    try:
        found = json.loads(workspace.definitions_path.read_text("utf-8"))["kinds"]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return [kind for kind in found if isinstance(kind, str) and is_kind(kind)]


def _declared(path: Path) -> Iterator[str]:
    """The addresses in one file; none in one that can't be read."""
    try:
        data = parse(path.read_text("utf-8"), path.name).data
    except Exception:  # the others may still be whole
        return
    for section, bodies in data.items() if isinstance(data, dict) else ():
        if section in SECTIONS:
            yield from _below(SECTIONS[section].name, bodies)
        elif section == OBJECTS and isinstance(bodies, dict):
            for slug, keyed in bodies.items():
                yield from _below(f"{OBJECT}{slug}", keyed)


def _below(kind: str, bodies: object) -> Iterator[str]:
    keys = bodies if isinstance(bodies, dict) and is_kind(kind) else ()
    yield from (f"{kind}.{key}" for key in keys if isinstance(key, str) and is_key_text(key))


def _address_in(line: str) -> Iterator[str]:
    """The address of a line of the state that binds one; nothing that a terminal could take for more than text."""
    try:
        found = json.loads(line)
        address = Address.parse(found["address"])
        if "id" in found and is_kind(address.kind) and is_key_text(address.key):
            yield str(address)
    except (ValueError, KeyError, TypeError, AttributeError):
        return
