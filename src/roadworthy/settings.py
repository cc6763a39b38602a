"""What a process is told when it starts: every setting, its meaning and its default. Read once, by `main`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

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
    quota_url: str = field(
        default="",
        metadata={
            "doc": "`redis://…` of the server that gateways share limits and budgets through; empty for the "
            "database"
        },
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
    otlp_endpoint: str = field(
        default="",
        metadata={"doc": "base address of the OpenTelemetry collector calls are told to; empty for none"},
    )
    otlp_token_file: str = field(
        default="", metadata={"doc": "file that holds the bearer token for it, if it wants one"}
    )
    metrics_host: str = field(
        default="127.0.0.1", metadata={"doc": "address of a gateway's Prometheus page, /metrics"}
    )
    metrics_port: int = field(
        default=0, metadata={"doc": "port of a gateway's Prometheus page; 0 for no such page"}
    )
    control_metrics_port: int = field(
        default=0, metadata={"doc": "port of the control plane's Prometheus page; 0 for no such page"}
    )
    metrics_token_file: str = field(
        default="",
        metadata={"doc": "file that holds the token for it; without one it answers this machine alone"},
    )
    record_retention_days: int = field(
        default=400,
        metadata={"doc": "how long call records are kept; what was said follows its use case's retention"},
    )
    spool_sync: Literal["always", "interval"] = field(
        default="always",
        metadata={
            "doc": "`always`: an answer ends once its record survives a power cut; `interval`: once it"
            " survives a killed process, and the disk follows within 50 ms",
            "choices": ("always", "interval"),
        },
    )

    secrets_key: str = field(
        default="",
        metadata={
            "doc": "the key that sealed secrets are wrapped with, in base64, after a comma the ones before"
            " it; empty for `secrets.key` in the data directory"
        },
    )
    vault_url: str = field(
        default="", metadata={"doc": "address of the Vault or OpenBao that gateways read secrets from"}
    )
    vault_token_file: str = field(
        default="", metadata={"doc": "file that holds the token for it, read anew each time"}
    )
    vault_namespace: str = field(default="", metadata={"doc": "its namespace, if it has any"})

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
            one.metadata.get("choices", (raw,)).index(raw)
        except ValueError as error:
            raise InvalidError(
                f"The setting {PREFIX}{one.name.upper()} cannot be `{str(raw)[:80]}`.",
                fix=f"Give a value that reads as {one.type}: {one.metadata['doc']}.",
            ) from error
    return Settings(**values)  # type: ignore[arg-type]  # each value was read as its field's type
