"""Pure: the built-in classifier of prompt injections and jailbreaks.

A linear model over words and pairs of words.
Its weights are trained by `scripts/train_injection.py`; what it misses is said in `injection.md` beside it.
It reads English best and is never the only defence.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

WEIGHTS = Path(__file__).parent / "injection.weights"
SCALE = 0.09894823519070191
BIAS = -1.4863745088082907
BUCKETS = 1 << 15

# The training texts are about this long; a longer text is read in overlapping windows, so that an
# instruction hidden in a long document is not thinned out by what stands around it.
WINDOW = 4000
_STEP = 3500
_WORD = re.compile(r"[a-z0-9']+|[^\sa-z0-9]")


def features(text: str) -> set[int]:
    """Return the numbers of the words and pairs of words of a text."""
    words = _WORD.findall(text.lower())
    named = set(words)
    named.update(f"{one} {other}" for one, other in pairwise(words))
    return {zlib.crc32(name.encode()) & (BUCKETS - 1) for name in named}


@lru_cache(maxsize=1)
def weights() -> memoryview:
    """Return the signed bytes of the model, read once."""
    raw = memoryview(zlib.decompress(WEIGHTS.read_bytes())).cast("b")
    if len(raw) != BUCKETS:
        raise ValueError(f"{WEIGHTS.name} holds {len(raw)} weights, not {BUCKETS}; install the package anew")
    return raw


def score(text: str) -> float:
    """Return how likely a text is an injection, from 0 to 1: the most suspicious window counts."""
    return max((_window(part) for part in _windows(text)), default=0.0)


def classify(texts: Sequence[str]) -> float:
    """Return the score of the most suspicious of some texts."""
    return max((score(text) for text in texts), default=0.0)


def _windows(text: str) -> Iterator[str]:
    yield text[:WINDOW]
    for start in range(_STEP, len(text) - WINDOW + _STEP, _STEP):
        yield text[start : start + WINDOW]


def _window(text: str) -> float:
    found = features(text)
    if not found:
        return 0.0
    table = weights()
    total = SCALE * sum(table[number] for number in found) / math.sqrt(len(found)) + BIAS
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, total))))
