"""The column forms of sources (design.md, section 17): each with its right value, its wrong value and its place."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.errors import ConfigError, Problem
from lfsync.model import JSON, Cell, Place
from lfsync.project.rows.cell_dates import CellDate
from lfsync.project.rows.cell_numbers import CellNumber
from lfsync.project.source_rows import Built
from lfsync.render.terminal import problems_text
from tests.config.config_samples import declared
from tests.config.test_sources import fields, rows

HEAD = "    key: K\n    fields: {a: {column: A, FORM}}\n"


def cell(form: str, text: str, ending: str = "csv") -> JSON | str:
    """What a column with a form makes of one cell; of a mistake, `place: message`."""
    built = one(form, text, ending)
    if built.problems:
        [problem] = built.problems
        return f"{problem.place}: {problem.message}"
    return fields(built.resources[0]).get("a", "(left alone)")


def one(form: str, text: str, ending: str = "csv") -> Built:
    source = HEAD.replace("FORM", form)
    if ending == "jsonl":
        return rows(source, f'{{"K": "k", "A": {text}}}\n', ending)
    quoted = text.replace('"', '""')
    return rows(source, f'K,A\nk,"{quoted}"\n', ending)


def said(source: str) -> list[str]:
    """The mistakes of a source's YAML, each `line:column message`."""
    found = declared(f"sources:\n  - kind: contact\n    file: r.csv\n{source}")
    return [_told(problem) for problem in found.problems]


def _told(problem: Problem) -> str:
    assert problem.place is not None
    assert problem.hint, problem.message
    return f"{problem.place.line}:{problem.place.column} {problem.message}"


def said_of(form: str) -> list[str]:
    return said(HEAD.replace("FORM", form))


# ---------------------------------------------------------------- map


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        ("map: {Closed Won: Won, Lost: Lost}", "Closed Won", "Won"),
        ("map: {Closed Won: Won}, else: Open", "Anything", "Open"),
        ("map: {Closed Won: Won}, else: null", "Anything", "(left alone)"),
        ("map: {Closed Won: Won}, else: null, empty: null", "Anything", None),
        ("map: {Closed Won: Won}, else: Open", "", "(left alone)"),
        ('map: {"": Unknown, x: y}', "", "Unknown"),
        ("map: {x: 12}", " x ", 12),
        ("map: {x: true}", "x", True),
        ("map: {x: null}", "x", "(left alone)"),
        ("map: {x: y}", "X", "r.csv:2: column `A`: `X` is not in the map"),
        ("map: {a: b}, split: ;", "a;c", "r.csv:2: column `A`: `c` is not in the map, in the cell `a;c`"),
        (
            "number: {}, pattern: '(.)$'",
            "12 x",
            "r.csv:2: column `A`: `x` is no number with `.` before the fraction, in the cell `12 x`",
        ),
        ("map: {a: b}", "x" * 61, f"r.csv:2: column `A`: `{'x' * 60}...` is not in the map"),
        ("map: {a: 1, c: 2}, split: ;", "a; c ;", [1, 2]),
        ("map: {ab: 1}, pattern: '^(..)'", "abc", 1),
        ("map: {ab: 1}, pattern: '^(..)'", "a", "(left alone)"),
        ("map: {Cafe\u0301: x}", "Caf\u00e9", "x"),  # compared in NFC (rule C18)
    ],
)
def test_value_maps(form: str, text: str, value: JSON) -> None:
    assert cell(form, text) == value


def test_a_map_takes_what_json_holds_by_its_text() -> None:
    assert [cell("map: {'1': one, 'true': yes}", text, "jsonl") for text in ("1", "true", "[1, 1]")] == [
        "one",
        "yes",
        ["one", "one"],
    ]
    assert cell("map: {a: b}", '{"x": 1}', "jsonl") == ("r.jsonl:1: column `A`: this is a mapping, and text is needed")


def test_each_value_of_a_cell_is_told() -> None:  # promise 5
    built = rows("    key: K\n    fields: {x: {column: A, split: ';', map: {a: b}}}\n", "K,A\n1,a;c;a;d\n")
    assert [problem.message for problem in built.problems] == [
        "column `A`: `c` is not in the map, in the cell `a;c;a;d`",
        "column `A`: `d` is not in the map, in the cell `a;c;a;d`",
    ]


def test_mistakes_of_a_map() -> None:
    assert said_of('map: {a: b, " a ": c}') == ["5:41 `map` names `a` twice; it is first at r.yaml:5:35"]
    assert said_of("map: {a: [b]}") == ["5:38 `a` of `map` must be one value"]
    assert said_of("map: {}") == ["5:34 a map without entries"]
    assert said_of("else: x") == ["5:35 `else` without `map`"]
    assert said_of("map: {a: b}, number: {}") == ["5:50 `map` and `number` on one column: a cell is read in one way"]
    assert said_of("date: '%d/%m/%Y', number: {}") == [
        "5:55 `date` and `number` on one column: a cell is read in one way"
    ]


