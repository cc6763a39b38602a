"""Requests to providers: everything neutral is said in each dialect, or refused by name."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from roadworthy.gateway.dialects.dialect import UntranslatableError
from roadworthy.gateway.dialects.neutral import (
    Ask,
    Document,
    EmbeddingsAsk,
    Image,
    Message,
    OutputFormat,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from roadworthy.gateway.dialects.providers.table import PROVIDERS
from tests.gateway.providers import shapes

MODELS = {
    "openai": "gpt-4o",
    "openai-chat": "gpt-4o",
    "azure-openai": "my-gpt",
    "azure-openai-chat": "my-gpt",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-flash",
    "bedrock": "anthropic.claude-sonnet-4-5-v1:0",
}
SCHEMA = msgspec.Raw(json.dumps(shapes.WEATHER).encode())
TOOL = Tool("get_weather", "Says the weather.", SCHEMA)
PNG = "iVBORw0KGgo="


def asked(*parts: Part, **more: Any) -> Ask:
    """Return a request with one turn of the user."""
    return Ask("m", (Message("user", parts or (Text("Hi"),)),), **more)


def said(dialect: str, ask: Ask, model: str = "") -> dict[str, Any]:
    """Return the body of a request as a provider reads it."""
    body: dict[str, Any] = json.loads(PROVIDERS[dialect].write(ask, model or MODELS[dialect]))
    return body


CONVERSATION = Ask(
    "m",
    (
        Message("system", (Text("Be brief."),)),
        Message("user", (Text("Weather?"), Image(media_type="image/png", data=PNG))),
        Message(
            "assistant",
            (
                Reasoning("Two cities.", "EqQB"),
                Text("I look."),
                ToolCall("call_1", "get_weather", '{"city": "Rome"}'),
                ToolCall("call_2", "get_weather", ""),
            ),
        ),
        Message("tool", (ToolResult("call_1", (Text('{"sun": true}'),)),)),
        Message("tool", (ToolResult("call_2", (Text("no city"),), failed=True),)),
        Message("user", (Text("Thanks."),)),
    ),
    max_output_tokens=500,
    temperature=0.5,
    top_p=0.9,
    stop=("END",),
    tools=(TOOL,),
    tool_choice="required",
)


def test_a_conversation_in_openais_words() -> None:
    """Results are messages of their own; a thought has no place."""
    body = said("openai", CONVERSATION)
    assert body == {
        "model": "gpt-4o",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Weather?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                ],
            },
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'},
                    },
                    {
                        "id": "call_2",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": "{}"},
                    },
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": '{"sun": true}'},
            {"role": "tool", "tool_call_id": "call_2", "content": "no city"},
            {"role": "user", "content": "Thanks."},
        ],
        "max_tokens": 500,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "get_weather",
                    "parameters": shapes.WEATHER,
                    "description": "Says the weather.",
                },
            }
        ],
        "tool_choice": "required",
    }


def test_a_conversation_in_anthropics_words() -> None:
    """Results stand in the user's turn, before the words; a signed thought goes back."""
    body = said("anthropic", CONVERSATION)
    assert body["system"] == [{"type": "text", "text": "Be brief."}]
    assert [one["role"] for one in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][0]["content"][1] == {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": PNG},
    }
    assert body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Two cities.", "signature": "EqQB"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Rome"}},
        {"type": "tool_use", "id": "call_2", "name": "get_weather", "input": {}},
    ]
    assert body["messages"][2]["content"] == [
        {
            "type": "tool_result",
            "tool_use_id": "call_1",
            "content": [{"type": "text", "text": '{"sun": true}'}],
        },
        {
            "type": "tool_result",
            "tool_use_id": "call_2",
            "content": [{"type": "text", "text": "no city"}],
            "is_error": True,
        },
        {"type": "text", "text": "Thanks."},
    ]
    assert body["tool_choice"] == {"type": "any"}
    assert body["tools"] == [
        {"name": "get_weather", "input_schema": shapes.WEATHER, "description": "Says the weather."}
    ]
    assert (body["max_tokens"], body["stop_sequences"], body["top_p"]) == (500, ["END"], 0.9)


