"""A project's folder: finds and reads its files, and nothing outside of it. I/O."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from lfsync.errors import ConfigError, Problem, UsageError
from lfsync.model import Place
from lfsync.project.documents import CONTROL, MAX_SIZE, MAX_TEXT, decode
from lfsync.wording import nfc

SETTINGS: Final = "lfsync.yaml"
MAX_ROWS: Final = 512 * 1024 * 1024  # bytes of a source's file
_CHUNK: Final = 1024 * 1024

_MISSING: Final = "is not there"
_REGULAR: Final = "name a regular file; lfsync reads no other"
_SORTS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_INSIDE: Final = "paths start at the project's folder and stay inside of it, links included"


def find_project(start: Path) -> Path:
    """The nearest folder from `start` upwards that holds an lfsync.yaml; `start` itself where none does.

    As git does: the search ends at the folder that holds `.git`. A file of another owner above is refused (rule C17):
    whoever may write to a shared folder such as /tmp would else tell what is done below.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if os.path.lexists(folder / SETTINGS):
            if folder != start:
                _refuse_anothers(folder / SETTINGS)
            return folder
        if os.path.lexists(folder / ".git"):
            break
    return start


def _refuse_anothers(path: Path) -> None:
    ours = {os.geteuid()}
    if os.geteuid() == 0 and os.environ.get("SUDO_UID", "").isdigit():
        ours.add(int(os.environ["SUDO_UID"]))
    owners = {path.lstat().st_uid, *([path.stat().st_uid] if path.exists() else [])}  # a link, and what it leads to
    if not owners <= ours:
        hint = f"If you trust it, say so: `lfsync -C {path.parent} ...`."
        raise UsageError(f"{path} is the nearest {SETTINGS}, but it belongs to another user", hint=hint)


class Content(NamedTuple):
    """A file of any bytes: where it really is, how many there are, and their hashes in hex."""

    path: Path
    size: int
    sha256: str
    md5: str


