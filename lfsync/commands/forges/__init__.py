"""Where others read a plan: comments on pull and merge requests, annotations of a CI."""