def test_a_conversation_in_geminis_words() -> None:
    """Results name their tool; a thought of another provider does not go there."""
    body = said("gemini", CONVERSATION)
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert body["contents"] == [
        {
            "role": "user",
            "parts": [{"text": "Weather?"}, {"inlineData": {"mimeType": "image/png", "data": PNG}}],
        },
        {
            "role": "model",
            "parts": [
                {"text": "I look."},
                {"functionCall": {"name": "get_weather", "args": {"city": "Rome"}}},
                {"functionCall": {"name": "get_weather", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "get_weather", "response": {"sun": True}}},
                {"functionResponse": {"name": "get_weather", "response": {"error": "no city"}}},
                {"text": "Thanks."},
            ],
        },
    ]
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
    assert body["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"] == shapes.WEATHER
    assert body["generationConfig"] == {
        "maxOutputTokens": 500,
        "temperature": 0.5,
        "topP": 0.9,
        "stopSequences": ["END"],
    }


def test_a_conversation_in_bedrocks_words() -> None:
    """As Anthropic's, in Amazon's words."""
    body = said("bedrock", CONVERSATION)
    assert body["system"] == [{"text": "Be brief."}]
    assert body["messages"][0]["content"][1] == {"image": {"format": "png", "source": {"bytes": PNG}}}
    assert body["messages"][1]["content"][0] == {
        "reasoningContent": {"reasoningText": {"text": "Two cities.", "signature": "EqQB"}}
    }
    assert body["messages"][2]["content"][1] == {
        "toolResult": {"toolUseId": "call_2", "content": [{"text": "no city"}], "status": "error"}
    }
    assert body["toolConfig"]["toolChoice"] == {"any": {}}
    assert body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"] == {"json": shapes.WEATHER}
    assert body["inferenceConfig"] == {
        "maxTokens": 500,
        "temperature": 0.5,
        "topP": 0.9,
        "stopSequences": ["END"],
    }


def test_what_gemini_signed_goes_back_to_gemini_only() -> None:
    """In a call's id or beside the words; to others neither goes."""
    parts: tuple[Part, ...] = PROVIDERS["gemini"].read(shapes.body(shapes.GEMINI_ANSWER)).choices[0].parts
    ask = Ask("m", (Message("user", (Text("Hi"),)), Message("assistant", parts)))
    back = said("gemini", ask)["contents"][1]["parts"]
    assert back == [
        {"text": "Hello!", "thoughtSignature": "CiQB0e2Kb8+/=="},
        {
            "functionCall": {"name": "get_weather", "args": {"city": "Rome"}},
            "thoughtSignature": "Ci8B/x+1ww==",
        },
        {"functionCall": {"id": "fc-7", "name": "get_weather", "args": {"city": "Oslo"}}},
    ]
    for other in ("openai", "anthropic", "bedrock"):
        body = json.dumps(said(other, ask))
        assert "Ci8B" not in body
        assert "CiQB" not in body


@pytest.mark.parametrize("dialect", PROVIDERS)
def test_json_of_a_schema_is_asked_for(dialect: str) -> None:
    """Natively where there is a way, else by a tool that has to be called."""
    body = said(dialect, asked(output_format=OutputFormat("city", "", SCHEMA, strict=True)))
    if "openai" in dialect:
        assert body["response_format"]["json_schema"] == {
            "name": "city",
            "schema": shapes.WEATHER,
            "strict": True,
        }
    elif dialect == "anthropic":
        assert body["output_config"] == {"format": {"type": "json_schema", "schema": shapes.WEATHER}}
    elif dialect == "gemini":
        assert body["generationConfig"] == {
            "responseMimeType": "application/json",
            "responseJsonSchema": shapes.WEATHER,
        }
    else:
        assert body["toolConfig"]["toolChoice"] == {"tool": {"name": "answer_in_json"}}
        assert body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"] == {"json": shapes.WEATHER}


