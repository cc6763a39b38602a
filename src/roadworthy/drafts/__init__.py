"""Answers that a person releases or reviews: what waits, what was decided, how often it is accepted."""
