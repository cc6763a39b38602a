"""What the evidence slice plugs into the application."""

from __future__ import annotations

from roadworthy.evidence.operations import erase_copies
from roadworthy.evidence.queries import verify
from roadworthy.registry.slice import Slice

SLICE = Slice(name="evidence", verifiers=(verify,), erasers=(erase_copies,))
