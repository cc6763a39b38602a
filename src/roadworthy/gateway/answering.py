"""Pure: a provider's answer on its way to the caller: followed, filtered, translated between dialects."""

from __future__ import annotations

from roadworthy.gateway.dialects.dialect import CallerDialect, ProviderDialect, Reader, Request, Writer
from roadworthy.gateway.dialects.neutral import (
    Began,
    Done,
    Event,
    Failed,
    Piece,
    ProviderError,
    ReasoningDelta,
    TextDelta,
    ToolDelta,
    Usage,
    Used,
)
from roadworthy.gateway.filters.stand_ins import Restorer
from roadworthy.gateway.policies import Channel, StreamFilter

WORDS, THOUGHT = -1, -2


class BlockedError(Exception):
    """A filter ends the stream."""


class Stream:
    """One attempt's stream: the provider's bytes in, the caller's bytes out, everything counted.

    The event that ends a stream is held back in `last`: the call is recorded before the caller sees its end.
    """

    __slots__ = (
        "_chars",
        "_filter",
        "_held",
        "_hide_usage",
        "_kept",
        "_plain",
        "_reader",
        "_request",
        "_restorer",
        "_room",
        "_template",
        "_writer",
        "done",
        "error",
        "last",
        "started",
        "usage",
    )

    def __init__(
        self,
        reader: Reader,
        request: Request,
        *,
        writer: Writer | None,
        stream_filter: StreamFilter | None,
        keep_chars: int,
        restorer: Restorer | None = None,
    ) -> None:
        self._reader = reader
        self._request = request
        self._writer = writer
        self._filter = stream_filter
        self._hide_usage = not request.asks_usage
        self._held: Channel | None = None
        self._template: dict[Channel, bytes] = {}
        self._kept: list[str] = []
        self._room = keep_chars
        self._restorer = restorer
        self._plain = stream_filter is None and writer is None and restorer is None and not keep_chars
        self._chars = 0
        self.started = False
        self.done = False
        self.error: ProviderError | None = None
        self.usage: Usage | None = None
        self.last = b""

    @property
    def translated(self) -> bool:
        """Does the provider speak another dialect than the caller?"""
        return self._writer is not None

    @property
    def chars(self) -> int:
        """How many characters the provider has said: that is what it will ask money for."""
        return self._chars

    def feed(self, data: bytes) -> bytes:
        """Return what may go on to the caller now."""
        events = self._reader.feed(data)
        if len(events) == 1:
            event = events[0]
            if self._plain and len(event.pieces) == 1:
                piece = event.pieces[0]
                if type(piece) is TextDelta:  # nothing reads it, nothing keeps it, nothing changes it
                    self.started = True
                    self._chars += len(piece.text)
                    return event.raw
            return self._event(event)
        return b"".join([self._event(event) for event in events])

    def finish(self) -> bytes:
        """The provider's connection has ended: return what is left for the caller."""
        out = [self._event(event) for event in self._reader.finish()]
        if self._held is not None and not self.done:
            out.append(self._release())
        return b"".join(out)

    def end(self) -> bytes:
        """Return what ends the caller's stream; nothing if only the provider could have said it."""
        if self._writer is not None:
            return self._writer.end()
        return self.last or self._request.dialect.ending

    def text(self) -> str:
        """Return what the model said, as far as it was kept, filtered as the caller saw it."""
        return "".join(self._kept)

    # ------------------------------------------------------------------ one event

    def _event(self, event: Event) -> bytes:
        if self.done:
            return b""
        pieces = event.pieces
        if len(pieces) == 1:
            piece = pieces[0]
            if type(piece) is TextDelta:  # nearly all events of nearly all streams
                return self._delta(event, piece, (piece.index, WORDS), piece.text)
        out = b""
        if self._held is not None and b'"ping"' not in event.raw:
            out = self._flush_before(pieces)
        return out + self._rich(event, pieces)

    def _delta(self, event: Event, piece: Piece, channel: Channel, text: str) -> bytes:
        out = b""
        if self._held is not None and self._held != channel:
            out = self._release()
        self.started = True
        self._chars += len(text)
        allowed = text if self._filter is None else self._pass(channel, text)
        if self._room > 0:
            self._keep(allowed)
        if self._restorer is not None:
            allowed = self._restored(channel, allowed)
        if allowed is text or allowed == text:
            said = event.raw if self._writer is None else self._writer.write((piece,))
        elif self._writer is None:
            said = self._request.dialect.rewrite(event.raw, {channel: allowed})
        else:
            said = self._writer.write((_with_text(piece, allowed),)) if allowed else b""
        if self._held == channel and self._writer is None:
            self._template[channel] = event.raw
        return out + said if out else said

    def _pass(self, channel: Channel, text: str) -> str:
        stream_filter = self._filter
        assert stream_filter is not None
        allowed = stream_filter.feed(channel, text)
        if stream_filter.blocked is not None:
            raise BlockedError
        if len(allowed) < len(text) or self._held == channel:
            self._held = channel
        return allowed

    def _restored(self, channel: Channel, text: str) -> str:
        """Put back what the caller sent and only the caller reads; what is recorded stays masked."""
        assert self._restorer is not None
        self._held = channel  # a part of a stand-in may be waiting
        return self._restorer.feed(channel, text)

    def _flush_before(self, pieces: tuple[Piece, ...]) -> bytes:
        held = self._held
        for piece in pieces:
            if channel_of(piece) == held:
                return b""
        return self._release()

    def _release(self) -> bytes:
        """Say what was held back: nothing can follow it that would make it something else."""
        channel, self._held = self._held, None
        if channel is None:
            return b""
        text = ""
        if self._filter is not None:
            text = self._filter.finish(channel)
            if self._filter.blocked is not None:
                raise BlockedError
        if self._room > 0:
            self._keep(text)
        if self._restorer is not None:
            text = self._restorer.feed(channel, text) + self._restorer.finish(channel)
        if not text:
            return b""
        if self._writer is not None:
            return self._writer.write((_delta_of(channel, text),))
        template = self._template.get(channel, b"")
        return self._request.dialect.rewrite(template, {channel: text}) if template else b""

    def _rich(self, event: Event, pieces: tuple[Piece, ...]) -> bytes:
        """Follow an event that is not just more words."""
        texts: dict[Channel, str] = {}
        changed = False
        only_usage = bool(pieces)
        kept: list[Piece] = []
        for piece in pieces:
            kind = type(piece)
            if kind is Used:
                self.usage = _later(self.usage, piece.usage)  # type: ignore[union-attr]
                kept.append(piece)
                continue
            only_usage = False
            if kind is Failed:
                self.error = piece.error  # type: ignore[union-attr]
                return event.raw if self.started and self._writer is None else b""
            if kind is Done:
                self.done = True
                self.last = event.raw
                continue
            channel = channel_of(piece)
            if channel is None:
                self.started = self.started or kind is not Began
                kept.append(piece)
                continue
            self.started = True
            text = _text_of(piece)
            self._chars += len(text)
            allowed = text if self._filter is None or not text else self._pass(channel, text)
            if self._room > 0 and channel[1] != THOUGHT:
                self._keep(allowed)
            if self._restorer is not None:
                allowed = self._restored(channel, allowed)
            changed = changed or allowed != text
            texts[channel] = allowed
            kept.append(piece if allowed == text else _with_text(piece, allowed))
            if self._held == channel and self._writer is None:
                self._template[channel] = event.raw
        if self._writer is not None:
            return self._writer.write(kept)
        if self.done or (only_usage and self._hide_usage):
            return b""
        return self._request.dialect.rewrite(event.raw, texts) if changed else event.raw

    def _keep(self, text: str) -> None:
        self._kept.append(text[: self._room])
        self._room -= len(text)