@pytest.mark.parametrize("dialect", PROVIDERS)
def test_json_of_any_shape_is_asked_for(dialect: str) -> None:
    """Also beside tools: then the answer is one call among those possible."""
    alone = said(dialect, asked(output_format=OutputFormat()))
    beside = said(dialect, asked(output_format=OutputFormat(), tools=(TOOL,)))
    if "openai" in dialect:
        assert alone["response_format"] == {"type": "json_object"}
    elif dialect == "gemini":
        assert alone["generationConfig"] == {"responseMimeType": "application/json"}
    elif dialect == "anthropic":
        assert alone["tool_choice"] == {"type": "tool", "name": "answer_in_json"}
        assert beside["tool_choice"] == {"type": "any"}
        assert [one["name"] for one in beside["tools"]] == ["get_weather", "answer_in_json"]
    else:
        assert beside["toolConfig"]["toolChoice"] == {"any": {}}
        assert len(beside["toolConfig"]["tools"]) == 2


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("none", {"openai": "none", "anthropic": {"type": "none"}, "gemini": {"mode": "NONE"}}),
        ("auto", {"openai": "auto", "gemini": {"mode": "AUTO"}}),
        ("required", {"openai": "required", "anthropic": {"type": "any"}, "gemini": {"mode": "ANY"}}),
        (
            "tool:get_weather",
            {
                "openai": {"type": "function", "function": {"name": "get_weather"}},
                "anthropic": {"type": "tool", "name": "get_weather"},
                "gemini": {"mode": "ANY", "allowedFunctionNames": ["get_weather"]},
                "bedrock": {"tool": {"name": "get_weather"}},
            },
        ),
    ],
)
def test_the_choice_among_tools(choice: str, words: dict[str, Any]) -> None:
    """Each in its own words."""
    for dialect, word in words.items():
        body = said(dialect, asked(tools=(TOOL,), tool_choice=choice))
        found = {
            "gemini": lambda body: body["toolConfig"]["functionCallingConfig"],
            "bedrock": lambda body: body["toolConfig"]["toolChoice"],
        }.get(dialect, lambda body: body["tool_choice"])(body)
        assert found == word
    if choice == "none":
        assert "toolConfig" not in said("bedrock", asked(tools=(TOOL,), tool_choice="none"))


