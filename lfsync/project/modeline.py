"""The comment by which an editor's YAML language server knows a file's schema (design.md, section 14). Pure."""

from __future__ import annotations

from typing import Final, Literal

SCHEMAS: Final = ".lfsync/schemas"


def schema_name(workspace: str, schema: Literal["resources", "lfsync"]) -> str:
    """Where a schema of a workspace lies in the project."""
    return f"{SCHEMAS}/{workspace}/{schema}.json"


def modeline(file: str, workspace: str, schema: Literal["resources", "lfsync"] = "resources") -> str:
    """The first line of a file of the project. The path in it goes from the file's own folder, as editors read it."""
    return f"# yaml-language-server: $schema={'../' * file.count('/')}{schema_name(workspace, schema)}\n"
