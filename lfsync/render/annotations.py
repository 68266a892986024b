"""Problems, and what a plan needs a person for, as annotations of GitHub Actions. Pure.

A runner takes each line of a log that begins with `::` for a command, and obeys it. So here is one line for each
annotation, whatever somebody typed into a file or into the CRM: `%`, line ends and, in the properties, `:` and `,` are
encoded as the runner decodes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

from lfsync.errors import Problem
from lfsync.kinds import rank
from lfsync.model import Address, Place, Plan, Refusal
from lfsync.render.reading_order import headline
from lfsync.render.terminal import alike, alike_text, escape
from lfsync.render.words import why_refused

Level: TypeAlias = Literal["error", "warning", "notice"]

# What a warning says first where it has a place: `data/companies.csv:14: the pattern ...`.
_PLACED = re.compile(r"([^:\n]+\.(?:ya?ml|csv|tsv|jsonl|sql)):(\d+)(?::(\d+))?: (.+)", re.DOTALL)


def problem_annotations(problems: Iterable[Problem], folder: str) -> str:
    """Every problem, alike ones as one (rule C16): GitHub shows ten. `folder`: the project's, in its repository."""
    return "".join(_problem(group, folder) for group in alike(problems))


def warning_annotations(warnings: Iterable[str], folder: str) -> str:
    return "".join(_warning(text, folder) for text in warnings)


def plan_annotations(plan: Plan, folder: str) -> str:
    """What is blocked, why apply would refuse the plan, its warnings, and its summary."""
    return "".join(_of_plan(plan, folder))


def _of_plan(plan: Plan, folder: str) -> Iterator[str]:
    for blocked in sorted(plan.blocked, key=lambda one: rank(one.address)):
        said = f"blocked: {blocked.reason}", blocked.hint or ""
        yield _annotation("error", said, folder, blocked.source, str(blocked.address))
    sources = {change.address: change.source for change in plan.changes}
    yield from (_refusal(refusal, sources, folder) for refusal in plan.refusals)
    yield warning_annotations((warning.message for warning in plan.warnings), folder)
    for change in plan.changes:
        for warning in change.warnings:
            yield _annotation("warning", (warning,), folder, change.source, str(change.address))
    yield _annotation("notice", (headline(plan),), folder)


def _refusal(refusal: Refusal, sources: Mapping[Address, Place], folder: str) -> str:
    """At the change that it is about; a threshold that many are above stands nowhere in particular."""
    is_policy = refusal.kind == "policy"
    said = f"apply would refuse this: {why_refused(refusal)}"
    at = refusal.addresses[0] if is_policy or len(refusal.addresses) == 1 else None
    return _annotation("error", (said,), folder, sources.get(at) if at else None, str(at or ""))


def _problem(group: Sequence[Problem], folder: str) -> str:
    first = group[0]
    said = (first.message, first.hint or "", alike_text(group))
    return _annotation("error", said, folder, first.place, first.address or "")


def _warning(text: str, folder: str) -> str:
    if placed := _PLACED.fullmatch(text):
        file, line, column, said = placed.groups()
        return _annotation("warning", (said,), folder, Place(file, int(line), int(column or 0)))
    return _annotation("warning", (text,), folder)


def _annotation(level: Level, said: Iterable[str], folder: str, place: Place | None = None, title: str = "") -> str:
    """One command, and the end of its line. What is empty in `said` is no line of it."""
    properties = {"file": "", "line": "", "col": "", "title": title or "lfsync"}
    if place is not None and place.file:
        properties["file"] = f"{folder}/{place.file}" if folder and not place.file.startswith("/") else place.file
        properties["line"], properties["col"] = (str(number) if number else "" for number in place[1:])
    given = ",".join(f"{key}={_property(text)}" for key, text in properties.items() if text)
    return f"::{level} {given}::{_data(chr(10).join(escape(text) for text in said if text))}\n"


def _property(text: str) -> str:
    return _data(escape(text)).replace(":", "%3A").replace(",", "%2C")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
