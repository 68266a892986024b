"""What holds for every test."""

from __future__ import annotations

import signal

# A shell without job control starts `make test &` with SIGINT ignored, and whatever the tests start would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
