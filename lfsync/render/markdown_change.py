"""A change of a plan, or a group that is alike, as Markdown: who it is in a line, what it changes in a diff. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from lfsync.kinds import KINDS
from lfsync.model import Cause
from lfsync.render.markdown_text import code, fenced, linked
from lfsync.render.reading_order import Group
from lfsync.render.rows import history_note
from lfsync.render.shown import TextLine, focus, focused
from lfsync.render.shown_change import Row, ShownChange, ShownKept
from lfsync.render.terminal import escape
from lfsync.render.words import first_of, spot
from lfsync.wording import cut
from lfsync.yaml_scalars import scalar

LONGEST: Final = 300
"""Characters of one value, or of one line of a text."""

REASON: Final = 2_000
"""Characters of what lfsync says of a resource: ids and addresses stand in it in full (rule P2), its point last."""

_MOST_LINES: Final = 30  # of one text
_MOST_NAMES: Final = 10  # links or members of a key
_MOST_ROWS: Final = 40  # keys of a change
_MOST_ALIKE: Final = 25  # changes of a group that are named
_CAUSES: Final[dict[Cause, str]] = {
    "config": "",
    "drift": "changed in Lightfield",
    "conflict": "changed here and in Lightfield",
}


def whole_group(group: Group) -> Iterator[tuple[int, str]]:
    """As `group_item`, with the names of all records: how many an item tells of, and the item."""
    yield min(len(group.changes), _MOST_ALIKE), group_item(group, more=False)
    for start in range(_MOST_ALIKE, len(group.changes), _MOST_ALIKE):
        rest = group.changes[start : start + _MOST_ALIKE]
        yield len(rest), f"  - {', '.join(map(_named, rest))}\n"


def group_item(group: Group, *, more: bool = True) -> str:
    """An item of a list: the record, or the records, and the diff. `more`: the first ones, and how many there are."""
    first = group.first
    if len(group.changes) == 1:
        head = f"- {_head(first)}\n"
    else:
        title = KINDS[first.kind].section if first.kind in KINDS else first.kind
        said = f"**{first.action}** {len(group.changes)} {code(title)} alike"
        head = f"- {said}: {', '.join(map(_named, group.changes[:_MOST_ALIKE]))}{_more(group) if more else ''}\n"
    lines = list(_diff(group))
    warnings = "".join(f"  - ⚠ {code(warning, REASON)}\n" for warning in first.warnings)
    return f"{head}{fenced(lines, '  ') if lines else ''}{warnings}"


def create_lines(change: ShownChange, *, packed: bool) -> list[str]:
    """A create as lines of a diff; `packed`: all its keys in one."""
    head = f"+ {change.address}  {spot(change.place)}".rstrip()
    rows = [line for row in change.rows[:_MOST_ROWS] for line in _row(row, "", fresh=True)]
    if len(change.rows) > _MOST_ROWS:
        rows.append(f"+ … and {len(change.rows) - _MOST_ROWS} more keys")
    if packed and rows:
        rows = [f"+ {' · '.join(row[2:].strip() for row in rows)}"]
    lines = [head, *(f"{row[0]}     {cut(row[2:], 2 * LONGEST)}" for row in rows)]
    return [escape(line) for line in lines]


def name_of(change: ShownChange) -> str:
    """The address, and what the record is called, which leads to it."""
    name = f" {linked(change.name, change.link)}" if change.id and change.name else ""
    return f"{code(str(change.address))}{name}"


def kept_item(kept: ShownKept) -> str:
    """An item of a list: the record, and what is there, with what the files say."""
    name = f" {linked(kept.name, kept.link)}" if kept.name else ""
    return f"- {code(str(kept.address))}{name}\n{fenced(map(_kept, kept.rows[:_MOST_ROWS]), '  ')}"


def _kept(row: Row) -> str:
    key = scalar(row.key)
    if row.texts:
        return f"  {key}:  # a text that differs from what the files say"
    if row.is_many:
        told = (("with", row.removed), ("without", row.added))
        return f"  {key}:  # {'; '.join(f'{word} {first_of(names, _MOST_NAMES)}' for word, names in told if names)}"
    return f"  {key}: {cut(row.old or '', LONGEST)}  # declared: {cut(row.new or '', LONGEST)}"


def _head(change: ShownChange) -> str:
    where = {"delete": " to the trash", "restore": " out of the trash"}.get(change.action, "")
    if change.adopted or change.action == "adopt":
        where = ", found by its match"
    id = f" {code(change.id)}" if change.id and change.action != "update" else ""
    was = f", was {code(str(change.moved_from))}" if change.moved_from else ""
    place = f" · {code(spot(change.place))}" if spot(change.place) else ""
    return f"**{change.action}** {name_of(change)}{id}{where}{was}{place}"


def _named(change: ShownChange) -> str:
    was = f" was {code(str(change.moved_from))}" if change.moved_from else ""
    return f"{name_of(change)}{was}"


def _more(group: Group) -> str:
    left = len(group.changes) - _MOST_ALIKE
    return f" and {left} more" if left > 0 else ""


def _diff(group: Group) -> Iterator[str]:
    first = group.first
    for index, row in enumerate(first.rows[:_MOST_ROWS]):
        note = history_note(_CAUSES[row.cause], group.changed(index), longest=80)
        yield from _row(row, note, fresh=first.action == "create")
    if len(first.rows) > _MOST_ROWS:
        yield f"! … and {len(first.rows) - _MOST_ROWS} more keys"


def _row(row: Row, note: str, *, fresh: bool) -> Iterator[str]:
    said = "; ".join(filter(None, (row.label, note)))
    comment, key = f"  # {said}" if said else "", scalar(row.key)
    if row.texts:
        yield f"  {key}:{comment}"
        yield from map(_text_line, _short(row.diff()))
    elif row.is_many:
        yield from _many(row, key, comment, fresh=fresh)
    elif row.old is None:
        yield f"+ {key}: {cut(row.new or '', LONGEST)}{comment}"
    elif row.is_gone:
        yield f"- {key}: {cut(row.old, LONGEST)}{comment}"
    else:
        old, new = row.old, row.new or ""
        old, new = focus(old, new) if max(len(old), len(new)) > LONGEST // 2 else (old, new)
        yield f"- {key}: {cut(old, LONGEST // 2)}"
        yield f"+ {key}: {cut(new, LONGEST // 2)}{comment}"


def _short(diff: Sequence[TextLine]) -> Iterator[TextLine]:
    yield from focused(diff[:_MOST_LINES], LONGEST)
    if len(diff) > _MOST_LINES:
        yield TextLine("…", f"{len(diff) - _MOST_LINES} more")


def _text_line(each: TextLine) -> str:
    return f"      … {each.text} lines" if each.sign == "…" else f"{each.sign}     {cut(each.text, LONGEST)}"


def _many(row: Row, key: str, comment: str, *, fresh: bool) -> Iterator[str]:
    """How many, and the first names."""
    if fresh and not row.removed:
        more = f"  # the first of {len(row.added)}" if len(row.added) > _MOST_NAMES else ""
        some = first_of([cut(name, 100) for name in row.added[:_MOST_NAMES]], _MOST_NAMES)
        yield f"+ {key}: [{some}]{more}"
        return
    counts = ((len(row.removed), "removed"), (len(row.added), "added"))
    told = ", ".join(f"{count} {word}" for count, word in counts if count)
    yield f"  {key}:  # {told}{comment.replace('  #', ';', 1)}"
    for sign, names in (("-", row.removed), ("+", row.added)):
        yield from (f"{sign}   - {cut(name, 100)}" for name in names[:_MOST_NAMES])
        if len(names) > _MOST_NAMES:
            yield f"{sign}   # … and {len(names) - _MOST_NAMES} more"
