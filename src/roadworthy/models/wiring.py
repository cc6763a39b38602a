"""What the models slice plugs into the application."""

from __future__ import annotations

from pathlib import Path

from roadworthy.controls.collecting import COLLECTORS_SOCKET
from roadworthy.models import http, pages, signals
from roadworthy.models.admission import check_provider, check_sealed
from roadworthy.models.kinds import KINDS
from roadworthy.models.verification import verify_secrets
from roadworthy.registry.slice import Slice

SLICE = Slice(
    name="models",
    kinds=KINDS,
    admission=(check_provider, check_sealed),
    verifiers=(verify_secrets,),
    routers=(http.router, pages.router),
    templates=Path(__file__).parent / "templates",
    sockets={COLLECTORS_SOCKET: signals.collect},
)
