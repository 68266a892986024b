"""A plan as Markdown for the comment on a pull request. Pure.

What needs a look stands on top, everything else by kind in `<details>`. Whatever the size of the plan the text stays
below what GitHub takes: it is cut between two changes, and says how many it left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from lfsync.model import Blocked, Plan
from lfsync.render.first_block import HEADINGS, SHORT
from lfsync.render.markdown_change import REASON, create_lines, group_item, kept_item, name_of, whole_group
from lfsync.render.markdown_text import code, in_html, longest_run, size
from lfsync.render.reading_order import Group, Look, ReadingOrder, Section, costs, reading_order
from lfsync.render.text import PACKED_FROM
from lfsync.render.words import plural, spot, tally, why_refused

LONGEST: Final = 65_000
"""Bytes. GitHub takes 65,536 characters in a comment; what is left is for who adds lines of his own."""

_NOTE = 100  # bytes for a line that tells what is left out
_MOST_REFUSALS = 20
_INDEXED_FROM = 6  # groups and warnings; so many that need a look have an index
_NAMED = 3  # changes of each reason that the index names
_OPEN = 10  # groups, or blocked resources; more of them are folded

_CHANGES: Final = ("change", "changes")


@dataclass(frozen=True, slots=True)
class _Block:
    """Items between a top and a bottom, each with how many things it tells of; `count` of all, which `noun` names.

    `fence`: the items are lines of one fence.
    """

    top: str
    items: Iterable[tuple[int, str]]
    bottom: str
    count: int
    noun: tuple[str, str] = _CHANGES
    fence: bool = False


def plan_markdown(plan: Plan, *, brief: bool = False, longest: int = LONGEST) -> str:
    """The plan in at most `longest` bytes. `brief`: the counts and what needs a look, and nothing else."""
    order = reading_order(plan)
    head = f"{_headline(order)}{''.join(_refusals(order))}"
    blocks = list(_first_block(order)) if brief else [*_first_block(order), *_rest(order)]
    foot = "" if brief or not order.counts else f"\n{'<br>'.join(costs(order))}\n"
    body, left = _fitted(blocks, longest - size(head) - size(foot) - 2 * _NOTE)
    told = ", ".join(plural(count, *noun) for noun, count in left.items())
    note = (
        f"\n**Too long for a comment; left out: {told}.** `lfsync show` shows all of the saved plan.\n" if told else ""
    )
    return f"{head}{note}{body}{foot}"


# ---------------------------------------------------------------- what fits


def _fitted(blocks: list[_Block], room: int) -> tuple[str, dict[tuple[str, str], int]]:
    """The blocks as far as there is room, and what is left out. The tops of all go first, as long as they fit."""
    parts: list[str] = []
    left: dict[tuple[str, str], int] = {}
    tops = sum(map(_frame, blocks))
    for block in blocks:
        tops -= _frame(block)
        shown = 0
        if _frame(block) <= room:
            text, shown = _filled(block, room - min(tops, room // 4))
            room -= size(text)
            parts.append(text)
        if shown < block.count:
            left[block.noun] = left.get(block.noun, 0) + block.count - shown
    return "".join(parts), left


def _frame(block: _Block) -> int:
    return size(block.top) + size(block.bottom) + _NOTE


def _filled(block: _Block, room: int) -> tuple[str, int]:
    """As many items as there is room for, and how many things they tell of."""
    room -= _frame(block)
    shown, run, items = 0, 2, list[str]()
    for count, item in block.items:
        wider = max(run, longest_run(item)) if block.fence else run
        room -= size(item) + 2 * (wider - run)
        if room < 0:
            break
        shown, run = shown + count, wider
        items.append(item)
    body = "".join(items)
    if block.fence and items:
        fence = "`" * (run + 1)
        body = f"{fence}diff\n{body}{fence}\n"
    more = f"\n{block.count - shown} more left out\n" if shown < block.count else ""
    return f"{block.top}{body}{more}{block.bottom}", shown


# ---------------------------------------------------------------- what stands above


def _headline(order: ReadingOrder) -> str:
    before, _, after = order.headline.partition(f" {order.workspace}")
    return f"**{before} {code(order.workspace)}{after}**\n"


def _refusals(order: ReadingOrder) -> Iterator[str]:
    for refusal in order.refusals[:_MOST_REFUSALS]:
        yield f"\n> **Apply would refuse this:** {code(why_refused(refusal), REASON)}\n"
    if (more := len(order.refusals) - _MOST_REFUSALS) > 0:
        yield f"\n> and for {plural(more, 'more reason')}\n"
    if order.missing_scopes:
        yield f"\n> **The key lacks scopes:** {code(', '.join(order.missing_scopes), REASON)}\n"


def _first_block(order: ReadingOrder) -> Iterator[_Block]:
    counts = [plural(look.changes, *SHORT[look.reason]) for look in order.looks]
    if order.warnings:
        counts.append(plural(len(order.warnings), "warning"))
    if not counts:
        return
    groups = sum(len(look.groups) for look in order.looks) + len(order.warnings)
    index = "".join(map(_indexed, order.looks)) if groups >= _INDEXED_FROM else ""
    yield _Block(f"\n#### Needs a look: {', '.join(counts)}\n{index and chr(10)}{index}", (), "", 0)
    for look in order.looks:
        top = f"\n**{HEADINGS[look.reason]}: {look.changes}**\n\n"
        items = (item for group in look.groups for item in whole_group(group))
        yield _Block(top, items, "", look.changes)
    if order.warnings:
        told = ((1, f"- {code(warning, REASON)}\n") for warning in order.warnings)
        yield _Block("\n**Warnings**\n\n", told, "", len(order.warnings), ("warning", "warnings"))


def _indexed(look: Look) -> str:
    first = [change for group in look.groups[:_NAMED] for change in group.changes[:_NAMED]][:_NAMED]
    more = f" and {look.changes - len(first)} more" if look.changes > len(first) else ""
    return f"- {plural(look.changes, *SHORT[look.reason])}: {', '.join(map(name_of, first))}{more}\n"


# ---------------------------------------------------------------- the rest


def _rest(order: ReadingOrder) -> Iterator[_Block]:
    """Creates come last: there are many of them where there are many changes, and they overwrite nothing."""
    if order.blocked:
        top = _details(f"Blocked: {plural(len(order.blocked), 'resource')} left alone", len(order.blocked) <= _OPEN)
        items = ((1, _blocked(each)) for each in order.blocked)
        yield _Block(top, items, _END, len(order.blocked), ("blocked resource", "blocked resources"))
    if order.alike:
        count = sum(len(group.changes) for group in order.alike)
        top = _details(f"Alike: {count} changes in {plural(len(order.alike), 'group')}", len(order.alike) <= _OPEN)
        yield _Block(top, _groups(order.alike), _END, count)
    yield from (block for section in order.sections for block in _changed(section))
    if order.kept:
        top = _details(f"Kept as people changed it in Lightfield: {plural(len(order.kept), 'resource')}")
        items = ((1, kept_item(each)) for each in order.kept)
        yield _Block(top, items, _END, len(order.kept), ("kept resource", "kept resources"))
    if order.orphans:
        top = _details(f"Orphans: {plural(len(order.orphans), 'resource')} managed before, declared no more")
        items = ((1, f"- {code(str(each.address))} {code(each.id)}\n") for each in order.orphans)
        yield _Block(top, items, _END, len(order.orphans), ("orphan", "orphans"))
    packed = dict(order.counts).get("create", 0) >= PACKED_FROM
    yield from (block for section in order.sections for block in _created(section, packed=packed))


_END: Final = "\n</details>\n"


def _details(summary: str, is_open: bool = False) -> str:
    return f"\n<details{' open' if is_open else ''}><summary>{summary}</summary>\n\n"


def _groups(groups: Iterable[Group]) -> Iterator[tuple[int, str]]:
    return ((len(group.changes), group_item(group)) for group in groups)


def _changed(section: Section) -> Iterator[_Block]:
    """What a section does to records that are there."""
    changes = [change for change in section.changes if change.action != "create"]
    if changes:
        counts = Counter(change.action for change in changes)
        top = _details(f"{in_html(section.title)}: {', '.join(tally(counts.__getitem__, lambda verb: verb.plan))}")
        yield _Block(top, _groups(Group((change,)) for change in changes), _END, len(changes))


def _created(section: Section, *, packed: bool) -> Iterator[_Block]:
    changes = [change for change in section.changes if change.action == "create"]
    if changes:
        top = _details(f"{in_html(section.title)}: {len(changes)} to create")
        items = ((1, "".join(f"{line}\n" for line in create_lines(change, packed=packed))) for change in changes)
        yield _Block(top, items, _END, len(changes), fence=True)


def _blocked(blocked: Blocked) -> str:
    place = f" · {code(spot(blocked.source))}" if spot(blocked.source) else ""
    hint = f"<br>{code(blocked.hint, REASON)}" if blocked.hint else ""
    return f"- {code(str(blocked.address))}{place}<br>{code(blocked.reason, REASON)}{hint}\n"
