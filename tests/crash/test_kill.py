"""Two hundred `kill -9` at random moments under load: what was acknowledged is there, the log verifies."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from roadworthy import main
from roadworthy.foundation import clock
from roadworthy.foundation.storage.database import Tx
from roadworthy.identity import operations as identity
from roadworthy.main import Installation
from roadworthy.registry import queries, verification
from roadworthy.registry.actor import system
from roadworthy.settings import Settings
from roadworthy.use_cases.kinds import UNIT

KILLS = 200
ACKNOWLEDGED_MIN = 4_000
WRITERS = 4


@dataclass
class Tally:
    """What the servers acknowledged, by kind."""

    changes: set[tuple[str, str]] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Nursery:
    """Hands out processes to kill."""

    def __init__(self, directory: Path, control_port: int) -> None:
        program = [sys.executable, "-m", "tests.crash.nursery", str(directory)]
        self._process = subprocess.Popen(
            [*program, str(control_port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        self._out, self._in = self._process.stdout, self._process.stdin
        assert self._out.readline() == "READY\n"

    def start(self) -> int:
        """Start a control plane and return its process id."""
        self._in.write("\n")
        self._in.flush()
        word, _, number = self._out.readline().partition(" ")
        assert word == "PID"
        return int(number)

    def close(self) -> None:
        """Stop the nursery; its children were killed before."""
        self._in.close()
        self._process.wait(10)
        self._out.close()


@contextmanager
def nursery(directory: Path, control_port: int) -> Iterator[Nursery]:
    """Give a nursery and close it."""
    one = Nursery(directory, control_port)
    try:
        yield one
    finally:
        one.close()


def free_port() -> int:
    """Return a port nobody listens on, below those that outgoing connections take.

    A client that tries a dead port of that range long enough connects to itself, and the next life finds
    its port taken.
    """
    for port in range(20_000 + os.getpid() % 5_000, 30_000):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError("no port is free")


def token_of(installation: Installation) -> str:
    """Make an administrator and return a token of theirs."""
    with installation.database.write() as tx:
        identity.bootstrap(tx, installation.assembly, pepper=installation.pepper, now=clock.now())
    with installation.database.write() as tx:
        issued = identity.issue_token(
            tx,
            principal="person/admin",
            name="crash test",
            actor=system("test"),
            pepper=installation.pepper,
            now=clock.now(),
        )
    return issued.secret


def write_units(port: int, token: str, tally: Tally, stop: threading.Event, worker: int) -> None:
    """Change a few units again and again, as long as something answers; note each acknowledgement."""
    number = 0
    connection: http.client.HTTPConnection | None = None
    while not stop.is_set():
        number += 1
        name, title = f"u{worker}-{number % 5}", f"Change {worker}-{number}"
        body = {
            "apiVersion": "roadworthy/v1",
            "kind": "Unit",
            "metadata": {"name": name},
            "spec": {"title": title},
        }
        version = {"If-None-Match": "*"} if name not in tally.known else {"If-Match": "*"}
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **version}
        try:
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("PUT", f"/v1/resources/unit/{name}", json.dumps(body), headers)
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            if connection is not None:
                connection.close()
            connection = None
            time.sleep(0.005)
            continue
        with tally.lock:
            if response.status in {200, 201}:
                tally.changes.add((name, title))
            if response.status in {200, 201, 412}:  # 412: it was made just before the kill
                tally.known.add(name)
            else:
                tally.refused += 1
    if connection is not None:
        connection.close()


def wait_until_up(port: int, *, seconds: float = 30) -> None:
    """Wait for an answer: a life that ends before it could acknowledge anything proves nothing."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.005)
        finally:
            connection.close()
    raise AssertionError("the control plane did not come up again")


@pytest.mark.slow
@pytest.mark.e2e
@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost_over_200_kills(tmp_path: Path) -> None:
    """Declarations: every acknowledged one is declared, in the history and in the log, exactly once."""
    settings = Settings(data_dir=tmp_path, control_port=free_port())
    installation = main.open_installation(settings)
    token = token_of(installation)
    installation.database.close()
    tally, stop, rng = Tally(), threading.Event(), random.Random(20261123)
    writers = [
        threading.Thread(target=write_units, args=(settings.control_port, token, tally, stop, worker))
        for worker in range(WRITERS)
    ]
    kills = 0
    with nursery(tmp_path, settings.control_port) as processes:
        for writer in writers:
            writer.start()
        try:
            while kills < KILLS or len(tally.changes) < ACKNOWLEDGED_MIN:
                pid = processes.start()
                wait_until_up(settings.control_port)
                time.sleep(rng.uniform(0.0, 1.0))
                os.kill(pid, signal.SIGKILL)
                kills += 1
                assert kills < KILLS * 3, f"only {len(tally.changes)} acknowledgements in {kills} lives"
        finally:
            stop.set()
            for writer in writers:
                writer.join(10)
    assert kills >= KILLS
    assert len(tally.changes) >= ACKNOWLEDGED_MIN, "the test saw too little to prove anything"
    check(main.open_installation(settings), tally)


def check(installation: Installation, tally: Tally) -> None:
    """Compare what was acknowledged with what the history holds, and verify the log."""
    with installation.database.read() as tx:
        held = [
            (name, queries.version(tx, UNIT, name, one["generation"])["document"]["spec"]["title"])
            for name in sorted(tally.known)
            for one in every_version(tx, name)
        ]
        verdict = verification.verify(tx, keys=installation.keys, verifiers=installation.assembly.verifiers)
    installation.database.close()
    assert tally.changes - set(held) == set(), "acknowledged and lost"
    assert len(held) == len(set(held)), "one change stands there twice"
    assert tally.refused == 0
    assert verdict.findings == ()


def every_version(tx: Tx, name: str) -> Iterator[dict[str, Any]]:
    """Page through the whole history of a unit."""
    before = None
    while page := queries.history(tx, UNIT, name, before=before, limit=200):
        yield from page
        before = page[-1]["generation"]
        if before == 1:
            return
