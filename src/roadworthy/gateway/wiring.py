"""What the gateway plugs into the control plane; its own process is put together in `process`."""

from __future__ import annotations

from pathlib import Path

from roadworthy.gateway import http, pages
from roadworthy.registry.slice import NavEntry, Slice

SLICE = Slice(
    name="gateway",
    routers=(http.router, pages.router),
    templates=Path(__file__).parent / "templates",
    navigation=(NavEntry("Traces", "/traces", "traces", 50, "usage.read"),),
)
