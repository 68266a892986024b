"""What `lfsync comment` needs of GitHub's and GitLab's APIs, with behaviour: paging, authors, rights, faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

BOT = {"id": 41898282, "login": "github-actions[bot]", "username": "project_7_bot", "type": "Bot"}
ADA = {"id": 7, "login": "ada", "username": "ada", "type": "User"}
LONGEST = 65_536  # characters that GitHub takes

TOKENS = {"ghs_job": BOT, "ghp_ada": ADA, "ghs_readonly": BOT, "glpat-bot": BOT, "glcbt-job": BOT}
"""A job's own tokens (`ghs_`, `glcbt-`) may not ask who they are."""


@dataclass
class Fault:
    """How the next requests of a method end: `before` the work or after it."""

    method: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    cut: bool = False


@dataclass
class Forge:
    """One repository with pull request 5, or project 12 with merge request 5."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    next_id: int = 1000
    elsewhere: str = ""

    def add(self, body: str, author: dict[str, Any] = BOT) -> dict[str, Any]:
        self.next_id += 1
        self.comments.append({"id": self.next_id, "body": body, "user": author, "author": author})
        return self.comments[-1]

    @property
    def bodies(self) -> list[str]:
        return [each["body"] for each in self.comments]

    @property
    def writes(self) -> list[str]:
        return [line for line in self.log if not line.startswith("GET")]

    def app(self) -> Starlette:
        github, gitlab = "/api/v3/repos/corp/crm/issues", "/api/v4/projects/12/merge_requests/5/notes"
        return Starlette(
            routes=[
                Route("/api/v3/user", self._around(self._user)),
                Route("/api/v4/user", self._around(self._user)),
                Route(f"{github}/5/comments", self._around(self._list), methods=["GET"]),
                Route(f"{github}/5/comments", self._around(self._create), methods=["POST"]),
                Route(f"{github}/comments/{{id:int}}", self._around(self._edit), methods=["PATCH"]),
                Route(gitlab, self._around(self._list), methods=["GET"]),
                Route(gitlab, self._around(self._create), methods=["POST"]),
                Route(f"{gitlab}/{{id:int}}", self._around(self._edit), methods=["PUT"]),
            ]
        )

    def _around(self, work: Callable[[Request, dict[str, Any], Any], Response]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            self.log.append(
                f"{request.method} {request.url.path}{'?' + request.url.query if request.url.query else ''}"
            )
            if self.elsewhere:
                return RedirectResponse(self.elsewhere)
            token = _token(request)
            if token not in TOKENS:
                return JSONResponse({"message": f"Bad credentials: {token}"}, 401)
            sent = await request.body()
            fault = next((each for each in self.faults if each.method == request.method), None)
            if fault is not None:
                self.faults.remove(fault)
                if fault.after:
                    work(request, TOKENS[token], json.loads(sent or b"null"))
                if fault.cut:
                    raise ConnectionResetError("the test cuts this answer")
                return JSONResponse({"message": "try later"}, fault.status, fault.headers)
            return work(request, TOKENS[token], json.loads(sent or b"null"))

        return answer

    def _user(self, request: Request, who: dict[str, Any], _: Any) -> Response:
        if _token(request).startswith(("ghs_", "glcbt-")):
            return JSONResponse({"message": "Resource not accessible by integration"}, 403)
        return JSONResponse(who)

    def _list(self, request: Request, who: dict[str, Any], _: Any) -> Response:
        size, page = int(request.query_params["per_page"]), int(request.query_params["page"])
        return JSONResponse(self.comments[(page - 1) * size : page * size])

    def _create(self, request: Request, who: dict[str, Any], sent: Any) -> Response:
        if _token(request) == "ghs_readonly":
            return JSONResponse({"message": "Resource not accessible by integration"}, 403)
        if _token(request) == "glcbt-job":
            return JSONResponse({"message": "404 Project Not Found"}, 404)
        if len(sent["body"]) > LONGEST:
            return JSONResponse({"message": "Validation Failed: body is too long"}, 422)
        return JSONResponse(self.add(sent["body"], who), 201)

    def _edit(self, request: Request, who: dict[str, Any], sent: Any) -> Response:
        found = next((each for each in self.comments if each["id"] == request.path_params["id"]), None)
        if found is None:
            return JSONResponse({"message": "Not Found"}, 404)
        if found.get("locked"):
            return JSONResponse({"message": "Must have admin rights to Repository."}, 403)
        found["body"] = sent["body"]
        return JSONResponse(found)


def _token(request: Request) -> str:
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    return given or request.headers.get("private-token") or request.headers.get("job-token") or ""
