"""The command line: options → one call → exit code.

Only click is imported here, so that `lfsync --version` starts at once; each command imports what it needs.
"""

from lfsync.cli.boundary import main, run
from lfsync.cli.root import cli

__all__ = ["cli", "main", "run"]
