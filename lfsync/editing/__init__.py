"""Files, edited in place: every byte that no edit names stays as it is."""
