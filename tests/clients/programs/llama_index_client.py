"""LlamaIndex with its client for OpenAI-compatible servers."""

import os

from llama_index.core.llms import ChatMessage
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai_like import OpenAILike

base, key = os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_API_KEY"]
llm = OpenAILike(
    model="small", api_base=base, api_key=key, is_chat_model=True, max_tokens=8, timeout=200, max_retries=0
)
assert llm.chat([ChatMessage(role="user", content="Say hello.")]).message.content
assert [chunk.delta for chunk in llm.stream_chat([ChatMessage(role="user", content="Say hello.")])]
vectors = OpenAIEmbedding(model_name="vectors", api_base=base, api_key=key)
assert len(vectors.get_text_embedding("one")) > 100
