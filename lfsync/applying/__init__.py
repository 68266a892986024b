"""A plan to writes, each after a last look, each proved."""
