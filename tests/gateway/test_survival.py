"""What holds when processes die, sources are away, and disks lie."""

from __future__ import annotations

import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import openai
import pytest

from roadworthy.gateway import journal, revision, snapshot
from roadworthy.gateway.revision import RevisionCounter
from roadworthy.gateway.snapshot import Snapshot
from roadworthy.testing.fake_provider import FakeProvider
from roadworthy.testing.gateway_process import SECRET, RunningGateway, SnapshotSource, shipped
from tests.gateway import world

KILLS = 12


def _ask(port: int, *, stream: bool, delivered: list[str], stop: threading.Event) -> None:
    """Call again and again over one connection; note the trace id of every answer that was complete."""
    body = json.dumps({"model": "ok", "messages": [], "stream": stream}).encode()
    request = (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer %b\r\n"
        b"content-length: %d\r\n\r\n%b" % (world.KEY.encode(), len(body), body)
    )
    end = b"data: [DONE]\n\n" if stream else b"}"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            while not stop.is_set():
                connection.sendall(request)
                received = b""
                while not _complete(received, stream=stream):
                    more = connection.recv(65536)
                    if not more:
                        return
                    received += more
                assert end in received
                trace = received.partition(b"x-roadworthy-trace-id: ")[2].partition(b"\r\n")[0]
                delivered.append(trace.decode())
    except OSError:
        return


def _complete(received: bytes, *, stream: bool) -> bool:
    head, blank, body = received.partition(b"\r\n\r\n")
    if not blank:
        return False
    assert head.startswith(b"HTTP/1.1 200 "), received
    if stream:
        return b"data: [DONE]" in body  # a client stops reading here: from here on it counts as delivered
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return len(body) >= length


def test_killed_process_loses_no_record_of_a_delivered_answer(tmp_path: Path, provider: FakeProvider) -> None:
    """`kill -9` at random moments under load, unary and streams: every answer a caller got is on record."""
    (tmp_path / "snapshot").write_bytes(snapshot.encode(world.snapshot(provider.url)))
    rng = random.Random(7)
    delivered: list[str] = []
    for _ in range(KILLS):
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "roadworthy.testing.gateway_process",
                str(tmp_path),
                str(tmp_path / "snapshot"),
            ],
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["port"]
        stop = threading.Event()
        callers = [
            threading.Thread(
                target=_ask,
                args=(port,),
                kwargs={"stream": bool(n % 2), "delivered": delivered, "stop": stop},
            )
            for n in range(4)
        ]
        for caller in callers:
            caller.start()
        time.sleep(0.1 + rng.random() * 0.3)
        process.kill()
        assert process.wait(5) == -signal.SIGKILL
        stop.set()
        for caller in callers:
            caller.join(10)
        process.stdout.close()
    recorded = [record.id for record in shipped(tmp_path / "spool")]
    assert len(delivered) >= 500, "too few answers to prove anything"
    assert len(recorded) == len(set(recorded))
    assert set(delivered) <= set(recorded)


def test_sigterm_ends_the_process_in_order(tmp_path: Path, provider: FakeProvider) -> None:
    """Exit code 0, and the last record is in the spool."""
    (tmp_path / "snapshot").write_bytes(snapshot.encode(world.snapshot(provider.url)))
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "roadworthy.testing.gateway_process",
            str(tmp_path),
            str(tmp_path / "snapshot"),
        ],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    port = json.loads(process.stdout.readline())["port"]
    with openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=world.KEY, max_retries=0) as client:
        assert client.chat.completions.create(
            model="ok", messages=[{"role": "user", "content": "Hi"}]
        ).choices
        process.terminate()
        assert process.wait(10) == 0
    process.stdout.close()
    assert len(shipped(tmp_path / "spool")) == 1


def test_port_that_is_taken_is_said_plainly(tmp_path: Path, provider: FakeProvider) -> None:
    """No traceback: what happened and what to do."""
    (tmp_path / "snapshot").write_bytes(snapshot.encode(world.snapshot(provider.url)))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "roadworthy.testing.gateway_process"),
            *(str(tmp_path), str(tmp_path / "snapshot"), str(provider.port)),
        ],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot listen" in done.stderr
    assert "Traceback" not in done.stderr


# ---------------------------------------------------------------------------------------- the snapshot


def test_calls_flow_while_the_source_is_away(
    gateway: RunningGateway, client: Callable[..., openai.OpenAI]
) -> None:
    """The control plane may be stopped; an unknown key is then not called wrong, only not verifiable."""
    gateway.source.down = True
    gateway.holder.degraded_after_s = 0.2
    time.sleep(0.4)
    one = client()
    assert one.chat.completions.create(model="ok", messages=[]).choices
    with pytest.raises(openai.InternalServerError) as caught:
        client("rwk_newnewne_x").chat.completions.create(model="ok", messages=[])
    assert caught.value.code == "key_not_verifiable"
    state = gateway.holder.state()
    assert state.state == "degraded"
    assert state.reasons
    gateway.holder.max_stale_s = 0.1
    with pytest.raises(openai.InternalServerError) as caught:
        one.chat.completions.create(model="ok", messages=[])
    assert caught.value.code == "not_ready"
    gateway.source.down = False
    time.sleep(1.5)
    gateway.holder.max_stale_s = 900
    assert one.chat.completions.create(model="ok", messages=[]).choices


