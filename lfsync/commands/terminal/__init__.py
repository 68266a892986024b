"""The terminal of a command: where it prints and asks, and what may interrupt it."""
