"""The fixtures of this folder."""

from tests.faults.stage_b import build as build
