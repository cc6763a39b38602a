"""Pydantic AI: agents that chat, stream, and answer with objects."""

import asyncio

from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.settings import ModelSettings


class Weather(BaseModel):
    """The weather of a city."""

    warm: bool


BRIEF = ModelSettings(max_tokens=40)


async def main() -> None:
    """Every model class that the gateway serves."""
    for model in (OpenAIChatModel("small"), OpenAIResponsesModel("small-a")):
        agent = Agent(model, model_settings=BRIEF)
        assert (await agent.run("Say hello.")).output
        async with agent.run_stream("Say hello.") as stream:
            assert [text async for text in stream.stream_text(delta=True)]
    native = Agent(OpenAIChatModel("small"), output_type=NativeOutput(Weather), model_settings=BRIEF)
    assert isinstance((await native.run("Is it warm?")).output, Weather)
    by_tool = Agent(
        OpenAIChatModel("small"), output_type=Weather, model_settings=ModelSettings(max_tokens=60)
    )
    assert isinstance((await by_tool.run("Is it warm?")).output, Weather)


asyncio.run(main())
