"""What a redacted plan shows, and what not (rule G2)."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.cli import run
from lfsync.commands.shown_plan import shown_plan
from lfsync.kinds import TYPES
from lfsync.model import (
    JSON,
    Address,
    Blocked,
    Change,
    FieldChange,
    Kept,
    LastChange,
    LinkChange,
    MembersChange,
    Place,
    Plan,
    PlanWarning,
    Quoted,
    Refusal,
    WorkspaceInfo,
)
from lfsync.planning.plan_file import to_json
from lfsync.planning.policies import FAILED
from lfsync.planning.redaction import HIDDEN, Redaction, redacted
from lfsync.project.redact_rules import BadRuleError, RedactRule, rule
from lfsync.render.text import plan_text
from lfsync.values.table import VALUE_TYPES
from tests.render.render_strategies import causes

PLACE = Place("crm.yaml", 3, 5)
KINDS_AND_KEYS = {
    "account": ("$name", "$website", "$owner", "tier", "hotline"),
    "contact": ("$name", "$email", "$account"),
    "note": ("$title", "$content", "$account"),
    "object.project": ("name", "hotline", "team"),
}
TYPE_OF = {"$email": "EMAIL", "hotline": "TELEPHONE"}
RULES = ("account", "note.*", "account.$name", "contact.$email", "contact.$name", "*.TEXT", "*.EMAIL", "*.TELEPHONE")


def text_of(plan: Plan) -> str:
    return plan_text(plan, width=None, color=False)


# ---------------------------------------------------------------- the law


@st.composite
def marked(draw: st.DrawFn) -> tuple[Plan, dict[str, tuple[str, str, str]]]:
    """A plan in which each value is a mark of its own; the marks, with kind, key and type of whose value they are."""
    marks: dict[str, tuple[str, str, str]] = {}
    numbers = count()

    def mark(kind: str, key: str, type: str) -> str:
        text = f"mark{next(numbers)}\u2603x"
        marks[text] = (kind, key, type)
        return text

    def title(kind: str) -> tuple[str, str, str]:
        return {"contact": (kind, "$name", "FULL_NAME"), "note": (kind, "$title", "TEXT")}.get(
            kind, (kind, "name" if kind.startswith("object.") else "$name", "TEXT")
        )

    def field(kind: str) -> FieldChange:
        key = draw(st.sampled_from(KINDS_AND_KEYS[kind]))
        type = TYPE_OF.get(key, "FULL_NAME" if (kind, key) == ("contact", "$name") else "TEXT")

        def value() -> JSON:
            several: list[JSON] = [mark(kind, key, type), mark(kind, key, type)]
            found: list[JSON] = [mark(kind, key, type), several, None]
            return draw(st.sampled_from(found))

        changed = LastChange("2026-01-01T00:00:00Z", mark(kind, key, type)) if draw(st.booleans()) else None
        return FieldChange(key, key, type, value(), value(), value(), value(), draw(causes), changed)

    def linked() -> str:
        id = f"acc_{next(numbers)}"
        return f"{mark(*title('account'))} ({id})"

    def link(kind: str) -> LinkChange:
        return LinkChange("peers", [linked()], [linked(), "account.acme"], (linked(), "account.acme"), (), draw(causes))

    def change(number: int) -> Change:
        kind = draw(st.sampled_from(sorted(KINDS_AND_KEYS)))
        return Change(
            Address(kind, f"k{number}"),
            draw(st.sampled_from(["create", "update", "delete"])),
            PLACE,
            id=f"x_{number}",
            name=mark(*title(kind)),
            fields=tuple(field(kind) for _ in range(draw(st.integers(0, 3)))),
            relationships=(link(kind),),
            members=MembersChange((linked(),), (linked(),)),
        )

    def quoted(kind: str) -> tuple[str, tuple[Quoted, ...]]:
        kind, key, type = title(kind)
        one, two = mark(kind, key, type), mark(kind, key, type)
        return f'2 match $name "{one}": acc_1 "{two}"', (Quoted(kind, key, one), Quoted(kind, key, two))

    changes = tuple(change(number) for number in range(draw(st.integers(0, 4))))
    reason, quotes = quoted(draw(st.sampled_from(sorted(KINDS_AND_KEYS))))
    hint, more = quoted(draw(st.sampled_from(sorted(KINDS_AND_KEYS))))
    message, warned = quoted(draw(st.sampled_from(sorted(KINDS_AND_KEYS))))
    kind = draw(st.sampled_from(sorted(KINDS_AND_KEYS)))
    values = field(kind)
    kept = Kept(
        Address(kind, "kept"), PLACE, values.key, "", values.value_type, values.before, values.after,
        name=mark(*title(kind)),
    )  # fmt: skip
    members = Kept(Address("list", "l"), PLACE, "members", "", None, None, None, (linked(),), (linked(),))
    plan = Plan(
        WorkspaceInfo("w", "http://localhost"),
        "now",
        "d",
        changes,
        blocked=(Blocked(Address("account", "b"), reason, hint, PLACE, (*quotes, *more)),),
        warnings=(PlanWarning(message, warned),),
        kept=(kept, members),
    )
    return plan, marks


@settings(max_examples=150, deadline=None)
@given(marked())
def test_with_redact_no_value_is_in_any_form(case: tuple[Plan, dict[str, tuple[str, str, str]]]) -> None:
    plan, marks = case
    hidden = redacted(plan, Redaction(everything=True))
    shown = text_of(hidden) + json.dumps(to_json(hidden), ensure_ascii=False)
    assert not [mark for mark in marks if mark in shown]
    assert [change.address for change in hidden.changes] == [change.address for change in plan.changes]
    assert "account.acme" in shown or not plan.changes, "addresses are not redacted"


@settings(max_examples=300, deadline=None)
@given(marked(), st.sets(st.sampled_from(RULES), min_size=1))
def test_what_a_rule_names_is_in_no_form_and_keys_counts_and_causes_stay(
    case: tuple[Plan, dict[str, tuple[str, str, str]]], rules: set[str]
) -> None:
    plan, marks = case
    hidden = redacted(plan, Redaction([rule(text) for text in sorted(rules)]))
    shown = text_of(hidden) + json.dumps(to_json(hidden), ensure_ascii=False)
    for mark, (kind, key, type) in marks.items():
        if rules & {kind, f"{kind}.*", f"{kind}.{key}", f"*.{type}"}:
            assert mark not in shown, (mark, kind, key, type)
    assert to_json(hidden)["summary"] == to_json(plan)["summary"]
    for before, after in zip(plan.changes, hidden.changes, strict=True):
        assert [(f.key, f.cause) for f in before.fields] == [(f.key, f.cause) for f in after.fields]
        assert before.members is not None
        assert after.members is not None
        assert len(before.members.add) == len(after.members.add)


@given(marked())
def test_what_no_rule_names_is_shown(case: tuple[Plan, dict[str, tuple[str, str, str]]]) -> None:
    plan, _ = case
    assert redacted(plan, Redaction([])) == plan
    kept = redacted(plan, Redaction([rule("meeting")]))
    assert text_of(kept) == text_of(plan)


# ---------------------------------------------------------------- one by one


def one(kind: str = "account", **more: object) -> Plan:
    change = Change(Address(kind, "a"), "update", PLACE, id="acc_1", **more)  # type: ignore[arg-type]
    return Plan(WorkspaceInfo("w", "u"), "now", "d", (change,))


def test_a_name_goes_with_the_field_that_it_comes_from() -> None:
    plan = one(name="Acme")
    assert redacted(plan, Redaction([rule("account.$name")])).changes[0].name == HIDDEN
    assert redacted(plan, Redaction([rule("account.$website"), rule("contact.$name")])).changes[0].name == "Acme"
    assert redacted(plan, Redaction([rule("*.TELEPHONE")])).changes[0].name == "Acme"


def test_names_of_linked_records_go_and_their_ids_and_addresses_stay() -> None:
    link = LinkChange("$account", ["Acme (acc_1)"], ["account.b"], ("account.b",), ("acc_1",), "config")
    plan = one("contact", relationships=(link,))
    (shown,) = redacted(plan, Redaction([rule("account.$name")])).changes[0].relationships
    assert (shown.before, shown.after, shown.remove) == ([f"{HIDDEN} (acc_1)"], ["account.b"], ("acc_1",))
    (whole,) = redacted(plan, Redaction([rule("contact.$account")])).changes[0].relationships
    assert (whole.before, whole.after, whole.add, whole.remove) == ([HIDDEN], [HIDDEN], (HIDDEN,), (HIDDEN,))


@pytest.mark.parametrize("email", ["kai@corp.example", "note.kai@corp.example"])
def test_a_members_email_is_an_email(email: str) -> None:
    link = LinkChange("$owner", None, email, ("mem_1",), (), "config")
    plan = one(relationships=(link,))
    for redaction in (Redaction([rule("*.EMAIL")]), Redaction(everything=True)):
        (shown,) = redacted(plan, redaction).changes[0].relationships
        assert (shown.after, shown.add) == (HIDDEN, ("mem_1",))


def test_what_is_empty_stays_empty_and_as_many_values_as_there_were() -> None:
    field = FieldChange("$website", "", "URL", None, ["https://a.example", "https://b.example"], [], [1, 2], "config")
    (shown,) = redacted(one(fields=(field,)), Redaction(everything=True)).changes[0].fields
    assert (shown.before, shown.after, shown.before_raw, shown.after_raw) == (None, [HIDDEN] * 2, [], [HIDDEN] * 2)


def test_a_short_value_is_not_told_by_what_is_missing_of_other_words() -> None:
    blocked = Blocked(
        Address("account", "x"), 'a match of "a" (and "a.b")', None, PLACE, (Quoted("account", "$name", "b"),)
    )
    plan = replace(one(), blocked=(blocked,))
    assert redacted(plan, Redaction(everything=True)).blocked[0].reason == f'a match of "a" (and "a.{HIDDEN}")'


def test_what_cel_says_of_a_failed_policy_is_hidden() -> None:
    """Its messages quote values: duration("Secret") names its input."""
    message = f"account.a at crm.yaml:3: no{FAILED}input: Secret)"
    plan = replace(one(), refusals=(Refusal("policy", "p", message),), warnings=(PlanWarning(f"policy q: {message}"),))
    hidden = redacted(plan, Redaction([rule("note")]))
    assert "Secret" not in text_of(hidden)
    assert "account.a at crm.yaml:3: no" in text_of(hidden)


def test_the_rules_hold_for_what_is_published_and_redact_for_text_too() -> None:
    plan = one(name="Acme")
    rules = [rule("account")]
    for format, name in (
        ("text", "Acme"),
        ("json", "Acme"),
        ("markdown", HIDDEN),
        ("html", HIDDEN),
        ("github", HIDDEN),
    ):
        assert shown_plan(plan, format, rules, hidden=False).changes[0].name == name
    assert shown_plan(plan, "text", [], hidden=True).changes[0].name == HIDDEN
    assert shown_plan(plan, "markdown", [], hidden=True).changes[0].name == HIDDEN


# ---------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("contact.$email", RedactRule("contact", "$email")),
        ("*.TELEPHONE", RedactRule(type="TELEPHONE")),
        ("note", RedactRule("note")),
        ("note.*", RedactRule("note")),
        ("account.code", RedactRule("account", "code")),
        ("object.project", RedactRule("object.project")),
        ("object.project.*", RedactRule("object.project")),
        ("object.project.budget", RedactRule("object.project", "budget")),
        ("list.members", RedactRule("list", "members")),
    ],
)
def test_forms_of_rules(text: str, found: RedactRule) -> None:
    assert rule(text) == found


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("contcat.$email", "did you mean `contact`?"),
        ("contact.$emial", "did you mean `$email`?"),
        ("task.$titel", "did you mean `$title`?"),
        ("*.TELEFONE", "did you mean `TELEPHONE`?"),
        ("*.$email", "did you mean `EMAIL`?"),
        ("*", "known"),
        ("", "known"),
        ("contacts", "did you mean `contact`?"),
    ],
)
def test_mistyped_rules_are_told_with_what_was_meant(text: str, hint: str) -> None:
    with pytest.raises(BadRuleError) as caught:
        rule(text)
    assert hint in caught.value.hint or hint in str(caught.value)


def test_types_are_those_of_the_values() -> None:
    assert set(TYPES) == VALUE_TYPES.keys()


# ---------------------------------------------------------------- the command line

_SETTINGS = "version: 1\nworkspaces: {sandbox: {sandbox: {rps: 0, seed: seed.yaml}}}\n"
_SEED = """records:
  accounts: [{fields: {$name: Twin Secret}}, {fields: {$name: Twin Secret}}, {fields: {$name: Solo Secret}}]
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lfsync.yaml").write_text(_SETTINGS)
    (tmp_path / "seed.yaml").write_text(_SEED)
    (tmp_path / "crm.yaml").write_text(
        "accounts:\n  twin: {fields: {$name: Twin Secret}}\n"
        "  solo: {fields: {$name: Solo Secret, $website: [https://secret.example]}}\n"
    )
    return tmp_path


