"""Typed preparation: what becomes of good resources, and every problem that needs the definitions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lfsync.errors import Problem
from lfsync.model import Address, Cell, Desired, FieldDef, Lifecycle, Place, Record, Resource, Value
from lfsync.planning.definitions import builtin_schema
from lfsync.planning.prepare import prepare
from lfsync.project.checks import check
from lfsync.values.pipelines import NEVER_SENT, live_value
from tests.values.workspace_samples import SCHEMA, links, place, project, resource

ACME = resource("account.acme", {"$name": "Acme"}, line=90)
ADA = resource("contact.ada", {"$email": ["ada@acme.example"]}, line=91)


def prepared(one: Resource, *others: Resource, complete: bool = True) -> Desired:
    schema = SCHEMA if complete else builtin_schema()
    desired, problems = prepare(project(one, *others), schema, complete=complete)
    assert problems == []
    return desired[one.address]


def problems_of(*resources: Resource, complete: bool = True) -> list[Problem]:
    schema = SCHEMA if complete else builtin_schema()
    return prepare(project(*resources), schema, complete=complete)[1]


# ---------------------------------------------------------------- good resources


def test_fields_are_typed() -> None:
    one = prepared(
        resource("account.a", {"$name": "A", "tier": "gold", "annualRevenue": Cell("12.5"), "tags": ["Red", "Blue"]})
    )
    found = {key: (field.sent, field.canonical) for key, field in one.fields.items()}
    assert found == {
        "$name": ("A", "A"),
        "tier": ("opt_gold", "opt_gold"),
        "annualRevenue": (12.5, 12.5),
        "tags": (["opt_red", "opt_blue"], ["opt_blue", "opt_red"]),
    }
    assert one.fields["tier"].declared == "gold"
    assert one.fields["tier"].place == place(5)


def test_options_are_remembered_but_not_their_places() -> None:
    first = resource("account.a", {"$name": "A", "tier": "Gold"})
    second = resource("account.b", {"$name": "B", "tier": "Gold"})
    elsewhere = second.fields["tier"]._replace(place=place(66))
    second = replace(second, fields={**second.fields, "tier": elsewhere})
    desired, _ = prepare(project(first, second), SCHEMA)
    places = [one.fields["tier"].place for one in desired.values()]
    assert places == [place(5), place(66)]


def test_coordinates_are_compared_only_if_named_rule_c7() -> None:
    one = prepared(resource("account.a", {"$name": "A", "$primaryAddress": {"city": "Kiel"}}))
    assert one.fields["$primaryAddress"].canonical == {"city": "Kiel"}


def test_refs_in_their_order() -> None:
    account = {"$account": "acme", "$champion": "con_live", "$owner": "KAI@corp.example", "$createdBy": "mem_lin"}
    one = prepared(resource("opportunity.o", {"$name": "O"}, account), ACME)
    targets = {key: link.include[0] for key, link in one.links.items()}
    assert targets["$account"].address == Address("account", "acme")
    assert targets["$champion"].id == "con_live"
    assert targets["$owner"].id == "mem_kai"
    assert targets["$createdBy"].id == "mem_lin"


def test_a_key_of_this_project_wins_over_an_id() -> None:
    like_an_id = resource("account.acc_1", {"$name": "A"}, line=9)
    one = prepared(resource("task.t", {"$title": "T"}, {"$account": "acc_1"}), like_an_id)
    assert one.links["$account"].include[0].address == Address("account", "acc_1")


def test_a_ref_by_match_may_hold_refs() -> None:
    wanted = {"match": {"$name": "Ren", "$account": ["acme", {"match": {"$website": "https://x.example"}}]}}
    one = prepared(resource("task.t", {"$title": "T"}, {"$opportunity": wanted}), ACME)
    query = one.links["$opportunity"].include[0].query
    assert query is not None
    assert query.kind == "opportunity"
    account, name = query.terms  # sorted: the order of a file means nothing
    assert name.sent == "Ren"
    assert account.targets[0].address == Address("account", "acme")
    inner = account.targets[1].query
    assert inner is not None
    assert inner.terms[0].sent == ["https://x.example"]


@pytest.mark.parametrize(
    ("declared", "exact", "include"),
    [
        (["acme", "acc_1", "acme"], True, 2),
        ([], True, 0),
        (None, True, 0),
        ("acme", True, 1),
        ({"include": ["acme"]}, False, 1),
        ({"exclude": ["acme"]}, False, 0),
    ],
)
def test_has_many(declared: Any, exact: bool, include: int) -> None:
    link = prepared(resource("note.n", {"$title": "N"}, {"$account": declared}), ACME).links["$account"]
    assert (link.exact, len(link.include)) == (exact, include)


@pytest.mark.parametrize("declared", ["acme", ["acme"], None, []])
def test_has_one(declared: Any) -> None:
    link = prepared(resource("task.t", {"$title": "N"}, {"$account": declared}), ACME).links["$account"]
    assert link.exact
    assert len(link.include) == (1 if declared else 0)


def test_members_are_of_the_kind_that_the_list_names() -> None:
    fields = {"$name": "L", "$objectType": "account"}
    one = prepared(resource("list.l", fields, members=["acme", "acc_2"]), ACME)
    assert one.fields["$objectType"].sent == "$account"
    assert one.members is not None
    assert one.members.definition.key == "$accounts"
    assert [target.address or target.id for target in one.members.include] == ["acc_2", Address("account", "acme")]


def test_stage_by_label_within_its_pipeline() -> None:
    fields = {"$name": "O", "$stage": "qualified", "$pipeline": "renewals"}
    one = prepared(resource("opportunity.o", fields, {"$account": "acme"}), ACME)
    assert one.fields["$stage"].sent == "pd_ren_qualified"
    assert one.fields["$pipeline"].sent == "pd_ren"
    assert len(one.fields["$stage"].definition.options) == 3
    assert "$pipeline" in NEVER_SENT


def test_a_label_that_one_pipeline_has_needs_no_pipeline() -> None:
    one = prepared(resource("opportunity.o", {"$name": "O", "$stage": "Won"}, {"$account": "acme"}), ACME)
    assert one.fields["$stage"].sent == "pd_new_won"


def test_an_ignored_stage_takes_its_pipeline_along() -> None:
    fields = {"$name": "O", "$stage": "Won", "$pipeline": "pd_new"}
    one = prepared(resource("opportunity.o", fields, {"$account": "acme"}, ignore=("$stage",)), ACME)
    assert one.ignore_changes == {"$stage", "$pipeline"}


def test_no_pipeline_is_no_declaration() -> None:
    fields = {"$name": "O", "$stage": "Won", "$pipeline": None}
    one = prepared(resource("opportunity.o", fields, {"$account": "acme"}), ACME)
    assert "$pipeline" not in one.fields


def test_ignored_keys_of_a_default_need_not_be_declared() -> None:
    one = prepared(resource("account.a", {"$name": "A"}, ignore=("tier",), ignore_in="lfsync.yaml"))
    assert one.ignore_changes == {"tier"}


# ---------------------------------------------------------------- match


def terms_of(one: Resource, *others: Resource) -> list[tuple[str, object]]:
    query = prepared(one, *others).query
    assert query is not None
    shown: list[tuple[str, object]] = []
    for term in query.terms:
        targets = [str(target.address or target.id) for target in term.targets]
        shown.append((term.key, "empty" if term.empty else targets or term.sent))
    return shown


def test_default_match_with_what_must_be_empty_rule_i2() -> None:
    assert terms_of(resource("task.t", {"$title": "T"})) == [("$title", "T"), ("$account", "empty")]
    assert terms_of(resource("task.t", {"$title": "T"}, {"$account": None})) == [("$title", "T"), ("$account", "empty")]
    declared = terms_of(resource("task.t", {"$title": "T"}, {"$account": "acme"}), ACME)
    assert declared == [("$title", "T"), ("$account", ["account.acme"])]
    assert terms_of(resource("list.l", {"$name": "L", "$objectType": "contact"})) == [
        ("$name", "L"),
        ("$objectType", "$contact"),
    ]


def test_default_match_of_a_contact() -> None:
    name = {"firstName": "Ada", "lastName": "Lind"}
    assert terms_of(resource("contact.c", {"$name": name, "$email": ["a@x.io"]})) == [("$email", ["a@x.io"])]
    assert terms_of(resource("contact.c", {"$name": name, "$email": []})) == [("$name", name)]


def test_match_by_own_keys_and_by_other_values() -> None:
    fields = {"$name": "A", "$website": ["https://a.example"]}
    assert terms_of(resource("account.a", fields, by=["$website"])) == [("$website", ["https://a.example"])]
    assert terms_of(resource("account.a", fields, by={"$name": "Old"})) == [("$name", "Old")]
    by_owner = terms_of(resource("account.a", fields, {"$owner": "mem_kai"}, by=["$name", "$owner"]))
    assert by_owner == [("$name", "A"), ("$owner", ["mem_kai"])]


def test_no_match_where_none_is_possible() -> None:
    assert prepared(resource("account.a", {"tier": "Gold"}, id="acc_1")).query is None


# ---------------------------------------------------------------- problems


def account(**fields: Any) -> Resource:
    return resource("account.a", {"$name": "A", **fields})


def opportunity(fields: dict[str, Any], **relationships: Any) -> Resource:
    return resource("opportunity.o", {"$name": "O", **fields}, {"$account": "acme", **relationships})


def task(**relationships: Any) -> Resource:
    return resource("task.t", {"$title": "T"}, {key.replace("S_", "$"): value for key, value in relationships.items()})


LIST = {"$name": "L", "$objectType": "$account"}
PROBLEMS: list[tuple[str, Resource, int, str, str]] = [
    ("unknown field", account(teir="Gold"), 5, "account has no field `teir`", "did you mean `tier`?"),
    ("by label", account(**{"support-tier": "Gold"}), 5, "no field `support-tier`", "did you mean `tier`?"),
    ("relationship as field", account(parent="x"), 5, "no field `parent`", "below `relationships`"),
    ("read-only field", account(score=5), 5, "`score` can't be written", "Lightfield sets it"),
    ("wrong type", account(annualRevenue="a lot"), 5, "`annualRevenue`: `a lot` is no number", "75000"),
    ("bad date", account(renewalDate="2027-02-30"), 5, "`renewalDate`: `2027-02-30` is no date", "2027-03-01"),
    ("unknown option", account(tier="Golf"), 5, "`Golf` is no option of `tier`", "one of `Gold`, `Silver`"),
    ("unknown type", account(odd="x"), 5, "`odd` is a HOLOGRAM", "take the field out"),
    ("no options", opportunity({"$stage": "Lost", "$pipeline": "pd_ren"}), 5, "`Lost` is no option", "`Qualified`"),
    ("ambiguous stage", opportunity({"$stage": "Qualified"}), 5, "label of 2 options", "add `$pipeline` to say which"),
    ("its candidates", opportunity({"$stage": "Qualified"}), 5, "", "pd_ren_qualified in `Renewals`"),
    ("stage elsewhere", opportunity({"$stage": "pd_new_won", "$pipeline": "pd_ren"}), 5, "is no option", "Qualified"),
    ("unknown pipeline", opportunity({"$stage": "Won", "$pipeline": "Old"}), 5, "`Old` is no option", "`Renewals`"),
    ("pipeline alone", opportunity({"$pipeline": "pd_ren"}), 5, "`$pipeline` without `$stage`", "add `$stage`"),
    ("and no stage", opportunity({"$pipeline": "pd_ren", "$stage": None}), 5, "without `$stage`", "add `$stage`"),
    ("unknown relationship", task(S_acount="acme"), 6, "task has no relationship `$acount`", "`$account`"),
    ("field as relationship", task(S_title="x"), 6, "no relationship `$title`", "below `fields`"),
    ("several for one", task(S_account=["acme", "acc_2"]), 6, "`$account` holds one account, and 2", "or null"),
    ("partial for one", task(S_account={"include": ["acme"]}), 6, "nothing to include", "or null"),
    ("unknown member", task(S_assignedTo="kia@corp.example"), 7, "no member `kia@corp", "`kai@corp.example`"),
    ("unknown member id", task(S_assignedTo="mem_x"), 7, "no member `mem_x`", "kai@corp.example"),
    ("member by match", task(S_assignedTo={"match": {"$email": "x"}}), 7, "not found by a match", "e-mail or id"),
    ("unknown key in a match", task(S_account={"match": {"nmae": "x"}}), 7, "account has no field `nmae`", ""),
    ("empty value in a match", task(S_account={"match": {"$name": ""}}), 7, "`$name` is empty", "take it out"),
    ("bad value in a match", task(S_account={"match": {"tier": "x"}}), 7, "`x` is no option of `tier`", "Gold"),
    ("ref in a match", task(S_opportunity={"match": {"$account": "no"}}), 7, "no account `no`", "declare it"),
    ("foreign id", resource("account.a", {"$name": "A"}, {"buddy": "acc_9"}), 7, "`acc_9` is the id of an account", ""),
    (
        "foreign key",
        resource("account.a", {"$name": "A"}, {"buddy": "acme"}),
        7,
        "`acme` is the name of an account",
        "",
    ),
    ("member for contact", resource("account.a", {"$name": "A"}, {"buddy": "kai@corp.example"}), 7, "a member", ""),
    ("ref to nothing", resource("account.a", {"$name": "A"}, {"buddy": "adaa"}), 7, "no contact `adaa`", "`ada`"),
    ("member of a list", resource("list.l", LIST, members=["ada"]), 7, "`ada` is the name of a contact", ""),
    ("wrong id", resource("account.a", {"$name": "A"}, id="con_1"), 2, "`con_1` is the id of a contact", ""),
    ("empty key in match", account(tier=None), 0, "", ""),
    ("ignored", resource("account.a", {"$name": "A"}, ignore=("tierr",)), 4, "`tierr`, which no account has", "`tier`"),
    (
        "no parts of a name",
        resource("contact.c", {"$name": {"firstName": ""}}),
        5,
        "nothing is left to match",
        "`match`",
    ),
    ("blank name", resource("account.a", {"$name": "  "}), 5, "nothing is left to match", "give it a text"),
    (
        "empty part of a match",
        resource("account.a", {"$name": "A", "$website": []}, by=["$name", "$website"]),
        3,
        "`match` names `$website`, which is empty",
        "take it out",
    ),
    ("unknown field of a list", resource("list.l", {**LIST, "tier": "x"}), 5, "list has no field `tier`", ""),
]


@pytest.mark.parametrize(("one", "line", "message", "hint"), [p[1:] for p in PROBLEMS], ids=[p[0] for p in PROBLEMS])
def test_problem_is_reported_once_at_its_place(one: Resource, line: int, message: str, hint: str) -> None:
    found = problems_of(one, ACME, ADA)
    if not line:
        assert found == []
        return
    (problem,) = found
    assert problem.place == place(line)
    assert problem.address == str(one.address)
    assert message in problem.message
    assert hint in (problem.hint or "")


ELSEWHERE: list[tuple[str, Resource]] = [
    ("ref to nothing", task(S_account="nope")),
    ("ref to the wrong kind", task(S_account="ada")),
    ("id of the wrong kind", task(S_account="con_1")),
    ("read-only system field", account(**{"$accountStatus": "x"})),
    ("read-only system relationship", resource("account.a", {"$name": "A"}, {"$task": ["tsk_1"]})),
    ("no match", resource("task.t", {"$status": "TODO"})),
    ("empty match", resource("task.t", {"$title": ""})),
    ("match names what is not declared", resource("account.a", {"$name": "A"}, by=["tier"])),
    ("no object type", resource("list.l", {"$name": "L"}, members=["acme"])),
    ("named twice", resource("list.l", LIST, members=["acme", "acme"])),
]


@pytest.mark.parametrize("one", [case[1] for case in ELSEWHERE], ids=[case[0] for case in ELSEWHERE])
def test_what_the_files_alone_tell_is_left_to_the_checks(one: Resource) -> None:
    assert problems_of(one, ACME, ADA) == []
    assert len(check(project(one, ACME, ADA))) == 1


@pytest.mark.parametrize(
    "one", [case[1] for case in PROBLEMS if case[2]], ids=[case[0] for case in PROBLEMS if case[2]]
)
def test_the_checks_leave_these_problems_to_preparation(one: Resource) -> None:
    assert check(project(one, ACME, ADA)) == []


def test_a_problem_of_a_default_is_named_once() -> None:
    owner = links("nobody@corp.example")
    both = [resource(f"account.{key}", {"$name": key}) for key in "ab"]
    (problem,) = problems_of(*(replace(one, relationships={"$owner": owner}) for one in both))
    assert "no member" in problem.message


def test_all_problems_at_once() -> None:
    one = resource("account.a", {"$name": 5, "teir": 1, "score": 2}, {"nobody": "x", "$owner": "y@z"}, id="con_1")
    assert len(problems_of(one, ADA)) == 6


def test_a_bad_pipeline_is_one_problem_not_two() -> None:
    assert len(problems_of(opportunity({"$stage": "Nope", "$pipeline": "Old"}), ACME)) == 1


@pytest.mark.parametrize(
    ("first", "second", "keys"),
    [
        (resource("account.a", {"$name": "Twin "}), resource("account.b", {"$name": "Twin"}), "`$name`"),
        (
            resource("contact.a", {"$email": ["x@y.io", "a@b.io"]}),
            resource("contact.b", {"$email": ["A@B.io"]}),
            "`$email`",
        ),
        (
            resource("task.a", {"$title": "T"}, {"$account": "acme"}),
            resource("task.b", {"$title": "T"}, {"$account": "acme"}),
            "`$title`, `$account`",
        ),
        (resource("task.a", {"$title": "T"}), resource("task.b", {"$title": "T"}), "`$title`, `$account`"),
        (
            resource("account.a", {"$name": "A"}, by={"$website": "x.example"}),
            resource("account.b", {"$name": "B"}, by={"$website": "https://X.example/"}),
            "`$website`",
        ),
        (
            resource("task.a", {"$title": "T"}, {"$account": {"match": {"$name": "Q"}}}),
            resource("task.b", {"$title": "T"}, {"$account": {"match": {"$name": "Q"}}}),
            "`$title`, `$account`",
        ),
    ],
)
def test_two_resources_that_would_find_one_record_rule_c10(first: Resource, second: Resource, keys: str) -> None:
    first = replace(first, place=Place("other.yaml", 12, 3))
    for complete in (True, False):
        (problem,) = problems_of(first, second, ACME, complete=complete)
        assert problem.place == second.place
        assert problem.address == str(second.address)
        assert keys in problem.message
        assert f"{first.address} at other.yaml:12:3" in problem.message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (resource("account.a", {"$name": "A"}), resource("account.b", {"$name": "a"})),
        (resource("account.a", {"$name": "A"}), resource("account.b", {"$name": "A"}, id="acc_1")),
        (resource("account.x", {"$name": "A"}), resource("list.x", {"$name": "A", "$objectType": "account"})),
        (
            resource("list.a", {"$name": "L", "$objectType": "account"}),
            resource("list.b", {"$name": "L", "$objectType": "contact"}),
        ),
        (resource("task.a", {"$title": "T"}, {"$account": "acme"}), resource("task.b", {"$title": "T"})),
        (
            resource("note.a", {"$title": "T"}, {"$account": ["acme"]}),
            resource("note.b", {"$title": "T"}, {"$account": ["acc_2"]}),
        ),
    ],
)
def test_resources_that_a_match_tells_apart(first: Resource, second: Resource) -> None:
    assert problems_of(first, second, ACME) == []


def a_list(address: str, line: int, **fields: Any) -> Resource:
    named = {"$name": address, "$objectType": "$account"} | {f"${key}": value for key, value in fields.items()}
    return resource(address, named, line=line)


@pytest.mark.parametrize("complete", [True, False])
def test_what_one_list_of_a_workspace_is_two_cannot_be(complete: bool) -> None:
    """API sheet 4.7: one `target` list, of accounts or contacts. A list that leaves the key alone has no part in it."""
    first, second = a_list("list.a", 10, kind="target"), a_list("list.b", 20, kind="Target")
    (problem,) = problems_of(first, second, complete=complete)
    assert (problem.address, problem.message) == ("list.b", "`$kind: target` is list.a's, at crm.yaml:5:3")
    assert problems_of(first, a_list("list.b", 20, kind=None), complete=complete) == []
    for lifecycle in (Lifecycle(seed=True), Lifecycle(absent=True), Lifecycle((Value("$kind", place(1)),))):
        assert problems_of(first, replace(second, lifecycle=lifecycle), complete=complete) == []


@pytest.mark.parametrize("complete", [True, False])
def test_a_target_list_holds_no_opportunities(complete: bool) -> None:
    """API sheet 4.7. It is told once, though another list is one."""
    wrong = a_list("list.b", 20, objectType="$opportunity", kind="target")
    (problem,) = problems_of(a_list("list.a", 10, kind="target"), wrong, complete=complete)
    assert problem.message == "`$kind` can't be `target` where `$objectType` is `$opportunity`"
    assert problem.hint == "only with `$account` or `$contact`"


@pytest.mark.parametrize("complete", [True, False])
def test_the_name_of_a_list_is_never_cleared(complete: bool) -> None:
    """API sheet 4.7: an update takes a string, not null."""
    one = replace(a_list("list.a", 10, name=None), id=Value("lst_1", place(11)))
    (problem,) = problems_of(one, complete=complete)
    assert problem.message == "`$name` can't be empty: no list is without"


# ---------------------------------------------------------------- without a workspace


@pytest.mark.parametrize(
    "one",
    [
        account(teir="Gold", tier="?", parent=5),
        account(**{"$headcount": "1-10", "$industry": ["x"]}),
        resource("account.a", {"$name": "A"}, {"anything": "x", "$owner": "nobody@corp.example"}),
        resource("account.a", {"$name": "A"}, {"$owner": "mem_unseen"}),
        opportunity({"$stage": "Lost", "$pipeline": "Old", "$nextStep": "x"}),
        resource("account.a", {"$name": "A", "tier": "x"}, by=["tier"]),
        resource("account.a", {"$name": "A"}, by={"tier": "x"}),
        task(S_account="acc_unseen"),
    ],
)
def test_what_only_the_workspace_knows_is_passed_over(one: Resource) -> None:
    assert problems_of(one, ACME, ADA, complete=False) == []


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (account(**{"$name": 5}), "no text"),
        (resource("task.t", {"$title": "T", "$dueAt": "soon"}), "no date"),
        (resource("task.t", {"$title": "T", "$status": "DONE"}), "no value"),
        (resource("task.t", {"$title": "T", "$tilte": "x"}), "no field `$tilte`"),
        (task(S_assignedTo="kai"), "neither the e-mail nor the id"),
        (resource("list.l", LIST, members=["nope"]), "no account `nope`"),
        (opportunity({"$pipeline": "pd_ren"}), "without `$stage`"),
    ],
)
def test_what_is_documented_is_checked_without_a_workspace(one: Resource, message: str) -> None:
    (problem,) = problems_of(one, ACME, complete=False)
    assert message in problem.message


# ---------------------------------------------------------------- live


def test_the_live_pipeline_is_the_stages_rule_i8() -> None:
    definitions = SCHEMA.kinds["opportunity"]
    pipeline: FieldDef = definitions.fields["$pipeline"]

    def live(**fields: str | None) -> object:
        values = {f"${key}": value for key, value in fields.items()}
        record = Record("opportunity", "opp_1", "2026-01-01T00:00:00.000Z", None, values, {})
        return live_value(record, pipeline, definitions)

    assert live(stage="pd_ren_qualified") == "pd_ren"
    assert live(stage="pd_ren_qualified", pipeline="pd_new") == "pd_ren"
    assert live(stage=None, pipeline="pd_new") == "pd_new"
    assert live(stage="opt_archived") is None
    assert live() is None


def test_other_live_values_are_as_they_are() -> None:
    definitions = SCHEMA.kinds["account"]
    record = Record("account", "acc_1", "", None, {"tier": "opt_gold"}, {})
    assert live_value(record, definitions.fields["tier"], definitions) == "opt_gold"
    assert live_value(record, definitions.fields["tags"], definitions) is None
