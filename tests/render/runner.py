"""How a runner of GitHub Actions reads a log: the commands in it (actions/runner, ActionCommand.cs)."""

from __future__ import annotations

import re
from typing import NamedTuple


class Command(NamedTuple):
    """What a line made the runner do."""

    name: str
    properties: dict[str, str]
    data: str


def commands(log: str) -> list[Command]:
    """Every line is looked at, whatever printed it: the newer form first, then the older, which may stand anywhere."""
    return [found for line in re.split(r"\r\n|\n|\r", log) if (found := _newer(line) or _older(line))]


def _newer(line: str) -> Command | None:
    found = re.fullmatch(r"::([^ :]+)(?: (.*?))?::(.*)", line.lstrip(), re.DOTALL)
    return found and _command(found[1], (found[2] or "").split(","), found[3])


def _older(line: str) -> Command | None:
    found = re.search(r"##\[(\S+?)(?: (.*?))?\](.*)", line)
    return found and _command(found[1], (found[2] or "").split(";"), found[3])


def _command(name: str, pairs: list[str], data: str) -> Command:
    return Command(
        name, {key: _plain(value) for key, _, value in (pair.partition("=") for pair in pairs) if key}, _plain(data)
    )


def _plain(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text
