"""Providers, models and prices: what is refused, and what a token costs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from roadworthy.foundation.errors import InvalidError
from roadworthy.models.address import host_refusal
from roadworthy.models.kinds import KINDS, Price
from roadworthy.models.pricing import rates
from roadworthy.registry.kinds import Catalogue
from roadworthy.registry.resource import load

CATALOGUE = Catalogue(KINDS)
NOW = datetime(2026, 11, 23, tzinfo=UTC)
MODEL = {"title": "M", "provider": "p", "upstream_model": "m", "context_tokens": 10, "max_output_tokens": 4}


def refusal(kind: str, spec: dict[str, Any]) -> str:
    """Return the first message of a refusal, or nothing."""
    document = {"apiVersion": "roadworthy/v1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}
    try:
        load(document, CATALOGUE)
    except InvalidError as error:
        return error.issues[0].message
    return ""


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://api.example.com/v1", ""),
        ("ftp://api.example.com", "http:// or https://"),
        ("https:///v1", "name a host"),
        ("https://me:secret@api.example.com/v1", "holds a credential"),
        ("https://api.example.com/v1?key=1", "a query"),
        ("https://api.example.com/v1#x", "a fragment"),
        ("https://api.example.com/v 1", "a space"),
        ("https://api.example.com:99999/v1", "out of range"),
    ],
)
def test_a_provider_has_a_plain_address(url: str, said: str) -> None:
    """No credential, query or fragment: those would leak into logs and traces."""
    message = refusal("Provider", {"title": "P", "base_url": url})
    assert said in message
    assert bool(said) == bool(message)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "api.localhost",
        "intranet",
        "db.internal",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "0.0.0.0",  # noqa: S104  # judged, not bound
        "224.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
)
def test_private_addresses_are_known(host: str) -> None:
    """However it is spelled, an address inside is an address inside."""
    assert host_refusal(host, allow_private=False)


@pytest.mark.parametrize("host", ["api.example.com", "8.8.8.8", "[2606:4700::1111]", "1e100.net"])
def test_public_addresses_are_not_refused(host: str) -> None:
    """A name is not looked up here; the gateway judges what it connects to."""
    assert host_refusal(host, allow_private=False) == ""


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ({"genai_prices": "openai/gpt-4o"}, ""),
        ({"input_per_million": 1, "output_per_million": 2, "currency": "EUR", "as_of": "2026-11-01"}, ""),
        ({"input_per_million": 1}, "missing here: output_per_million, currency, as_of"),
        ({"genai_prices": "openai/gpt-4o", "currency": "EUR"}, "not both"),
        ({}, "missing here"),
    ],
)
def test_a_price_has_one_of_two_forms(price: dict[str, Any], said: str) -> None:
    """Looked up, or declared in full; half a price is none."""
    message = refusal("Model", {**MODEL, "price": price})
    assert said in message
    assert bool(said) == bool(message)


def test_an_answer_fits_its_context() -> None:
    """An answer is part of the context."""
    assert "exceeds context_tokens" in refusal("Model", {**MODEL, "max_output_tokens": 11})


def test_a_route_names_each_target_once() -> None:
    """Falling back on what just failed is a retry, and said as one."""
    assert "named twice" in refusal("Route", {"title": "R", "targets": ["a", "a"]})


def test_a_listed_price_is_dated() -> None:
    """The figure is the list's, in billionths per token, and says where it is from."""
    found = rates(Price(genai_prices="openai/gpt-4o"), as_of=NOW)
    assert (found.input_nano, found.output_nano, found.currency) == (2_500, 10_000, "USD")
    assert "openai/gpt-4o" in found.source
    assert "2026-11-23" in found.source


def test_a_declared_price_is_exact() -> None:
    """Fifteen cents for a million tokens are 150 billionths for one."""
    price = Price(
        input_per_million=0.15,
        output_per_million=0.6,
        currency="EUR",
        as_of=datetime(2026, 11, 1, tzinfo=UTC).date(),
    )
    found = rates(price, as_of=NOW)
    assert (found.input_nano, found.output_nano, found.currency) == (150, 600, "EUR")


@pytest.mark.parametrize("price", [None, Price(genai_prices="nobody/nothing")])
def test_an_unknown_price_is_not_zero(price: Price | None) -> None:
    """What nobody knows stays unknown, with the reason."""
    found = rates(price, as_of=NOW)
    assert (found.input_nano, found.output_nano) == (None, None)
    assert found.source
