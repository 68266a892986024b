"""Evaluates policies in a process of its own, bounded in time and memory. I/O.

CEL always ends, and may take long: three comprehensions over each other cost the cube of a list. The binding holds the
interpreter while it works, so that nothing but another process can put an end to it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from lfsync.knowledge.knowledge import Knowledge
from lfsync.model import JSON, Address, Change, Schema
from lfsync.planning.policies import Judged, Verdict, asked_of, judged, unanswered, variables
from lfsync.project.settings import Policy

_LONGEST: Final = 20.0  # seconds for all policies and changes together


def judge(
    policies: Sequence[Policy],
    changes: Sequence[Change],
    schema: Schema,
    knowledge: Knowledge,
    names: Callable[[str, str | Address], str],
    *,
    now: str,
) -> Judged:
    """What the policies say of these changes. `now`: ISO 8601."""
    asked = asked_of(policies, changes)
    if not asked:
        return Judged()
    about = {at for group in asked.values() for at in group}
    question: JSON = {
        "now": now,
        "policies": [{"when": policy.when, "about": list(asked.get(n, ()))} for n, policy in enumerate(policies)],
        "changes": {str(at): variables(changes[at], schema, knowledge, names) for at in sorted(about)},
    }
    answers, why = _answers(json.dumps(question).encode())
    verdicts = list(_verdicts(answers))
    return judged(policies, changes, [*verdicts, *unanswered(asked, verdicts, why)])


def _answers(question: bytes) -> tuple[bytes, str]:
    """What the other process wrote, and why that may not be all."""
    command = [sys.executable, "-P", "-m", "lfsync.planning.evaluation"]
    try:
        done = subprocess.run(command, input=question, capture_output=True, timeout=_LONGEST, check=False)
    except subprocess.TimeoutExpired as stopped:
        return stopped.stdout or b"", f"not evaluated: all policies together took longer than {_LONGEST:.0f} seconds"
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    return done.stdout, f"not evaluated: {last[0] if last else f'the evaluation ended with {done.returncode}'}"


def _verdicts(answers: bytes) -> Iterator[Verdict]:
    """A line for each answer; the last one may be cut."""
    whole, _, _ = answers.rpartition(b"\n")
    for line in whole.splitlines():
        found: Mapping[str, JSON] = json.loads(line)
        policy, change, error = found["policy"], found["change"], found["error"]
        assert isinstance(policy, int)
        assert isinstance(change, int)
        yield Verdict(policy, change, found["hit"] is True, None if error is None else str(error))
