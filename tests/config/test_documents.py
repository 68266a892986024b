"""YAML 1.2 scalars with places, and an error for every file that can't be read (design 3, 12)."""

from __future__ import annotations

import json
import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from lfsync.errors import ConfigError
from lfsync.model import JSON, Numeral, Place
from lfsync.project.documents import MAX_DEPTH, Document, decode, numbers, parse

FILE = "a.yaml"


def wrong(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, FILE)
    return [str(problem).replace("\n    ", " -- ") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-17", -17),
        ("1250000", 1250000),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        ("-.5e3", -500.0),
        ("1e3", 1000.0),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("12:30", "12:30"),
        ("0123", "0123"),
        ("00.5", "00.5"),
        ("+5", Numeral("+5")),
        ("+4943112345", Numeral("+4943112345")),
        ("+1.5e3", Numeral("+1.5e3")),
        ("+0123", "+0123"),
        ("+0x1F", "+0x1F"),
        ("+-5", "+-5"),
        ("++5", "++5"),
        ("+", "+"),
        ("+1e999", "+1e999"),
        ("'+5'", "+5"),
        ("2027-03-01", "2027-03-01"),
        ("2026-12-15T17:00:00-06:00", "2026-12-15T17:00:00-06:00"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("9" * 301, "9" * 301),
        ("-", None),
        ("'true'", "true"),
        ('"12"', "12"),
        ("!!str 0123", "0123"),
        ("!!str true", "true"),
        ("1.2.3", "1.2.3"),
        ("<<", "<<"),
        ("=", "="),
    ],
)
def test_scalars(text: str, data: JSON) -> None:
    found = parse(f"k: {text}\n" if text != "-" else "k: ", FILE).data
    assert isinstance(found, dict)
    assert found["k"] == data
    assert type(found["k"]) is type(data)


def test_a_leading_plus_is_a_number_where_no_field_says_else() -> None:
    data = parse("a: +5\nb: [+1.5, -2, '+5']\nc: {d: +0123}\n", FILE).data
    assert numbers(data) == {"a": 5, "b": [1.5, -2, "+5"], "c": {"d": "+0123"}}


def test_a_file_without_content_is_null() -> None:
    assert [parse(text, FILE).data for text in ("", "\n", "# nothing\n", "---\n", "\ufeff")] == [None] * 5


def test_anchors_and_merges() -> None:
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc:\n  <<: [*a, {z: 9, y: 0}]\n  k: *a\n"
    assert parse(text, FILE).data == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 3, "y": 2},
        "c": {"x": 1, "y": 2, "z": 9, "k": {"x": 1, "y": 2}},
    }


def test_a_quoted_merge_key_is_a_key() -> None:
    assert parse('{"<<": {a: 1}}', FILE).data == {"<<": {"a": 1}}


def test_places() -> None:
    document = parse("a:\n  b: [x,\n    {c: 1}]\n  d:\n    e\n", FILE)
    assert document.place(()) == Place(FILE, 1, 1)
    assert document.place(("a", "b")) == Place(FILE, 2, 3)
    assert document.place(("a", "b", 0)) == Place(FILE, 2, 7)
    assert document.place(("a", "b", 1, "c")) == Place(FILE, 3, 6)
    assert document.place(("a", "d")) == Place(FILE, 4, 3)
    assert document.place(("a", "d", "deeper", 3)) == Place(FILE, 4, 3)
    assert document.place(("a", "b", 7)) == Place(FILE, 2, 3)
    assert document.place(("z",)) == Place(FILE, 1, 1)