def test_one_call_at_a_time() -> None:
    """Where that can be said."""
    one = asked(tools=(TOOL,), parallel_tool_calls=False)
    assert said("openai", one)["parallel_tool_calls"] is False
    assert said("anthropic", one)["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}


@pytest.mark.parametrize(
    ("dialect", "model", "ask", "where", "said_"),
    [
        ("openai", "o3", {"reasoning_effort": "low"}, "reasoning_effort", "low"),
        ("openai", "o3", {"reasoning_budget_tokens": 4000}, "reasoning_effort", "medium"),
        (
            *("anthropic", "claude-sonnet-4-5", {"reasoning_effort": "medium", "max_output_tokens": 20_000}),
            *("thinking", {"type": "enabled", "budget_tokens": 8192}),
        ),
        (
            *("anthropic", "claude-opus-4-6", {"reasoning_effort": "high"}),
            *("output_config", {"effort": "high"}),
        ),
        (
            *("gemini", "gemini-2.5-pro", {"reasoning_effort": "none"}),
            *("generationConfig", {"thinkingConfig": {"thinkingBudget": 0, "includeThoughts": False}}),
        ),
        (
            *("gemini", "gemini-3-pro-preview", {"reasoning_effort": "low"}),
            *("generationConfig", {"thinkingConfig": {"thinkingLevel": "low", "includeThoughts": True}}),
        ),
        (
            *("bedrock", "eu.anthropic.claude-sonnet-4-5-v1:0", {"reasoning_budget_tokens": 3000}),
            *("additionalModelRequestFields", {"thinking": {"type": "enabled", "budget_tokens": 3000}}),
        ),
    ],
)
def test_how_hard_to_think(dialect: str, model: str, ask: dict[str, Any], where: str, said_: Any) -> None:
    """Each provider, and each generation of its models, is told in its own way."""
    assert said(dialect, asked(**ask), model)[where] == said_


def test_thought_is_not_asked_for_where_it_would_be_refused() -> None:
    """With a tool that has to be called, or after calls whose thought the caller did not send back."""
    forced = asked(reasoning_effort="high", max_output_tokens=20_000, tools=(TOOL,), tool_choice="required")
    assert "thinking" not in said("anthropic", forced)
    lost = msgspec.structs.replace(
        CONVERSATION,
        tool_choice="",
        reasoning_effort="high",
        max_output_tokens=20_000,
        messages=(
            Message("user", (Text("Hi"),)),
            Message("assistant", (ToolCall("c", "get_weather", "{}"),)),
            Message("tool", (ToolResult("c", (Text("x"),)),)),
        ),
    )
    assert "thinking" not in said("anthropic", lost)
    assert "thinking" in said("anthropic", asked(reasoning_effort="high", max_output_tokens=20_000))


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("anthropic", {"count": 2}, "n"),
    ("bedrock", {"count": 2}, "n"),
    ("anthropic", {"temperature": 1.5}, "temperature"),
    ("gemini", {"tools": (TOOL,), "parallel_tool_calls": False}, "parallel_tool_calls"),
    ("bedrock", {"tools": (TOOL,), "parallel_tool_calls": False}, "parallel_tool_calls"),
    ("gemini", {"extras": {"logprobs": msgspec.Raw(b"true")}}, "logprobs"),
    ("anthropic", {"extras": {"logit_bias": msgspec.Raw(b'{"50256": -100}')}}, "logit_bias"),
    ("bedrock", {"extras": {"modalities": msgspec.Raw(b'["text", "audio"]')}}, "modalities"),
    ("openai", {"extras": {"previous_response_id": msgspec.Raw(b'"r"')}}, "previous_response_id"),
    ("openai", {"extras": {"mcp_servers": msgspec.Raw(b'[{"url": "https://x"}]')}}, "mcp_servers"),
]


@pytest.mark.parametrize(("dialect", "more", "param"), REFUSED)
def test_what_cannot_be_said_is_refused_by_name(dialect: str, more: dict[str, Any], param: str) -> None:
    """Never dropped in silence."""
    with pytest.raises(UntranslatableError) as caught:
        PROVIDERS[dialect].write(asked(**more), MODELS[dialect])
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("dialect", "part"),
    [
        ("bedrock", Image(url="https://example.com/a.png")),
        ("bedrock", Image(media_type="image/tiff", data=PNG)),
        ("bedrock", Document(url="https://example.com/a.pdf")),
        ("bedrock", Document(media_type="application/zip", data=PNG)),
        ("openai", Document(url="https://example.com/a.pdf")),
        ("gemini", ToolResult("nobody-called", (Text("x"),))),
    ],
)
def test_a_part_that_cannot_be_said_is_refused(dialect: str, part: Part) -> None:
    """With the message as its place."""
    with pytest.raises(UntranslatableError) as caught:
        PROVIDERS[dialect].write(asked(part), MODELS[dialect])
    assert caught.value.param == "messages"


@pytest.mark.parametrize("dialect", PROVIDERS)
def test_extras_that_only_advise_are_left_out(dialect: str) -> None:
    """And those that mean the same there are kept."""
    extras = {name: msgspec.Raw(b"0.5") for name in ("presence_penalty", "prediction", "prompt_cache_key")}
    body = json.dumps(said(dialect, asked(extras=extras)))
    assert "prediction" not in body
    assert ("resence" in body) == ("openai" in dialect or dialect == "gemini")


