"""OpenAI's agents library, over responses and over chat completions."""

import asyncio

from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI

set_tracing_disabled(disabled=True)
client = AsyncOpenAI(timeout=200, max_retries=0)


@function_tool
def weather(warm: bool) -> str:
    """Say what the weather is like."""
    return f"warm: {warm}"


async def main() -> None:
    """Both ways to a model: plain, streamed, and with a tool that is called."""
    brief = ModelSettings(max_tokens=600)
    for model in (
        OpenAIChatCompletionsModel("small", client),
        OpenAIResponsesModel("small", client),
        OpenAIResponsesModel("small-a", client),
    ):
        agent = Agent(name="one", instructions="Be brief.", model=model, model_settings=brief)
        assert (await Runner.run(agent, "Say hello.")).final_output
        streamed = Runner.run_streamed(agent, "Say hello.")
        assert [event async for event in streamed.stream_events()]
        assert streamed.final_output
    called = Agent(
        name="two",
        model=OpenAIResponsesModel("small-a", client),
        tools=[weather],
        tool_use_behavior="stop_on_first_tool",
        model_settings=ModelSettings(max_tokens=200, tool_choice="required"),
    )
    assert str((await Runner.run(called, "Is it warm?")).final_output).startswith("warm:")


asyncio.run(main())