def test_all_duplicate_keys_of_a_file_are_reported() -> None:
    assert wrong("a: 1\na: 2\nb: {c: 1, c: 2, c: 3}\n") == [
        "a.yaml:2:1: duplicate key `a`; it is first at a.yaml:1:1 -- keep one of the two",
        "a.yaml:3:11: duplicate key `c`; it is first at a.yaml:3:5 -- keep one of the two",
        "a.yaml:3:17: duplicate key `c`; it is first at a.yaml:3:5 -- keep one of the two",
    ]


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("a: 1\n\tb: 2\n", "a.yaml:2:1", "a tab in the indentation -- indent YAML with spaces"),
        ("a:\n\t- x", "a.yaml:2:1", "a tab in the indentation"),
        ("a:\n  \tb: 1\n  c: 1", "a.yaml:2:3", "a tab in the indentation"),
        ("a: [1,\n b: 2", "a.yaml:3:1", "(it starts at line 1)"),
        ("a: 'x\nb: 2\n", "a.yaml:3:1", "broken YAML: "),
        ("a: b: c", "a.yaml:1:5", "broken YAML: "),
        ("a: @x", "a.yaml:1:4", "broken YAML: "),
        ("a: !foo x", "a.yaml:1:4", "the tag `!foo` means nothing here"),
        ("a: !!python/object:os.system x", "a.yaml:1:4", "`!!python/object:os.system`"),
        ("a: !!timestamp 2020-01-01", "a.yaml:1:4", "`!!timestamp`"),
        ("a: !!set {x}", "a.yaml:1:4", "`!!set`"),
        ("!x a: 1", "a.yaml:1:1", "`!x`"),
        ("a: *b", "a.yaml:1:4", "broken YAML: "),
        ("a: &a [*a]", "a.yaml:1:4", "it would never end"),
        ("&a {b: {c: *a}}", "a.yaml:1:1", "it would never end"),
        ("a: &a\n  <<: *a\n", "a.yaml:1:4", "it would never end"),
        ("<<: 3", "a.yaml:1:5", "`<<` takes a mapping"),
        ("<<: [{a: 1}, 3]", "a.yaml:1:5", "`<<` takes a mapping"),
        ("<<: {}\n<<: {}", "a.yaml:2:1", "duplicate key `<<`"),
        ("--- 1\n--- 2\n", "a.yaml:2:1", "broken YAML: "),
        ("1: x", "a.yaml:1:1", 'the key `1` is not text -- put it into quotes: "1"'),
        ("true: x", "a.yaml:1:1", "`true`"),
        ("~: x", "a.yaml:1:1", "`~`"),
        ("? [a]\n: x", "a.yaml:1:3", "a key must be text"),
        ("a: \x01", "a.yaml:1:4", "control character U+0001"),
        ("a: b\nc: \x00", "a.yaml:2:4", "control character U+0000"),
        ("a: \ud800", "a.yaml:1:4", "control character U+D800"),
        ('a: "\\0"', "a.yaml:1:4", "a control character in the text"),
        ('"\\e": a', "a.yaml:1:1", "a control character in the text"),
    ],
)
def test_what_is_no_yaml_for_us(text: str, place: str, says: str) -> None:
    found = wrong(text)
    assert found[0].startswith(f"{place}: ")
    assert says in found[0]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_endless_nesting(opening: str) -> None:
    """The message and its place are ours, however far the library looks ahead."""
    column = (MAX_DEPTH - 1) * len(opening) + 1
    assert wrong(opening * 100_000)[0].startswith(f"a.yaml:1:{column}: broken YAML: nested deeper than")


def test_alias_bombs() -> None:
    rows = [f"{c}: &{c} [{', '.join([f'*{p}'] * 10)}]" for p, c in zip("abcdefgh", "bcdefghi", strict=True)]
    found = wrong("\n".join(["a: &a [x, x, x, x, x, x, x, x, x, x]", *rows]))
    assert "(an alias bomb)" in found[0]


def test_merge_bombs() -> None:
    keys = ", ".join(f"k{n}: 1" for n in range(1000))
    found = wrong(f"a: &a {{{keys}}}\nb:\n  <<: [{', '.join(['*a'] * 5000)}]\n")
    assert "(an alias bomb)" in found[0]


def test_aliases_that_nest() -> None:
    found = wrong("a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 5000)))
    assert f"nest deeper than {MAX_DEPTH} levels" in found[0]


def test_shared_defaults_of_a_large_file_are_no_bomb() -> None:
    shared = "x: &x {" + ", ".join(f"k{n}: v" for n in range(8)) + "}\n"
    data = parse(shared + "".join(f"r{n}: {{<<: *x, own: {n}}}\n" for n in range(5000)), FILE).data
    assert isinstance(data, dict)
    assert len(data) == 5001


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"a: caf\xe9\n", Place(FILE, 1, 7)),
        (b"a: 1\nb: \xff", Place(FILE, 2, 4)),
        (b"\xff\xfea\x00\n\x00b", Place(FILE, 2, 1)),
        (b"\xfe\xff\x00a\xd8\x00", Place(FILE, 1, 2)),
        ("a: é\nb: é".encode() + b"\xe9", Place(FILE, 2, 5)),
    ],
)
def test_bytes_of_another_encoding(data: bytes, place: Place) -> None:
    with pytest.raises(ConfigError) as caught:
        decode(data, FILE)
    [problem] = caught.value.problems
    assert problem.place == place
    assert "is not UTF-" in problem.message


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_names_the_encoding_and_is_left_out(codec: str) -> None:  # rule C15
    assert parse(decode("a: é".encode(codec), FILE), FILE).data == {"a": "é"}


