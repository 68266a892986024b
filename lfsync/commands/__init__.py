"""A module for each verb, or a few that belong together: options in, output and exit code out."""
