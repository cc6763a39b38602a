"""What usage plugs into the application."""

from __future__ import annotations

from roadworthy.registry.slice import Slice
from roadworthy.usage import queries

SLICE = Slice(
    name="usage",
    verifiers=(queries.verify,),
    permissions={"usage.read": "See what was called, by whom, at what cost, and what was said if logged."},
)
