"""How a change ends that can't be carried out. Pure."""

from __future__ import annotations

from lfsync.model import Place, Status


class GiveUpError(Exception):
    """This change ends here. `is_unknown`: whether it was written, nobody knows."""

    def __init__(
        self,
        status: Status,
        reason: str,
        hint: str | None = None,
        source: Place | None = None,
        *,
        is_unknown: bool = False,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.hint = hint
        self.source = source
        self.is_unknown = is_unknown
