"""Calls told to others: OpenTelemetry spans and metrics, and a Prometheus page."""
