"""octoDNS planning records between two YAML providers that hold the same: the yardsticks of planning.py.

As it comes from PyPI: its own loader, a dry run of `octodns-sync`. Two forms of it. `MIXED` has records of four types
in ten zones, with octoDNS's default check of their order. `CHEAPEST` is the least that octoDNS can be asked for: one
zone, one value to a record, no check of the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import BIN, CommandError, Run, run

_CONFIG = """\
providers:
  source: {{class: octodns.provider.yaml.YamlProvider, directory: {root}/source, {options}}}
  target: {{class: octodns.provider.yaml.YamlProvider, directory: {root}/target, {options}}}
zones:
"""
_TEXT = "host-{i:05d}:\n  ttl: 300\n  type: TXT\n  value: token={i:08x}\n"
_OF_ALL_TYPES = (
    "host-{i:05d}:\n  ttl: 300\n  type: A\n  values:\n  - 10.0.{high}.{low}\n  - 10.1.{high}.{low}\n",
    "host-{i:05d}:\n  ttl: 300\n  type: CNAME\n  value: host-{before:05d}.{zone}\n",
    "host-{i:05d}:\n  ttl: 300\n  type: MX\n  values:\n  - exchange: mx1.{zone}\n    preference: 10\n"
    "  - exchange: mx2.{zone}\n    preference: 20\n",
    "host-{i:05d}:\n  ttl: 300\n  type: TXT\n  values:\n  - v=spf1 include:{zone} ~all\n  - token={i:08x}\n",
)


@dataclass(frozen=True, slots=True)
class Form:
    """What octoDNS is asked to plan: so many zones, of these records in turn, under these options of its provider."""

    name: str
    zones: int
    records: Sequence[str]
    options: str


MIXED = Form("mixed", 10, _OF_ALL_TYPES, "escaped_semicolons: false")
CHEAPEST = Form("cheapest", 1, (_TEXT,), "escaped_semicolons: false, enforce_order: false")


def write(root: Path, form: Form, records: int) -> None:
    """A configuration and two providers' folders with the same `records` records."""
    zones = [f"zone{number}.example." for number in range(form.zones)]
    for provider in ("source", "target"):
        (root / provider).mkdir(parents=True)
        for zone in zones:
            (root / provider / f"{zone}yaml").write_text(_zone(zone, form.records, records // form.zones))
    listed = "".join(f"  {zone}:\n    sources: [source]\n    targets: [target]\n" for zone in zones)
    (root / "config.yaml").write_text(_CONFIG.format(root=root, options=form.options) + listed)


def plan(root: Path) -> Run:
    """A dry run; fails unless octoDNS finds nothing to change."""
    done = run([BIN / "octodns-sync", "--config-file", root / "config.yaml"])
    if "No changes were planned" not in done.stdout + done.stderr:
        raise CommandError("octoDNS planned changes between equal providers")
    return done


def _zone(zone: str, forms: Sequence[str], records: int) -> str:
    return "".join(
        forms[i % len(forms)].format(i=i, before=i - 1, high=i // 256, low=i % 256, zone=zone) for i in range(records)
    )
