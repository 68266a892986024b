"""The bytes of uploaded files, in a folder beside the database; of one in memory, in a temporary folder. I/O."""

from __future__ import annotations

import shutil
from hashlib import md5
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

MEMORY = ":memory:"


class Contents:
    """One content for each name. Nothing is made on disk before the first one comes."""

    def __init__(self, database: str | Path) -> None:
        self._beside = None if str(database) == MEMORY else Path(f"{database}.files")
        self._temporary: TemporaryDirectory[str] | None = None

    def path(self, name: str) -> Path:
        """Where the content of this name is, or would be."""
        return self._folder() / name

    def has(self, name: str) -> bool:
        """Whether there is a content of this name."""
        return (self._beside is not None or self._temporary is not None) and self.path(name).exists()

    def writer(self, name: str, part: str) -> Writer:
        """Takes a content in; `part` tells two writers of one name apart."""
        return Writer(self._folder() / f"{name}.{part}", self.path(name))

    def drop(self, name: str) -> None:
        """Forgets a content, and what is left of attempts at it."""
        if self._beside is None and self._temporary is None:
            return
        for path in self._folder().glob(f"{name}*"):
            path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Forgets all that a database that is no more has left here."""
        if self._beside is not None and self._beside.is_dir():
            shutil.rmtree(self._beside)

    def close(self) -> None:
        """Removes the temporary folder."""
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def _folder(self) -> Path:
        if self._beside is not None:
            self._beside.mkdir(exist_ok=True)
            return self._beside
        if self._temporary is None:
            self._temporary = TemporaryDirectory(prefix="lfsync-sandbox-")
        return Path(self._temporary.name)


class Writer:
    """One upload on its way to the disk: whole, or not there at all."""

    def __init__(self, part: Path, whole: Path) -> None:
        self._part = part
        self._whole = whole
        self._file = part.open("wb")
        self._digest = md5(usedforsecurity=False)
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Appends to it."""
        self._file.write(chunk)
        self._digest.update(chunk)
        self.size += len(chunk)

    def keep(self) -> str:
        """Puts it in its place; the md5 in hex."""
        self._file.close()
        self._part.replace(self._whole)
        return self._digest.hexdigest()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)
