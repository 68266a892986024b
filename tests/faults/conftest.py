"""The fixtures of this folder."""

from tests.faults.stage import stage as stage
from tests.faults.town import build as build
