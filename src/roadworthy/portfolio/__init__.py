"""Worth it? Outcomes measured, effects, scorecards."""
