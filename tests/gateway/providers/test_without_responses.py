"""A server without `/responses` answers them as chat completions, through a running gateway."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from roadworthy.gateway import compile as compiling
from roadworthy.gateway.snapshot import GrantEntry, ModelEntry, Snapshot
from roadworthy.models.kinds import Provider
from roadworthy.testing.chameleon import Chameleon
from roadworthy.testing.gateway_process import RunningGateway, SnapshotSource
from tests.gateway import world

HEADERS = {"authorization": f"Bearer {world.KEY}"}
TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}


class Both:
    """A gateway before one server that is declared twice: with responses, and without."""

    def __init__(self, gateway: RunningGateway, provider: Chameleon) -> None:
        self.gateway = gateway
        self.provider = provider

    def ask(self, model: str, *, path: str = "/responses", **more: Any) -> tuple[str, httpx2.Response]:
        """Ask; return the path that the server was asked at, and the answer."""
        self.provider.seen.clear()
        body = {"model": model, "input": "say:Good morning.", **more}
        answer = httpx2.post(f"{self.gateway.url}{path}", json=body, headers=HEADERS, timeout=10)
        (asked,) = self.provider.seen
        return asked[0], answer


def _provider(url: str, **more: Any) -> Provider:
    return Provider.model_validate({"title": "One", "base_url": url, "allow_private": True, **more})


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """From the declarations to the running gateway."""
    with Chameleon() as server:
        url = server.url
        snapshot = world.snapshot(url)
        specs = {"with": _provider(url), "without": _provider(url, has_responses=False)}
        for name, spec in specs.items():
            snapshot.providers[name] = compiling._provider(name, spec, {})
            snapshot.models[f"by-{name}"] = ModelEntry(f"by-{name}", name, "up", 1000, 8000)
        (grant, *_) = snapshot.grants
        grants = (GrantEntry("g", grant.use_case, models=("by-with", "by-without")),)
        changed = {name: getattr(snapshot, name) for name in ("keys", "principals", "models", "providers")}
        source = SnapshotSource(Snapshot(1, snapshot.compiled_at, grants=grants, **changed))
        with RunningGateway(tmp_path_factory.mktemp("both"), source) as gateway:
            yield Both(gateway, server)


def test_a_response_is_asked_for_as_a_chat_completion(both: Both) -> None:
    """Only of the server that says so; the answer has a response's form either way."""
    for model, path in (("by-with", "/v1/responses"), ("by-without", "/v1/chat/completions")):
        asked, answer = both.ask(model)
        assert answer.status_code == 200, answer.text
        assert asked == path
        said = answer.json()
        assert said["object"] == "response"
        (item,) = [one for one in said["output"] if one["type"] == "message"]
        assert item["content"][0]["text"] == "Good morning."
        assert said["usage"]["input_tokens"] == 11


def test_a_stream_of_a_response_is_made_from_chunks(both: Both) -> None:
    """The events are those of responses, in order, the last one whole."""
    asked, answer = both.ask("by-without", stream=True)
    assert asked == "/v1/chat/completions"
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    assert events[0]["type"] == "response.created"
    words = "".join(one["delta"] for one in events if one["type"] == "response.output_text.delta")
    assert words == "Good morning."
    assert events[-1]["type"] == "response.completed"
    assert events[-1]["response"]["usage"]["output_tokens"] == 7


def test_a_call_of_a_tool_comes_back_as_an_item(both: Both) -> None:
    """Whole and streamed."""
    asked, answer = both.ask("by-without", input="call:plum", tools=[TOOL])
    assert asked == "/v1/chat/completions"
    (item,) = [one for one in answer.json()["output"] if one["type"] == "function_call"]
    assert (item["name"], json.loads(item["arguments"])) == ("look", {"q": "plum"})


def test_chat_completions_and_vectors_pass_as_they_came(both: Both) -> None:
    """What such a server has is not translated: fields nobody knows arrive."""
    messages = [{"role": "user", "content": "say:Hi"}]
    asked, answer = both.ask("by-without", path="/chat/completions", messages=messages, unheard_of=7)
    assert (asked, answer.status_code) == ("/v1/chat/completions", 200)
    assert both.provider.seen[0][1]["unheard_of"] == 7
    asked, answer = both.ask("by-without", path="/embeddings", input="Hi")
    assert (asked, answer.status_code) == ("/v1/embeddings", 200)


def test_only_dialects_with_responses_can_be_without() -> None:
    """Said of another dialect it would mean nothing, so it is refused."""
    with pytest.raises(ValidationError, match="leave the field out"):
        _provider("https://api.anthropic.com/v1", dialect="anthropic", has_responses=False)
    azure = _provider("https://x.example", dialect="azure-openai", api_version="1", has_responses=False)
    assert compiling._provider("azure", azure, {}).dialect == "azure-openai-chat"
