"""What is wrong, for programs: `{problems: [{file, line, column, address, message, hint}]}`. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable

from lfsync.errors import ConfigError, LfsyncError, Problem
from lfsync.model import JSON
from lfsync.planning.plan_file import safe


def problems_json(problems: Iterable[Problem]) -> str:
    """One for each place; what is not known of one is null."""
    return safe(json.dumps({"problems": [problem_json(problem) for problem in problems]}, ensure_ascii=False, indent=2))


def problems_of(error: BaseException) -> tuple[Problem, ...]:
    """What is wrong, all of it."""
    if isinstance(error, ConfigError):
        return error.problems
    if isinstance(error, LfsyncError):
        return (Problem(error.message, hint=error.hint),)
    return (Problem("interrupted" if isinstance(error, KeyboardInterrupt) else f"a bug: {type(error).__name__}"),)


def problem_json(problem: Problem) -> dict[str, JSON]:
    """One of them."""
    place = problem.place
    return {
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "address": problem.address,
        "message": problem.message,
        "hint": problem.hint,
    }
