"""One request or job is one transaction, opened here at the edge; nothing waits on a network inside it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

from roadworthy.foundation.errors import UnavailableError

SQLITE_FLOOR = (3, 51, 3)  # earlier versions can corrupt a WAL on reset
_WRITER_LOCK = (
    7_203_914  # any constant: every writer on PostgreSQL queues on it, as SQLite's do on their file
)
_open: ContextVar[bool] = ContextVar("transaction_open", default=False)


@dataclass(slots=True)
class Tx:
    """An open transaction. Stores speak SQL through `connection`; nobody else does."""

    connection: Connection
    writable: bool
    revision: int | None = None
    """Set by the audit log when this transaction changes what gateways enforce."""
    memo: dict[str, Any] = field(default_factory=dict)
    """Values computed once for this transaction (for example, the caller's rights)."""
    shared: dict[str, Any] = field(default_factory=dict)
    """Values that outlive the transaction, on this database, in this process. Whoever keeps one here
    also keeps what it was computed on, and never keeps what was not committed."""

    @property
    def engine_name(self) -> str:
        """Return `sqlite` or `postgresql`."""
        return self.connection.dialect.name


def assert_no_transaction() -> None:
    """Called before every outbound request: SQLite has one writer, and we would be holding it."""
    assert not _open.get(), "read what you need, close the transaction, then call out"


class Database:
    """An engine and the rules for its transactions: many readers, one writer at a time on either engine.

    One writer keeps the audit log a plain sequence. Control-plane writes are rare; call records arrive
    in batches.
    """

    def __init__(
        self,
        url: str,
        *,
        before_commit: Callable[[Tx], None] | None = None,
        after_commit: Callable[[int], None] | None = None,
    ) -> None:
        self.url = url
        self.engine = _engine(url)
        self._before_commit = before_commit
        self._after_commit = after_commit
        self._writer = threading.Lock()
        self._shared: dict[str, Any] = {}

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """Open a transaction that sees one consistent state and changes nothing."""
        with self._open(writable=False) as tx:
            yield tx

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """Open the writing transaction; commits on return, rolls back on any error."""
        with self._writer:
            with self._open(writable=True) as tx:
                yield tx
                if self._before_commit is not None:
                    self._before_commit(tx)
            # Before the caller may answer: a revocation that was acknowledged holds on the next call.
            if tx.revision is not None and self._after_commit is not None:
                self._after_commit(tx.revision)

    @contextmanager
    def _open(self, *, writable: bool) -> Iterator[Tx]:
        assert not _open.get(), "transactions do not nest: hand the open one down"
        token = _open.set(True)
        try:
            with self.engine.connect() as plain:
                connection = plain.execution_options(roadworthy_write=writable)
                with connection.begin():
                    yield Tx(connection, writable, shared=self._shared)
        except OperationalError as error:
            raise UnavailableError(
                "The database did not answer.",
                why=str(error.orig),
                fix="Check that it is running and has free disk space, then try again.",
            ) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise UnavailableError(
                    "The connection to the database broke.", why=str(error.orig)
                ) from error
            raise
        finally:
            _open.reset(token)

    def share(self, name: str, value: Any) -> None:
        """Hand a part to whoever holds a transaction here: it is found in `tx.shared`."""
        self._shared[name] = value

    def forget_connections(self) -> None:
        """Take new connections from now on; those in use are closed when they come back."""
        self.engine.dispose()

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite_engine(url)
    engine = create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_size=8,
        max_overflow=8,
        pool_pre_ping=True,
        connect_args={
            "options": "-c statement_timeout=30000 -c timezone=UTC",
            # A server gone without a word is noticed in seconds, not in the kernel's quarter of an hour.
            "connect_timeout": 3,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 2,
            "tcp_user_timeout": 8000,
        },
    )

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("roadworthy_write")
        if writing:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")
        elif writing is False:  # None: tables are being made, outside any request
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    return engine


def _sqlite_engine(url: str) -> Engine:
    import pysqlite3  # only where SQLite is the store

    assert pysqlite3.sqlite_version_info >= SQLITE_FLOOR, "this SQLite can corrupt its write-ahead log"
    engine = create_engine(
        url, module=pysqlite3, poolclass=QueuePool, pool_size=8, max_overflow=8, connect_args={"timeout": 15}
    )

    @event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # the driver must not begin transactions behind our back
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # what was acknowledged survives a power cut
            "foreign_keys=ON",
            "busy_timeout=15000",
            "trusted_schema=OFF",
        ):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("roadworthy_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine
