"""The data plane: one request in, one governed response out."""
