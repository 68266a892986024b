"""Fields, and the shorthand by which the tests of this folder type a value."""

from __future__ import annotations

from typing import Any

from lfsync.model import JSON, FieldDef, Option
from lfsync.values.table import VALUE_TYPES

OPTIONS = (
    Option("opt_gold", "Gold"),
    Option("opt_silver", "Silver "),
    Option("opt_2027", "2027"),
    Option("opt_a", "Early  Stage"),
    Option("opt_b", "EARLY stage"),
    Option("opt_c", "Same"),
    Option("opt_d", "Same"),
    Option("opt_e", "opt_gold"),
)

STATUS = ("TODO", "IN_PROGRESS", "COMPLETE", "CANCELLED")
OBJECT_TYPES = ("$account", "$contact", "$opportunity")


def field(type: str, **more: Any) -> FieldDef:
    if type.endswith("SELECT") and "words" not in more:
        more.setdefault("options", OPTIONS)
    return FieldDef("key", "Label", type, **more)


EVERY_FIELD = (
    *(field(name) for name in VALUE_TYPES),
    *(field(name, multiple=True) for name in ("EMAIL", "URL", "TELEPHONE")),
    *(field("SOCIAL_HANDLE", handle_service=name) for name in ("TWITTER", "LINKEDIN", "FACEBOOK", "INSTAGRAM")),
    field("SINGLE_SELECT", words=STATUS),
    field("TEXT", words=OBJECT_TYPES),
    field("CURRENCY", currency="EUR"),
)


def sent(declared: JSON, of: FieldDef) -> JSON:
    return VALUE_TYPES[of.type].parse(declared, of)


def canonical(value: JSON, of: FieldDef, declared: JSON = None) -> JSON:
    return VALUE_TYPES[of.type].canonical(value, of, declared)


def text(value: JSON, of: FieldDef) -> JSON:
    return VALUE_TYPES[of.type].text(value, of)


def equal(declared: JSON, live: JSON, of: FieldDef) -> bool:
    """Whether the plan of a declared value against a live one is empty."""
    return canonical(sent(declared, of), of, declared) == canonical(live, of, declared)
