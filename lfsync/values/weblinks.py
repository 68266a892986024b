"""EMAIL, URL and SOCIAL_HANDLE values. Pure.

They are sent as written and compared through a form that no plausible server changes: the API doesn't say what it
normalises (API sheet, U16).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from lfsync.model import JSON, FieldDef
from lfsync.values.valuetype import BadValueError, canonical_items, expect_text, items, one_or_many, show, unique
from lfsync.wording import folded, nfc

_EMAIL_FORMS = "an e-mail address such as ada@acme.example, or a list of them"
_URL_FORMS = "a web address such as https://acme.example, or a list of them"
_SOCIAL_FORMS = "the address of a profile, such as linkedin.com/company/acme"

_EMAIL = re.compile(r"[^\s@<>,;\"()]+@[^\s@<>,;\"()]+")
_URL = re.compile(
    r"(?:([a-z][a-z0-9+.-]*)://)?([^/?#\s@]*@)?(\[[0-9a-f:.]+\]|[^/?#\s@:\[\]]+)(?::(\d{0,5}))?([/?#].*)?", re.I | re.A
)
_HOST = re.compile(r"[a-z0-9.-]+")
_PORTS = {"http": "80", "https": "443"}
_SAFE = "%/:=&?~#+!$,;'@()*[]"


@dataclass(frozen=True, slots=True)
class _Service:
    """A social network. `hosts`: every host that serves it, subdomains included. `bare`: where a bare name lives.

    `profile` is the path of a profile; a longer one is something else of that person or company.
    """

    name: str
    hosts: tuple[str, ...]
    profile: re.Pattern[str]
    example: str
    bare: str | None


_NAME = re.compile(r"/@?[^/]+/?")
_LINKEDIN = re.compile(r"/(?:in|company|school|showcase)/[^/]+/?", re.I)
_FACEBOOK = re.compile(r"/(?:[^/]+|(?:people|pages|groups)/.+)/?", re.I)

_SERVICES: Mapping[str, _Service] = {
    "TWITTER": _Service("X", ("x.com", "twitter.com"), _NAME, "x.com/acme", "https://x.com/"),
    "LINKEDIN": _Service(
        "LinkedIn", ("linkedin.com",), _LINKEDIN, "linkedin.com/company/acme or linkedin.com/in/ada", None
    ),
    "FACEBOOK": _Service(
        "Facebook", ("facebook.com", "fb.com"), _FACEBOOK, "facebook.com/acme", "https://facebook.com/"
    ),
    "INSTAGRAM": _Service(
        "Instagram", ("instagram.com", "instagr.am"), _NAME, "instagram.com/acme", "https://instagram.com/"
    ),
}
_BARE = re.compile(r"@?[\w.-]+|(?:in|company|school)/[\w%.-]+|profile\.php\?.*", re.A)
_HANDLE = re.compile(r"@?([\w.-]+)", re.A)


def parse_email(declared: JSON, field: FieldDef) -> JSON:
    """One address, or a list where the field takes several."""
    return one_or_many(_texts(declared, _email, _folded), field)


def canonical_email(value: JSON, field: FieldDef, declared: JSON = None, /) -> JSON:
    """Without case; several as a set."""
    return canonical_items(value, field.multiple, _folded)


def parse_url(declared: JSON, field: FieldDef) -> JSON:
    """One address, or a list where the field takes several."""
    return one_or_many(_texts(declared, _url, _plain_url), field)


def canonical_url(value: JSON, field: FieldDef, declared: JSON = None, /) -> JSON:
    """Without the case of scheme and host, default scheme, default port and trailing slashes; several as a set."""
    return canonical_items(value, field.multiple, _plain_url)


def parse_social(declared: JSON, field: FieldDef) -> JSON:
    """The address of a profile of the field's service; a bare name becomes one where that is not ambiguous."""
    service = _SERVICES.get(field.handle_service or "")

    def profile(item: JSON) -> str:
        return _profile(item, service)

    return one_or_many(_texts(declared, profile, _folded), field)


def canonical_social(value: JSON, field: FieldDef, declared: JSON = None, /) -> JSON:
    """The profile, whatever its host, query or case. A bare name that fits the declared profile is that one."""
    service = _SERVICES.get(field.handle_service or "")
    if not isinstance(value, str) or service is None:
        return canonical_url(value, field)
    plain = _plain_profile(value, service)
    if "/" not in plain and isinstance(declared, str):  # LinkedIn keeps people and companies apart: ours says which
        ours = _plain_profile(declared, service)
        return ours if ours.rpartition("/")[2] == plain else plain or None
    return plain or None


