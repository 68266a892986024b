"""An app on a free port, served by a thread of this process: for tests that stand between lfsync and the sandbox."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from lfsync.sandbox.serve import configuration, listen


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Its URL, for as long as the block runs. What hangs in a request doesn't keep the tests from ending."""
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(configuration(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
