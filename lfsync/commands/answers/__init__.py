"""What programs are told: answers, problems, events, and the files that these are written to."""
