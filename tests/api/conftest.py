"""The whole control plane in this process, with an administrator's token."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from roadworthy import main
from roadworthy.foundation import clock
from roadworthy.identity import operations as identity
from roadworthy.main import Installation
from roadworthy.registry.actor import system
from roadworthy.settings import Settings


@dataclass(frozen=True)
class Control:
    """A control plane and the hands of its administrator."""

    installation: Installation
    app: FastAPI
    token: str

    def client(self, token: str | None = None) -> TestClient:
        """Return a client that sends this token, by default the administrator's."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return TestClient(
            self.app, base_url="http://127.0.0.1:8080", headers=headers, raise_server_exceptions=False
        )


def administrator(installation: Installation) -> str:
    """Make the first administrator and return a token of theirs."""
    with installation.database.write() as tx:
        identity.bootstrap(tx, installation.assembly, pepper=installation.pepper, now=clock.now())
        issued = identity.issue_token(
            tx,
            principal="person/admin",
            name="tests",
            actor=system("tests"),
            pepper=installation.pepper,
            now=clock.now(),
        )
    return issued.secret


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    """Give a fresh control plane on SQLite."""
    installation = main.open_installation(Settings(data_dir=tmp_path / "data"))
    token = administrator(installation)
    yield Control(installation, main.build_control(installation), token)
    installation.database.close()
