"""The comments on one pull or merge request: found, made, changed in place. I/O."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar

import httpx
from pydantic import AliasChoices, BaseModel, Field, TypeAdapter, ValidationError

from lfsync import __version__
from lfsync.api.answers import clean
from lfsync.api.retry import Reason, Retries, reason_of
from lfsync.api.wire import is_loopback
from lfsync.commands.forges.forge import Forge
from lfsync.errors import (
    ApiError,
    CredentialsError,
    ForbiddenError,
    NotFoundError,
    RejectedError,
    UnavailableError,
    UnreadableError,
    UsageError,
)
from lfsync.model import JSON

T = TypeVar("T")
Put: TypeAlias = Literal["made", "updated", "unchanged", "none"]

_PAGE: Final = 100
_MOST_PAGES: Final = 1000
_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
_NO_CONNECTION: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)


class _Author(BaseModel):
    id: int
    type: str = ""


class _Comment(BaseModel):
    id: int
    body: str | None = None
    author: _Author | None = Field(default=None, validation_alias=AliasChoices("author", "user"))


_COMMENTS: Final = TypeAdapter(list[_Comment])
_AUTHOR: Final = TypeAdapter(_Author)


class _Failure(NamedTuple):
    error: ApiError
    reason: Reason


class Comments:
    """The comments of one pull or merge request. Use as a context manager; every method raises ApiError and its kin."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._answered = False
        self._http = _client(forge)

    def __enter__(self) -> Comments:
        self._http.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def put(self, mark: str, body: str, *, new: bool) -> Put:
        """Make `body` the text of our comment that begins with `mark`; `new`: also where there is none yet.

        After a lost answer it is looked for again before it is sent again, so that there are never two.
        """
        me, retries, sent = self._me(), Retries(), False
        while True:
            done = self._in_place(mark, body, me)
            if done is not None:
                return "made" if sent and done == "unchanged" else done
            if not new:
                return "none"
            retries.begin(time.monotonic())
            outcome = self._attempt("POST", self._forge.comments, {"body": body})
            if isinstance(outcome, bytes):
                return "made"
            sent = True
            _pause(retries, outcome)

    def _in_place(self, mark: str, body: str, me: int | None) -> Put | None:
        """What became of the first of our comments that may be edited; None if there is none."""
        for comment in self._marked(mark, me):
            if comment.body == body:
                return "unchanged"
            try:
                self._send(self._forge.edit, f"{self._forge.comment}/{comment.id}", {"body": body})
            except (ForbiddenError, NotFoundError):  # another's after all, or deleted meanwhile
                continue
            return "updated"
        return None

    def _marked(self, mark: str, me: int | None) -> list[_Comment]:
        """Ours that begin with `mark`: anybody could write another."""
        return [each for each in self._all() if (each.body or "").startswith(mark) and self._is_ours(each, me)]

    def _is_ours(self, comment: _Comment, me: int | None) -> bool:
        """Where the token doesn't tell whose it is, it is a job's."""
        if me is not None:
            return comment.author is not None and comment.author.id == me
        return not self._forge.job_is_bot or (comment.author is not None and comment.author.type == "Bot")

    def _all(self) -> Iterator[_Comment]:
        for page in range(1, _MOST_PAGES + 1):
            path = f"{self._forge.comments}?per_page={_PAGE}&page={page}"
            rows = self._parsed(_COMMENTS, self._send("GET", path))
            yield from rows
            if len(rows) < _PAGE:
                return

    def _me(self) -> int | None:
        """Whose token it is; None where it is nobody's, but a job's."""
        if not self._forge.whoami:
            return None
        try:
            return self._parsed(_AUTHOR, self._send("GET", self._forge.whoami)).id
        except (ForbiddenError, NotFoundError):
            return None

    def _parsed(self, adapter: TypeAdapter[T], body: bytes) -> T:
        try:
            return adapter.validate_json(body)
        except ValidationError:
            raise UnreadableError(f"{self._forge.base} does not answer as the API of {self._forge.name} does") from None

    # ---- one request

    def _send(self, method: str, path: str, body: Mapping[str, JSON] | None = None) -> bytes:
        """The body of a success, retried as rule A5 says."""
        retries = Retries()
        while True:
            retries.begin(time.monotonic())
            outcome = self._attempt(method, path, body)
            if isinstance(outcome, bytes):
                return outcome
            _pause(retries, outcome)

    def _attempt(self, method: str, path: str, body: Mapping[str, JSON] | None = None) -> bytes | _Failure:
        forge = self._forge
        asked = f"{method} {path.partition('?')[0]}"
        try:
            # As ASCII: what people typed may hold half a character, which no UTF-8 can.
            content = None if body is None else json.dumps(body).encode()
            response = self._http.request(method, forge.base + path, content=content)
        except httpx.TransportError as error:
            said = clean(str(error).replace(forge.token, "***")) or type(error).__name__
            lost = UnavailableError(f"no answer from {forge.base} to {asked}: {said}")
            unreachable = isinstance(error, _NO_CONNECTION) and not self._answered
            return _Failure(lost, Reason("unreachable" if unreachable else "unanswered"))
        except httpx.DecodingError:
            return _Failure(UnreadableError(f"the answer to {asked} can't be decompressed"), Reason("refused"))
        self._answered = True
        if response.is_success:
            return response.content
        wait = _retry_after(response)
        # A 403 that asks to wait is how GitHub says 429, too: it is no word on what the token may do.
        status = 429 if response.status_code == 403 and wait is not None else response.status_code
        return _Failure(self._refused(asked, status, response), reason_of(status, None, wait or 0.0))

    def _refused(self, asked: str, status: int, response: httpx.Response) -> ApiError:
        forge = self._forge
        said = _said(response.content.replace(forge.token.encode(), b"***"))
        what = f"{forge.name} says no to {asked}: {said} ({status})"
        match status:
            case 401:
                return CredentialsError(
                    f"{forge.name} does not accept the token of {forge.token_from}: {said} ({status} to {asked})",
                    status=status,
                    hint=forge.rights,
                )
            case 403:
                return ForbiddenError(
                    f"the token of {forge.token_from} may not comment on {forge.request}: {said} ({status} to {asked})",
                    status=status,
                    hint=forge.rights,
                )
            case 404:
                return NotFoundError(
                    f"{forge.request} is not there, or not for the token of {forge.token_from}: {said} "
                    f"({status} to {asked})",
                    status=status,
                    hint=forge.rights,
                )
            case _ if 300 <= status < 400:
                return RejectedError(f"{asked} is redirected ({status}); redirects are not followed", status=status)
            case _ if status == 429 or status >= 500:
                return UnavailableError(what, status=status)
            case _:
                return RejectedError(what, status=status)


