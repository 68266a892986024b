"""Words for people: plans, outcomes, progress and problems as text."""
