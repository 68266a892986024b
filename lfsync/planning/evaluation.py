"""The process that evaluates policies: a question on stdin, a line of JSON on stdout for each answer. I/O.

`{"now", "policies": [{"when", "about": [number]}], "changes": {number: variables}}` is the question,
`{"policy", "change", "hit", "error"}` an answer. `lfsync/planning/judge.py` asks, and ends it where it takes too long.
"""

from __future__ import annotations

import json
import resource
import sys
from contextlib import suppress
from datetime import datetime
from typing import Final

import cel

from lfsync.model import JSON

_MEMORY: Final = 2 << 30  # bytes


def main() -> None:
    """Answer everything that is asked, in the order of the changes."""
    with suppress(ValueError, OSError):  # not every system bounds this
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    question = json.load(sys.stdin)
    now = datetime.fromisoformat(question["now"])
    programs = [(cel.compile(policy["when"]), set(policy["about"])) for policy in question["policies"]]
    for number, variables in question["changes"].items():
        known = {**variables, "now": now}
        for policy, (program, about) in enumerate(programs):
            if int(number) in about:
                hit, error = evaluate(program, known)
                answer = {"policy": policy, "change": int(number), "hit": hit, "error": error}
                sys.stdout.write(json.dumps(answer) + "\n")
                sys.stdout.flush()  # what is answered counts, whatever becomes of the rest


def evaluate(program: cel.Program, variables: dict[str, JSON | datetime]) -> tuple[bool, str | None]:
    """Whether an expression is true of these; the error where it has no answer, or one that is neither."""
    try:
        answer = program.execute(variables)
    except KeyError as error:
        return False, f"there is no {error}"
    except (RuntimeError, TypeError, ValueError, OverflowError, MemoryError, IndexError) as error:
        return False, (str(error) or type(error).__name__).splitlines()[0]
    return (answer, None) if isinstance(answer, bool) else (False, "it gives neither true nor false")


if __name__ == "__main__":
    main()
