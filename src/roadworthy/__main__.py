"""The program `roadworthy`: hands the application to the command line, which loads it when it is used."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roadworthy.entrypoints import cli

if TYPE_CHECKING:
    from roadworthy.main import Installation
    from roadworthy.registry.assembly import Assembly


class _Application:
    """The parts of the application; each method imports what it needs, for it is dear."""

    def run_control(self, options: Mapping[str, Any]) -> int:
        from roadworthy import main as application

        return application.run_control(application.read_settings(os.environ, **options))

    def run_gateway(self, options: Mapping[str, Any]) -> int:
        from roadworthy import main as application

        place = _place(options)
        given = {name: value for name, value in options.items() if name not in {"listener", "slot"}}
        return application.run_gateway(
            application.read_settings(os.environ, **given), listener=place[0], slot=place[1]
        )

    def run_edge(self, config: Path, options: Mapping[str, Any]) -> int:
        # Nothing of the control plane is loaded: an edge starts in well under a second.
        from roadworthy.entrypoints.edge_gateway import EdgeOptions, run_edge

        given = os.environ.get("ROADWORTHY_DATA_DIR")
        state = options["data_dir"] or given or config / ".state"
        return run_edge(
            EdgeOptions(
                config=config,
                state=Path(state),
                host=options["gateway_host"] or "127.0.0.1",
                port=8081 if options["gateway_port"] is None else options["gateway_port"],
                listener=_place(options)[0],
                slot=_place(options)[1],
            )
        )

    def assembly(self) -> Assembly:
        from roadworthy import main as application
        from roadworthy.registry.assembly import assemble

        return assemble(application.SLICES)

    def verify_log(self, data: Path, held: str) -> dict[str, Any]:
        from roadworthy.registry.verification import verify

        with _opened(data) as installation, installation.database.read() as tx:
            verdict = verify(tx, keys=installation.keys, verifiers=installation.assembly.verifiers, held=held)
        return {
            "size": verdict.size,
            "checkpoints": verdict.checkpoints,
            "ok": verdict.ok,
            "findings": [{"where": one.where, "what": one.what} for one in verdict.findings],
            "checkpoint": verdict.checkpoint,
        }

    def edge_bundle(self, data: Path, use_cases: Sequence[str], days: int) -> tuple[bytes, str]:
        from roadworthy import main as application
        from roadworthy.registry.checkpoint import load_key_file

        with _opened(data) as installation:
            key = load_key_file(data / "audit-signing.key")
            return application.edge_bundle(installation, key, use_cases=use_cases, days=days)

    def sign_in_link(self, data: Path, person: str, url: str) -> str:
        from roadworthy.foundation import clock
        from roadworthy.identity import operations
        from roadworthy.registry.actor import system

        with _opened(data, control_url=url or None) as installation:
            with installation.database.write() as tx:
                issued = operations.issue_link(
                    tx,
                    person=person,
                    actor=system("command-line"),
                    pepper=installation.pepper,
                    now=clock.now(),
                )
            return f"{installation.settings.control_address.rstrip('/')}/sign-in/{issued.secret}"

    def declared(self, data: Path) -> Sequence[tuple[str, Mapping[str, str]]]:
        from roadworthy.registry import queries

        with _opened(data) as installation, installation.database.read() as tx:
            return [
                (one.ref, one.resource.metadata.labels)
                for one in queries.everything(tx, installation.assembly.catalogue)
            ]

    def openapi(self) -> dict[str, Any]:
        import tempfile

        from roadworthy import main as application

        with tempfile.TemporaryDirectory() as scratch:
            described: dict[str, Any] = application.build_app(
                application.read_settings({}, data_dir=scratch)
            ).openapi()
        return described

    def checks(self, data: Path) -> Sequence[tuple[str, bool, str]]:
        from roadworthy.registry import audit
        from roadworthy.registry.verification import verify

        if not (data / "roadworthy.db").exists() and not os.environ.get("ROADWORTHY_DATABASE_URL"):
            return ()
        with _opened(data) as installation, installation.database.read() as tx:
            verdict = verify(tx, keys=installation.keys, verifiers=installation.assembly.verifiers)
            return (
                ("database", True, f"{tx.engine_name}, {audit.size(tx)} audit entries"),
                ("audit log", verdict.ok, f"{len(verdict.findings)} findings"),
            )


def _place(options: Mapping[str, Any]) -> tuple[int | None, int]:
    """Return the listener that a supervisor handed down, and which of its processes this is."""
    return options.get("listener"), options.get("slot") or 0


@contextmanager
def _opened(data: Path, **options: Any) -> Iterator[Installation]:
    """Open an installation that is there; one that is not stays so."""
    from roadworthy import main as application
    from roadworthy.foundation.errors import NotFoundError

    settings = application.read_settings(os.environ, data_dir=data, **options)
    if not settings.database_url and not (settings.data_dir / "roadworthy.db").exists():
        raise NotFoundError(
            f"{settings.data_dir} is not a data directory.",
            why="It holds no roadworthy.db.",
            fix="Name the directory that `roadworthy serve` or `roadworthy demo` was given.",
        )
    installation = application.open_installation(settings)
    try:
        yield installation
    finally:
        installation.database.close()


def main() -> None:
    """Run the command line and end with its exit code."""
    sys.exit(cli.run(_Application()))


if __name__ == "__main__":
    main()
