"""What an apply did, as its closing summary. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
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


def run_text(outcomes: Sequence[Outcome], *, seconds: float, requests: Requests, width: int | None, color: bool) -> str:
    """The summary, whatever did not go well with its reason, and the summary again. `width` as in `plan_text`."""
    return layout(_lines(outcomes, seconds, requests), width=width, color=color)


def run_summary(outcomes: Sequence[Outcome]) -> str:
    """`Applied: 4 created, 1 updated; 5 converged, 1 failed.`"""
    if not outcomes:
        return "Nothing to do."
    actions = Counter(outcome.action for outcome in outcomes if outcome.status in _WRITTEN)
    statuses = Counter(outcome.status for outcome in outcomes)
    done = ", ".join(tally(actions.__getitem__, lambda verb: verb.done)) or "nothing written"
    proof = f"{statuses['done'] + statuses['unchanged']} converged, {statuses['not converged']} not converged"
    left = [status for status in _HEADINGS if status not in _WRITTEN and statuses[status]]
    return f"Applied: {done}; {proof}{''.join(f', {statuses[status]} {status}' for status in left)}."


def _lines(outcomes: Sequence[Outcome], seconds: float, requests: Requests) -> Iterator[Line]:
    trouble = sorted((each for each in outcomes if each.status in _HEADINGS), key=_worst_first)
    if trouble:
        yield line(Span(run_summary(outcomes), "bold"))
    for status, group in groupby(trouble, key=lambda outcome: outcome.status):
        yield line()
        yield line(Span(_HEADINGS[status], "bold red"))
        for outcome in group:
            yield from _outcome(outcome)
    if trouble:
        yield line()
    if outcomes:
        yield line(f"Requests: {requests_text(requests)} in {duration(seconds)}", hang=9)
    yield line(Span(run_summary(outcomes), "bold"))


def _outcome(outcome: Outcome) -> Iterator[Line]:
    where = spot(outcome.source) if outcome.source else ""
    yield line(
        "  ",
        Span(f"! {outcome.address}", "bold red"),
        f"  {outcome.action}",
        f"  {outcome.id}" if outcome.id else "",
        Span(f"  {where}" if where else "", "dim"),
        hang=6,
    )
    if outcome.reason:
        yield line(f"      {outcome.reason}", hang=6)
    if outcome.hint:
        yield line("      ", Span(outcome.hint, "cyan"), hang=6)


def _worst_first(outcome: Outcome) -> tuple[int, tuple[int, str, str]]:
    return (list(_HEADINGS).index(outcome.status), rank(outcome.address))
