"""Inputs made wrong on purpose, many and repeatable."""
