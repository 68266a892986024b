"""What each value type accepts and refuses, what it sends, and which live values equal it."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lfsync.model import JSON, Cell, FieldDef
from lfsync.values.table import VALUE_TYPES, BadValueError, match_keys
from tests.values.value_samples import EVERY_FIELD, OBJECT_TYPES, STATUS, canonical, equal, field, sent, text

LINKEDIN: dict[str, Any] = {"handle_service": "LINKEDIN"}
TWITTER: dict[str, Any] = {"handle_service": "TWITTER"}
FACEBOOK: dict[str, Any] = {"handle_service": "FACEBOOK"}
NAME: dict[str, JSON] = {"firstName": "Ada", "lastName": "Lind"}
ADDRESS: dict[str, JSON] = {
    "street": None,
    "street2": None,
    "city": "Kiel",
    "state": None,
    "postalCode": None,
    "country": "DE",
    "latitude": None,
    "longitude": None,
}

SENT: list[tuple[FieldDef, JSON, JSON]] = [
    (field("TEXT"), " Acme ", " Acme "),
    (field("TEXT"), Cell("1902"), "1902"),
    (field("TEXT"), "2027-03-01", "2027-03-01"),
    (field("TEXT", words=OBJECT_TYPES), "account", "$account"),
    (field("TEXT", words=OBJECT_TYPES), "$Contact", "$contact"),
    (field("MARKDOWN"), "# a\r\n", "# a\r\n"),
    (field("NUMBER"), 75000, 75000),
    (field("NUMBER"), 75000.0, 75000),
    (field("NUMBER"), 2.675, 2.68),
    (field("NUMBER"), -2.675, -2.68),
    (field("NUMBER"), 0.125, 0.13),
    (field("NUMBER"), -0.001, 0),
    (field("NUMBER"), 1e3, 1000),
    (field("NUMBER"), 2**53 - 1, 2**53 - 1),
    (field("NUMBER"), Cell("1902"), 1902),
    (field("NUMBER"), Cell(" -1.005 "), -1.01),
    (field("NUMBER"), Cell("+.5"), 0.5),
    (field("NUMBER"), Cell("1.2E+3"), 1200),
    (field("NUMBER"), Cell("9007199254740991"), 2**53 - 1),
    (field("NUMBER"), Cell("  "), None),
    (field("CURRENCY"), 12.3, 12.3),
    (field("CHECKBOX"), True, True),
    (field("CHECKBOX"), False, False),
    *((field("CHECKBOX"), Cell(word), True) for word in ("true", "Yes", " 1 ", "TRUE")),
    *((field("CHECKBOX"), Cell(word), False) for word in ("false", "no", "0")),
    (field("DATETIME"), "2027-03-01", "2027-03-01T00:00:00.000Z"),
    (field("DATETIME"), "2026-12-15T17:00:00-06:00", "2026-12-15T23:00:00.000Z"),
    (field("DATETIME"), "2026-12-15 17:00+0530", "2026-12-15T11:30:00.000Z"),
    (field("DATETIME"), "2026-12-15t17:00:01.98765z", "2026-12-15T17:00:01.987Z"),
    (field("DATETIME"), "2026-12-31T23:30:00-01", "2027-01-01T00:30:00.000Z"),
    (field("DATETIME"), "0999-01-01", "0999-01-01T00:00:00.000Z"),
    (field("DATETIME"), Cell("2024-02-29"), "2024-02-29T00:00:00.000Z"),
    (field("EMAIL", multiple=True), " Ada@Acme.example ", ["Ada@Acme.example"]),
    (field("EMAIL", multiple=True), ["a@x.io", "A@X.io", "b@x.io"], ["a@x.io", "b@x.io"]),
    (field("EMAIL", multiple=True), [Cell("a@x.io"), Cell(" ")], ["a@x.io"]),
    (field("EMAIL"), ["a@x.io"], "a@x.io"),
    (field("TELEPHONE"), "(202) 555-0123", ["+12025550123"]),
    (field("TELEPHONE"), "+1 202 555 0123 x100", ["+12025550123;ext=100"]),
    (field("TELEPHONE"), "202-555-0123 ext:100", ["+12025550123;ext=100"]),
    (field("TELEPHONE"), "2025550123#100", ["+12025550123;ext=100"]),
    (field("TELEPHONE"), "+12025550123;ext=100", ["+12025550123;ext=100"]),
    (field("TELEPHONE"), "0431 12345", ["043112345"]),
    (field("TELEPHONE", multiple=True), ["+49 431 12345", "+4943112345"], ["+4943112345"]),
    (field("URL"), "https://acme.example", "https://acme.example"),
    (field("URL", multiple=True), "acme.example/a b".replace(" ", "%20"), ["acme.example/a%20b"]),
    (field("URL", multiple=True), ["https://a.example", "HTTPS://A.example/"], ["https://a.example"]),
    (field("SOCIAL_HANDLE", **LINKEDIN), "linkedin.com/company/acme", "linkedin.com/company/acme"),
    (field("SOCIAL_HANDLE", **LINKEDIN), "https://de.linkedin.com/in/ada?x=1", "https://de.linkedin.com/in/ada?x=1"),
    (field("SOCIAL_HANDLE", **TWITTER), "@acme", "https://x.com/acme"),
    (field("SOCIAL_HANDLE", **TWITTER), "acme", "https://x.com/acme"),
    (field("SOCIAL_HANDLE", **FACEBOOK), "@acme.inc", "https://facebook.com/acme.inc"),
    (field("SOCIAL_HANDLE"), "anything", "anything"),
    (field("ADDRESS"), {"city": "Kiel", "country": "de"}, ADDRESS),
    (field("ADDRESS"), {"city": Cell(" Kiel "), "country": "DE", "state": ""}, ADDRESS),
    (field("ADDRESS"), {"city": "Kiel", "country": "DE", "postalCode": 24103}, ADDRESS | {"postalCode": "24103"}),
    (field("ADDRESS"), {"latitude": 54.3233333, "city": "Kiel", "country": "DE"}, ADDRESS | {"latitude": 54.323333}),
    (field("ADDRESS"), {"latitude": Cell("54.3"), "city": "Kiel", "country": "DE"}, ADDRESS | {"latitude": 54.3}),
    (field("ADDRESS"), {"city": " ", "street": None}, None),
    (field("FULL_NAME"), NAME, NAME),
    (field("FULL_NAME"), {"lastName": "Lind"}, {"firstName": None, "lastName": "Lind"}),
    (field("FULL_NAME"), {"firstName": ""}, None),
    (field("SINGLE_SELECT"), "Gold", "opt_gold"),
    (field("SINGLE_SELECT"), " gold ", "opt_gold"),
    (field("SINGLE_SELECT"), "opt_gold", "opt_gold"),  # an id wins over an equal label
    (field("SINGLE_SELECT"), "silver", "opt_silver"),
    (field("SINGLE_SELECT"), "EARLY stage", "opt_b"),
    (field("SINGLE_SELECT"), 2027, "opt_2027"),
    (field("SINGLE_SELECT"), Cell("2027"), "opt_2027"),
    (field("SINGLE_SELECT", words=STATUS), "in progress", "IN_PROGRESS"),
    (field("SINGLE_SELECT", words=STATUS), "todo", "TODO"),
    (field("MULTI_SELECT"), ["Silver", "Gold", "gold"], ["opt_silver", "opt_gold"]),
    (field("MULTI_SELECT"), "Gold", ["opt_gold"]),
    (field("MULTI_SELECT"), [Cell("Gold"), Cell("")], ["opt_gold"]),
]

REFUSED: list[tuple[FieldDef, JSON, str]] = [
    (field("TEXT"), 5, "no text"),
    (field("TEXT"), True, "no text"),
    (field("TEXT"), ["a"], "no text"),
    (field("TEXT"), "\ud800", "surrogate"),
    (field("TEXT", words=OBJECT_TYPES), "accuont", "no value"),
    (field("MARKDOWN"), {"file": "x"}, "no text"),
    (field("HTML"), "<p>", "can't write"),
    (field("NUMBER"), "1902", "no number"),
    (field("NUMBER"), True, "no number"),
    (field("NUMBER"), [1], "no number"),
    (field("NUMBER"), math.nan, "out of range"),
    (field("NUMBER"), math.inf, "out of range"),
    (field("NUMBER"), 2**53, "out of range"),
    (field("NUMBER"), 10**4000, "out of range"),
    (field("NUMBER"), Cell("1e400"), "out of range"),
    *(
        (field("NUMBER"), Cell(word), "no number")
        for word in ("1,200", "12 %", "$5", "nan", "inf", "0x1F", "1_000", "٣")
    ),
    (field("CHECKBOX"), "yes", "neither"),
    (field("CHECKBOX"), 1, "neither"),
    (field("CHECKBOX"), Cell("maybe"), "neither"),
    (field("DATETIME"), "2026-12-15T17:00:00", "no offset"),
    (field("DATETIME"), "2026-13-01", "month"),
    (field("DATETIME"), "2026-02-29", "day"),
    (field("DATETIME"), "2026-12-15T25:00:00", "hour"),
    (field("DATETIME"), "2026-12-15T24:00:00Z", "24:00"),
    (field("DATETIME"), "2026-12-31T23:59:60Z", "leap second"),
    (field("DATETIME"), "0001-01-01T00:00:00+05:00", "out of range"),
    (field("DATETIME"), "2026-12-15T17:00+24:00", "offset"),
    *(
        (field("DATETIME"), word, "ISO 8601")
        for word in ("tomorrow", "15.12.2026", "2026-1-5", "20261215", "2026-W03-1")
    ),
    (field("DATETIME"), 20261215, "no text"),
    (field("EMAIL"), ["a@x.io", "b@x.io"], "2 values"),
    (field("EMAIL", multiple=True), "kai", "no e-mail"),
    (field("EMAIL", multiple=True), "a@x.io, b@x.io", "no e-mail"),
    (field("EMAIL", multiple=True), ["Ada <a@x.io>"], "no e-mail"),
    (field("EMAIL"), {"a": 1}, "no text"),
    (field("TELEPHONE"), "hello", "no telephone"),
    (field("TELEPHONE"), "+1", "no telephone"),
    (field("TELEPHONE"), "+999123456789", "no telephone"),
    (field("TELEPHONE"), "12345", "no telephone"),
    (field("TELEPHONE"), 4943112345, "no text"),
    (field("TELEPHONE"), ["+12025550123", "+12025550124"], "2 values"),
    (field("URL"), "acme", "no web address"),
    (field("URL"), "https://", "no web address"),
    (field("URL"), "https://a b.example", "no web address"),
    (field("URL"), "javascript:alert(1)", "no web address"),
    (field("URL"), "ada@acme.example", "no web address"),
    (field("SOCIAL_HANDLE", **LINKEDIN), "acme", "no profile of LinkedIn"),
    (field("SOCIAL_HANDLE", **LINKEDIN), "https://x.com/acme", "no profile of LinkedIn"),
    (field("SOCIAL_HANDLE", **LINKEDIN), "https://linkedin.com", "no profile of LinkedIn"),
    (field("SOCIAL_HANDLE", **TWITTER), "https://notx.com/acme", "no profile of X"),
    (field("SOCIAL_HANDLE", **TWITTER), "acme.example", "no profile of X"),
    (field("SOCIAL_HANDLE", **TWITTER), "x.com/acme/status/1", "no profile of X"),
    (field("SOCIAL_HANDLE", **LINKEDIN), "linkedin.com/posts/acme", "no profile of LinkedIn"),
    (field("SOCIAL_HANDLE", **FACEBOOK), "facebook.com/profile.php", "no profile of Facebook"),
    (field("ADDRESS"), "Kiel", "parts"),
    (field("ADDRESS"), {"town": "Kiel"}, "no part"),
    (field("ADDRESS"), {"country": "Germany"}, "country"),
    (field("ADDRESS"), {"country": "D1"}, "country"),
    (field("ADDRESS"), {"latitude": 91}, "out of range"),
    (field("ADDRESS"), {"latitude": "54"}, "no number"),
    (field("ADDRESS"), {"street": True}, "no text"),
    (field("FULL_NAME"), "Ada Lind", "parts"),
    (field("FULL_NAME"), Cell("Ada Lind"), "parts"),
    (field("FULL_NAME"), {"firstname": "Ada"}, "no part"),
    (field("SINGLE_SELECT"), "Platinum", "no option"),
    (field("SINGLE_SELECT"), "early stage", "2 options"),
    (field("SINGLE_SELECT"), "Same", "2 options"),
    (field("SINGLE_SELECT"), ["Gold", "Silver"], "2 values"),
    (field("SINGLE_SELECT"), True, "names no option"),
    (field("SINGLE_SELECT", words=STATUS), "DONE", "no value"),
    (field("MULTI_SELECT"), ["Gold", "Lead"], "no option"),
    (field("MULTI_SELECT"), {"Gold": True}, "names no option"),
]

EQUAL: list[tuple[FieldDef, JSON, JSON]] = [
    (field("TEXT", words=OBJECT_TYPES), "$account", "account"),
    (field("SINGLE_SELECT", words=STATUS), "TODO", "todo"),
    (field("MARKDOWN"), "# a\r\n\r\nb\n", "# a\n\nb"),
    (field("MARKDOWN"), "\n\n    code\n", "    code"),
    (field("NUMBER"), 75000, 75000.0),
    (field("CURRENCY"), 12.345, 12.35),
    (field("DATETIME"), "2026-12-15T17:00:00-06:00", "2026-12-16T00:00:00+01:00"),
    (field("DATETIME"), "2027-03-01", "2027-03-01T00:00:00Z"),
    (field("EMAIL"), "Ada@Acme.example", "ada@acme.example"),
    (field("EMAIL", multiple=True), ["b@x.io", "A@x.io"], ["a@x.io", "b@x.io"]),
    (field("TELEPHONE"), "(202) 555-0123 x7", ["+12025550123;ext=7"]),
    (field("TELEPHONE"), "(202) 555-0123", "+1 202-555-0123"),
    (field("URL"), "acme.example", "https://ACME.example/"),
    (field("URL"), "http://acme.example:80/a", "http://acme.example/a/"),
    (field("URL"), "https://münchen.example/ä", "https://xn--mnchen-3ya.example/%C3%A4"),
    (field("SOCIAL_HANDLE", **LINKEDIN), "linkedin.com/company/Acme/", "https://www.linkedin.com/company/acme?trk=1"),
    (field("SOCIAL_HANDLE", **LINKEDIN), "linkedin.com/company/acme", "acme"),
    (field("SOCIAL_HANDLE", **LINKEDIN), "linkedin.com/in/acme", "@Acme"),
    (field("SOCIAL_HANDLE", **LINKEDIN), "linkedin.com/company/Acme", "company/acme"),
    (field("SOCIAL_HANDLE", **FACEBOOK), "facebook.com/profile.php?id=7", "profile.php?id=7"),
    (field("SOCIAL_HANDLE", **TWITTER), "https://mobile.twitter.com/Acme", "acme"),
    (field("SOCIAL_HANDLE", **TWITTER), "@Acme", "https://twitter.com/acme"),
    (
        field("SOCIAL_HANDLE", **FACEBOOK),
        "https://m.facebook.com/profile.php?id=7&x=1",
        "facebook.com/profile.php?id=7",
    ),
    (field("ADDRESS"), {"city": "Kiel"}, {"city": "Kiel", "latitude": 54.3, "country": ""}),
    (field("ADDRESS"), {"city": "Kiel", "latitude": 54.3}, {"city": "Kiel ", "latitude": 54.3}),
    (field("ADDRESS"), None, {"latitude": 54.3, "city": None}),
    (field("FULL_NAME"), {"lastName": "Lind"}, {"firstName": "", "lastName": "Lind"}),
    (field("MULTI_SELECT"), ["Gold", "Silver"], ["opt_silver", "opt_gold", "opt_gold"]),
]

DIFFERENT: list[tuple[FieldDef, JSON, JSON]] = [
    (field("TEXT"), "Acme", "acme"),
    (field("TEXT"), "Acme", "Acme "),
    (field("MARKDOWN"), "a  \nb", "a\nb"),
    (field("MARKDOWN"), "    code", "code"),
    (field("NUMBER"), 5, "5"),
    (field("CHECKBOX"), False, None),
    (field("URL"), "https://acme.example", "http://acme.example"),
    (field("URL"), "https://acme.example", "https://www.acme.example"),
    (field("URL"), "https://acme.example/A", "https://acme.example/a"),
    (field("SOCIAL_HANDLE", **LINKEDIN), "linkedin.com/company/acme", "linkedin.com/in/acme"),
    (field("SOCIAL_HANDLE", **LINKEDIN), "linkedin.com/company/acme", "acme2"),
    (field("ADDRESS"), {"city": "Kiel", "latitude": None}, {"city": "Kiel", "latitude": 54.3}),
    (field("TELEPHONE"), "+12025550123", ["+12025550123;ext=1"]),
    (field("EMAIL", multiple=True), ["a@x.io"], ["a@x.io", "b@x.io"]),
    (field("SINGLE_SELECT"), "Gold", "opt_silver"),
]

TEXTS: list[tuple[FieldDef, JSON, JSON]] = [
    (field("SINGLE_SELECT"), "opt_gold", "Gold"),
    (field("SINGLE_SELECT"), "opt_gone", "opt_gone"),
    (field("MULTI_SELECT"), ["opt_gold", "opt_gone"], ["Gold", "opt_gone"]),
    (field("CURRENCY", currency="EUR"), 75000.0, "75000 EUR"),
    (field("NUMBER"), 12.5, 12.5),
    (field("DATETIME"), "2027-03-01T00:00:00.000Z", "2027-03-01"),
    (field("DATETIME"), "2026-12-15T17:00:00-06:00", "2026-12-15 23:00 UTC"),
    (field("DATETIME"), "2026-12-15T17:00:05Z", "2026-12-15 17:00:05 UTC"),
    (field("DATETIME"), "2026-12-15T17:00:00.250Z", "2026-12-15 17:00:00.250 UTC"),
    (field("DATETIME"), "soon", "soon"),
    (field("FULL_NAME"), NAME, "Ada Lind"),
    (field("FULL_NAME"), {"firstName": None, "lastName": "Lind"}, "Lind"),
    (field("ADDRESS"), ADDRESS | {"street": "Hafen 1", "postalCode": "24103"}, "Hafen 1, 24103 Kiel, DE"),
    (field("CHECKBOX"), False, False),
    (field("EMAIL", multiple=True), ["a@x.io", "b@x.io"], ["a@x.io", "b@x.io"]),
]


@pytest.mark.parametrize(("of", "declared", "expected"), SENT)
def test_accepted(of: FieldDef, declared: JSON, expected: JSON) -> None:
    found = sent(declared, of)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(("of", "declared", "expected"), REFUSED)
def test_refused(of: FieldDef, declared: JSON, expected: str) -> None:
    with pytest.raises(BadValueError) as refused:
        sent(declared, of)
    assert expected in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(("of", "declared", "live"), EQUAL)
def test_equal(of: FieldDef, declared: JSON, live: JSON) -> None:
    assert equal(declared, live, of)


@pytest.mark.parametrize(("of", "declared", "live"), DIFFERENT)
def test_different(of: FieldDef, declared: JSON, live: JSON) -> None:
    assert not equal(declared, live, of)


@pytest.mark.parametrize(("of", "value", "expected"), TEXTS)
def test_text_for_people(of: FieldDef, value: JSON, expected: JSON) -> None:
    assert text(value, of) == expected


@pytest.mark.parametrize("of", EVERY_FIELD)
@pytest.mark.parametrize("empty", [None, "", []])
def test_empty_values_are_one_value_rule_c8(of: FieldDef, empty: JSON) -> None:
    assert sent(empty, of) is None
    assert canonical(empty, of) is None
    assert text(empty, of) is None


def test_all_15_types_and_those_whose_server_form_settles_rule_s5() -> None:
    assert len(VALUE_TYPES) == 15
    settling = {name for name, row in VALUE_TYPES.items() if row.settles}
    assert settling == {"TEXT", "MARKDOWN", "URL", "EMAIL", "TELEPHONE", "SOCIAL_HANDLE", "ADDRESS", "FULL_NAME"}


def test_unknown_option_lists_them_and_suggests_the_nearest() -> None:
    with pytest.raises(BadValueError) as refused:
        sent("Glod", field("SINGLE_SELECT"))
    assert "did you mean `Gold`?" in str(refused.value.hint)
    assert "`2027`" in str(refused.value.hint)


def test_many_options_are_counted() -> None:
    from lfsync.model import Option

    many = tuple(Option(f"opt_{n}", f"Label {n}") for n in range(100))
    with pytest.raises(BadValueError) as refused:
        sent("x", field("SINGLE_SELECT", options=many))
    assert "and 70 more" in str(refused.value.hint)


def test_unknown_part_suggests_the_nearest() -> None:
    with pytest.raises(BadValueError) as refused:
        sent({"postcode": "1"}, field("ADDRESS"))
    assert refused.value.hint == "did you mean `postalCode`?"


def test_a_long_wrong_value_is_cut_in_the_message() -> None:
    with pytest.raises(BadValueError) as refused:
        sent("x" * 5000, field("NUMBER"))
    assert len(refused.value.message) < 100


def test_a_time_without_offset_is_shown_how_to_write() -> None:
    with pytest.raises(BadValueError) as refused:
        sent("2026-12-15T17:00:00", field("DATETIME"))
    assert refused.value.hint == "add Z or an offset: 2026-12-15T17:00:00Z"


MATCHES: list[tuple[FieldDef, JSON, JSON, bool]] = [
    (field("TEXT"), " Acme", "Acme  ", True),
    (field("TEXT"), "Acme", "acme", False),
    (field("TEXT"), "  ", "  ", False),
    (field("TEXT"), None, None, False),
    (field("EMAIL", multiple=True), ["A@x.io", "c@x.io"], ["b@x.io", "a@X.io"], True),
    (field("EMAIL", multiple=True), ["a@x.io"], ["b@x.io"], False),
    (field("EMAIL"), "A@x.io", "a@x.io", True),
    (field("URL", multiple=True), ["https://Acme.example"], ["https://acme.example/", "https://b.example"], True),
    (field("FULL_NAME"), {"firstName": "Ada"}, {"firstName": "Ada ", "lastName": ""}, True),
    (field("FULL_NAME"), {"firstName": "Ada"}, NAME, False),
    (field("NUMBER"), 5, 5.0, True),
    (field("CHECKBOX"), False, False, True),
]


@pytest.mark.parametrize(("of", "ours", "theirs", "expected"), MATCHES)
def test_identity_rule_i2(of: FieldDef, ours: JSON, theirs: JSON, expected: bool) -> None:
    shared = match_keys(canonical(ours, of)) & match_keys(canonical(theirs, of))
    assert bool(shared) is expected


def test_keys_of_a_match() -> None:
    assert match_keys(["a", "b "]) == {"a", "b"}
    assert match_keys({"lastName": "Lind", "firstName": "Ada"}) == match_keys({**NAME})
