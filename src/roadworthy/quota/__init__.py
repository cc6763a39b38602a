"""Limits and budgets: what is declared, what is counted, what providers ask for."""
