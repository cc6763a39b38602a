"""Pure: which units a policy reaches."""

from __future__ import annotations

from collections.abc import Mapping


def below(names: set[str], parents: Mapping[str, str | None]) -> frozenset[str]:
    """Return units and all units below them."""
    found = set(names)
    grew = True
    while grew:
        more = {name for name, parent in parents.items() if parent in found} - found
        found |= more
        grew = bool(more)
    return frozenset(found)
