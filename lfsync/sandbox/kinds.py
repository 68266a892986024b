"""The kinds whose records the emulator serves: those that lfsync manages. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from lfsync.kinds import KINDS as MANAGED
from lfsync.kinds import Kind

KINDS: Mapping[str, Kind] = dict(MANAGED)
SECTIONS: Mapping[str, Kind] = {kind.section: kind for kind in KINDS.values()}
