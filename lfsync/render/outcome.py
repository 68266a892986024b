"""What an apply did, as its closing summary. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from lfsync.kinds import rank
from lfsync.model import Outcome, Requests, Status
from lfsync.render.lines import Line, Span, layout, line
from lfsync.render.words import duration, requests_text, spot, tally

# The worst first; what is not here needs nobody's attention.
_HEADINGS: dict[Status, str] = {
    "failed": "Failed",
    "not converged": "Not converged: written, but Lightfield shows something else",
    "stale": "Stale: changed in Lightfield after the plan, left alone",
    "blocked": "Blocked: could not be planned",
    "skipped": "Skipped: what they depend on is missing",
}
_WRITTEN: tuple[Status, ...] = ("done", "not converged")
_NAMED = 3


def run_text(
    outcomes: Sequence[Outcome],
    *,
    blocked: int = 0,
    seconds: float,
    requests: Requests,
    width: int | None,
    color: bool,
) -> str:
    """The summary, whatever did not go well with its reason, and the summary again. `width` as in `plan_text`.

    `blocked`: what the plan could not plan, and has told of.
    """
    return layout(_lines(outcomes, blocked, seconds, requests), width=width, color=color)


def run_summary(outcomes: Sequence[Outcome], blocked: int = 0) -> str:
    """`Applied: 4 created, 1 updated; 5 converged, 1 failed, 6 blocked.`: every outcome, and what is not planned."""
    if not outcomes:
        return f"Nothing to do; {blocked} blocked." if blocked else "Nothing to do."
    actions = Counter(outcome.action for outcome in outcomes if outcome.status in _WRITTEN)
    statuses = Counter(outcome.status for outcome in outcomes)
    statuses["blocked"] += blocked
    half_done = any(each.is_unknown or (each.action == "create" and each.id) for each in outcomes)
    nothing = "nothing confirmed" if half_done else "nothing written"
    done = ", ".join(tally(actions.__getitem__, lambda verb: verb.done)) or nothing
    proof = f"{statuses['done'] + statuses['unchanged']} converged, {statuses['not converged']} not converged"
    left = [status for status in _HEADINGS if status not in _WRITTEN and statuses[status]]
    return f"Applied: {done}; {proof}{''.join(f', {statuses[status]} {status}' for status in left)}."


def _lines(outcomes: Sequence[Outcome], blocked: int, seconds: float, requests: Requests) -> Iterator[Line]:
    summary = line(Span(run_summary(outcomes, blocked), "bold"))
    trouble = sorted((each for each in outcomes if each.status in _HEADINGS), key=_worst_first)
    if trouble:
        yield summary
    for status, group in groupby(trouble, key=lambda outcome: outcome.status):
        yield line()
        yield line(Span(_HEADINGS[status], "bold red"))
        for alike in _alike(group):
            yield from _together(alike)
    if trouble:
        yield line()
    if outcomes:
        yield line(f"Requests: {requests_text(requests)} in {duration(seconds)}", hang=9)
    yield summary


def _alike(outcomes: Iterable[Outcome]) -> list[list[Outcome]]:
    """What ended for one and the same reason, together: a run that was stopped says once why, not for each change."""
    groups: dict[tuple[str | None, str | None], list[Outcome]] = {}
    for number, outcome in enumerate(outcomes):
        key = (outcome.reason, outcome.hint) if outcome.reason else (None, str(number))
        groups.setdefault(key, []).append(outcome)
    return list(groups.values())


def _together(outcomes: list[Outcome]) -> Iterator[Line]:
    first = outcomes[0]
    if first.status == "skipped" and len(outcomes) > 1:
        names = ", ".join(str(outcome.address) for outcome in outcomes[:_NAMED])
        more = f" and {len(outcomes) - _NAMED} more" if len(outcomes) > _NAMED else ""
        yield line("  ", Span(f"! {len(outcomes)} changes", "bold red"), f": {first.reason} ({names}{more})", hang=6)
    else:
        for outcome in outcomes:
            yield _headed(outcome)
        if first.reason:
            yield line(f"      {first.reason}", hang=6)
    if first.hint:
        yield line("      ", Span(first.hint, "cyan"), hang=6)


def _headed(outcome: Outcome) -> Line:
    where = spot(outcome.source) if outcome.source else ""
    return line(
        "  ",
        Span(f"! {outcome.address}", "bold red"),
        f"  {outcome.action}",
        f"  {outcome.id}" if outcome.id else "",
        Span(f"  {where}" if where else "", "dim"),
        hang=6,
    )


def _worst_first(outcome: Outcome) -> tuple[int, tuple[int, str, str]]:
    return (list(_HEADINGS).index(outcome.status), rank(outcome.address))
