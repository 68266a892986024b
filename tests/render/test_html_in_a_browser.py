"""The page of a plan in the system's Chromium (design.md, 15): what a person does with it, and what it must never do.

`opened` ends each test: no request, no message, no violation of the policy, no dialog, no page of another's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from lfsync.model import Plan
from lfsync.render.html import plan_html
from tests.browser import Watched, chromium, needs_chromium, opened
from tests.render.golden_plans import CONFLICT, DELETED, OVERWRITTEN, golden_plans
from tests.render.hostile_texts import hostile_texts, plan_with, tame
from tests.render.render_samples import plan_of_everything

pytestmark = needs_chromium

EVERYTHING = plan_of_everything()
PLANS = golden_plans()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The plan of everything."""
    with opened(browser, plan_html(EVERYTHING), tmp_path) as watched:
        yield watched.page


def shown(page: Page) -> set[str]:
    """Addresses of the entries that the filters leave, folded or not; those without an id by their first code."""
    found: list[str] = page.eval_on_selector_all(
        "[data-action]",
        "all => all.filter(e => !e.closest('[hidden]')).map(e => e.querySelector('code')?.textContent ?? '')",
    )
    return {address for address in found if address}


def search(page: Page, text: str) -> set[str]:
    page.fill("#search", text)
    _settle(page)
    return shown(page)


def choose(page: Page, name: str, value: str) -> set[str]:
    page.check(f"#tools input[name={name}][value='{value}']")
    _settle(page)
    return shown(page)


def _settle(page: Page) -> None:
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def addresses(plan: Plan) -> set[str]:
    changes = {str(change.address) for change in plan.changes}
    blocked, kept = {str(each.address) for each in plan.blocked}, {str(each.address) for each in plan.kept}
    return changes | blocked | kept | {str(orphan.address) for orphan in plan.orphans}


# ---------------------------------------------------------------- search and filters


def test_all_is_there_at_first(page: Page) -> None:
    assert shown(page) == addresses(EVERYTHING)
    assert page.inner_text("#told") == f"{len(addresses(EVERYTHING)) + 1} entries"
    assert page.is_hidden("#nothing")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("hooli gmbh", {"account.hooli"}),
        ("HOOLI", {"account.hooli", "list.q4-targets"}),
        ("dallas", {"account.hooli"}),
        ("crm/contacts", {"contact.ada"}),
        ("東京ソーラー", {"account.東京"}),
        ("globex corporation", {"account.globex"}),
        ("company-14", {"list.q4-targets"}),
        ("spring", {"task.spring-mailing"}),
        ("nobody has this", set()),
        ("<del>", set()),
        (".*", set()),
    ],
)
def test_search_finds_what_is_shown_of_an_entry(page: Page, text: str, found: set[str]) -> None:
    assert search(page, text) == found
    assert page.is_visible("#nothing") is not bool(found)
    assert search(page, "") == addresses(EVERYTHING)


def test_search_knows_no_accents_and_wants_all_words(page: Page, browser: Browser, tmp_path: Path) -> None:
    change = replace(EVERYTHING.changes[1], name="Café Zoë")
    with opened(browser, plan_html(replace(EVERYTHING, changes=(change,))), tmp_path) as watched:
        assert search(watched.page, "cafe zoe") >= {"account.hooli"}
        assert search(watched.page, "CAFÉ nothing") == set()


@pytest.mark.parametrize(
    ("name", "value", "fits"),
    [
        ("action", "delete", lambda each: each.action == "delete"),
        ("kind", "note", lambda each: each.address.kind == "note"),
        ("cause", "conflict", lambda each: any(field.cause == "conflict" for field in each.fields)),
    ],
)
def test_filters_leave_what_fits(page: Page, name: str, value: str, fits: Any) -> None:
    found = {str(each.address) for each in EVERYTHING.changes if fits(each)}
    if name == "kind":
        found |= {str(each.address) for each in EVERYTHING.orphans if each.address.kind == value}
    assert found
    assert choose(page, name, value) == found
    for address in found & {str(each.address) for each in EVERYTHING.changes}:
        assert page.locator(f"[id='{address}']").is_visible(), "what is found is unfolded"
    page.click("#clear")
    assert shown(page) == addresses(EVERYTHING)
    assert page.is_hidden("#clear")


def test_filters_of_one_sort_add_up_and_of_two_sorts_narrow(page: Page) -> None:
    choose(page, "action", "create")
    assert choose(page, "action", "delete") == {
        str(each.address) for each in EVERYTHING.changes if each.action in ("create", "delete")
    }
    assert choose(page, "kind", "task") == {"task.old"}
    assert page.inner_text("#told") == f"1 of {len(addresses(EVERYTHING)) + 1} shown"
    assert search(page, "no such") == set()


