"""The fixture of this folder: a workspace, an empty project, and people."""

from tests.faults.stage_b import build as build
