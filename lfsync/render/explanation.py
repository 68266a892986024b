"""`lfsync explain`: one resource on one screen. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lfsync.model import JSON, ExplainedKey, Explanation, Verdict
from lfsync.render.lines import Line, Span, layout, line
from lfsync.render.shown import is_empty, last_change, shown
from lfsync.render.words import ACTIONS

_INDENT: Final = 4
_NAMES: Final = 12  # columns before a value
_LONGEST: Final = 160  # characters of a value; the whole text is in the files and in Lightfield
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
    """`width` in columns; None is a pipe, where nothing is wrapped."""
    return layout(_lines(explained), width=width, color=color)


def _lines(explained: Explanation) -> Iterator[Line]:
    where = f"  {explained.source}" if explained.source else ""
    yield line(Span(str(explained.address), "bold"), Span(where, "dim"))
    yield from _record(explained)
    yield _row("plan", _planned(explained))
    for note in explained.notes:
        yield _row("note", note)
    for key in explained.keys:
        if key.verdict != "same":
            yield line()
            yield from _key(key)
    if same := [key for key in explained.keys if key.verdict == "same"]:
        yield line()
        yield line(Span("  Same on both sides", "bold"))
        for key in same:
            yield line(
                " " * _INDENT, f"{key.key}  {_cut(key.live)}", Span(f"  {_origin(key)}", "dim"), hang=_INDENT + 2
            )


def _record(explained: Explanation) -> Iterator[Line]:
    if explained.found_by is None:
        bound = f"none; the state knows {explained.id}" if explained.id else "none"
        yield _row("record", bound)
    else:
        name = f'"{explained.name}" ' if explained.name else ""
        yield _row("record", f"{name}({explained.id}), found {_FOUND[explained.found_by]}")
    if explained.link:
        yield _row("link", explained.link)
    if explained.match:
        yield _row("match", explained.match)
    if explained.origin:
        written = f", last written {explained.written_at}" if explained.written_at else ", never written by lfsync"
        made = "made by lfsync" if explained.origin == "created" else "there before lfsync managed it"
        yield _row("history", made + written)


def _planned(explained: Explanation) -> str:
    if explained.blocked is not None:
        hint = f" {explained.blocked.hint}" if explained.blocked.hint else ""
        return f"blocked: {explained.blocked.reason}.{hint}"
    return ACTIONS[explained.planned].plan if explained.planned else "nothing to do"


def _key(key: ExplainedKey) -> Iterator[Line]:
    label = f" ({key.label})" if key.label.casefold() != key.key.lstrip("$").casefold() else ""
    yield line(Span(f"  {key.key}{label}", "bold"), Span(f"  {_origin(key)}", "dim"))
    yield _row("declared", _cut(key.declared))
    yield _row("live", _cut(key.live))
    yield _row("last apply", key.last)
    words, style = _VERDICTS[key.verdict]
    yield _row("verdict", words, style)
    if key.changed:
        yield _row("changed", last_change(key.changed, longest=_LONGEST))


def _row(name: str, text: str, style: str = "") -> Line:
    return line(" " * _INDENT, Span(f"{name:<{_NAMES}}", "dim"), Span(text, style), hang=_INDENT + _NAMES)


def _origin(key: ExplainedKey) -> str:
    return f"{key.source} (a default)" if key.is_default else str(key.source)


def _cut(value: JSON) -> str:
    if isinstance(value, dict) and value.keys() == {"include", "exclude"}:
        parts = [f"{word} {shown(refs)}" for word, refs in value.items() if not is_empty(refs)]
        text = "; ".join(parts) or shown(None)
    else:
        text = shown(value)
    flat = " ".join(text.split("\n"))
    return flat if len(flat) <= _LONGEST else f"{flat[: _LONGEST - 1]}…"
