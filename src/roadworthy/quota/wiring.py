"""What limits and budgets plug into the application."""

from __future__ import annotations

from pathlib import Path

from roadworthy.controls.collecting import COLLECTORS_SOCKET
from roadworthy.quota import http, pages, signals
from roadworthy.quota.admission import check_quota
from roadworthy.quota.kinds import KINDS
from roadworthy.registry.slice import NavEntry, Slice

SLICE = Slice(
    name="quota",
    kinds=KINDS,
    admission=(check_quota,),
    templates=Path(__file__).parent / "templates",
    routers=(http.router, pages.router),
    navigation=(NavEntry("Budgets", pages.BUDGETS, "budgets", 55, "usage.read"),),
    sockets={COLLECTORS_SOCKET: signals.collect},
)
