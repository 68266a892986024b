"""Plain data as YAML text that every reader of YAML 1.2 takes for the same data. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from lfsync.model import JSON
from lfsync.yaml_scalars import UNPRINTABLE, in_flow, scalar

WIDTH: Final = 100  # columns that a list or mapping may take on one line


def entry(key: str, value: JSON, indent: int, *, newline: str = "\n") -> str:
    """`key: value` as lines that begin at column `indent`, each with its line end.

    What is short stands on the key's own line; a text of several lines becomes a literal block where it can.
    """
    return "".join(f"{' ' * indent if line else ''}{line}{newline}" for line in _entry(key, value, indent))


def _entry(key: str, value: JSON, indent: int) -> Iterator[str]:
    name = f"{scalar(key)}:"
    if isinstance(value, str) and _is_literal(value):
        yield f"{name} {'|' if value.endswith(chr(10)) else '|-'}"
        yield from (f"  {line}" if line else "" for line in value.removesuffix("\n").split("\n"))
        return
    line = f"{name} {in_flow(value) if isinstance(value, list | dict) else scalar(value)}"
    if not isinstance(value, list | dict) or not value or indent + len(line) <= WIDTH:
        yield line
        return
    yield name
    yield from (f"  {each}" for each in _block(value, indent + 2))


def _block(value: list[JSON] | Mapping[str, JSON], indent: int) -> Iterator[str]:
    if isinstance(value, list):
        yield from (f"- {in_flow(item)}" for item in value)
        return
    for key, part in value.items():
        yield from _entry(key, part, indent)


def _is_literal(text: str) -> bool:
    """Whether a text can stand as a literal block: several lines, nothing that indentation or folding could change."""
    body = text.removesuffix("\n")
    lines = body.split("\n")
    return (
        len(lines) > 1
        and bool(lines[0].strip())
        and bool(lines[-1].strip())
        and not any(line != line.rstrip() or line.startswith("\t") for line in lines)
        and not lines[0].startswith(" ")
        and not UNPRINTABLE.search(body.replace("\n", ""))
    )
