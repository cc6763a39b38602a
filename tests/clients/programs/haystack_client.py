"""Haystack's components for OpenAI."""

from haystack.components.embedders import OpenAITextEmbedder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.tools import Tool
from haystack.utils import Secret

import os

BASE, KEY = os.environ["OPENAI_BASE_URL"], Secret.from_env_var("OPENAI_API_KEY")
heard: list[str] = []


def hear(chunk: object) -> None:
    """Keep a piece of the answer."""
    heard.append(chunk.content)


brief = {"max_tokens": 8}
chat = OpenAIChatGenerator(
    model="small", api_base_url=BASE, api_key=KEY, generation_kwargs=brief, timeout=200
)
assert chat.run([ChatMessage.from_user("Say hello.")])["replies"][0].text
chat.run([ChatMessage.from_user("Say hello.")], streaming_callback=hear)
assert "".join(heard)
schema = {"type": "object", "properties": {"warm": {"type": "boolean"}}, "required": ["warm"]}
tool = Tool(name="weather", description="The weather.", parameters=schema, function=str)
forced = {"max_tokens": 60, "tool_choice": "required"}
called = OpenAIChatGenerator(
    model="small", api_base_url=BASE, api_key=KEY, tools=[tool], generation_kwargs=forced, timeout=200
)
assert called.run([ChatMessage.from_user("Is it warm?")])["replies"][0].tool_calls[0].tool_name == "weather"
assert len(OpenAITextEmbedder(model="vectors", api_base_url=BASE, api_key=KEY).run("one")["embedding"]) > 100
