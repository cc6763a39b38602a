"""Instructor: an answer as an object, by its schema."""

import instructor
import openai
from pydantic import BaseModel


class Weather(BaseModel):
    """The weather of a city."""

    warm: bool


client = instructor.from_openai(openai.OpenAI(timeout=200), mode=instructor.Mode.JSON_SCHEMA)
found = client.chat.completions.create(
    model="small",
    messages=[{"role": "user", "content": "Is it warm?"}],
    response_model=Weather,
    max_tokens=200,
    temperature=0,
)
assert isinstance(found, Weather)
