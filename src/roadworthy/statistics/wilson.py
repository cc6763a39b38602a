"""Pure: Wilson's interval of a share.

E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
Statistical Association 22 (1927). It stays inside 0 and 1 and holds for few cases and for shares near the
ends, where the interval of the normal approximation does not.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist


def wilson(hits: int, size: int, *, confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Return the two-sided interval of `hits` in `size` as shares from 0 to 1; None twice without a case."""
    if not size:
        return None, None
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = hits / size
    middle = share + z * z / (2 * size)
    spread = z * sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    scale = 1 + z * z / size
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
