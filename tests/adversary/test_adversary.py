"""Random sequences, held to the promises (design.md, sections 1, 4, 6 to 8, 10).

LFSYNC_ADVERSARY_SEED chooses others. A sequence that breaks a promise is made small and shown as a file for `cases/`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lfsync.sandbox.quirks import QUIRKS
from tests.adversary.forge import Forge
from tests.adversary.play import play
from tests.adversary.shrink import shrink
from tests.adversary.stage import Stage
from tests.adversary.world import Maker
from tests.effort import size

SEED = int(os.environ.get("LFSYNC_ADVERSARY_SEED", "1"))
# These two write of their own accord, so that nobody can tell who wrote what.
_SERVER_WRITES = ("enrichment", "generated-texts")
CHOICES = [(quirk.name, quirk.values) for quirk in QUIRKS if quirk.name not in _SERVER_WRITES]


@pytest.mark.parametrize("number", range(size(60, 1000)))
def test_a_random_sequence_keeps_the_promises(
    number: int, smithy: Forge, ground: Stage, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    case = Maker(SEED * 100_000 + number, CHOICES).case()
    faults, story, tally = play(case, smithy, ground)
    record_property("adversary", {"sequences": 1, **tally, "promises broken": len(faults)})
    if faults:
        small = shrink(case, faults, lambda smaller: play(smaller, smithy, ground).faults, size(60, 150))
        path = tmp_path / "case.json"
        path.write_text(json.dumps({"about": faults[0], **small}, indent=1, ensure_ascii=False) + "\n")
        pytest.fail("\n".join([*faults, *story, f"kept in {path}:", path.read_text()]), pytrace=False)
