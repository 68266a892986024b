"""Past the API: what somebody else did, while a loop of asyncio is running."""

from __future__ import annotations

from hashlib import md5

from lfsync.sandbox import files
from tests.uploads.yard import Yard


def plant(made: Yard, name: str, content: bytes) -> str:
    """A completed file."""
    store = made.crm.store
    with store.transaction():
        fields = {
            "filename": name,
            "mimeType": "application/octet-stream",
            "sizeBytes": len(content),
            "status": "COMPLETED",
            "expires": None,
            "completedAt": store.now(),
            "md5": md5(content, usedforsecurity=False).hexdigest(),
        }
        row = files.insert(made.crm, files.LISTED, fields, created=store.now())
    with store.contents.writer(row.id, "x") as writer:
        writer.write(content)
        writer.keep()
    return row.id
