"""What drafts plug into the application; their doors stand beside those of calls."""

from __future__ import annotations

from roadworthy.registry.slice import Slice

SLICE = Slice(name="drafts")