def test_what_has_nothing_left_is_hidden_and_counts_say_of_how_many(page: Page) -> None:
    search(page, "kick-off")
    assert page.is_hidden("#kind-contact")
    assert page.is_hidden("#look")
    assert page.is_visible("#kind-note")
    assert "2" in page.inner_text("#kind-note .count")
    search(page, "quote eve")
    assert page.inner_text("#kind-note .count") == "1 of 2"


def test_folds_are_as_they_were_when_the_filter_is_gone(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, plan_html(PLANS["large"]), tmp_path) as watched:
        page = watched.page
        folds = "details.fold"
        before = page.eval_on_selector_all(folds, "all => all.map(each => each.open)")
        assert not any(before)
        assert search(page, "company-1777") == {"account.company-1777"}
        assert page.locator("[id='account.company-1777']").is_visible()
        search(page, "")
        assert page.eval_on_selector_all(folds, "all => all.map(each => each.open)") == before


def test_what_a_page_must_not_do_is_noticed(browser: Browser, tmp_path: Path) -> None:
    """Of `opened`, on which all of these tests rest."""
    html = plan_html(PLANS["one"])
    for injected in (
        "<script>console.log(1)</script>",
        "<img src='https://other.example/x.png'>",
        "<b style='color: red'>x</b>",
        "<b onclick='alert(1)' id='inline'>x</b>",
    ):
        with pytest.raises(AssertionError), opened(browser, html.replace("</main>", f"{injected}</main>"), tmp_path):
            pass
    bare = "<!doctype html><title>x</title>"
    for script in ("console.log(1)", "fetch('https://other.example/')", "alert(1)", "throw Error('x')"):
        with pytest.raises(AssertionError), opened(browser, f"{bare}<script>{script}</script>", tmp_path) as watched:
            watched.page.wait_for_timeout(100)


# ---------------------------------------------------------------- keyboard, screen readers


