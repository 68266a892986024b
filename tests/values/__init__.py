"""Value types, definitions and typed preparation."""
