"""The plan as a reviewer reads it. LFSYNC_UPDATE_GOLDEN=1 rewrites the golden files; look at them then."""

from __future__ import annotations

import dataclasses
import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lfsync.model import (
    Address,
    Blocked,
    Change,
    LastChange,
    LinkChange,
    MembersChange,
    Orphan,
    Place,
    Plan,
    Refusal,
    WorkspaceInfo,
)
from lfsync.render.reading_order import headline
from lfsync.render.text import PACKED_FROM, plan_text
from tests.render.harmless import assert_harmless
from tests.render.render_samples import field, link, plan_of_everything
from tests.render.render_strategies import plans

GOLDEN = Path(__file__).parent / "golden"
EMPTY = Plan(WorkspaceInfo("prod", "https://api.lightfield.app"), "2026-01-01T00:00:00Z", "d")
PLACE = Place("a.yaml", 1, 1)


def company(number: int) -> Change:
    return Change(
        Address("account", f"company-{number:05}"),
        "create",
        Place("data/companies.csv", number + 2),
        fields=(
            field("$name", "Name", None, f"Company {number}"),
            field("$website", "Website", None, [f"https://company-{number}.example"]),
            field("icp-score", "ICP score", None, 7.5),
            field("about", "About", None, "First line.\nSecond line."),
        ),
        relationships=(link("$owner", None, "kai@corp.example", ("mem_1",)),),
    )


def golden(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if os.environ.get("LFSYNC_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def update(before: object, after: object, **more: object) -> Plan:
    change = Change(Address("account", "a"), "update", PLACE, id="acc_1", fields=(field("key", "Key", before, after),))
    return dataclasses.replace(EMPTY, changes=(dataclasses.replace(change, **more),))  # type: ignore[arg-type]


def shown(plan: Plan, width: int | None = None) -> str:
    return plan_text(plan, width=width, color=False)


def drifted(before: str, after: str, was: str | None) -> Plan:
    changed = LastChange("2026-11-20T08:00:00Z", was)
    moved = dataclasses.replace(field("tier", "Tier", before, after, cause="drift"), changed=changed)
    return update(before, after, cause="drift", fields=(moved,))


@pytest.mark.parametrize("width", [80, 120, None])
def test_golden_everything(width: int | None) -> None:
    golden(f"everything-{width or 'pipe'}", shown(plan_of_everything(), width))


def test_golden_colors() -> None:
    golden("everything-color", plan_text(plan_of_everything(), width=80, color=True).replace("\x1b", "^"))


def test_golden_many_creates() -> None:
    plan = dataclasses.replace(EMPTY, changes=tuple(company(number) for number in range(PACKED_FROM)))
    golden("many-80", shown(plan, 80))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans, st.sampled_from([None, 40, 61, 80, 120]), st.booleans())
def test_hostile_text_breaks_nothing(plan: Plan, width: int | None, color: bool) -> None:
    text = plan_text(plan, width=width, color=color)
    assert_harmless(text, width=width, color=color)
    assert text.endswith("\n")
    flat = text.replace(" ", "").replace("\n", "")
    for change in plan.changes:
        assert f"{change.address}".replace(" ", "") in flat


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plans, st.randoms(use_true_random=False))
def test_the_order_of_changes_does_not_matter(plan: Plan, order: random.Random) -> None:
    unique = {change.address: change for change in plan.changes}
    changes = list(unique.values())
    plan = dataclasses.replace(plan, changes=tuple(changes))
    order.shuffle(changes)
    assert shown(dataclasses.replace(plan, changes=tuple(changes))) == shown(plan)


def test_summary_comes_first_and_last() -> None:
    lines = shown(plan_of_everything()).splitlines()
    assert lines[0] == lines[-1] == headline(plan_of_everything())


def test_no_changes() -> None:
    plan = dataclasses.replace(EMPTY, unchanged=1)
    assert shown(plan) == "No changes. Workspace prod is as declared: 1 resource.\n"
    orphaned = dataclasses.replace(plan, orphans=(Orphan(Address("task", "old"), "tsk_1"),))
    assert "task.old  tsk_1" in shown(orphaned)


