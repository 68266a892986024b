"""What an apply did, for programs: one JSON document at its end, and a line for each event as it happens. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from lfsync import __version__
from lfsync.model import JSON, Action, Address, Change, Outcome, Plan, Requests, Status
from lfsync.planning.plan_file import Part, PlaceData, PlanData, RequestsData, safe, schema_of, to_json


class OutcomeData(Part):
    """What became of one change; `reason` and `hint` say why where it is not `done`."""

    address: str
    action: Action
    status: Status
    id: str | None
    reason: str | None
    hint: str | None
    source: PlaceData | None


class ProblemData(Part):
    """What is wrong, where, and what to do; what is not known of it is null."""

    file: str | None
    line: int | None
    column: int | None
    address: str | None
    message: str
    hint: str | None


class RunData(Part):
    """What `lfsync apply --format json` and `lfsync undo --format json` print. `run`: its name in the history."""

    plan: PlanData
    run: str | None
    outcomes: list[OutcomeData]
    requests: RequestsData
    exit_code: int


class _Event(Part):
    time: str


class VersionEvent(_Event):
    """The first event."""

    type: Literal["version"]
    address: None
    lfsync_version: str
    format_version: Literal[1]


class PlannedEvent(_Event):
    """A change is planned; all of them come before the first that is started."""

    type: Literal["planned"]
    address: str
    action: Action


class StartedEvent(_Event):
    """A change is begun."""

    type: Literal["started"]
    address: str
    action: Action


class WrittenEvent(_Event):
    """A write of this address was answered; a change may take several."""

    type: Literal["written"]
    address: str
    id: str


class OutcomeEvent(OutcomeData):
    """What became of one change."""

    type: Literal["outcome"]
    time: str


class SummaryEvent(_Event):
    """The last event: how many changes came to each status, and how the command ended."""

    type: Literal["summary"]
    address: None
    run: str | None
    outcomes: dict[Status, int]
    blocked: int
    requests: RequestsData
    exit_code: int
    problems: list[ProblemData]


AnyEvent = Annotated[
    VersionEvent | PlannedEvent | StartedEvent | WrittenEvent | OutcomeEvent | SummaryEvent,
    Field(discriminator="type"),
]


def run_json(plan: Plan, run: str | None, outcomes: Iterable[Outcome], requests: Requests, exit_code: int) -> str:
    """The document of a run that has ended, whatever its end."""
    data: dict[str, JSON] = {
        "plan": to_json(plan),
        "run": run,
        "outcomes": [_outcome(outcome) for outcome in outcomes],
        "requests": _requests(requests),
        "exit_code": exit_code,
    }
    return safe(json.dumps(data, ensure_ascii=False, indent=2))


def event(type: str, time: str, address: Address | None = None, **more: JSON) -> str:
    """One event, on a line of its own."""
    data = {"type": type, "time": time, "address": None if address is None else str(address), **more}
    return safe(json.dumps(data, ensure_ascii=False)) + "\n"


def version(time: str) -> str:
    """The first event."""
    return event("version", time, lfsync_version=__version__, format_version=1)


def planned(time: str, change: Change) -> str:
    """What the plan holds."""
    return event("planned", time, change.address, action=change.action)


def ended(time: str, outcome: Outcome) -> str:
    """A change has come to its end."""
    told = _outcome(outcome)
    del told["address"]
    return event("outcome", time, outcome.address, **told)


def summary(
    time: str,
    *,
    run: str | None,
    outcomes: Mapping[Status, int],
    blocked: int,
    requests: Requests,
    exit_code: int,
    problems: Sequence[Mapping[str, JSON]],
) -> str:
    """The last event."""
    return event(
        "summary",
        time,
        run=run,
        outcomes=dict(outcomes.items()),
        blocked=blocked,
        requests=_requests(requests),
        exit_code=exit_code,
        problems=[dict(problem) for problem in problems],
    )


def run_schema() -> dict[str, JSON]:
    """The JSON Schema of what `apply --format json` prints."""
    return schema_of(TypeAdapter(RunData), "lfsync run")


def event_schema() -> dict[str, JSON]:
    """The JSON Schema of each line of `apply --events`."""
    return schema_of(TypeAdapter(AnyEvent), "lfsync event")


def _outcome(outcome: Outcome) -> dict[str, JSON]:
    source = outcome.source
    return {
        "address": str(outcome.address),
        "action": outcome.action,
        "status": outcome.status,
        "id": outcome.id,
        "reason": outcome.reason,
        "hint": outcome.hint,
        "source": None if source is None else {"file": source.file, "line": source.line, "column": source.column},
    }


def _requests(requests: Requests) -> dict[str, JSON]:
    return {"read": requests.read, "search": requests.search, "write": requests.write}
