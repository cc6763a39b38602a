"""Anthropic's own Python client: messages, streams, tools, structured output, counts, models."""

import json

import anthropic

client = anthropic.Anthropic(max_retries=0, timeout=200)
ASK = [{"role": "user", "content": "Say hello."}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}
LIKELY = {"temperature": 0}
TOOL = {"name": "weather", "description": "The weather.", "input_schema": SCHEMA}

for model in ("small", "small-a"):  # translated, and passed through
    whole = client.messages.create(model=model, max_tokens=8, system="Be brief.", messages=ASK)
    assert whole.content[0].text
    assert whole.usage.output_tokens > 0
    # At the likeliest words: where an answer begins with a part of a character, the model's server leaves out
    # `message_start`, and an answer that is passed on is not mended.
    with client.messages.stream(model=model, max_tokens=8, messages=ASK, extra_body=LIKELY) as stream:
        assert "".join(stream.text_stream)
    assert stream.get_final_message().stop_reason in {"end_turn", "max_tokens"}
    called = client.messages.create(
        model=model, max_tokens=60, messages=ASK, tools=[TOOL], tool_choice={"type": "any"}
    )
    (use,) = [block for block in called.content if block.type == "tool_use"]
    assert use.name == "weather"
    with client.messages.stream(
        model=model, max_tokens=60, messages=ASK, tools=[TOOL], tool_choice={"type": "any"}
    ) as stream:
        last = stream.get_final_message()
    assert [block.name for block in last.content if block.type == "tool_use"] == ["weather"]
    result = [{"type": "tool_result", "tool_use_id": use.id, "content": "sunny"}]
    turns = [*ASK, {"role": "assistant", "content": called.content}, {"role": "user", "content": result}]
    assert client.messages.create(model=model, max_tokens=8, messages=turns, tools=[TOOL]).role == "assistant"

said = client.messages.create(
    model="small",
    max_tokens=60,
    messages=ASK,
    output_config={"format": {"type": "json_schema", "schema": {**SCHEMA, "additionalProperties": False}}},
)
assert "city" in json.loads(said.content[0].text)
assert "small" in {model.id for model in client.models.list()}
assert client.models.retrieve("small").display_name == "small"
assert client.messages.count_tokens(model="small-a", messages=ASK).input_tokens > 0
try:
    client.messages.create(model="nothing", max_tokens=8, messages=ASK)
except anthropic.APIStatusError as error:
    assert error.status_code in {403, 404}
    assert error.body["error"]["roadworthy"]["trace_id"]
else:
    raise AssertionError("it was not refused")
