"""What the controls slice plugs into the application."""

from __future__ import annotations

from pathlib import Path

from roadworthy.controls import collectors, evidence_http, http, pages
from roadworthy.controls.collecting import COLLECTORS_SOCKET
from roadworthy.controls.jobs import EvidenceKeeper
from roadworthy.controls.operations import erase_files
from roadworthy.controls.queries import plug
from roadworthy.controls.verification import verify_files
from roadworthy.registry.slice import Slice

__all__ = ["SLICE", "EvidenceKeeper", "plug"]

SLICE = Slice(
    name="controls",
    routers=(http.router, evidence_http.router, pages.router),
    templates=Path(__file__).parent / "templates",
    verifiers=(verify_files,),
    erasers=(erase_files,),
    sockets={COLLECTORS_SOCKET: collectors.collect},
)
