"""Answers that are no API's: the error tells what came, and nothing more is tried than makes sense."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.e2e.rig import KEY, project

_PROJECT = {"crm.yaml": "accounts: {solo: {fields: {$name: Solo}}}\n"}
_PAGE = b"<!doctype html><title>Bad gateway</title><script>alert(1)</script>" + b"<p>down</p>" * 1000


@contextmanager
def _answering(status: int, body: bytes, headers: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """A server with one answer to everything; its URL, and the requests that it got."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(f"{self.command} {self.path}")
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", heard
        server.shutdown()


def test_a_502_with_a_page_is_told_in_a_line(tmp_path: Path) -> None:
    # Retry-After above lfsync's patience: else it would try for half a minute, as it should.
    headers = {"Content-Type": "text/html", "Retry-After": "600"}
    with _answering(502, _PAGE, headers) as (url, heard):
        run = project(tmp_path / "p", url, _PROJECT).lfsync("apply", "--yes", expect=1)
    assert "502" in run.err
    assert "<script>" not in run.err
    assert len(run.err.splitlines()) <= 3
    assert heard == ["GET /v1/auth/validate"]


def test_a_page_where_json_should_be(tmp_path: Path) -> None:
    with _answering(200, _PAGE, {"Content-Type": "text/html"}) as (url, heard):
        run = project(tmp_path / "p", url, _PROJECT).lfsync("apply", "--yes", expect=1)
    assert "/v1/auth/validate" in run.err
    assert heard == ["GET /v1/auth/validate"]


def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    with (
        _answering(200, b"{}", {}) as (other, heard_there),
        _answering(302, b"", {"Location": f"{other}/v1/auth/validate?{KEY}"}) as (url, heard_here),
    ):
        run = project(tmp_path / "p", url, _PROJECT).lfsync("apply", "--yes", expect=1)
    assert "redirect" in run.err.lower()
    assert heard_there == []
    assert len(heard_here) == 1
