"""Pure: names for rows that have none: stable when the list is imported again, unique within it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from hashlib import sha256

NAME_MAX = 63
_ODD = re.compile(r"[^a-z0-9]+")


def slug(texts: Sequence[str], *, fallback: Sequence[str]) -> str:
    """Return a name for what these texts say; where they say nothing, one made of the row's content."""
    plain = unicodedata.normalize("NFKD", " ".join(texts)).encode("ascii", "ignore").decode().lower()
    name = _ODD.sub("-", plain).strip("-")
    if not name:
        return f"unnamed-{mark(fallback)}"
    if len(name) <= NAME_MAX:
        return name
    # The mark tells apart two long names that begin alike.
    return f"{name[: NAME_MAX - 9].rstrip('-')}-{mark([name])}"


def mark(texts: Sequence[str]) -> str:
    """Return eight characters that stand for these texts."""
    return sha256("\x1f".join(texts).encode("utf-8", "replace")).hexdigest()[:8]


class Names:
    """Hands out each name once; the second that would have it gets a mark of what tells it apart."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def give(self, name: str, *, row: int, told_apart_by: Sequence[str]) -> tuple[str, int]:
        """Return a free name, and the row that holds the wanted one (0 for none)."""
        first = self._taken.setdefault(name, row)
        if first == row:
            return name, 0
        stem = name[: NAME_MAX - 13].rstrip("-")
        wanted = f"{stem}-{mark(told_apart_by)}"
        free, number = wanted, 1
        while free in self._taken:
            number += 1
            free = f"{wanted}-{number}"
        self._taken[free] = row
        return free, first
