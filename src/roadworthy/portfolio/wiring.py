"""What the portfolio slice plugs into the application."""

from __future__ import annotations

from pathlib import Path

from roadworthy.portfolio import http, pages
from roadworthy.portfolio.verification import verify_measurements
from roadworthy.registry.slice import NavEntry, Slice

SLICE = Slice(
    name="portfolio",
    verifiers=(verify_measurements,),
    routers=(http.router, pages.router),
    templates=Path(__file__).parent / "templates",
    navigation=(
        NavEntry("Outcomes", "/outcomes", "outcomes", 20, "outcome.read"),
        NavEntry("Scorecard", "/scorecard", "scorecard", 40, "outcome.read"),
    ),
    permissions={
        "measure.import": "Import measurements of outcomes.",
        "outcome.read": "See outcomes, scorecards and effects.",
    },
)
