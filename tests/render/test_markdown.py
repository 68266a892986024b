"""Markdown for a comment (design.md, 15): whole, below what GitHub takes, and nothing that people typed breaks out."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from lfsync.model import (
    Action,
    Address,
    Blocked,
    Change,
    FieldChange,
    Kept,
    LastChange,
    LinkChange,
    MembersChange,
    Orphan,
    Place,
    Plan,
    PlanWarning,
    Refusal,
    WorkspaceInfo,
)
from lfsync.render.markdown import LONGEST, plan_markdown
from lfsync.render.markdown_text import code, linked
from lfsync.render.terminal import escape
from tests.render.golden_plans import golden_plans
from tests.render.render_samples import plan_of_everything
from tests.render.render_strategies import HOSTILE, plans
from tests.soak.test_hostile_text import HOSTILE as TYPED

LIMIT = 65_536
_NASTY = (
    *("`", "``", "```", "````\n```", "~~~", "` a", "a `", " ", "   ", "\\", "\\`", "`\\`", "a`b``c```d"),
    *(
        "/close",
        "\n/close\n",
        "/label ~bug",
        "</details>",
        "</summary>",
        "<details>",
        "<!--",
        "-->",
        "<br>",
        "&lt;b&gt;",
    ),
    *("- x", "* x", "1. x", "# x", "> x", "    x", "\tx", "---", "===", "| a | b |", "[x]: http://evil.example"),
    *("[a](javascript:alert(1))", "![a](http://evil.example/x.png)", "](http://evil.example)", "@team", "#1", "!1"),
    *(
        "http://evil.example",
        "<http://evil.example>",
        "**b**",
        "_b_",
        "~~b~~",
        "$x$",
        "```diff",
        "  ```",
        "+ x\n```\n# y",
    ),
)
_TEXTS = (*HOSTILE, *TYPED.values(), *_NASTY)
_READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_OURS = re.compile(r"(<details( open)?><summary>[^<>&]*</summary>|</details>|<br>)\n?")


def structure(text: str) -> list[tuple[str, ...]]:
    """What a reader of Markdown takes the text for, without what stands in code."""
    return [_shape(token) for token in _READER.parse(text)]


def _shape(token: Token) -> tuple[str, ...]:
    assert not token.type.startswith("html") or _OURS.fullmatch(token.content), token.content
    parts = [] if token.type == "fence" else ["/".join(map("".join, map(_shape, token.children or [])))]
    return (token.type, token.tag, str(token.level), token.info, str(token.attrs.get("href", "")), *parts)


def _plan_saying(text: str, link: str | None = None) -> Plan:
    """A plan with `text` wherever people can put one; as many lines of a diff, whatever it is."""
    at = Address("account", "a")
    moved = LastChange("2026-11-20T08:00:00Z", text)
    rows = (
        FieldChange(text, text, "TEXT", text, text + "x", text, text, "drift", moved),
        FieldChange("about", "About", "TEXT", "x", text, "x", text, "config"),
    )
    named = Change(
        at,
        "update",
        Place(text, 3),
        id="acc_1",
        name=text,
        link=link,
        fields=rows,
        relationships=(LinkChange(text, [text, "b"], ["b", text + "2"], (text + "2",), (text,), "config"),),
        members=MembersChange((text,), ("x",)),
        warnings=(text,),
        cause="drift",
    )
    made = replace(named, address=Address("note", "a"), action="create", id=None, warnings=(), cause=None)
    calm = tuple(replace(row, cause="config", changed=None) for row in rows)
    others = (replace(made, fields=calm), replace(named, address=Address("task", "t"), action="delete"))
    alike = [
        replace(named, address=Address("contact", f"c{n}"), fields=calm, cause=None, warnings=(), members=None)
        for n in range(3)
    ]
    return Plan(
        WorkspaceInfo("prod", "https://x.example"),
        "2026-11-22T10:00:00Z",
        "c0ffee",
        (named, *others, *alike),
        blocked=(Blocked(Address("task", "b"), text, text, Place(text, 3)),),
        orphans=(Orphan(Address("task", "o"), text),),
        warnings=(PlanWarning(text),),
        refusals=(Refusal("policy", text, text, (at,)),),
        missing_scopes=(text,),
        kept=(Kept(at, Place(text, 1), text, text, "TEXT", text, text, name=text),),
    )


# ---------------------------------------------------------------- what people typed


@pytest.mark.parametrize("text", _TEXTS, ids=range(len(_TEXTS)))
def test_hostile_text_changes_no_structure(text: str) -> None:
    assert structure(plan_markdown(_plan_saying(text))) == structure(plan_markdown(_plan_saying("tame")))


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(exclude_categories=[]) | st.sampled_from("`\\<>&[]()!#*_~|/-+@\n \t"), min_size=1))
def test_random_text_changes_no_structure(text: str) -> None:
    assert structure(plan_markdown(_plan_saying(text))) == structure(plan_markdown(_plan_saying("tame")))


@settings(max_examples=300, deadline=None)
@example("` `")
@given(st.text(st.sampled_from("`a \\<&\n"), min_size=1, max_size=12) | st.sampled_from(_TEXTS))
def test_code_shows_the_text_as_it_is(text: str) -> None:
    (token,) = _READER.parseInline(code(text, 10_000))
    (inner,) = token.children or []
    assert inner.type == "code_inline"
    assert inner.content == escape(text)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans)
def test_no_line_is_an_order_to_the_forge(plan: Plan) -> None:
    """GitLab obeys a line that begins with `/`."""
    for line in plan_markdown(plan).splitlines():
        assert not line.lstrip().startswith("/")


def test_only_an_address_of_the_web_is_a_link() -> None:
    for link in ("javascript:alert(1)", "data:text/html,x", "//evil.example", "https://x y", "/x", "", "https://é"):
        assert linked("Acme", link) == "`Acme`"
    hostile = "https://x.example/a)b](c<d>\"e'f`g|h\\&lt;"
    (token,) = _READER.parseInline(linked("]`[", hostile))
    opened, inner, closed = token.children or []
    assert (opened.type, inner.content, closed.type) == ("link_open", "]`[", "link_close")
    assert opened.attrs["href"] == "https://x.example/a%29b%5D%28c%3Cd%3E%22e%27f%60g%7Ch%5C&lt;"


# ---------------------------------------------------------------- what is told


def test_every_change_and_everything_blocked_is_there() -> None:
    plan = plan_of_everything()
    told = plan_markdown(plan)
    for address in (*(change.address for change in plan.changes), *(each.address for each in plan.blocked)):
        assert str(address) in told
    assert "left out" not in told


def test_what_needs_a_look_stands_above_the_kinds_which_are_folded() -> None:
    told = plan_markdown(golden_plans()["thirty"])
    first = told.index("<details")
    for part in ("Apply would refuse this", "The key lacks scopes", "Deletes: 1", "Conflicts", "**Warnings**"):
        assert told.index(part) < first
    for part in ("accounts: 8 to create", "opportunities: 6 to update", "Alike: 10 changes in 2 groups"):
        assert f"><summary>{part}</summary>" in told


def test_brief_is_the_counts_and_the_first_block_alone() -> None:
    whole, brief = (plan_markdown(golden_plans()["thirty"], brief=brief) for brief in (False, True))
    assert whole.startswith(brief.rstrip())
    assert "<details" not in brief


def test_a_record_leads_to_where_it_is_to_be_seen() -> None:
    told = plan_markdown(_plan_saying("Acme", "https://crm.example/acc_1"))
    assert "`account.a` [`Acme`](https://crm.example/acc_1)" in told


# ---------------------------------------------------------------- size


def _change(number: int, text: str, action: Action) -> Change:
    field = FieldChange("$name", "Name", "TEXT", text, f"{text}{number}", text, text, "config")
    at = Address("account", f"a{number}")
    return Change(at, action, Place("a.yaml", 1), id=f"acc_{number}", name=text, fields=(field,))


@pytest.mark.parametrize("action", ["create", "update", "delete", "restore"])
@pytest.mark.parametrize("text", ["n", "<|>" * 200, "`" * 150, "🏢" * 150, "a\nb\n" * 300])
def test_a_plan_of_any_size_is_cut_at_a_change_and_says_how_many_are_left_out(action: Action, text: str) -> None:
    changes = tuple(_change(n, text, action) for n in range(3000))
    told = plan_markdown(Plan(WorkspaceInfo("prod", "https://x.example"), "2026-11-22T10:00:00Z", "d", changes))
    assert len(told.encode()) <= LONGEST < LIMIT, "in bytes too"
    shown = len(re.findall(r"^(?:- \*\*\w+\*\* `|\+ )account\.a\d+", told, re.MULTILINE))
    assert shown > 20
    assert f"left out: {3000 - shown} changes." in told
    assert structure(told)[-1][0] == "paragraph_close"
    assert told.count("<details") == told.count("</details>")


def test_every_kind_is_named_however_long_the_first_one_is() -> None:
    many = tuple(_change(n, "x" * 200, "update") for n in range(3000))
    one = replace(_change(1, "Call", "update"), address=Address("task", "call"))
    told = plan_markdown(Plan(WorkspaceInfo("prod", "https://x.example"), "2026-11-22", "d", (*many, one)))
    assert "`task.call`" in told


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans, st.integers(2_000, 8_000))
def test_no_plan_is_longer_than_it_may_be(plan: Plan, longest: int) -> None:
    head = len(plan_markdown(replace(plan, changes=(), blocked=(), kept=(), orphans=(), warnings=())))
    told = plan_markdown(plan, longest=longest + head)
    assert len(told.encode("utf-16-le", "surrogatepass")) // 2 <= longest + head


def test_what_is_alike_is_told_once() -> None:
    changes = tuple(replace(_change(1, "n", "update"), address=Address("account", f"a{n}")) for n in range(3000))
    told = plan_markdown(Plan(WorkspaceInfo("prod", "https://x.example"), "2026-11-22T10:00:00Z", "d", changes))
    assert len(told) < 3_000
    assert "3000 `accounts` alike" in told
    assert " and 2975 more" in told


def test_what_lfsync_says_comes_to_its_point_however_long_the_addresses_are() -> None:
    """Rule P2: a policy's word stands behind three places, and what to do about a rename at the end of its question."""
    long = [Address("account", f"{'k' * 125}{n}") for n in range(100, 103)]
    at = ", ".join(f"{each} at {'d' * 60}/crm.yaml:3:3" for each in long)
    renamed = f"renamed? {long[0]} is declared no more; if so: `moved: [{{from: {long[0]}, to: {long[1]}}}]`"
    plan = Plan(
        WorkspaceInfo("prod", "https://api.lightfield.app"),
        "now",
        "d",
        (Change(long[1], "create", Place("crm.yaml", 3), warnings=(renamed,)),),
        warnings=(PlanWarning(f"policy w: {at}: look at it"),),
        refusals=(Refusal("policy", "p", f"{at} and 9 more: give it an owner", tuple(long)),),
        missing_scopes=tuple(f"{'s' * 30}{n}:update" for n in range(10)),
    )
    shown = plan_markdown(plan)
    for point in ("give it an owner", "look at it", f"to: {long[1]}}}]", "s9:update"):
        assert point in shown


def test_every_delete_is_named_however_many_are_alike() -> None:
    """There is room in a comment, so that none hides behind those that are the same."""
    gone = tuple(
        Change(Address("note", f"n{n:03}"), "delete", Place("s.jsonl", n + 1), id=f"note_{n}", name="Call")
        for n in range(160)
    )
    plan = Plan(WorkspaceInfo("prod", "https://api.lightfield.app"), "now", "d", gone)
    for shown in (plan_markdown(plan), plan_markdown(plan, brief=True)):
        assert [each.address.key for each in gone if f"`{each.address}`" not in shown] == []
        assert "left out" not in shown
    many = replace(
        plan, changes=tuple(replace(c, address=Address("note", "n" * 100 + c.address.key)) for c in gone * 5)
    )
    shown = plan_markdown(many)
    named = len(re.findall("`note.n{101}", shown.partition("**Deletes")[2]))
    assert f"{800 - named} more left out" in shown
