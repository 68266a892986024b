"""The words that plans and outcomes share: actions, counts, durations. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lfsync.model import Action, Place, Refusal, Requests


@dataclass(frozen=True, slots=True)
class Verb:
    """How an action is shown, and what it is called before and after."""

    symbol: str
    style: str
    plan: str
    done: str


ACTIONS: dict[Action, Verb] = {
    "create": Verb("+", "green", "to create", "created"),
    "update": Verb("~", "yellow", "to update", "updated"),
    "adopt": Verb(">", "cyan", "to adopt", "adopted"),
    "restore": Verb("↺", "magenta", "to restore", "restored"),
    "delete": Verb("-", "red", "to delete", "deleted"),
}


def tally(count: Callable[[Action], int | None], word: Callable[[Verb], str]) -> list[str]:
    """`4 to create`, `1 to delete`: the actions that occur, in the order of the table."""
    return [f"{count(action)} {word(verb)}" for action, verb in ACTIONS.items() if count(action)]


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def why_refused(refusal: Refusal) -> str:
    """What a policy says, with its name; what a threshold says says all."""
    return f"policy {refusal.name}: {refusal.message}" if refusal.kind == "policy" else refusal.message


def first_of(names: Sequence[str], most: int) -> str:
    """`a, b and 12 more`: no more than `most` by name; one that could be taken for two stands in quotes."""
    told = ", ".join(json.dumps(name, ensure_ascii=False) if "," in name else name for name in names[:most])
    return f"{told} and {len(names) - most} more" if len(names) > most else told


def shortened(text: str, longest: int) -> str:
    """For a terminal: what is long by what somebody typed, without its middle; id and link, at its ends, stay."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} … {len(text) - 2 * half} more characters … {text[-half:]}"


def requests_text(requests: Requests) -> str:
    counts = (("read", requests.read), ("search", requests.search), ("write", requests.write))
    return ", ".join(f"{count} {name}" for name, count in counts)


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`; what takes any time takes `0.1 s`."""
    if seconds < 9.95:
        return f"{max(seconds, 0.1) if seconds else 0.0:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def spot(place: Place) -> str:
    """`file:line`, or nothing for what no file declares."""
    return f"{place.file}:{place.line}" if place.file else ""


def data_size(some: int, size: int) -> str:
    """`12.5 of 512.0 MiB`, `3 of 31 bytes`: a part of so many bytes."""
    for unit, name in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if size >= unit:
            return f"{some / unit:.1f} of {size / unit:.1f} {name}"
    return f"{some} of {size} bytes"
