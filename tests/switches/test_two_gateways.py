"""A kill switch holds on every gateway within two seconds, also where only the database is shared."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from roadworthy.foundation import clock
from roadworthy.registry.actor import Actor
from roadworthy.switches import operations
from roadworthy.testing.fake_provider import FakeProvider
from tests.gateway.control import BOT, Estate
from tests.governance.company import SETUP, document

ALLOWED_S = 2.0


@contextmanager
def follower(directory: Path, url: str) -> Iterator[int]:
    """Run a gateway process with a directory of its own; give its port."""
    directory.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.switches.follower", str(directory), url],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()


def call(port: int, key: str) -> tuple[int, str]:
    """Make one call; return its status and, of a refusal, its code."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions",
        data=json.dumps({"model": "small", "messages": [{"role": "user", "content": "Hi"}]}).encode(),
        headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())["error"]["code"]


def until(ports: tuple[int, int], key: str, wanted: tuple[int, str]) -> float:
    """Call both gateways until both answer so; return how long it took."""
    started_s = time.monotonic()
    while time.monotonic() - started_s < 10:
        if all(call(port, key) == wanted for port in ports):
            return time.monotonic() - started_s
        time.sleep(0.02)
    raise AssertionError(f"{[call(port, key) for port in ports]}, wanted {wanted}")


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Return a company whose model is served by the fake provider."""
    made = Estate(tmp_path)
    with FakeProvider() as provider:
        made.company.declare(
            document(
                "Provider", "local", {"title": "Local", "base_url": provider.url, "allow_private": True}
            ),
            document(
                "Model",
                "small",
                {
                    "title": "Small",
                    "provider": "local",
                    "upstream_model": "ok",
                    "context_tokens": 2048,
                    "max_output_tokens": 512,
                },
            ),
            actor=SETUP,
        )
        made.clock = clock.now()
        made.approve()
        yield made


@pytest.mark.parametrize("of", ["use-case/policy-search", "model/small", "provider/local", BOT])
def test_kill_and_revive_hold_on_both_within_two_seconds(estate: Estate, tmp_path: Path, of: str) -> None:
    """Neither process shares memory with the control plane: each finds the change by itself."""
    key: Any = estate.key().secret
    url = f"sqlite:///{tmp_path / 'company.db'}"
    actor = Actor("person/root", "cli")
    with follower(tmp_path / "one", url) as one, follower(tmp_path / "two", url) as two:
        ports = (one, two)
        assert [call(port, key) for port in ports] == [(200, ""), (200, "")]
        with estate.database.write() as tx:
            operations.kill(tx, of=of, namespace="claims", reason="It leaks.", actor=actor, now=clock.now())
        assert until(ports, key, (403, "killed")) <= ALLOWED_S
        with estate.database.write() as tx:
            operations.revive(tx, of=of, actor=actor, now=clock.now())
        assert until(ports, key, (200, "")) <= ALLOWED_S
