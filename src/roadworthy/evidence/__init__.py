"""What happened: typed, append-only, sealed in the audit log."""
