"""What the governance slice plugs into the application."""

from __future__ import annotations

from pathlib import Path

from roadworthy.governance import http, pages
from roadworthy.governance.admission import check_facts, effects
from roadworthy.registry.slice import Slice

SLICE = Slice(
    name="governance",
    admission=(check_facts,),
    effects=(effects,),
    routers=(http.router, pages.router),
    templates=Path(__file__).parent / "templates",
)
