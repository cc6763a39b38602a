"""What people say about filters' work: appeals against it, and approvals of what it holds."""