def test_no_color_means_no_codes_and_color_changes_nothing_else() -> None:
    plan = plan_of_everything()
    assert "\x1b" not in shown(plan, 80)
    assert "\x1b[" in plan_text(plan, width=80, color=True)


def test_old_and_new_on_one_line_or_below_each_other() -> None:
    assert "      key  Silver → Gold\n" in shown(update("Silver", "Gold"), 80)
    wide = shown(update("o" * 50, "n" * 50), 80)
    assert f"      key  {'o' * 50}\n           → {'n' * 50}\n" in wide
    assert f"{'o' * 50} → {'n' * 50}" in shown(update("o" * 50, "n" * 50))


def test_the_cause_is_told_once_for_all_or_for_each() -> None:
    both = (field("a", "A", 1, 2, "NUMBER", "drift"), field("b", "B", 1, 2, "NUMBER", "drift"))
    told = shown(update(1, 2, fields=both))
    assert "\nEdits in Lightfield since the last apply, which apply would overwrite: 1\n  ~ account.a" in told
    assert "(changed" not in told
    gone = shown(update(1, 2, fields=both, action="delete"))
    assert gone.count("changed in Lightfield since the last apply") == 1, "the heading says that it is a delete"
    mixed = (both[0], field("b", "B", 1, 2), field("c", "C", 1, 2, "NUMBER", "conflict"))
    text = shown(update(1, 2, fields=mixed))
    assert "\nConflicts, changed here and in Lightfield since the last apply: 1\n" in text
    assert "a  1 → 2  (changed in Lightfield)\n" in text
    assert "b  1 → 2\n" in text
    assert "c  1 → 2  (changed here and in Lightfield)\n" in text


def test_a_label_is_shown_where_the_key_does_not_say_it() -> None:
    rows = (
        field("$dueAt", "Due", 1, 2),
        field("renewalDate", "Renewal date", 1, 2),
        field("icp-score", "ICP score", 1, 2),
    )
    text = shown(update(1, 2, fields=rows))
    assert "$dueAt (Due)  1 → 2" in text
    assert "renewalDate   1 → 2" in text
    assert "icp-score     1 → 2" in text


def test_what_moved_the_members_is_told() -> None:
    moved = MembersChange(("account.b",), ())
    text = shown(update(1, 2, members=moved, cause="conflict"))
    assert "key      1 → 2\n" in text
    assert "+ account.b  (changed in Lightfield)\n" in text
    assert "changed" not in shown(update(1, 2, members=moved, cause="config"))
    alone = shown(update(1, 2, fields=(), members=moved, cause="drift"))
    assert alone.index("Edits in Lightfield since") < alone.index("      members  + account.b\n")


def test_links_go_by_their_names_where_these_tell_all() -> None:
    change = LinkChange("$c", ["Ada, Countess (con_1)"], ["contact.b"], ("contact.b",), ("con_1",), "config")
    text = shown(update(1, 2, fields=(), relationships=(change,)))
    assert '- "Ada, Countess (con_1)"\n' in text
    twins = LinkChange("$c", ["Ada", "Ada"], [], (), ("con_1", "con_2"), "config")
    assert "- con_1, con_2\n" in shown(update(1, 2, fields=(), relationships=(twins,)))


@pytest.mark.parametrize(
    ("before", "after", "row"),
    [
        (None, " x", 'null → " x"'),
        ("", ["a, b", "c"], 'null → ["a, b", c]'),
        (True, 75000.0, "true → 75000"),
        (0.1, [], "0.1 → null"),
        ("caf\u00e9", "cafe\u0301", r'"caf\xe9" → "cafe\u0301"'),
        ("a\u00a0b", "a b", r'"a\xa0b" → a b'),
        ("a\tb", "a b", r'"a\tb" → a b'),
        ("a → b", "null x", '"a → b" → null x'),
    ],
)
def test_values_are_never_misread(before: object, after: object, row: str) -> None:
    assert f"      key  {row}\n" in shown(update(before, after))


