"""How fast lfsync is, as ratios measured in one run. `python -m benchmarks` prints a table; see `__main__`."""
