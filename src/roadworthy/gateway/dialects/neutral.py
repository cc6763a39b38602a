"""Pure: a conversation with a model in no dialect; callers' and providers' dialects meet in it."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Role = Literal["system", "user", "assistant", "tool"]
Finish = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "pause", "error"]


class Text(msgspec.Struct, tag="text"):
    """Words."""

    text: str


class Image(msgspec.Struct, tag="image"):
    """A picture, by address or as base64 data with its media type."""

    url: str = ""
    media_type: str = ""
    data: str = ""
    detail: str = ""


class Document(msgspec.Struct, tag="document"):
    """A file, by address or as base64 data with its media type."""

    url: str = ""
    media_type: str = ""
    data: str = ""
    name: str = ""


class ToolCall(msgspec.Struct, tag="tool_call"):
    """The model asks for a tool; `arguments` is JSON as text, exactly as the model wrote it."""

    id: str
    name: str
    arguments: str


class ToolResult(msgspec.Struct, tag="tool_result"):
    """What the tool answered to the call of that id."""

    id: str
    parts: tuple[Text | Image, ...]
    failed: bool = False


class Reasoning(msgspec.Struct, tag="reasoning"):
    """What the model thought; `signature` and `redacted` are opaque and go back to whom they came from."""

    text: str = ""
    signature: str = ""
    redacted: str = ""


Part: TypeAlias = Text | Image | Document | ToolCall | ToolResult | Reasoning


class Message(msgspec.Struct):
    """One turn."""

    role: Role
    parts: tuple[Part, ...]
    name: str = ""


class Tool(msgspec.Struct):
    """A tool the model may ask for; `parameters` is its JSON Schema."""

    name: str
    description: str = ""
    parameters: msgspec.Raw = msgspec.Raw(b"{}")
    strict: bool | None = None


class OutputFormat(msgspec.Struct):
    """The answer has to be JSON: of a schema, or (`schema` empty) of any shape."""

    name: str = ""
    description: str = ""
    schema: msgspec.Raw = msgspec.Raw()
    strict: bool | None = None


class Ask(msgspec.Struct):
    """A request for an answer. `tool_choice` is auto, none, required, or a tool's name after `tool:`.

    `extras` are the fields that have no neutral meaning, as they came; a provider of the caller's own
    dialect gets them unchanged, others get those that they are known to understand.
    """

    model: str
    messages: tuple[Message, ...]
    stream: bool = False
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    count: int = 1
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: str = ""
    parallel_tool_calls: bool | None = None
    output_format: OutputFormat | None = None
    reasoning_effort: str = ""
    reasoning_budget_tokens: int | None = None
    user: str = ""
    extras: dict[str, msgspec.Raw] = {}


class EmbeddingsAsk(msgspec.Struct):
    """A request for the vectors of texts; `purpose` is `query`, `document` or nothing."""

    model: str
    texts: tuple[str, ...]
    dimensions: int | None = None
    purpose: str = ""
    user: str = ""
    extras: dict[str, msgspec.Raw] = {}


class Usage(msgspec.Struct):
    """Tokens of one answer. `input_tokens` holds all input, the cached part included; None: not said."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class Choice(msgspec.Struct):
    """One of the answers given."""

    parts: tuple[Part, ...]
    finish: Finish = "stop"
    index: int = 0


class Said(msgspec.Struct):
    """A whole answer. `created` is in Unix seconds."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    created: int = 0


class Embedded(msgspec.Struct):
    """The vectors of texts, in the order of the texts."""

    model: str
    vectors: tuple[tuple[float, ...], ...]
    usage: Usage | None = None


class ProviderError(msgspec.Struct, frozen=True):
    """What a provider says went wrong, in its own words; `status` is 0 inside a stream."""

    message: str
    kind: str = ""
    code: str = ""
    param: str | None = None
    status: int = 0


class Began(msgspec.Struct):
    """The stream begins; `id` and `model` are empty where the provider does not say them."""

    id: str
    model: str
    created: int = 0


class TextDelta(msgspec.Struct):
    """More words of one choice."""

    text: str
    index: int = 0


class ReasoningDelta(msgspec.Struct):
    """More thought of one choice, or the signature under it."""

    text: str = ""
    signature: str = ""
    redacted: str = ""
    index: int = 0


class ToolBegan(msgspec.Struct):
    """A tool call of one choice begins; `call` counts the calls of that choice from 0."""

    call: int
    id: str
    name: str
    index: int = 0


class ToolDelta(msgspec.Struct):
    """More of a tool call's arguments."""

    call: int
    arguments: str
    index: int = 0


class Finished(msgspec.Struct):
    """One choice is at its end."""

    finish: Finish
    index: int = 0


class Used(msgspec.Struct):
    """What was used so far; a later one replaces, field by field, what an earlier one said."""

    usage: Usage


class Failed(msgspec.Struct):
    """The provider breaks off with an error."""

    error: ProviderError


class Done(msgspec.Struct):
    """The provider said that nothing more will come."""


Piece: TypeAlias = (
    Began | TextDelta | ReasoningDelta | ToolBegan | ToolDelta | Finished | Used | Failed | Done
)


class Event(msgspec.Struct):
    """One event of a stream: as it came (with the blank line after it), and what it says.

    `raw` is empty for providers whose streams are not server-sent events.
    """

    raw: bytes
    pieces: tuple[Piece, ...] = ()
