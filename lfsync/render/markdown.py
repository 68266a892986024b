"""A plan as Markdown for the comment on a pull request. Pure.

What people typed stands within `<code>`, each character of it that could mean something to Markdown or HTML as an
entity: there it is no markup, no mention and no link. Every line begins with something of ours.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from lfsync.kinds import KINDS, rank
from lfsync.model import Blocked, Change, Plan
from lfsync.render.shown import shown_pair
from lfsync.render.terminal import escape
from lfsync.render.text import summary
from lfsync.render.words import plural, spot, tally

LONGEST = 65_000
"""Characters. GitHub takes 65,536 in a comment; what is left is for who adds lines of his own."""

_RESERVE = 200  # characters for the line that tells what is left out
_VALUE = 200  # characters of a value, a name or a reason that are shown before its entities are made
_KEYS = 20  # keys of a change, or notes of a plan, that are shown


class _Section(NamedTuple):
    """A table that is cut between two of its rows."""

    top: str
    rows: tuple[str, ...]
    bottom: str


def plan_markdown(plan: Plan) -> str:
    """The whole plan, in at most `LONGEST` characters: cut at a change, with the number of those left out."""
    sections = [*_blocked(plan.blocked), *_changes(plan.changes)]
    text = f"**{code(summary(plan))}**\n{''.join(_notes(plan))}"
    shown = 0
    for section in sections:
        room = LONGEST - _RESERVE - len(text) - len(section.top) - len(section.bottom)
        rows = list(_fitting(section.rows, room))
        shown += len(rows)
        text += f"{section.top}{''.join(rows)}{section.bottom}" if rows else ""
        if len(rows) < len(section.rows):
            break
    left = sum(len(section.rows) for section in sections) - shown
    return f"{text}\n{plural(left, 'more row')} left out: the plan is too long for a comment.\n" if left else text


def code(text: str) -> str:
    """`text` as it is, and as nothing else."""
    cut = text if len(text) <= _VALUE else f"{text[: _VALUE - 1]}…"
    safe = "".join(each if each.isalnum() or each == " " else f"&#{ord(each)};" for each in escape(cut))
    return f"<code>{safe}</code>"


def _fitting(rows: Iterable[str], room: int) -> Iterator[str]:
    for row in rows:
        room -= len(row)
        if room < 0:
            return
        yield row


def _notes(plan: Plan) -> Iterator[str]:
    for refusal in plan.refusals[:_KEYS]:
        yield f"\n> Apply would refuse this: {code(refusal.message)}\n"
    for warning in plan.warnings[:_KEYS]:
        yield f"\n> Warning: {code(warning.message)}\n"
    if (more := len(plan.refusals[_KEYS:]) + len(plan.warnings[_KEYS:])) > 0:
        yield f"\n> {plural(more, 'more note')}\n"


def _blocked(blocked: tuple[Blocked, ...]) -> Iterator[_Section]:
    if not blocked:
        return
    rows = (
        f"| {code(str(each.address))} | {code(spot(each.source))} | {_why(each)} |\n"
        for each in sorted(blocked, key=lambda one: rank(one.address))
    )
    heading = f"\n**Blocked: {plural(len(blocked), 'resource')} left alone**\n\n"
    yield _Section(f"{heading}| resource | place | why |\n| --- | --- | --- |\n", tuple(rows), "")


def _why(blocked: Blocked) -> str:
    return "<br>".join(code(text) for text in (blocked.reason, blocked.hint) if text)


def _changes(changes: tuple[Change, ...]) -> Iterator[_Section]:
    ordered = sorted(changes, key=lambda change: rank(change.address))
    for kind, group in groupby(ordered, key=lambda change: change.address.kind):
        of_kind = tuple(group)
        actions = Counter(change.action for change in of_kind)
        title = KINDS[kind].section if kind in KINDS else kind
        counts = ", ".join(tally(actions.__getitem__, lambda verb: verb.plan))
        heading = f"\n<details><summary>{code(title)}: {counts}</summary>\n\n"
        top = f"{heading}| | resource | name | what |\n| --- | --- | --- | --- |\n"
        yield _Section(top, tuple(map(_row, of_kind)), "\n</details>\n")


def _row(change: Change) -> str:
    what = list(_what(change))
    shown = "<br>".join(what[:_KEYS]) + (f"<br>{len(what) - _KEYS} more" if len(what) > _KEYS else "")
    name = code(change.name) if change.name else ""
    return f"| {change.action} | {code(str(change.address))} | {name} | {shown} |\n"


def _what(change: Change) -> Iterator[str]:
    if change.cause not in (None, "config"):
        yield f"changed in Lightfield: {change.cause}"
    pairs = [(each.key, each.before, each.after) for each in change.fields]
    pairs += [(each.key, each.before, each.after) for each in change.relationships]
    for key, before, after in pairs:
        old, new = shown_pair(before, after)
        yield f"{code(key)} {code(old)} → {code(new)}"
    if change.members is not None:
        yield f"members: {len(change.members.add)} to add, {len(change.members.remove)} to remove"
