"""Files with edits made, held against what was read, and replaced whole or not at all. I/O."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lfsync.editing.acceptance import Edit, RowEdit, TextEdit, YamlEdit
from lfsync.editing.row_edit import RowEdit as Row
from lfsync.editing.row_edit import edit_rows
from lfsync.editing.splices import CantEditError, Splice, differences, line_end, spliced
from lfsync.editing.yaml_edit import BodyEdit, edit_yaml
from lfsync.errors import ConfigError
from lfsync.project.documents import decode, encode
from lfsync.project.folder import digest

_MOVED = "the file was changed meanwhile, and is left alone"
_AGAIN = "Run `lfsync accept` again."


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One file as it would be. `name` is what the project calls it; `known` is the digest of what was read."""

    name: str
    path: Path
    known: str
    after: bytes
    diff: tuple[str, ...]
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """An edit that can't be made, and why."""

    edit: Edit
    reason: str
    hint: str | None = None


def rewrite(root: Path, edits: Iterable[Edit], digests: Mapping[Path, str]) -> tuple[list[Rewritten], list[Refused]]:
    """Every file with its edits made. `digests`: of what was read when the project was loaded."""
    by_file: dict[Path, list[Edit]] = {}
    for edit in edits:
        by_file.setdefault((root / edit.file).resolve(), []).append(edit)
    files: list[Rewritten] = []
    refused: list[Refused] = []
    for path, inside in by_file.items():
        try:
            made, left = _rewritten(path, inside, digests.get(path, ""))
        except CantEditError as error:
            refused += (Refused(edit, error.reason, error.hint) for edit in inside)
            continue
        refused += left
        files += [made] if made.edits else []
    return files, refused


def replace(made: Rewritten) -> None:
    """Write beside, flush, replace; mode and links stay. CantEditError where the file is not what was read, or where it
    can't be written."""
    try:
        _replace(made)
    except OSError as error:
        raise CantEditError(f"the file can't be written: {error.strerror}") from None


def rewritten_as(name: str, path: Path, before: bytes, after: bytes) -> Rewritten:
    """A file that was read as `before` and is to be `after`."""
    return Rewritten(name, path, digest(before), after, (), ())


def create_file(path: Path, data: bytes) -> None:
    """A new file, whole or not at all, with its folder. CantEditError where it is there, or can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
        beside = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            beside.chmod(0o644)
            os.link(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    except FileExistsError:
        raise CantEditError(_MOVED, _AGAIN) from None
    except OSError as error:
        raise CantEditError(f"the file can't be written: {error.strerror}") from None


def _replace(made: Rewritten) -> None:
    handle, name = tempfile.mkstemp(dir=made.path.parent, prefix=f".{made.path.name[:100]}.")
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(made.after)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(made.path.stat().st_mode & 0o7777)
        _read(made.path, made.known)
        beside.replace(made.path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _rewritten(path: Path, edits: Sequence[Edit], known: str) -> tuple[Rewritten, list[Refused]]:
    data = _read(path, known)
    name = edits[0].file
    try:
        text = decode(data, name)
    except ConfigError as error:
        raise CantEditError(f"the file can't be read: {error.problems[0].message}") from None
    splices, refused = _splices(name, text, edits)
    left = {id(each.edit) for each in refused}
    try:
        after = encode(spliced(text, splices), data)
    except (ValueError, UnicodeEncodeError):
        raise CantEditError("lfsync can't tell the edits of this file apart") from None
    made = tuple(edit for edit in edits if id(edit) not in left)
    return Rewritten(name, path, known, after, tuple(differences(text, splices)), made), refused


def _read(path: Path, known: str) -> bytes:
    """The bytes of a file that must be what was read before."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise CantEditError("the file is not there any more") from None
    except OSError as error:
        raise CantEditError(f"the file can't be read: {error.strerror}") from None
    if digest(data) != known:
        raise CantEditError(_MOVED, _AGAIN)
    return data


def _splices(name: str, text: str, edits: Sequence[Edit]) -> tuple[Sequence[Splice], list[Refused]]:
    bodies = [edit for edit in edits if isinstance(edit, YamlEdit)]
    rows = [edit for edit in edits if isinstance(edit, RowEdit)]
    if bodies:
        return _yaml_splices(text, bodies)
    if rows:
        return _row_splices(name, text, rows)
    (whole,) = [edit for edit in edits if isinstance(edit, TextEdit)]
    return [Splice(0, len(text), _as_lines(whole.text, text))], []


def _yaml_splices(text: str, edits: Sequence[YamlEdit]) -> tuple[Sequence[Splice], list[Refused]]:
    wanted: dict[tuple[int, int], BodyEdit] = {}
    for edit in edits:
        body = wanted.setdefault(edit.at, BodyEdit())
        if edit.path:
            body.leaves[edit.path] = edit.leaf
        else:
            body.gone = True
    made = edit_yaml(text, wanted)
    refused = []
    for edit in edits:
        error = made.left.get((edit.at, edit.path)) or made.left.get((edit.at, ()))
        if error:
            refused.append(Refused(edit, error.reason, error.hint))
    return made.splices, refused


def _row_splices(name: str, text: str, edits: Sequence[RowEdit]) -> tuple[Sequence[Splice], list[Refused]]:
    wanted: dict[int, Row] = {}
    for edit in edits:
        row = wanted.setdefault(edit.line, Row())
        row.cells |= edit.cells
        row.gone = row.gone or not edit.cells
    made = edit_rows(name, text, wanted)
    refused = []
    for edit in edits:
        errors = [made.left[edit.line, key] for key in (*edit.cells, "") if (edit.line, key) in made.left]
        refused += [Refused(edit, error.reason, error.hint) for error in errors[:1]]
    return made.splices, refused


def _as_lines(new: str, old: str) -> str:
    """A text with the line ends of the file that it goes into, and with or without one at its end, as that has it."""
    ends = old.endswith(("\n", "\r"))
    if ends and new and not new.endswith("\n"):
        new += "\n"
    return new.replace("\n", "\r\n") if line_end(old) == "\r\n" else new
