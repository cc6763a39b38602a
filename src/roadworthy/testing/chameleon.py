"""A provider that speaks every provider's dialect, by the path it is asked at, and says what it is told to.

A text in the request that holds `say:` is answered with what follows it; one that holds `call:` with a call
of the first tool, its argument `q` being what follows. Streams come in pieces of three characters, so that
whatever a filter looks for lies across several. What it was asked is kept in `seen`.
"""

from __future__ import annotations

import asyncio
import binascii
import json
import threading
from collections.abc import Callable, Iterator
from struct import Struct
from typing import Any, Self

DEFAULT = "Hello from the chameleon."
IN, OUT = 11, 7
_WORD = Struct(">I")
Events = Iterator[bytes]


def _sse(data: dict[str, Any], name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def _pieces(text: str) -> list[str]:
    return [text[at : at + 3] for at in range(0, len(text), 3)]


class Order:
    """What a request asks for, whatever its dialect."""

    def __init__(self, path: str, body: dict[str, Any]) -> None:
        self.path = path
        self.body = body
        self.text = DEFAULT
        self.tool = ""
        self.argument = ""
        for text in _texts(body):
            if "say:" in text:
                self.text = text.partition("say:")[2]
            if "call:" in text:
                self.argument = json.dumps({"q": text.partition("call:")[2]})
        if self.argument:
            self.tool = next(_names(body), "")
        self.stream = (
            bool(body.get("stream")) or "stream" in path.rpartition("/")[2].partition("?")[0].lower()
        )

    @property
    def chunks(self) -> list[str]:
        """The text, or the tool's argument, in pieces."""
        return _pieces(self.argument if self.tool else self.text)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _names(body: dict[str, Any]) -> Iterator[str]:
    """The names of the tools that a request brings, wherever its dialect puts them."""
    tools = body.get("tools") or body.get("toolConfig", {}).get("tools") or []
    for tool in tools:
        for one in (tool, tool.get("function"), tool.get("toolSpec"), *tool.get("functionDeclarations", [])):
            if isinstance(one, dict) and isinstance(one.get("name"), str):
                yield one["name"]


# ------------------------------------------------------------------ OpenAI


def _chat(order: Order) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None if order.tool else order.text}
    if order.tool:
        function = {"name": order.tool, "arguments": order.argument}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
    finish = "tool_calls" if order.tool else "stop"
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "chameleon",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": IN, "completion_tokens": OUT, "total_tokens": IN + OUT},
    }  # fmt: skip


