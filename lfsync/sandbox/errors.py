"""Refusals of the emulated API (API sheet, section 11). Pure: `FaultError` is raised, the gate words it as JSON."""

from __future__ import annotations

from lfsync.model import JSON
from lfsync.sandbox.quirks import Quirks

TYPES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
    415: "unsupported_media_type",
    422: "unprocessable_content",
    429: "too_many_requests",
    500: "internal_server_error",
    503: "service_unavailable",
}


class CutError(Exception):
    """The connection is to be cut: the client gets no answer."""


class FaultError(Exception):
    """One refusal: status, `code` and `param` as the API sheet names them, and the extras of some codes.

    `keeps_work`: what was written before it stays (quirk `update-atomic`).
    """

    keeps_work = False

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        type: str | None = None,
        extras: dict[str, JSON] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.type = type or TYPES[status]
        self.extras = extras or {}

    def body(self, quirks: Quirks) -> JSON:
        """The error envelope; a quirk decides whether it is wrapped in `error`."""
        flat: dict[str, JSON] = {"type": self.type, "message": self.message}
        if self.code:
            flat["code"] = self.code
        if self.param:
            flat["param"] = self.param
        flat.update(self.extras)
        form = quirks["error-envelope"]
        limits = form == "flat-limits" and self.type in ("too_many_requests", "idempotency_conflict")
        return flat if form == "flat" or limits else {"error": flat}


def bad_request(code: str, message: str, param: str | None = None, **extras: JSON) -> FaultError:
    """400 with a code (always there on 400)."""
    return FaultError(400, message, code=code, param=param, extras=extras)


def unprocessable(message: str, param: str | None = None, code: str | None = None, **extras: JSON) -> FaultError:
    """422: valid JSON that breaks a business rule."""
    return FaultError(422, message, code=code, param=param, extras=extras)


def not_found(message: str = "No such resource.") -> FaultError:
    """404: no such id, type or path."""
    return FaultError(404, message)


def refused(quirks: Quirks, usual: int, message: str, param: str | None = None) -> FaultError:
    """A refusal whose status the sheet leaves open (U23). `usual` is the one that seems most likely."""
    chosen = quirks["refusal-status"]
    status = usual if chosen == "mixed" else int(chosen)
    return FaultError(status, message, code="invalid_configuration" if status == 400 else None, param=param)
