"""`by_hand.py FOLDER [--dry-run]`: what somebody writes who has the official SDK, and no lfsync; see script.py.

All accounts are listed, side by side; what the files say is compared with what is there by name; what differs is
written. It asks nobody, remembers nothing, reads nothing again before it writes, and proves nothing.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Coroutine
from pathlib import Path
from typing import Any

import yaml
from lightfield import AsyncLightfield

_AT_ONCE = 25


async def main(folder: Path, *, dry_run: bool) -> None:
    declared = [
        body["fields"]
        for path in sorted(folder.glob("accounts/*.yaml"))
        for body in yaml.load(path.read_text(), yaml.CSafeLoader)["accounts"].values()
    ]
    turn = asyncio.Semaphore(_AT_ONCE)

    async def polite(request: Awaitable[Any]) -> Any:
        async with turn:
            return await request

    url, key = os.environ["LIGHTFIELD_BASE_URL"], os.environ["LIGHTFIELD_API_KEY"]
    async with AsyncLightfield(base_url=url, api_key=key, max_retries=50) as sdk:
        definitions = (await sdk.account.definitions()).field_definitions["tier"]
        tiers = {option.label: option.id for option in definitions.type_configuration.options or ()}
        first = await sdk.account.list(limit=25)
        offsets = range(25, first.total_count, 25)
        pages = await asyncio.gather(*(polite(sdk.account.list(limit=25, offset=offset)) for offset in offsets))
        live = {row.fields["$name"].value: row for page in (first, *pages) for row in page.data}
        writes: list[Coroutine[Any, Any, Any]] = []
        for fields in declared:
            wanted = {**fields, "tier": tiers[fields["tier"]], "renewalDate": f"{fields['renewalDate']}T00:00:00.000Z"}
            row = live.get(fields["$name"])
            if row is None:
                writes.append(sdk.account.create(fields=wanted))
            elif moved := {key: value for key, value in wanted.items() if row.fields[key].value != value}:
                writes.append(sdk.account.update(row.id, fields=moved))
        sys.stdout.write(f"{len(writes)} to write\n")
        if dry_run:
            for write in writes:
                write.close()
            return
        await asyncio.gather(*map(polite, writes))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), dry_run="--dry-run" in sys.argv))
