"""The wire formats callers and providers speak."""
