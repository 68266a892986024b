"""The fixtures of this folder."""

from tests.faults.stage_a import stage as stage
