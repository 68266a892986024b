"""The page of a plan (design.md, 15), as a file: one of its kind, nothing leaks, nothing that people typed breaks out.

What a browser makes of it: test_html_in_a_browser.py. LFSYNC_UPDATE_GOLDEN=1 rewrites the golden files.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from base64 import b64encode
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lfsync.model import Address, Change, Plan
from lfsync.planning.redaction import HIDDEN, Redaction, redacted
from lfsync.project.redact_rules import rule
from lfsync.render.html import href, plan_html
from tests.redaction.test_redaction import marked
from tests.render.golden_plans import CONFLICT, DELETED, OVERWRITTEN, golden_plans
from tests.render.harmless import assert_harmless
from tests.render.hostile_texts import hostile_texts, plan_with, tame
from tests.render.render_samples import field, plan_of_everything
from tests.render.render_strategies import plans

GOLDEN = Path(__file__).parent / "golden"
PLANS = golden_plans()
VOID = {"meta", "link", "input", "rect", "path", "br"}


class Parsed(HTMLParser):
    """Tags with the names of their attributes, in order; texts; and values of attributes."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, ...]] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *(name for name, _ in attrs)))
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def of(self, name: str) -> list[str]:
        return [value for _, attribute, value in self.attributes if attribute == name]

    @property
    def ids(self) -> Counter[str]:
        """In their order."""
        return Counter(self.of("id"))

    @property
    def words(self) -> Counter[str]:
        return Counter(self.texts)

    @property
    def said(self) -> str:
        return " ".join("".join(self.texts).split())


def parsed(html: str) -> Parsed:
    found = Parsed(html)
    assert found.open == []
    return found


def inside(html: str, tag: str) -> str:
    return html.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]


def without_ours(html: str) -> str:
    """The page without its style and script, which hold no value."""
    for tag in ("style", "script"):
        html = html.replace(inside(html, tag), "")
    return html


# ---------------------------------------------------------------- golden


def golden(name: str, html: str) -> None:
    path = GOLDEN / name
    text = without_ours(html)
    text = re.sub(r"sha256-[\w+/=]+", "sha256-HASH", text)
    if os.environ.get("LFSYNC_UPDATE_GOLDEN"):
        path.write_text(text, encoding="ascii")
    assert text == path.read_text(encoding="ascii")


@pytest.mark.parametrize("name", ["one", "thirty"])
def test_golden(name: str) -> None:
    golden(f"{name}.html", plan_html(PLANS[name]))


@pytest.mark.parametrize("name", PLANS)
def test_golden_in_brief(name: str) -> None:
    golden(f"{name}.brief.html", plan_html(PLANS[name], brief=True))


def test_every_change_of_3_000_is_there_once() -> None:
    page = parsed(plan_html(PLANS["large"]))
    for address in (str(change.address) for change in PLANS["large"].changes):
        assert page.ids[address] == 1
        assert page.words[address] >= 1
    assert max(page.ids.values()) == 1
    assert "2,698 to create" in page.said
    assert "Too long" not in page.said


@pytest.mark.parametrize("name", ["thirty", "large"])
def test_what_needs_a_look_comes_before_all_else(name: str) -> None:
    page = parsed(plan_html(PLANS[name]))
    shown = [id for id in page.ids if "." in id]
    assert shown[:3] == [str(DELETED), str(CONFLICT), str(OVERWRITTEN)]
    parts = [id for id in page.ids if id in ("refused-title", "look", "blocked", "alike", "kinds")]
    assert parts == ["refused-title", "look", "blocked", "alike", "kinds"]


def test_in_brief_it_has_the_counts_and_the_first_block_alone() -> None:
    plan = PLANS["thirty"]
    page = parsed(plan_html(plan, brief=True))
    looked = [str(each) for each in (DELETED, CONFLICT, OVERWRITTEN, "account.globex", "list.q4-targets")]
    assert [id for id in page.ids if "." in id] == looked
    assert "8 to create" in page.said
    assert "Apply would refuse this plan" in page.said
    targets = {value[1:] for value in page.of("href") if value.startswith("#")}
    assert targets <= set(page.ids), "no link leads to what is left out"
    assert len(page.of("data-action")) == len(looked) + len(plan.warnings)


def test_an_empty_plan_says_so() -> None:
    plan = dataclasses.replace(PLANS["one"], changes=())
    page = parsed(plan_html(plan))
    assert "No changes in prod" in page.said
    assert "Workspace prod is as declared: 11 resources." in page.said
    assert page.of("data-action") == []
    assert "script" not in [tag for tag, *_ in page.tags], "nothing to search"


def test_all_of_a_plan_is_there() -> None:
    plan = plan_of_everything()
    page = parsed(plan_html(plan))
    for address in (
        *(change.address for change in plan.changes),
        *(each.address for each in plan.blocked),
        *(orphan.address for orphan in plan.orphans),
    ):
        assert str(address) in page.texts
    assert "The key lacks scopes: tasks:delete" in page.said
    assert "the pattern of founded does not match" in page.said
    assert "https://crm.example/acc_01HZX8K3VB" in page.of("href")


# ---------------------------------------------------------------- one file, closed