def digest(data: bytes) -> str:
    """By what the content of a file is known again."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


class Folder:
    """Reads below `root`. Every method raises ConfigError, placed where the file is named if it is.

    `instead`: bytes that count as the content of files, by their real path. `digests`: of what was read, likewise.
    """

    def __init__(self, root: Path, instead: Mapping[Path, bytes] | None = None) -> None:
        self.root = root.resolve()
        self.instead = instead or {}
        self.digests: dict[Path, str] = {}

    def path(self, name: str, place: Place) -> Path:
        """The file that `name` stands for, links followed."""
        try:
            found = (self.root / name).resolve()
        except RuntimeError:  # a loop of links: up to Python 3.12
            found = self.root / name
        except (OSError, ValueError):  # a NUL
            found = self.root.parent
        if Path(name).is_absolute() or not found.is_relative_to(self.root):
            raise ConfigError([Problem(f"`{name}` leads out of the project", place, hint=_INSIDE)])
        return found

    def real(self, name: str) -> Path:
        """Where `name` really is, to tell whether two names stand for one file."""
        try:
            return (self.root / name).resolve()
        except (OSError, ValueError, RuntimeError):
            return self.root / name

    def present(self, name: str, place: Place) -> Path:
        """As `path`, for a file that must be there."""
        found = self.path(name, place)
        if not _is_file(found) and found not in self.instead:
            what = _what_else(self.root / name)
            hint = self._beside(name, place) if what.startswith(_MISSING) else _REGULAR
            raise ConfigError([Problem(f"`{name}` {what}", place, hint=hint)])
        return found

    def visible(self, name: str, place: Place) -> Path:
        """As `present`, for a file that a query may read: neither it nor a folder on the way is hidden (rule K4)."""
        found = self.present(name, place)
        if any(
            part.startswith(".")
            for part in (*PurePosixPath(name).parts, *found.relative_to(self.root).parts)
            if part not in (".", "..")
        ):
            hint = "a query sees no files and folders whose names begin with a dot"
            raise ConfigError([Problem(f"`{name}` is hidden", place, hint=hint)])
        return found

    def text(self, name: str, place: Place) -> str:
        """The text of `{file: name}`; lines end in a line feed, whatever the checkout made of them."""
        text = decode(self._read(self.present(name, place), name, MAX_TEXT, place), name)
        bad = CONTROL.search(text)
        if bad:
            message = f"`{name}` is no text: it holds the control character U+{ord(bad.group()):04X}"
            raise ConfigError([Problem(message, place)])
        return text.replace("\r\n", "\n")

    def content(self, name: str, place: Place, limit: int) -> Content:
        """A file of any bytes, read through once."""
        path = self.present(name, place)
        if not {".git", ".lfsync"}.isdisjoint(path.relative_to(self.root).parts):
            hint = "what git and lfsync keep for themselves is never uploaded"
            raise ConfigError([Problem(f"`{name}` is no file of the project's own", place, hint=hint)])
        try:
            size, sha256, md5 = path.stat().st_size, hashlib.sha256(), hashlib.md5(usedforsecurity=False)
            if not 1 <= size <= limit:
                what = "is empty" if not size else f"has {size:,} bytes"
                raise ConfigError([Problem(f"`{name}` {what}; the API takes 1 to {limit:,}", place)])
            read = 0
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    sha256.update(chunk)
                    md5.update(chunk)
                    read += len(chunk)
        except OSError as error:
            raise ConfigError([Problem(f"`{name}` can't be read: {error.strerror}", place)]) from None
        if read != size:
            raise ConfigError([Problem(f"`{name}` was changed while it was read", place, hint="try again")])
        return Content(path, size, sha256.hexdigest(), md5.hexdigest())

    def rows(self, name: str, place: Place, encoding: str | None = None) -> str:
        """The text of a file of rows. Bytes that are not of its encoding are placed at their row."""
        data = self._read(self.present(name, place), name, MAX_ROWS, place)
        try:
            return decode(data, name, encoding)
        except ConfigError as error:
            wrong = error.problems[0]
            row = wrong.place.line if wrong.place else 1
            raise ConfigError([Problem(wrong.message, Place(name, row), hint=wrong.hint)]) from None

    def note(self, name: str, place: Place) -> None:
        """Notes down what a file holds that something else has read."""
        self._read(self.present(name, place), name, MAX_ROWS, place)

    def yaml(self, name: str) -> str:
        """The text of a YAML file."""
        start = Place(name, 1, 1)
        return decode(self._read(self.path(name, start), name, MAX_SIZE, start), name)

    def find(self, excludes: Sequence[str]) -> tuple[list[str], list[str]]:
        """The names of all resource files below the root (rule C1), sorted; and warnings about links to folders."""
        files: list[str] = []
        warnings: list[str] = []
        for folder, folders, names in os.walk(self.root, onerror=self._unread):
            here = Path(folder)
            folders[:] = sorted(name for name in folders if self._enters(here / name, excludes, warnings))
            files += (self._name(here / name) for name in names if self._holds(here / name, excludes))
        return sorted(files), warnings

    def _unread(self, error: OSError) -> None:
        """A folder that can't be listed would seem to hold nothing, and its resources to be gone."""
        name = self._name(Path(error.filename))
        raise ConfigError([Problem(f"the folder `{name}` can't be read: {error.strerror}", Place(SETTINGS, 1, 1))])

    def _enters(self, folder: Path, excludes: Sequence[str], warnings: list[str]) -> bool:
        name = self._name(folder)
        if folder.name.startswith(".") or _excluded(f"{name}/", excludes):
            return False
        if folder.is_symlink():
            warnings.append(f"{name} is a link to a folder; links to folders are not followed")
            return False
        return not (folder / SETTINGS).exists()

    def takes(self, name: str, excludes: Sequence[str]) -> bool:
        """Whether a resource file of this name would be read."""
        path = self.root / name
        folders = [folder for folder in path.parents if folder != self.root and folder.is_relative_to(self.root)]
        try:
            return (
                path.resolve().is_relative_to(self.root)
                and all(self._enters(folder, excludes, []) for folder in folders)
                and self._holds(path, excludes)
            )
        except OSError:  # a name that is longer than names can be
            return False

    def _holds(self, file: Path, excludes: Sequence[str]) -> bool:
        name = self._name(file)
        return (
            file.suffix in (".yaml", ".yml")
            and not file.name.startswith(".")
            and name != SETTINGS
            and not _excluded(name, excludes)
        )

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def _read(self, path: Path, name: str, limit: int, place: Place) -> bytes:
        data = self.instead.get(path)
        try:
            if data is None and not path.is_file():
                what = _what_else(self.root / name)
                hint = None if what.startswith(_MISSING) else _REGULAR
                raise ConfigError([Problem(f"`{name}` {what}", place, hint=hint)])
            size = path.stat().st_size if data is None else len(data)
            if size > limit:
                raise ConfigError([Problem(f"`{name}` has {size:,} bytes; at most {limit:,} are read", place)])
            data = path.read_bytes() if data is None else data
        except OSError as error:
            raise ConfigError([Problem(f"`{name}` can't be read: {error.strerror}", place)]) from None
        self.digests[path] = digest(data)
        return data

    def _beside(self, name: str, place: Place) -> str:
        """The way out: the file may lie beside the YAML file that names it, not where the project starts."""
        beside = (self.root / place.file).parent / name
        return f"did you mean `{self._name(beside)}`? {_INSIDE}" if _is_file(beside) and ".." not in name else _INSIDE


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is longer than names can be
        return False


def _what_else(path: Path) -> str:
    """What is there instead of a file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return f"{_MISSING}: it is a link to what is gone" if path.is_symlink() else _MISSING
    except OSError as error:
        return f"{_MISSING}: {error.strerror}"
    return f"is {next((what for test, what in _SORTS if test(mode)), 'something else')}, not a regular file"


def _excluded(name: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern takes `name` out; a folder's name ends in `/`.

    As in .gitignore: a pattern with a slash inside starts at the project's folder, any other matches at any depth.
    """
    return any(_matches(name, pattern) for pattern in patterns)


def _matches(name: str, pattern: str) -> bool:
    if pattern.endswith("/") and not name.endswith("/"):
        return False
    plain, wanted = nfc(name.rstrip("/")), nfc(pattern.removeprefix("./").strip("/"))
    if "/" not in pattern.removeprefix("./").rstrip("/"):
        return fnmatchcase(plain.rsplit("/", 1)[-1], wanted)
    return fnmatchcase(plain, wanted) or fnmatchcase(plain, wanted.replace("**/", ""))
