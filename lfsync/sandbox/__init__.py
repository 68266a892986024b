"""The sandbox: an honest emulator of the Lightfield API. Its rules are its own, shared with no client code."""