def test_plan_and_show_hide_all_and_the_saved_plan_is_whole(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--redact", "-o", "p.json"]) == 3
    planned = capsys.readouterr().out
    assert run(["show", "p.json", "--redact"]) == 0
    assert capsys.readouterr().out == planned
    assert "ecret" not in planned
    assert "2 live records match $name" in planned
    assert "account.solo" in planned
    assert run(["show", "p.json"]) == 0
    assert "Twin Secret" in capsys.readouterr().out
    (blocked,) = json.loads((project / "p.json").read_text())["blocked"]
    assert blocked["quoted"] == [{"kind": "account", "key": "$name", "text": "Twin Secret"}] * 3


def test_redacted_json_is_an_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--redact", "--format", "json"]) == 1
    assert run(["show", "p.json", "--redact", "--format", "json"]) == 1


def test_a_rule_that_names_nothing_is_an_error_at_its_place(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "lfsync.yaml").write_text(f"{_SETTINGS}redact:\n  - note\n  - contact.$emial\n  - account.nothing\n")
    assert run(["validate"]) == 1
    assert "lfsync.yaml:5:5: `redact`: `contact.$emial`: contact has no `$emial`" in capsys.readouterr().err
    (project / "lfsync.yaml").write_text(f"{_SETTINGS}redact:\n  - note\n  - account.nothing\n")
    assert run(["validate"]) == 0
    assert run(["plan"]) == 1
    assert "lfsync.yaml:5:5: `redact`: account has no `nothing`" in capsys.readouterr().err
