"""What a run knows of the workspace, and how it came to know it."""
