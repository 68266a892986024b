"""What people changed in Lightfield and a plan leaves as it is, as lines for a reviewer (rule P5). Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby

from lfsync.model import Kept
from lfsync.render.lines import Line, Span, line
from lfsync.render.shown import shown
from lfsync.render.words import plural, spot

_INDENT = 6
_LONGEST = 200  # characters of one value, on a terminal


def kept_lines(kept: Sequence[Kept], *, cut: bool) -> Iterator[Line]:
    """One short block: a line for each resource, and one for each of its keys. `cut`: long values are cut."""
    if not kept:
        return
    yield line()
    yield line(Span(f"Kept as people changed it in Lightfield: {plural(len(kept), 'value')}", "bold magenta"))
    for _, group in groupby(kept, key=lambda each: each.address):
        values = list(group)
        yield _head(values[0])
        for each in values:
            where = Span(f"  {spot(each.source)}" if spot(each.source) else "", "dim")
            yield line(" " * _INDENT, each.key, "  ", *_value(each, cut=cut), where, hang=_INDENT + 2)


def _head(first: Kept) -> Line:
    name = f" {json.dumps(first.name, ensure_ascii=False)}" if first.name else ""
    return line("  ", Span(f"= {first.address}", "bold magenta"), name, hang=_INDENT)


def _value(kept: Kept, *, cut: bool) -> Iterator[Span]:
    """What is there, and what the files say; of members, what the files say otherwise."""
    if kept.value_type is None and kept.before is None and kept.after is None:
        told = (("with", kept.remove), ("without", kept.add))
        words = "; ".join(f"{word} {', '.join(names)}" for word, names in told if names)
        yield Span(_limited(words, cut=cut))
        return
    yield Span(_limited(shown(kept.before), cut=cut))
    yield Span(f"  (declared: {_limited(shown(kept.after), cut=cut)})", "dim")


def _limited(text: str, *, cut: bool) -> str:
    return f"{text[: _LONGEST - 1]}…" if cut and len(text) > _LONGEST else text
