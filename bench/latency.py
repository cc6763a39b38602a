"""What a gateway adds to a call's time at a steady pace: beside the model itself and nginx, in one run.

Each tick makes one call of each, in turn, so that all meet the same moments of a shared machine. `fdatasync`
is what the disk takes to make one record durable: the gateway's answer waits for one of them.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import edge, gateway

RECORD_BYTES = 700


class Caller:
    """One kept connection, one call after the other."""

    def __init__(self, port: int) -> None:
        body = json.dumps(gateway.BODY).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
            f"authorization: Bearer {edge.KEY}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self._request = head.encode() + body
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __call__(self) -> None:
        """Call, and read the whole answer."""
        self._socket.sendall(self._request)
        said = b""
        while True:
            said += self._socket.recv(1 << 16)
            head, found, body = said.partition(b"\r\n\r\n")
            if found and len(body) >= length_in(head):
                break
        if not said.startswith(b"HTTP/1.1 200 "):
            sys.exit(f"the call failed: {said[:200]!r}")


def length_in(head: bytes) -> int:
    """Return the length that an answer's head announces."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise ValueError(head)


def syncing(path: Path) -> Callable[[], None]:
    """Return what makes one record durable, as the spool does."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    os.posix_fallocate(file, 0, 64 << 20)
    os.fsync(file)
    place = 0

    def sync() -> None:
        nonlocal place
        os.pwrite(file, b"r" * RECORD_BYTES, place)
        place += RECORD_BYTES
        os.fdatasync(file)

    return sync


def paced(doing: dict[str, Callable[[], None]], *, per_s: float, seconds: float) -> dict[str, list[float]]:
    """Do all of it once a tick; return the milliseconds that each took."""
    took: dict[str, list[float]] = {name: [] for name in doing}
    tick, count = 1 / per_s, int(per_s * seconds)
    next_s = time.perf_counter()
    for _ in range(count):
        next_s += tick
        for name, one in doing.items():
            began = time.perf_counter()
            one()
            took[name].append(1000 * (time.perf_counter() - began))
        time.sleep(max(0.0, next_s - time.perf_counter()))
    return took


def share(values: list[float], part: float) -> float:
    """Return the value that this part of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--per-second", type=float, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    os.sched_setaffinity(0, {int(gateway.LOAD_CORE)})
    with tempfile.TemporaryDirectory(prefix="roadworthy-latency-") as name:
        directory = Path(name)
        model_port, nginx_port, port = (gateway.free_port() for _ in range(3))
        model = gateway.nginx(directory, "model", gateway.LOAD_CORE, model_port=model_port)
        proxy = gateway.nginx(
            directory, "proxy", gateway.SUBJECT_CORE, port=nginx_port, model_port=model_port
        )
        gateway.wait_ready(model_port)
        folder = edge.write(directory / "edge", mock_port=model_port)
        subject = gateway.start(gateway.SUBJECT_CORE, *edge.command(folder, port=port))
        try:
            for one in (nginx_port, port):
                gateway.wait_ready(one)
            doing: dict[str, Callable[[], None]] = {
                "direct": Caller(model_port),
                "nginx": Caller(nginx_port),
                "gateway": Caller(port),
                "fdatasync": syncing(directory / "record"),
            }
            paced(doing, per_s=options.per_second, seconds=2)
            took = paced(doing, per_s=options.per_second, seconds=options.seconds)
        finally:
            for process in (subject, proxy, model):
                process.terminate()
                process.wait(40)
    for subject_name, values in took.items():
        figures = {f"p{part * 100:g}_ms": round(share(values, part), 2) for part in (0.5, 0.9, 0.99)}
        print(json.dumps({"subject": subject_name, "calls": len(values), **figures}), flush=True)
    added = {
        f"p{part * 100:g}_ms": round(share(took["gateway"], part) - share(took["direct"], part), 2)
        for part in (0.5, 0.99)
    }
    print(json.dumps({"added by the gateway": added}))


if __name__ == "__main__":
    main()
