"""What a process is told when it starts: every setting, its meaning and its default. Read once, by `main`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from roadworthy.foundation.errors import InvalidError

PREFIX = "ROADWORTHY_"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a process; each can be set as `ROADWORTHY_<NAME>`."""

    data_dir: Path = field(
        default=Path(".roadworthy"), metadata={"doc": "where this installation keeps its files"}
    )
    database_url: str = field(
        default="", metadata={"doc": "`postgresql://…`; empty for SQLite in the data directory"}
    )
    control_host: str = field(default="127.0.0.1", metadata={"doc": "address of the console and the API"})
    control_port: int = field(default=8080, metadata={"doc": "port of the console and the API"})
    gateway_host: str = field(default="127.0.0.1", metadata={"doc": "address of the gateway"})
    gateway_port: int = field(default=8081, metadata={"doc": "port of the gateway"})
    control_url: str = field(default="", metadata={"doc": "address people reach the console at, if another"})
    gateway_url: str = field(
        default="", metadata={"doc": "address applications reach the gateway at, if another"}
    )
    max_stale_s: float = field(
        default=900.0, metadata={"doc": "how long a gateway serves without reaching its database, in seconds"}
    )
    drain_s: float = field(
        default=30.0, metadata={"doc": "how long a stopping gateway lets calls finish, in seconds"}
    )

    @property
    def database(self) -> str:
        """Return the database's address."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'roadworthy.db').resolve()}"

    @property
    def control_address(self) -> str:
        """Return the address people use."""
        return self.control_url or f"http://{self.control_host}:{self.control_port}"

    @property
    def gateway_address(self) -> str:
        """Return the base address applications use."""
        return self.gateway_url or f"http://{self.gateway_host}:{self.gateway_port}"


def read(environment: Mapping[str, str], **given: object) -> Settings:
    """Take settings from what was given on the command line, then from the environment, then the defaults."""
    values: dict[str, object] = {}
    for one in fields(Settings):
        raw = given.get(one.name)
        if raw is None:
            raw = environment.get(PREFIX + one.name.upper())
        if raw is None or raw == "":
            continue
        reader = {"Path": Path, "int": int, "float": float}.get(str(one.type), str)
        try:
            values[one.name] = reader(str(raw))
        except ValueError as error:
            raise InvalidError(
                f"The setting {PREFIX}{one.name.upper()} cannot be `{str(raw)[:80]}`.",
                fix=f"Give a value that reads as {one.type}: {one.metadata['doc']}.",
            ) from error
    return Settings(**values)  # type: ignore[arg-type]  # each value was read as its field's type
