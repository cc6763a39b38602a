"""Whether the control plane is up, and whether it can answer correctly."""

from __future__ import annotations

from typing import Any

from roadworthy.foundation.storage import migrate
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.router import PUBLIC, Route, Router
from roadworthy.registry import audit
from roadworthy.usage.telemetry.export import Exporter


def routes(exporter: Exporter | None = None) -> list[Route]:
    """Say whether the control plane is up, and whether it can answer correctly."""
    router = Router(tag="health")

    @router.get("/healthz", permission=PUBLIC, access="none")
    def healthz() -> dict[str, str]:
        """Say that the process answers."""
        return {"status": "ok"}

    @router.get("/readyz", permission=PUBLIC)
    def readyz(tx: Tx) -> dict[str, Any]:
        """Say that the database answers and is at this version's schema."""
        said = {"status": "ready", "revision": audit.revision(tx), "schema": migrate.current(tx)}
        return {**said, "export": exporter.health()} if exporter is not None else said

    return router.routes