def channel_of(piece: Piece) -> Channel | None:
    """Return where a piece's text belongs; None when it has none."""
    kind = type(piece)
    if kind is TextDelta:
        return (piece.index, WORDS)  # type: ignore[union-attr]
    if kind is ToolDelta:
        return (piece.index, piece.call)  # type: ignore[union-attr]
    if kind is ReasoningDelta:
        return (piece.index, THOUGHT)  # type: ignore[union-attr]
    return None


def _text_of(piece: Piece) -> str:
    return piece.arguments if isinstance(piece, ToolDelta) else piece.text  # type: ignore[union-attr]


def _with_text(piece: Piece, text: str) -> Piece:
    if isinstance(piece, ToolDelta):
        return ToolDelta(piece.call, text, piece.index)
    if isinstance(piece, ReasoningDelta):
        return ReasoningDelta(text, piece.signature, piece.redacted, piece.index)
    assert isinstance(piece, TextDelta)
    return TextDelta(text, piece.index)


def _delta_of(channel: Channel, text: str) -> Piece:
    index, call = channel
    if call == WORDS:
        return TextDelta(text, index)
    return ReasoningDelta(text=text, index=index) if call == THOUGHT else ToolDelta(call, text, index)


def _later(known: Usage | None, said: Usage) -> Usage:
    """Take a later word on usage, field by field."""
    if known is None:
        return said
    return Usage(
        *(new if new is not None else old for new, old in zip(_fields(said), _fields(known), strict=True))
    )


def _fields(usage: Usage) -> tuple[int | None, ...]:
    return (
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_input_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
    )


class UnreadableAnswerError(Exception):
    """A provider's answer with status 200 is none; `error` is what it says instead, if it says something."""

    def __init__(self, error: ProviderError | None) -> None:
        super().__init__("the provider's answer cannot be read")
        self.error = error


def whole(
    body: bytes, provider: ProviderDialect, caller: CallerDialect, request: Request
) -> tuple[bytes, Usage | None]:
    """Return a whole answer as the caller reads it, and its usage; untouched between equal dialects."""
    if provider.name in caller.provider_dialects:
        usage = provider.usage(body, caller.operation)
        if usage is None:
            try:
                provider.check(body, caller.operation)
            except (ValueError, RecursionError):
                raise UnreadableAnswerError(_error_in(body, provider)) from None
        return body, usage
    try:
        if caller.operation == "embeddings":
            embedded = provider.read_embeddings(body)
            return caller.answer_embeddings(embedded, request), embedded.usage
        if caller.operation == "count_tokens":
            count = provider.read_count(body)
            return caller.answer_count(count), Usage(0, 0)
        said = provider.read(body)
    except (ValueError, RecursionError):
        raise UnreadableAnswerError(_error_in(body, provider)) from None
    return caller.answer(said, request), said.usage


def _error_in(body: bytes, provider: ProviderDialect) -> ProviderError | None:
    error = provider.error(200, body)
    return error if error.message else None
