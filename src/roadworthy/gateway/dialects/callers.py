"""Every dialect callers speak, by the path they call."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from roadworthy.gateway.dialects.anthropic_messages import AnthropicCount, AnthropicMessages
from roadworthy.gateway.dialects.dialect import CallerDialect
from roadworthy.gateway.dialects.embeddings import OpenAIEmbeddings
from roadworthy.gateway.dialects.openai_chat import OpenAIChat
from roadworthy.gateway.dialects.openai_responses import OpenAIResponses

CALLERS: Final[Mapping[bytes, CallerDialect]] = MappingProxyType(
    {
        b"/v1/chat/completions": OpenAIChat(),
        b"/v1/responses": OpenAIResponses(),
        b"/v1/embeddings": OpenAIEmbeddings(),
        b"/v1/messages": AnthropicMessages(),
        b"/v1/messages/count_tokens": AnthropicCount(),
    }
)
"""What is posted where."""
