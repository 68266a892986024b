"""Policies: what `when` sees, what `deny` and `warn` do, and that nothing gets around them (design.md, 15; rule G1)."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.e2e.rig import clean_environment
from tests.faults.town import SEED, Build, Town

_SEED = (
    SEED.replace(
        "      nickname: {type: TEXT, label: Nickname}\n",
        "      nickname: {type: TEXT, label: Nickname}\n"
        "      revenue: {type: CURRENCY, label: Revenue, currency: EUR}\n"
        "      staff: {type: NUMBER, label: Staff}\n"
        "      vip: {type: CHECKBOX, label: VIP}\n"
        "      tags: {type: MULTI_SELECT, label: Tags, options: [Solar, Wind]}\n",
    )
    + "  opportunity: {pipelines: {New business: [Open, Won]}}\n"
)
_LIVE = """\
records:
  accounts:
    - {ref: acme, fields: {$name: Acme, tier: Gold, revenue: 75000, staff: 12, vip: true, tags: [Solar]},
       relationships: {$owner: kai}}
    - {ref: birch, fields: {$name: Birch}}
"""
_ACME = "accounts: {acme: {fields: {$name: Acme, tier: Silver}}}\n"


def _deny(when: str, **more: Any) -> dict[str, Any]:
    return {"name": "rule", "when": when, "deny": "not like this", **more}


def _town(build: Build, *policies: dict[str, Any], crm: str = _ACME) -> Town:
    town = build(_LIVE, seed=_SEED)
    town.settings(policies=list(policies))
    town.write(crm)
    return town


def _hits(build: Build, when: str, crm: str = _ACME, *options: str) -> bool:
    plan = _town(build, _deny(when), crm=crm).plan(*options)
    found = [refusal for refusal in plan["refusals"] if refusal["kind"] == "policy"]
    assert all("failed" not in refusal["message"] for refusal in found), found
    return bool(found)


# ---------------------------------------------------------------- what an expression sees


@pytest.mark.parametrize(
    "when",
    [
        "change.action == 'update' && change.kind == 'account' && change.key == 'acme'",
        "change.address == 'account.acme' && change.adopted && 'tier' in change.fields",
        "before.tier == 'Gold' && after.tier == 'Silver'",
        "before['revenue'] == 75000.0 && after.revenue > 74999.5 && after.revenue < 75001.0",
        "after.staff * 1.5 == 18.0",
        "after.vip == true && before.tags == ['Solar']",
        "before.nickname == null && after['nickname'] == null",
        "links['$owner'] == ['kai@corp.example'] && links['$owner'].size() == 1",
        "links['$contact'] == [] && links.parent.size() == 0",
        "record.name == 'Acme' && record.id.startsWith('acc_') || record.name == 'Acme' && record.id != ''",
        "now > timestamp('2020-01-01T00:00:00Z') && now.getFullYear() >= 2020",
    ],
)
def test_an_update_is_seen_whole(build: Build, when: str) -> None:
    """Rule G1: every defined field as people read it, undeclared ones too; absent is null; numbers are doubles."""
    assert _hits(build, when)


@pytest.mark.parametrize(
    "when",
    [
        "change.action == 'create' && record.id == null && record.link == null",
        "before['$name'] == null && before.tier == null && before.vip == null",
        "after['$name'] == 'New' && after.tier == 'Gold' && after.nickname == null",
        "links['$owner'] == ['kai@corp.example'] && links['$contact'] == []",
    ],
)
def test_a_create_has_nothing_before(build: Build, when: str) -> None:
    """Rule G1: all null for a create's `before`."""
    crm = "accounts: {new: {fields: {$name: New, tier: Gold}, relationships: {$owner: kai@corp.example}}}\n"
    assert _hits(build, when, crm)


@pytest.mark.parametrize(
    "when", ["change.action == 'delete' && before['$name'] == 'Birch'", "after['$name'] == null && after.tier == null"]
)
def test_a_delete_has_nothing_after(build: Build, when: str) -> None:
    """Rule G1: all null for a delete's `after`."""
    crm = "accounts: {birch: {fields: {$name: Birch}, lifecycle: {absent: true}}}\n"
    assert _hits(build, when, crm, "--prune")