# ---------------------------------------------------------------- numbers

GERMAN = 'number: {decimal: ",", thousands: "."}'
WRONG = "r.csv:2: column `A`: `{}` is no number"


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        (GERMAN, "1.234,56", "1234.56"),
        (GERMAN, "1234,5", "1234.5"),
        (GERMAN, "€ 1.234.567", "1234567"),
        (GERMAN, "1.234,56 €", "1234.56"),
        (GERMAN, "-1,5", "-1.5"),
        (GERMAN, "\u22121,5", "-1.5"),
        (GERMAN, "1,5-", "-1.5"),
        (GERMAN, "(1,5 €)", "-1.5"),
        (GERMAN, "-€5", "-5"),
        (GERMAN, "€-5", "-5"),
        (GERMAN, "+5", "5"),
        (GERMAN, "", "(left alone)"),
        ("number: {thousands: ','}", "$1,234.56", "1234.56"),
        ('number: {thousands: "\'"}', "1\u2019234", "1234"),
        ("number: {decimal: ',', thousands: ' '}", "1\u202f234,5", "1234.5"),
        ("number: {}", "007", "007"),
        (GERMAN, "1,234.56", WRONG.format("1,234.56") + " with `,` before the fraction"),
        (GERMAN, "1.23,5", WRONG.format("1.23,5") + ": a thousands separator stands where no thousand ends"),
        (GERMAN, "12.34.567", WRONG.format("12.34.567") + ": a thousands separator stands where no thousand ends"),
        (GERMAN, "1234.567", WRONG.format("1234.567") + ": a thousands separator stands where no thousand ends"),
        (GERMAN, "(-5)", WRONG.format("(-5)") + ": it has two signs"),
        (GERMAN, "1 000", WRONG.format("1 000") + " with `,` before the fraction"),
        (GERMAN, "12 EUR", WRONG.format("12 EUR") + " with `,` before the fraction"),
        (GERMAN, ",", WRONG.format(",") + " with `,` before the fraction"),
        (GERMAN, "n/a", WRONG.format("n/a") + " with `,` before the fraction"),
        (GERMAN, "\u0661", WRONG.format("\u0661") + " with `,` before the fraction"),
        ("number: {}", "1,5", WRONG.format("1,5") + " with `.` before the fraction"),
        ("number: {thousands: ','}", "1.234,56", WRONG.format("1.234,56") + " with `.` before the fraction"),
    ],
)
def test_numbers(form: str, text: str, value: JSON) -> None:
    assert cell(form, text) == value


def test_numbers_of_json_are_numbers_already() -> None:
    assert cell(GERMAN, "1234.5", "jsonl") == 1234.5
    assert cell(GERMAN, "true", "jsonl") == ("r.jsonl:1: column `A`: `true` is no number with `,` before the fraction")


def test_mistakes_of_a_number() -> None:
    assert said_of("number: {thousands: .}") == [
        "5:37 `.` can't stand between thousands and before the fraction as well"
    ]
    assert said_of("number: {decimal: comma}") == ["5:47 `decimal` must be one mark in quotes"]
    assert said_of("number: {decimals: ','}") == ["5:38 unknown key `decimals` in `number`"]


NUMBERS = st.sampled_from([CellNumber(), CellNumber(",", "."), CellNumber(".", ","), CellNumber(",", " ")])


@settings(max_examples=200, deadline=None)
@given(NUMBERS, st.decimals(-(10**12), 10**12, places=2))
def test_a_number_comes_back_from_its_cell(form: CellNumber, number: object) -> None:
    value = float(str(number))
    assert float(form.read(form.written(value))) == value
    grouped = f"{value:,.2f}".replace(",", "\0").replace(".", form.decimal).replace("\0", form.thousands or "")
    assert float(form.read(grouped)) == value


@settings(max_examples=200, deadline=None)
@given(NUMBERS, st.text(st.sampled_from("0123456789.,-+()€$ '"), max_size=8))
def test_any_text_is_a_number_or_a_mistake(form: CellNumber, text: str) -> None:
    message, found = "", "0"
    try:
        found = form.read(text.strip())
    except ValueError as error:
        message = str(error)
    assert not message or f"`{text.strip()}`" in message
    assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", found)


# ---------------------------------------------------------------- dates

