"""The small company with every slice's collectors and doors, and words to ask its controls."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from roadworthy.controls import operations, queries
from roadworthy.controls.control import ControlState, Needs
from roadworthy.controls.facts import EvidenceUploaded
from roadworthy.entrypoints import console
from roadworthy.evidence.fact import Recorded
from roadworthy.main import SLICES
from roadworthy.registry.actor import Actor
from roadworthy.registry.assembly import assemble
from roadworthy.switches import operations as switches
from tests.governance.company import SETUP, document, use_case
from tests.switches.test_doors import Doors

CASE = "policy-search"
OLGA = Actor("person/olga", "cli")


class Controlled(Doors):
    """The company; `clock` is the present."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.company.assembly = assemble(SLICES)
        queries.plug(self.database, self.company.assembly)

    def _app(self) -> FastAPI:
        app = super()._app()
        console.add_assets(app)
        return app

    def declare(self, *documents: dict[str, Any]) -> None:
        """Declare at the present."""
        self.company.declare(*documents, actor=SETUP, now=self.clock)

    def change(self, **fields: Any) -> None:
        """Declare the use case with fields changed."""
        self.declare(use_case(**fields))

    def person(self, name: str, **spec: Any) -> None:
        """Declare a person anew."""
        self.declare(document("Person", name, {"display_name": name.title(), **spec}))

    def states(self, *, as_of: datetime | None = None, **needs: Any) -> dict[str, ControlState]:
        """Return how the controls of the use case stand."""
        with self.database.read() as tx:
            return queries.states_of(tx, use_case=CASE, needs=Needs(**needs), now=self.clock, as_of=as_of)

    def state(self, control: str, **how: Any) -> str:
        """Return how one control stands."""
        return self.states(**how)[control].state

    def signal(self, name: str, *, as_of: datetime | None = None) -> Any:
        """Return the value of a signal; None where nobody says it."""
        with self.database.read() as tx:
            found = queries.signals_of(tx, use_cases=[CASE], now=self.clock, as_of=as_of)[CASE]
        return next((one.value for one in found if one.name == name), None)

    def kill(self, of: str) -> None:
        """Stop something."""
        with self.database.write() as tx:
            switches.kill(tx, of=of, namespace="claims", reason="It leaks.", actor=OLGA, now=self.clock)

    def file(
        self, kind: str, content: bytes, *, about: str = f"use-case/{CASE}", actor: Actor = OLGA, **given: Any
    ) -> Recorded[EvidenceUploaded]:
        """File a piece of evidence."""
        with self.database.write() as tx:
            return operations.file(
                tx, kind=kind, about=about, name="file", content=content, actor=actor, now=self.clock, **given
            )

    def drill(self, of: str, actor: Actor = OLGA) -> None:
        """Stop something and let it run again."""
        with self.database.write() as tx:
            switches.kill(tx, of=of, namespace="claims", reason="A drill.", actor=actor, now=self.clock)
            switches.revive(tx, of=of, actor=actor, now=self.clock)