def test_documents_and_pictures() -> None:
    """By data everywhere, by address where the provider fetches it."""
    pdf = Document(media_type="application/pdf", data="JVBERi0=", name="a b.pdf")
    (block,) = said("anthropic", asked(pdf))["messages"][0]["content"]
    assert block["source"] == {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
    (block,) = said("bedrock", asked(pdf))["messages"][0]["content"]
    assert block["document"] == {"format": "pdf", "name": "a b", "source": {"bytes": "JVBERi0="}}
    (part,) = said("gemini", asked(pdf))["contents"][0]["parts"]
    assert part == {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}}
    (part,) = said("openai", asked(pdf))["messages"][0]["content"]
    assert part["file"]["file_data"] == "data:application/pdf;base64,JVBERi0="
    far = Image(url="https://example.com/a.jpg?x=1")
    (part,) = said("gemini", asked(far))["contents"][0]["parts"]
    assert part == {"fileData": {"fileUri": far.url, "mimeType": "image/jpeg"}}
    (block,) = said("anthropic", asked(far))["messages"][0]["content"]
    assert block["source"] == {"type": "url", "url": far.url}
    inline = Image(url=f"data:image/png;base64,{PNG}")
    (block,) = said("bedrock", asked(inline))["messages"][0]["content"]
    assert block["image"]["source"] == {"bytes": PNG}


def test_a_picture_from_a_tool() -> None:
    """OpenAI's results are words alone, so the picture follows in the user's name."""
    result = ToolResult("c", (Text("seen"), Image(media_type="image/png", data=PNG)))
    ask = Ask("m", (Message("assistant", (ToolCall("c", "look", "{}"),)), Message("tool", (result,))))
    roles = [one["role"] for one in said("openai", ask)["messages"]]
    assert roles == ["assistant", "tool", "user"]
    blocks = said("anthropic", ask)["messages"][1]["content"][0]["content"]
    assert [one["type"] for one in blocks] == ["text", "image"]


def test_bedrock_is_told_of_tools_that_were_called() -> None:
    """It refuses such a conversation otherwise; and it cannot be told not to call them."""
    past = msgspec.structs.replace(CONVERSATION, tools=(), tool_choice="")
    spec = said("bedrock", past)["toolConfig"]["tools"][0]["toolSpec"]
    assert (spec["name"], spec["inputSchema"]) == ("get_weather", {"json": {"type": "object"}})
    with pytest.raises(UntranslatableError):
        said("bedrock", msgspec.structs.replace(CONVERSATION, tool_choice="none"))


def test_the_bound_on_the_answer_has_the_name_each_model_knows() -> None:
    """OpenAI's newer models refuse the older name, many servers the newer one."""
    ask = asked(max_output_tokens=9)
    assert said("openai", ask, "gpt-5-mini")["max_completion_tokens"] == 9
    assert said("openai", ask, "openai/o3")["max_completion_tokens"] == 9
    assert said("openai", ask, "llama-3")["max_tokens"] == 9
    assert said("azure-openai", ask)["max_completion_tokens"] == 9