def test_links_are_those_of_after_the_change(build: Build) -> None:
    """The sample of design.md, section 15: an owner that this very plan sets counts."""
    crm = "accounts: {birch: {fields: {$name: Birch}, relationships: {$owner: kai@corp.example}}}\n"
    assert not _hits(build, "links['$owner'].size() == 0", crm)


def test_a_policy_is_about_its_kinds_only(build: Build) -> None:
    crm = _ACME + "contacts: {ada: {fields: {$name: {firstName: Ada, lastName: Lind}, $email: [ada@acme.example]}}}\n"
    town = _town(build, _deny("true", on="contact"), _deny("true", name="two", on=["task", "account"]), crm=crm)
    found = {refusal["name"]: refusal["addresses"] for refusal in town.plan()["refusals"]}
    assert found == {"rule": ["contact.ada"], "two": ["account.acme"]}


# ---------------------------------------------------------------- what it does


def test_apply_refuses_and_writes_nothing(build: Build) -> None:
    """Design.md, 15: 4, naming policy, address and place; no flag overrides it."""
    town = _town(build, _deny("after.tier == 'Silver'"))
    town.forget()
    said = town.apply("--allow-large", expect=4)
    assert "rule" in said.err
    assert "account.acme at crm.yaml:1:12" in said.err
    assert "not like this" in said.err
    assert town.writes() == []


def test_a_plan_tells_and_exits_as_ever(build: Build) -> None:
    """Design.md, 15: exits 0, 2 or 3 all the same."""
    town = _town(build, _deny("after.tier == 'Silver'"))
    said = town.lfsync("plan", "--detailed-exitcode")
    assert said.code == 2
    assert "Apply would refuse this: policy rule: account.acme at crm.yaml:1:12: not like this" in said.out


def test_warn_only_tells(build: Build) -> None:
    town = _town(build, {"name": "rule", "when": "after.tier == 'Silver'", "warn": "look twice"})
    assert [warning for warning in town.plan()["warnings"] if "look twice" in warning["message"]]
    town.apply()


def test_a_saved_plan_meets_the_policies_of_today(build: Build) -> None:
    """Rule G1: every apply, PLAN included, evaluates today's policies."""
    town = _town(build)
    saved = town.root / "saved.json"
    assert town.lfsync("plan", "-o", str(saved)).code == 0
    town.settings(policies=[_deny("after.tier == 'Silver'")])
    assert "not like this" in town.apply(str(saved), expect=4).err
    town.settings(policies=[])
    town.apply(str(saved))


def test_undo_only_warns(build: Build) -> None:
    """Rule G1."""
    town = _town(build)
    town.apply()
    town.settings(policies=[_deny("after.tier == 'Gold'")])
    said = town.lfsync("undo", "--yes")
    assert said.code == 0, said
    assert "not like this" in said.out


@pytest.mark.parametrize(
    ("when", "named"),
    [("after['nope'] == null", "nope"), ("after.tier > 5", ""), ("after.tier", "neither true nor false")],
)
def test_an_expression_that_fails_is_a_hit(build: Build, when: str, named: str) -> None:
    """Rule G1: it counts as a hit and names the error."""
    said = _town(build, _deny(when)).apply(expect=4)
    assert "failed" in said.err
    assert named in said.err


def test_an_index_out_of_bounds_fails_alone(build: Build) -> None:
    """Rule G1: it is a hit of its own policy, and the others are asked all the same."""
    town = _town(build, _deny("after.tags[3] == 'Solar'"), _deny("false", name="two"))
    assert [refusal["name"] for refusal in town.plan()["refusals"]] == ["rule"]


def test_an_expression_without_end_in_sight_is_ended(build: Build) -> None:
    """Rule G1, issue: bounded evaluation. Five loops over each other would take a day."""
    loops = "".join(f"many.all(v{n}, " for n in range(5))
    many = f"[{','.join(['1'] * 400)}]"
    when = f"{loops.replace('many', many, 1).replace('many', many)}true{')' * 5}"
    if len(when) > 2_000:
        many = f"[{','.join(['1'] * 150)}]"
        when = f"{loops.replace('many', many)}true{')' * 5}"
    town = _town(build, _deny(when), {"name": "quick", "when": "true", "deny": "no"})
    said = town.apply(expect=4)
    assert "longer than" in said.err


