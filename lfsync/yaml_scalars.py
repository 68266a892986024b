"""What an unquoted YAML scalar means, and how data is written on one line so that it means the same. Pure."""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache
from typing import Final

from lfsync.model import JSON, Numeral

_MEANINGS: Final[dict[str, JSON]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS: Final = frozenset("+-.0123456789")
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_OTHER_BASE: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"-?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_MAX_DIGITS: Final = 300  # a longer number is beyond a double; it stays text

_MAX_WORD: Final = 100  # characters; a longer text hardly comes again, and would be kept for nothing
# Characters that may begin a plain scalar; `$` does for system keys.
_STARTS: Final = re.compile(r"[^\s\-?:,\[\]{}#&*!|>'\"%@`]|-(?=[^\s\-,\[\]{}:?])")
_BREAKS: Final = re.compile(r": |:$| #|^\.\.\.|^---|^<<$|^=$|^\s|\s$")
_FLOW: Final = re.compile(r"[,\[\]{}]|:(?=[,\[\]{}\"'])")
# Words that older readers take for something else.
_WORDS: Final = re.compile(r"(?i:y|n|yes|no|on|off)")
_SEXAGESIMAL: Final = re.compile(
    r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?|[-+]?[0-9][0-9_,]*_[0-9_]*|[-+]?0[0-9_]+"
)
UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def resolve(text: str) -> JSON:
    """What an unquoted YAML scalar means."""
    if text in _MEANINGS:
        return _MEANINGS[text]
    if text[0] not in _NUMBER_STARTS or len(text) > _MAX_DIGITS:
        return text
    if text[0] == "+":
        return Numeral(text) if _FLOAT.fullmatch(text, 1) and text[1] != "-" and math.isfinite(float(text)) else text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OTHER_BASE.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return text if number in (float("inf"), float("-inf")) else number
    return text


def scalar(value: JSON, *, flow: bool = False) -> str:
    """A scalar on one line; unquoted where that means the same everywhere. `flow`: inside of [] or {}."""
    if isinstance(value, str):
        text = str(value)
        return text if _is_plain(text, flow) else quoted(text)
    if isinstance(value, float):
        return json.dumps(int(value) if value.is_integer() and abs(value) < 1e15 else value)
    return json.dumps(value)


def quoted(text: str) -> str:
    """Text in double quotes, on one line."""
    return UNPRINTABLE.sub(lambda hit: f"\\u{ord(hit[0]):04x}", json.dumps(text, ensure_ascii=False))


def in_flow(value: JSON) -> str:
    """Any data on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key, flow=True)}: {in_flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(in_flow, value)) + "]"
    return scalar(value, flow=True)


def _is_plain(text: str, flow: bool) -> bool:
    return _is_plain_word(text, flow) if len(text) < _MAX_WORD else _means_itself(text, flow)


@lru_cache(4096)  # keys, options and refs come again and again
def _is_plain_word(text: str, flow: bool) -> bool:
    return _means_itself(text, flow)


def _means_itself(text: str, flow: bool) -> bool:
    if not text or not _STARTS.match(text) or _BREAKS.search(text) or UNPRINTABLE.search(text):
        return False
    if flow and _FLOW.search(text):
        return False
    if _WORDS.fullmatch(text) or _SEXAGESIMAL.fullmatch(text) or _is_number(text):
        return False
    return type(resolve(text)) is str


def _is_number(text: str) -> bool:
    """Also what only some readers take for a number: `+1`, `1e3`, `.inf`, `0x1`."""
    if not (text[0].isdecimal() or text[0] in "+-._iInN"):
        return False  # most texts; `float` takes long to refuse them
    try:
        return not math.isnan(float(text.replace("_", "")))
    except ValueError:
        return text.lower() in (".inf", "-.inf", "+.inf", ".nan") or text[:2].lower() in ("0x", "0o", "0b")
