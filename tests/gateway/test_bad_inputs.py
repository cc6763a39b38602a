"""B9: what brought other gateways down; each test is named after its row in the table of bad inputs."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from roadworthy.gateway import access
from roadworthy.gateway.filters.declared import DeclaredReader
from roadworthy.gateway.snapshot import FilterEntry, FilterPolicyEntry, FilterUse
from roadworthy.quota.entry import BudgetEntry, ScopeEntry
from roadworthy.testing.chameleon import Chameleon
from roadworthy.testing.fake_provider import FakeProvider
from roadworthy.testing.gateway_process import RunningGateway, SnapshotSource, key_hash
from tests.gateway import world
from tests.gateway.quota.test_calls import running
from tests.gateway.test_edge import exchange, post, statuses

PATHS = ("/chat/completions", "/responses", "/messages", "/embeddings", "/messages/count_tokens")


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    """A plain client."""
    with httpx2.Client(timeout=20, trust_env=False) as client:
        yield client


def _body(path: str, model: str, text: str = "Hi", **more: Any) -> dict[str, Any]:
    if path in {"/responses", "/embeddings"}:
        return {"model": model, "input": text, **more}
    return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 9, **more}


def _ask(
    http: httpx2.Client, gateway: RunningGateway, path: str = PATHS[0], *, key: str = world.KEY, **more: Any
) -> httpx2.Response:
    body = _body(path, more.pop("model", "ok"), more.pop("text", "Hi"), **more)
    return http.post(gateway.url + path, json=body, headers={"authorization": f"Bearer {key}"})


def test_b9_01_a_body_chooses_no_host(http: httpx2.Client, gateway: RunningGateway) -> None:
    """Whatever a request says of addresses and keys, the declared provider is asked, and nobody else."""
    with socket.create_server(("127.0.0.1", 0)) as canary:
        canary.settimeout(0.3)
        there = f"http://127.0.0.1:{canary.getsockname()[1]}/v1"
        names = (
            "api_base",
            "base_url",
            "api_key",
            "custom_llm_provider",
            "endpoint",
            "azure_endpoint",
            "proxy",
        )
        said = dict.fromkeys(names, there)
        answer = _ask(http, gateway, **said, extra_body=said, metadata=said, headers={"host": there})
        assert answer.status_code == 200
        with pytest.raises(TimeoutError):
            canary.accept()


@pytest.mark.parametrize(
    "key",
    [
        "' OR '1'='1", "'; DROP TABLE keys;--", "rwk_aaaaaaaa_' UNION SELECT 1--", "%27%20OR%201=1",
        'rwk_aaaaaaaa_" OR ""="', "rwk_%_%", "rwk_aaaaaaaa_" + "a" * 42 + "_", "{$ne: null}", "*",
        "../../etc",
    ],
)  # fmt: skip
def test_b9_02_a_key_is_looked_up_never_interpreted(
    http: httpx2.Client, gateway: RunningGateway, key: str
) -> None:
    """SQL, patterns and operators are unknown keys."""
    assert _ask(http, gateway, key=key).status_code == 401


def test_b9_03_a_key_s_beginning_is_not_the_key(http: httpx2.Client, gateway: RunningGateway) -> None:
    """Known or not, right after it was seen: all of it counts."""
    assert _ask(http, gateway).status_code == 200
    for at in (20, 40, len(world.KEY) - 1):
        other = world.KEY[:at] + "z" * (len(world.KEY) - at)
        assert _ask(http, gateway, key=other).status_code == 401
        assert _ask(http, gateway, key=world.KEY[:at]).status_code == 401
    assert _ask(http, gateway).status_code == 200


@pytest.mark.parametrize("host", ["a/readyz", "a?/readyz", "a#/readyz", "a/../healthz"])
def test_b9_05_the_host_is_no_part_of_the_path(gateway: RunningGateway, host: str) -> None:
    """What is asked for is the request line's, whoever builds addresses from it."""
    request = f"GET /v1/models HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    assert statuses(exchange(gateway, request.encode())) == [400]


