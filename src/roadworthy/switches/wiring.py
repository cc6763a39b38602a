"""What the switches slice plugs into the application."""

from __future__ import annotations

from pathlib import Path

from roadworthy.controls.collecting import COLLECTORS_SOCKET
from roadworthy.registry.door import ACTION_SOCKET, SECTIONS_SOCKET
from roadworthy.registry.slice import NavEntry, Slice
from roadworthy.switches import door, http, pages, signals

SLICE = Slice(
    name="switches",
    routers=(http.router, pages.router),
    templates=Path(__file__).parent / "templates",
    navigation=(NavEntry("Switches", door.SWITCHES, "switches", 60, "registry.read"),),
    sockets={
        ACTION_SOCKET: door.offer,
        SECTIONS_SOCKET: door.sections,
        COLLECTORS_SOCKET: signals.collect,
    },
)
