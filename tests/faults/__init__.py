"""The 25 faults of providers, and callers who leave."""
