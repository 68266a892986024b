"""Makes a failing case small: drops what it fails without. Pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence

from tests.adversary.world import Data

_NEEDED = ("$name", "$title", "$status", "$objectType", "$email", "$startDate", "$endDate")


def sort_of(fault: str) -> str:
    """What kind of fault this is, without names, ids and values."""
    text = fault.partition("): ")[2] or fault
    return " ".join(re.sub(r"[\"'(\[].*", "", re.sub(r"\w*[._]\w+|\d+|-\d+", "*", text)).split()[:4])


def shrink(case: Data, faults: Sequence[str], play: Callable[[Data], Sequence[str]], tries: int) -> Data:
    """A smaller case that fails in the same way, found with so many tries at most."""
    wanted = sort_of(faults[0])
    best, progress = case, True
    while progress and tries:
        progress = False
        for smaller in _smaller(best):
            if not tries:
                break
            tries -= 1
            if any(sort_of(fault) == wanted for fault in play(smaller)):
                best, progress = smaller, True
                break
    return best


def _smaller(case: Data) -> Iterator[Data]:
    """Cases with something left out: the big things first."""
    steps = case["steps"]
    for size in (4, 2, 1):
        for start in range(len(steps) - size, -1, -1):
            yield {**case, "steps": [*steps[:start], *steps[start + size :]]}
    for key, empty in (("filler", {}), ("csv", []), ("defaults", {}), ("uploaded", [])):
        if case.get(key):
            yield {**case, key: empty}
    calm: Data = {key: {} if key == "quirks" else 0 for key, value in case["weather"].items() if value}
    yield from ({**case, "weather": {**case["weather"], key: nothing}} for key, nothing in calm.items())
    yield from _without_some(case, "live", [*range(len(case["live"]))])
    if case.get("uploaded"):
        yield from _without_some(case, "uploaded", [*range(len(case["uploaded"]))])
    yield from _without_some(case, "files", [*case["files"]])
    yield from _calmer_steps(case)
    yield from _poorer_bodies(case)


def _calmer_steps(case: Data) -> Iterator[Data]:
    steps = case["steps"]
    for number, step in enumerate(steps):
        for key in ("during", "between", "end", "only", "prune", "recreate", "key"):
            if step.get(key):
                left = {name: value for name, value in step.items() if name != key}
                yield {**case, "steps": [*steps[:number], left, *steps[number + 1 :]]}


def _poorer_bodies(case: Data) -> Iterator[Data]:
    for address, body in case["files"].items():
        for part in ("relationships", "fields"):
            for key in body.get(part, {}):
                made = copy.deepcopy(case)
                del made["files"][address][part][key]
                if part == "relationships" or key not in _NEEDED:
                    yield made


def _without_some(case: Data, key: str, names: list[str] | list[int]) -> Iterator[Data]:
    """Without half of them, without each."""
    halves = [names[: len(names) // 2], names[len(names) // 2 :]] if len(names) > 3 else []
    for gone in [*halves, *([name] for name in names)]:
        if isinstance(case[key], dict):
            yield {**case, key: {name: value for name, value in case[key].items() if name not in gone}}
        else:
            yield {**case, key: [value for number, value in enumerate(case[key]) if number not in gone]}
