"""What the inventory slice plugs into the application."""

from __future__ import annotations

from pathlib import Path

from roadworthy.inventory import http, pages
from roadworthy.inventory.admission import check_entry
from roadworthy.inventory.kinds import KINDS
from roadworthy.registry.slice import Slice

SLICE = Slice(
    name="inventory",
    kinds=KINDS,
    admission=(check_entry,),
    routers=(http.router, pages.router),
    templates=Path(__file__).parent / "templates",
)
