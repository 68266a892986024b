"""The JSON Schema of each value type says what a plan takes of it: the one refuses what the other does (design 14)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lfsync.model import JSON, FieldDef, Option
from lfsync.project.schemas.values import Schema, matched, option_choice, shared_schemas, value_schema
from lfsync.values.table import VALUE_TYPES, BadValueError, match_keys
from lfsync.wording import folded
from tests.config.config_samples import patterns, reads_as_javascript
from tests.values.value_samples import EVERY_FIELD, OPTIONS, canonical, field, sent

_CHOICES = (
    *OPTIONS,
    Option("opt_umlaut", "Größe  Süd"),
    Option("opt_sharp", "Straße"),
    Option("opt_point", "İstanbul-2"),
    Option("opt_accent", "Ténor"),
    Option("opt_syntax", "a/b (c+d)?"),
    Option("42", "x"),
    Option("opt_minus", "-5"),
)
FIELDS = tuple(
    FieldDef(**{**{slot: getattr(each, slot) for slot in FieldDef.__slots__}, "options": _CHOICES})
    if each.options
    else each
    for each in EVERY_FIELD
)


def schema(of: FieldDef, *, filled: bool = False) -> Schema:
    choice = option_choice(of.options) if of.options else None
    value = value_schema(of.type, multiple=of.multiple, words=of.words, service=of.handle_service, choice=choice)
    return {"allOf": [matched(value) if filled else value], "definitions": shared_schemas()}


_VALIDATORS = {
    (of, filled): jsonschema.Draft7Validator(schema(of, filled=filled)) for of in FIELDS for filled in (False, True)
}


def schema_takes(declared: JSON, of: FieldDef, *, filled: bool = False) -> bool:
    return bool(_VALIDATORS[of, filled].is_valid(declared))


def plan_takes(declared: JSON, of: FieldDef) -> bool:
    try:
        sent(declared, of)
    except BadValueError:
        return False
    return True


# ---------------------------------------------------------------- what JSON Schema can't say


def _leaves(declared: JSON) -> list[JSON]:
    if isinstance(declared, list):
        return [leaf for item in declared for leaf in _leaves(item)]
    if isinstance(declared, dict):
        return [leaf for item in declared.values() for leaf in _leaves(item)]
    return [declared]


def _texts(declared: JSON) -> list[str]:
    return [leaf for leaf in _leaves(declared) if isinstance(leaf, str)]


def _filled(declared: JSON) -> list[JSON]:
    return [item for item in declared if item not in (None, "", [])] if isinstance(declared, list) else []


EXCEPTIONS: Mapping[str, Callable[[JSON, FieldDef], bool]] = {
    "which telephone numbers there are is a table of all countries": lambda declared, of: (
        of.type == "TELEPHONE" and schema_takes(declared, of)
    ),
    "5.0 is an integer to JSON Schema, and no text to a plan": lambda declared, of: any(
        isinstance(leaf, float) and leaf == int(leaf) for leaf in _leaves(declared)
    ),
    "a list of one value in several spellings, or behind more than three empty ones, is one value": (
        lambda declared, of: (
            not of.multiple
            and len(_filled(declared)) > 0
            and isinstance(declared, list)
            and len(declared) > 1
            and (
                len({folded(str(item).strip()) for item in _filled(declared)}) < 2
                or len(declared) > 4
                or _one(declared, of)
            )
        )
    ),
    "an instant within a day of the year 1 or 10000 may be out of range once it is in UTC": lambda declared, of: (
        of.type == "DATETIME" and any(re.match(r"\s*(0001-01-01|9999-12-31)", text) for text in _texts(declared))
    ),
    "blanks and percent codes within an address are blanks and characters only once they are read": (
        lambda declared, of: (
            of.type in ("URL", "SOCIAL_HANDLE") and any(re.search(r"%40|\s", text.strip()) for text in _texts(declared))
        )
    ),
}


def _one(declared: list[JSON], of: FieldDef) -> bool:
    return of.type in ("URL", "EMAIL", "SOCIAL_HANDLE") and plan_takes(declared, of)


def excused(declared: JSON, of: FieldDef) -> bool:
    return any(says(declared, of) for says in EXCEPTIONS.values())


# ---------------------------------------------------------------- the law

WORDS = st.sampled_from(
    [
        *(
            "a",
            "x",
            "1",
            "0",
            " ",
            "@",
            "@a",
            "a@",
            "a.b",
            "a@b",
            "kai@x.io",
            " kai@x.io ",
            "a@b@c",
            "a b@c",
            "http://a",
        ),
        *(
            "x.com/a",
            "https://A.example/b?c",
            "//a",
            "a:80",
            "a.b:80",
            "a.b:123456",
            "http://[::1]:80/",
            "u@a.b",
            "[::]",
        ),
        *("http://u@a", "mailto:a@b.c", "a.b/c d", ".", "http://", "http:// ", "a.b\n", "ftp://x\t"),
        *(
            "@acme",
            "acme",
            "a-b_c",
            "x.com/",
            "x.com/@",
            "x.com/@@b",
            "www.X.com/b/",
            "notx.com/a",
            "x.com/a/b",
            ".x.com/a",
        ),
        *("linkedin.com/in/ada", "linkedin.com/in", "linkedin.com/jobs/x", "https://de.linkedin.com/company/x/?a#b"),
        *("facebook.com/profile.php?id=4", "facebook.com/profile.php", "fb.com/groups/a/b/c", "facebook.com/a/b"),
        *("x.com/profile.php", "x.com/Profile.php/?a=1&id=5", "instagr.am/a", "instagram.com/p#q", "x.com:443/a"),
        *("+12025550123", "+1 (202) 555-0123 x100", "202-555-0123", "12", "+49", "1234567", "call me", "1-800-FLOWERS"),
        *(
            "2027-03-01",
            "2027-02-30",
            "2028-02-29",
            "2027-02-29",
            "2100-02-29",
            "2000-02-29",
            "0000-01-01",
            "2027-13-01",
        ),
        *(
            "2027-04-31",
            "2027-3-1",
            "2027-03-01T10:00Z",
            "2027-03-01T10:00",
            "2027-03-01 24:00Z",
            " 2027-03-01t10:00:60z",
        ),
        *("2027-03-01T10:00:00.123456789+05:30", "2027-03-01T10:00 -0500", "2027-03-01T10:00+24:00", "2027-03-01\n"),
        *(
            "opt_gold",
            "OPT_GOLD",
            "gold",
            " Gold ",
            "GOLD",
            "silver",
            "early stage",
            "Early  Stage",
            "EARLY stage",
            "Same",
        ),
        *(
            "GRÖSSE süd",
            "Gro\u0308ße Süd",
            "größe\tSÜD",
            "grösse",
            "STRASSE",
            "Straẞe",
            "i\u0307stanbul-2",
            "istanbul-2",
        ),
        *("TÉNOR", "Te\u0301nor", "tenor", "A/B (C+D)?", "a/b (cd)", "42", "2027", "-5", "x ", "Glod"),
        *(
            "todo",
            "in progress",
            "IN-_PROGRESS",
            "INPROGRESS",
            "$TODO",
            "T$ODO",
            "in$progress",
            "IN $PROGRESS",
            "Account",
        ),
        *("DE", "de ", "Deutschland", "D1", "true", "5", "+5", "<b>"),
    ]
)
NUMBERS = st.sampled_from(
    [0, 1, -5, 5, 42, 90, 91, -181, 180, 2027, 75000.25, 90.5, 1e300, 2**53, 2**53 - 1, 49431123456]
)
TEXTS = st.one_of(WORDS, WORDS, st.text("aZ0 .@:/?#%-_+()$\n", max_size=9), st.text(max_size=6))
PLAIN = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
PARTS = st.sampled_from(
    ["firstName", "lastName", "city", "street", "postalCode", "country", "latitude", "longitude", "town"]
)
VALUES: st.SearchStrategy[Any] = st.one_of(
    PLAIN,
    st.dictionaries(PARTS, PLAIN | st.just([]), max_size=3),
    st.lists(PLAIN | st.just([]), max_size=5),
    st.lists(st.lists(PLAIN, max_size=2), max_size=2),
)


@settings(max_examples=3000, deadline=None)
@given(st.sampled_from(FIELDS), VALUES)
@example(field("EMAIL"), "@")
@example(field("URL"), "x")
@example(field("TELEPHONE"), 49431123456)
@example(field("DATETIME"), "2027-02-30")
@example(field("ADDRESS"), {"city": 5})
@example(field("ADDRESS"), {"latitude": 91})
@example(field("FULL_NAME"), {"firstName": 5})
def test_the_schema_refuses_what_a_plan_refuses_and_nothing_else(of: FieldDef, declared: JSON) -> None:
    of = next(each for each in FIELDS if each == of or (each.type == of.type and not of.options and not each.words))
    assume(not excused(declared, of))
    assert schema_takes(declared, of) == plan_takes(declared, of), (of.type, declared)


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(FIELDS), VALUES)
@example(next(each for each in FIELDS if each.handle_service == "FACEBOOK"), "fb.com/groups/a/b")
def test_an_empty_value_finds_nothing(of: FieldDef, declared: JSON) -> None:
    """A match takes what a field takes, but nothing empty (rule I2). A composite of nothing is not told apart."""
    assume(not excused(declared, of) and not isinstance(declared, dict | list))
    keys = match_keys(canonical(sent(declared, of), of, declared)) if plan_takes(declared, of) else ()
    assert schema_takes(declared, of, filled=True) == bool(keys), (of.type, declared)


@given(st.sampled_from(_CHOICES), st.randoms(), st.sampled_from([str.upper, str.lower, str.title, str.casefold, str]))
def test_a_label_in_any_case_and_spelling(option: Option, random: Any, spelt: Callable[[str], str]) -> None:
    """Rule C6; a label that is not ASCII is no wildcard."""
    of = field("SINGLE_SELECT", options=_CHOICES)
    of = next(each for each in FIELDS if each.type == of.type and each.options)
    label = spelt(option.label)
    assert schema_takes(label, of) == plan_takes(label, of)
    position = random.randrange(len(label))
    for other in ("ö", "é", "zz", ""):
        changed = label[:position] + other + label[position + 1 :]
        assert schema_takes(changed, of) == plan_takes(changed, of), changed


def test_the_labels_are_what_an_editor_offers() -> None:
    options = (Option("opt_1", "Gold", description="pays"), Option("opt_2", "Silver"), Option("opt_3", "2027"))
    choices = option_choice(options)["anyOf"]
    assert isinstance(choices, list)
    assert choices[:2] == [{"enum": ["Gold", "Silver"], "enumDescriptions": ["pays", ""]}, {"enum": [2027]}]


@pytest.mark.parametrize("type", VALUE_TYPES)
def test_every_type_has_a_schema(type: str) -> None:
    assert value_schema(type)


def test_patterns_are_what_javascript_reads_too() -> None:
    found = [pattern for of in FIELDS for pattern in patterns(schema(of))]
    assert len(found) > 20
    assert [pattern for pattern in found if not reads_as_javascript(pattern)] == []
