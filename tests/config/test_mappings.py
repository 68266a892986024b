"""Mistakes of a mapping are found whether its cells are filled or not, once, at their place (rule C15)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lfsync.commands.project import check_offline
from lfsync.errors import ConfigError
from lfsync.planning.prepare import prepare
from tests.config.config_samples import load
from tests.config.test_sources import fields, rows
from tests.values.workspace_samples import SCHEMA

EMPTY = "Id,Name,X\n1,A,\n2,B,\n"
FULL = "Id,Name,X\n1,A,x\n2,B,y\n"


def online(root: Path, files: dict[str, str]) -> list[str]:
    """What the files and the workspace's definitions have to say, each problem on one line."""
    project = load(root, files)
    _, problems = prepare(project.resources, SCHEMA, mappings=project.mappings)
    return [str(problem).replace("\n    ", " -- ") for problem in (*project.problems, *problems)]


def source(more: str, kind: str = "account") -> str:
    return f"sources:\n  - kind: {kind}\n    file: r.csv\n    key: Id\n{more}"


@pytest.mark.parametrize("table", [EMPTY, FULL, "Id,Name,X\n"])
@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("    fields: {$name: Name, teir: X}\n", "r.yaml:5:33: account.*: account has no field `teir` -- did you mean"),
        ("    fields: {$name: Name, tier: {value: Golf}}\n", "r.yaml:5:41: account.*: `tier`: `Golf` is no option"),
        (
            "    fields: {$name: Name, $website: {city: X}}\n",
            "r.yaml:5:37: account.*: `$website`: a mapping is no text",
        ),
        ("    fields: {$name: {column: Name, split: ;}}\n", "r.yaml:5:30: account.*: `$name`: a list is no text"),
        (
            "    fields: {$name: Name, $primaryAddress: {city: X, country: {value: Germany}}}\n",
            "r.yaml:5:44: account.*: `$primaryAddress`: country: `Germany` is no country code",
        ),
        (
            "    fields: {$name: Name, $primaryAddress: {firstName: X}}\n",
            "r.yaml:5:44: account.*: `$primaryAddress`: `firstName` is no part of it",
        ),
        (
            "    fields: {$name: Name}\n    relationships: {pearent: X}\n",
            "r.yaml:6:30: account.*: account has no relationship `pearent`",
        ),
        (
            "    fields: {$name: Name}\n    relationships: {$owner: {value: kay@corp.example}}\n",
            "r.yaml:6:37: account.*: `$owner`: no member `kay@corp.example`",
        ),
        (
            "    fields: {$name: Name}\n    match: {$nmae: Name}\n",
            "r.yaml:6:20: account.*: account has no field `$nmae`",
        ),
        (
            "    fields: {$name: Name}\n    match: [$nmae]\n",
            "r.yaml:6:13: account.*: `match` names `$nmae`, which is not declared here",
        ),
        (
            "    fields: {$name: Name}\n    match: {$name: Name, tier: {value: Golf}}\n",
            "r.yaml:6:40: account.*: `tier`: `Golf` is no option",
        ),
        (
            "    fields: {$name: Name}\n    lifecycle: {ignore_changes: [nmae]}\n",
            "r.yaml:6:34: account.*: `ignore_changes` names `nmae`",
        ),
        (
            "    fields: {$name: Name, $accountStatus: X}\n",
            "r.yaml:5:43: account.*: `$accountStatus` is written by Lightfield alone",
        ),
        (
            "    fields: {$name: Name}\n    relationships: {$task: X}\n",
            "r.yaml:6:28: account.*: `$task` of an account can't be set here",
        ),
    ],
)
def test_a_mistake_of_a_source(tmp_path: Path, table: str, more: str, says: str) -> None:
    other = "accounts: {solo: {fields: {$name: Solo}}}\n"
    found = online(tmp_path, {"r.yaml": source(more), "r.csv": table, "o.yaml": other})
    assert len(found) == 1, found
    assert found[0].startswith(says)


@pytest.mark.parametrize(
    ("defaults", "says"),
    [
        ("{task: {fields: {$titel: T}}}", "lfsync.yaml:3:37: task.*: task has no field `$titel`"),
        ("{account: {fields: {teir: Gold}}}", "lfsync.yaml:3:38: account.*: account has no field `teir`"),
        ("{account: {fields: {tier: Golf}}}", "lfsync.yaml:3:38: account.*: `tier`: `Golf` is no option"),
        ("{account: {relationships: {$contact: nobody}}}", "lfsync.yaml:3:49: account.*: `$contact`: there is no"),
        (
            "{account: {lifecycle: {ignore_changes: [nmae]}}}",
            "lfsync.yaml:3:52: account.*: `ignore_changes` names `nmae`",
        ),
    ],
)
def test_a_mistake_of_defaults_that_no_resource_shows(tmp_path: Path, defaults: str, says: str) -> None:
    settings = f"version: 1\nworkspaces: {{s: {{sandbox: }}}}\ndefaults:  {defaults}\n"
    own = "accounts: {a: {fields: {$name: A, tier: Gold}, relationships: {$contact: []}}}\n"
    found = online(tmp_path, {"lfsync.yaml": settings, "r.yaml": own})
    assert [problem[: len(says)] for problem in found] == [says]


