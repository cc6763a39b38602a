"""Calls that the gateway makes itself: shadows that nobody hears, and questions to guard models."""

from __future__ import annotations

from collections.abc import Callable

from roadworthy.gateway.delivery import Delivery
from roadworthy.gateway.exchange import Exchange, new_trace_id
from roadworthy.gateway.gate import Gate
from roadworthy.gateway.ports import Ports
from roadworthy.gateway.routing import Attempt

SHADOWS_MAX = 32


class Nobody:
    """Takes an answer that nobody waits for."""

    __slots__ = ("_ended",)

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    def answer(self, status: int, content_type: bytes, body: bytes, extra: bytes = b"") -> None:
        """It is over."""
        self._ended()

    def begin(self, status: int, content_type: bytes, extra: bytes = b"") -> None:
        """It comes in pieces."""

    def write(self, data: bytes) -> None:
        """A piece."""

    def finish(self, data: bytes = b"") -> None:
        """It is over."""
        self._ended()

    def abort(self) -> None:
        """It is over."""
        self._ended()


class Collector:
    """Takes an answer for the gateway itself: `then` hears the status and the body, 0 when it broke off."""

    __slots__ = ("_parts", "_status", "_then")

    def __init__(self, then: Callable[[int, bytes], None]) -> None:
        self._then = then
        self._status = 0
        self._parts: list[bytes] = []

    def answer(self, status: int, content_type: bytes, body: bytes, extra: bytes = b"") -> None:
        """Take a whole answer."""
        self._then(status, body)

    def begin(self, status: int, content_type: bytes, extra: bytes = b"") -> None:
        """Take the beginning of one that comes in pieces."""
        self._status = status

    def write(self, data: bytes) -> None:
        """Take a piece."""
        self._parts.append(data)

    def finish(self, data: bytes = b"") -> None:
        """Take the last piece."""
        self._then(self._status, b"".join((*self._parts, data)))

    def abort(self) -> None:
        """Take that it broke off."""
        self._then(0, b"")


class Shadows:
    """Sends the same request to another target once the caller has been answered.

    What comes of it is in a record of its own, marked as a shadow: its cost counts against no caller's
    budget, its failure is no caller's failure, and no more than 32 are under way at a time.
    """

    __slots__ = ("_monotonic", "_under_way", "skipped")

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._under_way = 0
        self.skipped = 0

    def cast(self, ports: Ports, exchange: Exchange, attempt: Attempt) -> None:
        """Begin one, or count that there was no room for it."""
        if self._under_way >= SHADOWS_MAX:
            self.skipped += 1
            return
        self._under_way += 1
        twin = Exchange(
            exchange.dialect, exchange.at, self._monotonic(), "", b"", new_trace_id(exchange.at),
            index=exchange.index, caller=exchange.caller, request=exchange.request,
            admission=exchange.admission, prompt=exchange.prompt, shadow=True,
            why=f"shadow of {exchange.trace_id}",
        )  # fmt: skip
        assert twin.admission is not None
        gate = Gate(ports, twin, twin.admission.admitted.grant.logging == "full")
        delivery = Delivery(ports, twin, Nobody(self._ended), gate)
        delivery.attempt((attempt,))

    def _ended(self) -> None:
        self._under_way -= 1
