"""The kinds that the sandbox knows: the rows of its own `kinds.py`, and one for each type of custom objects. Pure.

A type of custom objects goes by its slug, as it does in `objectType`; so no type may be called like another kind.
"""

from __future__ import annotations

import re
from functools import cache

from lfsync.kinds import Kind
from lfsync.sandbox.kinds import KINDS, SECTIONS

OBJECT_SECTION = "object."
_SLUG = re.compile("[A-Za-z][A-Za-z0-9_-]*")
_TAKEN = {*KINDS, *SECTIONS, "member", "user", "file", "files", "email", "object", "objects"}


def kind_row(name: str) -> Kind:
    """What the API can do with a kind; any name that is not in the table is the slug of a type of custom objects."""
    return KINDS.get(name) or _objects(name)


@cache
def _objects(slug: str) -> Kind:
    return Kind(
        name=slug,
        section=f"objects/{slug}",
        path=f"/v1/objects/{slug}",
        scope="custom_objects",
        matches=(),
        fields={},
        relationships={},
        custom_fields=True,
        filterable=True,
        trash=False,
    )


def section_kind(section: str) -> str:
    """The kind whose records stand under this key of a seed's `records`: `accounts`, `object.project`."""
    return SECTIONS[section].name if section in SECTIONS else section.removeprefix(OBJECT_SECTION)


def is_slug(text: str) -> bool:
    """Whether a type of custom objects may be called so."""
    return _SLUG.fullmatch(text) is not None and text not in _TAKEN
