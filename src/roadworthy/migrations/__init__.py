"""One migration chain for both engines."""
