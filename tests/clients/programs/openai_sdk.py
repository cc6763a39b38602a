"""OpenAI's own Python client: chat, responses, tools, structured output, vectors, models."""

import openai
from pydantic import BaseModel

client = openai.OpenAI(max_retries=0, timeout=200)
ASK = [{"role": "user", "content": "Say hello."}]
TOOL = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}


class Answer(BaseModel):
    """What a structured answer holds."""

    sure: bool


def chat() -> None:
    """Whole and streamed, with usage."""
    whole = client.chat.completions.create(model="small", messages=ASK, max_tokens=8)
    assert whole.choices[0].message.content
    assert whole.usage.completion_tokens > 0
    stream = client.chat.completions.create(
        model="small", messages=ASK, max_tokens=8, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[-1].usage.completion_tokens > 0


def tools() -> None:
    """Called, whole and streamed."""
    tool = {"type": "function", "function": {"name": "weather", "parameters": TOOL}}
    asked = {"model": "small", "messages": ASK, "tools": [tool], "tool_choice": "required", "max_tokens": 60}
    whole = client.chat.completions.create(**asked)
    assert whole.choices[0].message.tool_calls[0].function.name == "weather"
    with client.chat.completions.stream(**asked) as stream:
        done = stream.get_final_completion()
    assert done.choices[0].message.tool_calls[0].function.name == "weather"
    call = done.choices[0].message.tool_calls[0]
    turns = [
        *ASK,
        {"role": "assistant", "tool_calls": [{"id": call.id, "type": "function", "function": {
            "name": "weather", "arguments": call.function.arguments}}]},
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]  # fmt: skip
    after = client.chat.completions.create(model="small", messages=turns, max_tokens=8)
    assert after.choices[0].message.content is not None


def structured() -> None:
    """Parsed into a model."""
    parsed = client.chat.completions.parse(model="small", messages=ASK, response_format=Answer, max_tokens=40)
    assert isinstance(parsed.choices[0].message.parsed, Answer)


def responses() -> None:
    """Passed through, and translated for a provider of another dialect."""
    for model in ("small", "small-a"):
        whole = client.responses.create(model=model, input="Say hello.", max_output_tokens=8)
        assert whole.output_text
        events = list(client.responses.create(model=model, input="Hello.", max_output_tokens=8, stream=True))
        assert events[0].type == "response.created"
        assert events[-1].type in {"response.completed", "response.incomplete"}
        assert events[-1].response.usage.output_tokens > 0
    try:
        client.responses.create(model="small", input="Hello.", previous_response_id="resp_1")
    except openai.BadRequestError as error:
        assert error.param == "previous_response_id"
    else:
        raise AssertionError("it was not refused")


def vectors() -> None:
    """As numbers; this client asks for them packed."""
    found = client.embeddings.create(model="vectors", input=["one", "two"])
    assert len(found.data) == 2
    assert len(found.data[0].embedding) > 100


def models() -> None:
    """Listed, and asked for by name; a wrong name is refused in OpenAI's words."""
    assert "small" in {model.id for model in client.models.list()}
    assert client.models.retrieve("small").id == "small"
    try:
        client.chat.completions.create(model="nothing", messages=ASK)
    except openai.APIStatusError as error:
        assert error.status_code in {403, 404}
        assert error.body["roadworthy"]["trace_id"]
    else:
        raise AssertionError("it was not refused")


for check in (chat, tools, structured, responses, vectors, models):
    check()
