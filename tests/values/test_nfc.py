"""Text is compared in NFC, everywhere; it is sent as it was declared (rule C18). And numbers with a plus."""

from __future__ import annotations

from typing import Any

import pytest

from lfsync.model import JSON, Cell, FieldDef, Numeral, Option
from lfsync.planning.prepare import prepare
from lfsync.values.table import VALUE_TYPES, BadValueError, match_keys
from tests.values.workspace_samples import SCHEMA, project, resource

NFC = "M\u00fcller"
NFD = "Mu\u0308ller"

# Of each type that holds text: one value in two forms of one text.
FORMS: list[tuple[str, dict[str, Any], JSON, JSON]] = [
    ("TEXT", {}, NFC, NFD),
    ("MARKDOWN", {}, f"# {NFC}\n", f"# {NFD}"),
    ("EMAIL", {}, f"{NFC}@x.example", f"{NFD}@x.example"),
    ("EMAIL", {"multiple": True}, [f"{NFC}@x.example"], [f"{NFD}@X.example"]),
    ("URL", {}, f"https://x.example/{NFC}?q={NFC}", f"https://x.example/{NFD}?q={NFD}"),
    ("URL", {}, f"https://{NFC}.example", f"https://{NFD}.example"),
    ("SOCIAL_HANDLE", {"handle_service": "LINKEDIN"}, f"linkedin.com/in/{NFC}", f"linkedin.com/in/{NFD}"),
    ("ADDRESS", {}, {"city": NFC}, {"city": NFD}),
    ("FULL_NAME", {}, {"lastName": NFC}, {"lastName": NFD}),
]


def definition(type: str, **more: Any) -> FieldDef:
    return FieldDef("f", "F", type, **more)


@pytest.mark.parametrize(("type", "more", "composed", "decomposed"), FORMS)
def test_a_value_in_two_forms_is_one(type: str, more: dict[str, Any], composed: JSON, decomposed: JSON) -> None:
    row, field = VALUE_TYPES[type], definition(type, **more)
    one, other = (row.canonical(row.parse(value, field), field, value) for value in (composed, decomposed))
    assert one == other
    assert match_keys(one) & match_keys(other)
    assert row.canonical(decomposed, field, composed) == one, "what is live may be in either form"


@pytest.mark.parametrize("type", ["TEXT", "MARKDOWN", "FULL_NAME"])
def test_what_is_sent_is_as_declared(type: str) -> None:
    declared: JSON = {"firstName": None, "lastName": NFD} if type == "FULL_NAME" else NFD
    assert VALUE_TYPES[type].parse(declared, definition(type)) == declared


def test_several_forms_of_one_are_sent_once() -> None:
    field = definition("EMAIL", multiple=True)
    assert VALUE_TYPES["EMAIL"].parse([f"{NFD}@x.example", f"{NFC}@x.example"], field) == [f"{NFD}@x.example"]


@pytest.mark.parametrize(("label", "text"), [(NFC, NFD), (NFD, NFC), (NFC, f" {NFD.upper()}")])
def test_labels_of_options(label: str, text: str) -> None:
    field = definition("SINGLE_SELECT", options=(Option("opt_1", label), Option("opt_2", "Other")))
    assert VALUE_TYPES["SINGLE_SELECT"].parse(text, field) == "opt_1"


def test_resources_of_one_name_in_two_forms_are_twins() -> None:  # rule C10
    one, two = resource("account.a", {"$name": NFC}), resource("account.b", {"$name": NFD}, line=9)
    _, problems = prepare(project(one, two), SCHEMA)
    assert ["the same as account.a" in problem.message for problem in problems] == [True]


# ---------------------------------------------------------------- numbers that are written with a plus


@pytest.mark.parametrize(
    ("type", "text", "sent"),
    [
        ("NUMBER", "+5", 5),
        ("CURRENCY", "+12.345", 12.35),
        ("TEXT", "+5", "+5"),
        ("MARKDOWN", "+1.5", "+1.5"),
        ("TELEPHONE", "+4943112345", ["+4943112345"]),
    ],
)
def test_the_field_decides_what_a_leading_plus_is(type: str, text: str, sent: JSON) -> None:
    """Design 3: integers are typed, and the field's value type decides the rest; a telephone number keeps its plus."""
    assert VALUE_TYPES[type].parse(Numeral(text), definition(type)) == sent


def test_degrees_with_a_plus() -> None:
    sent = VALUE_TYPES["ADDRESS"].parse({"latitude": Numeral("+54.3")}, definition("ADDRESS"))
    assert isinstance(sent, dict)
    assert sent["latitude"] == 54.3


def test_a_quoted_plus_is_text() -> None:
    with pytest.raises(BadValueError, match="is no number"):
        VALUE_TYPES["NUMBER"].parse("+5", definition("NUMBER"))
    assert VALUE_TYPES["NUMBER"].parse(Cell("+5"), definition("NUMBER")) == 5


def test_a_number_with_a_plus_is_neither_true_nor_false() -> None:
    with pytest.raises(BadValueError, match="neither true nor false"):
        VALUE_TYPES["CHECKBOX"].parse(Numeral("+1"), definition("CHECKBOX"))
