"""What is wrong, for programs: `{problems: [{file, line, column, address, message, hint}]}`. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from lfsync.errors import Problem
from lfsync.model import JSON
from lfsync.planning.plan_file import safe


def problems_json(problems: Iterable[Problem]) -> str:
    """One for each place; what is not known of one is null."""
    return safe(json.dumps({"problems": [_problem(problem) for problem in problems]}, ensure_ascii=False, indent=2))


def _problem(problem: Problem) -> dict[str, JSON]:
    place = problem.place
    return {
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "address": problem.address,
        "message": problem.message,
        "hint": problem.hint,
    }
