"""A gateway process that shares nothing with the control plane but the database: `DIRECTORY DATABASE_URL`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from roadworthy.foundation.storage.database import Database
from roadworthy.gateway.process import GatewaySettings, run_gateway
from roadworthy.gateway.refresh import SnapshotHolder
from roadworthy.gateway.revision import RevisionCounter
from roadworthy.gateway.source import DatabaseSource
from roadworthy.usage.spool import Spool
from tests.gateway.control import PEPPER


def main(directory: Path, url: str) -> int:
    """Run until told to stop; say the port when ready."""
    holder = SnapshotHolder(
        load=DatabaseSource(Database(url)),
        counter=RevisionCounter(directory / "revision"),
        secret=b"secret-of-the-tests",
        last_good=None,
    )

    def ready(_host: str, port: int) -> None:
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()

    return run_gateway(
        holder=holder,
        spool=Spool(directory / "spool", f"gw-{os.getpid()}"),
        pepper=PEPPER,
        settings=GatewaySettings(port=0, drain_s=1),
        on_ready=ready,
    )


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2]))
