"""What reaches a terminal from hostile text."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings

from lfsync.errors import Problem
from lfsync.model import Place
from lfsync.render.terminal import escape, problem_text
from tests.render.harmless import assert_harmless
from tests.render.render_strategies import texts


@settings(max_examples=300)
@example("\x80\u200c")
@example("a\u200c\u200d")
@given(texts)
def test_one_harmless_line(text: str) -> None:
    safe = escape(text)
    assert "\n" not in safe
    assert_harmless(safe)
    assert escape(safe) == safe


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("\x1b[31m", r"\x1b[31m"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x7f\x9b\u0085", r"\x7f\x9b\x85"),
        ("\u202egpj", r"\u202egpj"),
        ("\ud800", r"\ud800"),
        ("Acme\u200b", r"Acme\u200b"),
        ("Acme\u200d", r"Acme\u200d"),
        ("\x9b\u200d", r"\x9b\u200d"),
        ("\u200d\u200d", r"\u200d\u200d"),
        ("é\u200c\u200c", "é\u200c\\u200c"),
        ("x\U000e0041", r"x\U000e0041"),
    ],
)
def test_dangerous_text_is_spelt_out(text: str, safe: str) -> None:
    assert escape(text) == safe


@pytest.mark.parametrize(
    "text",
    [
        "Zoë Ñandú Ωμέγα Жук",
        "東京",
        "مرحبا",
        "می‌خواهم",
        "👩‍👩‍👧 ☀️ 🇩🇪",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        r"C:\new",
        "a\u00a0b",
    ],
)
def test_what_people_write_stays(text: str) -> None:
    assert escape(text) == text


def test_problem() -> None:
    problem = Problem("no field \x1b[1mtir", Place("a\nb.yaml", 3, 5), "account.acme", "did you mean tier?")
    assert problem_text(problem) == ("a\\nb.yaml:3:5: account.acme: no field \\x1b[1mtir\n    did you mean tier?")
    assert problem_text(Problem("nothing here")) == "nothing here"
