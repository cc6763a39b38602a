"""What the rules slice plugs into the application."""

from __future__ import annotations

from pathlib import Path

from roadworthy.registry.slice import NavEntry, Slice
from roadworthy.rules import http, pages
from roadworthy.rules.admission import check_pack
from roadworthy.rules.kinds import KINDS

SLICE = Slice(
    name="rules",
    kinds=KINDS,
    admission=(check_pack,),
    routers=(http.router, pages.router),
    templates=Path(__file__).parent / "templates",
    navigation=(NavEntry("Rules", pages.RULES, "rules", 45, "governance.read"),),
)
