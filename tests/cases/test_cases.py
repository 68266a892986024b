"""Every folder here is a case: a project, a workspace, the plan that must come out, and what an apply makes of it.

LFSYNC_UPDATE_GOLDEN=1 rewrites the golden files; read what changed then, as the reviewer of that plan.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cases.runner import Case, cases

CASES = cases()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LIGHTFIELD_API_KEY", "LIGHTFIELD_BASE_URL", "LFSYNC_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", CASES)
def test_case(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = Case(CASES[name], tmp_path / "project", capsys.readouterr).play()
    for file, text in made.items():
        golden = CASES[name] / file
        if os.environ.get("LFSYNC_UPDATE_GOLDEN"):
            golden.write_text(text, encoding="utf-8")
        assert text == golden.read_text(encoding="utf-8"), f"{name}/{file}"


@pytest.mark.parametrize("name", CASES)
def test_a_case_says_what_it_is_about(name: str) -> None:
    assert (CASES[name] / "desired.yaml").read_text(encoding="utf-8").startswith("# ")


def test_there_are_cases() -> None:
    assert len(CASES) >= 30
