"""Row "disk full" of the table of fail semantics: no record, no answer; no half record; recovery."""

from __future__ import annotations

import http.client
import json
import resource
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from roadworthy.gateway import snapshot
from roadworthy.testing.fake_provider import FakeProvider
from roadworthy.testing.gateway_process import shipped
from tests.gateway import world


class Process:
    """A gateway as a process, whose files can be kept from growing."""

    def __init__(self, directory: Path, provider: FakeProvider) -> None:
        self.directory = directory
        (directory / "snapshot").write_bytes(snapshot.encode(world.snapshot(provider.url)))
        program = [sys.executable, "-m", "roadworthy.testing.gateway_process"]
        self.process = subprocess.Popen(
            [*program, str(directory), str(directory / "snapshot")], stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        self.port = json.loads(self.process.stdout.readline())["port"]
        self.before = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)

    def fill_the_disk(self) -> None:
        """From now on not a byte is taken by any file."""
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (0, self.before[1]))

    def empty_the_disk(self) -> None:
        """Let files grow again."""
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, self.before)

    def call(self, *, stream: bool = False) -> tuple[int, str]:
        """Call a model; return the status and the trace's id."""
        body = json.dumps({"model": "ok", "messages": [], "stream": stream}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/chat/completions",
            body,
            {"authorization": f"Bearer {world.KEY}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                whole = answer.read()
                done = not stream or b"data: [DONE]" in whole
                return int(answer.status) if done else 0, answer.headers["x-roadworthy-trace-id"]
        except urllib.error.HTTPError as error:
            with error:
                return error.code, ""
        except http.client.IncompleteRead:
            return 0, ""  # a stream that was cut off


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Process]:
    """Give a gateway in front of a fake provider."""
    with FakeProvider() as provider:
        running = Process(tmp_path, provider)
        yield running
        running.process.kill()
        running.process.communicate(timeout=10)


def test_a_full_disk_withholds_answers_and_leaves_no_half_record(gateway: Process) -> None:
    """Every answer that was given is on record, whole and once; none is given while there is no room."""
    given = []
    for stream in (False, True):
        status, trace = gateway.call(stream=stream)
        assert status == 200
        given.append(trace)
    gateway.fill_the_disk()
    for stream in (False, True, False, True):
        status, _ = gateway.call(stream=stream)
        assert status != 200
    assert gateway.call()[0] == 503
    gateway.empty_the_disk()
    until = time.monotonic() + 5
    while (found := gateway.call())[0] != 200:
        assert time.monotonic() < until, "it did not recover"
    given.append(found[1])
    for _ in range(5):
        status, trace = gateway.call()
        assert status == 200
        given.append(trace)
    gateway.process.terminate()
    gateway.process.communicate(timeout=30)

    records = [one.id for one in shipped(gateway.directory / "spool")]
    assert len(records) == len(set(records))
    assert set(given) <= set(records)
    assert not list((gateway.directory / "spool").glob("*.bad")), "a half record was left"
