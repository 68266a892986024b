"""Sequences that once broke a promise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.adversary.forge import Forge
from tests.adversary.play import play
from tests.adversary.stage import Stage

CASES = sorted(Path(__file__).with_name("cases").glob("*.json"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_kept_sequence_keeps_the_promises(path: Path, smithy: Forge, ground: Stage) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    ended = play(case, smithy, ground)
    assert not ended.faults, "\n".join([case["about"], *ended.faults, *ended.story])
