"""What is said in one turn of the loop is sent at its end, connection by connection.

A write wakes whoever reads at the other end, and that costs more than the write itself. Said one after
another with nothing in between, many are heard by a peer that is awake already; and what one connection has
to say in a turn leaves in one write, its pieces as they were.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Outbox:
    """Which connections have something to say in this turn; for the event loop's thread."""

    __slots__ = ("_call_soon", "_waiting")

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._call_soon = call_soon
        self._waiting: list[Mouth] = []

    def add(self, mouth: Mouth) -> None:
        """Have it send what it holds once this turn is over."""
        if not self._waiting:
            self._call_soon(self.empty)
        self._waiting.append(mouth)

    def empty(self) -> None:
        """Send everything now."""
        waiting, self._waiting = self._waiting, []
        for mouth in waiting:
            mouth.send()


class Mouth:
    """A transport that says what it is given at the end of the turn."""

    __slots__ = (
        *("_outbox", "_said", "_transport", "can_write_eof", "get_extra_info", "is_closing"),
        *("pause_reading", "resume_reading"),
    )

    def __init__(self, transport: asyncio.Transport, outbox: Outbox) -> None:
        self._transport = transport
        self._outbox = outbox
        self._said: list[bytes] = []
        self.is_closing: Callable[[], bool] = transport.is_closing
        self.can_write_eof: Callable[[], bool] = transport.can_write_eof
        self.get_extra_info: Callable[[str], Any] = transport.get_extra_info
        self.pause_reading: Callable[[], None] = transport.pause_reading
        self.resume_reading: Callable[[], None] = transport.resume_reading

    def write(self, data: bytes) -> None:
        """Say this, after what was said before."""
        said = self._said
        if not said:
            self._outbox.add(self)
        said.append(data)

    def send(self) -> None:
        """Send what was said; a connection that is closing takes no more."""
        said = self._said
        if not said:
            return
        self._said = []
        if not self.is_closing():
            self._transport.write(said[0] if len(said) == 1 else b"".join(said))

    def write_eof(self) -> None:
        """Send what was said, and that nothing follows."""
        self.send()
        self._transport.write_eof()

    def close(self) -> None:
        """Send what was said, then close."""
        self.send()
        self._transport.close()

    def abort(self) -> None:
        """Close now, and leave unsaid what was not sent."""
        self._said = []
        self._transport.abort()
