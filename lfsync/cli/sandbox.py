"""The group `sandbox`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lfsync.cli.parameters import FILE, FORMAT

if TYPE_CHECKING:
    from lfsync.commands.terminal.console import Options


@click.group()
def sandbox() -> None:
    """The embedded emulator of the Lightfield API."""


@sandbox.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8787, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option("--db", "database", type=FILE, metavar="FILE", help="Keep the records here. Default: in memory.")
@click.option("--seed", type=FILE, metavar="FILE", help="What a new database holds.")
@click.option("--rps", default=25, show_default=True, type=click.IntRange(min=0), help="Per category; 0: no limit.")
@click.option("--index-lag", default=0.0, type=click.FloatRange(min=0), metavar="SECONDS", help="Lists trail writes.")
@click.option("--latency", default=0.0, type=click.FloatRange(min=0), metavar="SECONDS", help="Of each request.")
@click.option("--workflow-latency", default=0.0, type=click.FloatRange(min=0), metavar="SECONDS", help="Of a run.")
@click.option("--faults", default=0.0, type=click.FloatRange(0, 1), metavar="RATE", help="Share of requests that fail.")
@click.option("--random-seed", type=int, metavar="N", help="Makes ids and faults repeatable.")
@click.option("--quirk", "quirks", multiple=True, metavar="NAME=VALUE", help="An answer to an unknown; repeatable.")
def serve(
    host: str,
    port: int,
    database: Path | None,
    seed: Path | None,
    rps: int,
    index_lag: float,
    latency: float,
    workflow_latency: float,
    faults: float,
    random_seed: int | None,
    quirks: tuple[str, ...],
) -> int:
    """Serve the sandbox over HTTP until Ctrl-C."""
    from lfsync.commands.sandbox import serve
    from lfsync.project.settings import SandboxSettings
    from lfsync.sandbox.quirks import parse

    settings = SandboxSettings(
        rps=rps,
        index_lag=index_lag,
        latency=latency,
        workflow_latency=workflow_latency,
        faults=faults,
        random_seed=random_seed,
        quirks=dict(parse(quirks)),
    )
    serve(settings, host=host, port=port, database=database, seed=seed)


@sandbox.command()
@click.pass_obj
def reset(options: Options) -> int:
    """Forget what a sandbox workspace holds."""
    from lfsync.commands.sandbox import reset

    return reset(options)


@sandbox.command()
@click.argument("name", default="rehearsal")
@click.option("--records", is_flag=True, help="With the records, and what the state knows of them.")
@click.pass_obj
def clone(options: Options, name: str, records: bool) -> int:
    """Make a sandbox of a live workspace, to rehearse a plan in.

    NAME is what the clone's workspace is called: `lfsync -w rehearsal apply`. The one that is cloned is that of -w.
    """
    from lfsync.commands.cloning import clone

    return clone(options, name, records=records)


@sandbox.command()
@FORMAT
@click.pass_obj
def quirks(options: Options, format: str) -> int:
    """List the API's unknowns and the answers to choose from."""
    from lfsync.commands.sandbox import quirks

    return quirks(options, format=format)
