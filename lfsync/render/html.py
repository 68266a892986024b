"""A plan as one HTML file for a browser: it asks for nothing, and works without scripts. I/O: reads its template.

The template stands in `page/`, beside this module. Whatever it puts in is made harmless twice: what a reader can't see
is spelt out (`terminal.escape`), and jinja2 makes entities of what could be markup. The page is ASCII, all else being
entities, so that no encoding on its way can change it.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import chain
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from lfsync.kinds import KINDS, rank
from lfsync.model import Address, Plan
from lfsync.render.reading_order import ReadingOrder, costs, reading_order
from lfsync.render.rows import limited
from lfsync.render.shown import TextLine, focus, focused, last_change
from lfsync.render.shown_change import Row, ShownChange, ShownKept
from lfsync.render.terminal import escape
from lfsync.render.words import ACTIONS, plural, spot, why_refused

OPEN_UP_TO: Final = 60
"""Changes. The kinds of a plan that has no more of them are open from the start."""

_LONGEST: Final = 400  # characters of a value, or of a line of a text, that are shown at once
_CAUSES: Final = {"config": "files", "drift": "Lightfield", "conflict": "both"}


class Entry(NamedTuple):
    """What an entry can be found and filtered by, each an attribute of its own: `id`, `data-action` and so on."""

    address: Address
    action: str
    kind: str
    causes: str


class Choice(NamedTuple):
    """What a filter offers: a value of its attribute, and how many entries have it."""

    value: str
    words: str
    entries: int


class Filter(NamedTuple):
    """One group of choices, of the attribute `data-NAME`."""

    name: str
    legend: str
    choices: tuple[Choice, ...]


class Share(NamedTuple):
    """How much of the plan an action is, in thousandths from the left."""

    action: str
    start: float
    width: float


class Pair(NamedTuple):
    """Old and new as they are shown; `is_cut`: reduced to where they differ."""

    old: str | None
    new: str
    is_cut: bool


class Inline(NamedTuple):
    """A style or script of ours, and what the Content-Security-Policy knows it by."""

    text: Markup
    hash: str


def plan_html(plan: Plan, *, brief: bool = False) -> str:
    """The page. `brief`: the counts and what needs a look, and nothing else.

    What may not be shown is redacted before.
    """
    order = reading_order(plan)
    entries = list(_entries(order, brief=brief))
    page = _template().render(
        plan=plan,
        order=order,
        brief=brief,
        style=_inline("page.css"),
        script=_inline("page.js"),
        filters=[each for each in _filters(entries) if len(each.choices) > 1],
        shares=list(_shares(order)) if len(order.counts) > 1 else [],
        entries=entries,
        targets={entry.address for entry in entries},
        is_open=len(entries) <= OPEN_UP_TO,
    )
    return page.lstrip().encode("ascii", "xmlcharrefreplace").decode("ascii")


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, finalize=_seen, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    asks = (
        href,
        spot,
        plural,
        last_change,
        pair,
        lines,
        cut,
        causes,
        has_one_cause,
        moment,
        section,
        number,
        costs,
        why_refused,
    )
    environment.filters.update({ask.__name__: ask for ask in asks})
    environment.globals["verbs"] = ACTIONS
    return environment.from_string(_source("page.html"))


def _seen(value: object) -> object:
    """All that the template puts in comes by here, so that nothing can be forgotten."""
    return value if isinstance(value, Markup) else escape(str(value))


def _inline(name: str) -> Inline:
    text = _source(name)
    return Inline(Markup(text), b64encode(sha256(text.encode()).digest()).decode())


def _source(name: str) -> str:
    return files("lfsync.render").joinpath("page", name).read_text("utf-8")


# ---------------------------------------------------------------- what the template asks


def href(link: str | None) -> str | None:
    """A link that a browser may follow; what is no plain web address is none."""
    if not link or not link.isprintable() or any(c in link for c in " \\"):
        return None
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    return link if parts.scheme in ("http", "https") and parts.hostname else None


def pair(row: Row) -> Pair:
    """Old and new; long ones reduced to where they differ."""
    if max(len(row.old or ""), len(row.new or "")) <= _LONGEST:
        return Pair(row.old, row.new or "", False)
    old, new = focus(row.old or "", row.new or "")
    return Pair(None if row.old is None else cut(old), cut(new), True)


def lines(row: Row) -> list[TextLine]:
    """The diff of a text of several lines, its long lines reduced to where they differ."""
    return [line._replace(text=cut(line.text)) for line in focused(row.diff(), _LONGEST)]


def cut(text: str, longest: int = _LONGEST) -> str:
    return limited(text, cut=True, longest=longest)


def has_one_cause(change: ShownChange | ShownKept) -> bool:
    """Whether the heading says of all its keys who moved them."""
    return len({row.cause for row in change.rows}) == 1


def causes(change: ShownChange) -> str:
    """Of its keys, for the filter; that of the whole where it has none."""
    return " ".join(sorted({row.cause for row in change.rows} or {change.cause}))


def section(kind: str) -> str:
    """What a kind is called in files: `accounts`."""
    return KINDS[kind].section if kind in KINDS else kind


def number(count: int) -> str:
    """`1,996`, as the script writes it."""
    return f"{count:,}"


def moment(at: str) -> str:
    """`2026-11-20 08:00 UTC`"""
    return f"{at[:10]} {at[11:16]} UTC"


# ---------------------------------------------------------------- what is counted


def _entries(order: ReadingOrder, *, brief: bool) -> Iterator[Entry]:
    shown = [group for look in order.looks for group in look.groups]
    shown += [] if brief else order.alike
    rest = () if brief else order.sections
    changes = chain(*(group.changes for group in shown), *(section.changes for section in rest))
    yield from (Entry(change.address, change.action, change.kind, causes(change)) for change in changes)
    if not brief:
        rest_of_it = (("blocked", order.blocked, ""), ("kept", order.kept, "drift"), ("orphan", order.orphans, ""))
        for action, some, cause in rest_of_it:
            yield from (Entry(each.address, action, each.address.kind, cause) for each in some)


def _filters(entries: list[Entry]) -> Iterator[Filter]:
    actions = Counter(entry.action for entry in entries)
    verbs = {action: f"{verb.symbol} {action}" for action, verb in ACTIONS.items()}
    yield _filter("action", "Action", actions, verbs | {name: name for name in ("blocked", "kept", "orphan")})
    kinds = Counter(entry.kind for entry in entries)
    yield _filter(
        "kind", "Kind", kinds, {kind: kind for kind in sorted(kinds, key=lambda kind: rank(Address(kind, "")))}
    )
    yield _filter("cause", "What moved", Counter(each for entry in entries for each in entry.causes.split()), _CAUSES)


def _filter(name: str, legend: str, found: Counter[str], words: Mapping[str, str]) -> Filter:
    choices = (Choice(value, said, found[value]) for value, said in words.items() if found[value])
    return Filter(name, legend, tuple(choices))


def _shares(order: ReadingOrder) -> Iterator[Share]:
    total = sum(count for _, count in order.counts)
    start = 0.0
    for action, count in order.counts:
        width = 1000 * count / total
        yield Share(action, round(start, 1), round(width, 1))
        start += width
