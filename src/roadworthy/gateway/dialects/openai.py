"""Pure: OpenAI's chat completions on the wire: requests read and pointed elsewhere, answers metered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec

from roadworthy.gateway.snapshot import Reason

DEPTH_MAX = 64
BRACKETS_MAX = 200_000  # 100,000 items, each opened and closed
DIGITS_MAX = 4_300
COUNT_MAX = 1_000_000_000
EVENT_BYTES_MAX = 1 << 20
MODEL_NAME_MAX = 256

_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKETS = bytes.maketrans(b"[]{}", b"()()")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * (DIGITS_MAX + 1)


class MalformedRequestError(Exception):
    """The body cannot be accepted; `param` names the field when there is one."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class ChatRequest:
    """A chat completions request: what the gateway must know, and every other field as it came."""

    __slots__ = ("asks_usage", "fields", "max_output_tokens", "model", "stream")

    def __init__(
        self,
        fields: dict[str, msgspec.Raw],
        *,
        model: str,
        stream: bool,
        asks_usage: bool,
        max_output_tokens: int | None,
    ) -> None:
        self.fields = fields
        self.model = model
        self.stream = stream
        self.asks_usage = asks_usage
        self.max_output_tokens = max_output_tokens


_NOTHING = msgspec.Raw()  # `Raw | None` reads nothing but null: absence is an empty Raw instead
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
_COUNT: msgspec.json.Decoder[int | None] = msgspec.json.Decoder(int | None)
_OPTIONS = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)
_ENCODER = msgspec.json.Encoder()
_TRUE = msgspec.Raw(b"true")
_INCLUDE_USAGE = msgspec.Raw(b'{"include_usage":true}')


def _check_shape(body: bytes) -> None:
    """Refuse what makes parsers behind us stumble: depth, item counts, endless numbers, broken text."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise MalformedRequestError(f"The body is not valid UTF-8 (byte {error.start}).") from None
    opening = body.count(b"{") + body.count(b"[")
    bare = b""
    if opening > DEPTH_MAX:
        bare = _STRINGS.sub(b"", body)
        brackets = bare.translate(_BRACKETS, _NOT_BRACKETS)
        if len(brackets) > BRACKETS_MAX:
            raise MalformedRequestError("The body holds more than 100,000 objects and lists.")
        for _ in range(DEPTH_MAX):  # each pass takes the innermost level away
            brackets = brackets.replace(b"()", b"")
            if not brackets:
                break
        if brackets:
            raise MalformedRequestError(f"The body is nested more than {DEPTH_MAX} levels deep.")
    if len(body) > DIGITS_MAX and _LONG_NUMBER in body.translate(_DIGITS):
        bare = bare or _STRINGS.sub(b"", body)
        if _LONG_NUMBER in bare.translate(_DIGITS):
            raise MalformedRequestError(f"The body holds a number of more than {DIGITS_MAX} digits.")


def _flag(fields: dict[str, msgspec.Raw], name: str) -> bool:
    value = fields.get(name)
    if value is None:
        return False
    word = bytes(value)
    if word == b"true":
        return True
    if word in {b"false", b"null"}:
        return False
    raise MalformedRequestError(f"`{name}` must be true or false.", name)


def _count(fields: dict[str, msgspec.Raw], name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    try:
        count = _COUNT.decode(value)
    except (msgspec.DecodeError, ValueError):
        raise MalformedRequestError(f"`{name}` must be a whole number.", name) from None
    if count is not None and count < 1:
        raise MalformedRequestError(f"`{name}` must be at least 1.", name)
    if count is not None and count > COUNT_MAX:
        raise MalformedRequestError(f"`{name}` must be at most {COUNT_MAX}.", name)
    return count


def read_chat(body: bytes) -> ChatRequest:
    """Read a chat completions request; `MalformedRequestError` says what is wrong with it."""
    _check_shape(body)
    try:
        fields = _FIELDS.decode(body)
    except RecursionError:
        raise MalformedRequestError(f"The body is nested more than {DEPTH_MAX} levels deep.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise MalformedRequestError(
            f"The body is not a JSON object this gateway can read: {error}."
        ) from None
    try:
        model = _TEXT.decode(fields["model"])
    except KeyError:
        raise MalformedRequestError("`model` is missing: name a model or route.", "model") from None
    except (msgspec.DecodeError, ValueError):
        raise MalformedRequestError("`model` must be a text.", "model") from None
    if not model or len(model) > MODEL_NAME_MAX:
        raise MalformedRequestError(f"`model` must have 1 to {MODEL_NAME_MAX} characters.", "model")
    messages = fields.get("messages")
    if messages is None or not bytes(messages).startswith(b"["):
        raise MalformedRequestError("`messages` is missing or not a list.", "messages")
    stream = _flag(fields, "stream")
    asks_usage = False
    if stream and "stream_options" in fields:
        try:
            options = _OPTIONS.decode(fields["stream_options"]) or {}
        except (msgspec.DecodeError, ValueError):
            raise MalformedRequestError("`stream_options` must be an object.", "stream_options") from None
        asks_usage = _flag(options, "include_usage")
    limits = (_count(fields, "max_completion_tokens"), _count(fields, "max_tokens"))
    return ChatRequest(
        fields,
        model=model,
        stream=stream,
        asks_usage=asks_usage,
        max_output_tokens=limits[0] if limits[0] is not None else limits[1],
    )


def write_chat(request: ChatRequest, upstream_model: str) -> bytes:
    """Return the request for a provider: its model's name, usage asked for, all else byte for byte.

    Written anew from the fields as read, so that a name given twice cannot mean one thing here and
    another at the provider.
    """
    fields = dict(request.fields)
    fields["model"] = msgspec.Raw(_ENCODER.encode(upstream_model))
    if request.stream and not request.asks_usage:
        options = fields.get("stream_options")
        if options is None or bytes(options) == b"null":
            fields["stream_options"] = _INCLUDE_USAGE
        else:
            merged = dict(_OPTIONS.decode(options) or {})
            merged["include_usage"] = _TRUE
            fields["stream_options"] = msgspec.Raw(_ENCODER.encode(merged))
    return _ENCODER.encode(fields)


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class Usage(msgspec.Struct):
    """What a provider says was used."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None

    def cached(self) -> int | None:
        """How many of the input tokens the provider had in its cache."""
        return self.prompt_tokens_details.cached_tokens if self.prompt_tokens_details is not None else None


