"""Why AI is used: units, metrics, outcomes and the use cases that serve them."""