def test_the_keyboard_reaches_search_filters_and_links(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "plan"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("hooli/x")
    assert page.input_value("#search") == "hooli/x", "a slash typed in the box is a slash"
    page.keyboard.press("Escape")
    _settle(page)
    assert page.input_value("#search") == ""
    assert shown(page) == addresses(EVERYTHING)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    _settle(page)
    assert shown(page) == {str(each.address) for each in EVERYTHING.changes if each.action == "create"}
    outline = "getComputedStyle(document.activeElement.nextElementSibling).outlineStyle"
    assert page.evaluate(outline) == "solid", "who goes by keyboard sees where he is"


def test_landmarks_headings_and_labels(page: Page) -> None:
    for role in ("banner", "main", "search", "navigation", "contentinfo", "complementary"):
        assert page.get_by_role(role).count() == 1, role
    assert page.get_by_role("heading", level=1).inner_text() == "Plan for prod"
    levels: list[int] = page.eval_on_selector_all("h1,h2,h3,h4", "all => all.map(each => +each.tagName[1])")
    del levels[levels.index(2) : levels.index(2) + 1]  # "Contents"
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert page.get_by_label("Search the plan").count() == 1
    assert page.get_by_role("checkbox", name="delete").count() == 1
    for box in page.get_by_role("checkbox").all():
        assert box.evaluate("each => each.labels.length") == 1
    unnamed = page.eval_on_selector_all("a, button, summary", "all => all.filter(e => !e.textContent.trim()).length")
    assert unnamed == 0
    assert page.eval_on_selector_all("[id]", "all => all.length - new Set(all.map(e => e.id)).size") == 0


def test_a_link_within_the_page_opens_what_is_folded(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, plan_html(PLANS["large"]), tmp_path) as watched:
        page = watched.page
        assert page.is_hidden("#kind-account .change >> nth=0")
        page.click(".contents a[href='#kind-account']")
        page.wait_for_selector("#kind-account .change >> nth=0")  # the event comes after the click
        page.evaluate("location.hash = 'account.branch-249'")
        page.wait_for_selector("[id='account.branch-249']")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(browser: Browser, tmp_path: Path, scheme: Any) -> None:
    """WCAG AA: 4.5 to 1, for every element that has a text of its own."""
    with opened(browser, plan_html(EVERYTHING), tmp_path, scheme=scheme) as watched:
        faint = watched.page.evaluate(_FAINT)
        assert faint == []


_FAINT = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = (color) => [0.2126, 0.7152, 0.0722].reduce((sum, share, i) => sum + share * linear(color[i] / 255), 0);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const color = rgb(getComputedStyle(element).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
  };
  const ratio = (element) => {
    const pair = [light(rgb(getComputedStyle(element).color)), light(behind(element))];
    return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  };
  const speaks = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  const seen = [...document.querySelectorAll('body *')].filter((each) => speaks(each) && each.checkVisibility());
  if (seen.length < 100) return ['too few to judge'];
  return seen.filter((each) => ratio(each) < 4.5).map((each) => `${each.className || each.tagName} ${ratio(each)}`);
}"""


# ---------------------------------------------------------------- without scripts, on paper, on a phone


def test_without_scripts_everything_can_be_read(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, plan_html(EVERYTHING), tmp_path, scripts=False) as watched:
        page = watched.page
        assert page.is_hidden("#tools"), "no box that does nothing"
        for change in EVERYTHING.changes:
            entry = page.locator(f"[id='{change.address}']")
            if not entry.is_visible():
                entry.locator("xpath=ancestor::details[1]/summary").click()
            assert entry.is_visible()
        page.click(".contents a[href='#orphans']")
        assert page.locator("#orphans").is_visible()


def test_what_is_folded_is_printed(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, plan_html(PLANS["large"]), tmp_path) as watched:
        page = watched.page
        page.emulate_media(media="print")
        box = page.locator("[id='account.company-0500']").bounding_box()
        assert box is not None
        assert box["height"] > 10
        assert page.is_hidden("#search")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgba(0, 0, 0, 0)"


@pytest.mark.parametrize("width", [320, 390, 768, 1400])
def test_nothing_is_wider_than_the_window(browser: Browser, tmp_path: Path, width: int) -> None:
    plan = replace(plan_with("W" * 300), missing_scopes=())
    for html in (plan_html(EVERYTHING), plan_html(plan)):
        with opened(browser, html, tmp_path, width=width) as watched:
            page = watched.page
            page.eval_on_selector_all("details", "all => all.forEach(each => { each.open = true; })")
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["thirty", "large"])
def test_the_first_screen_shows_the_delete_the_conflict_and_the_overwritten_edit(
    browser: Browser, tmp_path: Path, name: str
) -> None:
    with opened(browser, plan_html(PLANS[name]), tmp_path) as watched:
        for address in (DELETED, CONFLICT, OVERWRITTEN):
            box = watched.page.locator(f"[id='{address}'] .head").bounding_box()
            assert box is not None
            assert box["y"] + box["height"] <= 900, address
        assert "Apply would refuse" in watched.page.inner_text("main")


# ---------------------------------------------------------------- what people typed


def test_hostile_texts_are_inert(browser: Browser, tmp_path: Path) -> None:
    """Each opened in the browser: nothing runs, nothing is asked for, and the tree is that of letters."""
    with opened(browser, "<!doctype html><title>plan</title>", tmp_path) as watched:
        for text in hostile_texts(500)[::5] + hostile_texts(0):
            assert _tree(watched, plan_html(plan_with(text))) == _tree(watched, plan_html(plan_with(tame(text)))), text


def _tree(watched: Watched, html: str) -> Any:
    Path(watched.address.removeprefix("file://")).write_text(html, encoding="utf-8")
    watched.reload()
    assert watched.complaints == []
    return watched.page.evaluate(
        "() => [...document.querySelectorAll('*')].map(e => [e.tagName, e.getAttributeNames().join(' ')].join(' '))"
    )


def test_a_hostile_text_is_shown_as_it_is(browser: Browser, tmp_path: Path) -> None:
    text = '</li><img src=x onerror=alert(1)> & "q" {{ 7 }} &lt;'
    with opened(browser, plan_html(plan_with(text)), tmp_path) as watched:
        assert f"Plan for prod {text}" in watched.page.inner_text("h1")
        assert watched.page.title().startswith(f"Plan for prod {text}: ")
        assert search(watched.page, "onerror=alert(1)> & {{") >= {"account.c", "task.x"}


# ---------------------------------------------------------------- large plans


def test_10_000_changes_stay_usable(browser: Browser, tmp_path: Path) -> None:
    """What makes it so, and no clock: folded at first, laid out where it is seen, and no list items to be numbered."""
    plan = PLANS["large"]
    many = tuple(
        replace(change, address=change.address._replace(key=f"{change.address.key}-{copy}"))
        for copy in range(4)
        for change in plan.changes
    )
    with opened(browser, plan_html(replace(plan, changes=many)), tmp_path) as watched:
        page = watched.page
        assert page.locator("#kinds details.fold[open], #alike details.fold[open]").count() == 0
        assert search(page, "company-1777") == {f"account.company-1777-{copy}" for copy in range(4)}
        assert search(page, "company-17777") == set()
        search(page, "")
        assert len(choose(page, "action", "create")) == 4 * 2_698
        page.click("#clear")
        assert len(shown(page)) == len(many) + len(plan.blocked)
        page.eval_on_selector_all("details.fold", "all => all.forEach(each => { each.open = true; })")
        of_entries = "all => [...new Set(all.map(e => getComputedStyle(e).display))].includes('list-item')"
        assert page.eval_on_selector_all("[data-action]", of_entries) is False
        of_changes = "all => all.every(e => getComputedStyle(e).contentVisibility === 'auto')"
        assert page.eval_on_selector_all(".change", of_changes)
