"""Secrets are masked whole: in a text, and in a stream wherever the network cuts it."""

from __future__ import annotations

import random

import pytest

from roadworthy.gateway.filter_rules import HOUSE_FILTERS, Rule
from roadworthy.gateway.filters.guard import Guard, compiled_of

GUARD = Guard(
    compiled_of([Rule(one.name, one, "mask", "mask") for one in HOUSE_FILTERS.values()]),
    approved={},
    scope="",
)
BODY = "\n".join("MIIEow" + "qW3rT7yU9" * 6 for _ in range(12))
LONG = {
    "anthropic": "sk-ant-api03-" + "Ab3dEf9h" * 12 + "-9xQ",
    "openai": "sk-proj-" + "Zx81mNq4" * 18,
    "github": "github_pat_" + "11Ab9xQz" * 10 + "_k",
    "gitlab": "glpat-" + "Zx81mNq4" * 4,
    "google": "ya29." + "a0AfH6SM" * 20,
    "slack": "xoxb-" + "123456789012-" * 2 + "aB3dEf9hJk1mNp5qRs7tUv9x",
    "stripe": "sk_live_" + "51Hx9aQz" * 12,
    "vault": "hvs." + "CAESIJ9x" * 12,
    "azure": "AccountKey=" + "k3Jd+9Xq" * 10 + "w==",
    "token": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIi" + "OiJhZGE5" * 8 + "." + "SflKxwRJ" * 5,
    "address": "postgresql://claims:p4ssw0rd-x@db.internal.example/claims",
    "rsa": f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}\n-----END RSA PRIVATE KEY-----",
}
PUBLIC = {"azure": "AccountKey=", "address": "postgresql://claims:", "rsa": "-----"}
"""What may be out already when a stream is known to say a secret: it is none itself."""
BEFORE, AFTER = "It is this one:\n", " and nothing else, said Ada."


@pytest.mark.parametrize("name", LONG)
def test_a_text_keeps_nothing_of_a_secret(name: str) -> None:
    """However long it is, one stand-in takes the place of all of it."""
    found = GUARD.inspect([BEFORE + LONG[name] + AFTER], side="input")
    assert found is not None
    assert found.texts == [f"{BEFORE}[SECRET]{AFTER}"]


@pytest.mark.parametrize("name", LONG)
def test_a_stream_keeps_nothing_of_a_secret(name: str) -> None:
    """Pieces of one size, of any size, and in one: the same words come out as of the whole text."""
    text = BEFORE + LONG[name] + AFTER
    drawn = random.Random(name)
    sizes = [[size] * len(text) for size in (1, 2, 3, 5, 8, 13, 21, 64, len(text))]
    sizes += [[drawn.randint(1, 40) for _ in text] for _ in range(40)]
    for some in sizes:
        stream, out, at = GUARD.stream(), "", 0
        for size in some:
            out += stream.feed((0, 0), text[at : at + size])
            at += size
        out += stream.finish((0, 0))
        assert out.startswith(BEFORE), some[:10]
        assert out.endswith(f"[SECRET]{AFTER}"), some[:10]
        said = out.removeprefix(BEFORE).removesuffix(f"[SECRET]{AFTER}")
        assert PUBLIC.get(name, "").startswith(said), some[:10]
        assert [(one.filter, one.count) for one in stream.records] == [("secrets", 1)]


def test_a_key_whose_end_is_missing_takes_the_rest_along() -> None:
    """Nobody knows where it ends, so nothing after it goes out."""
    found = GUARD.inspect([f"{BEFORE}-----BEGIN PRIVATE KEY-----\n{BODY}"], side="output")
    assert found is not None
    assert found.texts == [f"{BEFORE}[SECRET]"]


@pytest.mark.parametrize("at", range(-60, 0, 3))
def test_the_end_of_a_key_may_be_cut(at: int) -> None:
    """What comes after it goes on, wherever its last line was cut; where none comes, nothing does."""
    text = BEFORE + LONG["rsa"]
    stream = GUARD.stream()
    begun = stream.feed((0, 0), text[:at])
    rest = stream.feed((0, 0), text[at:] + AFTER) + stream.finish((0, 0))
    assert begun + rest == f"{BEFORE}[SECRET]{AFTER}"
    stream = GUARD.stream()
    assert stream.feed((0, 0), text[:at]) + stream.finish((0, 0)) == f"{BEFORE}[SECRET]"