class Answer(msgspec.Struct):
    """The parts of a whole answer that the gateway looks at."""

    usage: Usage | None = None
    choices: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING

    def failed(self) -> bool:
        """Is this an error although the status said success?"""
        return bytes(self.error) not in {b"", b"null"} and not self.choices


class _AnswerWithoutUsage(msgspec.Struct):
    choices: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING


_ANSWER = msgspec.json.Decoder(Answer)
_PLAIN_ANSWER = msgspec.json.Decoder(_AnswerWithoutUsage)


def read_answer(body: bytes) -> Answer | None:
    """Read a whole answer, or a stream's event; None when it is not JSON. Nonsense usage is no usage."""
    try:
        return _ANSWER.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    try:
        plain = _PLAIN_ANSWER.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return Answer(None, plain.choices, plain.error)


class BrokenStreamError(Exception):
    """A provider's stream cannot be followed."""


_BOUNDARY = re.compile(rb"\n\r?\n")


def event_data(event: bytes) -> bytes:
    """Return the data of one server-sent event, its lines joined."""
    lines = event.splitlines()
    return b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))


class StreamReader:
    """Follows a stream of events: lets whole events through, keeps usage, hides what was not asked for.

    `done` is set by `[DONE]`, which is held back: the call is recorded before the caller sees the end.
    """

    __slots__ = ("_buffer", "_hide_usage", "_kept", "_room", "done", "error", "started", "usage")

    def __init__(self, *, hide_usage: bool, keep_bytes: int = 0) -> None:
        self._buffer = b""
        self._hide_usage = hide_usage
        self._kept: list[bytes] = []
        self._room = keep_bytes
        self.done = False
        self.error = b""
        self.started = False
        self.usage: Usage | None = None

    def feed(self, data: bytes) -> bytes:
        """Return what may go on to the caller now."""
        if (
            self.started
            and not self._buffer
            and data.endswith(b"\n\n")
            and b"[DONE]" not in data
            and b'"error"' not in data
            and data.count(b'"usage"') == data.count(b'"usage":null')
        ):
            if self._room > 0:
                self._keep(data)
            return data
        return self._slowly(data)

    def _slowly(self, data: bytes) -> bytes:
        pending = self._buffer + data if self._buffer else data
        out = []
        at = 0
        for boundary in _BOUNDARY.finditer(pending):
            if not self.done:
                out.append(self._event(pending[at : boundary.end()]))
            at = boundary.end()
        self._buffer = pending[at:]
        if len(self._buffer) > EVENT_BYTES_MAX:
            raise BrokenStreamError("an event of the stream is longer than 1 MiB")
        return b"".join(out)

    def finish(self) -> bytes:
        """The stream has ended: whatever is left counts as an event."""
        rest, self._buffer = self._buffer, b""
        if not rest.strip() or self.done:
            return b""
        return self._event(rest.rstrip(b"\r\n") + b"\n\n")

    def _event(self, event: bytes) -> bytes:
        data = event_data(event)
        if not data:
            return event
        if data == b"[DONE]":
            self.done = True
            return b""
        if b'"usage"' in data or b'"error"' in data:
            answer = read_answer(data)
            if answer is not None:
                if answer.failed():
                    self.error = data
                    return event if self.started else b""
                if answer.usage is not None:
                    self.usage = answer.usage
                    if self._hide_usage and bytes(answer.choices) == b"[]":
                        return b""
        self.started = True
        if self._room > 0:
            self._keep(event)
        return event

    def _keep(self, data: bytes) -> None:
        self._kept.append(data)
        self._room -= len(data)

    def text(self) -> str:
        """Return what the model said, as far as it was kept."""
        return stream_text(b"".join(self._kept))


