"""Rows of a source: their file, their cells, and what becomes of a cell."""
