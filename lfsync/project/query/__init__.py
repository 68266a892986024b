"""Sources by `query`: what a query may say, and the process that runs it."""
