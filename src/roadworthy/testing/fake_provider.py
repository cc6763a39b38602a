"""A provider on raw sockets that answers chat completions, well or badly, as its model's name asks.

The upstream model's name is the script: `ok`, `slow`, `status-503`, `reset`, and so on. What it was asked is
kept in `seen`, so that a test can look at the very bytes that reached a provider.
"""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any, Self

CHUNKS = ("Hello", " from", " the", " fake", " provider", ".")
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def _chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    event = {
        "id": "chatcmpl-fake",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "fake",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }
    return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def _completion(text: str) -> bytes:
    return json.dumps(
        {
            "id": "chatcmpl-fake",
            "object": "chat.completion",
            "created": 1,
            "model": "fake",
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
            ],
            "usage": USAGE,
        }
    ).encode()


def _plain(status: int, body: bytes, *headers: str) -> bytes:
    lines = [
        f"HTTP/1.1 {status} X",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _piece(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class FakeProvider:
    """Runs in its own thread and loop; `url` is the base address a provider is declared with."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.heads: list[bytes] = []
        self.connections = 0
        self.left_early = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="fake-provider")
        self._stop: asyncio.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in asyncio.all_tasks():
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.split(b"\r\n")[1:]:
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                request = json.loads(await reader.readexactly(length))
                self.heads.append(head)
                self.seen.append(request)
                if not await self._answer(request, reader, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()

    async def _answer(
        self, request: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        script = request["model"]
        if script.startswith("status-"):
            body = json.dumps({"error": {"message": f"the provider says {script}", "type": "x"}}).encode()
            writer.write(_plain(int(script[7:]), body, "retry-after: 7"))
        elif script in _RAW:
            for data in _RAW[script]:
                writer.write(data)
                await writer.drain()
                await asyncio.sleep(0.01)
            if script in _THEN_CLOSE:
                return False
        elif script == "silent":
            await reader.read(1)
            return False
        elif script == "reset":
            writer.transport.abort()
            return False
        elif script == "close-kept":  # answers, then closes the connection that the answer said it keeps
            writer.write(_plain(200, _completion("once")))
            await writer.drain()
            return False
        elif request.get("stream"):
            try:
                return await self._stream(request, reader, writer)
            except ConnectionError:
                self.left_early += 1
                return False
        else:
            if script == "slow":
                await asyncio.sleep(1.0)
            writer.write(_plain(200, _completion("".join(CHUNKS))))
        await writer.drain()
        return True

    async def _stream(
        self, request: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        script = request["model"]
        writer.write(STREAM_HEAD)
        writer.write(_piece(_chunk({"role": "assistant", "content": ""})))
        rounds = 5_000 if script in {"endless", "flood"} else 1
        pad = "x" * 4_000 if script == "flood" else ""
        for _ in range(rounds):
            for text in CHUNKS:
                writer.write(_piece(_chunk({"content": text + pad})))
                await writer.drain()
                if script == "endless":
                    await asyncio.sleep(0.01)
                if writer.transport.is_closing() or reader.at_eof():
                    self.left_early += 1
                    return False
        if script == "breaks":
            writer.transport.abort()
            return False
        writer.write(_piece(_chunk({}, "stop")))
        if (request.get("stream_options") or {}).get("include_usage"):
            event = json.loads(_chunk({}, usage=USAGE)[6:])
            event["choices"] = []
            writer.write(_piece(b"data: " + json.dumps(event).encode() + b"\n\n"))
        if script == "split":  # the end arrives in single bytes
            for byte in b"data: [DONE]\r\n\r\n":
                writer.write(_piece(bytes([byte])))
                await writer.drain()
        else:
            writer.write(_piece(b"data: [DONE]\n\n"))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


_ERROR_EVENT = b'data: {"error":{"message":"overloaded","code":"1302"}}\n\n'
_RAW: dict[str, tuple[bytes, ...]] = {
    "garbage": (b"this is not HTTP\r\n\r\n",),
    "not-json": (_plain(200, b"<html>"),),
    "error-in-200": (_plain(200, b'{"error":{"message":"quota used up"}}'),),
    "half": (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{",),
    "redirect": (_plain(302, b"", "location: http://169.254.169.254/latest/meta-data"),),
    "gzip": (_plain(200, b"\x1f\x8b", "content-encoding: gzip"),),
    "only-done": (STREAM_HEAD, _piece(b"data: [DONE]\n\n"), b"0\r\n\r\n"),
    "error-event": (STREAM_HEAD, _piece(_ERROR_EVENT), b"0\r\n\r\n"),
    "error-later": (STREAM_HEAD, _piece(_chunk({"content": "a"})), _piece(_ERROR_EVENT), b"0\r\n\r\n"),
    "two-lengths": (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",),
    "long-line": (STREAM_HEAD, *[_piece(b"data: " + b"x" * 300_000)] * 5),
    "huge-header": (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",),
    "usage-nonsense": (
        _plain(200, _completion("x").replace(b'"prompt_tokens": 11', b'"prompt_tokens": -1')),
    ),
    "usage-text": (
        _plain(200, _completion("x").replace(b'"prompt_tokens": 11', b'"prompt_tokens": "many"')),
    ),
    "interim": (b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", _plain(200, _completion("after hints"))),
    "until-close": (
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
        + _completion("open end"),
    ),
}
_THEN_CLOSE = frozenset({"garbage", "half", "two-lengths", "long-line", "huge-header", "until-close"})
