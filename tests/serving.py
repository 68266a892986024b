"""An app on a free port, served by a thread of this process: for tests that stand between lfsync and the sandbox."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from lfsync.sandbox.serve import configuration


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Its URL, for as long as the block runs. What hangs in a request doesn't keep the tests from ending."""
    # Named as TCP, for only then asyncio sends each part of an answer at once; else the second waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    server = uvicorn.Server(configuration(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
