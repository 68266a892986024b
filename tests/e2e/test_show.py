"""`show` of a saved plan: parts of it, its summary, its faces (design.md, 8 and 15; rules P3 and G2)."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from lfsync.cli import run
from lfsync.model import Address, Blocked, Change, Orphan, Place, Plan
from lfsync.planning import plan_file
from lfsync.planning.plan_part import part_of
from lfsync.planning.selection import Patterns
from tests.render.golden_plans import golden_plans

THIRTY = golden_plans()["thirty"]


def told(*arguments: str | Path, code: int = 0) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert run([str(each) for each in arguments]) == code, err.getvalue()
    return out.getvalue(), err.getvalue()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "thirty.plan.json"
    path.write_text(plan_file.dumps(THIRTY), "utf-8")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "lfsync.yaml").write_text("version: 1\nworkspaces: {prod: {}}\nredact: ['*.TEXT', task]\n")
    return tmp_path / "p"


def shown(plan: Plan, only: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> list[str]:
    part = part_of(plan, Patterns(only, exclude))
    addresses = [change.address for change in part.changes]
    addresses += [blocked.address for blocked in part.blocked]
    return sorted(map(str, addresses + [orphan.address for orphan in part.orphans]))


# ---------------------------------------------------------------- parts


def test_a_part_is_what_the_patterns_match() -> None:
    deals = [f"opportunity.deal-000{n}" for n in range(1, 7)]
    assert shown(THIRTY, ("opportunity.deal-*",)) == deals
    assert shown(THIRTY, ("opportunity",), ("opportunity.deal-*",)) == ["opportunity.hooli-renewal"]
    assert len(shown(THIRTY, ("file:data/branches.csv",))) == 7
    assert shown(THIRTY, ("file:./data/br*.csv",)) == shown(THIRTY, ("file:data/branches.csv",))
    assert shown(THIRTY, ("account.massive",)) == ["account.massive"]
    assert "task.spring-mailing" not in shown(THIRTY, (), ("task",))


def test_only_a_full_address_names_an_orphan_and_any_pattern_excludes_one() -> None:
    assert shown(THIRTY, ("note.*",)) == ["note.kick-off"]
    assert shown(THIRTY, ("note.old-minutes",)) == ["note.old-minutes"]
    assert "note.old-minutes" not in shown(THIRTY, (), ("note.o*",))


def test_what_a_change_waits_for_comes_along_but_around_what_is_left_out() -> None:
    a, b, c = (Change(Address("account", key), "create", Place("a.yaml", 1)) for key in "abc")
    plan = replace(
        THIRTY,
        changes=(a, replace(b, depends_on=(a.address,)), replace(c, depends_on=(b.address,))),
        blocked=(Blocked(Address("task", "t"), "why", None, Place("t.yaml", 1)),),
        orphans=(Orphan(Address("task", "o"), "tsk_1"),),
    )
    assert shown(plan, ("account.c",)) == ["account.a", "account.b", "account.c"]
    assert shown(plan, ("account.c",), ("account.b",)) == ["account.c"]
    assert part_of(plan, Patterns()) is plan


def test_why_apply_would_refuse_the_plan_holds_for_the_whole(saved: Path) -> None:
    out, err = told("show", saved, "--only", "note.kick-off")
    assert "Apply would refuse this: policy big-deals-need-owner" in out
    assert "Shown: 1 of 30 changes." in err
    assert "deal-0001" not in out


def test_a_pattern_that_nothing_in_the_plan_matches_is_an_error_with_the_nearest(saved: Path) -> None:
    _, err = told("show", saved, "--only", "account.initek", code=1)
    assert "--only account.initek: nothing in the plan matches it" in err
    assert "did you mean `account.initech`?" in err


# ---------------------------------------------------------------- faces


def test_summary_is_the_counts_and_what_needs_a_look(saved: Path) -> None:
    for face in ("text", "markdown"):
        out, _ = told("show", saved, "--summary", "--format", face)
        assert "task.spring-mailing" in out
        assert "account.company-0001  " not in out
        assert "opportunity.deal-0001" not in out
    _, err = told("show", saved, "--summary", "--format", "json", code=1)
    assert "programs are told the whole plan" in err


def test_json_of_a_part_is_a_plan_file(saved: Path) -> None:
    out, _ = told("show", saved, "--only", "opportunity", "--format", "json")
    assert len(plan_file.from_json(out).changes) == 7
    assert json.loads(out)["summary"]["update"] == 7


def test_a_part_that_lacks_what_it_waits_for_is_refused_by_apply_before_any_write(tmp_path: Path) -> None:
    (tmp_path / "lfsync.yaml").write_text("version: 1\nworkspaces: {s: {sandbox: {rps: 0}}}\n")
    (tmp_path / "crm.yaml").write_text(
        "accounts: {acme: {fields: {$name: Acme}}}\n"
        "lists: {l: {fields: {$name: L, $objectType: $account}, members: [acme]}}\n"
    )
    plan, part = tmp_path / "p.json", tmp_path / "part.json"
    told("-C", tmp_path, "plan", "-o", plan)
    part.write_text(told("show", plan, "--exclude", "account.acme", "--format", "json")[0])
    _, err = told("-C", tmp_path, "apply", part, "--yes", code=4)
    assert "list.l waits for account.acme, which is left out" in err
    part.write_text(told("show", plan, "--only", "account.acme", "--format", "json")[0])
    assert "1 created" in told("-C", tmp_path, "apply", part, "--yes")[0]
    assert "1 created" in told("-C", tmp_path, "apply", "--yes")[0]


def test_redact_holds_in_markdown_of_its_project_and_without_one_it_is_said(saved: Path, root: Path) -> None:
    out, err = told("-C", root, "show", saved, "--format", "markdown")
    assert "Spring mailing" not in out
    assert "`•••`" in out
    assert "warning" not in err
    out, err = told("-C", saved.parent, "show", saved, "--format", "markdown")
    assert "Spring mailing" in out
    assert "no project here, so no `redact:` holds" in err
    _, err = told("-C", saved.parent, "show", saved, "--format", "markdown", "--redact")
    assert "redact" not in err
    assert "Spring mailing" in told("-C", root, "show", saved)[0], "text is for who may read the workspace"


def test_a_comment_is_refused_outside_of_a_project(saved: Path) -> None:
    _, err = told("-C", saved.parent, "comment", saved, "--dry-run", code=1)
    assert "no project here" in err


# ---------------------------------------------------------------- annotations of mistakes


_WRONG = """
contacts:
  ada:
    fields: {$name: {firstName: Ada}, $email: [not-an-email-8417], $doNotContact: maybe}
