"""One row for each value type: parse, canonical form, text."""
