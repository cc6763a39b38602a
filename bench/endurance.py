"""Does a gateway's memory stay flat, over many calls, many streams open at once, and large bodies?"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import edge, gateway

OPEN_STREAMS = 1_000
LARGE = 2 * 1024 * 1024


def resident_mb(pid: int) -> float:
    """Return the memory that a process holds, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(pid)


def request_of(body: dict[str, Any], port: int) -> bytes:
    """Return a whole request."""
    data = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
        f"authorization: Bearer {edge.KEY}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(data)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + data


async def one(port: int, body: dict[str, Any]) -> tuple[bool, float, str]:
    """Call once; return whether all of an answer came, and the seconds it took, and its beginning."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    writer.write(request_of(body, port))
    said = await reader.read(-1)
    writer.close()
    ended = b"[DONE]" in said if body.get("stream") else said.startswith(b"HTTP/1.1 200 ")
    return (
        ended,
        time.monotonic() - began,
        said[:15].decode("latin-1") + said.partition(b"\r\n\r\n")[2][:200].decode("latin-1"),
    )


async def together(port: int, count: int, body: dict[str, Any]) -> dict[str, Any]:
    """Make calls at once; return how many were answered whole, and how long the slowest took."""
    found = await asyncio.gather(*(one(port, body) for _ in range(count)))
    return {
        "whole": sum(whole for whole, _, _ in found),
        "otherwise": sorted({said for whole, _, said in found if not whole}),
        "slowest_s": round(max(took for _, took, _ in found), 2),
    }


def main() -> None:
    """Measure and print, one JSON line for each look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=500_000)
    parser.add_argument("--looks", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="roadworthy-endurance-") as name:
        directory = Path(name)
        model_port, port = gateway.free_port(), gateway.free_port()
        model = gateway.nginx(directory, "model", gateway.LOAD_CORE, model_port=model_port)
        gateway.wait_ready(model_port)
        folder = edge.write(directory / "edge", mock_port=model_port)
        subject = gateway.start(gateway.SUBJECT_CORE, *edge.command(folder, port=port))
        try:
            gateway.wait_ready(port)
            print(json.dumps({"calls": 0, "resident_mb": round(resident_mb(subject.pid), 1)}), flush=True)
            first, errors, looked = gateway.seen(model_port), 0, 0
            while (calls := gateway.seen(model_port) - first) < options.calls:
                errors += gateway.load(port, 5, 16, stream=False)["errors"]
                if calls >= looked * options.calls / options.looks:
                    looked += 1
                    held = round(resident_mb(subject.pid), 1)
                    print(json.dumps({"calls": calls, "errors": errors, "resident_mb": held}), flush=True)
            said = asyncio.run(together(port, OPEN_STREAMS, {**gateway.BODY, "stream": True}))
            held = round(resident_mb(subject.pid), 1)
            print(json.dumps({"streams_at_once": OPEN_STREAMS, **said, "resident_mb": held}), flush=True)
            large = {**gateway.BODY, "messages": [{"role": "user", "content": "word " * (LARGE // 5)}]}
            said = asyncio.run(together(port, 20, large))
            held = round(resident_mb(subject.pid), 1)
            print(json.dumps({"bodies_of_2_mb_at_once": 20, **said, "resident_mb": held}), flush=True)
        finally:
            subject.terminate()
            code = subject.wait(60)
            model.terminate()
            model.wait(10)
        if code:
            sys.exit(f"the gateway ended with {code}")


if __name__ == "__main__":
    main()