BERLIN = "timezone: Europe/Berlin"


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        ("date: '%d/%m/%Y'", "3/1/2027", "2027-01-03"),
        ("date: '%m/%d/%y'", "03/01/27", "2027-03-01"),
        ("date: '%d %b %Y'", "29 Feb 2028", "2028-02-29"),
        ("date: '%d.%m.%Y %H:%M', timezone: UTC", "01.03.2027 17:00", "2027-03-01T17:00:00.000Z"),
        (f"date: '%d.%m.%Y %H:%M', {BERLIN}", "01.03.2027 17:00", "2027-03-01T16:00:00.000Z"),
        (f"date: '%d.%m.%Y', {BERLIN}", "01.07.2027", "2027-06-30T22:00:00.000Z"),
        (BERLIN, "2027-03-01T17:00", "2027-03-01T16:00:00.000Z"),
        (BERLIN, "2027-03-01T17:00:00-06:00", "2027-03-01T23:00:00.000Z"),
        ("date: '%Y-%m-%d %H:%M %z'", "2027-03-01 17:00 -0600", "2027-03-01T23:00:00.000Z"),
        ("date: '%m/%d/%Y %I:%M %p', timezone: UTC", "3/1/2027 5:00 pm", "2027-03-01T17:00:00.000Z"),
        ("date: '%d/%m/%Y'", "", "(left alone)"),
        ("date: '%d/%m/%Y'", "31/02/2027", "r.csv:2: column `A`: `31/02/2027` is no date: there is no such day"),
        ("date: '%d/%m/%Y'", "29/02/2027", "r.csv:2: column `A`: `29/02/2027` is no date: there is no such day"),
        ("date: '%d/%m/%Y'", "12/31/2027", "r.csv:2: column `A`: `12/31/2027` is no date of the form `%d/%m/%Y`"),
        ("date: '%d/%m/%Y'", "1/2/2027 x", "r.csv:2: column `A`: `1/2/2027 x` is no date of the form `%d/%m/%Y`"),
        (BERLIN, "2027-13-01", "r.csv:2: column `A`: `2027-13-01` is no date: there is no such day or time"),
        (
            BERLIN,
            "2027-03-28T02:30",
            "r.csv:2: column `A`: `2027-03-28T02:30` is no time: there is no 02:30 on 2027-03-28 in Europe/Berlin: "
            "the clock is set forward over it",
        ),
        (
            BERLIN,
            "2027-10-31T02:30",
            "r.csv:2: column `A`: `2027-10-31T02:30` is two times: 02:30 on 2027-10-31 in Europe/Berlin comes twice: "
            "the clock is set back over it; write the offset (`%z`)",
        ),
    ],
)
def test_dates(form: str, text: str, value: JSON) -> None:
    assert cell(form, text) == value


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("date: '%d/%m'", "5:35 a date needs one year, and the form has none: `%Y` or `%y`"),
        ("date: '%d/%m/%Y %y'", "5:35 a date needs one year, and the form has 2: `%Y` or `%y`"),
        ("date: '%d/%d/%m/%Y'", "5:35 `%d` stands twice in the form"),
        ("date: '%-d/%m/%Y'", "5:35 `%-` can't be read in a date"),
        ("date: '%x'", "5:35 `%x` can't be read in a date"),
        ("date: dd/mm/yyyy", "5:35 a date needs one day, and the form has none: `%d`"),
        ("date: '%d/%m/%Y %H:%M'", "5:35 the form has a time but no offset"),
        ("date: '%d/%m/%Y %I:%M', timezone: UTC", "5:35 `%I` and `%p` belong together: the hour, and AM or PM"),
        ("date: '%d/%m/%Y %M', timezone: UTC", "5:35 a time needs its hour"),
        ("date: '%d/%m/%Y %z'", "5:35 an offset without a time"),
        ("date: '%d/%m/%Y %H:%M %z', timezone: UTC", "5:35 `%z` beside `timezone`: the cell has its own offset"),
        ("timezone: Europe/Berln", "5:39 there is no time zone `Europe/Berln`"),
        ("timezone: ../../etc/passwd", "5:39 there is no time zone `../../etc/passwd`"),
        ("timezone: /etc/localtime", "5:39 there is no time zone `/etc/localtime`"),
        ("timezone: CEST", "5:39 there is no time zone `CEST`"),
    ],
)
def test_mistakes_of_a_date_are_found_without_cells(form: str, message: str) -> None:
    assert said_of(form) == [message]


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1))


@settings(max_examples=200, deadline=None)
@given(ZONES, MOMENTS, st.sampled_from(["%Y-%m-%d %H:%M:%S", None]))
def test_a_moment_comes_back_from_its_cell_or_has_none(zone: str, moment: datetime, form: str | None) -> None:
    value = moment.replace(microsecond=0, tzinfo=UTC)
    date = CellDate(form, zone)
    back, wrong = set(), []
    for written in date.written(value.isoformat()):
        try:
            back.add(date.read(written))
        except ValueError as error:
            wrong.append(str(error))
    local = value.astimezone(ZoneInfo(zone))
    is_doubled = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    assert is_doubled == any("comes twice" in message for message in wrong)
    assert is_doubled or f"{value:%Y-%m-%dT%H:%M:%S}.000Z" in back


