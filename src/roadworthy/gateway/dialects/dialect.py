"""Pure: what a dialect must be able to do, on the callers' side and on the providers' side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from roadworthy.gateway.dialects.neutral import (
    Ask,
    Embedded,
    EmbeddingsAsk,
    Event,
    Piece,
    ProviderError,
    Said,
    Usage,
)
from roadworthy.gateway.snapshot import Reason

Operation = Literal["chat", "responses", "embeddings", "messages", "count_tokens"]


class MalformedRequestError(Exception):
    """The body cannot be accepted; `param` names the field when there is one."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class BrokenStreamError(Exception):
    """A provider's stream cannot be followed."""


class UntranslatableError(Exception):
    """The request asks for something that the provider's dialect cannot say; `param` names the field."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class Problem(msgspec.Struct, frozen=True):
    """An error of ours, to be said in the caller's dialect."""

    status: int
    code: str
    message: str
    trace_id: str = ""
    revision: int = 0
    param: str | None = None
    declaration: str = ""
    who_can_change: tuple[str, ...] = ()
    next_step: str = ""
    reasons: tuple[Reason, ...] = ()
    appeal: str = ""


class Request(msgspec.Struct):
    """A caller's request: what the gateway must know, and every field as it came."""

    dialect: CallerDialect
    fields: dict[str, msgspec.Raw]
    model: str
    stream: bool = False
    asks_usage: bool = False
    max_output_tokens: int | None = None
    count: int = 1
    capped: bool = False
    """Is the bound on the answer the gateway's, so that it may be named as the provider wants it?"""


class Writer(Protocol):
    """Says one answer's stream in the caller's dialect."""

    def write(self, pieces: Sequence[Piece]) -> bytes:
        """Return the events that say these pieces; may be nothing."""

    def end(self) -> bytes:
        """Return what ends the stream, the final events and marks included."""


class Reader(Protocol):
    """Follows one provider's stream."""

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that are whole now; `BrokenStreamError` when it cannot be followed."""

    def finish(self) -> list[Event]:
        """The connection has ended: whatever is left counts as an event."""


class CallerDialect(Protocol):
    """How callers speak. Stateless; one instance per dialect."""

    name: str
    operation: Operation
    ending: bytes
    """What ends a stream whose provider forgot to; empty where only the provider can say it."""
    provider_dialects: frozenset[str]
    """The providers' dialects whose bytes pass through untouched for this operation."""
    answer_field: str
    """The field of a whole answer in which all its texts stand; empty where there are none."""
    repeats: bool
    """Do streams say every text a second time? Then a filtered stream is said anew, by a writer."""

    def read(self, body: bytes) -> Request:
        """Read a request; `MalformedRequestError` says what is wrong with it."""

    def texts(self, request: Request) -> list[str]:
        """Return every text a person or program wrote, in order, for the filters to read."""

    def with_texts(self, request: Request, texts: Sequence[str]) -> Request:
        """Return the request with these texts in place of those that `texts` returned."""

    def cap(self, request: Request, max_output_tokens: int) -> Request:
        """Return the request with this bound on the answer, as the caller could have written it."""

    def pass_on(self, request: Request, upstream_model: str) -> bytes:
        """Return the body for a provider of the same dialect: its model's name, all else as it came."""

    def ask(self, request: Request) -> Ask:
        """Return the request in neutral form; `MalformedRequestError` for shapes nobody could serve."""

    def answer(self, said: Said, request: Request) -> bytes:
        """Say a whole answer."""

    def ask_embeddings(self, request: Request) -> EmbeddingsAsk:
        """Return a request for vectors in neutral form; `UntranslatableError` where there is none."""

    def answer_embeddings(self, embedded: Embedded, request: Request) -> bytes:
        """Say vectors."""

    def answer_count(self, tokens: int) -> bytes:
        """Say how many tokens a request has."""

    def answer_texts(self, body: bytes) -> list[str]:
        """Return the texts of a whole answer, tool arguments included; ValueError when it is none."""

    def with_answer_texts(self, body: bytes, texts: Sequence[str]) -> bytes:
        """Return the answer with these texts in place of those that `answer_texts` returned."""

    def writer(self, request: Request, *, trace_id: str, created: int) -> Writer:
        """Return what says a stream to this caller."""

    def rewrite(self, raw: bytes, texts: Mapping[tuple[int, int], str]) -> bytes:
        """Return a passed-through event with other texts, by (choice, call).

        `call` is -1 for words and -2 for thought. Called only for events whose pieces hold such a delta.
        """

    def error(self, problem: Problem) -> bytes:
        """Say an error as this dialect's clients read it."""

    def error_event(self, problem: Problem) -> bytes:
        """Say an error inside a stream that has begun."""


class ProviderDialect(Protocol):
    """How providers speak. Stateless; one instance per dialect."""

    name: str
    stream_type: bytes
    """How the content type of its streams begins, in small letters."""

    def path(self, upstream_model: str, operation: Operation, *, stream: bool) -> str:
        """Return what is appended to the provider's base URL, the query included."""

    def write(self, ask: Ask, upstream_model: str) -> bytes:
        """Return the body; `UntranslatableError` names what cannot be said in this dialect."""

    def read(self, body: bytes) -> Said:
        """Read a whole answer; ValueError (or a subclass) when it is none."""

    def write_embeddings(self, ask: EmbeddingsAsk, upstream_model: str) -> bytes:
        """Return the body that asks for vectors; `UntranslatableError` when there are none to be had."""

    def read_embeddings(self, body: bytes) -> Embedded:
        """Read vectors; ValueError (or a subclass) when there are none."""

    def write_count(self, ask: Ask, upstream_model: str) -> bytes:
        """Return the body that asks how many tokens a request has; `UntranslatableError` if it cannot be."""

    def read_count(self, body: bytes) -> int:
        """Read that number; ValueError (or a subclass) when there is none."""

    def usage(self, body: bytes, operation: Operation) -> Usage | None:
        """Return the usage of a whole answer, reading nothing else of it; None when there is none."""

    def check(self, body: bytes, operation: Operation) -> None:
        """Make sure that a whole answer without usage is an answer; ValueError when it is none."""

    def reader(self, operation: Operation) -> Reader:
        """Return what follows a stream."""

    def error(self, status: int, body: bytes) -> ProviderError:
        """Return what an error's body says, whatever its shape."""
