"""The programs a person or a machine starts; each parses, calls a slice, and renders."""