@settings(max_examples=100, deadline=None)
@given(ZONES, st.datetimes(datetime(1980, 1, 1), datetime(2037, 1, 1)), st.integers(0, 59))
def test_a_clock_is_never_guessed_at(zone: str, day: datetime, minute: int) -> None:
    """What is read names that time of the zone's clock, and no other moment does."""
    local = day.replace(minute=minute, second=0, microsecond=0)
    try:
        found = datetime.fromisoformat(CellDate(None, zone).read(local.isoformat()))
    except ValueError:
        return
    for hours in range(-3, 4):
        moment = found + timedelta(minutes=30 * hours)
        shows = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local
        assert shows == (hours == 0)


# ---------------------------------------------------------------- templates


@pytest.mark.parametrize(
    ("template", "text", "value"),
    [
        ("{A} of {K}", "x", "x of k"),
        ("{{{A}}}", "x", "{x}"),
        ("{A}", "", "(left alone)"),
        ("{K}-{A}", "", "k-"),
        ("{ A }", "x", "x"),
    ],
)
def test_templates(template: str, text: str, value: JSON) -> None:
    built = rows(f'    key: K\n    fields: {{a: {{template: "{template}"}}}}\n', f"K,A\nk,{text}\n")
    assert not built.problems
    found = fields(built.resources[0]).get("a", "(left alone)")
    assert found == value
    assert type(found) is Cell or found == "(left alone)"


def test_a_template_may_be_read_as_a_date() -> None:
    source = '    key: K\n    fields: {a: {template: "{D} {T}", date: "%d/%m/%Y %H:%M", timezone: UTC}}\n'
    built = rows(source, "K,D,T\nk,1/3/2027,17:00\nl,1/3/2027,\n")
    assert fields(built.resources[0]) == {"a": "2027-03-01T17:00:00.000Z"}
    assert [str(problem).splitlines()[0] for problem in built.problems] == [
        "r.csv:3: contact.l: column `{D} {T}`: `1/3/2027` is no date of the form `%d/%m/%Y %H:%M`"
    ]


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{A", "a single `{`; `{{` is a brace of the text"),
        ("A}", "a single `}`; `}}` is a brace of the text"),
        ("{}", "`{}` names no column"),
        ("{{A}}", "it names no column"),
        ("same", "it names no column"),
    ],
)
def test_mistakes_of_a_template(template: str, message: str) -> None:
    source = f'    key: K\n    fields: {{a: {{template: "{template}"}}}}\n'
    assert said(source) == [f"5:28 the template can't be used: {message}"]


def test_a_template_that_names_a_missing_column_is_found_without_cells() -> None:  # rule C15
    built = rows('    key: {template: "co-{Id}"}\n    fields: {a: {template: "{First} {Lst}"}}\n', "Id,First,Last\n")
    assert [str(problem).replace("\n    ", " -- ") for problem in built.problems] == [
        "r.yaml:5:28: r.csv has no column `Lst` -- did you mean `Last`?"
    ]


def test_keys_of_templates() -> None:
    built = rows('    key: [{template: "co-{Id}"}, B]\n', "Id,B\na b,x\n,y\n1,\n")
    assert [resource.address.key for resource in built.resources] == ["co-a-b.x"]
    assert [str(problem).splitlines()[0] for problem in built.problems] == [
        "r.csv:3: the key column `Id` is empty",
        "r.csv:4: the key column `B` is empty",
    ]


def test_forms_that_go_nowhere() -> None:
    assert said("    key: K\n    fields: {a: {map: {x: y}}}\n") == ["5:18 `map` without a column"]
    assert said('    key: K\n    fields: {a: {column: A, template: "{B}"}}\n') == ["5:39 `template` beside `column`"]
    assert said("    key: K\n    fields: {a: {match: {$name: A}}}\n") == [
        "5:18 `match` finds what a relationship refers to"
    ]


def test_times_that_a_clock_skips_or_doubles_are_alike() -> None:  # rule C16
    skipped = [f"2027-03-28T02:{minute:02}" for minute in range(40)]
    doubled = [f"2027-10-31T02:{minute:02}" for minute in range(40)]
    date = CellDate(zone="Europe/Berlin")
    problems = []
    for line, text in enumerate((*skipped, *doubled), 2):
        with pytest.raises(ValueError, match="the clock is set") as wrong:
            date.read(text)
        problems.append(Problem(str(wrong.value), Place("r.csv", line)))
    told = problems_text(ConfigError(problems))
    assert "2 problems at 80 places" in told
    assert "40 alike, first at r.csv:2, r.csv:3, r.csv:4" in told
