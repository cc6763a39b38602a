"""What tests of Roadworthy need and may be used by tests of what is built on it."""
