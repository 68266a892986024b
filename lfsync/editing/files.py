"""Files with edits made, held against what was read, and replaced whole or not at all. I/O."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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
from lfsync.project.rows.row_files import RowFile

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
    put(write_beside(made.path, made.after, made.known))


@dataclass(frozen=True, slots=True)
class Beside:
    """A file as it is to be, whole and on the disk, beside its place. `known`: the digest of what stands there, None
    where nothing does."""

    path: Path
    temporary: Path
    known: str | None

    def check(self) -> None:
        """CantEditError where something else stands there now."""
        if self.known is not None:
            _read(self.path, self.known)
        elif os.path.lexists(self.path):
            raise CantEditError(_MOVED, _AGAIN)

    def over(self, other: bytes) -> Beside:
        """The same, where this stands by then."""
        return dataclasses.replace(self, known=digest(other))

    def drop(self) -> None:
        """What can't be dropped is hidden, and stays."""
        with suppress(OSError):
            self.temporary.unlink(missing_ok=True)


def write_beside(path: Path, data: bytes, known: str | None) -> Beside:
    """All that can fail but for the last step: a full disk, a folder that can't be written. CantEditError then."""
    try:
        if known is None:
            path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
        made = Beside(path, Path(name), known)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            made.temporary.chmod(0o644 if known is None else path.stat().st_mode & 0o7777)
        except BaseException:
            made.drop()
            raise
    except OSError as error:
        raise CantEditError(f"the file can't be written: {error.strerror}") from None
    return made


def put(made: Beside) -> None:
    """Into its place, at once. CantEditError where something else stands there now, or where it can't be put."""
    try:
        made.check()
        if made.known is None:
            os.link(made.temporary, made.path)
        else:
            made.temporary.replace(made.path)
    except FileExistsError:
        raise CantEditError(_MOVED, _AGAIN) from None
    except OSError as error:
        raise CantEditError(f"the file can't be written: {error.strerror}") from None
    finally:
        made.drop()


@dataclass(frozen=True, slots=True)
class Whole:
    """A file as it is to be. `before`: what it holds now, None where it is not there.

    `interim`: what it is to hold until all the others are in place.
    """

    name: str
    path: Path
    before: bytes | None
    after: bytes
    interim: bytes | None = None

    @property
    def known(self) -> str | None:
        return None if self.before is None else digest(self.before)


def write_all(texts: Sequence[Whole], files: Sequence[Whole]) -> None:
    """All of them, in this order, or none: CantEditError names the one that can't be.

    A text is in place as soon as it is whole. Files, which name texts and each other, stand beside their places first:
    what has no room, or was changed meanwhile, shows before any of them is in place.
    """
    steps = [*(_interim(each) for each in files), *(each for each in files if each.interim is not None)]
    beside: list[Beside] = []
    done: list[Whole] = []
    try:
        for each in texts:
            with _naming(each):
                put(write_beside(each.path, each.after, each.known))
            done.append(each)
        for each in steps:
            with _naming(each):
                beside.append(write_beside(each.path, each.after, each.known))
        for each, made in zip(files, beside, strict=False):
            with _naming(each):
                made.check()
        for each, made in zip(steps, beside, strict=True):
            with _naming(each):
                put(made if each.interim is None else made.over(each.interim))
            done.append(each)
    except BaseException:
        for made in beside:
            made.drop()
        for each in reversed(done):
            _put_back(each)
        raise


def _interim(file: Whole) -> Whole:
    """What of a file is put into its place first."""
    return file if file.interim is None else dataclasses.replace(file, after=file.interim, interim=None)


@contextmanager
def _naming(file: Whole) -> Iterator[None]:
    try:
        yield
    except CantEditError as error:
        raise CantEditError(f"{file.name}: {error.reason}", error.hint) from None


def _put_back(file: Whole) -> None:
    """As it was before; what can't be put back stays, whole as it is."""
    with suppress(CantEditError, OSError):
        if file.before is not None:
            put(write_beside(file.path, file.before, digest(file.after)))
        elif file.path.read_bytes() == file.after:
            file.path.unlink()


def _rewritten(path: Path, edits: Sequence[Edit], known: str) -> tuple[Rewritten, list[Refused]]:
    data = _read(path, known)
    name = edits[0].file
    encoding = next((edit.rows.encoding for edit in edits if isinstance(edit, RowEdit)), None)
    try:
        text = decode(data, name, encoding)
    except ConfigError as error:
        raise CantEditError(f"the file can't be read: {error.problems[0].message}") from None
    splices, refused = _splices(text, edits)
    left = {id(each.edit) for each in refused}
    try:
        after = encode(spliced(text, splices), data, encoding)
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


def _splices(text: str, edits: Sequence[Edit]) -> tuple[Sequence[Splice], list[Refused]]:
    bodies = [edit for edit in edits if isinstance(edit, YamlEdit)]
    rows = [edit for edit in edits if isinstance(edit, RowEdit)]
    if bodies:
        return _yaml_splices(text, bodies)
    if rows:
        return _row_splices(rows[0].rows, text, rows)
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


def _row_splices(file: RowFile, text: str, edits: Sequence[RowEdit]) -> tuple[Sequence[Splice], list[Refused]]:
    wanted: dict[int, Row] = {}
    for edit in edits:
        row = wanted.setdefault(edit.line, Row())
        row.cells |= edit.cells
        row.gone = row.gone or not edit.cells
    made = edit_rows(file, text, wanted)
    refused = []
    for edit in edits:
        errors = [made.left[edit.line, key] for key in (*edit.cells, "") if (edit.line, key) in made.left]
        refused += [Refused(edit, error.reason, error.hint) for error in errors[:1]]
    return made.splices, refused


def _as_lines(new: str, old: str) -> str:
    """A text with the line ends of the file that it goes into."""
    return new.replace("\n", "\r\n") if line_end(old) == "\r\n" else new
