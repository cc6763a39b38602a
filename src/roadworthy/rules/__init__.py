"""What applies? Facts about a use case, the rules that fire on them, the tier and duties that follow."""
