"""What a library words, and lfsync keeps as a file, is the same only with the version that is locked."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest

_LOCK = Path(__file__).parents[1] / "requirements" / "dev.txt"


def skip_unless_locked(package: str) -> None:
    """Skip a test of generated files where another version of their generator is at work (`make test-latest`)."""
    found = re.search(rf"^{package}==(\S+)", _LOCK.read_text("utf-8"), re.MULTILINE)
    assert found, f"{package} is not locked"
    if version(package) != found[1]:
        pytest.skip(f"the files are those of {package} {found[1]}")
