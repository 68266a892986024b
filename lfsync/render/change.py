"""One change of a plan as lines for a reviewer. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from lfsync.model import JSON, Cause, Change, FieldChange, LinkChange
from lfsync.render.lines import Line, Span, cells, length, line, pad
from lfsync.render.shown import EMPTY, TextLine, focus, is_empty, last_change, shown, shown_pair, text_diff
from lfsync.render.terminal import escape
from lfsync.render.words import ACTIONS, plural, spot

_CAUSES: dict[Cause, str] = {
    "config": "",
    "drift": "changed in Lightfield since the last apply",
    "conflict": "changed here and in Lightfield since the last apply",
}
_SHORT_CAUSES: dict[Cause, str] = {
    "config": "",
    "drift": "changed in Lightfield",
    "conflict": "changed here and in Lightfield",
}

_ARROW = Span(" → ", "dim")

_INDENT = 6
_WIDEST_NAME = 26  # columns; a longer name has no say in where the values of the others begin
_LONGEST = 400  # characters of one value, on a terminal
_LONGEST_TITLE = 60  # characters of what a record is called, on a terminal
_LONGEST_BEFORE = 80  # characters of what a field held before, on a terminal
_MOST_LINES = 30  # lines of one text, on a terminal
_COUNTED_FROM = 10  # links; so many are easier to believe with their number in front


class Row(NamedTuple):
    """What a change does to one key. `texts`: each is a line of its own; `block`: the lines of a text's diff.

    `changed`: when somebody changed it in Lightfield, and what it held before that.
    """

    name: str
    texts: tuple[tuple[Span, ...], ...]
    cause: Cause
    block: tuple[TextLine, ...] = ()
    changed: str = ""


def change_lines(change: Change, *, width: int | None, packed: bool) -> Iterator[Line]:
    """A head line, then a line for each key. `packed`: all keys of a create in one paragraph."""
    rows = [*_field_rows(change, cut=width is not None), *_link_rows(change)]
    causes = {row.cause for row in rows} or {change.cause or "config"}
    note = _CAUSES[causes.pop()] if len(causes) == 1 else ""
    yield _head(change, cut=width is not None)
    if note:
        yield line(" " * _INDENT, Span(note, "magenta"), hang=_INDENT)
    if packed and change.action == "create":
        yield from _packed(rows, width)
    else:
        yield from _aligned(rows, width, with_cause=not note)
    for warning in change.warnings:
        yield line(" " * _INDENT, Span(f"! {warning}", "yellow"), hang=_INDENT + 2)


def _head(change: Change, *, cut: bool) -> Line:
    verb = ACTIONS[change.action]
    spans = [Span("  "), Span(f"{verb.symbol} {change.address}", f"bold {verb.style}")]
    if change.id and change.name:
        name = f"{change.name[:_LONGEST_TITLE]}…" if cut and len(change.name) > _LONGEST_TITLE else change.name
        spans.append(Span(f" {json.dumps(name, ensure_ascii=False)}"))
    if change.id and (change.adopted or change.action == "adopt"):
        spans.append(Span(f"  adopts {change.id}", "cyan"))
    elif change.id and change.action == "delete":
        spans.append(Span(f"  {change.id} to the trash"))
    elif change.id and change.action == "restore":
        spans.append(Span(f"  {change.id} out of the trash"))
    if where := spot(change.source):
        spans.append(Span(f"  {where}", "dim"))
    return Line(tuple(spans), _INDENT)


# ---------------------------------------------------------------- rows of a change


def _field_rows(change: Change, *, cut: bool) -> Iterator[Row]:
    fresh = change.action == "create"
    for field in change.fields:
        block = _block(field, cut=cut)
        text = (Span(_block_size(block), "dim"),) if block else _move(field.before, field.after, cut=cut, fresh=fresh)
        changed = last_change(field.changed, longest=_LONGEST_BEFORE if cut else None) if field.changed else ""
        yield Row(_name(field), (text,), field.cause, block, changed)


def _link_rows(change: Change) -> Iterator[Row]:
    fresh = change.action == "create"
    for link in change.relationships:
        if isinstance(link.before, list) or isinstance(link.after, list):
            yield Row(link.key, _items(*_named(link), fresh=fresh), link.cause)
        else:
            yield Row(link.key, (_move(link.before, link.after, cut=False, fresh=fresh),), link.cause)
    if change.members and (change.members.add or change.members.remove):
        yield Row("members", _items(change.members.add, change.members.remove, fresh=fresh), _members_cause(change))


def _members_cause(change: Change) -> Cause:
    """Members carry no cause of their own: theirs is what the fields and relationships don't account for."""
    others = {field.cause for field in change.fields} | {link.cause for link in change.relationships}
    if not others:
        return change.cause or "config"
    return "drift" if change.cause in ("drift", "conflict") and others == {"config"} else "config"


def _name(field: FieldChange) -> str:
    """The key, and the label where the key doesn't say it already."""
    plain = field.key.lstrip("$").replace("-", "").replace("_", "").lower()
    same = "".join(filter(str.isalnum, field.label)).lower() == plain
    return field.key if same or not field.label else f"{field.key} ({field.label})"


