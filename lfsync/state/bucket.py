"""Objects in S3, Google Cloud Storage or Azure: read with their version, put over that version only. I/O.

Everything of obstore that lfsync uses is here; it is the extra `remote`, and looks for credentials where the tools of
these clouds do.
"""

from __future__ import annotations

import os
import random
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, cast

from lfsync.errors import StateError, UsageError

if TYPE_CHECKING:
    from obstore import PutMode, PutResult, UpdateVersion
    from obstore.store import ClientConfig, ObjectStore

_PATIENCE: Final = 120.0  # seconds; and ten tries: as for the API (rule A5)
_TRIES: Final = 10
_READS: Final = 6  # more tries of a read, which obstore makes itself
_OPTIONS: Final = ("allow_http", "allow_invalid_certificates", "proxy_url", "proxy_excludes", "proxy_ca_certificate")
_LONGEST_PAUSE: Final = 15.0
_NO_BUCKET: Final = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist")


@dataclass(frozen=True, slots=True)
class Found:
    """An object as it was read: what it holds, and the version that it is in."""

    body: bytes
    version: UpdateVersion


class MovedError(Exception):
    """Something else is there by now; `found` is it, None where nothing is."""

    def __init__(self, found: Found | None) -> None:
        super().__init__("the object was written by somebody else")
        self.found = found


class Bucket:
    """The objects of one bucket. `url` (`s3://bucket/path`, `gs://`, `az://`) names one of them; `path` is that one's.

    StateError where the store gives no answer of use.
    """

    def __init__(self, url: str, *, timeout: float = _PATIENCE) -> None:
        """`timeout`: seconds that one request may take."""
        scheme, _, rest = url.partition("://")
        bucket, _, self.path = rest.partition("/")
        self._url = f"{scheme}://{bucket}"
        options = _options(scheme, timeout)
        self._reading = _store(self._url, options, retries=_READS)
        self._writing = _store(self._url, options, retries=0)

    def read(self, name: str) -> Found | None:
        """The object of this name, if there is one.

        Not by obstore's coroutines: a loop that ends while one of them waits takes the whole process with it.
        """
        from obstore import get

        try:
            result = get(self._reading, name)
            return Found(bytes(result.bytes()), _version(result.meta["e_tag"], result.meta["version"]))
        except FileNotFoundError as error:
            self._refuse_no_bucket(name, error)
            return None
        except _failures() as error:
            raise self._failed(name, "read", error) from None

    def replace(self, name: str, body: bytes, over: Found | None, *, patience: float = _PATIENCE) -> Found:
        """Put `body` where `over` was seen, None for nothing; MovedError where something else is there by now.

        Where the answer is lost, a look tells what became of it; so no two writers may put the same bytes, unless it
        is all the same which of them did. It is tried for `patience` seconds.
        """
        end, pause = time.monotonic() + patience, 0.1
        error: Exception
        for left in reversed(range(_TRIES)):
            try:
                return Found(body, self._put(name, body, over))
            except _conditions() as refused:
                error = refused
            except FileNotFoundError as gone:
                self._refuse_no_bucket(name, gone)
                raise MovedError(None) from None
            except _denials() as denied:
                raise self._failed(name, "written", denied) from None
            except _failures() as failed:
                error = failed
            try:
                found = self.read(name)
            except StateError:
                found = over
            if found is not None and found.body == body:
                return found
            if (found and found.version) != (over and over.version):
                raise MovedError(found)
            pause = min(2 * pause, _LONGEST_PAUSE)
            if not left or time.monotonic() + pause > end:
                raise self._failed(name, "written", error) from None
            time.sleep(pause * random.uniform(0.5, 1))
        raise AssertionError("unreachable")

    def _put(self, name: str, body: bytes, over: Found | None) -> UpdateVersion:
        from obstore import put

        mode: PutMode = over.version if over else "create"
        result: PutResult = put(self._writing, name, body, mode=mode, use_multipart=False)
        return _version(result["e_tag"], result["version"])

    def _refuse_no_bucket(self, name: str, error: FileNotFoundError) -> None:
        """No object is one thing, no bucket another: a bucket with a slip in its name holds no state."""
        if _NO_BUCKET.search(str(error)):
            raise StateError(
                f"{self._url}/{name}: there is no such bucket",
                hint="lfsync makes none: make it, or put its name right in lfsync.yaml.",
            ) from None

    def _failed(self, name: str, what: str, error: BaseException) -> StateError:
        said = re.sub(r"\?\S*", "", str(error).split("\n")[0])[:300].strip()  # an address may carry a signature
        return StateError(
            f"{self._url}/{name}: can't be {what}: {said}",
            hint="Credentials, region and endpoint come from the environment, as for the tools of that cloud.",
        )


def _version(e_tag: str | None, version: str | None) -> UpdateVersion:
    found: UpdateVersion = {}
    if e_tag is not None:
        found["e_tag"] = e_tag
    if version is not None:
        found["version"] = version
    return found


def _options(scheme: str, timeout: float) -> ClientConfig:
    """obstore looks for these in the environment only where it is given none; ours are for states of many megabytes."""
    given = {"timeout": f"{timeout:.0f} seconds", "connect_timeout": "5 seconds"}
    prefix = {"s3": "AWS", "gs": "GOOGLE", "az": "AZURE"}[scheme]
    for option in _OPTIONS:
        if value := os.environ.get(f"{prefix}_{option}".upper()):
            given[option] = value
    return cast("ClientConfig", given)


def _store(url: str, options: ClientConfig, *, retries: int) -> ObjectStore:
    try:
        from obstore.store import from_url
    except ImportError:
        raise UsageError(
            f"the state is in {url}, and that needs the extra `lfsync[remote]`",
            hint="Install it: pip install 'lfsync[remote]'.",
        ) from None
    try:
        return from_url(
            url,
            client_options=options,
            retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=_PATIENCE)},
        )
    except _failures() as error:
        said = str(error).split("\n")[0]
        hint = "Credentials, region and endpoint come from the environment, as for the tools of that cloud."
        raise StateError(f"{url}: {said}", hint=hint) from None


def _failures() -> tuple[type[Exception], ...]:
    from obstore.exceptions import BaseError

    return (BaseError, OSError, ValueError)


def _denials() -> tuple[type[Exception], ...]:
    from obstore.exceptions import NotSupportedError, PermissionDeniedError, UnauthenticatedError

    return (NotSupportedError, PermissionDeniedError, UnauthenticatedError)


def _conditions() -> tuple[type[Exception], ...]:
    from obstore.exceptions import AlreadyExistsError, PreconditionError

    return (AlreadyExistsError, PreconditionError)
