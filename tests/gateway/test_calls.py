"""Calls by the stock client through a real gateway to a fake provider."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import msgspec
import openai
import pytest

from roadworthy.gateway.snapshot import GrantEntry
from roadworthy.testing.fake_provider import CHUNKS, FakeProvider
from roadworthy.testing.gateway_process import RunningGateway, key_hash
from tests.gateway import world

Client = Callable[..., openai.OpenAI]
MESSAGES: Any = [{"role": "user", "content": "Hi"}]
TEXT = "".join(CHUNKS)


def ask(client: openai.OpenAI, model: str = "ok", **more: Any) -> Any:
    """Make a call."""
    return client.chat.completions.create(model=model, messages=MESSAGES, **more)


def governed(error: openai.APIStatusError) -> dict[str, Any]:
    """Return what a refusal says for people."""
    body = error.response.json()["error"]
    assert body["roadworthy"]["trace_id"] == error.response.headers["x-request-id"]
    return dict(body["roadworthy"])


def test_unary_call_is_answered_metered_and_recorded(client: Client, gateway: RunningGateway) -> None:
    """The record says who, for what, under which grant, on which model, how much, at what cost."""
    answer = ask(client())
    assert answer.choices[0].message.content == TEXT

    (record,) = gateway.records()
    assert (record.decision, record.status, record.error) == ("allowed", 200, "")
    assert (record.principal, record.use_case, record.grant_id) == (
        "service-account/claims-bot",
        "claims",
        "g-1",
    )
    assert (record.input_tokens, record.output_tokens, record.cost_nano) == (11, 7, 11 * 3 + 7 * 15)
    assert record.latency_ms > 0
    assert record.text is None


def test_stream_is_passed_on_and_metered_without_showing_usage(
    client: Client, gateway: RunningGateway, provider: FakeProvider
) -> None:
    """A caller who did not ask for usage sees none; the record has it all the same."""
    chunks = list(ask(client(), stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)
    assert provider.seen[-1]["stream_options"] == {"include_usage": True}

    (record,) = gateway.records()
    assert (record.stream, record.input_tokens, record.output_tokens) == (True, 11, 7)
    assert record.first_byte_ms is not None
    assert record.first_byte_ms <= record.latency_ms


def test_stream_shows_usage_to_who_asks(client: Client) -> None:
    """Asking for usage gives it, once, at the end."""
    chunks = list(ask(client(), stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].usage.prompt_tokens == 11


def test_end_of_stream_in_single_bytes_is_still_the_end(client: Client, gateway: RunningGateway) -> None:
    """Where the network cuts a stream makes no difference."""
    chunks = list(ask(client(), "split", stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    assert [record.status for record in gateway.records()] == [200]


def test_only_the_model_name_changes_on_the_way(client: Client, provider: FakeProvider) -> None:
    """What the caller says reaches the provider as it was said."""
    ask(client(), "priceless", temperature=0.25, extra_body={"unknown": {"a": [1, 2.50, "é"]}})
    assert provider.seen[-1] == {
        "model": "ok",
        "messages": MESSAGES,
        "temperature": 0.25,
        "unknown": {"a": [1, 2.50, "é"]},
    }
    assert world.KEY.encode() not in provider.heads[-1]


def test_unknown_price_is_a_fault_never_zero(client: Client, gateway: RunningGateway) -> None:
    """A model without a price costs an unknown amount, and says so."""
    ask(client(), "priceless")
    (record,) = gateway.records()
    assert record.cost_nano is None
    assert record.faults == ("price_unknown",)


@pytest.mark.parametrize("model", ["usage-nonsense", "usage-text"])
def test_nonsense_usage_is_unknown_usage(client: Client, gateway: RunningGateway, model: str) -> None:
    """A provider that counts nonsense is not believed."""
    ask(client(), model)
    (record,) = gateway.records()
    assert record.cost_nano is None
    assert record.faults == ("usage_unknown",)


def test_full_logging_keeps_what_was_said(client: Client, gateway: RunningGateway) -> None:
    """Where the grant asks for it, both sides are kept, for streams too."""
    current = gateway.source.current
    grant = msgspec.structs.replace(current.grants[0], logging="full")
    gateway.publish(msgspec.structs.replace(current, revision=2, grants=(grant,)))
    ask(client())
    list(ask(client(), stream=True))
    texts = [record.text for record in gateway.records()]
    assert [(text.prompt, text.response) for text in texts if text] == [("Hi", TEXT)] * 2


# ---------------------------------------------------------------------------------------- refusals


def test_unknown_key_is_an_authentication_error(client: Client, gateway: RunningGateway) -> None:
    """The client's own error class for it, with a code."""
    with pytest.raises(openai.AuthenticationError) as caught:
        ask(client("rwk_zzzzzzzz_nonsense"))
    assert caught.value.code == "invalid_api_key"
    assert [record.reason for record in gateway.records()] == ["invalid_api_key"]


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer"}, {"x-api-key": ""}])
def test_a_call_without_a_key_is_told_so(headers: dict[str, str], gateway: RunningGateway) -> None:
    """An unset variable is no typing error, whether nothing is sent or an empty key."""
    answer = httpx.post(f"{gateway.url}/chat/completions", json={}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
    assert "No API key came with this call. Send it as" in answer.json()["error"]["message"]


def test_blocked_use_case_hears_reason_declaration_and_who(client: Client, gateway: RunningGateway) -> None:
    """A refusal says what is missing, where that is declared, who can change it, and what to do."""
    with pytest.raises(openai.PermissionDeniedError) as caught:
        ask(client(world.BLOCKED_KEY))
    said = governed(caught.value)
    assert said["reason"] == "no_grant"
    assert said["declaration"] == world.REASON.declaration
    assert said["who_can_change"] == ["person/ruth"]
    assert said["next_step"] == world.REASON.next_step
    assert said["reasons"][0]["code"] == "approval_missing"
    assert "person/ruth" in caught.value.message
    (record,) = gateway.records()
    assert (record.decision, record.reason, record.use_case) == ("refused", "no_grant", "letters")


@pytest.mark.parametrize(
    ("model", "kind", "code"),
    [
        ("ungranted", openai.PermissionDeniedError, "model_not_granted"),
        ("smuggle", openai.PermissionDeniedError, "model_not_granted"),
        ("nowhere", openai.NotFoundError, "model_unknown"),
    ],
)
def test_models_outside_the_grant_are_refused(
    client: Client, model: str, kind: type[openai.APIStatusError], code: str
) -> None:
    """Neither by name nor by way of a route that someone pointed at them later."""
    with pytest.raises(kind) as caught:
        ask(client(), model)
    assert governed(caught.value)["reason"] == code


def test_other_use_case_in_the_header_is_refused(client: Client) -> None:
    """A key speaks for one use case."""
    with pytest.raises(openai.PermissionDeniedError) as caught:
        ask(client(), extra_headers={"x-roadworthy-use-case": "letters"})
    assert governed(caught.value)["reason"] == "key_not_for_use_case"
    assert ask(client(), extra_headers={"x-roadworthy-use-case": "use-case/claims"})


def test_grant_that_expires_stops_the_next_call(client: Client, gateway: RunningGateway) -> None:
    """Time alone ends a grant: no refresh is needed for it."""
    current = gateway.source.current
    grant = msgspec.structs.replace(current.grants[0], expires_at=time.time() + 1.0, ends_with="Ask ada.")
    gateway.publish(msgspec.structs.replace(current, revision=2, grants=(grant,)))
    ask(client())
    time.sleep(1.1)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        ask(client())
    assert governed(caught.value)["reason"] == "grant_expired"
    assert governed(caught.value)["next_step"] == "Ask ada."


def test_revocation_holds_on_the_very_next_call(client: Client, gateway: RunningGateway) -> None:
    """However slow the refresh, no call is decided on what was true before."""
    current = gateway.source.current
    gateway.source.slow_s = 0.3
    for number in range(2, 6):
        assert ask(client())
        entry = current.keys[key_hash(world.KEY)]
        keys = {**current.keys, key_hash(world.KEY): msgspec.structs.replace(entry, revoked_at=1.0)}
        gateway.publish(msgspec.structs.replace(current, revision=number * 2, keys=keys))
        with pytest.raises(openai.AuthenticationError) as caught:
            ask(client())
        assert caught.value.code == "key_revoked"
        gateway.publish(msgspec.structs.replace(current, revision=number * 2 + 1))


def test_models_lists_exactly_what_the_key_may_call(client: Client) -> None:
    """Models and routes, in OpenAI's shape; nothing that would be refused."""
    listed = {model.id for model in client().models.list()}
    assert {"ok", "chat"} <= listed
    assert not listed & {"ungranted", "smuggle"}
    assert client().models.retrieve("chat").owned_by == "route"
    with pytest.raises(openai.PermissionDeniedError):
        client().models.retrieve("ungranted")
    with pytest.raises(openai.NotFoundError):
        client().models.retrieve("nowhere")
    assert not list(client(world.BLOCKED_KEY).models.list())


# ---------------------------------------------------------------------------------------- faults

DIRECT = [
    ("status-400", openai.BadRequestError, "provider_refused_request"),
    ("status-401", openai.InternalServerError, "provider_refused_credentials"),
    ("status-404", openai.InternalServerError, "provider_unknown_model"),
    ("status-429", openai.RateLimitError, "provider_rate_limited"),
    ("status-500", openai.InternalServerError, "provider_error"),
    ("garbage", openai.InternalServerError, "protocol_error"),
    ("not-json", openai.InternalServerError, "protocol_error"),
    ("error-in-200", openai.InternalServerError, "error_in_answer"),
    ("half", openai.InternalServerError, "closed_early"),
    ("redirect", openai.InternalServerError, "provider_redirected"),
    ("gzip", openai.InternalServerError, "answer_encoded"),
    ("two-lengths", openai.InternalServerError, "protocol_error"),
    ("huge-header", openai.InternalServerError, "protocol_error"),
    ("reset", openai.InternalServerError, "closed_early"),
    ("dead", openai.InternalServerError, "connect_failed"),
    ("shy", openai.InternalServerError, "private_address"),
]


@pytest.mark.parametrize(("model", "kind", "code"), DIRECT)
def test_every_fault_of_a_provider_has_one_outcome(
    client: Client, gateway: RunningGateway, model: str, kind: type[openai.APIStatusError], code: str
) -> None:
    """The caller gets the client's error class, the record gets the reason, and nothing hangs."""
    with pytest.raises(kind) as caught:
        ask(client(), model)
    assert caught.value.code == code
    (record,) = gateway.records()
    assert (record.error, record.status) == (code, caught.value.status_code)
    assert record.attempts[-1].error == code
    if model == "status-429":
        assert caught.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize(
    "model", ["only-done", "error-event", "long-line", "status-503", "error-in-200", "ok"]
)
def test_stream_falls_back_as_long_as_nothing_was_said(
    client: Client, gateway: RunningGateway, model: str
) -> None:
    """Headers wait for the first content, so that another target may still answer."""
    chunks = list(ask(client(), f"after-{model}", stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    (record,) = gateway.records()
    assert record.model == "ok"
    assert len(record.attempts) == (1 if model == "ok" else 2)


@pytest.mark.parametrize("model", ["interim", "until-close", "close-kept"])
def test_unusual_but_valid_answers_are_answers(client: Client, model: str) -> None:
    """Early hints, answers that end with the connection, providers that close what they promised to keep."""
    for _ in range(3):
        assert ask(client(), model).choices[0].message.content


def test_route_falls_back_in_order(client: Client, gateway: RunningGateway) -> None:
    """Refused connection, then 503, then an answer: three attempts, all recorded."""
    assert ask(client(), "chat").choices[0].message.content == TEXT
    (record,) = gateway.records()
    assert [attempt.model for attempt in record.attempts] == ["dead", "status-503", "ok"]
    assert [attempt.error for attempt in record.attempts] == ["connect_failed", "provider_error", ""]
    assert (record.route, record.model, record.status) == ("chat", "ok", 200)


def test_route_leaves_a_silent_target_for_the_next(client: Client, gateway: RunningGateway) -> None:
    """The first byte must come within the route's time."""
    assert ask(client(), "hasty")
    (record,) = gateway.records()
    assert record.attempts[0].error == "first_byte_timeout"


def test_break_after_the_first_content_is_an_error_never_a_second_text(
    client: Client, gateway: RunningGateway, provider: FakeProvider
) -> None:
    """Half a text from one model and a whole one from another would be neither's answer."""
    asked = len(provider.seen)
    with pytest.raises(openai.APIError):
        list(ask(client(), "after-breaks", stream=True))
    assert len(provider.seen) == asked + 1
    (record,) = gateway.records()
    assert record.error == "closed_early"


def test_error_in_the_middle_of_a_stream_is_passed_on_and_recorded(
    client: Client, gateway: RunningGateway
) -> None:
    """The provider's own error event reaches the client as an error."""
    with pytest.raises(openai.APIError):
        list(ask(client(), "error-later", stream=True))
    (record,) = gateway.records()
    assert record.error == "error_in_stream"


def test_caller_who_leaves_ends_the_call_at_the_provider(
    client: Client, gateway: RunningGateway, provider: FakeProvider
) -> None:
    """Nobody pays for text that nobody reads."""
    left = provider.left_early
    stream = ask(client(), "endless", stream=True)
    next(iter(stream))
    stream.close()
    for _ in range(50):
        time.sleep(0.05)
        if provider.left_early > left:
            break
    assert provider.left_early == left + 1
    time.sleep(0.1)
    (record,) = gateway.records()
    assert (record.status, record.error) == (499, "client_disconnected")


def test_kept_connections_are_used_again(client: Client, provider: FakeProvider) -> None:
    """One connection serves many calls."""
    one = client()
    ask(one)
    before = provider.connections
    for _ in range(5):
        ask(one)
        list(ask(one, stream=True))
    assert provider.connections == before


def test_a_later_grant_takes_over(client: Client, gateway: RunningGateway) -> None:
    """Of several grants, one that holds now is enough."""
    current = gateway.source.current
    late = GrantEntry("g-0", "claims", models=("ok",), not_before=time.time() + 3600)
    gateway.publish(msgspec.structs.replace(current, revision=2, grants=(late, *current.grants)))
    assert ask(client())