def test_a_long_text_on_a_terminal_is_reduced_to_what_differs() -> None:
    before = "x" * 5000 + "old" + "y" * 5000
    text = shown(update(before, before.replace("old", "new")), 80)
    assert "…" in text
    assert "old" in text
    assert "new" in text
    assert len(text) < 1000
    assert before in shown(update(before, before.replace("old", "new")))


def test_a_long_line_within_a_text_is_reduced_too() -> None:
    before = "# Title\n" + "x" * 5000 + "old" + "y" * 5000 + "\nend\n"
    text = shown(update(before, before.replace("old", "new")), 80)
    assert "old" in text
    assert "new" in text
    assert len(text) < 1000


def test_a_megabyte_of_text_is_short_on_a_terminal_and_whole_in_a_pipe() -> None:
    before = "".join(f"line {number}\n" for number in range(80_000))
    after = before.replace("7\n", "seven\n")
    assert len(shown(update(before, after), 80)) < 3000
    whole = shown(update(before, after))
    assert "+ line 7999seven\n" in whole
    assert "line 79998\n" in whole


def test_spaces_at_the_end_of_a_changed_line_can_be_seen() -> None:
    text = shown(update("a\nb\n", "a  \nb\n"))
    assert "        - a\n" in text
    assert "        + a··\n" in text


def test_a_final_newline_that_goes_can_be_seen() -> None:
    text = shown(update("a\nb\n", "a\nb"))
    assert "1 line removed" in text


def test_an_orphan_that_is_deleted_is_told_once() -> None:
    address = Address("task", "old")
    plan = dataclasses.replace(
        EMPTY, changes=(Change(address, "delete", PLACE, id="tsk_1"),), orphans=(Orphan(address, "tsk_1"),)
    )
    assert "Orphans" not in shown(plan)


def test_every_create_is_shown() -> None:
    plan = dataclasses.replace(EMPTY, changes=tuple(company(number) for number in range(10_000)))
    text = plan_text(plan, width=80, color=True)
    assert text.count("+ account.company-") == 10_000


def test_when_a_field_was_changed_stands_beside_it() -> None:
    """Issue 7.6: "changed 2026-11-20 08:00 UTC, before that Gold"."""
    text = shown(drifted("Silver", "Bronze", "Gold"))
    assert "      tier  Silver → Bronze  (changed 2026-11-20 08:00 UTC, before that Gold)\n" in text
    assert "(changed 2026-11-20 08:00 UTC, before that (empty))" in shown(drifted("Silver", "Bronze", None))


def test_what_it_held_before_takes_one_line_and_is_cut_on_a_terminal_only() -> None:
    """Rule P2: into a pipe nothing is cut."""
    long = "\n".join(["word"] * 200)
    whole = shown(drifted("a\nb", "a\nc", long))
    assert f"1 line added, 1 removed  (changed 2026-11-20 08:00 UTC, before that {'word ' * 199}word)\n" in whole
    cut = shown(drifted("a\nb", "a\nc", long), 120)
    assert max(map(len, cut.splitlines())) <= 120
    assert 10 < cut.count("word") < 20
    assert "…)" in cut


def test_a_plan_that_is_refused_or_blocked_does_not_say_that_nothing_needs_a_look() -> None:
    plan = dataclasses.replace(EMPTY, changes=(company(1),))
    assert "Nothing needs a look." in plan_text(plan, width=None, color=False, brief=True)
    blocked = Blocked(Address("task", "t"), "no", None, PLACE)
    refused = Refusal("threshold", "max_updates", "too many", ())
    for told in (
        dataclasses.replace(plan, blocked=(blocked,)),
        dataclasses.replace(plan, refusals=(refused,)),
        dataclasses.replace(plan, missing_scopes=("tasks:read",)),
    ):
        assert "Nothing needs a look." not in plan_text(told, width=None, color=False, brief=True)
