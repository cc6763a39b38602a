"""The demo: a fictional company, seeded through the API as its people would, and calls to a real model."""
