"""Roadworthy: an operating model for AI as running software."""