def test_announced_change_that_cannot_be_read_stops_calls(
    gateway: RunningGateway, client: Callable[..., openai.OpenAI]
) -> None:
    """It might be a revocation: after two seconds of waiting the answer is no, for now."""
    gateway.source.down = True
    revision.bump(gateway.counter_path, 99)
    started = time.monotonic()
    with pytest.raises(openai.InternalServerError) as caught:
        client().chat.completions.create(model="ok", messages=[])
    assert caught.value.code == "snapshot_behind"
    assert 1.9 < time.monotonic() - started < 4
    gateway.source.down = False
    gateway.source.current = msgspec.structs.replace(gateway.source.current, revision=99)
    assert client().chat.completions.create(model="ok", messages=[]).choices


class Restless(SnapshotSource):
    """A source of which the next change is announced whenever it has handed out one."""

    counter_path: Path | None = None

    def load(self, held: int) -> Snapshot | None:
        """Hand out what was announced, and announce the next."""
        if self.counter_path is None:
            return super().load(held)
        announced = RevisionCounter(self.counter_path).read()
        self.current = msgspec.structs.replace(self.current, revision=announced)
        revision.bump(self.counter_path, announced + 1)
        return super().load(held)


def test_steady_stream_of_changes_refuses_no_call(tmp_path: Path, provider: FakeProvider) -> None:
    """A call waits for what was announced when it came, not for what is announced while it waits."""
    source = Restless(world.snapshot(provider.url))
    with (
        RunningGateway(tmp_path, source) as running,
        openai.OpenAI(base_url=running.url, api_key=world.KEY, max_retries=0) as client,
    ):
        source.counter_path = running.counter_path
        revision.bump(running.counter_path, running.source.current.revision + 1)
        for _ in range(5):
            assert client.chat.completions.create(model="ok", messages=[]).choices
            assert running.holder.behind(), "the next one is announced"


def test_last_good_snapshot_serves_after_a_restart(tmp_path: Path, provider: FakeProvider) -> None:
    """Started without its source, the gateway serves what it last knew, and says so."""
    source = SnapshotSource(world.snapshot(provider.url))
    with RunningGateway(tmp_path, source):
        pass
    path = tmp_path / "snapshot.last-good"
    assert path.stat().st_mode & 0o077 == 0
    source.down = True
    with (
        RunningGateway(tmp_path, source) as running,
        openai.OpenAI(base_url=running.url, api_key=world.KEY, max_retries=0) as client,
    ):
        assert client.chat.completions.create(model="ok", messages=[]).choices
        assert running.holder.state().state == "degraded"


def test_last_good_snapshot_that_was_changed_is_not_used(tmp_path: Path, provider: FakeProvider) -> None:
    """Every single changed byte is noticed."""
    path = tmp_path / "last-good"
    journal.save(path, world.snapshot(provider.url), secret=SECRET, confirmed_at=5.0)
    loaded = journal.load(path, secret=SECRET)
    assert loaded is not None
    assert (loaded.snapshot, loaded.confirmed_at) == (world.snapshot(provider.url), 5.0)
    data = path.read_bytes()
    for at in random.Random(1).sample(range(len(data)), 200):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(journal.LastGoodError):
            journal.load(path, secret=SECRET)
    path.write_bytes(data)
    with pytest.raises(journal.LastGoodError):
        journal.load(path, secret=b"another installation")


def test_without_any_snapshot_the_gateway_is_not_ready(tmp_path: Path, provider: FakeProvider) -> None:
    """It says so, refuses calls with 503, and recovers by itself."""
    source = SnapshotSource(world.snapshot(provider.url))
    source.down = True
    with (
        RunningGateway(tmp_path, source) as running,
        openai.OpenAI(base_url=running.url, api_key=world.KEY, max_retries=0) as client,
    ):
        assert running.holder.state().state == "not-ready"
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model="ok", messages=[])
        source.down = False
        time.sleep(1.5)
        assert client.chat.completions.create(model="ok", messages=[]).choices


def test_counter_never_goes_back(tmp_path: Path) -> None:
    """Writers may be late; readers never see an older revision after a newer one."""
    reader = RevisionCounter(tmp_path / "revision")
    seen = []
    for number in (1, 5, 3, 4, 6):
        revision.bump(tmp_path / "revision", number)
        seen.append(reader.read())
    assert seen == [1, 5, 5, 5, 6]
    reader.close()


# ---------------------------------------------------------------------------------------- records


def test_answer_is_withheld_when_it_cannot_be_recorded(
    gateway: RunningGateway, client: Callable[..., openai.OpenAI]
) -> None:
    """No record, no answer: 503, and calls flow again when the disk is back."""
    directory = gateway.directory / "spool"
    gateway.spool.close()
    directory.rmdir()
    for stream in (False, True):
        with pytest.raises(openai.APIError):
            list(client().chat.completions.create(model="ok", messages=[], stream=stream))
    with pytest.raises(openai.InternalServerError) as caught:
        client().chat.completions.create(model="ok", messages=[])
    assert caught.value.code == "call_not_recorded"
    assert gateway.ledger_error()
    directory.mkdir()
    assert client().chat.completions.create(model="ok", messages=[]).choices


def test_flood_of_strangers_cannot_fill_the_disk(gateway: RunningGateway) -> None:
    """Ten a second are recorded one by one, the rest as a number; an address that goes on is told to wait."""
    request = b"GET /v1/models HTTP/1.1\r\nhost: a\r\nauthorization: Bearer x\r\n\r\n"
    heard = []
    for _ in range(100):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
            connection.sendall(request)
            heard.append(connection.recv(65536)[:13])
    assert heard[0] == b"HTTP/1.1 401 "
    assert set(heard) <= {b"HTTP/1.1 401 ", b"HTTP/1.1 429 "}
    time.sleep(1.3)
    records = gateway.records()
    assert len(records) <= 30
    assert sum(record.suppressed or 1 for record in records) == 100
