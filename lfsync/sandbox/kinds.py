"""The kinds whose records the emulator serves: those that lfsync manages. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from lfsync.kinds import KINDS as MANAGED
from lfsync.kinds import Kind

# Files are no records: they have endpoints of their own (files.py).
KINDS: Mapping[str, Kind] = {name: kind for name, kind in MANAGED.items() if not kind.uploaded}
LATER = ("meeting",)  # kinds that came later than others, whose ids from one random seed are not to change
SECTIONS: Mapping[str, Kind] = {kind.section: kind for kind in KINDS.values()}
