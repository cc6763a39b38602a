"""A provider that fails in every way providers were seen to fail; the model's name says which.

`python -m roadworthy.testing.fault_provider PORT` starts it by hand, to see what a gateway makes of it.
It answers chat completions, whole or as a stream. `FAULTS` lists the names; `ok` is a good answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

TEXT = "Grüße, 世界! 🙂 It holds."
PARTS = ("Grüße, ", "世界! ", "🙂 ", "It holds.")
USAGE: dict[str, Any] = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
SLOW_S = 0.2
_RESET = struct.pack("ii", 1, 0)


class Wire(NamedTuple):
    """One connection, and what was asked on it."""

    writer: asyncio.StreamWriter
    request: dict[str, Any]
    number: int
    """How many calls of this fault there were before."""

    @property
    def stream(self) -> bool:
        """Is a stream asked for?"""
        return bool(self.request.get("stream"))

    async def send(self, *data: bytes, pause_s: float = 0.0) -> None:
        """Send pieces as they are."""
        for one in data:
            self.writer.write(one)
            await self.writer.drain()
            if pause_s:
                await asyncio.sleep(pause_s)

    def reset(self) -> None:
        """End the connection as a crash would."""
        plain = self.writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.writer.transport.abort()


Act = Callable[[Wire], Awaitable[bool]]
"""Answers; true keeps the connection open for the next request."""


# ------------------------------------------------------------------ good answers, to be made bad


def completion(text: str = TEXT, *, usage: Any = USAGE, **more: Any) -> dict[str, Any]:
    """Return a whole answer; without usage where that is None."""
    message = {"role": "assistant", "content": text, **more}
    finish = "tool_calls" if "tool_calls" in more else "stop"
    made: dict[str, Any] = {
        "id": "chatcmpl-f", "object": "chat.completion", "created": 1, "model": "f",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }  # fmt: skip
    return made if usage is None else {**made, "usage": usage}


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
    """Return one event of a stream."""
    event = {
        "id": "chatcmpl-f", "object": "chat.completion.chunk", "created": 1, "model": "f",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more,
    }  # fmt: skip
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"


def events(parts: tuple[str, ...] = PARTS, *, usage: Any = USAGE) -> list[bytes]:
    """Return a whole stream."""
    last = json.loads(chunk({}, usage=usage)[6:])
    last["choices"] = []
    said = [b"data: " + json.dumps(last).encode() + b"\n\n"] if usage is not None else []
    words = [chunk({"content": part}) for part in parts]
    return [chunk({"role": "assistant"}), *words, chunk({}, "stop"), *said, b"data: [DONE]\n\n"]


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def plain(status: int, body: bytes, *lines: str, kind: str = "application/json") -> bytes:
    """Return a whole answer with its length."""
    head = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def piece(data: bytes) -> bytes:
    """Return a piece of a body in chunks."""
    return b"%x\r\n%b\r\n" % (len(data), data)


# ------------------------------------------------------------------ what can be said in bytes


def raw(*data: bytes, keep: bool = True, pause_s: float = 0.0) -> Act:
    """Answer with these bytes, whatever was asked for."""

    async def act(wire: Wire) -> bool:
        await wire.send(*data, pause_s=pause_s)
        return keep

    return act


def said(whole: object, streamed: list[bytes]) -> Act:
    """Answer well in form: this body, or this stream."""

    async def act(wire: Wire) -> bool:
        if wire.stream:
            await wire.send(STREAM_HEAD, *(piece(one) for one in streamed), LAST)
        else:
            body = whole if isinstance(whole, bytes) else json.dumps(whole, ensure_ascii=False).encode()
            await wire.send(plain(200, body))
        return True

    return act


def either(unary: Act, streamed: Act) -> Act:
    """Answer in one way or the other."""

    async def act(wire: Wire) -> bool:
        return await (streamed if wire.stream else unary)(wire)

    return act


OK = said(completion(), events())


async def _silence(_wire: Wire) -> bool:
    await asyncio.sleep(3600)
    return False


async def _slow_headers(wire: Wire) -> bool:
    await wire.send(*(bytes([byte]) for byte in plain(200, b"{}")), pause_s=SLOW_S)
    return False


async def _drip(wire: Wire) -> bool:
    if wire.stream:
        await wire.send(STREAM_HEAD)
        await wire.send(*(piece(bytes([byte])) for byte in b"".join(events())), pause_s=SLOW_S)
    else:
        body = json.dumps(completion()).encode()
        head, _, rest = plain(200, body).partition(b"\r\n\r\n")
        await wire.send(head + b"\r\n\r\n")
        await wire.send(*(bytes([byte]) for byte in rest), pause_s=SLOW_S)
    return False


async def _reset(wire: Wire) -> bool:
    if wire.stream:
        whole = events()
        await wire.send(STREAM_HEAD, piece(whole[0]), piece(whole[1]), piece(whole[2][:20]), pause_s=0.03)
    else:
        await wire.send(plain(200, json.dumps(completion()).encode())[:-40], pause_s=0.03)
    wire.reset()
    return False


async def _comments(wire: Wire) -> bool:
    if not wire.stream:
        return await OK(wire)
    await wire.send(STREAM_HEAD)
    while True:
        await wire.send(piece(b": still here\n\n"), pause_s=SLOW_S)


async def _flapping(wire: Wire) -> bool:
    return await (OK if wire.number % 2 else _status(503))(wire)


async def _talkative(wire: Wire) -> bool:
    """Says ten times what it was allowed to say."""
    tokens = 10 * int(wire.request.get("max_tokens") or wire.request.get("max_completion_tokens") or 1)
    usage = {"prompt_tokens": 11, "completion_tokens": tokens, "total_tokens": 11 + tokens}
    words = ("many words ",) * (tokens // 2)
    return await said(completion("".join(words), usage=usage), events(words, usage=usage))(wire)


def _error(message: str, **more: object) -> bytes:
    return json.dumps({"error": {"message": message, "type": "x", **more}}).encode()


def _status(status: int, *lines: str) -> Act:
    return raw(plain(status, _error(f"this is {status}"), *lines))


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


def _after_words(*data: bytes, keep: bool = True) -> Act:
    """Begin a stream well, then go on with these pieces."""
    whole = events()
    return raw(STREAM_HEAD, piece(whole[0]), piece(whole[1]), *data, keep=keep, pause_s=0.03)


def _streamed_as(change: Callable[[bytes], bytes]) -> Act:
    """Write a good stream in another form."""
    return said(completion(), [change(b"".join(events()))])


def _split(wire: Wire) -> Awaitable[bool]:
    """Cut everything into single bytes, so that no character comes whole."""
    if wire.stream:
        return raw(STREAM_HEAD, *(piece(bytes([byte])) for byte in b"".join(events())), LAST)(wire)
    body = json.dumps(completion(), ensure_ascii=False).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    return raw(head, *(piece(bytes([byte])) for byte in body), LAST)(wire)


def _with_value(text: str) -> Act:
    """Put a hostile value into an answer that is good otherwise, and into a delta of a stream."""
    whole = json.dumps(completion(), ensure_ascii=False)[:-1] + f',"odd":{text}}}'
    odd = chunk({"content": "x"}).rstrip()[:-1] + f',"odd":{text}}}\n\n'.encode()
    return said(whole.encode(), [*events()[:2], odd, *events()[2:]])


def _in_usage(text: str) -> Act:
    whole = json.dumps(completion(usage=None), ensure_ascii=False)[:-1] + f',"usage":{text}}}'
    last = chunk({}, "stop").rstrip()[:-1] + f',"usage":{text}}}\n\n'.encode()
    return said(whole.encode(), [*events(usage=None)[:-2], last, b"data: [DONE]\n\n"])


def _encoded(coding: str) -> Act:
    bomb = gzip.compress(b"\0" * (8 << 20)) if coding == "gzip" else b"\x28\xb5\x2f\xfd" + b"\0" * 9000
    return raw(plain(200, bomb, f"content-encoding: {coding}"))


_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"city":"Ro'}}
_PARTIAL = [
    chunk({"role": "assistant", "tool_calls": [{"index": 0, **_CALL}]}),
    chunk({}, "length"),
    b"data: [DONE]\n\n",
]  # fmt: skip
_CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
_TOO_EARLY = plain(200, json.dumps(completion()).encode())[:-9]
_STREAM_CLOSED = STREAM_HEAD.replace(b"transfer-encoding: chunked", b"content-length: 99999")

FAULTS: dict[str, Act] = {
    "03-silence": _silence,
    "04-slow-headers": _slow_headers,
    "05-drip": _drip,
    "06-429-seconds": _status(429, "retry-after: 7"),
    "06-429-date": _status(429, "retry-after: Wed, 21 Oct 2015 07:28:00 GMT"),
    "06-429-absurd": _status(429, "retry-after: 99999999999999999999"),
    "06-429-negative": _status(429, "retry-after: -5"),
    **{f"07-{status}": _status(status) for status in (500, 502, 503, 504)},
    "08-error-in-200": raw(plain(200, _error("quota used up"))),
    "09-error-event": raw(STREAM_HEAD, piece(_event(_error("overloaded", code="1302"))), LAST),
    "10-only-done": raw(STREAM_HEAD, piece(b"data: [DONE]\n\n"), LAST),
    "11-429-mid-stream": either(
        _status(429), _after_words(piece(_event(_error("slow down", code=429))), LAST)
    ),
    "12-reset": _reset,
    "13-split-characters": _split,
    "14-long-line": either(
        raw(_CHUNKED, piece(b'{"x":"'), *[piece(b"x" * (1 << 20))] * 65, keep=False),
        raw(STREAM_HEAD, piece(b"data: "), *[piece(b"x" * (1 << 20))] * 10, keep=False),
    ),
    "15-no-last-blank": _streamed_as(lambda whole: whole.rstrip(b"\n")),
    "15-crlf": _streamed_as(lambda whole: whole.replace(b"\n", b"\r\n")),
    "15-mixed-ends": _streamed_as(lambda whole: whole.replace(b"\n\n", b"\r\n\n", 3)),
    "15-no-space": _streamed_as(lambda whole: whole.replace(b"data: ", b"data:")),
    "15-comments-only": _comments,
    "16-nan": _with_value("NaN"),
    "16-infinity": _with_value("-Infinity"),
    "16-same-key-twice": _with_value('1,"model":"g","odd":2'),
    "16-depth": _with_value("[" * 10_000 + "]" * 10_000),
    "16-digits": _with_value("9" * 100_000),
    "16-nan-usage": _in_usage('{"prompt_tokens":NaN,"completion_tokens":7}'),
    "16-digits-usage": _in_usage(f'{{"prompt_tokens":{"9" * 100_000},"completion_tokens":7}}'),
    "17-gzip-bomb": _encoded("gzip"),
    "17-br": _encoded("br"),
    "17-zstd": _encoded("zstd"),
    "18-wrong-type": either(
        raw(plain(200, json.dumps(completion()).encode(), kind="text/html")),
        raw(STREAM_HEAD.replace(b"text/event-stream", b"text/html"), *map(piece, events()), LAST),
    ),
    "18-not-streamed": raw(plain(200, json.dumps(completion()).encode())),
    "18-html": raw(plain(200, b"<html>Sorry</html>", kind="text/html")),
    "19-redirect": raw(plain(302, b"", "location: http://169.254.169.254/latest/meta-data/")),
    "20-bad-chunk": either(
        raw(_CHUNKED, b'5\r\n{"a":\r\nzz\r\n', keep=False), _after_words(b"zz\r\nnonsense\r\n", keep=False)
    ),
    "20-early-end": either(
        raw(_TOO_EARLY, keep=False), raw(_STREAM_CLOSED, *events()[:2], keep=False, pause_s=0.03)
    ),
    "20-no-last-chunk": either(raw(_CHUNKED, piece(b"{"), keep=False), _after_words(keep=False)),
    "22-usage-missing": said(completion(usage=None), events(usage=None)),
    "22-usage-negative": _in_usage('{"prompt_tokens":-1,"completion_tokens":-7}'),
    "22-usage-huge": _in_usage('{"prompt_tokens":1000000000000,"completion_tokens":7}'),
    "23-truncated-call": said(completion("", tool_calls=[_CALL]), _PARTIAL),
    "24-talkative": _talkative,
    "25-flapping": _flapping,
}
"""Rows 1, 2 and 21 of the list are addresses: see `FaultProvider.refused` and its siblings."""


# ------------------------------------------------------------------ the server


class FaultProvider:
    """Runs in a thread of its own; `certificates` are (certificate, key) files for addresses with TLS."""

    unknown = "https://provider.invalid/v1"
    """A name that nobody knows."""

    def __init__(self, certificates: dict[str, tuple[Path, Path]] | None = None, *, port: int = 0) -> None:
        self.port = port
        self.refused = ""
        """An address where nobody listens."""
        self.secure: dict[str, str] = {}
        """Name of a certificate -> the address that shows it."""
        self.seen: list[dict[str, Any]] = []
        self.requests = 0
        """How many requests came in, wherever one begins."""
        self.open = 0
        self._certificates = certificates or {}
        self._counts: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="fault-provider")

    @property
    def url(self) -> str:
        """The address where every fault is to be had."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._stop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def wait(self) -> None:
        """Serve until the process ends."""
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        self._stop = asyncio.Event()
        servers = [await asyncio.start_server(self._serve, "127.0.0.1", self.port)]
        self.port = servers[0].sockets[0].getsockname()[1]
        for name, (certificate, key) in self._certificates.items():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
            servers.append(server)
            self.secure[name] = f"https://localhost:{server.sockets[0].getsockname()[1]}/v1"
        with socket.socket() as taken:  # bound and not listening: nobody else can listen there meanwhile
            taken.bind(("127.0.0.1", 0))
            self.refused = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
            self._ready.set()
            await self._stop.wait()
        for server in servers:
            server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ValueError, OSError):
            pass
        finally:
            self.open -= 1
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        self.requests += 1
        length = 0
        for line in head.split(b"\r\n")[1:]:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        request = json.loads(await reader.readexactly(length))
        self.seen.append(request)
        name = str(request.get("model"))
        number = self._counts.get(name, 0)
        self._counts[name] = number + 1
        acting = asyncio.ensure_future(FAULTS.get(name, OK)(Wire(writer, request, number)))
        leaving = asyncio.ensure_future(reader.read(1)) if name in LASTING else None
        if leaving is not None:  # a gateway that gives up closes: then there is nobody left to fail for
            await asyncio.wait({acting, leaving}, return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()
            acting.cancel()
            return False
        return await acting


LASTING = frozenset({"03-silence", "04-slow-headers", "05-drip", "15-comments-only"})


def main(arguments: list[str]) -> int:
    """Serve until interrupted."""
    with FaultProvider(port=int(arguments[0]) if arguments else 0) as running:
        sys.stdout.write(f"Faults at {running.url}; the model's name says which:\n")
        sys.stdout.write("".join(f"  {name}\n" for name in ("ok", *FAULTS)))
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            running.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
