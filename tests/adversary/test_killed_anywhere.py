"""Killed at each request, and before each touch of a file of state, journal or history: what comes after is true.

An apply is killed, or the undo of one; then come undo, plan and apply. The oracle judges each of these runs.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.adversary.forge import Forge
from tests.adversary.play import play
from tests.adversary.stage import Stage
from tests.adversary.world import Data
from tests.effort import size

_FILES: Data = {
    "account.acme": {"fields": {"$name": "Acme", "nickname": "Sunny"}, "relationships": {"parent": "birch"}},
    "account.birch": {"fields": {"$name": "Birch", "score": 2.5}, "relationships": {}},
    "contact.acme": {"fields": {"$name": {"firstName": "Acme", "lastName": "Lind"}}, "relationships": {}},
    "list.acme": {"fields": {"$name": "Acme", "$objectType": "$account"}, "members": ["acme"]},
}
_LIVE = [{"ref": "r1", "kind": "account", "fields": {"$name": "Birch", "nickname": "typed by hand"}}]
_APPLY: Data = {"do": "apply", "how": "yes", "large": True}
_UNDO: Data = {"do": "undo"}
_STEPS = {
    "apply": [_APPLY, _UNDO, {"do": "plan"}, _APPLY],
    "apply twice": [_APPLY, _APPLY, _UNDO, _APPLY],
    "undo": [_UNDO, {"do": "plan"}, _UNDO, _APPLY],
    "undo and apply": [_UNDO, _APPLY, _UNDO],
}


def _moments(way: str) -> Iterator[Data]:
    """Each moment in turn, without an end."""
    number = 0
    while True:
        number += 1
        if way == "a file":
            yield {"call": number, "signal": "KILL"}
        else:
            yield {"at": number, "after": way == "an answer", "writes": False, "signal": "KILL"}


@pytest.mark.parametrize("way", ["a file", "a request", "an answer"])
@pytest.mark.parametrize("which", list(_STEPS))
def test_whatever_kills_a_run_what_follows_is_true(which: str, way: str, smithy: Forge, ground: Stage) -> None:
    first, *after = _STEPS[which]
    for number, moment in enumerate(_moments(way)):
        if number % size(19, 1) != 2 * list(_STEPS).index(which) % size(19, 1):
            continue
        before = [_APPLY] if first is _UNDO else []
        case: Data = {
            "number": 1,
            "weather": {"lag": 0, "faults": 0, "ahead": 0, "quirks": {}},
            "files": _FILES,
            "live": _LIVE,
            "filler": {},
            "uploaded": [],
            "csv": [],
            "steps": [*before, {**first, "end": moment}, *after],
        }
        ended = play(case, smithy, ground)
        assert not ended.faults, "\n".join([str(moment), *ended.faults, *ended.story])
        if not ended.tally["kills"]:
            return
