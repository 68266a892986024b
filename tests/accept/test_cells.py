"""What goes back into cells that a map, a date or a number form reads, and what is left (design.md, 17; rule V2)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.editing.cells import cells_of
from lfsync.editing.splices import CantEditError
from lfsync.editing.yaml_edit import Put
from lfsync.model import JSON, Address, FieldDef, Option, Place
from lfsync.project.declarations import NO_DEFAULT
from lfsync.project.rows.source_file import read_table
from lfsync.project.source_rows import build
from lfsync.project.sources import Source
from lfsync.values.table import VALUE_TYPES
from tests.accept.conftest import Desk
from tests.config.config_samples import declared

SOURCE = """\
sources:
  - kind: account
    file: a.csv
    encoding: latin-1
    delimiter: ";"
    skip_lines: 1
    null_values: [k.A.]
    key: Id
    fields:
      $name: Name
      tier: {column: Klasse, map: {A: Gold, B: Silver, "B+": Silver}}
      partner: {column: Partner, map: {ja: true, nein: false}}
      revenue: {column: Umsatz, number: {decimal: ",", thousands: "."}}
      renewal: {column: Termin, date: "%d.%m.%Y %H:%M", timezone: Europe/Berlin}
      nickname: {template: "{Kurz}-{Id}"}
      about: {column: Text, empty: null}
lists:
  l: {fields: {$name: L, $objectType: $account}, members: {from: m.csv, key: Id}}
