"""What identifying and deciding a call costs with 10 and with 100,000 declarations, as calls really run.

`remembered` goes through the admission cache, as every call after a caller's first does; `first` is the first
call of a caller under a snapshot; `uncached` decides anew each time. Each is asked for a few callers and for
many: the work is the same, so what these differ by is the processor's caches, not the number of declarations.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Sequence

from roadworthy.gateway import access
from roadworthy.gateway.access import Admitted, Caller
from roadworthy.gateway.admission import Admission, Admissions
from roadworthy.gateway.filters.guard import guard_for
from roadworthy.gateway.quota.scopes import scopes_for
from roadworthy.gateway.snapshot import (
    GrantEntry,
    Index,
    KeyEntry,
    ModelEntry,
    PrincipalEntry,
    ProviderEntry,
    RouteEntry,
    Snapshot,
)
from roadworthy.quota.entry import LimitEntry, ScopeEntry

PEPPER = b"pepper-of-the-bench-which-is-no-secret"
NOW = 1_790_000_000.0


def key(number: int) -> str:
    """Return a key of the bench."""
    return f"rwk_{number:08d}_" + "k" * 43


def index_of(size: int) -> Index:
    """Return an index with as many keys, accounts, use cases with their grants, units and limits."""
    numbers = range(size)
    snapshot = Snapshot(
        1,
        "2026-01-01T00:00:00+00:00",
        keys={
            access.hash_key(PEPPER, key(one)): KeyEntry(
                f"{one:08d}", f"service-account/bot-{one}", f"case-{one}"
            )
            for one in numbers
        },
        principals={
            f"service-account/bot-{one}": PrincipalEntry(f"bot-{one}", owner="person/ada") for one in numbers
        },
        grants=tuple(
            GrantEntry(
                f"g-{one}", f"case-{one}", namespace=f"unit-{one}", models=("small",), routes=("chat",)
            )
            for one in numbers
        ),
        models={"small": ModelEntry("small", "here", "up", 4096, 8000, 3, 15, price_source="bench")},
        providers={"here": ProviderEntry("here", "http://127.0.0.1:9/v1", allow_private=True)},
        routes={"chat": RouteEntry("chat", ("small",))},
        units={f"unit-{one}": "" for one in numbers},
        limits={
            f"limit-{one}": LimitEntry(f"limit-{one}", ScopeEntry(use_case=f"case-{one}"), requests=1000)
            for one in numbers
        },
    )
    return Index(snapshot)


def micros(step: Callable[[str], None], chosen: Sequence[str], *, rounds: int) -> float:
    """Return the CPU-microseconds of a step, the best of twenty times over these keys in turn."""
    count, best = len(chosen), float("inf")
    for _ in range(20):
        before = time.thread_time()
        for at in range(rounds):
            step(chosen[at % count])
        best = min(best, (time.thread_time() - before) / rounds)
    return best * 1e6


def measure(size: int, *, few: int = 10, many: int = 2000) -> dict[str, float]:
    """Return the figures for so many declarations."""
    index = index_of(size)
    admissions = Admissions(pepper=PEPPER, guard_for=guard_for, scopes_for=scopes_for)
    numbers = random.Random(1)
    hot = [key(one) for one in numbers.choices(range(size), k=few)]
    wide = [key(one) for one in numbers.choices(range(size), k=many)]
    hashes = {text: access.hash_key(PEPPER, text) for text in (*hot, *wide)}

    def remembered(text: str) -> None:
        caller = admissions.identify(index, text, now=NOW)
        assert isinstance(caller, Caller)
        found = admissions.decide(index, caller, use_case_header=None, model="chat", now=NOW)
        assert isinstance(found, Admission)

    def uncached(text: str) -> None:
        assert isinstance(access.decide(index, key_hash=hashes[text], model="chat", now=NOW), Admitted)

    remembered(hot[0])  # what is arranged once for a snapshot
    cold = [key(one) for one in numbers.sample(range(size), k=min(size, many))]
    before = time.thread_time()
    for text in cold:
        remembered(text)
    first = (time.thread_time() - before) / len(cold) * 1e6
    return {
        "declarations": size,
        "remembered_few_us": round(micros(remembered, hot, rounds=6_000), 3),
        "remembered_many_us": round(micros(remembered, wide, rounds=6_000), 3),
        "first_us": round(first, 1),
        "uncached_few_us": round(micros(uncached, hot, rounds=6_000), 3),
        "uncached_many_us": round(micros(uncached, wide, rounds=6_000), 3),
    }


def main() -> None:
    """Print one line of JSON for each number of declarations."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--declarations", type=int, nargs="+", default=[10, 2000, 100_000])
    for size in parser.parse_args().declarations:
        print(json.dumps(measure(size)), flush=True)


if __name__ == "__main__":
    main()
