"""Every provider's dialect by its name in declarations."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from roadworthy.gateway.dialects.dialect import ProviderDialect
from roadworthy.gateway.dialects.providers.anthropic import AnthropicDialect
from roadworthy.gateway.dialects.providers.bedrock import BedrockDialect
from roadworthy.gateway.dialects.providers.gemini import GeminiDialect
from roadworthy.gateway.dialects.providers.openai import (
    AzureOpenAIChatDialect,
    AzureOpenAIDialect,
    OpenAIChatDialect,
    OpenAIDialect,
)

_DIALECTS: tuple[ProviderDialect, ...] = (
    OpenAIDialect(),
    OpenAIChatDialect(),
    AnthropicDialect(),
    AzureOpenAIDialect(),
    AzureOpenAIChatDialect(),
    GeminiDialect(),
    BedrockDialect(),
)
PROVIDERS: Final[Mapping[str, ProviderDialect]] = MappingProxyType({one.name: one for one in _DIALECTS})
