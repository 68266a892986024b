"""The emulator over real HTTP: one uvicorn server, whose connections can be cut."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from lfsync.errors import UsageError
from lfsync.project.settings import SandboxSettings
from lfsync.sandbox.app import create_app
from lfsync.sandbox.gate import ABORT

_MEMORY = ":memory:"


class CuttableProtocol(H11Protocol):
    """Tells the app, in each request's scope, how to cut the connection (X3)."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wraps the app for this connection."""
        super().connection_made(transport)
        app = self.app

        async def with_abort(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})[ABORT] = transport.abort
            await app(scope, receive, send)

        self.app = with_abort


def serve(settings: SandboxSettings, *, host: str, port: int, database: Path | None, seed: Path | None) -> None:
    """Serves until Ctrl-C or SIGTERM. Port 0 takes a free one. The first line on stdout tells the address.

    Without `database` the records live in memory. Raises ConfigError, and UsageError for an address in use.
    """
    app = create_app(settings, database=database or _MEMORY, seed=seed)
    try:
        server = uvicorn.Server(configuration(app))
        with listen(host, port) as listener, _stopped_by_signals(server):
            shown = f"[{host}]" if ":" in host else host
            sys.stdout.write(f"listening on http://{shown}:{listener.getsockname()[1]}\n")
            sys.stdout.flush()
            server.run(sockets=[listener])
    finally:
        app.state.close()


def configuration(app: Any) -> uvicorn.Config:
    """How uvicorn is to serve the app: silent, and with the app's own Date header."""
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    return uvicorn.Config(
        app,
        http=CuttableProtocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level=logging.CRITICAL,
        access_log=False,
        date_header=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket for uvicorn; port 0 is a free one. UsageError where that can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP: asyncio looks at that before it has each part of an answer sent at once. Else Nagle's algorithm
    # holds the second part of each answer back until the first is acknowledged, 40 ms later.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(f"can't listen on {host}:{port}: {error}", hint="choose another --host or --port") from error
    listener.listen(128)
    return listener


@contextmanager
def _stopped_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Ctrl-C and SIGTERM are the wanted end, also in the moment before uvicorn listens to them itself.

    An exception in that moment would leave a coroutine behind that nobody awaits. uvicorn raises its signals again.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
