"""What holds for every test, however the tests were started."""

from __future__ import annotations

import compileall
import os
import signal
from pathlib import Path

from hypothesis import settings

import lfsync
from tests.effort import FULL

# The same cases every time, so that what passes here passes elsewhere; others each time in the full form.
settings.register_profile("lfsync", derandomize=not FULL)
settings.load_profile("lfsync")

# A shell that starts a job in the background lets it ignore Ctrl-C, and its children inherit that: here they must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The tests start lfsync some thousand times. Where the environment keeps Python from writing bytecode, each of these
# would compile all that it imports; workers leave it to the process that starts them.
if "PYTEST_XDIST_WORKER" not in os.environ:
    compileall.compile_dir(Path(lfsync.__file__).parent, quiet=1)


def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`. Half of a test's time it waits for other processes and for clocks: two tests for each core."""
    return 2 * (os.cpu_count() or 1)
