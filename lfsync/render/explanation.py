"""`lfsync explain`: one resource on one screen. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lfsync.model import JSON, ExplainedKey, Explanation, Verdict
from lfsync.render.lines import Line, Span, layout, line
from lfsync.render.shown import is_empty, last_change, shown
from lfsync.render.words import ACTIONS
from lfsync.wording import cut

_INDENT: Final = 4
_NAMES: Final = 12  # columns before a value
_LONGEST: Final = 160  # characters of a value on a terminal: it is to stay one screen
_FOUND: Final = {"id": "by the `id` in the file", "state": "by the state's binding", "match": "by its match"}
_VERDICTS: Final[dict[Verdict, tuple[str, str]]] = {
    "same": ("the same on both sides", ""),
    "settled": ("settled: Lightfield's own form of the declared value", ""),
    "config": ("to be written: declared, and not there yet", "yellow"),
    "drift": ("drift: changed in Lightfield since the last apply", "magenta"),
    "conflict": ("conflict: changed here and in Lightfield since the last apply", "magenta"),
    "ignored": ("ignored: set when the record is made, and then left alone", ""),
    "seed": ("left alone: the resource is a seed", ""),
    "new": ("to be set when the record is made", "green"),
    "unknown": ("not compared", ""),
}


def explanation_text(explained: Explanation, *, width: int | None, color: bool) -> str:
    """`width` in columns; None is a pipe, where nothing is wrapped or cut (rule P2)."""
    return layout(_lines(explained, None if width is None else _LONGEST), width=width, color=color)


def _lines(explained: Explanation, longest: int | None) -> Iterator[Line]:
    where = f"  {explained.source}" if explained.source else ""
    yield line(Span(str(explained.address), "bold"), Span(where, "dim"))
    yield from _record(explained, longest)
    yield _row("plan", _planned(explained))
    for note in explained.notes:
        yield _row("note", note)
    for key in explained.keys:
        if key.verdict != "same":
            yield line()
            yield from _key(key, longest)
    if same := [key for key in explained.keys if key.verdict == "same"]:
        yield line()
        yield line(Span("  Same on both sides", "bold"))
        for key in same:
            told = f"{key.key}  {_value(key.live, longest)}"
            yield line(" " * _INDENT, told, Span(f"  {_origin(key)}", "dim"), hang=_INDENT + 2)


def _record(explained: Explanation, longest: int | None) -> Iterator[Line]:
    if explained.found_by is None:
        bound = f"none; the state knows {explained.id}" if explained.id else "none"
        yield _row("record", bound)
    else:
        name = f'"{_cut(explained.name, longest)}" ' if explained.name else ""
        yield _row("record", f"{name}({explained.id}), found {_FOUND[explained.found_by]}")
    if explained.link:
        yield _row("link", explained.link)
    if explained.match:
        yield _row("match", _cut(explained.match, longest))
    if explained.origin:
        written = f", last written {explained.written_at}" if explained.written_at else ", never written by lfsync"
        made = "made by lfsync" if explained.origin == "created" else "there before lfsync managed it"
        yield _row("history", made + written)


def _planned(explained: Explanation) -> str:
    if explained.blocked is not None:
        hint = f" {explained.blocked.hint}" if explained.blocked.hint else ""
        return f"blocked: {explained.blocked.reason}.{hint}"
    return ACTIONS[explained.planned].plan if explained.planned else "nothing to do"


def _key(key: ExplainedKey, longest: int | None) -> Iterator[Line]:
    label = f" ({key.label})" if key.label.casefold() != key.key.lstrip("$").casefold() else ""
    yield line(Span(f"  {key.key}{label}", "bold"), Span(f"  {_origin(key)}", "dim"))
    yield _row("declared", _value(key.declared, longest))
    yield _row("live", _value(key.live, longest))
    yield _row("last apply", key.last)
    words, style = _VERDICTS[key.verdict]
    yield _row("verdict", words, style)
    if key.changed:
        yield _row("changed", last_change(key.changed, longest=longest))


def _row(name: str, text: str, style: str = "") -> Line:
    return line(" " * _INDENT, Span(f"{name:<{_NAMES}}", "dim"), Span(text, style), hang=_INDENT + _NAMES)


def _origin(key: ExplainedKey) -> str:
    return f"{key.source} (a default)" if key.is_default else str(key.source)


def _value(value: JSON, longest: int | None) -> str:
    if isinstance(value, dict) and value.keys() == {"include", "exclude"}:
        parts = [f"{word} {shown(refs)}" for word, refs in value.items() if not is_empty(refs)]
        text = "; ".join(parts) or shown(None)
    else:
        text = shown(value)
    return _cut(" ".join(text.split("\n")), longest)


def _cut(text: str, longest: int | None) -> str:
    return text if longest is None else cut(text, longest)
