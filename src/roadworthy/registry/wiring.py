"""What the registry plugs into the application."""

from pathlib import Path

from roadworthy.registry import http, pages
from roadworthy.registry.slice import Slice

SLICE = Slice(
    name="registry",
    routers=(http.router, pages.router),
    templates=Path(__file__).parent / "templates",
    permissions={
        "registry.read": "see what is declared, and its history",
        "registry.declare": "declare, change, delete and roll back what the role covers",
        "audit.read": "see and verify the audit log",
        "audit.erase": "erase personal text from the audit log",
    },
)
