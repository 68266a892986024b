"""Reads what a file of the project holds, and checks what the API takes of it (API sheet, section 4.9). I/O."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import PurePath
from typing import Final

from lfsync.errors import ConfigError, Problem
from lfsync.kinds import kind_of
from lfsync.model import JSON, Resource, Upload, Value
from lfsync.project.folder import Folder
from lfsync.wording import did_you_mean

MAX_SIZE: Final = 512 * 1024**2
MAX_ATTACHMENT: Final = 20 * 1024**2
MAX_NAME: Final = 255

_MIME: Final = re.compile(r"[a-zA-Z0-9.+_-]+/[a-zA-Z0-9.+_-]+( *;[ -~]*)?")
_PACKED: Final = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
# What a purpose is likely to take; the sheet names no types (U28), so that anything else is a warning only.
_LIKELY: Final = {
    "meeting_transcript": re.compile("text/.*|application/(json|x-subrip|ttml[+]xml)"),
    "knowledge_user": re.compile("(text|image|application)/.*"),
    "knowledge_workspace": re.compile("(text|image|application)/.*"),
}


def read_content(folder: Folder, resource: Resource) -> tuple[Resource, list[Problem], list[str]]:
    """The resource with what was read of its file, the problems of its body, and warnings."""
    problems = [*_problems(resource)]
    path = resource.file.get("path")
    if path is None or problems:
        return resource, problems, []
    name = str(path.data)
    try:
        content = folder.content(name, path.place, MAX_SIZE)
    except ConfigError as error:
        return resource, [Problem(p.message, p.place, str(resource.address), p.hint) for p in error.problems], []
    filename = PurePath(name).name
    mime, purpose = resource.file.get("mimeType"), _text(resource.file, "purpose")
    upload = Upload(
        name,
        str(content.path),
        path.place,
        filename,
        str(mime.data) if mime else guessed(filename) or "",
        content.size,
        content.sha256,
        content.md5,
        purpose,
    )
    problems = [*_unfit(resource, upload, path)]
    told: dict[str, JSON] = {
        "filename": filename,
        "mimeType": upload.mime_type,
        "sizeBytes": upload.size,
        "purpose": purpose,
        "sha256": upload.sha256,
    }
    fields = {key: Value(data, path.place) for key, data in told.items() if data is not None}
    return replace(resource, fields=fields, upload=upload), problems, _warnings(resource, upload)


def _problems(resource: Resource) -> list[Problem]:
    """What is wrong with the body itself."""
    declared, address = resource.file, str(resource.address)
    purpose, mime = declared.get("purpose"), declared.get("mimeType")
    known = kind_of(resource.address.kind).words["purpose"]
    if "path" not in declared:
        found = [
            Problem(f"`{key}` without `path`: nothing is uploaded", v.place, address) for key, v in declared.items()
        ]
        if resource.id is None:
            hint = "add the `path` of what is to be uploaded, or the `id` of a file that is there"
            found.append(Problem("`path` is missing", resource.place, address, hint))
        return found
    found = []
    if purpose is not None and purpose.data not in known:
        hint = did_you_mean(str(purpose.data), known) or f"one of: {', '.join(known)}"
        found.append(Problem(f"`purpose` can't be `{purpose.data}`", purpose.place, address, hint))
    if mime is not None and not _MIME.fullmatch(str(mime.data)):
        hint = "a MIME type is written like text/plain"
        found.append(Problem(f"`mimeType` can't be `{mime.data}`", mime.place, address, hint))
    return found


def _unfit(resource: Resource, upload: Upload, path: Value) -> list[Problem]:
    """What the API would refuse of this file."""
    address = str(resource.address)
    found = []
    if not upload.mime_type:
        message = f"what type `{upload.filename}` is can't be told by its ending"
        found.append(Problem(message, path.place, address, "add `mimeType`, for example text/plain"))
    if len(upload.filename) > MAX_NAME:
        message = f"the name of `{upload.path}` has {len(upload.filename)} characters; the API takes {MAX_NAME}"
        found.append(Problem(message, path.place, address, "rename the file"))
    if upload.purpose == "email_attachment" and upload.size > MAX_ATTACHMENT:
        message = f"`{upload.path}` has {upload.size:,} bytes; an email_attachment has at most {MAX_ATTACHMENT:,}"
        found.append(Problem(message, path.place, address, "make it smaller"))
    return found


def _warnings(resource: Resource, upload: Upload) -> list[str]:
    likely = _LIKELY.get(upload.purpose or "")
    if likely is None or not upload.mime_type or likely.fullmatch(upload.mime_type.partition(";")[0].strip().lower()):
        return []
    what = f"the API may refuse {upload.mime_type} for the purpose {upload.purpose}"
    return [f"{resource.address} at {upload.place}: {what}"]


def guessed(filename: str) -> str | None:
    """The MIME type that a name's ending stands for, the same on every machine; None where it tells nothing."""
    # Of the ending alone: a whole name could pass for a URL.
    mime, packed = _types().guess_type("file" + "".join(PurePath(filename).suffixes[-2:]))
    return _PACKED.get(packed) if packed else mime


@cache
def _types() -> mimetypes.MimeTypes:
    return mimetypes.MimeTypes()


def _text(declared: Mapping[str, Value], key: str) -> str | None:
    value = declared.get(key)
    return None if value is None else str(value.data)
