"""May it? Risk tier, approvals and the grants that follow from them."""