class _Said(msgspec.Struct):
    content: msgspec.Raw = _NOTHING
    tool_calls: msgspec.Raw = _NOTHING


class _Choice(msgspec.Struct):
    message: _Said | None = None
    delta: _Said | None = None


class _Saying(msgspec.Struct):
    choices: list[_Choice] = []


class _Message(msgspec.Struct):
    role: str = ""
    content: msgspec.Raw = _NOTHING


_SAYING = msgspec.json.Decoder(_Saying)
_MESSAGES = msgspec.json.Decoder(list[_Message])


def _readable(raw: msgspec.Raw) -> str:
    """Return a text as it reads, anything richer as its JSON."""
    data = bytes(raw)
    if data in {b"", b"null"}:
        return ""
    if data.startswith(b'"'):
        try:
            return _TEXT.decode(data)
        except (msgspec.DecodeError, ValueError):
            return ""
    return data.decode("utf-8", "replace")


def _said(parts: Iterable[_Said | None]) -> str:
    return "".join(_readable(part.content) + _readable(part.tool_calls) for part in parts if part is not None)


def answer_text(body: bytes) -> str:
    """Return what the model said in a whole answer."""
    try:
        saying = _SAYING.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ""
    return "\n".join(_said((choice.message,)) for choice in saying.choices)


def stream_text(data: bytes) -> str:
    """Return what the model said in a stream's events."""
    said = []
    for event in _BOUNDARY.split(data):
        try:
            saying = _SAYING.decode(event_data(event))
        except (msgspec.DecodeError, ValueError, RecursionError):
            continue
        said.append(_said(choice.delta for choice in saying.choices))
    return "".join(said)


def prompt_text(request: ChatRequest) -> str:
    """Return the messages as a person reads them, one `role: content` a line."""
    raw = request.fields["messages"]
    try:
        messages = _MESSAGES.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return bytes(raw).decode("utf-8", "replace")
    return "\n".join(f"{message.role}: {_readable(message.content)}" for message in messages)


_ERROR_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def error_body(
    *,
    status: int,
    code: str,
    message: str,
    trace_id: str,
    revision: int,
    param: str | None = None,
    declaration: str = "",
    who_can_change: Sequence[str] = (),
    next_step: str = "",
    reasons: Sequence[Reason] = (),
) -> bytes:
    """Return an error as OpenAI's clients read it, with what a person needs to get on beside it."""
    kind = _ERROR_TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    said = message if not next_step else f"{message} {next_step}"
    if who_can_change:
        said = f"{said} Who can change it: {', '.join(who_can_change)}."
    governed = {
        "reason": code,
        "message": message,
        "declaration": declaration,
        "who_can_change": list(who_can_change),
        "next_step": next_step,
        "reasons": list(reasons),
        "trace_id": trace_id,
        "revision": revision,
    }
    error = {"message": said, "type": kind, "param": param, "code": code, "roadworthy": governed}
    return _ENCODER.encode({"error": error})


class ModelCard(msgspec.Struct):
    """One line of `GET /v1/models`."""

    id: str
    created: int
    owned_by: str
    object: str = "model"


def models_body(cards: Sequence[ModelCard]) -> bytes:
    """Return the list of what a key may call."""
    return _ENCODER.encode({"object": "list", "data": list(cards)})


def model_body(card: ModelCard) -> bytes:
    """Return one line of that list."""
    return _ENCODER.encode(card)
