"""The fixtures of this folder."""

from tests.faults.stage_a import stage as stage
from tests.faults.stage_b import build as build
