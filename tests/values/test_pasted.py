"""`pasted` is the inverse of parse: what is written into files means the live value (design.md, section 13)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfsync.editing.yaml_text import entry
from lfsync.model import JSON, FieldDef, Option
from lfsync.project.documents import parse
from lfsync.values.pasted import is_faithful, pasted
from lfsync.values.table import VALUE_TYPES

_OPTIONS = (Option("opt_g", "Gold"), Option("opt_s", "Silver"), Option("opt_t", "Twin"), Option("opt_u", "Twin"))
_FIELDS = {
    "TEXT": FieldDef("f", "F", "TEXT"),
    "MARKDOWN": FieldDef("f", "F", "MARKDOWN"),
    "NUMBER": FieldDef("f", "F", "NUMBER"),
    "CURRENCY": FieldDef("f", "F", "CURRENCY", currency="EUR"),
    "CHECKBOX": FieldDef("f", "F", "CHECKBOX"),
    "DATETIME": FieldDef("f", "F", "DATETIME"),
    "EMAIL": FieldDef("f", "F", "EMAIL", multiple=True),
    "TELEPHONE": FieldDef("f", "F", "TELEPHONE", multiple=True),
    "URL": FieldDef("f", "F", "URL", multiple=True),
    "SOCIAL_HANDLE": FieldDef("f", "F", "SOCIAL_HANDLE", handle_service="LINKEDIN"),
    "ADDRESS": FieldDef("f", "F", "ADDRESS"),
    "FULL_NAME": FieldDef("f", "F", "FULL_NAME"),
    "SINGLE_SELECT": FieldDef("f", "F", "SINGLE_SELECT", options=_OPTIONS),
    "MULTI_SELECT": FieldDef("f", "F", "MULTI_SELECT", options=_OPTIONS),
    "WORDS": FieldDef("f", "F", "SINGLE_SELECT", words=("TODO", "IN_PROGRESS")),
}
_text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(str.strip)
_ids = st.sampled_from([option.id for option in _OPTIONS])
_instant = st.datetimes().map(lambda at: f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z".rjust(24, "0"))
_parts = ("street", "street2", "city", "state", "postalCode")
_LIVE: dict[str, st.SearchStrategy[JSON]] = {
    "TEXT": _text,
    "MARKDOWN": st.lists(_text, min_size=1, max_size=5).map("\n".join),
    "NUMBER": st.integers(-(10**9), 10**9) | st.decimals(-1000, 1000, places=2).map(float),
    "CURRENCY": st.integers(0, 10**9) | st.decimals(0, 1000, places=2).map(float),
    "CHECKBOX": st.booleans(),
    "DATETIME": _instant | st.dates().map(lambda day: f"{day:%Y-%m-%d}T00:00:00.000Z".rjust(24, "0")),
    "EMAIL": st.lists(st.emails(), min_size=1, max_size=3),
    "TELEPHONE": st.lists(st.sampled_from(["+442079460958", "+12025550143;ext=12"]), min_size=1, max_size=2),
    "URL": st.lists(st.sampled_from(["https://acme.example", "https://b.example/x?y=1#z"]), min_size=1, max_size=2),
    "SOCIAL_HANDLE": st.sampled_from(["https://linkedin.com/company/birch", "https://linkedin.com/in/ada", "in/Ada"]),
    "ADDRESS": st.fixed_dictionaries(
        {part: st.none() | _text for part in _parts} | {"country": st.sampled_from([None, "DE"])}
    ).map(dict),
    "FULL_NAME": st.fixed_dictionaries({"firstName": st.none() | _text, "lastName": st.none() | _text}).map(dict),
    "SINGLE_SELECT": _ids,
    "MULTI_SELECT": st.lists(_ids, min_size=1, max_size=3, unique=True).map(list),
    "WORDS": st.sampled_from(["TODO", "IN_PROGRESS"]),
}


@pytest.mark.parametrize("name", _FIELDS)
@given(data=st.data())
def test_what_is_pasted_means_the_live_value(name: str, data: st.DataObject) -> None:
    field, value = _FIELDS[name], data.draw(_LIVE[name])
    declared = pasted(value, field)
    assert is_faithful(declared, value, field), (value, declared)
    if declared is not None:
        read = parse(entry("f", declared, 0), "x.yaml").data
        assert isinstance(read, dict)
        assert is_faithful(read["f"], value, field), "through YAML"


def test_people_read_labels_and_dates() -> None:
    assert pasted("opt_g", _FIELDS["SINGLE_SELECT"]) == "Gold"
    assert pasted("opt_t", _FIELDS["SINGLE_SELECT"]) == "opt_t", "a label of two options names neither"
    assert pasted("2027-03-01T00:00:00.000Z", _FIELDS["DATETIME"]) == "2027-03-01"
    assert pasted("2027-03-01T17:30:00.000Z", _FIELDS["DATETIME"]) == "2027-03-01T17:30:00Z"
    assert pasted(75000.0, _FIELDS["CURRENCY"]) == 75000
    assert pasted({"street": None, "city": "Kiel"}, _FIELDS["ADDRESS"]) == {"city": "Kiel"}


def test_every_value_type_has_a_sample() -> None:
    assert {field.type for field in _FIELDS.values()} == VALUE_TYPES.keys() - {"HTML"}