def test_a_kind_that_was_not_asked_for_is_not_judged(tmp_path: Path) -> None:
    """A default of a kind whose definitions nobody fetched may well be a custom field."""
    settings = "version: 1\nworkspaces: {s: {sandbox: }}\ndefaults: {contact: {fields: {hobby: Chess}}}\n"
    project = load(tmp_path, {"lfsync.yaml": settings, "r.yaml": "accounts: {a: {fields: {$name: A}}}\n"})
    schema = replace(SCHEMA, kinds={"account": SCHEMA.kinds["account"]})
    assert prepare(project.resources, schema, mappings=project.mappings)[1] == []


def test_a_literal_stage_in_a_pipeline_of_each_row_is_no_mistake(tmp_path: Path) -> None:
    more = (
        "    fields: {$name: Name, $pipeline: X, $stage: {value: Won}}\n    relationships: {$account: {value: acc_1}}\n"
    )
    found = online(tmp_path, {"r.yaml": source(more, "opportunity"), "r.csv": EMPTY})
    assert not [problem for problem in found if "opportunity.*" in problem]


@pytest.mark.parametrize(
    "more",
    [
        "    fields: {$name: X, $website: [Name]}\n    match: [$name]\n",
        "    fields: {$website: [Name]}\n    match: {$name: X}\n",
        "    fields: {$name: Name}\n    match: {$name: Name, $website: X}\n",
        "    fields: {$name: {column: X, empty: null}}\n    match: [$name]\n",
        "    fields: {$name: Name}\n    relationships: {$contact: X}\n    match: [$name, $contact]\n",
    ],
)
def test_a_match_with_an_empty_cell_refuses_the_row(tmp_path: Path, more: str) -> None:
    found = load(tmp_path, {"r.yaml": source(more), "r.csv": "Id,Name,X\n1,a.example,\n"}).problems
    [problem] = [str(each) for each in found]
    assert problem.startswith("r.csv:2: account.1: `match` names `$")
    assert "empty in this row" in problem


def test_a_default_stands_in_for_an_empty_cell_of_a_match(tmp_path: Path) -> None:
    settings = "version: 1\nworkspaces: {s: {sandbox: }}\ndefaults: {account: {fields: {tier: Gold}}}\n"
    more = "    fields: {$name: Name, tier: X}\n    match: [$name, tier]\n"
    assert online(tmp_path, {"lfsync.yaml": settings, "r.yaml": source(more), "r.csv": EMPTY}) == []


def test_a_blank_match_in_yaml_is_an_error_at_its_place(tmp_path: Path) -> None:  # rule I2
    text = "accounts:\n  a: {match: {$name: '  '}, fields: {$name: A}}\n"
    assert online(tmp_path, {"r.yaml": text}) == [
        "r.yaml:2:22: account.a: `$name` is blank, and an empty value matches nothing -- take it out"
    ]


# ---------------------------------------------------------------- cells


@pytest.mark.parametrize("blank", [" ", "\t", "  ", "\u00a0"])
def test_a_quote_after_blanks_opens_a_quoted_cell(blank: str) -> None:
    built = rows(
        "    key: K\n    fields: {a: A, b: B}\n", f'{blank}"K",A,{blank}"B"\nk,{blank}"x, ""y"""{blank},{blank}"z\n1"\n'
    )
    assert not built.problems
    assert fields(built.resources[0]) == {"a": 'x, "y"', "b": "z\n1"}


def test_quotes_in_the_midst_of_a_cell_belong_to_it() -> None:
    built = rows("    key: K\n    fields: {a: A, b: B}\n", 'K,A,B\nk,5" pipe,the "big" one\n')
    assert fields(built.resources[0]) == {"a": '5" pipe', "b": 'the "big" one'}


@pytest.mark.parametrize(
    ("line", "says"),
    [('k,"x"y', "text behind the quote that closes a cell"), ('k,"x', "the quote that opens a cell is never closed")],
)
def test_broken_quotes(line: str, says: str) -> None:
    built = rows("    key: K\n    fields: {a: A}\n", f"K,A\n1,ok\n{line}\n")
    assert [(str(p.place), p.message) for p in built.problems] == [("r.csv:3", f"the row can't be read: {says}")]
    assert len(built.resources) == 1


def test_rows_behind_broken_quotes_are_read() -> None:  # rules C2, C16
    lines = 'K,A\r\n1,ok\r\n2,"12" pipe"\r\n"3\r\n3",""b"\r\n4,x,y\r\n5,"a\r\nb"\r\n6,"6" pipe\r\n7,"open\r\n8,x\r\n'
    built = rows("    key: K\n    fields: {a: A}\n", lines)
    closed = "the row can't be read: text behind the quote that closes a cell"
    assert [(p.place.line if p.place else 0, p.message) for p in built.problems] == [
        (3, closed),
        (4, closed),
        (6, "the row has 3 cells, more than the header's 2 columns"),
        (9, closed),
        (10, "the row can't be read: the quote that opens a cell is never closed"),
    ]
    assert [(each.address.key, each.place.line) for each in built.resources] == [("1", 2), ("5", 7)]