"""
ROWS = """\
Bericht für März;;;
Id;Name;Klasse;Partner;Umsatz;Termin;Kurz;Text
a; Müller ;A;ja;"1.234,50 £";01.03.2027 17:00;k;t
b;Bäcker;B;nein;5;01.07.2027 17:00;k;t
"""


def test_cells_take_the_inverse(desk: Desk) -> None:
    desk.begin({"src.yaml": SOURCE, "a.csv": ROWS.encode("latin-1"), "m.csv": "Id\na\n"})
    desk.people(
        "account.a",
        {
            "$name": "Müller & Söhne",
            "partner": False,
            "revenue": 98765.4,
            "renewal": "2027-07-15T10:00:00Z",
            "about": "über\nzwei",
        },
    )
    desk.people("account.b", {"tier": desk.option("tier", "Gold"), "about": None})
    desk.accept()
    after = (desk.town.root / "a.csv").read_bytes().decode("latin-1")
    assert after == (
        ROWS.replace(" Müller ", " Müller & Söhne ")
        .replace('ja;"1.234,50 £";01.03.2027 17:00;k;t', 'nein;"98765,4";15.07.2027 12:00;k;"über\nzwei"')
        .replace("Bäcker;B;nein;5;01.07.2027 17:00;k;t", "Bäcker;A;nein;5;01.07.2027 17:00;k;")
    )


def test_what_has_no_inverse_is_left_and_named(desk: Desk) -> None:
    desk.begin({"src.yaml": SOURCE, "a.csv": ROWS.encode("latin-1"), "m.csv": "Id\na\n"})
    desk.people(
        "account.a",
        {
            "$name": "Łódź",
            "tier": desk.option("tier", "Silver"),
            "renewal": "2027-10-31T00:30:00Z",
            "nickname": "other",
            "about": "k.A.",
        },
    )
    desk.people("account.b", {"tier": desk.option("tier", "yes"), "renewal": "2027-03-01T10:00:30Z"})
    members = desk.town.ask("GET", "/v1/lists")["data"][0]["id"]
    desk.town.edit("/v1/lists", members, relationships={"$accounts": {"add": [desk.town.id("account.b")]}})
    out = desk.accept(expect=3).out
    said = [line for line in out.splitlines() if line.startswith(("a.csv", "src.yaml"))]
    assert said == [
        "a.csv:3: account.a: `$name`: a.csv is iso8859-1, which has no `Ł`",
        "a.csv:3: account.a: `about`: `k.A.` counts as an empty cell by `null_values`, at src.yaml:2:5",
        "a.csv:3: account.a: `nickname`: the value is made of the cell by `template`, at src.yaml:15:28",
        "a.csv:3: account.a: `renewal`: no cell of the column `Termin` comes to it, at src.yaml:14:25",
        "a.csv:3: account.a: `tier`: several cells come to it by the map, at src.yaml:11:22: `B`, `B+`",
        "a.csv:4: account.b: `renewal`: no cell of the column `Termin` comes to it, at src.yaml:14:25",
        "a.csv:4: account.b: `tier`: no cell of the column `Klasse` comes to it, at src.yaml:11:22",
        "src.yaml:18:59: list.l: `members`: the rows of m.csv name the members",
    ]
    assert (desk.town.root / "a.csv").read_bytes() == ROWS.encode("latin-1")


def test_an_empty_list_leaves_a_field_alone_as_an_empty_cell_does(desk: Desk) -> None:  # rules C8, V2
    fields = "{$name: n, $website: {column: w, empty: null}, tags: t}"
    source = f"sources: [{{kind: account, file: a.jsonl, key: id, fields: {fields}}}]\n"
    row = '{"id": "a", "n": "A", "t": ["Solar"], "w": ["https://a.example", "https://b.example"]}\n'
    desk.begin({"src.yaml": source, "a.jsonl": row})
    desk.people("account.a", {"tags": [], "$website": []})
    out = desk.accept(expect=3).out
    assert "a.jsonl:1: account.a: `tags`: it is empty in Lightfield, and an empty cell leaves a field alone" in out
    after = (desk.town.root / "a.jsonl").read_text()
    assert after == row.replace('["https://a.example", "https://b.example"]', "null")


# ---------------------------------------------------------------- the law

OPTIONS = (Option("opt_gold", "Gold"), Option("opt_silver", "Silver"))
FIELDS: dict[str, tuple[FieldDef, str, st.SearchStrategy[Any]]] = {
    "map": (
        FieldDef("f", "F", "SINGLE_SELECT", options=OPTIONS),
        "map: {A: Gold, B: silver, C: opt_silver}",
        st.sampled_from(["Gold", "Silver"]),
    ),
    "number": (
        FieldDef("f", "F", "NUMBER"),
        "number: {decimal: ',', thousands: '.'}",
        st.integers(-(10**15), 10**15) | st.decimals(-(10**6), 10**6, places=2).map(float),
    ),
    "day": (
        FieldDef("f", "F", "DATETIME"),
        "date: '%m/%d/%y'",
        st.dates().map(str) | st.datetimes().map(lambda moment: f"{moment.isoformat(timespec='seconds')}Z"),
    ),
    "moment": (
        FieldDef("f", "F", "DATETIME"),
        "date: '%d.%m.%Y %H:%M', timezone: America/New_York",
        st.datetimes().map(lambda moment: f"{moment.isoformat(timespec='minutes')}:00Z") | st.dates().map(str),
    ),
    "checkbox": (FieldDef("f", "F", "CHECKBOX"), "map: {x: true, '': false}", st.booleans()),
    "text": (
        FieldDef("f", "F", "TEXT"),
        "empty: null",
        st.text('aé;"\n N/A', max_size=5),
    ),
}


def means(field: FieldDef, data: JSON) -> JSON:
    row = VALUE_TYPES[field.type]
    return row.canonical(row.parse(data, field), field, data)


def source_of(form: str, ending: str) -> Source:
    column = f"{{f: {{column: A, {form}}}}}"
    found = declared(f"sources: [{{kind: account, file: r.{ending}, null_values: [N/A], key: K, fields: {column}}}]")
    assert not found.problems
    return found.sources[0]


@pytest.mark.parametrize("name", FIELDS)
@settings(max_examples=120, deadline=None)
@given(data=st.data(), ending=st.sampled_from(["csv", "jsonl"]))
def test_an_accepted_cell_reads_back_to_its_value_or_is_left(name: str, data: st.DataObject, ending: str) -> None:
    field, form, values = FIELDS[name]
    value = data.draw(values)
    source = source_of(form, ending)
    try:
        cell = cells_of(source, "f", Put(value), ["r." + ending], lambda data: means(field, data))["A"]
    except CantEditError:
        return
    if ending == "jsonl":
        text = json.dumps({"K": "k", "A": cell})
    else:
        quoted = "" if cell is None else str(cell).replace('"', '""')
        text = f'K,A\nk,"{quoted}"\n'
    built = build(source, read_table(source.file, text), NO_DEFAULT)
    assert not built.problems
    [resource] = built.resources
    assert resource.address == Address("account", "k")
    back = resource.fields["f"].data if "f" in resource.fields else None
    assert means(field, back) == means(field, value)
    assert resource.place == Place(f"r.{ending}", 1 if ending == "jsonl" else 2)
