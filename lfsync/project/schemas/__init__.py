"""JSON Schemas of the files, for editors and `lfsync schema`."""
