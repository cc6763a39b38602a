"""Controls: questions asked of evidence, each answered as holds, fails, stale, unknown or waived."""
