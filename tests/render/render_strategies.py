"""Random plans and outcomes for hypothesis, hostile text in every place that can hold text."""

from __future__ import annotations

from typing import get_args

from hypothesis import strategies as st

from lfsync.model import (
    JSON,
    Action,
    Address,
    Blocked,
    Cause,
    Change,
    FieldChange,
    Kept,
    LastChange,
    LinkChange,
    MembersChange,
    Orphan,
    Outcome,
    Place,
    Plan,
    PlanWarning,
    Quoted,
    Refusal,
    Requests,
    Status,
    WorkspaceInfo,
)

HOSTILE = (
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31m",
    "a\nb\r\nc\td",
    "x\x00y\x7fz",
    "\u202egpj.exe",
    "\u2066iso\u2069 \u200f\u061c",
    "\ud800 lone",
    "zero\u200bwidth\u2060\ufeff",
    "👩‍👩‍👧 🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f 🇩🇪 ☀️",
    "tag\U000e0041\U000e0042",
    "東京ソーラー株式会社" * 9,
    "e\u0301" * 120,
    "W" * 300,
    " spaced  out " * 20,
    "# Title\n\n* one\n* two  \n",
    "<script>alert(1)</script>|**bold**|`code`",
    '"quoted" → arrow',
    "(empty)",
    "\u2028\u2029\u0085",
    "\ufe0f\u0301starts with a mark",
)
_CHARACTERS = st.characters(codec="utf-8") | st.sampled_from("\x00\x07\x1b\x7f\x9b\r\n\t \u202e\u2028\ud800\u200d→·")

texts = st.sampled_from(HOSTILE) | st.text(_CHARACTERS, max_size=40)
long_texts = texts | st.lists(texts, max_size=60).map("\n".join)
_numbers = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
values: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | _numbers | long_texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=6,
)
keys = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,20}", fullmatch=True)
kinds = st.sampled_from(("account", "contact", "opportunity", "task", "note", "list", "object.project", "object.x-1"))
addresses = st.builds(Address, kinds, keys)
places = st.builds(Place, texts, st.integers(1, 10**6), st.integers(0, 500))
counts = st.integers(0, 10**5)
causes: st.SearchStrategy[Cause] = st.sampled_from(get_args(Cause))
actions: st.SearchStrategy[Action] = st.sampled_from(get_args(Action))


def many(items: st.SearchStrategy[str], size: int = 3) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(items, max_size=size).map(tuple)


moved = st.builds(LastChange, texts, st.none() | long_texts)
fields = st.builds(FieldChange, texts, texts, texts, values, values, values, values, causes, st.none() | moved)
links = st.builds(LinkChange, texts, values, values, many(texts), many(texts), causes)
members = st.builds(MembersChange, many(texts, 12), many(texts))
changes = st.builds(
    Change,
    address=addresses,
    action=actions,
    source=places,
    id=st.none() | texts,
    name=st.none() | texts,
    link=st.none() | texts,
    moved_from=st.none() | addresses,
    adopted=st.booleans(),
    cause=st.none() | causes,
    depends_on=st.lists(addresses, max_size=2).map(tuple),
    fields=st.lists(fields, max_size=3).map(tuple),
    relationships=st.lists(links, max_size=2).map(tuple),
    members=st.none() | members,
    warnings=many(texts, 2),
)
quoted = st.lists(st.builds(Quoted, kinds, texts, texts), max_size=2).map(tuple)
blocked = st.builds(Blocked, addresses, texts, st.none() | texts, places, quoted)
kept = st.builds(
    Kept,
    address=addresses,
    source=places,
    key=texts,
    label=texts,
    value_type=st.none() | texts,
    before=values,
    after=values,
    add=many(texts),
    remove=many(texts),
    id=st.none() | texts,
    name=st.none() | texts,
    link=st.none() | texts,
)
refused = st.lists(addresses, max_size=2).map(tuple)
refusals = st.builds(Refusal, st.sampled_from(["threshold", "scope"]), texts, texts, refused)
plans = st.builds(
    Plan,
    workspace=st.builds(WorkspaceInfo, texts, texts, many(texts)),
    created_at=texts,
    config_digest=texts,
    changes=st.lists(changes, max_size=4).map(tuple),
    blocked=st.lists(blocked, max_size=2).map(tuple),
    orphans=st.lists(st.builds(Orphan, addresses, texts), max_size=2).map(tuple),
    warnings=st.lists(st.builds(PlanWarning, texts, quoted), max_size=2).map(tuple),
    kept=st.lists(kept, max_size=3).map(tuple),
    unchanged=counts,
    requests=st.builds(Requests, counts, counts, counts),
    estimated_seconds=st.floats(0, 1e6),
    enrichment_events=counts,
    required_scopes=many(texts),
    missing_scopes=many(texts),
    refusals=st.lists(
        st.builds(
            Refusal, st.sampled_from(["threshold", "scope"]), texts, texts, st.lists(addresses, max_size=2).map(tuple)
        ),
        max_size=2,
    ).map(tuple),
)
outcomes = st.builds(
    Outcome,
    address=addresses,
    action=actions,
    status=st.sampled_from(get_args(Status)),
    id=st.none() | texts,
    reason=st.none() | texts,
    hint=st.none() | texts,
    source=st.none() | places,
)
