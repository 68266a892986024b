"""An adversary: random worlds, people and accidents, judged by the promises alone."""
