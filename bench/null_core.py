"""The edge alone, without a core: every request goes to the model as it is, every answer comes back as it is.

Arguments: PORT MODEL_PORT. What remains is what the listening and the sending side cost.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys

import uvloop

from roadworthy.gateway.edge import server
from roadworthy.gateway.edge.limits import Limits
from roadworthy.gateway.edge.timers import Wheel
from roadworthy.gateway.edge.upstream import Providers
from roadworthy.gateway.exchange import Course, Reply, Sending
from roadworthy.gateway.routing import Failure
from roadworthy.gateway.snapshot import ModelEntry, ProviderEntry, Target


class Relay:
    """Passes an answer on."""

    __slots__ = ("_body", "_content_type", "_reply", "_status", "sending")

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._status = 0
        self._content_type = b""
        self._body: bytes | None = None
        self.sending: Sending | None = None

    def on_head(self, status: int, content_type: bytes, retry_after: bytes) -> None:
        """The answer begins."""
        self._status = status
        self._content_type = content_type
        if content_type == b"text/event-stream":
            self._reply.begin(status, content_type)
        else:
            self._body = b""

    def on_body(self, data: bytes) -> None:
        """A piece of it."""
        if self._body is None:
            self._reply.write(data)
        else:
            self._body += data

    def on_end(self) -> None:
        """It is whole."""
        if self._body is None:
            self._reply.finish()
        else:
            self._reply.answer(self._status, self._content_type, self._body)

    def on_fail(self, failure: Failure) -> None:
        """It came to nothing."""
        self._reply.answer(502, b"text/plain", failure.message.encode())

    def cancel(self) -> None:
        """The caller has left."""
        if self.sending is not None:
            self.sending.cancel()

    def pause(self) -> None:
        """The caller is slow."""
        if self.sending is not None:
            self.sending.pause()

    def resume(self) -> None:
        """The caller has caught up."""
        if self.sending is not None:
            self.sending.resume()


async def run(port: int, model_port: int) -> None:
    """Serve until told to stop."""
    loop = asyncio.get_running_loop()
    wheel = Wheel(loop)
    providers = Providers(wheel, loop)
    provider = ProviderEntry("bench", f"http://127.0.0.1:{model_port}/v1", allow_private=True)
    target = Target(ModelEntry("one", "bench", "bench-model"), provider)

    def app(request: server.Request, reply: Reply) -> Course:
        relay = Relay(reply)
        relay.sending = providers.send(
            target, "/chat/completions", request.body, relay, first_byte_timeout_s=30.0
        )
        return relay

    shared = server.Settings(app=app, limits=Limits(), wheel=wheel)
    listener = await loop.create_server(lambda: server.Connection(shared), "127.0.0.1", port, backlog=1024)
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    await stop.wait()
    listener.close()


if __name__ == "__main__":
    uvloop.run(run(int(sys.argv[1]), int(sys.argv[2])))