def test_style_and_script_are_the_only_ones_that_the_policy_lets_in() -> None:
    html = plan_html(plan_of_everything())
    policy = next(value for _, name, value in parsed(html).attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        digest = b64encode(hashlib.sha256(inside(html, tag).encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
        assert html.count(f"<{tag}>") == html.count(f"<{tag}") == 1
    assert html.index("Content-Security-Policy") < html.index("<style>")


def test_nothing_is_asked_for_and_no_attribute_is_code() -> None:
    page = parsed(plan_html(plan_of_everything()))
    assert not [tag for tag, *_ in page.tags if tag in ("img", "iframe", "object", "embed", "base", "audio", "video")]
    assert page.of("src") == page.of("action") == page.of("style") == []
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    for _, name, value in page.attributes:
        if name == "href":
            assert value.startswith(("#", "https://", "data:image/svg+xml,")), value
    style, script = (inside(plan_html(PLANS["one"]), tag) for tag in ("style", "script"))
    assert "url(" not in style
    assert "@import" not in style
    assert not re.search(r"fetch|XMLHttpRequest|innerHTML|eval|document\.write|import\(|localStorage|cookie", script)


def test_the_page_is_ascii_so_that_no_encoding_on_its_way_changes_it() -> None:
    html = plan_html(plan_of_everything())
    assert html.isascii()
    assert "東京" in parsed(html).said
    assert '<meta charset="utf-8">' in html[:200]


@pytest.mark.parametrize(
    ("link", "followed"),
    [
        ("https://crm.lightfield.app/accounts/acc_1", True),
        ("http://127.0.0.1:8787/x?a=b&c=d#e", True),
        ("HTTPS://crm.example/x", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt://crm.example/%0aalert(1)", False),
        ("data:text/html,<script>alert(1)</script>", False),
        ("file:///etc/passwd", False),
        ("//crm.example/x", False),
        ("/accounts/acc_1", False),
        ("https://", False),
        ("https://[::1", False),
        (" https://crm.example", False),
        ("https://crm.example\\@other.example/", False),
        ("java\nscript:alert(1)", False),
        ("https://crm.example/\u202egpj", False),
        ("", False),
        (None, False),
    ],
)
def test_only_web_addresses_are_links(link: str | None, followed: bool) -> None:
    assert (href(link) is not None) is followed
    change = Change(Address("account", "a"), "delete", PLANS["one"].changes[0].source, id="acc_1", name="A", link=link)
    page = parsed(plan_html(dataclasses.replace(PLANS["one"], changes=(change,))))
    links = [value for tag, name, value in page.attributes if (tag, name) == ("a", "href") and value[:1] != "#"]
    assert links == ([link] if followed else [])
    assert page.of("rel").count("noopener") == followed


# ---------------------------------------------------------------- what people typed


@pytest.mark.parametrize("text", hostile_texts(500), ids=repr)
def test_hostile_texts_change_no_structure(text: str) -> None:
    page, plain = parsed(plan_html(plan_with(text))), parsed(plan_html(plan_with(tame(text))))
    assert page.tags == plain.tags
    assert page.of("class") == plain.of("class")
    assert page.open == []
    for said in (*page.texts, *(value for *_, value in page.attributes)):
        assert_harmless(said)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans, st.booleans())
def test_any_plan_is_a_page_whose_tags_close(plan: Plan, brief: bool) -> None:
    html = plan_html(plan, brief=brief)
    page = parsed(html)
    assert_harmless(without_ours(html))
    assert sum(tag == "style" for tag, *_ in page.tags) == 1
    assert sum(tag == "script" for tag, *_ in page.tags) == any(page.of("data-action"))


def test_long_values_are_shown_where_they_differ_and_whole_on_demand() -> None:
    old, new = "x" * 5000 + "OLD" + "y" * 5000, "x" * 5000 + "NEW" + "y" * 5000
    change = dataclasses.replace(PLANS["one"].changes[0], fields=(field("$title", "Title", old, new),))
    page = parsed(plan_html(dataclasses.replace(PLANS["one"], changes=(change,))))
    short = [text for text in page.texts if "OLD" in text and len(text) < 200]
    assert short
    assert old in page.texts
    assert new in page.texts


# ---------------------------------------------------------------- redaction (rule G2)


@settings(max_examples=100, deadline=None)
@given(marked())
def test_with_redact_no_value_is_anywhere_in_the_file(case: tuple[Plan, dict[str, tuple[str, str, str]]]) -> None:
    plan, marks = case
    page = parsed(plan_html(redacted(plan, Redaction(everything=True))))
    everything = "\n".join([*page.texts, *(value for *_, value in page.attributes)])
    assert not [mark for mark in marks if mark in everything]
    assert not plan.changes or HIDDEN in everything


def test_what_a_rule_names_is_in_no_title_attribute_or_script() -> None:
    secret = "ada@acme-solar.example"
    html = plan_html(redacted(plan_of_everything(), Redaction((rule("contact.$email"),))))
    assert secret in "".join(parsed(plan_html(plan_of_everything())).texts)
    assert secret not in html
    assert secret.replace("@", "&#64;") not in html
    assert HIDDEN in "".join(parsed(html).texts)
    assert "Ada Lind" in html, "what no rule names stays"
