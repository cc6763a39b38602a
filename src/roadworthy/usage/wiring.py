"""What usage plugs into the application."""

from __future__ import annotations

from roadworthy.registry.slice import Slice
from roadworthy.usage import queries

SLICE = Slice(
    name="usage",
    verifiers=(queries.verify,),
    permissions={
        "usage.read": "See what was called, by whom and at what cost.",
        "content.read": "Read what was said in calls that are logged in full; each reading is recorded.",
    },
)
