"""Pure: what an operation is never asked for; each dialect says what it can instead."""

from __future__ import annotations

from collections.abc import Mapping

from roadworthy.gateway.dialects.dialect import Request, UntranslatableError, Writer
from roadworthy.gateway.dialects.neutral import Ask, Embedded, EmbeddingsAsk, Said


class Unasked:
    """Refuses everything that some operations do and others do not."""

    def ask(self, request: Request) -> Ask:
        """Refuse: this is no conversation."""
        raise UntranslatableError("This operation is no conversation.")

    def answer(self, said: Said, request: Request) -> bytes:
        """Refuse: this is no conversation."""
        raise UntranslatableError("This operation is no conversation.")

    def ask_embeddings(self, request: Request) -> EmbeddingsAsk:
        """Refuse: there are no vectors here."""
        raise UntranslatableError("This operation has no vectors.")

    def answer_embeddings(self, embedded: Embedded, request: Request) -> bytes:
        """Refuse: there are no vectors here."""
        raise UntranslatableError("This operation has no vectors.")

    def answer_count(self, tokens: int) -> bytes:
        """Refuse: nothing is counted here."""
        raise UntranslatableError("This operation counts no tokens.")

    def writer(self, request: Request, *, trace_id: str, created: int) -> Writer:
        """Refuse: this does not stream."""
        raise UntranslatableError("This operation does not stream.")

    def rewrite(self, raw: bytes, texts: Mapping[tuple[int, int], str]) -> bytes:
        """Return the event as it is: there is none."""
        return raw
