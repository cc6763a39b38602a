"""What was declared: kinds, versions, plan and apply, the audit log."""
