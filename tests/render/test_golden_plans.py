"""Three plans in every face. LFSYNC_UPDATE_GOLDEN=1 rewrites the golden files; look at them then.

On the first screen of each a stranger finds the delete, the conflict and the edit that apply would overwrite.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lfsync.model import Plan
from lfsync.planning import plan_file
from lfsync.render.markdown import plan_markdown
from lfsync.render.text import plan_text
from tests.render.golden_plans import CONFLICT, DELETED, OVERWRITTEN, golden_plans

GOLDEN = Path(__file__).parent / "golden"
SCREEN = 24  # lines
PLANS = golden_plans()


def as_json(plan: Plan) -> str:
    """Whatever version of lfsync made it."""
    lines = plan_file.dumps(plan).splitlines()
    return "\n".join(line for line in lines if not line.startswith(('"lfsync_version"', '"fingerprint"'))) + "\n"


FACES: dict[str, Callable[[Plan], str]] = {
    "80.txt": lambda plan: plan_text(plan, width=80, color=False),
    "pipe.txt": lambda plan: plan_text(plan, width=None, color=False),
    "brief.txt": lambda plan: plan_text(plan, width=80, color=False, brief=True),
    "md": plan_markdown,
    "brief.md": lambda plan: plan_markdown(plan, brief=True),
    "json": as_json,
}


@pytest.mark.parametrize(
    ("name", "face"), [(name, face) for name in PLANS for face in FACES if (name, face) != ("large", "80.txt")]
)
def test_golden(name: str, face: str) -> None:
    path, made = GOLDEN / f"{name}.{face}", FACES[face](PLANS[name])
    if os.environ.get("LFSYNC_UPDATE_GOLDEN"):
        path.write_text(made, encoding="utf-8")
    assert made == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["thirty", "large"])
@pytest.mark.parametrize("face", [face for face in FACES if face != "json"])
def test_a_stranger_finds_what_matters_on_the_first_screen(face: str, name: str) -> None:
    screen = FACES[face](PLANS[name]).splitlines()[:SCREEN]
    for address, word in ((DELETED, "delete"), (CONFLICT, "conflict"), (OVERWRITTEN, "overwrit")):
        (place,) = [n for n, line in enumerate(screen) if str(address) in line][:1]
        assert any(word in line.lower() for line in screen[: place + 1])


def test_a_program_finds_them_by_their_action_and_cause() -> None:
    """JSON has the order of dependencies; what it counts stands on its first lines."""
    text = as_json(PLANS["large"])
    assert (
        json.loads(next(line for line in text.splitlines() if line.startswith('"summary"'))[len('"summary": ') : -1])[
            "delete"
        ]
        == 1
    )
    changes = json.loads(text)["changes"]
    assert [c["address"] for c in changes if c["action"] == "delete"] == [str(DELETED)]
    assert [c["address"] for c in changes if c["cause"] == "conflict"] == [str(CONFLICT)]
    assert [c["address"] for c in changes if c["cause"] == "drift"] == [str(OVERWRITTEN)]


@pytest.mark.parametrize(("name", "count"), [("one", 1), ("thirty", 30), ("large", 3000)])
def test_they_are_as_large_as_they_are_called(name: str, count: int) -> None:
    assert len(PLANS[name].changes) == count
    assert len({change.address for change in PLANS[name].changes}) == count