@pytest.mark.parametrize(("mark", "codec"), [(b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")])
def test_utf_16_of_either_order(mark: bytes, codec: str) -> None:  # rule C15
    assert decode(mark + "Müller, 株式会社".encode(codec), FILE) == "Müller, 株式会社"


# ---------------------------------------------------------------- laws

_YAMLISH = st.text(
    st.sampled_from("abk:-?[]{},&*!|>'\"%@`#<~ \n\t0123.+\\\u00e9\ufeff\x00\u2028\x85") | st.characters(), max_size=60
)
_PIECES = st.lists(
    st.sampled_from(
        [
            "a: ",
            "b:\n",
            "  ",
            "- ",
            "&x ",
            "*x",
            "<<: ",
            "*x\n",
            "{",
            "}",
            "[",
            "]",
            ", ",
            "\n",
            "!t ",
            "'",
            '"',
            "|\n",
            "---\n",
        ]
    ),
    max_size=25,
).map("".join)
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029"), max_size=10)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=300)
@given(_YAMLISH | _PIECES)
def test_any_text_is_a_document_or_a_config_error(text: str) -> None:
    found = _attempt(text.encode("utf-8", "surrogatepass"))
    if isinstance(found, Document):
        json.dumps(found.data, allow_nan=False).encode()
    else:
        assert found.problems
        assert all(problem.place and problem.place.line > 0 and problem.place.column > 0 for problem in found.problems)


@settings(max_examples=100)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_document_or_a_config_error(data: bytes) -> None:
    found = _attempt(data)
    assert isinstance(found, Document) or found.problems


def _attempt(data: bytes) -> Document | ConfigError:
    try:
        return parse(decode(data, FILE), FILE)
    except ConfigError as error:
        return error


@settings(max_examples=100)
@given(_JSON)
def test_data_comes_back_from_json_text(data: JSON) -> None:
    text = json.dumps(data, ensure_ascii=False)
    if _is_refused(data):
        assert "control character" in wrong(text)[0]
    else:
        _same(parse(text, FILE).data, data)


@settings(max_examples=100)
@given(st.dictionaries(st.from_regex("[a-z]{1,6}", fullmatch=True), st.text("abc :#-'\n", max_size=9) | st.integers()))
def test_places_point_at_the_keys(data: dict[str, JSON]) -> None:
    text = yaml.safe_dump(data, sort_keys=False)
    document = parse(text, FILE)
    lines = text.splitlines()
    for key in data:
        place = document.place([key])
        assert lines[place.line - 1][place.column - 1 :].lstrip("'").startswith(key)


def _is_refused(data: JSON) -> bool:
    if isinstance(data, str):
        return any(
            (ord(c) < 32 and c not in "\t\n\r") or 127 <= ord(c) < 160 or ord(c) & 0xFFFE == 0xFFFE for c in data
        )
    inner = [*data, *data.values()] if isinstance(data, dict) else data if isinstance(data, list) else []
    return any(map(_is_refused, inner))


def _same(found: JSON, wanted: JSON) -> None:
    if isinstance(wanted, dict):
        assert isinstance(found, dict)
        assert list(found) == list(wanted)
        for key in wanted:
            _same(found[key], wanted[key])
    elif isinstance(wanted, list):
        assert isinstance(found, list)
        for one, other in zip(found, wanted, strict=True):
            _same(one, other)
    elif isinstance(wanted, float):
        assert isinstance(found, int | float)
        assert math.isclose(found, wanted, rel_tol=0)
    else:
        assert found == wanted
        assert type(found) is type(wanted)
