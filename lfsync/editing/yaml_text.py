"""Plain data as YAML text that every reader of YAML 1.2 takes for the same data. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

from lfsync.model import JSON
from lfsync.project.documents import resolve

WIDTH: Final = 100  # columns that a list or mapping may take on one line

# Characters that may begin a plain scalar; `$` does for system keys.
_STARTS: Final = re.compile(r"[^\s\-?:,\[\]{}#&*!|>'\"%@`]|-(?=[^\s\-,\[\]{}:?])")
_BREAKS: Final = re.compile(r": |:$| #|^\.\.\.|^---|^<<$|^=$|^\s|\s$")
_FLOW: Final = re.compile(r"[,\[\]{}]|:(?=[,\[\]{}\"'])")
# Words that older readers take for something else.
_WORDS: Final = re.compile(r"(?i:y|n|yes|no|on|off)")
_SEXAGESIMAL: Final = re.compile(
    r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|[-+]?[0-9][0-9_,]*_[0-9_]*|[-+]?0[0-9_]+"
)
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def scalar(value: JSON, *, flow: bool = False) -> str:
    """A scalar on one line; unquoted where that means the same everywhere. `flow`: inside of [] or {}."""
    if isinstance(value, str):
        text = str(value)
        return text if _is_plain(text, flow) else quoted(text)
    if isinstance(value, float):
        return json.dumps(int(value) if value.is_integer() and abs(value) < 1e15 else value)
    return json.dumps(value)


def quoted(text: str) -> str:
    """Text in double quotes, on one line."""
    return _UNPRINTABLE.sub(lambda hit: f"\\u{ord(hit[0]):04x}", json.dumps(text, ensure_ascii=False))


def in_flow(value: JSON) -> str:
    """Any data on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key, flow=True)}: {in_flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(in_flow, value)) + "]"
    return scalar(value, flow=True)


def entry(key: str, value: JSON, indent: int, *, newline: str = "\n") -> str:
    """`key: value` as lines that begin at column `indent`, each with its line end.

    What is short stands on the key's own line; a text of several lines becomes a literal block where it can.
    """
    return "".join(f"{' ' * indent if line else ''}{line}{newline}" for line in _entry(key, value, indent))


def _entry(key: str, value: JSON, indent: int) -> Iterator[str]:
    name = f"{scalar(key)}:"
    if isinstance(value, str) and _is_literal(value):
        yield f"{name} {'|' if value.endswith(chr(10)) else '|-'}"
        yield from (f"  {line}" if line else "" for line in value.removesuffix("\n").split("\n"))
        return
    line = f"{name} {in_flow(value) if isinstance(value, list | dict) else scalar(value)}"
    if not isinstance(value, list | dict) or not value or indent + len(line) <= WIDTH:
        yield line
        return
    yield name
    yield from (f"  {each}" for each in _block(value, indent + 2))


def _block(value: list[JSON] | Mapping[str, JSON], indent: int) -> Iterator[str]:
    if isinstance(value, list):
        yield from (f"- {in_flow(item)}" for item in value)
        return
    for key, part in value.items():
        yield from _entry(key, part, indent)


@lru_cache(4096)  # keys, options and refs come again and again
def _is_plain(text: str, flow: bool) -> bool:
    if not text or not _STARTS.match(text) or _BREAKS.search(text) or _UNPRINTABLE.search(text):
        return False
    if flow and _FLOW.search(text):
        return False
    if _WORDS.fullmatch(text) or _SEXAGESIMAL.fullmatch(text) or _is_number(text):
        return False
    return type(resolve(text)) is str


def _is_number(text: str) -> bool:
    """Also what only some readers take for a number: `+1`, `1e3`, `.inf`, `0x1`."""
    if not (text[0].isdecimal() or text[0] in "+-._iInN"):
        return False  # most texts; `float` takes long to refuse them
    try:
        return not math.isnan(float(text.replace("_", "")))
    except ValueError:
        return text.lower() in (".inf", "-.inf", "+.inf", ".nan") or text[:2].lower() in ("0x", "0o", "0b")


def _is_literal(text: str) -> bool:
    """Whether a text can stand as a literal block: several lines, nothing that indentation or folding could change."""
    body = text.removesuffix("\n")
    lines = body.split("\n")
    return (
        len(lines) > 1
        and bool(lines[0].strip())
        and bool(lines[-1].strip())
        and not any(line != line.rstrip() or line.startswith("\t") for line in lines)
        and not lines[0].startswith(" ")
        and not _UNPRINTABLE.search(body.replace("\n", ""))
    )
