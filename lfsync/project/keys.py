"""Keys of resources: what may be one, how a cell becomes one, and which resource a text names. Pure."""

from __future__ import annotations

import re
from collections.abc import Container
from functools import lru_cache
from typing import Final
from unicodedata import category

from lfsync.model import Address, Cell
from lfsync.wording import nfc

MAX_KEY: Final = 128

_MARKS: Final = "._@+-"
_ASCII: Final = re.compile(r"[A-Za-z0-9._@+-]*")
_OUTSIDE: Final = re.compile(r"[^A-Za-z0-9._@+-]+")
_RUN: Final = re.compile("\0+")


def is_key_text(text: str) -> bool:
    """Whether every character may stand in a key: letters, marks and digits of any script, and . _ @ + -"""
    return bool(_ASCII.fullmatch(text)) if text.isascii() else nfc(text) == text and all(map(_inside, text))


def as_key(text: str) -> str:
    """A cell as a key: trimmed, in NFC, each run of other characters turned into `-` (rule C4)."""
    text = nfc(text.strip())
    if text.isascii():
        return _OUTSIDE.sub("-", text)
    return _RUN.sub("-", "".join(char if _inside(char) else "\0" for char in text))


def key_problem(key: str) -> tuple[str, str] | None:
    """What is wrong with a resource's key, and what to do about it."""
    if len(key) > MAX_KEY:
        return f"the key has {len(key)} characters; at most {MAX_KEY} are allowed", "shorten it"
    if is_key_text(key) and _begins(key):
        return None
    better = as_key(key)
    while better and not _begins(better):
        better = better[1:]
    hint = f"write `{better.rstrip('-')}`" if better else "begin with a letter or a digit"
    return f"`{key}` can't be a key: letters, digits and . _ @ + - only, a letter or digit first", hint


def named(resources: Container[Address], kind: str, text: str) -> Address | None:
    """The resource of a kind that a ref's text names by its key: as it stands, else a cell as a key is made of it."""
    address = Address(kind, text)
    if address in resources:
        return address
    if not isinstance(text, Cell):
        return None
    address = Address(kind, as_key(text))
    return address if address in resources else None


@lru_cache(maxsize=65536)
def _inside(char: str) -> bool:
    return char in _MARKS or category(char)[0] in "LM" or category(char) == "Nd"


def _begins(key: str) -> bool:
    first = category(key[0]) if key else ""
    return first[:1] == "L" or first == "Nd"
