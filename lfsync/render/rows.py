"""The rows of a change as lines: old → new, the diff of a text, how many links and which. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lfsync.model import Cause, LastChange
from lfsync.render.lines import Line, Span, cells, length, line, pad
from lfsync.render.shown import TextLine, focus, focused, last_change
from lfsync.render.shown_change import Row
from lfsync.render.terminal import escape
from lfsync.render.words import first_of, plural

INDENT = 6
"""Columns before a row."""

_CAUSES: dict[Cause, str] = {
    "config": "",
    "drift": "changed in Lightfield",
    "conflict": "changed here and in Lightfield",
}
_ARROW = Span(" → ", "dim")

_WIDEST_NAME = 26  # columns; a longer name has no say in where the values of the others begin
_LONGEST = 400  # characters of one value, on a terminal
_LONGEST_BEFORE = 80  # characters of what a field held before, on a terminal
_MOST_LINES = 30  # lines of one text, on a terminal
_MOST_NAMES = 5  # links or members that are named on a terminal
_COUNTED_FROM = 10  # links; so many are easier to believe with their number in front


def row_lines(
    rows: Sequence[Row],
    changed: Sequence[Sequence[LastChange]],
    *,
    width: int | None,
    fresh: bool,
    with_cause: bool,
) -> Iterator[Line]:
    """A line for each row, the values below each other. `changed`: what is known of each row's history.

    `width`: columns of a terminal, where long values are cut; None: a pipe, where nothing is. `fresh`: of a create.
    """
    sizes = (cells(escape(row_name(row))) for row in rows)
    column = max((size for size in sizes if size <= _WIDEST_NAME), default=0)
    for row, known in zip(rows, changed, strict=True):
        cause = _CAUSES[row.cause] if with_cause else ""
        yield from _row(
            row,
            column,
            width,
            history_note(cause, known, longest=None if width is None else _LONGEST_BEFORE),
            fresh=fresh,
        )


def packed_lines(rows: Sequence[Row], *, width: int | None) -> Iterator[Line]:
    """Rows of a create side by side, so that a screen holds more of them; texts of several lines below."""
    spans: list[Span] = []
    for row in rows:
        if not row.texts:
            words = " ".join(span.text for text in _said(row, (), fresh=True, cut=width is not None) for span in text)
            spans += [Span(" · " if spans else " " * INDENT, "dim"), Span(f"{row_name(row)} ", "dim"), Span(words)]
    if spans:
        yield Line(tuple(spans), INDENT)
    for row in rows:
        if row.texts:
            yield from _row(row, min(cells(escape(row_name(row))), _WIDEST_NAME), width, "", fresh=True)


def row_name(row: Row) -> str:
    return f"{row.key} ({row.label})" if row.label else row.key


def _said(row: Row, diff: Sequence[TextLine], *, fresh: bool, cut: bool) -> list[tuple[Span, ...]]:
    """What a row says, each on a line of its own: `old → new`, what is added and removed, the size of a diff."""
    if row.texts:
        return [(Span(_diff_size(diff), "dim"),)]
    if row.is_many:
        return list(_many(row, fresh=fresh, cut=cut))
    return [_move(row, cut=cut)]


def limited(text: str, *, cut: bool, longest: int = _LONGEST) -> str:
    """On a terminal nobody reads a value of a thousand characters."""
    if not cut or len(text) <= longest:
        return text
    return f"{text[:longest]} … {len(text) - longest} more characters"


def _move(row: Row, *, cut: bool) -> tuple[Span, ...]:
    """`old → new`; for what a create sets, and for what goes with its record, the value alone."""
    old, new = row.old, row.new or ""
    if old is None:
        return (Span(limited(new, cut=cut)),)
    if row.is_gone:
        return (Span(limited(old, cut=cut), "red"),)
    if cut and max(len(old), len(new)) > _LONGEST // 2:
        old, new = focus(old, new)
    return (Span(limited(old, cut=cut), "red"), _ARROW, Span(limited(new, cut=cut), "green"))


def _many(row: Row, *, fresh: bool, cut: bool) -> Iterator[tuple[Span, ...]]:
    if fresh and not row.removed:
        yield (Span(_counted(row.added, cut=cut) if row.added else "[]"),)
        return
    for sign, names, style in (("+", row.added, "green"), ("-", row.removed, "red")):
        if names:
            yield (Span(f"{sign} {_counted(names, cut=cut)}", style),)


def _counted(names: tuple[str, ...], *, cut: bool) -> str:
    text = first_of(names, _MOST_NAMES if cut and len(names) >= _COUNTED_FROM else len(names))
    return f"{len(names)}: {text}" if len(names) >= _COUNTED_FROM else text


def _diff_size(diff: Sequence[TextLine]) -> str:
    added = sum(each.sign == "+" for each in diff)
    removed = sum(each.sign == "-" for each in diff)
    if not removed and added == len(diff):
        return plural(added, "line")
    if not added or not removed:
        return f"{plural(added, 'line')} added" if added else f"{plural(removed, 'line')} removed"
    return f"{plural(added, 'line')} added, {removed} removed"


def history_note(cause: str, changed: Sequence[LastChange], *, longest: int | None) -> str:
    """What stands beside a value: who moved it, where nothing says it of all, and when, if that is known."""
    if not changed:
        return cause
    if len(changed) == 1:
        when = last_change(changed[0], longest=longest)
    else:
        when = f"between {_minute(changed[0].at)} and {_minute(changed[-1].at)}"
    return f"{cause}: {when}" if cause else f"changed {when}"


def _minute(at: str) -> str:
    return f"{at[:10]} {at[11:16]} UTC"


def _row(row: Row, column: int, width: int | None, note: str, *, fresh: bool) -> Iterator[Line]:
    hang = INDENT + column + 2
    diff = row.diff()
    texts = _said(row, diff, fresh=fresh, cut=width is not None)
    name = Span(" " * INDENT + pad(row_name(row), column) + "  ")
    if width is not None and cells(name.text) > hang and texts:
        yield line(name, hang=hang)
        name = Span(" " * hang)
    noted = Span(f"  ({note})" if note else "", "magenta")
    for index, text in enumerate(texts):
        head = name if index == 0 else Span(" " * hang)
        last = index == len(texts) - 1
        yield from _fitted((head, *text), noted if last else Span(""), hang, width)
    yield from _diff_lines(diff, width)


def _fitted(spans: tuple[Span, ...], note: Span, hang: int, width: int | None) -> Iterator[Line]:
    """`old → new  (note)` on one line if it fits, else the note on its own, else the new value below the old one."""
    if width is None or length((*spans, note)) <= width:
        yield Line((*spans, note), hang)
        return
    arrow = spans.index(_ARROW) if _ARROW in spans else 0
    if arrow and length(spans) > width:
        yield Line(spans[:arrow], hang)
        yield line(" " * hang, Span("→ ", "dim"), *spans[arrow + 1 :], hang=hang + 2)
    else:
        yield Line(spans, hang)
    if note.text:
        yield line(" " * (hang - 2), note, hang=hang)


def _diff_lines(diff: Sequence[TextLine], width: int | None) -> Iterator[Line]:
    cut = width is not None
    styles = {"+": "green", "-": "red", " ": "", "…": "dim"}
    for sign, text in focused(diff[:_MOST_LINES], _LONGEST // 2) if cut else diff:
        words = f"{text} unchanged lines" if sign == "…" else limited(text, cut=cut)
        yield line(" " * (INDENT + 2), Span(f"{sign} {words}", styles[sign]), hang=INDENT + 4)
    if cut and len(diff) > _MOST_LINES:
        rest = plural(len(diff) - _MOST_LINES, "more line")
        yield line(" " * (INDENT + 2), Span(f"… {rest}, shown whole into a pipe", "dim"), hang=INDENT + 4)
