"""What is written as YAML is read as the same data, by our reader and by another one of YAML 1.2."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lfsync.editing.yaml_text import entry
from lfsync.model import JSON
from lfsync.project.documents import parse
from lfsync.yaml_scalars import in_flow, scalar

_AWKWARD = (
    *("yes", "No", "on", "- x", "{a}", "[a", "null", "~", "1e3", "0x1F", "0o7", "+5", "0123", "12:30", "1_000", ".5"),
    *("-", "--- x", "...", "a: b", "a:", "a #b", "#a", "'", '"', "a\tb", " a", "a ", "a\n", "\n", "a\nb", "a\n\nb\n"),
    *("  a\nb", "a \nb", "x\r\ny", "\u2028", "\x85", "=", "<<", "*a", "&a", "!a", "%a", "@a", "`a", "a,b", "a]", "?"),
    *("? a", ":", ":a", "a: ", "true", "2027-03-01", "$name", "\ufeffa", "é", "日本"),
)
_text = st.one_of(
    st.sampled_from(_AWKWARD),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\n"), max_size=30),
)
_scalars = st.one_of(st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.floats(-1e9, 1e9), _text)
_data = st.recursive(
    _scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_text, inner, max_size=4)),
    max_leaves=8,
)


@given(value=_data, indent=st.sampled_from([0, 2, 6]))
@example(value="a\n\n  b\n", indent=2)
def test_an_entry_is_read_as_what_was_written(value: JSON, indent: int) -> None:
    text = "top:\n" * bool(indent) + entry("key", value, indent)
    data = parse(text, "x.yaml").data
    read = data["top"] if indent and isinstance(data, dict) else data
    assert read == {"key": value}, text


@given(value=_data)
def test_flow_is_read_as_what_was_written(value: JSON) -> None:
    assert parse(f"key: {in_flow(value)}\n", "x.yaml").data == {"key": value}


@pytest.mark.parametrize(
    "text", ["yes", "no", "On", "12:30", "1_000", "0123", "+5", "1e3", "null", "- x", "{a}", "---"]
)
def test_what_some_reader_takes_for_something_else_is_quoted(text: str) -> None:
    assert scalar(text).startswith('"')


@pytest.mark.parametrize(
    "text", ["Acme Solar", "$name", "kai@corp.example", "https://acme.example/a?b=c", "2027-03-01", "Müller & Co", "-x"]
)
def test_what_is_plain_text_everywhere_stays_plain(text: str) -> None:
    assert scalar(text) == text
