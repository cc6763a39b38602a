"""What the governance slice plugs into the application."""

from __future__ import annotations

from pathlib import Path

from roadworthy.controls.collecting import COLLECTORS_SOCKET, NEEDS_SOCKET
from roadworthy.governance import (
    autonomy_http,
    autonomy_pages,
    balance_http,
    balance_pages,
    blueprint_http,
    blueprint_pages,
    conflict_http,
    gate_http,
    gate_pages,
    http,
    lead_time_http,
    lead_time_pages,
    owners_http,
    owners_pages,
    pages,
    signals,
)
from roadworthy.governance.admission import check_facts, effects
from roadworthy.governance.blueprint import BLUEPRINT
from roadworthy.governance.delegation import DELEGATION
from roadworthy.governance.delegation_admission import check_delegation
from roadworthy.governance.exclusion import EXCLUSION
from roadworthy.governance.gate_admission import check_gate
from roadworthy.governance.kinds import GATE
from roadworthy.registry.slice import Slice

SLICE = Slice(
    name="governance",
    kinds=(GATE, DELEGATION, BLUEPRINT, EXCLUSION),
    admission=(check_facts, check_gate, check_delegation),
    effects=(effects,),
    routers=(
        http.router,
        gate_http.router,
        gate_pages.router,
        pages.router,
        blueprint_http.router,
        blueprint_pages.router,
        lead_time_http.router,
        lead_time_pages.router,
        owners_http.router,
        owners_pages.router,
        balance_http.router,
        balance_pages.router,
        conflict_http.router,
        autonomy_http.router,
        autonomy_pages.router,
    ),
    templates=Path(__file__).parent / "templates",
    sockets={COLLECTORS_SOCKET: signals.collect, NEEDS_SOCKET: signals.needs},
)
