"""The kinds whose records the emulator serves: those that lfsync manages. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from lfsync.kinds import KINDS as MANAGED
from lfsync.kinds import Kind

KINDS: Mapping[str, Kind] = dict(MANAGED)
LATER = ("meeting",)  # kinds that came later than others, whose ids from one random seed are not to change
SECTIONS: Mapping[str, Kind] = {kind.section: kind for kind in KINDS.values()}
