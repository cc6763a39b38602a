"""Pure: what the grade of a claim says of the comparison behind it."""

from __future__ import annotations

from typing import Literal, TypeAlias

Grade: TypeAlias = Literal["A", "B", "C", "D", "E", "F"]

GRADE_WORDS: dict[Grade, str] = {
    "A": "randomized: assigned by lot, so that chance and the change are all that can differ",
    "B": "stepped wedge: everybody changes, in an order drawn by lot",
    "C": "difference-in-differences: compared with units whose trend before was parallel",
    "D": "compared with the earlier trend, or with units whose earlier trend is unknown: not proof of cause",
    "E": "before/after only, or units whose trend differed before already: not evidence of cause",
    "F": "claimed: nothing measured supports it",
}
