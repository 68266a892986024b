"""octoDNS planning records between two YAML providers that hold the same: the yardstick of planning.py.

As it comes from PyPI: its own loader, its default order check, a dry run of `octodns-sync`. Ten zones cost octoDNS less
than one large one, so they make the harder yardstick.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.process import BIN, CommandError, Run, run

_ZONES = tuple(f"zone{number}.example." for number in range(10))
_CONFIG = """\
providers:
  source: {{class: octodns.provider.yaml.YamlProvider, directory: {root}/source, escaped_semicolons: false}}
  target: {{class: octodns.provider.yaml.YamlProvider, directory: {root}/target, escaped_semicolons: false}}
zones:
"""
_RECORDS = (
    "host-{i:05d}:\n  ttl: 300\n  type: A\n  values:\n  - 10.0.{high}.{low}\n  - 10.1.{high}.{low}\n",
    "host-{i:05d}:\n  ttl: 300\n  type: CNAME\n  value: host-{before:05d}.{zone}\n",
    "host-{i:05d}:\n  ttl: 300\n  type: MX\n  values:\n  - exchange: mx1.{zone}\n    preference: 10\n"
    "  - exchange: mx2.{zone}\n    preference: 20\n",
    "host-{i:05d}:\n  ttl: 300\n  type: TXT\n  values:\n  - v=spf1 include:{zone} ~all\n  - token={i:08x}\n",
)


def write(root: Path, records: int) -> None:
    """A configuration and two providers' folders with the same `records` records."""
    zones = "".join(f"  {zone}:\n    sources: [source]\n    targets: [target]\n" for zone in _ZONES)
    for provider in ("source", "target"):
        (root / provider).mkdir(parents=True)
        for zone in _ZONES:
            (root / provider / f"{zone}yaml").write_text(_zone(zone, records // len(_ZONES)))
    (root / "config.yaml").write_text(_CONFIG.format(root=root) + zones)


def plan(root: Path) -> Run:
    """A dry run; fails unless octoDNS finds nothing to change."""
    done = run([BIN / "octodns-sync", "--config-file", root / "config.yaml"])
    if "No changes were planned" not in done.stdout + done.stderr:
        raise CommandError("octoDNS planned changes between equal providers")
    return done


def _zone(zone: str, records: int) -> str:
    return "".join(
        _RECORDS[i % len(_RECORDS)].format(i=i, before=i - 1, high=i // 256, low=i % 256, zone=zone)
        for i in range(records)
    )
