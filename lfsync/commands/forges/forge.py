"""How a forge is spoken to, and what its environment tells alike on both: a token, an address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import httpx

from lfsync.api.answers import clean
from lfsync.api.wire import is_loopback
from lfsync.errors import CredentialsError, UsageError

Environment: TypeAlias = Mapping[str, str]

NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)  # of a request, a project, a user
_PORTS: Final = 65_535


@dataclass(frozen=True, slots=True)
class Forge:
    """Where the comments are, and who asks. `token` is never shown; `token_from` names where it came from.

    `comments`: the path that lists them and takes a new one. `comment`: the path of one, without its id.
    `whoami`: the path that tells whose token it is; empty where the token may not ask, and the environment tells it:
    `writes_as`. `rights`: what to do where the token may not do what it must. `job_is_bot`: a job's own token writes as
    a bot, which no person can be.
    """

    name: str
    request: str
    base: str
    token: str = field(repr=False)
    token_from: str
    headers: Mapping[str, str] = field(repr=False)
    comments: str
    comment: str
    edit: Literal["PATCH", "PUT"]
    whoami: str
    rights: str
    job_is_bot: bool = False
    writes_as: int | None = None


def token_in(env: Environment, name: str, *, hint: str) -> str:
    """CredentialsError where there is none; one that can't stand in a header would show in httpx's own message."""
    token = env.get(name, "").strip()
    if not token:
        raise CredentialsError(f"{name} is not set", hint=hint)
    if not token.isascii() or not token.isprintable() or " " in token:
        raise CredentialsError(f"{name} holds no token: it has characters that a token can't have", hint=hint)
    return token


def base_in(env: Environment, name: str) -> str:
    """The API's address as the CI gives it. UsageError unless the token is safe on the way there."""
    try:
        url = httpx.URL(env.get(name, "").strip())
    except httpx.InvalidURL:
        raise UsageError(f"{name} is not a URL") from None
    if (
        url.scheme not in ("http", "https")
        or not url.host
        or url.userinfo
        or url.query
        or url.fragment
        or (url.port or 0) > _PORTS
    ):
        raise UsageError(f"{name} must be https://HOST/..., as the CI sets it")
    if url.scheme == "http" and not is_loopback(url.host):
        raise UsageError(f"{name}: plain http to {clean(url.host, 100)} would show the token to the network")
    return str(url).rstrip("/")
