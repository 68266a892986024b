"""Standard streams that never fail: a reader that left, a closed stream, a full disk end no run in its middle. I/O."""

from __future__ import annotations

import errno
import io
import os
import sys
from select import select
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# Nobody listens any more, which is nobody's fault: `lfsync plan | head`.
_GONE = (errno.EPIPE, errno.ECONNRESET)


class _Sink(io.FileIO):
    """A file descriptor. What can't be written to it is dropped, and `error` says why."""

    error: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """How much of `data` is out, or as good as: the run goes on, whatever becomes of its words."""
        while self.error is None:
            try:
                return os.write(self.fileno(), data)
            except BlockingIOError:  # another program made this pipe non-blocking, and it is full just now
                select([], [self], [])
            except OSError as error:
                self.error = error
        return memoryview(data).nbytes


def install() -> None:
    """Put them in place of Python's own. A stream that is closed becomes one that holds nothing and keeps nothing.

    It must not stay closed: the next file to be opened, such as the state, would become the standard output.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            closed = os.open(os.devnull, os.O_RDWR)
            if closed != number:
                os.dup2(closed, number)
                os.close(closed)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = _writer(1, sys.stdout)
    sys.stderr = _writer(2, sys.stderr)


def failure() -> str | None:
    """Why what went to stdout is not all there; None if it is, or if its reader did not want more."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    error = raw.error if isinstance(raw, _Sink) else None
    return None if error is None or error.errno in _GONE else error.strerror


def _writer(number: int, replaced: TextIO | None) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(_Sink(number, "w", closefd=False)),
        encoding=getattr(replaced, "encoding", None) or "utf-8",
        errors="backslashreplace" if number == 2 else getattr(replaced, "errors", None),
        line_buffering=number == 2 or os.isatty(number),
    )
