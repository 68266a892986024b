"""One module for each group of commands: options in, one call, output, exit code out."""