def _texts(declared: JSON, check: Callable[[JSON], str], form: Callable[[str], str]) -> list[str]:
    return unique((check(item) for item in items(declared)), form)


def _email(item: JSON) -> str:
    text = expect_text(item, _EMAIL_FORMS).strip()
    if not _EMAIL.fullmatch(text):
        several = len(re.findall("@", text)) > 1
        hint = "write several as a list; in a CSV column with `split`" if several else _EMAIL_FORMS
        raise BadValueError(f"{show(text)} is no e-mail address", hint)
    return text


def _url(item: JSON) -> str:
    text = expect_text(item, _URL_FORMS).strip()
    match = _URL.fullmatch(text)
    if match is None or not (match[1] or ("." in match[3] and not match[2])):
        raise BadValueError(f"{show(text)} is no web address", _URL_FORMS)
    return text


def _folded(text: str) -> str:
    return folded(text.strip())


@lru_cache(maxsize=65536)
def _plain_url(text: str) -> str:
    text = nfc(text.strip())
    match = _URL.fullmatch(text)
    if match is None:
        return text
    scheme, user, host, port, rest = match.groups(default="")
    scheme = scheme.lower() or "https"
    shown_port = f":{port.lstrip('0')}" if port.lstrip("0") not in ("", _PORTS.get(scheme)) else ""
    return f"{scheme}://{user}{_plain_host(host)}{shown_port}{_plain_rest(rest)}"


def _plain_host(host: str) -> str:
    host = host.lower()
    if host.isascii():
        return host
    try:
        encoded = host.encode("idna").decode()
    except UnicodeError:
        return host
    return encoded if _HOST.fullmatch(encoded) else host


def _plain_rest(rest: str) -> str:
    """Path, query and fragment: no trailing slashes on the path, and what is not ASCII as percent codes."""
    path, mark, tail = re.fullmatch(r"([^?#]*)([?#]?)(.*)", rest, re.S).groups()  # type: ignore[union-attr]
    plain = f"{path.rstrip('/')}{mark}{tail}"
    return plain if plain.isascii() and " " not in plain else quote(plain, safe=_SAFE, errors="replace")


def _profile(item: JSON, service: _Service | None) -> str:
    text = expect_text(item, _SOCIAL_FORMS).strip()
    if service is None or _is_profile(text, service):
        return text
    handle = _HANDLE.fullmatch(text)
    if handle and service.bare and (text.startswith("@") or "." not in text):
        return f"{service.bare}{handle[1]}"
    raise BadValueError(f"{show(text)} is no profile of {service.name}", f"the address of a profile: {service.example}")


def _is_profile(text: str, service: _Service) -> bool:
    match = _URL.fullmatch(text)
    path = re.split(r"[?#]", match[5] or "", maxsplit=1)[0] if match else ""
    return _path(text, service) is not None and service.profile.fullmatch(path) is not None


@lru_cache(maxsize=65536)
def _plain_profile(text: str, service: _Service) -> str:
    text = nfc(text.strip())
    path = _path(text, service) or (_path(f"{service.hosts[0]}/{text}", service) if _BARE.fullmatch(text) else None)
    if path is None:
        return text.removeprefix("@").casefold() if _HANDLE.fullmatch(text) else _plain_url(text)
    return f"https://{service.hosts[0]}/{path}"


def _path(text: str, service: _Service) -> str | None:
    """What names the profile, without case: `company/acme`, `ada`. None if the text is no profile of this service."""
    match = _URL.fullmatch(text)
    if match is None or not _serves(match[3].lower(), service):
        return None
    path, _, query = (match[5] or "").partition("#")[0].partition("?")
    parts = [part for part in map(_plain_part, path.split("/")) if part]
    if parts[:1] == ["profile.php"]:  # Facebook names profiles without a name by a number
        number = re.search(r"(?:^|&)id=(\d+)", query, re.A)
        return f"profile.php?id={number[1]}" if number else None
    if service.name == "LinkedIn":
        return "/".join(parts[:2]) if len(parts) > 1 else None
    return "/".join(parts if service.name == "Facebook" else parts[:1]) or None


def _plain_part(part: str) -> str:
    return quote(folded(unquote(part)).lstrip("@"), safe="", errors="replace")


def _serves(host: str, service: _Service) -> bool:
    return any(host == known or host.endswith(f".{known}") for known in service.hosts)