def _move(before: JSON, after: JSON, *, cut: bool, fresh: bool) -> tuple[Span, ...]:
    """`old → new`; for what a create sets, the value alone."""
    if fresh and is_empty(before):
        return (Span(_limited(shown(after), cut)),)
    if cut and isinstance(before, str) and isinstance(after, str) and max(len(before), len(after)) > _LONGEST // 2:
        before, after = focus(before, after)
    old, new = shown_pair(before, after)
    return (Span(_limited(old, cut), "red"), _ARROW, Span(_limited(new, cut), "green"))


def _limited(text: str, cut: bool) -> str:
    if not cut or len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]} … {len(text) - _LONGEST} more characters"


def _named(link: LinkChange) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What is added and removed, by the names for people where they tell the same number of links."""
    before, after = _texts(link.before), _texts(link.after)
    add = tuple(name for name in after if name not in before)
    remove = tuple(name for name in before if name not in after)
    counts = (len(add), len(remove))
    return (add, remove) if counts == (len(link.add), len(link.remove)) else (link.add, link.remove)


def _texts(value: JSON) -> dict[str, None]:
    """In order, each once, and quick to look up."""
    return dict.fromkeys(shown(item, listed=True) for item in value) if isinstance(value, list) else {}


def _items(add: tuple[str, ...], remove: tuple[str, ...], *, fresh: bool) -> tuple[tuple[Span, ...], ...]:
    if fresh and not remove:
        return ((Span(_counted(add) if add else EMPTY),),)
    signed = (("+", add, "green"), ("-", remove, "red"))
    return tuple((Span(f"{sign} {_counted(names)}", style),) for sign, names, style in signed if names)


def _counted(names: tuple[str, ...]) -> str:
    text = ", ".join(names)
    return f"{len(names)}: {text}" if len(names) >= _COUNTED_FROM else text


def _block(field: FieldChange, *, cut: bool) -> tuple[TextLine, ...]:
    """The line diff of a text of several lines; nothing for any other value."""
    before, after = field.before or "", field.after or ""
    if not (isinstance(before, str) and isinstance(after, str)) or ("\n" not in before and "\n" not in after):
        return ()
    return tuple(text_diff(before, after, longest=_LONGEST // 2 if cut else None))


def _block_size(block: tuple[TextLine, ...]) -> str:
    added = sum(each.sign == "+" for each in block)
    removed = sum(each.sign == "-" for each in block)
    if not removed and added == len(block):
        return plural(added, "line")
    if not added or not removed:
        return f"{plural(added, 'line')} added" if added else f"{plural(removed, 'line')} removed"
    return f"{plural(added, 'line')} added, {removed} removed"


# ---------------------------------------------------------------- lines of rows


def _aligned(rows: list[Row], width: int | None, *, with_cause: bool) -> Iterator[Line]:
    sizes = (cells(escape(row.name)) for row in rows)
    column = max((size for size in sizes if size <= _WIDEST_NAME), default=0)
    for row in rows:
        yield from _row_lines(row, column, width, _note(row, with_cause=with_cause))


def _note(row: Row, *, with_cause: bool) -> str:
    """What stands beside a value: who moved it, where the head doesn't say it of all, and when."""
    cause = _SHORT_CAUSES[row.cause] if with_cause else ""
    if not row.changed:
        return cause
    return f"{cause}: {row.changed}" if cause else f"changed {row.changed}"


def _row_lines(row: Row, column: int, width: int | None, note: str) -> Iterator[Line]:
    hang = _INDENT + column + 2
    name = Span(" " * _INDENT + pad(row.name, column) + "  ")
    if width is not None and cells(name.text) > hang and row.texts:
        yield line(name, hang=hang)
        name = Span(" " * hang)
    noted = Span(f"  ({note})" if note else "", "magenta")
    for index, text in enumerate(row.texts):
        head = name if index == 0 else Span(" " * hang)
        last = index == len(row.texts) - 1
        yield from _fitted((head, *text), noted if last else Span(""), hang, width)
    yield from _block_lines(row.block, width)


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


def _block_lines(block: tuple[TextLine, ...], width: int | None) -> Iterator[Line]:
    cut = width is not None
    styles = {"+": "green", "-": "red", " ": "", "…": "dim"}
    for sign, text in block[:_MOST_LINES] if cut else block:
        words = f"{text} unchanged lines" if sign == "…" else _limited(text, cut)
        yield line(" " * (_INDENT + 2), Span(f"{sign} {words}", styles[sign]), hang=_INDENT + 4)
    if cut and len(block) > _MOST_LINES:
        rest = plural(len(block) - _MOST_LINES, "more line")
        yield line(" " * (_INDENT + 2), Span(f"… {rest}, shown whole into a pipe", "dim"), hang=_INDENT + 4)


def _packed(rows: list[Row], width: int | None) -> Iterator[Line]:
    """Many creates: keys side by side, so that a screen holds more of them; texts of several lines below."""
    spans: list[Span] = []
    for row in rows:
        if row.block:
            continue
        words = " ".join(span.text for text in row.texts for span in text)
        spans += [Span(" · " if spans else " " * _INDENT, "dim"), Span(f"{row.name} ", "dim"), Span(words)]
    if spans:
        yield Line(tuple(spans), _INDENT)
    for row in rows:
        if row.block:
            yield from _row_lines(row, min(cells(escape(row.name)), _WIDEST_NAME), width, "")