def test_b9_10_an_error_while_asking_who_it_is_lets_nobody_in(
    http: httpx2.Client, gateway: RunningGateway, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no default caller."""

    def fail(*_: object) -> str:
        raise RuntimeError("The pepper is gone.")

    seen = len(provider.seen)
    monkeypatch.setattr(access, "hash_key", fail)
    monkeypatch.setattr("roadworthy.gateway.admission.hash_key", fail, raising=False)
    other = "rwk_cccccccc_" + "c" * 43
    with contextlib.suppress(httpx2.HTTPError):  # cut off is refused too
        assert _ask(http, gateway, key=other).status_code >= 400
    assert len(provider.seen) == seen


def test_b9_11_a_hash_is_no_key(http: httpx2.Client, gateway: RunningGateway) -> None:
    """What stands in a stolen table opens nothing, and is told to nobody."""
    hashed = key_hash(world.KEY)
    for token in (hashed, f"rwk_aaaaaaaa_{hashed}", f"sha256:{hashed}"):
        assert _ask(http, gateway, key=token).status_code == 401
    assert hashed not in _ask(http, gateway).text + str(gateway.records())


def test_b9_13_a_key_in_the_address_is_repeated_nowhere(http: httpx2.Client, gateway: RunningGateway) -> None:
    """It is no credential there, and neither the answer nor the record says it."""
    secret = "AIza" + "Sy7k2" * 7
    for path in ("/chat/completions", "/models", "/nowhere"):
        answer = http.post(f"{gateway.url}{path}?key={secret}", json=_body("/chat/completions", "ok"))
        assert answer.status_code in {401, 404, 405}
        assert secret not in answer.text + str(answer.headers)
    assert secret not in str(gateway.records())


def test_b9_14_names_that_mean_something_elsewhere_mean_nothing(
    http: httpx2.Client, gateway: RunningGateway, provider: FakeProvider
) -> None:
    """`__proto__` and its kind are names like any other, passed on as they came."""
    names = ("__proto__", "constructor", "prototype", "__class__", "$where")
    odd: dict[str, Any] = {name: {"admin": True} for name in names}
    assert _ask(http, gateway, metadata=odd, **odd).status_code == 200
    assert provider.seen[-1]["metadata"] == odd
    assert _ask(http, gateway, model="__proto__").status_code == 404
    assert _ask(http, gateway, key="__class__").status_code == 401


def test_b9_16_who_it_is_comes_before_what_is_said(http: httpx2.Client, gateway: RunningGateway) -> None:
    """Without a key nobody learns how their body would have been read."""
    for content in (b"{", b"\xff", b"[" * 100_000, b""):
        for path in PATHS:
            assert http.post(gateway.url + path, content=content).status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_b9_19_each_path_asks_for_the_grant(
    http: httpx2.Client, gateway: RunningGateway, provider: FakeProvider, path: str
) -> None:
    """A model that is not granted is not granted anywhere, nor is a use case that is blocked."""
    seen = len(provider.seen)
    assert _ask(http, gateway, path, model="ungranted").status_code == 403
    assert _ask(http, gateway, path, key=world.BLOCKED_KEY).status_code == 403
    assert len(provider.seen) == seen


def test_b9_21_a_caller_s_headers_end_here(gateway: RunningGateway, provider: FakeProvider) -> None:
    """What steers machines behind us is not passed on: only what the gateway says itself."""
    names = (
        "x-aws-ec2-metadata-token", "metadata-flavor", "x-portkey-custom-host", "x-forwarded-host", "cookie",
        "x-forwarded-for", "forwarded", "x-original-url", "proxy-authorization", "openai-organization",
    )  # fmt: skip
    head = "".join(f"{name}: canary\r\n" for name in names).encode()
    assert statuses(exchange(gateway, post(head=head))) == [200]
    assert b"canary" not in provider.heads[-1]
    assert world.KEY.encode() not in provider.heads[-1]


def test_b9_23_the_same_question_is_asked_again(
    http: httpx2.Client, gateway: RunningGateway, provider: FakeProvider
) -> None:
    """There is no cache that could answer one caller with another's words."""
    seen = len(provider.seen)
    for _ in range(3):
        assert _ask(http, gateway, temperature=0).status_code == 200
    assert len(provider.seen) == seen + 3


def test_b9_24_nobody_hears_another_s_words(tmp_path: Path) -> None:
    """A thousand calls, whole and streamed, on connections that are used again: each hears its own."""
    with Chameleon() as provider:
        source = SnapshotSource(world.snapshot(provider.url + "/v1"))
        with contextlib.ExitStack() as stack:
            gateway = stack.enter_context(RunningGateway(tmp_path, source))
            made = [httpx2.Client(timeout=20, trust_env=False) for _ in range(16)]
            clients = [stack.enter_context(one) for one in made]
            pool = stack.enter_context(ThreadPoolExecutor(16))

            def call(number: int) -> tuple[str, str]:
                own = f"canary-{number:06}-"
                answer = _ask(clients[number % 16], gateway, text=f"say:{own}", stream=number % 2 == 0)
                if number % 2:
                    return own, answer.text
                said = re.findall(r'"content":"([^"]*)"', answer.text)
                return own, "".join(said)

            for own, said in pool.map(call, range(1000)):
                assert own in said, said
                assert set(re.findall(r"canary-\d{6}-", said)) == {own}


def test_b9_25_a_budget_is_not_overrun_by_many_at_once(tmp_path: Path, provider: FakeProvider) -> None:
    """Twenty callers at once find room for ten: ten are served, none twice, and the next one is refused."""
    cost = 11 * 3 + 7 * 15
    budget = BudgetEntry("b", ScopeEntry(use_case="claims"), 60 * cost, "USD", "month", "person/ada")
    with running(tmp_path, provider, budgets={"b": budget}) as (gateway, _), ThreadPoolExecutor(20) as pool:

        def call(_: int) -> int:
            with httpx2.Client(timeout=20, trust_env=False) as http:
                return _ask(http, gateway, max_tokens=9).status_code

        found = list(pool.map(call, range(120)))
        assert set(found) == {200, 429}
        records = [one for one in gateway.records() if not one.open and one.status == 200]
        assert sum(one.cost_nano or 0 for one in records) <= 60 * cost
        assert len(records) == found.count(200)


def test_b9_26_usage_of_a_call_that_was_left_is_kept(gateway: RunningGateway) -> None:
    """Who leaves in the middle of a stream has used what was sent."""
    body = json.dumps(_body(PATHS[0], "endless", stream=True)).encode()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.sendall(post(body))
        received = b""
        while received.count(b"data: ") < 8:
            received += connection.recv(4096)
    records = [one for one in gateway.records() if not one.open] or gateway.records()
    assert [
        (one.status, bool(one.output_tokens), bool(one.cost_nano)) for one in records if not one.open
    ] == [(499, True, True)]


@pytest.mark.parametrize("script", ["error-in-200", "error-later", "error-event", "only-done", "status-429"])
def test_b9_27_an_error_in_a_stream_is_said_once(
    http: httpx2.Client, gateway: RunningGateway, provider: FakeProvider, script: str
) -> None:
    """It is not tried for ever, and not taken for an answer."""
    seen = len(provider.seen)
    answer = _ask(http, gateway, model=script, stream=True)
    assert answer.status_code >= 400 or '"error"' in answer.text
    assert len(provider.seen) == seen + 1
    (record,) = (one for one in gateway.records() if not one.open)
    assert record.error or record.status >= 400


def test_b9_29_readiness_says_what_holds(tmp_path: Path, http: httpx2.Client, provider: FakeProvider) -> None:
    """Not ready while nothing can be decided, and calls agree; ready by itself once that has changed."""
    source = SnapshotSource(world.snapshot(provider.url))
    source.down = True
    with RunningGateway(tmp_path, source) as gateway:
        url = gateway.url.removesuffix("/v1") + "/readyz"
        assert http.get(url).status_code == 503
        assert _ask(http, gateway).status_code == 503
        source.down = False
        until = time.monotonic() + 5
        while http.get(url).status_code != 200 and time.monotonic() < until:
            time.sleep(0.05)
        assert http.get(url).json()["state"] == "ready"
        assert _ask(http, gateway).status_code == 200


def test_b9_32_an_unknown_price_is_never_zero(http: httpx2.Client, gateway: RunningGateway) -> None:
    """The record says that it is unknown; a known one says where it comes from."""
    assert _ask(http, gateway, model="priceless").status_code == 200
    assert _ask(http, gateway).status_code == 200
    priceless, priced = sorted(
        (one for one in gateway.records(at_least=2)), key=lambda one: bool(one.cost_nano)
    )
    assert (priceless.cost_nano, priceless.faults) == (None, ("price_unknown",))
    assert priced.price_source == "test"


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"n": 2}, {"stream": True, "n": 2}], ids=str)
def test_b9_33_a_filter_that_fails_is_closed_by_default(
    http: httpx2.Client,
    gateway: RunningGateway,
    provider: FakeProvider,
    monkeypatch: pytest.MonkeyPatch,
    more: dict[str, Any],
) -> None:
    """Nothing said, tier limited: no way of asking gets around it."""

    def fail(*_: object) -> None:
        raise RuntimeError("The engine is gone.")

    now = gateway.source.current
    grant = msgspec.structs.replace(now.grants[0], tier="limited")
    entry = FilterEntry("plum", patterns={"plum": "plum"})
    policy = FilterPolicyEntry(
        "all", (FilterUse("plum", input="block", output="block"),), of_organization=True
    )
    gateway.publish(
        msgspec.structs.replace(
            now, revision=2, grants=(grant,), filters={"plum": entry}, filter_policies={"all": policy}
        )
    )
    assert _ask(http, gateway, **more).status_code == 200
    monkeypatch.setattr(DeclaredReader, "spans", fail)
    seen = len(provider.seen)
    refused = _ask(http, gateway, **more)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "filter_failed")
    assert len(provider.seen) == seen


def test_b9_34_neither_ranges_nor_compression_make_more_of_less(
    http: httpx2.Client, gateway: RunningGateway
) -> None:
    """A range is not looked at; a provider's compressed answer, which was not asked for, is not unpacked."""
    many = "bytes=" + ",".join(f"{at}-" for at in range(1000))
    key = {"authorization": f"Bearer {world.KEY}"}
    answer = http.get(f"{gateway.url}/models", headers={"range": many, **key})
    assert answer.status_code == 200
    assert answer.content == http.get(f"{gateway.url}/models", headers=key).content
    assert _ask(http, gateway, model="gzip").status_code == 502
