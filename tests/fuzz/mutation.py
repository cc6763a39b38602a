"""Pure: makes inputs out of good ones; the same seed makes the same inputs on every machine."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

NUMBERS = (
    b"0",
    b"-1",
    b"1",
    b"00",
    b"+1",
    b"0x1",
    b"1e9",
    b"18446744073709551616",
    b"9" * 400,
    b"NaN",
    b"1_0",
)
ANY = (
    b"", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b" ", b"\t", b":", b": ", b";", b",", b"\x00", b"\xff",
    b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\xef\xbb\xbf", b'"', b"\\", b"{", b"}", b"[", b"]", b"null", b"true",
    b"data: ", b"data:", b"event: ", b"[DONE]", b"%00", b"%2e%2e/", b"//", b"@", b"#", b"?", b"\\u0000",
    b"content-length: 5\r\n", b"transfer-encoding: chunked\r\n", b"connection: close\r\n", b"a" * 300,
)  # fmt: skip


def mutate(data: bytes, source: random.Random, words: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    """Return something like `data`, changed in one to five places."""
    for _ in range(source.choice((1, 1, 1, 2, 3, 5))):
        size = len(data)
        at = source.randrange(size + 1)
        kind = source.randrange(9)
        if kind == 0:
            data = data[:at] + bytes([source.randrange(256)]) + data[at + 1 :]
        elif kind == 1:
            data = data[:at] + source.choice(words) + data[at:]
        elif kind == 2:
            data = data[:at] + data[at + source.choice((1, 1, 2, 8, 64)) :]
        elif kind == 3:
            end = min(size, at + source.choice((1, 4, 16, 64)))
            data = data[:end] + data[at:end] * source.choice((1, 1, 2, 40)) + data[end:]
        elif kind == 4:
            data = _number(data, at, source)
        elif kind == 5:
            data = data[:at]
        elif kind == 6:
            other = source.choice(others)
            data = data[:at] + other[source.randrange(len(other) + 1) :]
        elif kind == 7 and size:
            data = data[:at] + bytes([data[at % size] ^ (1 << source.randrange(8))]) + data[at + 1 :]
        else:
            word = source.choice(words)
            data = data[:at] + word + data[at + len(word) :]
    return data[:200_000]


def _number(data: bytes, at: int, source: random.Random) -> bytes:
    """Put another number in the place of the next one."""
    begin = next((place for place in range(at, min(len(data), at + 200)) if data[place] in b"0123456789"), at)
    end = begin
    while end < len(data) and data[end] in b"0123456789":
        end += 1
    return data[:begin] + source.choice(NUMBERS) + data[end:]


def inputs(seeds: Sequence[bytes], *, seed: int, words: Sequence[bytes] = ()) -> Iterator[bytes]:
    """Yield the seeds, then mutations of them without end."""
    yield from seeds
    source = random.Random(seed)
    known = (*ANY, *words)
    kept = list(seeds)
    while True:
        made = mutate(source.choice(kept), source, known, seeds)
        if len(kept) < 400 and source.randrange(20) == 0:
            kept.append(made)
        yield made