accounts:
  acme: {fields: {$name: Acme, $website: [5]}}
"""


@pytest.mark.parametrize(
    ("rule", "hidden", "left"),
    [
        ("contact.$email", "not-an-email-8417", "maybe"),
        ("contact", "not-an-email-8417", "account.acme"),
        ("'*.EMAIL'", "not-an-email-8417", "account.acme"),
        ("note", "", "not-an-email-8417"),
    ],
)
def test_annotations_of_mistakes_quote_nothing_that_is_redacted(
    tmp_path: Path, rule: str, hidden: str, left: str
) -> None:
    (tmp_path / "lfsync.yaml").write_text(f"version: 1\nworkspaces: {{prod: {{}}}}\nredact: [{rule}]\n")
    (tmp_path / "crm.yaml").write_text(_WRONG)
    out, _ = told("-C", tmp_path, "validate", "--format", "github", code=1)
    assert left in out
    assert not hidden or hidden not in out
    assert out.count("::error") == told("-C", tmp_path, "validate", "--format", "json", code=1)[0].count('"message"')


def test_a_cell_of_a_row_is_not_quoted_where_anything_is_redacted(tmp_path: Path) -> None:
    """All cells of a row stand at one place, and a warning says of none which kind it is."""
    (tmp_path / "lfsync.yaml").write_text(
        "version: 1\nexclude: [c.csv]\nworkspaces: {prod: {}}\nredact: [contact.$email]\n"
    )
    (tmp_path / "c.csv").write_text("Id,Mail\n1,secret-8417\n")
    (tmp_path / "crm.yaml").write_text(
        "sources: [{kind: contact, file: c.csv, key: Id, fields: {$email: Mail, $name: {firstName: Id}}}]\n"
    )
    out, _ = told("-C", tmp_path, "validate", "--format", "github", code=1)
    assert "::error file=c.csv,line=2" in out
    assert "secret-8417" not in out


_WRONG_REFS = """
contacts:
  ada:
    fields: {$email: [ada@x.example], $name: {firstName: Ada}}
    match: {$email: nomail-8417}
    relationships: {$account: [{match: {$website: noweb-8417}}]}
tasks:
  call: {fields: {$title: Call, $status: TODO}, relationships: {$assignedTo: bos-8417@corp.example}}
lists:
  l: {fields: {$name: L, $objectType: $account}, members: {where: {$owner: bos-8417@corp.example}}}
"""
_BOSS = "{members: [{email: boss-8417@corp.example, first: B, last: C, role: admin}]}"


@pytest.mark.parametrize(
    ("rules", "hidden"),
    [
        ("contact.$email", ["nomail"]),
        ("account.$website", ["noweb"]),
        ("'*.EMAIL'", ["nomail", "bos-", "boss-"]),
        ("account", ["noweb"]),
    ],
)
def test_annotations_quote_nothing_of_what_refs_and_matches_lead_to(
    tmp_path: Path, rules: str, hidden: list[str]
) -> None:
    """A member who is not there is told with one who is: that e-mail is hidden as well."""
    (tmp_path / "lfsync.yaml").write_text(
        f"version: 1\nexclude: [seed.yaml]\nworkspaces: {{s: {{sandbox: {{seed: seed.yaml}}}}}}\nredact: [{rules}]\n"
    )
    (tmp_path / "seed.yaml").write_text(_BOSS)
    (tmp_path / "crm.yaml").write_text(_WRONG_REFS)
    said, _ = told("-C", tmp_path, "plan", "--format", "json", code=1)
    assert all(each in said for each in ("nomail", "noweb", "boss-"))
    out, _ = told("-C", tmp_path, "plan", "--format", "github", code=1)
    assert not [each for each in hidden if each in out], out
