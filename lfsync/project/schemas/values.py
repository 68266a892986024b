"""JSON Schema of field values: what a plan takes of each value type, as far as a pattern can say it. Pure.

The patterns are read by Python's `re` and by the editors' JavaScript alike, so that they have no flags, no `\\d`, and
no escapes but those of syntax. What they can't say stands with its reason in tests/config/test_value_schemas.py, which
holds them against the rows of values/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Final, TypeAlias
from unicodedata import normalize

from lfsync.model import Option
from lfsync.wording import folded, nfc

Schema: TypeAlias = dict[str, object]


def value_schema(
    type: str,
    *,
    multiple: bool = False,
    words: Iterable[str] = (),
    service: str | None = None,
    choice: Schema | None = None,
) -> Schema:
    """What a field of a value type takes. `choice`: what names an option; any text without it."""
    words = tuple(words)
    if words or type in _SELECTS:
        one = word_choice(words) if words else choice or {"type": ["string", "integer"]}
        return any_of(one, listed(one) if type == "MULTI_SELECT" else one_of_a_list(one), TEXT_FILE, EMPTY)
    if type not in _VALUES:
        return {}
    one = defined(_name(type, service))
    if type in _LISTED:
        return any_of(one, listed(one) if multiple else one_of_a_list(one), TEXT_FILE, EMPTY)
    return any_of(one, *((TEXT_FILE,) if type in _TEXTS else ()), EMPTY)


def matched(value: Schema) -> Schema:
    """What a match takes of what a field takes: an empty value finds nothing (rule I2)."""
    return {"allOf": [value, {"not": defined("blank")}]}


def asked(value: Schema) -> Schema:
    """What a rule asks of a field or a relationship that takes such a value: one, any of several, or none (null)."""
    return any_of(EMPTY, value, {"type": "array", "items": any_of(EMPTY, value)})


def shared_schemas() -> dict[str, Schema]:
    """By name, what the schemas of values refer to, the value types among it."""
    profiles = {f"SOCIAL_HANDLE.{service}": {**_STRING, "pattern": _profile(service)} for service in _SERVICES}
    return {
        "empty": _EMPTY,
        "blank": _BLANK,
        "alone": {"anyOf": _ALONE},
        "text-file": _TEXT_FILE,
        **_VALUES,
        **profiles,
    }


def _name(type: str, service: str | None) -> str:
    return f"{type}.{service}" if type == "SOCIAL_HANDLE" and service in _SERVICES else type


def part_schemas(type: str) -> Mapping[str, Schema]:
    """The parts of an ADDRESS or FULL_NAME; of every other type none."""
    return _PARTS.get(type, {})


def is_value_type(type: str) -> bool:
    """Whether this version knows the type."""
    return type in _SELECTS or type in _VALUES


def takes_several(type: str, words: Iterable[str] = ()) -> bool:
    """Whether a list of what may be empty is a value of the type."""
    return bool(tuple(words)) or type in _SELECTS or type in _LISTED


# ---------------------------------------------------------------- shapes


def any_of(*schemas: Schema) -> Schema:
    """What one of these takes; the one itself where it is alone."""
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


def defined(name: str) -> Schema:
    """What stands under a name among the definitions."""
    return {"$ref": f"#/definitions/{name}"}


def closed(properties: Mapping[str, Schema], *, nullable: bool = False, required: Iterable[str] = ()) -> Schema:
    """An object with these keys only; nothing behind its own key counts as an empty one where `nullable`."""
    schema: Schema = {
        "type": ["object", "null"] if nullable else "object",
        "properties": dict(properties),
        "additionalProperties": False,
    }
    return {**schema, "required": list(required)} if required else schema


def listed(one: Schema) -> Schema:
    """A list; what is empty in it does not count."""
    return {"type": "array", "items": any_of(one, EMPTY)}


def one_of_a_list(one: Schema) -> Schema:
    """A list that comes to one value."""
    return {**listed(one), "allOf": [defined("alone")]}


EMPTY: Final[Schema] = defined("empty")
TEXT_FILE: Final[Schema] = defined("text-file")
NOTHING: Final[Schema] = {"not": {}}
FILLED: Final[Schema] = {"type": "string", "pattern": r"\S"}
# null, "" and [] are one value (rule C8). Without `enum`: an editor would offer its values to who looks for others.
_EMPTY: Final[Schema] = {"type": ["null", "string", "array"], "maxLength": 0, "maxItems": 0}
_BLANK: Final[Schema] = {"type": ["null", "string", "array"], "pattern": r"^\s*$", "maxItems": 0}
_ALONE: Final = [{"items": [*[EMPTY] * before, {}], "additionalItems": EMPTY} for before in range(4)]
_TEXT_FILE: Final = closed(
    {"file": {**FILLED, "description": "A text file, from the project's folder."}}, required=["file"]
)


# ---------------------------------------------------------------- options


def option_choice(*groups: Iterable[Option]) -> Schema:
    """An option by its id or label, whatever the label's case and blanks (rule C6); by a number that is its label.

    An editor offers the labels, each with what is said of it; all other spellings are a pattern. A label that several
    options of a group have names none of them; of a dependent select, each parent's options are a group.
    """
    exact: dict[str, str | None] = {}
    loose: dict[str, None] = {}
    ids: dict[str, None] = {}
    for group in groups:
        options = list(group)
        named = [option for option in options if option.label.strip()]
        exact |= {_trimmed(only): only.description for only in _alone(named, _trimmed)}
        loose |= {" ".join(only.label.split()): None for only in _alone(named, _loosened)}
        ids |= {option.id: None for option in options}
    numbers = [int(text) for text in {**exact, **ids} if _NUMERAL.fullmatch(text)]
    texts = {label: told for label, told in exact.items() if not _NUMERAL.fullmatch(label)}
    choices: list[Schema] = [_offered(texts)] if texts else []
    choices += [{"enum": numbers}] if numbers else []
    shapes = [*map(loosely, loose), *(_as_written(text) for text in {**exact, **ids} if text not in loose)]
    return any_of(*choices, alternatives(shapes))


def word_choice(words: Iterable[str]) -> Schema:
    """One of plain words, whatever its case, and whatever stands between and around them (API sheet, U20)."""
    words = tuple(words)
    around, between = r"[-_$\s]*", r"[-_$\s]*[-_\s][-_$\s]*"
    parts = (word.replace("$", "").replace("_", " ").split() for word in words)
    shapes = (between.join(r"\$*".join(map(either_case, part)) for part in each) for each in parts)
    return any_of({"enum": list(words)}, {"type": "string", "pattern": f"^{around}({'|'.join(shapes)}){around}$"})


def alternatives(shapes: Iterable[str]) -> Schema:
    """A text in one of these shapes, blanks around it left out; nothing where there are none."""
    found = "|".join(shapes)
    return {"type": "string", "pattern": rf"^\s*({found})\s*$"} if found else NOTHING


def loosely(text: str) -> str:
    """A text in any case, with any blanks between its words, as a regular expression."""
    return r"\s+".join(map(_any_case, text.split()))


def _offered(labels: Mapping[str, str | None]) -> Schema:
    """`enumDescriptions` is what editors show beside each; no validator minds it."""
    told: Schema = {"enumDescriptions": [each or "" for each in labels.values()]} if any(labels.values()) else {}
    return {"enum": [*labels], **told}


def _alone(options: Iterable[Option], form: Callable[[Option], str]) -> Iterable[Option]:
    """The options that no other one has the form of."""
    found: dict[str, list[Option]] = {}
    for option in options:
        found.setdefault(form(option), []).append(option)
    return [of[0] for of in found.values() if len(of) == 1]


def _trimmed(option: Option) -> str:
    return nfc(option.label.strip())


def _loosened(option: Option) -> str:
    return " ".join(folded(option.label).split())


def _as_written(text: str) -> str:
    return "".join(map(_literal, text.strip()))


def _any_case(word: str) -> str:
    """What folds to the same as a word does; also where one character folds to several (`ß`)."""
    plain, found, at = folded(word), [], 0
    while at < len(plain):
        for length in (3, 2):
            part = plain[at : at + length]
            if len(part) == length and part in _foldings():
                spelt = "".join(map(either_case, part))
                found.append(f"({spelt}|{'|'.join(map(_composed, _foldings()[part]))})")
                break
        else:
            length = 1
            found.append(either_case(plain[at]))
        at += length
    return "".join(found)


def either_case(char: str) -> str:
    """What folds to the same as a character does, as a regular expression."""
    plain = folded(char)
    forms = [plain, *_foldings().get(plain, ())]
    if len(forms) == 1:
        return _composed(char)
    if all(len(form) == 1 and normalize("NFD", form) == form for form in forms):
        return f"[{''.join(map(_literal, forms))}]"
    return f"({'|'.join(map(_composed, forms))})"


def _composed(char: str) -> str:
    """A character, composed and in its parts (rule C18)."""
    parts = normalize("NFD", char)
    return _literal(char) if parts == char else f"({char}|{parts})"


@cache
def _foldings() -> Mapping[str, tuple[str, ...]]:
    """The characters that fold to a text."""
    found: dict[str, tuple[str, ...]] = {}
    for char in map(chr, range(_LAST_CASED)):
        if (plain := folded(char)) != char and char == nfc(char):
            found[plain] = (*found.get(plain, ()), char)
    return found


def _literal(char: str) -> str:
    return f"\\{char}" if char in _SYNTAX else char


_SYNTAX: Final = frozenset(r"^$\.*+?()[]{}|/")
_LAST_CASED: Final = 0x1E944
_NUMERAL: Final = re.compile(r"0|-?[1-9][0-9]{0,14}")


# ---------------------------------------------------------------- profiles

# Every host that serves a network; where a profile is below it; whether a bare name is one.
_NAME: Final = r"@*[^\/?#@\s][^\/?#\n]*"
_SERVICES: Final[Mapping[str, tuple[tuple[str, ...], str, bool]]] = {
    "TWITTER": (("x.com", "twitter.com"), r"@?NAME", True),
    "LINKEDIN": (("linkedin.com",), r"(in|company|school|showcase)\/NAME", False),
    "FACEBOOK": (("facebook.com", "fb.com"), r"(NAME|(people|pages|groups)\/REST)", True),
    "INSTAGRAM": (("instagram.com", "instagr.am"), r"@?NAME", True),
}


def _profile(service: str) -> str:
    hosts, path, bare = _SERVICES[service]
    served = "|".join("".join(map(_ascii_case, host)) for host in hosts)
    parts = {"NAME": _NAME, "REST": r"[^?#\n]+"}
    place = re.sub(r"NAME|REST|[a-z]+", lambda hit: parts.get(hit[0]) or _ascii_word(hit[0]), path)
    php, id_ = _ascii_word("profile.php"), r"\/?\?([^#\n]*&)?id=[0-9]"
    profile = rf"(?!{php}\/*([?#]|\s*$)){place}\/?([?#][^\n]*)?|{php}{id_}[^\n]*"
    if service == "LINKEDIN":
        profile = rf"{place}\/?([?#][^\n]*)?"
    address = rf"({_SCHEME})?({_USER})?([^\/?#\s@:\[\]]*\.)?({served}){_PORT}\/({profile})"
    handle = r"|@[A-Za-z0-9_.-]+|[A-Za-z0-9_-]+" if bare else ""
    return rf"^\s*({address}{handle})\s*$"


def _ascii_case(char: str) -> str:
    return f"[{char.lower()}{char.upper()}]" if char.isalpha() else _literal(char)


def _ascii_word(word: str) -> str:
    return "".join(map(_ascii_case, word))


# ---------------------------------------------------------------- types


def _part(type: object, **more: object) -> Schema:
    return any_of({"type": type, **more}, EMPTY)


def _real_day() -> str:
    """A day of the calendar from the year 1 on; 29 February in leap years only."""
    leap = "[0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00"
    days = "(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31"
    return f"(?!0000)([0-9]{{4}}-({days})|({leap})-02-29)"


_SELECTS: Final = ("SINGLE_SELECT", "MULTI_SELECT")
_LISTED: Final = ("EMAIL", "URL", "TELEPHONE", "SOCIAL_HANDLE")
_TEXTS: Final = ("TEXT", "MARKDOWN", "DATETIME")
_STRING: Final[Schema] = {"type": "string"}
_TEXT: Final = ["string", "integer"]
_LARGEST: Final = 2**53 - 1
_NUMBER: Final[Schema] = {"type": "number", "minimum": -_LARGEST, "maximum": _LARGEST}
_CLOCK: Final = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]{1,9})?)?"
_ZONE: Final = r"[ \t\n\r\f\v]?([Zz]|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)"
_MAILBOX: Final = r'[^\s@<>,;"()]+'
_SCHEME: Final = r"[A-Za-z][A-Za-z0-9+.-]*:\/\/"
_USER: Final = r"[^\/?#\s@]*@"
_PORT: Final = "(:[0-9]{0,5})?"
_IPV6: Final = r"\[[0-9A-Fa-f:.]+\]"
_HOST: Final = r"[^\/?#\s@:\[\]]"
_URL: Final = (
    rf"^\s*({_SCHEME}({_USER})?({_IPV6}|{_HOST}+)|\[[0-9A-Fa-f:]*\.[0-9A-Fa-f:.]*\]|{_HOST}*\.{_HOST}*)"
    rf"{_PORT}([\/?#][^\n]*)?\s*$"
)
_ALNUM: Final = "[0-9A-Za-z]"
_NOT_ALNUM: Final = "[^0-9A-Za-z]"
_PARTS: Final[Mapping[str, Mapping[str, Schema]]] = {
    "ADDRESS": {
        **{part: _part(_TEXT) for part in ("street", "street2", "city", "state", "postalCode")},
        "country": _part("string", pattern=r"^\s*([A-Za-z]{2})?\s*$"),
        "latitude": _part("number", minimum=-90, maximum=90),
        "longitude": _part("number", minimum=-180, maximum=180),
    },
    "FULL_NAME": {part: _part(_TEXT) for part in ("firstName", "lastName")},
}
_VALUES: Final[Mapping[str, Schema]] = {
    "TEXT": _STRING,
    "MARKDOWN": _STRING,
    "HTML": EMPTY,
    "SOCIAL_HANDLE": _STRING,  # of a service that nobody knows
    "NUMBER": _NUMBER,
    "CURRENCY": _NUMBER,
    "CHECKBOX": {"type": "boolean"},
    "DATETIME": {
        **_STRING,
        "pattern": rf"^\s*{_real_day()}([Tt ]{_CLOCK}{_ZONE})?\s*$",
        "examples": ["2027-03-01", "2027-03-01T17:00:00-06:00"],
    },
    "EMAIL": {**_STRING, "pattern": rf"^\s*{_MAILBOX}@{_MAILBOX}\s*$"},
    "URL": {**_STRING, "pattern": _URL},
    # Which numbers there are, no pattern can say: three digits of an international one, seven of any other.
    "TELEPHONE": {
        **_STRING,
        "pattern": rf"^\s*\+({_NOT_ALNUM}*{_ALNUM}){{3}}|^({_NOT_ALNUM}*{_ALNUM}){{7}}",
    },
    **{type: closed(parts) for type, parts in _PARTS.items()},
}
