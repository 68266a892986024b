"""The comments on one pull or merge request: found, made, changed in place. I/O."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar

import httpx
from pydantic import AliasChoices, BaseModel, Field, TypeAdapter, ValidationError

from lfsync import __version__
from lfsync.api.answers import clean
from lfsync.api.headers import moment, number, seconds
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
_UNTOLD_WAIT: Final = 60.0
"""Seconds that GitHub wants who is over a limit of its to wait, where the answer names none."""
_LIMITS: Final = ("rate limit", "abuse detection")
_ELSEWHERE: Final = "The plan is in the other comment of this project, further up."


class _Author(BaseModel):
    id: int
    type: str = ""


class _Comment(BaseModel):
    id: int
    body: str | None = None
    author: _Author | None = Field(default=None, validation_alias=AliasChoices("author", "user"))


_COMMENT: Final = TypeAdapter(_Comment)
_COMMENTS: Final = TypeAdapter(list[_Comment])
_AUTHOR: Final = TypeAdapter(_Author)


class _Failure(NamedTuple):
    error: ApiError
    reason: Reason


class Comments:
    """The comments of one pull or merge request. Use as a context manager; every method raises ApiError and its kin."""

    def __init__(self, forge: Forge, sleep: Callable[[float], None] = time.sleep) -> None:
        self._forge = forge
        self._sleep = sleep
        self._answered = False
        self._http = _client(forge)

    def __enter__(self) -> Comments:
        self._http.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def put(self, mark: str, body: str, *, new: bool) -> Put:
        """Make `body` the text of our comment that begins with `mark`; `new`: also where there is none yet.

        After a lost answer it is looked for again before it is sent again, so that there are never two. Where two jobs
        that ran side by side made two, the older one has the plan, and the other says so.
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
            if isinstance(outcome, httpx.Response):
                self._parsed(_COMMENT, outcome)
                return "made"
            sent = True
            self._pause(retries, outcome)

    def _in_place(self, mark: str, body: str, me: int | None) -> Put | None:
        """What became of the oldest of our comments that may be edited; None if there is none."""
        found: Put | None = None
        for comment in self._marked(mark, me):
            text = body if found is None else f"{mark}\n{_ELSEWHERE}"
            done: Put = "unchanged" if _is_alike(comment.body or "", text) else "updated"
            if done == "updated" and not self._is_edited(comment, text):
                continue
            found = found or done
        return found

    def _is_edited(self, comment: _Comment, text: str) -> bool:
        """False where it is another's after all, or deleted meanwhile."""
        try:
            answer = self._send(self._forge.edit, f"{self._forge.comment}/{comment.id}", {"body": text})
        except (ForbiddenError, NotFoundError):
            return False
        self._parsed(_COMMENT, answer)
        return True

    def _marked(self, mark: str, me: int | None) -> Sequence[_Comment]:
        """Ours that begin with `mark`, oldest first: anybody could write another.

        A comment that is deleted between two pages moves ours from one that is not read yet to one that is: of none
        one is sure where there is a single page, or at the second look.
        """
        for _ in range(2):
            rows, pages = self._all()
            found = [each for each in rows if (each.body or "").startswith(mark) and self._is_ours(each, me)]
            if found or pages == 1:
                break
        return sorted(found, key=lambda each: each.id)

    def _is_ours(self, comment: _Comment, me: int | None) -> bool:
        """Where the token doesn't tell whose it is, it is a job's of GitHub, which writes as a bot."""
        if comment.author is None:
            return False
        return comment.author.type == "Bot" if me is None else comment.author.id == me

    def _all(self) -> tuple[Sequence[_Comment], int]:
        """Every comment, and of how many pages."""
        found: dict[int, _Comment] = {}
        for page in range(1, _MOST_PAGES + 1):
            answer = self._send("GET", f"{self._forge.comments}?per_page={_PAGE}&page={page}")
            rows = self._parsed(_COMMENTS, answer)
            is_new = any(row.id not in found for row in rows)
            found |= {row.id: row for row in rows}
            if not _has_more(answer, len(rows)) or (rows and not is_new):
                break
        return list(found.values()), page

    def _me(self) -> int | None:
        """Whose token it is; None where it is nobody's, but a job's of GitHub."""
        if not self._forge.whoami:
            return self._forge.writes_as
        try:
            return self._parsed(_AUTHOR, self._send("GET", self._forge.whoami)).id
        except (ForbiddenError, NotFoundError):
            if self._forge.job_is_bot:
                return None
            raise

    def _parsed(self, adapter: TypeAdapter[T], answer: httpx.Response) -> T:
        try:
            return adapter.validate_json(answer.content)
        except ValidationError:
            raise UnreadableError(f"{self._forge.base} does not answer as the API of {self._forge.name} does") from None

    # ---- one request

    def _send(self, method: str, path: str, body: Mapping[str, JSON] | None = None) -> httpx.Response:
        """A success, retried as rule A5 says."""
        retries = Retries()
        while True:
            retries.begin(time.monotonic())
            outcome = self._attempt(method, path, body)
            if isinstance(outcome, httpx.Response):
                return outcome
            self._pause(retries, outcome)

    def _pause(self, retries: Retries, failure: _Failure) -> None:
        """Sleep until the next try; raises the error where there is none."""
        pause = retries.wait(time.monotonic(), random.random(), failure.reason)
        if pause is None:
            raise failure.error
        self._sleep(pause)

    def _attempt(self, method: str, path: str, body: Mapping[str, JSON] | None = None) -> httpx.Response | _Failure:
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
            return response
        said = _said(response.content, forge.token)
        wait = _retry_after(response, said)
        # A 403 that asks to wait is how GitHub says 429, too: it is no word on what the token may do.
        status = 429 if response.status_code == 403 and wait is not None else response.status_code
        return _Failure(self._refused(asked, status, said), reason_of(status, None, wait or 0.0))

    def _refused(self, asked: str, status: int, said: str) -> ApiError:
        forge = self._forge
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


def _is_alike(there: str, text: str) -> bool:
    """But for how a forge keeps line ends, and blanks at the end."""
    return there.replace("\r\n", "\n").rstrip() == text.rstrip()


def _has_more(answer: httpx.Response, rows: int) -> bool:
    """Whether there is a page after this one, which held so many rows.

    GitLab leaves out of a page what the token may not see, so how full it is tells only where no header does.
    """
    following = answer.headers.get("x-next-page")
    if following is not None:
        return bool(following.strip())
    links = answer.links
    return "next" in links if links.keys() & {"next", "prev", "first", "last"} else rows >= _PAGE


def _retry_after(answer: httpx.Response, said: str) -> float | None:
    """Seconds that the server asks to wait; None where it doesn't."""
    headers = answer.headers
    now = moment(headers.get("date")) or time.time()
    if (given := seconds(headers.get("retry-after"), now)) is not None:
        return given
    for limit in ("x-ratelimit", "ratelimit"):  # GitHub's, GitLab's
        if headers.get(f"{limit}-remaining") == "0" and (reset := number(headers.get(f"{limit}-reset"))) is not None:
            return max(0.0, reset - now)
    is_limit = answer.status_code in (403, 429) and any(words in said.lower() for words in _LIMITS)
    return _UNTOLD_WAIT if is_limit else None


def _said(body: bytes, token: str) -> str:
    """What the server says of it, on one line, whatever it repeats of the token."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    said = (found.get("message") or found.get("error")) if isinstance(found, dict) else None
    text = said if isinstance(said, str) else json.dumps(said) if said else ""
    return clean(text.replace(token, "***")) or "no reason given"