# ---------------------------------------------------------------- mistakes


def test_mistakes_are_problems_at_their_place(build: Build) -> None:
    """Design.md, 15: `validate` checks the expressions; all at once, each with place and what to do."""
    town = build(_LIVE, seed=_SEED)
    town.write(
        "version: 1\n"
        "workspaces: {prod: {}}\n"
        "policies:\n"
        "  - {name: a, on: oportunity, when: 'true', deny: x}\n"
        "  - {name: b, when: 'after. == 1', deny: x}\n"
        "  - {name: c, when: 'true'}\n"
        "  - {name: d, when: 'true', deny: x, warn: y}\n"
        "  - {name: e, when: 'true', dney: x}\n"
        "  - {name: e, on: [account, object.project], when: 'true', deny: x}\n",
        "lfsync.yaml",
    )
    said = town.lfsync("validate")
    assert said.code == 1
    for place, what in {
        "4:15": "did you mean `opportunity`?",
        "5:15": "no CEL expression",
        "6:5": "one of `deny` and `warn`",
        "7:5": "one of `deny` and `warn`",
        "8:29": "did you mean `deny`?",
    }.items():
        told = said.err.partition(f"lfsync.yaml:{place}: ")[2]
        assert what in told.partition("lfsync.yaml:")[0], said.err


@pytest.mark.parametrize(
    ("when", "named"),
    [
        ("aftr.tier == 'Gold'", "did you mean `after`?"),
        ("change.action == 'delete' && envy == 1", "`envy`"),
        ("['a'].exists(x, x == y)", "`y`"),
    ],
)
def test_a_name_that_no_expression_can_ask_for_is_a_mistake(when: str, named: str, build: Build) -> None:
    """Design.md, 15: `validate` checks the expressions. It would hit every change, or wait for the first that asks."""
    said = _town(build, _deny(when)).lfsync("validate")
    assert said.code == 1
    assert named in said.err


@pytest.mark.parametrize(
    "when",
    [
        "links['$owner'].all(one, links['$owner'].exists( other , other != one))",
        "type(after['$name']) == string && change.fields.map(f, f != '', after[f]).size() > 1",
        "['a'].filter(x, x == 'a').exists_one(x, true) && now > timestamp('2020-01-01T00:00:00Z') && record == null",
    ],
)
def test_names_that_an_expression_makes_itself_are_none(when: str, build: Build) -> None:
    assert _town(build, _deny(when)).lfsync("validate").code == 0


def test_a_policy_on_no_kind_is_a_mistake(build: Build) -> None:
    """It would be asked about every kind."""
    said = _town(build, _deny("true") | {"on": []}).lfsync("validate")
    assert said.code == 1
    assert "`on` must name at least one" in said.err


def test_two_policies_of_one_name(build: Build) -> None:
    said = _town(build, _deny("true"), _deny("false")).lfsync("validate")
    assert said.code == 1
    assert "`rule` is there twice" in said.err


def test_without_the_extra_it_is_named(build: Build) -> None:
    """pip install lfsync, and a policy: the error names `lfsync[policy]`."""
    town = _town(build, _deny("true"))
    without = "import sys; sys.modules['cel'] = None; from lfsync.cli import main; main()"
    command = [sys.executable, "-c", without, "-C", str(town.root), "validate"]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "lfsync[policy]" in done.stderr


def test_the_schema_of_lfsync_yaml_knows_policies(build: Build) -> None:
    town = _town(build)
    schema = json.loads(town.lfsync("schema", "lfsync").out)
    one = {"version": 1, "workspaces": {"s": {}}}
    for good in ({"on": "account"}, {"on": ["account", "task"]}, {}):
        jsonschema.validate(one | {"policies": [_deny("true", **good)]}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(one | {"policies": [{"name": "x", "wen": "true", "deny": "y"}]}, schema)
