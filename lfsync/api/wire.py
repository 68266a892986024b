"""One request, and its answer: key, pace, retries, errors. Everything of httpx that lfsync uses is here."""

from __future__ import annotations

import asyncio
import ipaddress
import random
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final, NamedTuple
from urllib.request import getproxies, proxy_bypass

import httpx

from lfsync import __version__
from lfsync.api import answers as api
from lfsync.api.connections import Connections
from lfsync.api.headers import moment, number, seconds
from lfsync.api.pace import DOCUMENTED_LIMIT, Bucket, Category, Pace, RateHeaders
from lfsync.api.retry import MAX_SILENCE, Reason, Retries, Silence, reason_of
from lfsync.api.server_clock import ServerClock
from lfsync.errors import (
    ApiError,
    CredentialsError,
    LockLostError,
    LostError,
    OutageError,
    UnavailableError,
    UsageError,
)

API_VERSION: Final = "2026-03-01"
DEFAULT_BASE_URL: Final = "https://api.lightfield.app"
# At 25 requests a second this keeps the pace up to answers that take two and a half seconds. Where answers are quick
# there is no use in as many.
IN_FLIGHT: Final = 64
_FIRST_IN_FLIGHT: Final = 16
_TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0, pool=None)
_NO_CONNECTION: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Where the API is and who asks. The key is never shown; `key_env` names where it came from.

    `rate_share` (0..1] is the part of the organisation's limit to use. `transport` puts the server in process.
    """

    base_url: str = DEFAULT_BASE_URL
    api_key: str = field(default="", repr=False)
    rate_share: float = 1.0
    key_env: str = "LIGHTFIELD_API_KEY"
    user_agent: str = f"lfsync/{__version__}"
    transport: httpx.AsyncBaseTransport | None = field(default=None, repr=False)


class Exchange(NamedTuple):
    """One request that was sent, for `-v`. `status` is None when no answer came."""

    method: str
    path: str
    status: int | None
    category: Category
    seconds: float


@dataclass(frozen=True, slots=True)
class Call:
    """A request to make. `path` is encoded and may have a query; `needs` are the scopes it takes.

    `once`: it is never sent again where it may have been done: LostError then (rule A5). `who` may do it, where scopes
    alone don't decide that.
    """

    method: str
    path: str
    category: Category
    needs: tuple[str, ...] = ()
    body: bytes | None = None
    key: str | None = None
    once: bool = False
    who: str = ""

    def __str__(self) -> str:
        return f"{self.method} {api.clean(self.path.partition('?')[0], 100)}"


class Reply(NamedTuple):
    """A success. `sent`: when its first try left, by our clock."""

    body: bytes
    sent: float


class _Answer(NamedTuple):
    status: int
    body: bytes
    location: str
    retry_after: float


class _Failure(NamedTuple):
    """`began`: the request may have reached the server."""

    error: ApiError
    reason: Reason
    began: bool = True


@dataclass(slots=True)
class _Lane:
    """What one category has for itself: its pace, who is next, and how many of `width` are under way."""

    bucket: Bucket
    turn: asyncio.Lock
    flight: asyncio.Semaphore
    width: int = _FIRST_IN_FLIGHT

    def widen(self, seconds: float) -> None:
        """An answer took so long: let as many be under way as keep the pace, with room for a slower one."""
        while self.width < min(IN_FLIGHT, 2 * DOCUMENTED_LIMIT * seconds):
            self.width += 1
            self.flight.release()


class Wire:
    """Sends calls, each until it is answered for good. Use as an async context manager."""

    def __init__(
        self,
        settings: ClientSettings,
        *,
        on_exchange: Callable[[Exchange], None] | None = None,
        may_write: Callable[[], Awaitable[None]] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        key = _checked_key(settings)
        self._base = _checked_base(settings)
        self._settings = settings
        self._secret = key.encode()
        self._headers = _headers(settings, key)
        self._on_exchange = on_exchange
        self._may_write = may_write
        self._clock, self._sleep, self._chance = clock, sleep, chance
        self._http = Connections(clients(settings, self._base))
        self._proxy = "" if _is_local(settings, self._base) else _proxy_of(httpx.URL(self._base))
        self._pace = Pace(settings.rate_share)
        self._lanes = {
            category: _Lane(bucket, asyncio.Lock(), asyncio.Semaphore(_FIRST_IN_FLIGHT))
            for category, bucket in self._pace.buckets.items()
        }
        self._last_date = ""
        self._answered = False
        self.silence = Silence()
        self.outage: OutageError | None = None
        self.barred: LockLostError | None = None
        self.server_clock = ServerClock(time.time() - clock())
        self.requests: Counter[Category] = Counter()
        self.token: api.Token | None = None  # what the key may do, once it was asked

    async def __aenter__(self) -> Wire:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    def rate(self, category: Category) -> float:
        """Requests a second that a category lets through at this moment."""
        return self._lanes[category].bucket.rate

    async def send(self, call: Call) -> Reply:
        """The answer to `call`, retried as rule A5 says. Raises ApiError and its kin."""
        # Kept through the retries: one that queued up behind thousands of others would use up its time waiting.
        async with self._lanes[call.category].flight:
            if self.outage is not None:
                raise self.outage
            self.silence.begin(self._clock())
            try:
                return await self._sent(call, Retries())
            finally:
                self.silence.end(self._clock())

    async def _sent(self, call: Call, retries: Retries) -> Reply:
        while True:
            outcome = await self._attempt(call, retries)
            if isinstance(outcome, bytes):
                return Reply(outcome, retries.begin(self._clock()))
            if call.once and outcome.began and outcome.reason.name == "unanswered":
                raise LostError(outcome.error.message, status=outcome.error.status) from outcome.error
            pause = retries.wait(self._clock(), self._chance(), outcome.reason)
            if outcome.reason.name != "refused":
                self.stop_in_an_outage(outcome.error)
            if pause is None:
                raise outcome.error
            await self.rest(pause, outcome.error)

    async def rest(self, seconds: float, last: ApiError | None = None) -> None:
        """Sleep, but not beyond the moment at which nobody has been answered for too long; `last`: what went wrong."""
        until = self._clock() + seconds
        while (pause := until - self._clock()) > 0:
            await self._sleep(min(pause, max(0.0, self.silence.left(self._clock()))))
            self.stop_in_an_outage(last)

    def stop_in_an_outage(self, last: ApiError | None = None) -> None:
        """Raises OutageError when it is time, and from then on: everyone who waits is told the same (rule A5)."""
        if self.outage is None and self.silence.over(self._clock()):
            why = last.message if last else f"{self._base} asks everybody to wait"
            self.outage = OutageError(
                f"Lightfield gave no answer of use for {MAX_SILENCE:.0f} seconds: {why}",
                status=last.status if last else 429,
                hint="Run again once it is well. The next plan reads what is there.",
            )
        if self.outage is not None:
            raise self.outage

    async def _attempt(self, call: Call, retries: Retries) -> bytes | _Failure:
        """One try: the body of a success, or why there is none and what that says of trying again."""
        try:
            answer = await self._try(call, retries)
        except httpx.TransportError as error:
            began = not isinstance(error, _NO_CONNECTION)
            known = self._answered or began
            return _Failure(self._unanswered(call, error), Reason("unanswered" if known else "unreachable"), began)
        except httpx.DecodingError:
            undecodable = ApiError(f"the answer to {call} is not what the API documents: it can't be decompressed")
            return _Failure(undecodable, Reason("refused"))
        if 200 <= answer.status < 300:
            return answer.body
        refused = self._refused(call, answer)
        return _Failure(refused, reason_of(answer.status, refused.type, answer.retry_after))

    async def _try(self, call: Call, retries: Retries) -> _Answer:
        await self._await_turn(self._lanes[call.category])
        if self.outage is not None:
            raise self.outage
        if call.category == "write":
            await self._refuse_barred()
        self.requests[call.category] += 1
        sent = self._clock()
        retries.begin(sent)
        try:
            response = await self._http.send(self._request(call))
        except httpx.HTTPError:
            self._report(call, None, sent)
            raise
        self._report(call, response.status_code, sent)
        return self._heard(call, response, sent)

    async def _refuse_barred(self) -> None:
        """Raises LockLostError once nobody may write any more; everyone who would is told the same (rule K3)."""
        if self._may_write is not None and self.barred is None:
            try:
                await self._may_write()
            except LockLostError as error:
                self.barred = error
        if self.barred is not None:
            raise self.barred

    async def _await_turn(self, lane: _Lane) -> None:
        if not lane.turn.locked() and lane.bucket.wait(self._clock()) <= 0:
            lane.bucket.take(self._clock())
            return
        async with lane.turn:
            # Asked again after each sleep: an answer may have slowed or paused the bucket meanwhile.
            while (pause := lane.bucket.wait(self._clock())) > 0:
                await self.rest(pause)
            lane.bucket.take(self._clock())

    def _request(self, call: Call) -> httpx.Request:
        headers = self._headers
        if call.body is not None:
            headers = [*headers, ("Content-Type", "application/json")]
        if call.key is not None:
            headers = [*headers, ("Idempotency-Key", call.key)]
        return httpx.Request(
            call.method,
            self._base + call.path,
            headers=headers,
            content=call.body,
            extensions={"timeout": _TIMEOUT.as_dict()},
        )

    def _heard(self, call: Call, response: httpx.Response, sent: float) -> _Answer:
        now = self._clock()
        self._answered = True
        self.silence.answered(now, response.status_code)
        self._lanes[call.category].widen(now - sent)
        date = response.headers.get("date", "")
        if date != self._last_date and (told := moment(date)) is not None:
            self._last_date = date
            self.server_clock.observe(told, sent, now)
        limits = _rate_headers(response, self.server_clock.earliest(now))
        limited = response.status_code == 429
        retry_after = limits.retry_after if response.status_code >= 400 else None
        self._pace.hear(
            call.category, now, RateHeaders(limits.limit, limits.remaining, retry_after if limited else None)
        )
        return _Answer(
            status=response.status_code,
            body=response.content if response.is_success else response.content.replace(self._secret, b"***"),
            location=response.headers.get("location", "").replace(self._secret.decode(), "***"),
            retry_after=retry_after or 0.0,
        )

    def _refused(self, call: Call, answer: _Answer) -> ApiError:
        failure = api.refusal(
            str(call),
            answer.status,
            answer.body,
            needs=call.needs,
            held=self.token is not None and bool(call.needs) and all(map(self.token.holds, call.needs)),
            who=call.who,
            location=answer.location,
        )
        if isinstance(failure, CredentialsError):
            failure.hint = f"put a valid key of this workspace into {self._settings.key_env}"
        return failure

    def _unanswered(self, call: Call, error: httpx.TransportError) -> UnavailableError:
        reason = api.clean(str(error)) or type(error).__name__
        if self._proxy and isinstance(error, _NO_CONNECTION):
            return UnavailableError(
                f"no answer from {self._base} to {call} through the proxy {self._proxy}: {reason}",
                hint="is the proxy right, and is it up? HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY choose it",
            )
        return UnavailableError(
            f"no answer from {self._base} to {call}: {reason}",
            hint=None if self._answered else "is the base URL right, and is the network up?",
        )

    def _report(self, call: Call, status: int | None, sent: float) -> None:
        if self._on_exchange:
            self._on_exchange(Exchange(call.method, call.path, status, call.category, self._clock() - sent))


# ---------------------------------------------------------------- settings, checked


def _checked_key(settings: ClientSettings) -> str:
    """The key, or CredentialsError; a key that can't stand in a header would show up in httpx's own message."""
    key = settings.api_key.strip()
    if not key:
        raise CredentialsError("there is no API key", hint=f"set {settings.key_env} to a key of this workspace")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise CredentialsError(
            f"{settings.key_env} holds no API key: it has spaces, line breaks or other characters that a key can't have"
        )
    return key


def _checked_base(settings: ClientSettings) -> str:
    """The base URL without its `/v1`. UsageError unless it is https, or http to this machine (or to `transport`)."""
    try:
        url = httpx.URL(settings.base_url.strip())
    except httpx.InvalidURL:
        raise UsageError("the base URL is not a URL", hint="an example: https://api.lightfield.app") from None
    if url.userinfo or url.query or url.fragment or not url.host or url.scheme not in ("http", "https"):
        raise UsageError(
            "the base URL must be http(s)://HOST, without user, query or fragment",
            hint="an example: https://api.lightfield.app",
        )
    if url.scheme == "http" and settings.transport is None and not is_loopback(url.host):
        raise UsageError(
            f"plain http to {api.clean(url.host, 100)} would show the API key to the network", hint="use https"
        )
    return str(url).rstrip("/").removesuffix("/v1").rstrip("/")


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _headers(settings: ClientSettings, key: str) -> list[tuple[str, str]]:
    return [
        ("Authorization", f"Bearer {key}"),
        ("Lightfield-Version", API_VERSION),
        ("Accept", "application/json"),
        ("Accept-Encoding", "gzip, deflate"),
        ("User-Agent", settings.user_agent),
    ]


def clients(settings: ClientSettings, base: str) -> Callable[[], httpx.AsyncClient]:
    """Makes clients for one server; in process it is always the same one.

    Proxies and certificates of the environment count, as for any tool, but never on the way to this machine. UsageError
    where they can't be used.
    """
    local = _is_local(settings, base)
    with _usable_environment():
        # Loading the certificates costs more than a small plan; plain http needs none: an empty context trusts nobody.
        plain = base.startswith("http:")
        trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else httpx.create_ssl_context(trust_env=not local)

    def client() -> httpx.AsyncClient:
        with _usable_environment():
            return httpx.AsyncClient(transport=settings.transport, verify=trusted, trust_env=not local)

    return client if settings.transport is None else cache(client)


@contextmanager
def _usable_environment() -> Iterator[None]:
    try:
        yield
    except (ValueError, ImportError, OSError, httpx.InvalidURL):
        raise UsageError("the proxy or certificates that the environment names can't be used") from None


def _is_local(settings: ClientSettings, base: str) -> bool:
    return settings.transport is not None or is_loopback(httpx.URL(base).host)


def _proxy_of(base: httpx.URL) -> str:
    """Host and port of the proxy on the way to `base`, never its password; empty if there is none."""
    proxies = getproxies()
    found = proxies.get(base.scheme) or proxies.get("all")
    if not found or proxy_bypass(base.host):
        return ""
    try:
        url = httpx.URL(found if "://" in found else f"http://{found}")
    except httpx.InvalidURL:
        return ""
    return api.clean(f"{url.host}:{url.port}" if url.port else url.host, 100)


# ---------------------------------------------------------------- headers


def _rate_headers(response: httpx.Response, server_now: float) -> RateHeaders:
    headers = response.headers
    retry_after = None
    if response.status_code >= 400:
        retry_after = seconds(headers.get("retry-after"), server_now)
        reset = number(headers.get("x-ratelimit-reset"))
        if retry_after is None and response.status_code == 429 and reset is not None:
            retry_after = max(0.0, reset - server_now)
    return RateHeaders(
        limit=number(headers.get("x-ratelimit-limit")),
        remaining=number(headers.get("x-ratelimit-remaining")),
        retry_after=retry_after,
    )
