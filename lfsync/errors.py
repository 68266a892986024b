"""The exception tree. Pure: errors carry data, the command line words them.

LfsyncError                 exit 1   message and hint for a person
├── ConfigError             exit 1   every problem of the files, each with its place
├── UsageError              exit 1   the command line asks for something that can't be
├── StateError              exit 1   the state can't be read, or written
│   └── UnkeptError         exit 1   a state elsewhere can't be written; the journal of this machine holds what it lacks
├── StoppedError            exit 3   an apply ended early, after it had written something
│   └── UnrecordedError     exit 3   what it wrote can't be noted down
├── RefusedError            exit 4   foreign state or plan, safety threshold, missing scope
└── ApiError                exit 1   the API's answer: status, type, code, param, message
    ├── CredentialsError    exit 1   401
    ├── ForbiddenError      exit 4   403: the key lacks a scope or a role
    ├── NotFoundError       exit 1   404
    ├── RejectedError       exit 1   400, 409, 415, 422: the request itself is at fault
    ├── UnreadableError     exit 1   a success that can't be read
    └── UnavailableError    exit 1   no answer, or 408, 429 and 5xx to the last try
        ├── LostError       exit 1   no answer to a request that must not be sent twice (rule A5)
        ├── OutageError     exit 1   so it was with every request for a minute: the run stops (rule A5)
        └── LockLostError   exit 4   it was not sent, for the state's lock is ours no more: the run stops (rule K3)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from lfsync.model import Place


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in the files: where, at which address, what is wrong, what to do."""

    message: str
    place: Place | None = None
    address: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        where = [str(part) for part in (self.place, self.address) if part]
        line = ": ".join([*where, self.message])
        return f"{line}\n    {self.hint}" if self.hint else line


class LfsyncError(Exception):
    """Anything lfsync says no with. `hint` tells what to do about it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(LfsyncError):
    """All the problems of a project at once."""

    def __init__(self, problems: Iterable[Problem], *, workspace: str | None = None, saved: str | None = None) -> None:
        """`workspace` is the one whose definitions the files were checked against; `saved`: since when, if not live."""
        self.workspace = workspace
        self.saved = saved
        self.problems = tuple(sorted(set(problems), key=_by_place))
        count = len(self.problems)
        super().__init__(f"{count} problem{'' if count == 1 else 's'} in the configuration")


class DeclinedError(LfsyncError):
    """The answer to the question was no."""

    def __init__(self) -> None:
        super().__init__("Nothing was written.")


class UsageError(LfsyncError):
    """The command line asks for something that can't be."""


class StateError(LfsyncError):
    """The state can't be read, or written."""


class UnkeptError(StateError):
    """A state that lies elsewhere can't be written: what it lacks is in the journal of this machine."""


class StoppedError(LfsyncError):
    """An apply ended early, and something is written: that is never exit 1 (design.md, section 8)."""

    exit_code = 3


class UnrecordedError(StoppedError):
    """What an apply wrote can't be noted down, so it stopped: the disk is full, or a folder can't be written."""


class RefusedError(LfsyncError):
    """Nothing is wrong with the request; lfsync will not do it."""

    exit_code = 4


class ApiError(LfsyncError):
    """An answer of the API that is no success (API sheet, section 11).

    `status` is None when no answer came. `param` is the API's own: `fields.$name`, `relationships.$owner`.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        type: str | None = None,
        code: str | None = None,
        param: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.type = type
        self.code = code
        self.param = param


class CredentialsError(ApiError):
    """401: no key, a wrong key or a revoked one."""


class ForbiddenError(ApiError):
    """403: the key lacks a scope or its maker a role."""

    exit_code = 4


class NotFoundError(ApiError):
    """404: no such id, or one that this key may not see."""


class RejectedError(ApiError):
    """400, 409, 415, 422: the request is at fault and will be again."""


class UnreadableError(ApiError):
    """A success that is not what the API documents. A write may have been done."""


class UnavailableError(ApiError):
    """No answer, or none but 408, 429 and 5xx. The outcome of a write is unknown."""


class LostError(UnavailableError):
    """It may have been done or not, and is not sent again: nothing promises that it would not be done twice."""


class OutageError(UnavailableError):
    """For a minute no request got an answer that is any use. Everyone who waits is told the same, once and for all."""


class LockLostError(UnavailableError):
    """The lock of the state is ours no more, or may not be: nothing is written any more (rule K3)."""

    exit_code = 4


def _by_place(problem: Problem) -> tuple[str, int, int, str]:
    place = problem.place or Place("", 0, 0)
    return (place.file, place.line, place.column, problem.message)
