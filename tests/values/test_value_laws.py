"""Laws of every value type: canonical forms are total and stable, and no server's own form of a value is a change."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lfsync.model import JSON, Cell, FieldDef
from lfsync.values.table import VALUE_TYPES, BadValueError, match_keys
from tests.values.value_samples import EVERY_FIELD, OPTIONS, STATUS, canonical, equal, field, sent, text

FIELDS = st.sampled_from(EVERY_FIELD)
WORDS = st.sampled_from(
    ["a", "x.com/a", "https://A.example/b?c", "+12025550123", "1", "0", " ", "@a", "kai@x.io", "2027-03-01", "opt_gold"]
)
TEXTS = st.one_of(st.text(max_size=12), WORDS)
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS, TEXTS.map(Cell))
PARTS = st.sampled_from(["firstName", "lastName", "city", "country", "latitude", "x"])
ANY: st.SearchStrategy[Any] = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PARTS | TEXTS, inner, max_size=4), max_leaves=6
)
BOUNDED = settings(max_examples=200, deadline=None)
HOSTS = st.sampled_from(["acme.example", "Sub.Acme.example", "acme.example:443", "münchen.example"])
PATHS = st.sampled_from(["", "/", "/a", "/a/b/", "/A?q=1", "/ä", "/a#f"])
NAMES = st.text("abcdefgh-XYZ", min_size=2, max_size=8).filter(lambda name: name.strip("-") == name)


@BOUNDED
@given(FIELDS, ANY, ANY)
@example(field("SOCIAL_HANDLE", handle_service="LINKEDIN"), "x.com/%2540", None)
@example(field("URL"), "https://℀.example/", None)
@example(field("EMAIL"), [[], "a", {"b": 1}, 3], None)
def test_canonical_is_total_and_stable(of: FieldDef, live: JSON, declared: JSON) -> None:
    once = canonical(live, of, declared)
    assert canonical(once, of, declared) == once
    assert canonical(live, of, declared) == once
    match_keys(once)
    text(live, of)
    text(once, of)


@BOUNDED
@given(FIELDS, ANY)
def test_parse_refuses_by_one_error_and_what_it_sends_is_stable(of: FieldDef, declared: JSON) -> None:
    try:
        ready = sent(declared, of)
    except BadValueError:
        return
    assert equal(declared, ready, of)
    text(ready, of)
    if of.type != "ADDRESS" and of.type != "SOCIAL_HANDLE":  # parts and places a file may leave out
        assert canonical(sent(ready, of), of) == canonical(ready, of)


@BOUNDED
@given(st.sampled_from(["EMAIL", "URL", "TELEPHONE"]), st.data())
def test_several_values_are_a_set(type: str, data: st.DataObject) -> None:
    item = {
        "EMAIL": NAMES.map(lambda name: f"{name}@x.io"),
        "URL": st.builds("https://{}{}".format, HOSTS, PATHS),
        "TELEPHONE": st.integers(200, 899).map(lambda n: f"+1202555{n:04}"),
    }[type]
    values = data.draw(st.lists(item, min_size=1, max_size=4))
    moved = data.draw(st.permutations([*values, values[0]]))
    assert equal([*values], [*moved], field(type, multiple=True))


@BOUNDED
@given(st.lists(st.sampled_from([option.id for option in OPTIONS]), min_size=1, max_size=5), st.randoms())
def test_options_are_a_set(ids: list[str], random: Any) -> None:
    moved = [*ids, ids[0]]
    random.shuffle(moved)
    assert equal([*ids], [*moved], field("MULTI_SELECT"))


URL_SERVERS = [
    str,
    str.strip,
    lambda url: f"{url}/" if url.count("/") == 2 else url,
    lambda url: url.rstrip("/"),
    lambda url: url.replace("Acme", "acme").replace("Sub", "sub"),
    lambda url: url.replace(":443", ""),
    lambda url: quote(url.replace("münchen", "xn--mnchen-3ya"), safe="%/:?=#"),
]


@BOUNDED
@given(st.booleans(), HOSTS, PATHS, st.sampled_from(URL_SERVERS))
def test_urls_as_any_server_stores_them(scheme: bool, host: str, path: str, server: Any) -> None:
    declared = f"{'https://' if scheme else ''}{host}{path}"
    stored = server(declared if scheme else f"https://{declared}")
    assert equal(declared, stored, field("URL"))
    assert equal([declared], [stored], field("URL", multiple=True))


@BOUNDED
@given(NAMES, st.sampled_from([str, str.lower, str.upper, lambda text: f" {text}"]))
def test_emails_as_any_server_stores_them(name: str, server: Any) -> None:
    assert equal(f"{name}@X.io", server(f"{name}@X.io"), field("EMAIL"))


@BOUNDED
@given(
    st.sampled_from(["TWITTER", "LINKEDIN", "FACEBOOK", "INSTAGRAM"]),
    NAMES,
    st.sampled_from(["as is", "lower", "bare", "path", "at", "query", "www", "slash"]),
)
def test_profiles_as_any_server_stores_them(service: str, name: str, server: str) -> None:
    place = {
        "TWITTER": "x.com/",
        "LINKEDIN": "linkedin.com/in/",
        "FACEBOOK": "facebook.com/",
        "INSTAGRAM": "instagram.com/",
    }[service]
    stored = {
        "as is": f"{place}{name}",
        "lower": f"https://{place}{name}".lower(),
        "bare": name,
        "path": place.partition("/")[2] + name,
        "at": f"@{name}",
        "query": f"https://{place}{name}?utm=1",
        "www": f"https://www.{place}{name}",
        "slash": f"https://{place}{name}/",
    }[server]
    assert equal(f"{place}{name}", stored, field("SOCIAL_HANDLE", handle_service=service))


@BOUNDED
@given(
    st.datetimes(timezones=st.timezones() | st.none()).filter(lambda at: 2 < at.year < 9998),
    st.sampled_from(["ms", "s", "offset"]),
)
def test_instants_as_any_server_stores_them(at: Any, server: str) -> None:
    from datetime import UTC, timedelta, timezone

    at = (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)
    at = at.replace(microsecond=0 if server == "s" else at.microsecond // 1000 * 1000)
    declared = at.astimezone(timezone(timedelta(hours=-6))).isoformat(timespec="milliseconds")
    stored = {
        "ms": f"{at.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z",
        "s": f"{at.replace(tzinfo=None).isoformat(timespec='seconds')}Z",
        "offset": at.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat(),
    }[server]
    assert equal(declared, stored, field("DATETIME"))


@BOUNDED
@given(st.integers(200, 999), st.integers(0, 9999), st.sampled_from(["", " x12", " ext: 12", "#12", ";ext=12"]))
def test_telephones_as_the_server_stores_them(area: int, line: int, extension: str) -> None:
    of = field("TELEPHONE")
    try:
        stored = sent(f"({area}) 555-{line:04}{extension}", of)
    except BadValueError:
        return
    assert equal(f"{area}.555.{line:04}{extension}", stored, of)


@BOUNDED
@given(st.floats(-1e12, 1e12) | st.integers(-(10**12), 10**12), st.sampled_from(["float", "int", "round"]))
def test_numbers_as_any_server_stores_them(number: float, server: str) -> None:
    ready = sent(number, field("NUMBER"))
    assert isinstance(ready, int | float)
    assert abs(ready - number) <= 0.005 + abs(number) * 1e-15
    stored = {"float": float(ready), "int": ready, "round": round(ready, 2)}[server]
    assert equal(number, stored, field("NUMBER"))


@BOUNDED
@given(st.text("ab \n\r#", max_size=20), st.sampled_from(["as is", "lf", "stripped end", "newline at the end"]))
def test_markdown_as_any_server_stores_it(body: str, server: str) -> None:
    lines = body.replace("\r\n", "\n").replace("\r", "\n")
    stored = {"as is": body, "lf": lines, "stripped end": body.rstrip(), "newline at the end": f"{body}\n"}[server]
    assert equal(body, stored, field("MARKDOWN"))


@BOUNDED
@given(
    st.dictionaries(
        st.sampled_from(["street", "city", "country"]), st.sampled_from(["de", " Kiel", "FR", ""]), max_size=3
    ),
    st.booleans(),
)
def test_addresses_as_any_server_stores_them(parts: dict[str, JSON], geocoded: bool) -> None:
    parts = {part: value for part, value in parts.items() if part != "country" or value in ("de", "FR", "")}
    stored = {part: value.strip() for part, value in parts.items() if isinstance(value, str) and value}
    if "country" in stored:
        stored["country"] = stored["country"].upper()
    live: dict[str, JSON] = {**stored, "latitude": 54.3 if geocoded else None}
    assert equal(dict(parts), live, field("ADDRESS"))


@pytest.mark.parametrize("word", STATUS)
def test_words_whatever_their_case(word: str) -> None:
    assert equal(word.lower(), word.title(), field("SINGLE_SELECT", words=STATUS))


def test_every_type_has_a_law() -> None:
    assert {of.type for of in EVERY_FIELD} == set(VALUE_TYPES)
