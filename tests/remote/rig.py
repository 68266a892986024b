"""A real S3 server in a process of its own, a proxy before it that fails on demand, and machines that share a state."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal, NamedTuple

from lfsync.state.lease import Lock, lock_of
from lfsync.state.state import State, decode
from tests.e2e.rig import KEY, TIMEOUT, Project, Run, checked, clean_environment

BUCKET = "team-states"
STATE_URL = f"s3://{BUCKET}/crm/prod.jsonl"
LOCK = "crm/prod.jsonl.lock"
LEASE = "3,1,0.4,5,30"  # seconds: lease, margin, every, renewal, patience

# What a fault does to a request: an answer instead of the work, a cut before it, a cut after it.
Fault = Literal["503", "403", "cut", "lost"] | None


class Asked(NamedTuple):
    """One request to the store."""

    method: str
    name: str


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def _served(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.store.fault(Asked(self.command, self.path))
        if fault == "503":
            self._answer(503, {}, b"<Error><Code>SlowDown</Code></Error>")
        elif fault == "403":
            self._answer(403, {}, b"<Error><Code>AccessDenied</Code></Error>")
        elif fault == "cut":
            self._cut()
        else:
            answer = self.store.forward(self.command, self.path, dict(self.headers.items()), body)
            self._cut() if fault == "lost" else self._answer(*answer)

    do_GET = do_PUT = do_DELETE = do_HEAD = do_POST = _served  # noqa: N815

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _cut(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing to say."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked may be gone: machines are killed."""


@dataclass
class Store:
    """The S3 server as the machines see it. `fault` says what becomes of each request."""

    backend: int
    url: str = ""
    fault: Callable[[Asked], Fault] = lambda asked: None
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def forward(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """The server's own answer. S3 looks at a condition and writes in one step; moto does, asked one at a time."""
        with self._one_at_a_time:
            connection = http.client.HTTPConnection("127.0.0.1", self.backend, timeout=TIMEOUT)
            connection.request(method, path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            found = answer.status, dict(answer.getheaders()), answer.read()
            connection.close()
            return found

    @property
    def environment(self) -> dict[str, str]:
        """What a machine's environment says of the store."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "AKIATEST",
            "AWS_SECRET_ACCESS_KEY": "SecretOfTheStore",
            "AWS_REGION": "us-east-1",
            "NO_PROXY": "127.0.0.1",
        }

    def lock(self) -> Lock:
        body = self.get(LOCK)
        assert body is not None
        found = lock_of(body)
        assert found is not None
        return found

    def get(self, name: str = "crm/prod.jsonl") -> bytes | None:
        status, _, body = self.forward("GET", f"/{BUCKET}/{name}", _signed(), b"")
        return body if status == 200 else None

    def put(self, body: bytes, name: str = "crm/prod.jsonl") -> None:
        assert self.forward("PUT", f"/{BUCKET}/{name}", _signed(), body)[0] == 200

    def delete(self, name: str = "crm/prod.jsonl") -> None:
        self.forward("DELETE", f"/{BUCKET}/{name}", _signed(), b"")

    def state(self) -> State:
        body = self.get()
        assert body is not None
        return decode(body.decode(), STATE_URL)

    def ids(self) -> dict[str, str]:
        return {str(address): binding.id for address, binding in self.state().bindings.items()}

    def start_over(self) -> None:
        self.fault = lambda asked: None
        self.delete()
        self.delete(LOCK)


def _signed() -> dict[str, str]:
    """Nobody checks it here; moto takes a request without as one for a website."""
    return {"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, Signature=0"}


@contextmanager
def storing() -> Iterator[Store]:
    """A server with an empty bucket, on free ports."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command: list[str | Path] = [Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(port, process)
        store = Store(port)
        assert store.forward("PUT", f"/{BUCKET}", _signed(), b"")[0] == 200
        handler = type("Handler", (_Handler,), {"store": store})
        proxy = _Server(("127.0.0.1", 0), handler)
        store.url = f"http://127.0.0.1:{proxy.server_address[1]}"
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield store
        proxy.shutdown()
        proxy.server_close()
    finally:
        process.kill()
        process.wait()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end:
        assert process.poll() is None, "moto_server did not start"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("moto_server does not answer")


# The program as it is, but that a lease is short, and that the clock of this machine may be off.
_DRIVER = """
import os, sys, time
skew = float(os.environ.get("TEST_SKEW", "0"))
real = time.time
time.time = lambda: real() + skew
from lfsync.state import lease
lease.TERMS = lease.Terms(*map(float, os.environ["TEST_LEASE"].split(",")))
from lfsync.cli import main
sys.argv[0] = "lfsync"
main()
"""


@dataclass(frozen=True)
class Machine:
    """One clone of the project, on one machine."""

    project: Project

    def start(self, *arguments: str, skew: float = 0) -> subprocess.Popen[str]:
        """Begins one command, and leaves it running."""
        command = [sys.executable, "-c", _DRIVER, "-C", str(self.project.folder), *arguments]
        env = {**self.project.env, "TEST_LEASE": LEASE, "TEST_SKEW": str(skew)}
        return subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def lfsync(self, *arguments: str, expect: int | None = 0, skew: float = 0) -> Run:
        with self.start(*arguments, skew=skew) as process:
            out, err = process.communicate(timeout=TIMEOUT)
        return checked(Run(process.returncode, out, err), expect)

    def apply(self, *arguments: str, expect: int | None = 0) -> Run:
        return self.lfsync("apply", "--yes", *arguments, expect=expect)

    @property
    def journals(self) -> list[Path]:
        return list((self.project.folder / ".lfsync" / "journal").glob("*.jsonl"))


def machine(folder: Path, store: Store, api: str, files: Mapping[str, str], workspace: str) -> Machine:
    """A clone with these files, whose state is in `store`."""
    env = clean_environment(LIGHTFIELD_BASE_URL=api, LIGHTFIELD_API_KEY=KEY, **store.environment)
    made = Project(folder, env, workspace)
    made.write(
        "lfsync.yaml", f"version: 1\nworkspaces: {{{workspace}: {{state: '{STATE_URL}', index_lag_timeout: 1}}}}\n"
    )
    for name, text in files.items():
        made.write(name, text)
    return Machine(made)
