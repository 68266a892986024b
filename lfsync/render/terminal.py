"""What may reach a terminal: hostile text made harmless, colours, problems of the files. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lfsync.errors import ConfigError, Problem

# A flag such as Scotland's is spelt with tag characters; anywhere else they are invisible text.
_FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,8}\U000e007f"
_HIDDEN = (
    "\x00-\x1f\x7f-\x9f"  # C0, DEL, C1: they drive the terminal
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction marks: they reorder what is read
    "\u00ad\u180e\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"  # invisible
    "\ud800-\udfff"  # lone surrogates: they can't be encoded
    "\U000e0000-\U000e007f"
)
# A joiner belongs inside emoji and scripts such as Persian; after ASCII, what is spelt out in it, or another joiner it
# only hides a difference.
_JOINERS = f"(?:(?<![^\x00-\x7f{_HIDDEN}\u200c\u200d])[\u200c\u200d])"
_UNSAFE = re.compile(f"({_FLAG})|[{_HIDDEN}]|{_JOINERS}")

_SGR = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "magenta": "35", "cyan": "36"}


# What differs from row to row: a quoted value, a place in the file, a number. Keys that are quoted stay: `$email`, `x`:
_SAID_OF_A_ROW = re.compile(r"(`\$[^`]*`|`[^`]*`:)|`[^`]*`|\S+:\d+(?::\d+)?|\d+")
_PLACES = 3  # of alike problems


def escape(text: str) -> str:
    r"""One harmless line: control, invisible and reordering characters become `\n`, `\x1b`, `\u202e`.

    Letters of every script, emoji and their joined sequences stay. Escaping twice is escaping once.
    """
    return text if text.isprintable() else _UNSAFE.sub(_visible, text)


def paint(text: str, style: str) -> str:
    """`text` in a style of `_SGR`; several are joined with a space."""
    codes = ";".join(_SGR[name] for name in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m"


def problems_text(error: ConfigError) -> str:
    """All problems, alike ones as one, and what they were checked against (rule C16)."""
    groups = alike(error.problems)
    count = f"{len(groups)} problem{'' if len(groups) == 1 else 's'}"
    places = f" at {len(error.problems)} places" if len(error.problems) > len(groups) else ""
    against = f"against the workspace `{escape(error.workspace)}`" if error.workspace else "without a workspace"
    if error.workspace and error.saved:
        against = f"against the definitions of `{escape(error.workspace)}` {error.saved}"
    last = f"{count}{places} in the configuration, checked {against}. Nothing was written."
    return "\n".join([*(problem_text(*group) for group in groups), last])


def alike(problems: Iterable[Problem]) -> list[list[Problem]]:
    """Problems by their cause. In YAML each has a place of its own to be mended at: few are told one by one."""
    groups: dict[tuple[str, ...], list[Problem]] = {}
    for problem in problems:
        groups.setdefault(_cause(problem), []).append(problem)
    found: list[list[Problem]] = []
    for group in groups.values():
        rows = group[0].place is not None and not group[0].place.column
        found += [group] if rows or len(group) > _PLACES else [[problem] for problem in group]
    return sorted(found, key=lambda group: (group[0].place is not None, group[0].place))


def problem_text(problem: Problem, *others: Problem) -> str:
    """`file:line:column: address: what`, and what to do on a line of its own; then where else it is so."""
    where = [escape(str(part)) for part in (problem.place, problem.address) if part]
    lines = [": ".join([*where, escape(problem.message)])]
    if problem.hint:
        lines.append(f"    {escape(problem.hint)}")
    if others:
        lines.append(f"    {alike_text((problem, *others))}")
    return "\n".join(lines)


def alike_text(group: Sequence[Problem]) -> str:
    """`632 alike, first at r.csv:2, r.csv:3, r.csv:4`; nothing for a problem of its own kind."""
    places = ", ".join(escape(str(each.place)) for each in group[:_PLACES])
    return f"{len(group)} alike, {'at' if len(group) <= _PLACES else 'first at'} {places}" if len(group) > 1 else ""


def _cause(problem: Problem) -> tuple[str, ...]:
    """What alike problems share: the file and the message, of rows without what their cells hold."""
    place = problem.place
    if place is None:
        return ("", str(problem))
    if place.column:
        return (place.file, problem.message, problem.hint or "")
    return (place.file, _SAID_OF_A_ROW.sub(lambda hit: hit[1] or "…", problem.message))


def _visible(hit: re.Match[str]) -> str:
    return hit[1] or hit[0].encode("unicode_escape").decode("ascii")
