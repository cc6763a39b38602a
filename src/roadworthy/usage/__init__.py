"""What was called: call records, what they cost, and the spool that none is lost from."""
