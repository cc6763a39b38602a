"""A key of the gateway's own in the wrong field reaches no provider, no record, no error and no log."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import httpx2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.gateway.own_keys import masked
from roadworthy.testing.fake_provider import FakeProvider
from roadworthy.testing.gateway_process import RunningGateway, SnapshotSource
from tests.gateway import world

PLANTED = "rwk_c0ffee42_" + "S3cr3tPartOfAKey-_" * 2 + "abcdefg"
SECRET = PLANTED.split("_", 2)[2][:16].encode()
HELLO = [{"role": "user", "content": "Hi"}]
ESCAPED = PLANTED.replace("_", "\\u005f")

BODIES: dict[str, str] = {
    "model": json.dumps({"model": PLANTED, "messages": HELLO}),
    "model, escaped": json.dumps({"model": "X", "messages": HELLO}).replace('"X"', f'"{ESCAPED}"'),
    "user": json.dumps({"model": "ok", "messages": HELLO, "user": PLANTED}),
    "unknown field": json.dumps({"model": "ok", "messages": HELLO, PLANTED: {PLANTED: [PLANTED]}}),
    "words": json.dumps({"model": "ok", "messages": [{"role": "user", "content": f"Use {PLANTED}, please"}]}),
    "words, of a stream": json.dumps(
        {"model": "ok", "stream": True, "messages": [{"role": "user", "content": PLANTED}]}
    ),
    "words, refused by the provider": json.dumps(
        {"model": "status-400", "messages": [{"role": "user", "content": PLANTED}]}
    ),
    "a role": json.dumps({"model": "ok", "messages": [{"role": PLANTED, "content": "Hi"}]}),
    "no JSON": "{" + PLANTED,
    "a text": json.dumps(PLANTED),
    "wrong type": json.dumps({"model": "ok", "messages": PLANTED, "stream": PLANTED, "n": PLANTED}),
}
PATHS = ("/chat/completions", "/responses", "/embeddings", "/messages", "/messages/count_tokens")


def _found(
    gateway: RunningGateway, directory: Path, answers: list[bytes], caplog: pytest.LogCaptureFixture
) -> list[str]:
    places = {
        "an answer": answers,
        "a record": [msgspec.json.encode(one) for one in gateway.records()],
        "a file": [one.read_bytes() for one in directory.rglob("*") if one.is_file()],
        "a log": [one.getMessage().encode() for one in caplog.records if not one.name.startswith("http")],
    }
    return [place for place, texts in places.items() if any(SECRET in text for text in texts)]


@pytest.mark.parametrize("logged", ["metadata", "full"])
def test_a_key_in_the_wrong_field_is_found_nowhere(
    tmp_path: Path,
    provider: FakeProvider,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    logged: str,
) -> None:
    """In bodies of every dialect, in headers, in paths and queries; where words are kept and where not."""
    caplog.set_level(logging.DEBUG)
    snapshot = world.snapshot(provider.url)
    grants = tuple(msgspec.structs.replace(one, logging=logged) for one in snapshot.grants)
    source = SnapshotSource(msgspec.structs.replace(snapshot, grants=grants))
    before = len(provider.seen)
    with RunningGateway(tmp_path, source) as gateway:
        with httpx2.Client(timeout=20, trust_env=False) as client:
            head = {"authorization": f"Bearer {world.KEY}", "content-type": "application/json"}
            answers = []
            for path in PATHS:
                for body in BODIES.values():
                    said = client.post(gateway.url + path, content=body.encode(), headers=head)
                    answers.append(said.content + str(said.headers).encode())
            named = (
                "x-client-request-id",
                "x-roadworthy-use-case",
                "x-roadworthy-task",
                "x-roadworthy-cohort",
            )
            for name in named:
                more = {**head, name: PLANTED}
                said = client.post(f"{gateway.url}/chat/completions", content=BODIES["user"], headers=more)
                answers.append(said.content + str(said.headers).encode())
            for path in (f"/models/{PLANTED}", f"/{PLANTED}", f"/chat/completions?key={PLANTED}"):
                said = client.get(gateway.url + path, headers=head)
                answers.append(said.content + str(said.headers).encode())
        faults = [fault for one in gateway.records(at_least=20) for fault in one.faults]
        found = _found(gateway, tmp_path, answers, caplog)
    out, err = capfd.readouterr()
    assert not found
    assert SECRET.decode() not in out + err
    assert "gateway_key_in_request" in faults
    sent = [json.dumps(one) for one in provider.seen[before:]]
    assert sent, "nothing reached the provider, so nothing was proven"
    assert not [one for one in sent if SECRET.decode() in one and "\\u005f" not in one]
    assert any(b"rwk_c0ffee42_***" in one for one in answers), "which key it was has to be said"


@given(st.binary(max_size=200), st.binary(max_size=200), st.sampled_from(["rwk", "rwt", "rws", "rwl"]))
def test_masking_changes_no_length_and_nothing_else(before: bytes, after: bytes, prefix: str) -> None:
    """So what frames it, by quotes or by lengths, still holds."""
    key = PLANTED.replace("rwk", prefix).encode()
    whole = before + b'"' + key + b'"' + after
    out = masked(whole)
    assert len(out) == len(whole)
    assert SECRET not in out
    assert masked(out) == out
    if b"rw" not in before + after:
        assert out.startswith(before + b'"' + prefix.encode() + b"_c0ffee42_*")
        assert out.endswith(b'*"' + after)
        assert masked(before + after) == before + after
