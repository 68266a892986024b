"""Plain data to YAML text that every YAML reader takes for the same, 1.1 or 1.2. Pure.

A text is written bare only where no reader takes it for anything else; dates stay bare, for they are text in YAML 1.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from lfsync.model import JSON
from lfsync.project.documents import resolve

WIDTH: Final = 120  # columns of a line that holds a list or a mapping

_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:\d\d))?", re.ASCII)
_NUMERIC: Final = re.compile(r"[-+.]?[.0-9][0-9_,.:eExXoObBa-fA-F+-]*")
_BOOLS: Final = ("y", "n", "yes", "no", "on", "off", "true", "false")
_WORDS: Final = frozenset((*_BOOLS, "null", "~", "=", "<<", ".inf", "-.inf", "+.inf", ".nan"))
_INDICATORS: Final = frozenset("-?:,[]{}#&*!|>'\"%@`")
_FLOW: Final = frozenset(",[]{}")
_HIDDEN: Final = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
_TO_ESCAPE: Final = re.compile(_HIDDEN.pattern + r'|[\\"]')


def scalar(data: JSON, style: str = "", *, flow: bool = False) -> str:
    """A scalar in one line. `style` of a text: `'`, `"`, or bare where that is safe; `flow`: between brackets."""
    if data is None:
        return "null"
    if isinstance(data, bool):
        return "true" if data else "false"
    if not isinstance(data, str):
        return repr(data)
    if style not in ("'", '"') and is_bare(data, flow=flow):
        return str(data)
    if _HIDDEN.search(data) or style == '"' or (style != "'" and '"' not in data and "\\" not in data):
        return '"' + _TO_ESCAPE.sub(_escaped, data) + '"'
    return "'" + data.replace("'", "''") + "'"


def is_bare(text: str, *, flow: bool = False) -> bool:
    """Whether a text can stand without quotes, and is text to every reader."""
    if not text or text[0] in _INDICATORS or text != text.strip() or _HIDDEN.search(text):
        return False
    if (
        ": " in text
        or " #" in text
        or text[-1] == ":"
        or text.startswith("...")
        or (flow and not _FLOW.isdisjoint(text))
    ):
        return False
    if _DATE.fullmatch(text):
        return True
    return text.lower() not in _WORDS and not _NUMERIC.fullmatch(text) and isinstance(resolve(text), str)


def literal(text: str) -> tuple[str, list[str]] | None:
    """The header and the lines of a `|` block; None where a text is no lines that it can hold as they are."""
    body = text.rstrip("\n")
    lines = body.split("\n")
    if not body or body[0].isspace() or any(_HIDDEN.search(line.replace("\t", "")) for line in lines):
        return None
    if any(line and not line.strip() for line in lines):
        return None
    ends = len(text) - len(body)
    return ("|" + ("-" if ends == 0 else "" if ends == 1 else "+"), lines + [""] * (ends - 1))


def flow(data: JSON) -> str:
    """Any data in one line: `{city: Kiel, tags: [a, b]}`."""
    if isinstance(data, list):
        return f"[{', '.join(map(flow, data))}]"
    if isinstance(data, dict):
        return "{" + ", ".join(f"{scalar(key, flow=True)}: {flow(value)}" for key, value in data.items()) + "}"
    return scalar(data, flow=True)


def entry(key: str, data: JSON, indent: int) -> list[str]:
    """`key: data` as lines, the first one indented too. Texts of several lines become blocks."""
    return _hung(f"{' ' * indent}{scalar(key)}:", data, indent)


def item(data: JSON, indent: int) -> list[str]:
    """`- data` as lines."""
    return _hung(f"{' ' * indent}-", data, indent)


def block(data: JSON, indent: int) -> list[str]:
    """The entries of a mapping, or the items of a list, as lines."""
    if isinstance(data, dict):
        return [line for key, value in data.items() for line in entry(key, value, indent)]
    return [line for each in (data if isinstance(data, list) else [data]) for line in item(each, indent)]


def _hung(head: str, data: JSON, indent: int) -> list[str]:
    """A value behind its key or dash: in the same line where it fits there."""
    held = literal(data) if isinstance(data, str) and "\n" in data else None
    if held:
        return [f"{head} {held[0]}", *indented(held[1], indent + 2)]
    line = f"{head} {flow(data) if isinstance(data, list | dict) else scalar(data)}"
    if not isinstance(data, list | dict) or not data or (len(line) <= WIDTH and not _has_lines(data)):
        return [line]
    return [head, *block(data, indent + 2)]


def indented(lines: Iterable[str], indent: int) -> list[str]:
    """Lines of a block; an empty one stays empty."""
    return [f"{' ' * indent}{line}" if line else "" for line in lines]


def _has_lines(data: JSON) -> bool:
    if isinstance(data, list | dict):
        return any(map(_has_lines, data.values() if isinstance(data, dict) else data))
    return isinstance(data, str) and "\n" in data


def _escaped(hit: re.Match[str]) -> str:
    char = hit[0]
    code = ord(char)
    return _ESCAPES.get(char) or (f"\\x{code:02X}" if code < 256 else f"\\u{code:04X}")
