"""What holds for every test, however the tests were started."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

from tests.effort import FULL

# The same cases every time, so that what passes here passes elsewhere; others each time in the full form.
settings.register_profile("lfsync", derandomize=not FULL)
settings.load_profile("lfsync")

# A shell that starts a job in the background lets it ignore Ctrl-C, and its children inherit that: here they must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`. Half of a test's time it waits for other processes and for clocks: two tests for each core."""
    return 2 * (os.cpu_count() or 1)
