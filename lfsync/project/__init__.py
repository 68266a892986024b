"""What the files declare: folder, YAML, sources, settings."""
