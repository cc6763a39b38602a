"""Pure: a quantile sketch of constant size (DDSketch): every quantile within 1 % of a value that occurred."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, exp, log

import msgspec

ACCURACY = 0.01
_LOG_GAMMA = log((1 + ACCURACY) / (1 - ACCURACY))
_PER_LOG = 1 / _LOG_GAMMA
_MIDDLE = 2 / (1 + exp(_LOG_GAMMA))
BUCKETS_MAX = 2048
"""Beyond so many buckets the smallest ones are put together: 2048 span 17 orders of magnitude."""
LEAST = 1e-9


class _Encoded(msgspec.Struct, array_like=True):
    zeros: int
    total: float
    places: tuple[int, ...]
    counts: tuple[int, ...]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Encoded)


class Sketch:
    """Counts values in buckets that grow by 2 % each; adding, merging and asking need no order of arrival."""

    __slots__ = ("buckets", "total", "zeros")

    def __init__(self, values: Iterable[float] = ()) -> None:
        self.buckets: dict[int, int] = {}
        self.zeros = 0
        self.total = 0.0
        for value in values:
            self.add(value)

    def add(self, value: float) -> None:
        """Count one value; what is not above a billionth counts as zero."""
        if not value > 1e-9:  # LEAST, written out: this runs for every call
            self.zeros += 1
            return
        self.total += value
        bucket = ceil(log(value) * _PER_LOG)
        try:
            self.buckets[bucket] += 1
        except KeyError:
            self.buckets[bucket] = 1
            self._shrink()

    @property
    def count(self) -> int:
        """How many values were counted."""
        return self.zeros + sum(self.buckets.values())

    @property
    def mean(self) -> float | None:
        """The exact mean; None when nothing was counted."""
        return self.total / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """Return the value that `share` of the counted ones do not exceed; None when nothing was counted."""
        count = self.count
        if not count:
            return None
        rank = max(0, ceil(share * count) - 1)
        if rank < self.zeros:
            return 0.0
        seen = self.zeros
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen > rank:
                return exp(bucket * _LOG_GAMMA) * _MIDDLE
        raise AssertionError("every rank lies in a bucket")

    def merge(self, other: Sketch) -> None:
        """Take in what another sketch counted: the result is the same as if all had been added here."""
        mine = self.buckets
        for bucket, count in other.buckets.items():
            mine[bucket] = mine.get(bucket, 0) + count
        self.zeros += other.zeros
        self.total += other.total
        self._shrink()

    def encode(self) -> bytes:
        """Return the sketch as bytes; the same counts give the same bytes."""
        places = tuple(sorted(self.buckets))
        counts = tuple(self.buckets[place] for place in places)
        return _ENCODER.encode(_Encoded(self.zeros, self.total, places, counts))

    @classmethod
    def decode(cls, data: bytes) -> Sketch:
        """Return the sketch that `encode` wrote; `msgspec.DecodeError` for anything else."""
        read = _DECODER.decode(data)
        sketch = cls()
        sketch.zeros, sketch.total = read.zeros, read.total
        sketch.buckets = dict(zip(read.places, read.counts, strict=False))
        return sketch

    def _shrink(self) -> None:
        surplus = len(self.buckets) - BUCKETS_MAX
        if surplus > 0:
            places = sorted(self.buckets)
            into = places[surplus]
            for place in places[:surplus]:
                self.buckets[into] += self.buckets.pop(place)
