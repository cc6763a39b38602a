"""Governed calls through the gateway to the real model, some of which it refuses."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

ANSWER_TOKENS = 10
AT_ONCE = 3
SECONDS_MAX = 25.0
"""The demo does not wait for more; what is left out by then is left out."""


def make(gateway: str, calls: Sequence[Mapping[str, str]], keys: Mapping[str, str]) -> Counter[int]:
    """Make the calls, a few at a time; return how many ended with which status."""
    deadline = time.monotonic() + SECONDS_MAX

    def one(call: Mapping[str, str]) -> int:
        if time.monotonic() > deadline:
            return 0
        return ask(gateway, key=keys[call["account"]], model=call["model"], question=call["question"])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(status for status in pool.map(one, calls) if status)


def ask(gateway: str, *, key: str, model: str, question: str) -> int:
    """Make one call and return its status."""
    parts = urlsplit(gateway)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    body = {
        "model": model,
        "max_tokens": ANSWER_TOKENS,
        "messages": [{"role": "user", "content": question}],
    }
    try:
        connection.request(
            "POST",
            "/v1/chat/completions",
            body=json.dumps(body),
            headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
        )
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return 599
    finally:
        connection.close()
