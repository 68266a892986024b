"""One request as the handlers see it, and the row of the route table that it came by."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from lfsync.model import JSON
from lfsync.sandbox.errors import FaultError, bad_request
from lfsync.sandbox.workspace import Workspace

Category: TypeAlias = Literal["read", "search", "write"]
PAGE = 25


@dataclass(frozen=True, slots=True)
class Call:
    """A request that passed the gate. `scopes` empty: full access. `base`: the address that it was sent to."""

    workspace: Workspace
    kind: str
    path: Mapping[str, str]
    query: tuple[tuple[str, str], ...] = ()
    body: dict[str, JSON] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()
    base: str = ""

    def need(self, scope: str) -> None:
        """Raises FaultError 403 unless the key has the scope."""
        need(self.scopes, scope)

    def parameter(self, name: str) -> str | None:
        """The last query parameter of this name."""
        return next((value for key, value in reversed(self.query) if key == name), None)

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        """A whole number from the query; above `highest` it is `highest`. Raises FaultError 400."""
        text = self.parameter(name)
        if text is None:
            return default
        if not re.fullmatch("[0-9]{1,300}", text) or int(text) < lowest:
            raise bad_request("invalid_type", f"{name} must be a whole number from {lowest} on.", name)
        return min(int(text), highest)


def need(scopes: frozenset[str], scope: str) -> None:
    """Raises FaultError 403 unless the scope is among these, or they are empty."""
    if scopes and scope not in scopes:
        raise FaultError(403, f"Token does not have the '{scope}' scope.")


Handler: TypeAlias = Callable[[Call], JSON]


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint (API sheet, section 3). `verb` names what an `Idempotency-Key` covers, if it is `keyed`.

    Without `kind`, that is the `slug` of the path. `versioned`: it asks for the version header.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    handler: Handler
    category: Category
    scopes: tuple[str, ...] = ()
    kind: str = ""
    verb: Literal["create", "update", "delete", "restore", "merge", ""] = ""
    keyed: bool = True
    versioned: bool = True
