"""LangChain with its clients for OpenAI and for Anthropic."""

from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel


class Weather(BaseModel):
    """The weather of a city."""

    warm: bool


for chat in (
    ChatOpenAI(model="small", max_tokens=40, timeout=200, max_retries=0),
    ChatAnthropic(model_name="small", max_tokens_to_sample=40, timeout=200, stop=None, max_retries=0),
):
    assert chat.invoke("Say hello.").content
    assert "".join(str(chunk.text) for chunk in chat.stream("Say hello."))
    assert (
        chat.bind_tools([Weather], tool_choice="any").invoke("Is it warm?").tool_calls[0]["name"] == "Weather"
    )
openai = ChatOpenAI(model="small", max_tokens=200, temperature=0, timeout=200, max_retries=0)
assert isinstance(openai.with_structured_output(Weather, method="json_schema").invoke("Is it warm?"), Weather)
responses = ChatOpenAI(model="small-a", max_tokens=16, timeout=200, use_responses_api=True)
assert responses.invoke("Say hello.").content
assert list(responses.stream("Say hello."))
vectors = OpenAIEmbeddings(model="vectors", check_embedding_ctx_length=False)
assert len(vectors.embed_documents(["one", "two"])) == 2
