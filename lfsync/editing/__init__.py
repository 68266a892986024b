"""Live values into files: what people read, as YAML that means the same."""