def test_broken_quotes_in_the_header() -> None:
    built = rows("    key: K\n    fields: {a: A}\n", 'K,"A"x\n1,ok\n')
    assert [str(p.place) for p in built.problems] == ["r.csv:1"]
    assert "text behind the quote" in built.problems[0].message


def test_a_list_without_columns(tmp_path: Path) -> None:  # rule C15
    files = {"r.yaml": source("    fields: {$name: Name, tier: []}\n"), "r.csv": "Id,Name\n1,A\n"}
    assert online(tmp_path, files) == [
        "r.yaml:5:33: a list without columns -- name the columns whose cells are put together"
    ]


def test_lines_within_quotes_are_counted() -> None:
    built = rows("    key: K\n    fields: {a: A}\n", 'K,A\r\n1,"a\r\nb\nc"\r\n2,x\r\n')
    assert [(r.address.key, r.place.line) for r in built.resources] == [("1", 2), ("2", 5)]
    assert fields(built.resources[0]) == {"a": "a\r\nb\nc"}


def test_a_pattern_searches_the_text_of_numbers() -> None:
    lines = '{"K": "a", "Y": 20131231}\n{"K": "b", "Y": ["x 1902", 1888, null]}\n{"K": "c", "Y": "in 1999"}\n'
    built = rows("    key: K\n    fields: {y: {column: Y, pattern: '(\\d{4})'}}\n", lines, "jsonl")
    assert [fields(resource) for resource in built.resources] == [{"y": "2013"}, {"y": ["1902", "1888"]}, {"y": "1999"}]


def test_what_is_cut_out_of_text_has_no_type_of_its_own(tmp_path: Path) -> None:  # rule C5
    more = "    fields: {$name: Name, annualRevenue: {column: X, pattern: '(\\d+) EUR'}}\n"
    text = source(more).replace("r.csv", "r.jsonl")
    assert online(tmp_path, {"r.yaml": text, "r.jsonl": '{"Id": 1, "Name": "A", "X": "12 EUR"}\n'}) == []


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_rows_in_an_encoding_that_a_mark_names(tmp_path: Path, codec: str) -> None:
    files = {"r.yaml": source("    fields: {$name: Name}\n").encode(), "r.csv": "Id,Name\n1,Müller\n".encode(codec)}
    project = load(tmp_path, files)
    check_offline(project)
    [resource] = project.resources.values()
    assert resource.fields["$name"].data == "Müller"


# ---------------------------------------------------------------- where a state may lie


@pytest.mark.parametrize(
    "state",
    [
        *("s3://bucket/prod.jsonl", "gs://my.bucket/a/b/prod.jsonl", "az://container/prod.jsonl"),
        *("s3://b-1_2/..prod/x", "s3://bucket/ü/prod.jsonl"),
    ],
)
def test_a_state_may_lie_elsewhere(tmp_path: Path, state: str) -> None:
    text = f"version: 1\nworkspaces: {{s: {{state: '{state}'}}}}\n"
    check_offline(load(tmp_path, {"lfsync.yaml": text, "crm.yaml": "accounts: {a: {fields: {$name: A}}}\n"}))


@pytest.mark.parametrize(
    "state",
    [
        *("s3://bucket", "s3://bucket/", "s3:///prod.jsonl", "http://bucket/prod.jsonl", "S3://bucket/prod.jsonl"),
        *("s3://key:secret@bucket/prod.jsonl", "s3://bucket/prod.jsonl?versionId=1", "s3://bucket/a#b", "file:///x"),
        *("s3://bucket/../prod.jsonl", "s3://bucket/a/./b", "s3://bucket/a//b", "s3://bucket/a b", "s3://bucket/a/.."),
    ],
)
def test_a_state_that_lies_nowhere(tmp_path: Path, state: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_offline(load(tmp_path, {"lfsync.yaml": f"version: 1\nworkspaces: {{s: {{state: '{state}'}}}}\n"}))
    (problem,) = caught.value.problems
    assert str(problem.place) == "lfsync.yaml:2:18"
    assert "s3://bucket/path/prod.jsonl" in (problem.hint or "")
    assert "secret" not in str(problem)


def test_a_sandbox_has_its_state_here(tmp_path: Path) -> None:
    line = "workspaces: {s: {sandbox: {}, state: 's3://bucket/prod.jsonl'}}"
    with pytest.raises(ConfigError) as caught:
        check_offline(load(tmp_path, {"lfsync.yaml": f"version: 1\n{line}\n"}))
    (problem,) = caught.value.problems
    assert str(problem.place) == "lfsync.yaml:2:31"
