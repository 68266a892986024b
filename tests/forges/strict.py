"""GitHub's and GitLab's comments as their documentation has them, stricter than `fake.py` and written apart from it.

What a careless client trips over: pages that are short and not the last, links instead of counts, a token that may edit
what others wrote, limits told by a sentence alone, answers that get lost, redirects, words of another server.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

Body = dict[str, Any] | list[Any] | str
Meanwhile = Callable[[], None]

ACTIONS = {"id": 41898282, "login": "github-actions[bot]", "type": "Bot"}
OTHER_BOT = {"id": 49699333, "login": "dependabot[bot]", "type": "Bot"}
EVE = {"id": 99, "login": "eve", "username": "eve", "type": "User"}
PROJECT_BOT = {"id": 4711, "username": "project_12_bot"}
STARTER = {"id": 31, "username": "ada"}

MOST = 65_536


@dataclass
class Answer:
    """One that is given instead of the work, or, where `after`, once it is done. No status: the connection is cut."""

    status: int = 0
    body: Body = ""
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False


@dataclass
class Strict:
    """One pull request (5 of corp/crm) or merge request (5 of project 12) and all that is said on it."""

    kind: Literal["github", "gitlab"]
    comments: list[dict[str, Any]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    seen: list[dict[str, str]] = field(default_factory=list)
    script: dict[str, list[Answer]] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)
    between_pages: Meanwhile | None = None
    may_edit_others: bool = True
    next_id: int = 100
    prefix: str = "/deep/inside"

    @property
    def base(self) -> str:
        return f"{self.prefix}/api/{'v3' if self.kind == 'github' else 'v4'}"

    @property
    def me(self) -> dict[str, Any]:
        return ACTIONS if self.kind == "github" else PROJECT_BOT

    def say(self, body: str, who: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
        self.next_id += 1
        made = {"id": self.next_id, "body": body, "user" if self.kind == "github" else "author": who, **more}
        self.comments.append(made)
        return made

    def bodies(self) -> list[str]:
        return [each["body"] for each in self.comments]

    def writes(self) -> list[str]:
        return [line for line in self.log if not line.startswith("GET")]

    # ---- one request

    def answer(self, method: str, target: str, headers: dict[str, str], raw: bytes) -> Answer:
        url = urlsplit(target)
        self.log.append(f"{method} {target}")
        self.seen.append(headers)
        if planned := self.script.get(method):
            answer = planned.pop(0)
            if answer.after:
                self._worked(method, url.path, url.query, headers, raw)
            return answer
        return self._worked(method, url.path, url.query, headers, raw)

    def _worked(self, method: str, path: str, query: str, headers: dict[str, str], raw: bytes) -> Answer:
        if not path.startswith(self.base):
            return Answer(404, {"message": "Not Found"})
        refused = self._refused(headers)
        if refused:
            return refused
        route = path.removeprefix(self.base)
        if method == "GET" and route == "/user":
            return self._user()
        if method == "GET" and route == self._all:
            return self._page({key: values[0] for key, values in parse_qs(query).items()})
        sent = json.loads(raw)
        assert list(sent) == ["body"]
        if len(sent["body"]) > MOST or len(sent["body"].encode()) > MOST:
            return Answer(422, {"message": "Validation Failed", "errors": [{"message": "Body is too long"}]})
        if method == "POST" and route == self._all:
            return Answer(201, self.say(sent["body"], self.me))
        at, _, number = route.rpartition("/")
        found = next((each for each in self.comments if str(each["id"]) == number), None)
        if method != ("PATCH" if self.kind == "github" else "PUT") or at != self._one or found is None:
            return Answer(404, {"message": "404 Not found"})
        is_mine = found.get("user") == self.me or found.get("author") == self.me
        if found.get("locked") or not (is_mine or self.may_edit_others):
            return Answer(403, {"message": "403 Forbidden"})
        found["body"] = sent["body"]
        return Answer(200, found)

    @property
    def _all(self) -> str:
        return "/repos/corp/crm/issues/5/comments" if self.kind == "github" else "/projects/12/merge_requests/5/notes"

    @property
    def _one(self) -> str:
        return "/repos/corp/crm/issues/comments" if self.kind == "github" else self._all

    def _refused(self, headers: dict[str, str]) -> Answer | None:
        if self.kind == "github":
            if not headers.get("user-agent") or headers.get("accept") != "application/vnd.github+json":
                return Answer(403, "Request forbidden by administrative rules.")
            return None if headers.get("authorization") == "Bearer ghs_secret" else Answer(401, {"message": "Bad"})
        if headers.get("private-token") == "glpat-secret" or headers.get("job-token") == "glcbt-secret":
            return None
        return Answer(401, {"message": "401 Unauthorized"})

    def _user(self) -> Answer:
        if self.kind == "github":
            return Answer(403, {"message": "Resource not accessible by integration"})
        return Answer(200, self.me)

    def _page(self, asked: dict[str, str]) -> Answer:
        """GitHub: oldest first. GitLab: newest first; what may not be seen is taken out of a page once it is cut."""
        size, page = min(100, int(asked.get("per_page", "30"))), int(asked.get("page", "1"))
        rows = list(self.comments) if self.kind == "github" else self.comments[::-1]
        last = max(1, -(-len(rows) // size))
        cut = [each for each in rows[(page - 1) * size : page * size] if each["id"] not in self.hidden]
        if self.between_pages and page < last:
            self.between_pages()
        near = {"prev": page - 1 if page > 1 else 0, "next": page + 1 if page < last else 0, "first": 1, "last": last}
        link = ", ".join(f'<http://elsewhere.example/?page={n}>; rel="{name}"' for name, n in near.items() if n)
        headers = {"Link": link} if last > 1 or self.kind == "gitlab" else {}
        if self.kind == "gitlab":
            headers |= {"X-Page": str(page), "X-Per-Page": str(size), "X-Next-Page": str(near["next"] or "")}
        return Answer(200, cut, headers)


@contextmanager
def serving(forge: Strict) -> Iterator[str]:
    """The forge on a free port; its URL without the prefix."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_GET(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = forge.answer(self.command, self.path, headers, raw)
            if not answer.status:
                self.close_connection = True
                return
            sent = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(sent.encode())))
            self.end_headers()
            self.wfile.write(sent.encode())

        do_POST = do_PATCH = do_PUT = do_GET  # noqa: N815  (names of the library)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
