"""The emulator in process: an httpx transport that needs no network and cuts connections as a server would."""

from __future__ import annotations

from pathlib import Path

import httpx
from starlette.applications import Starlette

from lfsync.project.settings import SandboxSettings
from lfsync.sandbox.app import create_app
from lfsync.sandbox.errors import CutError


class SandboxTransport(httpx.AsyncBaseTransport):
    """Sends every request to one app; closing it releases the app's database."""

    def __init__(self, app: Starlette) -> None:
        self.app = app
        self._inner = httpx.ASGITransport(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """One request. Raises httpx.RemoteProtocolError where the sandbox cuts the connection."""
        try:
            return await self._inner.handle_async_request(request)
        except CutError:
            message = "Server disconnected without sending a response."
            raise httpx.RemoteProtocolError(message, request=request) from None

    async def aclose(self) -> None:
        """Releases the database."""
        self.app.state.close()


def open_transport(settings: SandboxSettings, *, database: Path, seed: Path | None) -> httpx.AsyncBaseTransport:
    """The emulator on this database file, made and seeded if it is new. Raises ConfigError and UsageError."""
    database.parent.mkdir(parents=True, exist_ok=True)
    return SandboxTransport(create_app(settings, database=database, seed=seed))
