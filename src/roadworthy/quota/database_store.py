"""The database as the store that gateways share: short transactions, one conditional update for a lease."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from roadworthy.foundation.errors import RoadworthyError
from roadworthy.foundation.storage.database import Database, Tx
from roadworthy.quota import operations
from roadworthy.quota.port import Answer, Batch, Place, StoreAwayError


def local(path: Path, *, alive: Callable[[str], bool]) -> DatabaseStore:
    """Return a store in a file of its own, for gateways on one machine that hand their records to nobody."""
    database = Database(f"sqlite:///{path}")
    with database.write() as tx:
        operations.make_tables(tx)
    return DatabaseStore(database, alive=alive, forfeit=True)


class DatabaseStore:
    """SQLite or PostgreSQL; there it queues on rows alone, never behind the control plane's writer."""

    def __init__(
        self,
        database: Database,
        *,
        alive: Callable[[str], bool] = lambda _process: True,
        forfeit: bool = False,
    ) -> None:
        self._database = database
        self._alive = alive
        self._forfeit = forfeit

    @contextmanager
    def _counting(self) -> Iterator[Tx]:
        try:
            if self._database.engine.dialect.name == "sqlite":
                with self._database.write() as tx:
                    yield tx
                return
            with self._database.engine.connect() as connection, connection.begin():
                yield Tx(connection, writable=True)
        except (RoadworthyError, DBAPIError, SQLAlchemyError) as error:
            raise StoreAwayError(str(error)) from error

    def begin(self, holder: str, place: Place) -> Answer:
        """Make a gateway known."""
        with self._counting() as tx:
            return operations.begin(tx, holder, place)

    def exchange(self, batch: Batch) -> Answer:
        """Do what a batch asks."""
        if not batch.changes:
            try:
                with self._database.read() as tx:
                    return operations.standing(tx, batch)
            except (RoadworthyError, SQLAlchemyError) as error:
                raise StoreAwayError(str(error)) from error
        with self._counting() as tx:
            return operations.exchange(tx, batch)

    def reap(self, place: Place) -> int:
        """Fence gateways that are silent, and give back what those hold whose records have arrived."""
        with self._counting() as tx:
            return operations.reap(tx, place, alive=self._alive, forfeit=self._forfeit)

    def see(self, holder: str) -> None:
        """Say that a gateway lives though it asks for nothing."""
        with self._counting() as tx:
            operations.see(tx, holder)

    def settle_up(self) -> None:
        """Nothing is to do: records are counted in the transaction that stores them."""

    def count(self, names: Sequence[str]) -> None:
        """Count as spent what these say, where no records are handed in that would."""
        with self._counting() as tx:
            operations.count(tx, names)

    def end(self, holder: str) -> None:
        """Say that a gateway leaves."""
        with self._counting() as tx:
            operations.end(tx, holder)