def _client(forge: Forge) -> httpx.Client:
    """Proxies and certificates of the environment count, but never on the way to this machine."""
    try:
        return httpx.Client(
            headers={**forge.headers, "Content-Type": "application/json", "User-Agent": f"lfsync/{__version__}"},
            follow_redirects=False,
            timeout=_TIMEOUT,
            trust_env=not is_loopback(httpx.URL(forge.base).host),
        )
    except (ValueError, ImportError, OSError, httpx.InvalidURL):
        raise UsageError("the proxy or certificates that the environment names can't be used") from None


def _pause(retries: Retries, failure: _Failure) -> None:
    """Sleep until the next try; raises the error where there is none."""
    pause = retries.wait(time.monotonic(), random.random(), failure.reason)
    if pause is None:
        raise failure.error
    time.sleep(pause)


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asks to wait; None where it doesn't."""
    headers = response.headers
    if (seconds := _whole(headers.get("retry-after"))) is not None:
        return seconds
    if headers.get("x-ratelimit-remaining") == "0" and (reset := _whole(headers.get("x-ratelimit-reset"))) is not None:
        return max(0.0, reset - time.time())
    return None


def _whole(text: str | None) -> float | None:
    return float(text) if text and len(text) <= 15 and text.isascii() and text.isdigit() else None


def _said(body: bytes) -> str:
    """What the server says of it, on one line."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    said = (found.get("message") or found.get("error")) if isinstance(found, dict) else None
    return clean(said if isinstance(said, str) else json.dumps(said)) if said else "no reason given"
