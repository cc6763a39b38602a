"""Reserve before, settle after: limits and budgets as a call meets them."""