def _chat_stream(order: Order) -> Events:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "chameleon",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }  # fmt: skip

    yield _sse(chunk({"role": "assistant", "content": None if order.tool else ""}))
    if order.tool:
        first = {"index": 0, "id": "call_1", "type": "function"}
        yield _sse(chunk({"tool_calls": [{**first, "function": {"name": order.tool, "arguments": ""}}]}))
    for text in order.chunks:
        delta = {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}
        yield _sse(chunk(delta if order.tool else {"content": text}))
    yield _sse(chunk({}, "tool_calls" if order.tool else "stop"))
    usage = {"prompt_tokens": IN, "completion_tokens": OUT, "total_tokens": IN + OUT}
    if (order.body.get("stream_options") or {}).get("include_usage"):
        yield _sse({**chunk({}), "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _response(order: Order) -> dict[str, Any]:
    if order.tool:
        item: dict[str, Any] = {
            "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": order.tool,
            "arguments": order.argument, "status": "completed",
        }  # fmt: skip
    else:
        part = {"type": "output_text", "text": order.text, "annotations": [], "logprobs": []}
        item = {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "chameleon",
        "error": None, "incomplete_details": None, "instructions": None, "metadata": {}, "output": [item],
        "parallel_tool_calls": True, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "usage": {
            "input_tokens": IN, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": OUT,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": IN + OUT,
        },
    }  # fmt: skip


def _response_stream(order: Order) -> Events:
    whole = _response(order)
    item = whole["output"][0]
    number = iter(range(10_000))

    def event(kind: str, **more: object) -> bytes:
        return _sse({"type": kind, "sequence_number": next(number), **more}, kind)

    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    yield event("response.created", response=begun)
    place: dict[str, Any] = {"item_id": item["id"], "output_index": 0}
    if order.tool:
        yield event("response.output_item.added", output_index=0, item={**item, "arguments": ""})
        for text in order.chunks:
            yield event("response.function_call_arguments.delta", **place, delta=text)
        yield event("response.function_call_arguments.done", **place, arguments=order.argument)
    else:
        place["content_index"] = 0
        yield event("response.output_item.added", output_index=0, item={**item, "content": []})
        empty = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        yield event("response.content_part.added", **place, part=empty)
        for text in order.chunks:
            yield event("response.output_text.delta", **place, delta=text, logprobs=[])
        yield event("response.output_text.done", **place, text=order.text, logprobs=[])
        yield event("response.content_part.done", **place, part=item["content"][0])
    yield event("response.output_item.done", output_index=0, item=item)
    yield event("response.completed", response=whole)


def _vectors(order: Order) -> dict[str, Any]:
    given = order.body.get("input")
    count = len(given) if isinstance(given, list) else 1
    data = [{"object": "embedding", "index": at, "embedding": [0.25, -0.5]} for at in range(count)]
    return {
        "object": "list", "model": "chameleon", "data": data,
        "usage": {"prompt_tokens": IN, "total_tokens": IN},
    }  # fmt: skip


# ------------------------------------------------------------------ Anthropic


def _message(order: Order) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "text", "text": order.text}
    if order.tool:
        block = {"type": "tool_use", "id": "toolu_1", "name": order.tool, "input": json.loads(order.argument)}
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "chameleon", "content": [block],
        "stop_reason": "tool_use" if order.tool else "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": IN, "output_tokens": OUT},
    }  # fmt: skip


def _message_stream(order: Order) -> Events:
    whole = _message(order)
    began = {**whole, "content": [], "stop_reason": None, "usage": {"input_tokens": IN, "output_tokens": 1}}
    yield _sse({"type": "message_start", "message": began}, "message_start")
    block: dict[str, Any] = {"type": "text", "text": ""}
    if order.tool:
        block = {**whole["content"][0], "input": {}}
    start = {"type": "content_block_start", "index": 0, "content_block": block}
    yield _sse(start, "content_block_start")
    yield _sse({"type": "ping"}, "ping")
    for text in order.chunks:
        delta = {"type": "text_delta", "text": text}
        if order.tool:
            delta = {"type": "input_json_delta", "partial_json": text}
        yield _sse({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta")
    yield _sse({"type": "content_block_stop", "index": 0}, "content_block_stop")
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield _sse({"type": "message_delta", "delta": end, "usage": {"output_tokens": OUT}}, "message_delta")
    yield _sse({"type": "message_stop"}, "message_stop")


# ------------------------------------------------------------------ Gemini


def _content(order: Order, text: str, *, last: bool = True) -> dict[str, Any]:
    part: dict[str, Any] = {"text": text}
    if order.tool:
        part = {"functionCall": {"name": order.tool, "args": json.loads(order.argument)}}
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [part]}, "index": 0}
    if last:
        candidate["finishReason"] = "STOP"
    used = {"promptTokenCount": IN, "candidatesTokenCount": OUT, "totalTokenCount": IN + OUT}
    said = {"candidates": [candidate], "modelVersion": "chameleon", "responseId": "r1"}
    return {**said, "usageMetadata": used}


def _content_stream(order: Order) -> Events:
    chunks = [""] if order.tool else order.chunks
    for at, text in enumerate(chunks):
        yield _sse(_content(order, text, last=at == len(chunks) - 1))


# ------------------------------------------------------------------ Bedrock


def _converse(order: Order) -> dict[str, Any]:
    block: dict[str, Any] = {"text": order.text}
    if order.tool:
        block = {"toolUse": {"toolUseId": "t1", "name": order.tool, "input": json.loads(order.argument)}}
    return {
        "output": {"message": {"role": "assistant", "content": [block]}},
        "stopReason": "tool_use" if order.tool else "end_turn",
        "usage": {"inputTokens": IN, "outputTokens": OUT, "totalTokens": IN + OUT},
        "metrics": {"latencyMs": 1},
    }


