"""The Lightfield API: client, pace, retries, paging, typed answers."""
