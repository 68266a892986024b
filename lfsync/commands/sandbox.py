"""`lfsync sandbox serve`, `reset` and `quirks`. I/O."""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.table import Table

from lfsync.commands.terminal.console import Options, out
from lfsync.project.settings import SandboxSettings
from lfsync.project.workspace import reset_sandbox
from lfsync.sandbox.quirks import QUIRKS
from lfsync.sandbox.serve import serve as serve_http


def serve(settings: SandboxSettings, *, host: str, port: int, database: Path | None, seed: Path | None) -> NoReturn:
    """Until Ctrl-C, which it tells as any other command does."""
    gc.enable()
    serve_http(settings, host=host, port=port, database=database, seed=seed)
    raise KeyboardInterrupt


def reset(options: Options) -> int:
    """Forget everything that a sandbox workspace holds; its seed comes back with the next run."""
    workspace = reset_sandbox(options.root, options.workspace)
    out(f"The sandbox `{workspace.name}` is as its seed says.")
    return 0


def quirks(options: Options, *, format: str) -> int:
    """The answers to choose from for each unknown of the API."""
    if format == "json":
        rows = [{"name": q.name, "unknown": q.unknown, "values": list(q.values), "default": q.default} for q in QUIRKS]
        out(json.dumps(rows, indent=2))
        return 0
    table = Table("name", "unknown", "values", "what it decides", box=None, pad_edge=False)
    for quirk in QUIRKS:
        values = " | ".join(f"[bold]{v}[/]" if v == quirk.default else v for v in quirk.values)
        table.add_row(quirk.name, quirk.unknown, values, quirk.description)
    console = Console(
        file=sys.stdout, width=options.width or 200, no_color=not options.color(sys.stdout), highlight=False
    )
    console.print(table)
    console.print("\nThe first value of each is the default.")
    return 0
