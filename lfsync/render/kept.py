"""What people changed in Lightfield and a plan leaves as it is, as lines for a reviewer (rule P5). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lfsync.render.change import LONGEST_NAME, name_span
from lfsync.render.lines import Line, Span, line
from lfsync.render.rows import INDENT, limited, row_name
from lfsync.render.shown import yaml_shown
from lfsync.render.shown_change import Row, ShownKept
from lfsync.render.words import first_of, plural, spot

_LONGEST = 200  # characters of one value, on a terminal
_MOST_NAMES = 5  # links or members that are named on a terminal


def kept_lines(kept: Sequence[ShownKept], *, cut: bool) -> Iterator[Line]:
    """One short block: a line for each resource, and one for each of its keys. `cut`: long values are cut."""
    if not kept:
        return
    values = sum(len(each.rows) for each in kept)
    yield line()
    yield line(Span(f"Kept as people changed it in Lightfield: {plural(values, 'value')}", "bold magenta"))
    for each in kept:
        yield line(
            "  ",
            Span(f"= {each.address}", "bold magenta"),
            *name_span(each.name, longest=LONGEST_NAME if cut else None),
            hang=INDENT,
        )
        for row, place in zip(each.rows, each.places, strict=True):
            where = Span(f"  {spot(place)}" if spot(place) else "", "dim")
            yield line(" " * INDENT, row_name(row), "  ", *_value(row, cut=cut), where, hang=INDENT + 2)


def _value(row: Row, *, cut: bool) -> Iterator[Span]:
    """What is there, and what the files say; of links and members, what the files say otherwise."""
    if row.is_many:
        told = (("with", row.removed), ("without", row.added))
        most = _MOST_NAMES if cut else max(len(row.removed), len(row.added))
        yield Span("; ".join(f"{word} {first_of(names, most)}" for word, names in told if names))
        return
    there, declared = map(yaml_shown, row.texts) if row.texts else (row.old or "", row.new or "")
    yield Span(limited(there, cut=cut, longest=_LONGEST))
    yield Span(f"  (declared: {limited(declared, cut=cut, longest=_LONGEST)})", "dim")
