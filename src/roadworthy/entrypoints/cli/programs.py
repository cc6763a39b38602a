"""What the command line needs of the whole application, handed in by `__main__` and loaded when used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from roadworthy.registry.assembly import Assembly


class Programs(Protocol):
    """The parts that only the application's top knows."""

    def run_control(self, options: Mapping[str, Any]) -> int:
        """Serve the console and the API until told to stop."""

    def run_gateway(self, options: Mapping[str, Any]) -> int:
        """Serve governed calls until told to stop."""

    def run_edge(self, config: Path, options: Mapping[str, Any]) -> int:
        """Serve governed calls from a folder of declarations, without a database."""

    def assembly(self) -> Assembly:
        """Return the declared kinds and their checks."""

    def verify_log(self, data: Path, held: str) -> dict[str, Any]:
        """Prove the audit log of a data directory, without a server."""

    def edge_bundle(self, data: Path, use_cases: Sequence[str], days: int) -> tuple[bytes, str]:
        """Sign what an edge may enforce for some days; return the bundle and the key it is checked with."""

    def sign_in_link(self, data: Path, person: str, url: str) -> str:
        """Make a sign-in link on the server itself, whether or not one runs."""

    def declared(self, data: Path) -> Sequence[tuple[str, Mapping[str, str]]]:
        """Return what a data directory declares: references and their labels."""

    def openapi(self) -> dict[str, Any]:
        """Return the description of the API."""

    def checks(self, data: Path) -> Sequence[tuple[str, bool, str]]:
        """Look into a data directory: (what, whether it is well, what was seen)."""
