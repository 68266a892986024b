"""Values as people read them, and what differs between two texts. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple
from unicodedata import normalize

from lfsync.model import JSON, LastChange
from lfsync.render.terminal import escape
from lfsync.yaml_scalars import scalar

EMPTY = "(empty)"

_AMBIGUOUS = re.compile(r"^\s|\s$|→|^\(empty\)$")
_CONTEXT = 1  # unchanged lines shown on either side of a change
_DIFFABLE = 2000  # lines; beyond it the old text is shown as removed and the new one as added
_KEPT = 30  # characters of what two long texts share that are shown before and after the difference


class TextLine(NamedTuple):
    """A line of a diff. `…`: `text` counts the unchanged lines that are left out."""

    sign: Literal["+", "-", " ", "…"]
    text: str


def is_empty(value: JSON) -> bool:
    """null, absent, "" and [] are the same value (rule C8); so is an object of nothing but these."""
    if isinstance(value, dict):
        return all(is_empty(part) for part in value.values())
    return value is None or value == "" or value == []


def shown(value: JSON, *, listed: bool = False) -> str:
    """A value on one line. Text is quoted only where it could be misread. `listed`: as one of several."""
    if is_empty(value):
        return EMPTY
    if isinstance(value, str):
        return f'"{value}"' if _AMBIGUOUS.search(value) or (listed and "," in value) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, list):
        return ", ".join(shown(item, listed=True) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {shown(part, listed=True)}" for key, part in value.items() if not is_empty(part))
    return str(value)


def last_change(changed: LastChange, *, longest: int | None = None) -> str:
    """`2026-11-20 08:00 UTC, before that Gold`, on one line; the value in at most `longest` characters."""
    before = " ".join(shown(changed.before).split())
    if longest is not None and len(before) > longest:
        before = f"{before[: longest - 1]}…"
    return f"{changed.at[:10]} {changed.at[11:16]} UTC, before that {before}"


def yaml_shown(value: JSON) -> str:
    """A value on one line of YAML, as a file could declare it; what can't be seen is spelt out."""
    return "null" if is_empty(value) else _yaml(value)


def yaml_pair(before: JSON, after: JSON) -> tuple[str, str]:
    """Old and new in YAML. Where they would look the same, every character that is not ASCII is spelt out."""
    old, new = yaml_shown(before), yaml_shown(after)
    if old == new or (old.isascii() and new.isascii()) or normalize("NFKC", old) != normalize("NFKC", new):
        return old, new
    return _yaml(before, spelt=True), _yaml(after, spelt=True)


def _yaml(value: JSON, *, flow: bool = False, spelt: bool = False) -> str:
    if isinstance(value, dict):
        parts = (f"{_yaml(key, flow=True)}: {_yaml(part, flow=True, spelt=spelt)}" for key, part in value.items())
        return f"{{{', '.join(parts)}}}"
    if isinstance(value, list):
        return f"[{', '.join(_yaml(item, flow=True, spelt=spelt) for item in value)}]"
    if not isinstance(value, str) or _says_itself(value, spelt=spelt):
        return scalar(value, flow=flow)
    quoted = escape(json.dumps(value, ensure_ascii=False))
    return quoted.encode("ascii", "backslashreplace").decode() if spelt else quoted


def _says_itself(text: str, *, spelt: bool) -> bool:
    """Whether it can be seen as it is, and taken for nothing else: an arrow and a dot stand between values."""
    return (text.isascii() and text.isprintable()) or not (spelt or "→" in text or "·" in text or escape(text) != text)


def focus(old: str, new: str) -> tuple[str, str]:
    """Two long texts reduced to where they differ: `…` stands for what they share."""
    head = _shared(old, new)
    tail = _shared(old[head:][::-1], new[head:][::-1])
    start = head - _KEPT if head > 2 * _KEPT else 0
    cut = tail - _KEPT if tail > 2 * _KEPT else 0
    return _between(old, start, cut), _between(new, start, cut)


def focused(diff: Iterable[TextLine], longest: int) -> Iterator[TextLine]:
    """A diff whose changed lines of more than `longest` characters are reduced to where they differ."""
    gone: list[TextLine] = []
    come: list[TextLine] = []
    for each in diff:
        if each.sign == "+":
            come.append(each)
            continue
        if come or each.sign != "-":
            yield from _focused(gone, come, longest)
            gone, come = [], []
        if each.sign == "-":
            gone.append(each)
        else:
            yield each
    yield from _focused(gone, come, longest)


def _focused(gone: Sequence[TextLine], come: Sequence[TextLine], longest: int) -> Iterator[TextLine]:
    if len(gone) == len(come):
        pairs = [(old.text, new.text) for old, new in zip(gone, come, strict=True)]
        short = [focus(*pair) if max(map(len, pair)) > longest else pair for pair in pairs]
        gone, come = [TextLine("-", old) for old, _ in short], [TextLine("+", new) for _, new in short]
    yield from gone
    yield from come


def text_diff(before: str, after: str) -> Iterator[TextLine]:
    """What changed between two texts, line by line, with a line of context. From or to "": the whole text."""
    if not before or not after:
        yield from _signed("-", _lines(before))
        yield from _signed("+", _lines(after))
        return
    if before.endswith("\n") and after.endswith("\n"):
        before, after = before[:-1], after[:-1]
    old, new = before.split("\n"), after.split("\n")
    head = _shared(old, new)
    tail = _shared(old[head:][::-1], new[head:][::-1])
    yield from _context(old[:head], above=False)
    yield from _compared(old[head : len(old) - tail], new[head : len(new) - tail])
    yield from _context(old[len(old) - tail :], below=False)


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _compared(old: list[str], new: list[str]) -> Iterator[TextLine]:
    if len(old) + len(new) > _DIFFABLE:
        yield from (*_signed("-", old), *_signed("+", new))
        return
    for tag, i, j, k, n in SequenceMatcher(None, old, new).get_opcodes():
        yield from _context(old[i:j]) if tag == "equal" else (*_signed("-", old[i:j]), *_signed("+", new[k:n]))


def _signed(sign: Literal["+", "-"], lines: list[str]) -> Iterator[TextLine]:
    """Spaces at the end of a line mean something in Markdown, and can't be seen: `·` stands for them."""
    for text in lines:
        bare = text.rstrip(" ")
        yield TextLine(sign, bare + "·" * (len(text) - len(bare)))


def _context(lines: list[str], *, above: bool = True, below: bool = True) -> Iterator[TextLine]:
    """Unchanged lines: those next to a change above or below, and a count of the others."""
    first = lines[: _CONTEXT if above else 0]
    rest = lines[len(first) :]
    last = rest[len(rest) - _CONTEXT :] if below and rest else []
    hidden = rest[: len(rest) - len(last)]
    yield from (TextLine(" ", text) for text in first)
    if len(hidden) == 1:
        yield TextLine(" ", hidden[0])
    elif hidden:
        yield TextLine("…", str(len(hidden)))
    yield from (TextLine(" ", text) for text in last)


def _shared(old: list[str] | str, new: list[str] | str) -> int:
    """How many items or characters two sequences have in common at their start."""
    for index, (left, right) in enumerate(zip(old, new, strict=False)):
        if left != right:
            return index
    return min(len(old), len(new))


def _between(text: str, start: int, cut: int) -> str:
    middle = text[start : len(text) - cut]
    return f"{'…' if start else ''}{middle}{'…' if cut else ''}"
