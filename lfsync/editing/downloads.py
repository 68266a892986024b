"""Contents of live files put into files of the project, never over one that is there (design.md, section 16). I/O."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Final, TypeAlias

from lfsync.errors import ApiError, OutageError
from lfsync.model import Record
from lfsync.wording import nfc

Fetch: TypeAlias = Callable[[Record, Path], Awaitable[str]]
"""Writes what a file holds into a path, and tells its sha256 in hex. ApiError where it can't be had."""

_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+')
_RESOURCES: Final = (".yaml", ".yml")
_LONGEST: Final = 60  # characters: at most 240 bytes, of the 255 that a name may have


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What a live file holds, under a name of the project. `is_new`: it was not there before."""

    name: str
    sha256: str
    is_new: bool


def names(filename: str) -> Iterator[str]:
    """Names for a file, best first: what people called it, without what is not safe in every folder.

    Nothing hidden, no folder, and no resource file: what was uploaded declares nothing here.
    """
    plain = _UNSAFE.sub("-", nfc(filename).replace("\\", "/").rpartition("/")[2]).strip(" .-") or "file"
    if plain.lower().endswith(_RESOURCES):
        plain += ".txt"
    stem, dot, ending = plain.rpartition(".")
    if not stem:
        stem, dot, ending = plain, "", ""
    ending = ending[:20]
    stem = stem[: _LONGEST - len(ending)].rstrip(" .")
    yield f"{stem}{dot}{ending}"
    number = 1
    while True:
        number += 1
        yield f"{stem}-{number}{dot}{ending}"


async def download(
    root: Path, folder: str, records: Sequence[Record], fetch: Fetch, declared: Collection[Path], local: Path
) -> tuple[dict[str, Downloaded], dict[str, str]]:
    """By id, the contents of `records` in files of this folder of the project; and what could not be had, with why.

    They are whole before they get their names: until then they are in `local`, which is this run's alone. A file that a
    killed run left there with this content is taken; one that is `declared` never is.
    """
    if not records:
        return {}, {}
    target = root / folder
    try:
        if not target.resolve().is_relative_to(root.resolve()):
            raise OSError(None, "it leads out of the project")
        target.mkdir(parents=True, exist_ok=True)
        with _on_their_way(local, target) as beside:
            fetched = await asyncio.gather(*(_fetched(each, beside / each.id, fetch) for each in records))
            found: dict[str, Downloaded] = {}
            lost: dict[str, str] = {}
            for record, sha256, why in fetched:
                if why:
                    lost[record.id] = why
                else:
                    place = _placed(target, beside / record.id, record, sha256, declared, found)
                    found[record.id] = Downloaded(f"{folder}{place[0]}", sha256, place[1])
            return found, lost
    except OSError as error:
        return {}, {each.id: f"{folder} can't be written: {error.strerror}" for each in records}


def clear(local: Path) -> None:
    """What a killed run left of its downloads. Only for who holds the lock, so that it is no living one's."""
    shutil.rmtree(local, ignore_errors=True)


@contextmanager
def _on_their_way(local: Path, target: Path) -> Iterator[Path]:
    """A folder on the disk that the contents go to, so that they get their names at one stroke."""
    local.parent.mkdir(parents=True, exist_ok=True)
    if local.parent.stat().st_dev != target.stat().st_dev:
        with tempfile.TemporaryDirectory(dir=target, prefix=".import.") as beside:
            yield Path(beside)
        return
    local.mkdir(mode=0o700)
    try:
        yield local
    finally:
        clear(local)


async def _fetched(record: Record, path: Path, fetch: Fetch) -> tuple[Record, str, str]:
    try:
        return record, await fetch(record, path), ""
    except OutageError:
        raise
    except ApiError as error:
        return record, "", error.message


def _placed(
    target: Path, content: Path, record: Record, sha256: str, declared: Collection[Path], found: dict[str, Downloaded]
) -> tuple[str, bool]:
    """The name under which a content stands now, and whether it is new there."""
    taken = {each.name.rpartition("/")[2].casefold() for each in found.values()}
    for name in names(str(record.fields.get("filename") or "")):
        path = target / name
        if name.casefold() in taken:
            continue
        try:
            os.link(content, path)
        except FileExistsError:
            if path.resolve() not in declared and _holds(path, sha256):
                return name, False
        else:
            path.chmod(0o644)
            return name, True
    raise AssertionError("there is always another name")


def _holds(path: Path, sha256: str) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest() == sha256
