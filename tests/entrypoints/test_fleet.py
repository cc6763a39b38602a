"""Several gateway processes on one port: shared, restarted, exchanged without a failed call.

`ROADWORTHY_RESTARTS=20` exchanges them as often as a release is held to.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from roadworthy.gateway.folder.keys import key_hash
from roadworthy.testing.fake_provider import FakeProvider

ROUNDS = int(os.environ.get("ROADWORTHY_RESTARTS", "3"))
EXAMPLE = Path(__file__).parents[2] / "examples" / "edge"
KEY = "rwk_aaaaaaaa_" + "a" * 43
BODY = json.dumps({"model": "small", "messages": [{"role": "user", "content": "hello"}]}).encode()
REQUEST = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer %b\r\n"
    b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (KEY.encode(), len(BODY), BODY)
)


def folder_for(directory: Path, provider: FakeProvider) -> Path:
    """Write the example's folder with a key, in front of the fake provider."""
    folder = directory / "config"
    shutil.copytree(EXAMPLE, folder)
    models = folder / "01-models.yaml"
    text = models.read_text().replace("http://127.0.0.1:8082/v1", provider.url)
    models.write_text(text.replace("smollm2-135m-instruct", "ok"))
    entry = (
        f"  keys:\n    - {{id: aaaaaaaa, hash: {key_hash(KEY)}, service_account: claims-desk,\n"
        "       use_case: claims-triage, expires_on: 2028-10-31}\n"
    )
    edge = folder / "edge.yaml"
    edge.write_text(edge.read_text().replace("  keys: []\n", entry))
    return folder


class Running:
    """A fleet as a process of its own."""

    def __init__(self, folder: Path, count: int) -> None:
        command = [sys.executable, "-m", "roadworthy", "gateway", "--config", str(folder)]
        self.process = subprocess.Popen(
            [*command, "--data", str(folder.parent / "state"), "--port", "0", "--processes", str(count)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        ready = self.process.stdout.readline()
        assert ready.startswith("READY"), self.process.stderr.read() if self.process.stderr else ""
        self.port = int(ready.rpartition(":")[2])

    def workers(self) -> list[int]:
        """Return the processes of the fleet."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(one) for one in path.read_text().split()]

    def stop(self) -> int:
        """Stop as a service manager does."""
        self.process.terminate()
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    """One for all tests."""
    with FakeProvider() as running:
        yield running


class Caller(threading.Thread):
    """Calls at a steady pace over a kept connection, and never tries again."""

    def __init__(self, port: int, *, pause_s: float = 0.04) -> None:
        super().__init__(daemon=True)
        self._port, self._pause_s = port, pause_s
        self._connection: socket.socket | None = None
        self.done, self.failed, self.stop_asked = 0, list[str](), threading.Event()

    def run(self) -> None:
        while not self.stop_asked.wait(self._pause_s):
            try:
                answer = self._call()
            except OSError as error:
                self._close()
                self.failed.append(repr(error))
                continue
            if answer.startswith(b"HTTP/1.1 200 "):
                self.done += 1
            else:
                self.failed.append(answer[:200].decode("latin-1"))
        self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _call(self) -> bytes:
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self._port), timeout=10)
        self._connection.sendall(REQUEST)
        received = b""
        while b"\r\n\r\n" not in received or len(received) < _length(received):
            more = self._connection.recv(65536)
            if not more:
                raise ConnectionResetError("closed before the answer was whole")
            received += more
        if b"connection: close" in received.partition(b"\r\n\r\n")[0].lower():
            self._close()
        return received


def _length(received: bytes) -> int:
    head, _, _ = received.partition(b"\r\n\r\n")
    return len(head) + 4 + int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


@pytest.mark.timeout(60 + 60 * ROUNDS)
def test_rolling_restarts_fail_no_call(tmp_path: Path, provider: FakeProvider) -> None:
    """Every process is exchanged again and again, under load over kept connections: no call fails."""
    fleet = Running(folder_for(tmp_path, provider), 2)
    callers = [Caller(fleet.port) for _ in range(3)]
    try:
        seen = set(fleet.workers())
        assert len(seen) == 2
        for caller in callers:
            caller.start()
        for _ in range(ROUNDS):
            before = set(fleet.workers())
            fleet.process.send_signal(signal.SIGHUP)
            until = time.monotonic() + 40
            while set(fleet.workers()) & before and time.monotonic() < until:
                time.sleep(0.1)
            assert not set(fleet.workers()) & before, "the old processes did not leave"
            assert len(fleet.workers()) == 2
    finally:
        for caller in callers:
            caller.stop_asked.set()
        for caller in callers:
            caller.join(15)
        code = fleet.stop()
    assert [failure for caller in callers for failure in caller.failed] == []
    assert sum(caller.done for caller in callers) > 100, "too few calls to prove anything"
    assert code == 0


def test_a_killed_process_is_started_again(tmp_path: Path, provider: FakeProvider) -> None:
    """Connections that wait in the dead one's socket are answered by its successor."""
    fleet = Running(folder_for(tmp_path, provider), 2)
    try:
        victim = fleet.workers()[0]
        os.kill(victim, signal.SIGKILL)
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", fleet.port), timeout=20) as connection:
                connection.sendall(REQUEST)
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        until = time.monotonic() + 20
        while (len(fleet.workers()) < 2 or victim in fleet.workers()) and time.monotonic() < until:
            time.sleep(0.05)
        assert len(fleet.workers()) == 2
        assert victim not in fleet.workers()
    finally:
        assert fleet.stop() == 0


def test_nobody_outlives_the_supervisor(tmp_path: Path, provider: FakeProvider) -> None:
    """Killed outright, it leaves no process behind that would hold the port."""
    fleet = Running(folder_for(tmp_path, provider), 2)
    workers = fleet.workers()
    fleet.process.kill()
    fleet.process.wait(10)
    until = time.monotonic() + 40
    while any(Path(f"/proc/{one}/exe").exists() for one in workers) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [one for one in workers if Path(f"/proc/{one}/exe").exists()]
    fleet.process.communicate(timeout=10)


def test_a_taken_port_is_said_at_once(tmp_path: Path, provider: FakeProvider) -> None:
    """Also when the other one shares its port, as a fleet does."""
    folder = folder_for(tmp_path, provider)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            [
                *(sys.executable, "-m", "roadworthy", "gateway", "--config", str(folder)),
                *("--port", str(port), "--processes", "2"),
            ],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 6
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