def _frame(kind: str, payload: dict[str, Any]) -> bytes:
    """One message of AWS's event stream: lengths, headers, payload, and both checksums."""
    headers = b""
    for name, value in (
        (":event-type", kind),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ):
        headers += (
            bytes([len(name)]) + name.encode() + b"\x07" + len(value).to_bytes(2, "big") + value.encode()
        )
    body = json.dumps(payload).encode()
    prelude = _WORD.pack(16 + len(headers) + len(body)) + _WORD.pack(len(headers))
    whole = prelude + _WORD.pack(binascii.crc32(prelude)) + headers + body
    return whole + _WORD.pack(binascii.crc32(whole))


def _converse_stream(order: Order) -> Events:
    yield _frame("messageStart", {"role": "assistant"})
    if order.tool:
        start = {"toolUse": {"toolUseId": "t1", "name": order.tool}}
        yield _frame("contentBlockStart", {"contentBlockIndex": 0, "start": start})
    for text in order.chunks:
        delta: dict[str, Any] = {"toolUse": {"input": text}} if order.tool else {"text": text}
        yield _frame("contentBlockDelta", {"contentBlockIndex": 0, "delta": delta})
    yield _frame("contentBlockStop", {"contentBlockIndex": 0})
    yield _frame("messageStop", {"stopReason": "tool_use" if order.tool else "end_turn"})
    usage = {"inputTokens": IN, "outputTokens": OUT, "totalTokens": IN + OUT}
    yield _frame("metadata", {"usage": usage, "metrics": {"latencyMs": 1}})


def _embed(order: Order) -> dict[str, Any]:
    if "requests" in order.body:
        return {"embeddings": [{"values": [0.25, -0.5]} for _ in order.body["requests"]]}
    return {"embedding": [0.25, -0.5], "inputTextTokenCount": IN}


_STREAM_TYPE = {"converse-stream": "application/vnd.amazon.eventstream"}
_WHOLE: dict[str, Callable[[Order], dict[str, Any]]] = {
    "/chat/completions": _chat,
    "/responses": _response,
    "/embeddings": _vectors,
    "/messages": _message,
    "/messages/count_tokens": lambda _order: {"input_tokens": IN},
    ":generateContent": lambda order: _content(order, order.text),
    ":batchEmbedContents": _embed,
    ":countTokens": lambda _order: {"totalTokens": IN},
    "/converse": _converse,
    "/invoke": _embed,
    "/count-tokens": lambda _order: {"inputTokens": IN},
}
_STREAMS: dict[str, Callable[[Order], Events]] = {
    "/chat/completions": _chat_stream,
    "/responses": _response_stream,
    "/messages": _message_stream,
    ":streamGenerateContent": _content_stream,
    "/converse-stream": _converse_stream,
}


class Chameleon:
    """Serves in a thread of its own; `url` is what a provider's declaration names as its address."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.port = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="chameleon", daemon=True)

    @property
    def url(self) -> str:
        """The address below which every dialect's paths are served."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")
                sizes = [line for line in lines if line.lower().startswith("content-length:")]
                body = json.loads(await reader.readexactly(int(sizes[0].partition(":")[2])))
                path = lines[0].split(" ")[1]
                self.seen.append((path, body))
                await self._answer(Order(path, body), writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, order: Order, writer: asyncio.StreamWriter) -> None:
        place = order.path.partition("?")[0]
        if order.stream:
            tell = next(tell for end, tell in _STREAMS.items() if place.endswith(end))
            kind = _STREAM_TYPE.get(place.rpartition("/")[2], "text/event-stream")
            head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
            writer.write(head.encode())
            for event in tell(order):
                writer.write(b"%x\r\n%b\r\n" % (len(event), event))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        else:
            say = next(say for end, say in _WHOLE.items() if place.endswith(end))
            body = json.dumps(say(order)).encode()
            head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
        await writer.drain()
