"""What appeals plug into the application; their doors stand beside those of filters."""

from __future__ import annotations

from roadworthy.registry.slice import Slice

SLICE = Slice(name="appeals")
