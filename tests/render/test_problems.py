"""Problems as people read them: alike ones as one, and what they were checked against (rule C16)."""

from __future__ import annotations

from lfsync.errors import ConfigError, Problem
from lfsync.model import Place
from lfsync.render.terminal import problems_text


def row(line: int, message: str, file: str = "r.csv") -> Problem:
    return Problem(message, Place(file, line), f"account.k{line}", f"hint {line}")


def test_alike_problems_of_rows_are_one_with_their_count_and_first_three_places() -> None:
    error = ConfigError([row(n, f"`$email`: `x{n}` is no e-mail address") for n in range(2, 634)], workspace="prod")
    assert problems_text(error).splitlines() == [
        "r.csv:2: account.k2: `$email`: `x2` is no e-mail address",
        "    hint 2",
        "    632 alike, first at r.csv:2, r.csv:3, r.csv:4",
        "1 problem at 632 places in the configuration, checked against the workspace `prod`. Nothing was written.",
    ]


def test_other_causes_fields_and_files_are_problems_of_their_own() -> None:
    error = ConfigError(
        [
            row(2, "`$email`: `x` is no e-mail address"),
            row(3, "`$website`: `x` is no web address"),
            row(3, "`other`: `x` is no e-mail address"),
            row(4, "`match` names `$name`, which is empty in this row"),
            row(4, "`match` names `$account`, which is empty in this row"),
            row(9, "`$email`: `y` is no e-mail address", "s.csv"),
        ]
    )
    *_, last = problems_text(error).splitlines()
    assert last == "6 problems in the configuration, checked without a workspace. Nothing was written."
    assert "alike" not in problems_text(error)


def test_places_within_messages_and_numbers_don_t_tell_problems_apart() -> None:
    error = ConfigError(
        [
            row(4, "declared twice; it is first at r.csv:2"),
            row(5, "declared twice; it is first at a/b.csv:30"),
            row(7, "the row has 2 cells, the header 3 columns"),
            row(8, "the row has 14 cells, the header 3 columns"),
        ]
    )
    told = problems_text(error)
    assert "2 alike, at r.csv:4, r.csv:5" in told
    assert "2 alike, at r.csv:7, r.csv:8" in told
    assert told.splitlines()[-1].startswith("2 problems at 4 places")


def test_in_yaml_few_are_told_one_by_one_and_many_as_one() -> None:
    few = [Problem("no field `teir`", Place("a.yaml", line, 5)) for line in (1, 2, 3)]
    assert len(problems_text(ConfigError(few)).splitlines()) == 4
    many = [*few, Problem("no field `teir`", Place("a.yaml", 9, 5)), Problem("no field `x`", Place("a.yaml", 2, 1))]
    assert problems_text(ConfigError(many)).splitlines() == [
        "a.yaml:1:5: no field `teir`",
        "    4 alike, first at a.yaml:1:5, a.yaml:2:5, a.yaml:3:5",
        "a.yaml:2:1: no field `x`",
        "2 problems at 5 places in the configuration, checked without a workspace. Nothing was written.",
    ]


def test_problems_without_a_place_come_first_and_hostile_text_is_escaped() -> None:
    error = ConfigError([row(2, "a\x1b[1mb"), Problem("no file")], workspace="p\n")
    assert problems_text(error).splitlines() == [
        "no file",
        "r.csv:2: account.k2: a\\x1b[1mb",
        "    hint 2",
        "2 problems in the configuration, checked against the workspace `p\\n`. Nothing was written.",
    ]
