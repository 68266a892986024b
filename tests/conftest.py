"""What holds for every test, however the tests were started."""

from __future__ import annotations

import signal

# A shell that starts a job in the background lets it ignore Ctrl-C, and its children inherit that: here they must not.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
