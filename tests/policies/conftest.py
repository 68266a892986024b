"""The fixtures of this folder."""

from tests.faults.town import build as build
