"""The expressions of policies, in CEL, the expression language of Kubernetes' admission policies. Pure.

What an expression may ask for is in `NAMES` (design.md, section 15; rule G1). It is evaluated by a process of its own
(`planning/judge.py`); here it is only held against the grammar and these names.
"""

from __future__ import annotations

import re
from typing import Final

from lfsync.wording import did_you_mean

NAMES: Final = ("change", "before", "after", "links", "record", "now")
LONGEST: Final = 2_000
"""Characters of an expression; what needs more is a case for two policies."""
_TYPES: Final = {
    *("bool", "bytes", "double", "duration", "dyn", "google", "int", "list", "map", "null_type", "optional_type"),
    *("string", "timestamp", "type", "uint"),
}
_BOUND: Final = re.compile(r"\.\s*(?:all|exists|exists_one|filter|map)\s*\(\s*([A-Za-z_]\w*)\s*,")


class BadExpressionError(ValueError):
    """An expression that can't be evaluated, in words for people."""


def check(text: str) -> None:
    """Raises BadExpressionError where it is no expression, or nothing here can tell."""
    if len(text) > LONGEST:
        raise BadExpressionError(f"is longer than {LONGEST:,} characters")
    try:
        import cel  # large, and only policies need it
    except ImportError:
        raise BadExpressionError("needs the extra `lfsync[policy]`: pip install 'lfsync[policy]'") from None
    try:
        used = cel.compile(text).variables()
    except ValueError as error:
        raise BadExpressionError(f"is no CEL expression: {_said(str(error))}") from None
    for name in sorted({*used} - {*NAMES, *_TYPES, *_BOUND.findall(text)}):
        hint = did_you_mean(name, NAMES) or f"known are {', '.join(f'`{each}`' for each in NAMES)}"
        raise BadExpressionError(f"asks for `{name}`, which is no name here; {hint}")


def _said(message: str) -> str:
    """The first complaint of the parser; the rest repeats the expression and draws arrows."""
    _, _, complaint = message.partition("ERROR: <input>:")
    first = (complaint or message).splitlines()[0]
    where, found, what = first.partition(" expecting ")[0].partition(": ")
    line, _, column = where.partition(":")
    return f"{what} (line {line}, character {column})" if found and line.isdigit() else first
