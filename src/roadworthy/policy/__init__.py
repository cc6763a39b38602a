"""Policies as code: what is allowed, in the policy language Cedar, with examples that have to hold."""
