"""The stored form of a written value, by value type (API sheet, section 5). Pure.

Written apart from lfsync's own value types on purpose: this is the second opinion. A form raises ValueError with a
message for what the API would refuse.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import cast
from urllib.parse import urlsplit

import phonenumbers

from lfsync.model import JSON
from lfsync.sandbox.quirks import Quirks
from lfsync.sandbox.schema import FieldSpec

MAX_NUMBER = 2**53 - 1
ADDRESS_TEXTS = ("street", "street2", "city", "state", "postalCode", "country")
ADDRESS_NUMBERS = ("latitude", "longitude")
ADDRESS_KEYS = (*ADDRESS_TEXTS, *ADDRESS_NUMBERS)
NAME_KEYS = ("firstName", "lastName")

Form = Callable[[FieldSpec, JSON, Quirks], JSON]


def stored(spec: FieldSpec, value: JSON, quirks: Quirks) -> JSON:
    """What the server keeps of a written value; selects are resolved elsewhere. Raises ValueError."""
    keeps_empty = quirks["empty-clears"] == "kept" and spec.type in ("TEXT", "MARKDOWN")
    if value is None or value == [] or (value == "" and not keeps_empty):
        return None
    return FORMS[spec.type](spec, value, quirks)


def _string(value: JSON) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")
    return value


def _text(spec: FieldSpec, value: JSON, quirks: Quirks) -> JSON:
    text = _string(value)
    if spec.words:
        return _word(spec, text)
    return text.strip() if quirks["text-trim"] == "trimmed" else text


def _word(spec: FieldSpec, text: str) -> str:
    if text not in spec.words:
        raise ValueError(f"must be one of {', '.join(spec.words)}")
    return text


def _markdown(spec: FieldSpec, value: JSON, quirks: Quirks) -> JSON:
    text = _string(value)
    if quirks["markdown-form"] == "kept":
        return text
    lines = [re.sub(r"^(\s*)[*+] ", r"\1- ", line.rstrip()) for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"


def _number(spec: FieldSpec, value: JSON, quirks: Quirks) -> JSON:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    if abs(value) > MAX_NUMBER or not math.isfinite(value):
        raise ValueError(f"must lie within +-{MAX_NUMBER}")
    exact = Decimal(repr(value))
    rounded = exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
    if rounded != exact and quirks["precision"] == "reject":
        raise ValueError("must have at most 2 decimals")
    return int(rounded) if rounded == rounded.to_integral_value() else float(rounded)


def _checkbox(spec: FieldSpec, value: JSON, quirks: Quirks) -> JSON:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _datetime(spec: FieldSpec, value: JSON, quirks: Quirks) -> JSON:
    return iso(instant(_string(value)))


def instant(text: str) -> int:
    """ISO 8601 with an offset, as milliseconds since the epoch. Raises ValueError."""
    if not re.match(r"^\d{4}-\d\d-\d\d[T ]", text):
        raise ValueError("must be an ISO 8601 date and time")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("must have an offset from UTC")
    try:
        since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    except OverflowError as error:
        raise ValueError("is out of range") from error
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def iso(milliseconds: int) -> str:
    """`2026-11-02T09:15:04.221Z`."""
    seconds, rest = divmod(milliseconds, 1000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return f"{moment.isoformat()}.{rest:03d}Z"


def _several(one: Callable[[FieldSpec, str, Quirks], str], *, always_list: bool = False) -> Form:
    """The form of a type that may hold several values: duplicates go, order stays."""

    def form(spec: FieldSpec, value: JSON, quirks: Quirks) -> JSON:
        items = value if isinstance(value, list) else [value]
        found = list(dict.fromkeys(one(spec, _string(item), quirks) for item in items))
        if spec.multiple:
            return cast(JSON, found)
        if len(found) > 1:
            raise ValueError("takes a single value")
        return cast(JSON, found) if always_list else found[0]

    return form


def _email(spec: FieldSpec, text: str, quirks: Quirks) -> str:
    text = text.strip()
    if not re.fullmatch(r"[^\s@]+@[^\s@]+", text):
        raise ValueError(f"{text!r} is no e-mail address")
    return text.lower() if quirks["email-case"] == "lower" else text


def _url(spec: FieldSpec, text: str, quirks: Quirks) -> str:
    text = text.strip()
    form = quirks["url-form"]
    parts = urlsplit(text if "://" in text else f"https://{text}")
    if parts.scheme.lower() not in ("http", "https") or not re.fullmatch(r"[^\s/]*[^\s/.]", parts.netloc):
        raise ValueError(f"{text!r} is no URL")
    if re.search(r"\s", text):
        raise ValueError(f"{text!r} is no URL")
    if form == "kept":
        return text
    path = "" if parts.path == "/" and not parts.query and not parts.fragment else parts.path
    if form == "slash" and not path:
        path = "/"
    url = parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower(), path=path).geturl()
    return url.partition("://")[2] if form == "no-scheme" else url


_EXTENSION = re.compile(r"(?:;ext=|\s*(?:extension|ext|x|#)[\s:.]*)(\d{1,10})\s*$", re.IGNORECASE)


def _telephone(spec: FieldSpec, text: str, quirks: Quirks) -> str:
    found = _EXTENSION.search(text)
    main = text[: found.start()] if found else text
    extension = f";ext={found.group(1)}" if found else ""
    return _subscriber(main.strip()) + extension


def _subscriber(text: str) -> str:
    """E.164 with `+`; without, a US number, else 7 to 15 digits as they are."""
    try:
        number = phonenumbers.parse(text, None if text.startswith("+") else "US")
        fits = phonenumbers.is_possible_number if text.startswith("+") else phonenumbers.is_valid_number
        if fits(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        pass
    digits = re.sub(r"[\s().-]", "", text)
    if not re.fullmatch(r"[0-9]{7,15}", digits):
        raise ValueError(f"{text!r} is no telephone number")
    return digits


_PROFILES: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "TWITTER": ("x.com", ("x.com", "twitter.com"), r"/@?([\w.-]+)"),
    "LINKEDIN": ("linkedin.com", ("linkedin.com",), r"/((?:in|company|school)/[^/]+)"),
    "FACEBOOK": ("facebook.com", ("facebook.com", "fb.com"), r"/([\w.-]+)"),
    "INSTAGRAM": ("instagram.com", ("instagram.com",), r"/@?([\w.-]+)"),
}


def _handle(spec: FieldSpec, value: JSON, quirks: Quirks) -> JSON:
    text = _string(value).strip()
    host, hosts, path = _PROFILES[spec.handle_service or "LINKEDIN"]
    parts = urlsplit(text if "://" in text else f"https://{text}")
    given = (parts.hostname or "").lower()
    found = re.fullmatch(path + "/?", parts.path)
    if not found or not any(given == known or given.endswith(f".{known}") for known in hosts):
        raise ValueError(f"must be a profile URL on {host}")
    return found[1] if quirks["handle-form"] == "handle" else f"https://{host}/{found[1]}"


def _address(spec: FieldSpec, value: JSON, quirks: Quirks) -> JSON:
    parts = _object(value, ADDRESS_KEYS)
    for key in ADDRESS_NUMBERS:
        number = parts.get(key)
        if number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
            raise ValueError(f"{key} must be a number")
    for key in ADDRESS_TEXTS:
        parts[key] = _part(parts.get(key), key)
    if parts["country"] is not None:
        parts["country"] = _country(str(parts["country"]), quirks)
    return _none_if_empty({key: parts.get(key) for key in ADDRESS_KEYS})


def _country(code: str, quirks: Quirks) -> str:
    form = quirks["country-case"]
    if not re.fullmatch(r"[A-Za-z]{2}", code) or (form == "reject" and not code.isupper()):
        raise ValueError("country must be two letters (ISO 3166-1 alpha-2)")
    return code.upper() if form == "upper" else code


def _full_name(spec: FieldSpec, value: JSON, quirks: Quirks) -> JSON:
    parts = _object(value, NAME_KEYS)
    return _none_if_empty({key: _part(parts.get(key), key) for key in NAME_KEYS})


def _object(value: JSON, keys: tuple[str, ...]) -> dict[str, JSON]:
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    for key in value:
        if key not in keys:
            raise ValueError(f"has no part {key!r}")
    return dict(value)


def _part(value: JSON, key: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{key} must be a string or null")
    return value or None


def _none_if_empty(parts: dict[str, JSON]) -> JSON:
    return parts if any(part is not None for part in parts.values()) else None


FORMS: Mapping[str, Form] = {
    "TEXT": _text,
    "MARKDOWN": _markdown,
    "HTML": _text,
    "NUMBER": _number,
    "CURRENCY": _number,
    "CHECKBOX": _checkbox,
    "DATETIME": _datetime,
    "EMAIL": _several(_email),
    "TELEPHONE": _several(_telephone, always_list=True),
    "URL": _several(_url),
    "SOCIAL_HANDLE": _handle,
    "ADDRESS": _address,
    "FULL_NAME": _full_name,
    "SINGLE_SELECT": _text,
}


def display(spec: FieldSpec, value: JSON) -> str:
    """A value for people, as the field history shows it, and as text filters see it."""
    if value is None:
        return ""
    labels = {option.id: option.label for option in spec.options}
    if isinstance(value, list):
        return ", ".join(labels.get(str(item), str(item)) for item in value)
    if isinstance(value, dict):
        separator = " " if spec.type == "FULL_NAME" else ", "
        return separator.join(str(part) for part in value.values() if part is not None)
    if isinstance(value, bool):
        return "true" if value else "false"
    return labels.get(str(value), str(value))