@pytest.mark.parametrize(
    ("dialect", "operation", "stream", "path"),
    [
        ("openai", "chat", True, "/chat/completions"),
        ("openai", "messages", False, "/chat/completions"),
        ("openai", "responses", False, "/responses"),
        ("openai", "embeddings", False, "/embeddings"),
        ("azure-openai", "chat", False, "/openai/deployments/my%2Fgpt/chat/completions"),
        ("azure-openai", "embeddings", False, "/openai/deployments/my%2Fgpt/embeddings"),
        ("azure-openai", "responses", True, "/openai/responses"),
        ("openai-chat", "responses", True, "/chat/completions"),
        ("openai-chat", "embeddings", False, "/embeddings"),
        ("azure-openai-chat", "responses", False, "/openai/deployments/my%2Fgpt/chat/completions"),
        ("anthropic", "responses", True, "/messages"),
        ("anthropic", "count_tokens", False, "/messages/count_tokens"),
        ("gemini", "chat", False, "/my/gpt:generateContent"),
        ("gemini", "chat", True, "/my/gpt:streamGenerateContent?alt=sse"),
        ("gemini", "embeddings", False, "/my/gpt:batchEmbedContents"),
        ("gemini", "count_tokens", False, "/my/gpt:countTokens"),
        ("bedrock", "chat", False, "/model/my%2Fgpt/converse"),
        ("bedrock", "chat", True, "/model/my%2Fgpt/converse-stream"),
        ("bedrock", "embeddings", False, "/model/my%2Fgpt/invoke"),
    ],
)
def test_where_a_request_goes(dialect: str, operation: Any, stream: bool, path: str) -> None:  # noqa: FBT001
    """Each operation has its path; a model's name cannot leave its place in it."""
    assert PROVIDERS[dialect].path("my/gpt", operation, stream=stream) == path


def test_a_models_name_cannot_lead_elsewhere() -> None:
    """Dots, questions and line breaks are escaped."""
    for dialect in ("azure-openai", "gemini", "bedrock"):
        path = PROVIDERS[dialect].path("x?y#z\r\na b", "chat", stream=False)
        assert path.isprintable()
        assert " " not in path
        assert "#" not in path
        assert "x%3Fy" in path
    assert PROVIDERS["gemini"].path("gemini-2.5-flash", "chat", stream=False).startswith("/models/gemini-2.5")


def test_embeddings_are_asked_for() -> None:
    """Or refused where there are none."""
    ask = EmbeddingsAsk("m", ("a", "b"), dimensions=2, purpose="query")
    one = EmbeddingsAsk("m", ("a",), dimensions=2)
    body = json.loads(PROVIDERS["gemini"].write_embeddings(ask, "gemini-embedding-001"))
    assert body["requests"][1] == {
        "model": "models/gemini-embedding-001",
        "outputDimensionality": 2,
        "taskType": "RETRIEVAL_QUERY",
        "content": {"parts": [{"text": "b"}]},
    }
    bedrock = PROVIDERS["bedrock"]
    assert json.loads(bedrock.write_embeddings(one, "amazon.titan-embed-text-v2:0")) == {
        "inputText": "a",
        "dimensions": 2,
    }
    assert (
        json.loads(bedrock.write_embeddings(ask, "cohere.embed-english-v3"))["input_type"] == "search_query"
    )
    for model in ("amazon.titan-embed-text-v2:0", "meta.llama3"):
        with pytest.raises(UntranslatableError):
            bedrock.write_embeddings(ask, model)
    with pytest.raises(UntranslatableError):
        PROVIDERS["anthropic"].write_embeddings(ask, "claude")
    with pytest.raises(UntranslatableError):
        PROVIDERS["anthropic"].path("claude", "embeddings", stream=False)


def test_tokens_are_counted_where_they_can_be() -> None:
    """With all that the request would carry, and nothing that a count refuses."""
    body = json.loads(PROVIDERS["anthropic"].write_count(CONVERSATION, "claude"))
    assert set(body) == {"model", "messages", "system", "tools", "tool_choice"}
    body = json.loads(PROVIDERS["gemini"].write_count(CONVERSATION, "gemini-2.5-flash"))
    assert body["generateContentRequest"]["model"] == "models/gemini-2.5-flash"
    body = json.loads(PROVIDERS["bedrock"].write_count(CONVERSATION, "anthropic.claude"))
    assert set(body["input"]["converse"]) == {"messages", "system", "toolConfig"}
    for dialect in ("openai", "azure-openai"):
        with pytest.raises(UntranslatableError):
            PROVIDERS[dialect].write_count(CONVERSATION, "gpt")
        with pytest.raises(UntranslatableError):
            PROVIDERS[dialect].path("gpt", "count_tokens", stream=False)
