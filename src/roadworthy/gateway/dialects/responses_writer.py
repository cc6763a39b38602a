"""Pure: the stream of a response, with every event its clients wait for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from roadworthy.gateway.dialects import responses_answers as answers
from roadworthy.gateway.dialects.chat_answers import later
from roadworthy.gateway.dialects.neutral import (
    Began,
    Finish,
    Finished,
    Piece,
    ReasoningDelta,
    TextDelta,
    ToolBegan,
    ToolDelta,
    Usage,
    Used,
)
from roadworthy.gateway.dialects.reading import ENCODER, Fields


class _Item:
    """An item that is being said."""

    __slots__ = ("call_id", "id", "kind", "name", "place", "said", "sealed")

    def __init__(self, kind: str, id_: str, place: int, call_id: str = "", name: str = "") -> None:
        self.kind = kind
        self.id = id_
        self.place = place
        self.call_id = call_id
        self.name = name
        self.sealed = ""
        self.said: list[str] = []


class ResponseWriter:
    """Says one answer's stream as a response's events, numbered from 0."""

    __slots__ = (
        "_begun",
        "_calls",
        "_finish",
        "_items",
        "_open",
        "_response",
        "_sequence",
        "_trace_id",
        "_usage",
    )

    def __init__(self, fields: Fields, *, id_: str, model: str, created: int) -> None:
        self._response = answers.frame(fields, id_=id_, model=model, created=created)
        self._trace_id = id_
        self._begun = False
        self._sequence = 0
        self._items: list[dict[str, Any]] = []
        self._open: _Item | None = None
        self._calls: dict[int, _Item] = {}
        self._finish: Finish = "stop"
        self._usage: Usage | None = None

    def write(self, pieces: Sequence[Piece]) -> bytes:
        """Return the events that say these pieces."""
        return b"".join([self._piece(piece) for piece in pieces])

    def end(self) -> bytes:
        """Return what ends the response: its items, and the whole of it once more."""
        out = [self._begin(), self._close()]
        out.extend(self._close_call(call) for call in self._calls.values())
        self._calls = {}
        response = answers.ended(self._response, self._finish, self._usage)
        response["output"] = self._items
        kind = "response.completed" if response["status"] == "completed" else "response.incomplete"
        out.append(self._event(kind, {"response": response}))
        return b"".join(out)

    # ------------------------------------------------------------------ pieces

    def _piece(self, piece: Piece) -> bytes:
        if isinstance(piece, Used):
            self._usage = later(self._usage, piece.usage)
        elif isinstance(piece, Began):
            if not self._begun:
                self._response["model"] = piece.model or self._response["model"]
                self._response["created_at"] = piece.created or self._response["created_at"]
                return self._begin()
        elif piece_index(piece):
            return b""  # a response is one answer
        elif isinstance(piece, TextDelta):
            return self._words(piece.text) if piece.text else b""
        elif isinstance(piece, ReasoningDelta):
            return self._thought(piece)
        elif isinstance(piece, ToolBegan):
            return self._call(piece)
        elif isinstance(piece, ToolDelta):
            return self._arguments(piece)
        elif isinstance(piece, Finished):
            self._finish = piece.finish
        return b""

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        created = self._event("response.created", {"response": self._response})
        return created + self._event("response.in_progress", {"response": self._response})

    def _words(self, text: str) -> bytes:
        item, out = self._open, b""
        if item is None or item.kind != "message":
            out = self._begin() + self._close()
            item = self._open = self._new("message", "msg")
            out += self._added(item, answers.message_item(item.id, "", "in_progress"))
            out += self._event("response.content_part.added", self._content(item, part=answers.text_part("")))
        item.said.append(text)
        delta = self._content(item, delta=text, logprobs=[])
        return out + self._event("response.output_text.delta", delta)

    def _thought(self, piece: ReasoningDelta) -> bytes:
        if not piece.text and not piece.signature:
            return b""
        item, out = self._open, b""
        if item is None or item.kind != "reasoning" or item.sealed:
            out = self._begin() + self._close()
            item = self._open = self._new("reasoning", "rs")
            out += self._added(item, answers.reasoning_item(item.id, "", ""))
        if piece.text:
            if not item.said:
                part = {"type": "summary_text", "text": ""}
                out += self._event("response.reasoning_summary_part.added", self._summary(item, part=part))
            item.said.append(piece.text)
            delta = self._summary(item, delta=piece.text)
            out += self._event("response.reasoning_summary_text.delta", delta)
        item.sealed += piece.signature
        return out

    def _call(self, piece: ToolBegan) -> bytes:
        """Begin a call. Calls stay open to the end: some providers write several at a time."""
        out = self._begin() + self._close()
        item = self._calls[piece.call] = self._new("function_call", "fc", piece.id, piece.name)
        return out + self._added(item, answers.call_item(item.id, piece.id, piece.name, "", "in_progress"))

    def _arguments(self, piece: ToolDelta) -> bytes:
        item = self._calls.get(piece.call)
        if item is None or not piece.arguments:
            return b""
        item.said.append(piece.arguments)
        return self._event(
            "response.function_call_arguments.delta",
            {"item_id": item.id, "output_index": item.place, "delta": piece.arguments},
        )

    # ------------------------------------------------------------------ items

    def _new(self, kind: str, prefix: str, call_id: str = "", name: str = "") -> _Item:
        place = len(self._items)
        self._items.append({})
        return _Item(kind, f"{prefix}_{self._trace_id}_{place}", place, call_id, name)

    def _close(self) -> bytes:
        item, self._open = self._open, None
        if item is None:
            return b""
        text = "".join(item.said)
        if item.kind == "message":
            out = self._event("response.output_text.done", self._content(item, text=text, logprobs=[]))
            part = self._content(item, part=answers.text_part(text))
            out += self._event("response.content_part.done", part)
            return out + self._done(item, answers.message_item(item.id, text, "completed"))
        out = b""
        if item.said:
            out = self._event("response.reasoning_summary_text.done", self._summary(item, text=text))
            part = self._summary(item, part={"type": "summary_text", "text": text})
            out += self._event("response.reasoning_summary_part.done", part)
        return out + self._done(item, answers.reasoning_item(item.id, text, item.sealed))

    def _close_call(self, item: _Item) -> bytes:
        arguments = "".join(item.said) or "{}"
        fields = {"item_id": item.id, "output_index": item.place, "name": item.name, "arguments": arguments}
        whole = answers.call_item(item.id, item.call_id, item.name, arguments, "completed")
        return self._event("response.function_call_arguments.done", fields) + self._done(item, whole)

    def _added(self, item: _Item, said: dict[str, Any]) -> bytes:
        return self._event("response.output_item.added", {"output_index": item.place, "item": said})

    def _done(self, item: _Item, said: dict[str, Any]) -> bytes:
        self._items[item.place] = said
        return self._event("response.output_item.done", {"output_index": item.place, "item": said})

    def _content(self, item: _Item, **more: Any) -> dict[str, Any]:
        return {"item_id": item.id, "output_index": item.place, "content_index": 0, **more}

    def _summary(self, item: _Item, **more: Any) -> dict[str, Any]:
        return {"item_id": item.id, "output_index": item.place, "summary_index": 0, **more}

    def _event(self, kind: str, fields: dict[str, Any]) -> bytes:
        said = ENCODER.encode({"type": kind, "sequence_number": self._sequence, **fields})
        self._sequence += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), said)


def piece_index(piece: Piece) -> int:
    """Return the choice that a piece belongs to."""
    return getattr(piece, "index", 0)
