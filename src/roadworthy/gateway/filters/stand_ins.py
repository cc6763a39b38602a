"""Pure: what stands in place of what was found, and how it is put back for the caller who sent it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from roadworthy.gateway.filters.finding import Found


class StandIns:
    """Masks one call's texts; the same value has the same stand-in in all of them."""

    __slots__ = ("_counts", "_known", "restore")

    def __init__(self) -> None:
        self.restore: dict[str, str] = {}
        self._known: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def mask(self, text: str, found: Sequence[Found]) -> str:
        """Return a text with what has to go replaced."""
        out: list[str] = []
        at = 0
        for one in sorted(found, key=lambda one: one.span.start):
            if one.action == "allow" or one.span.start < at:
                continue
            out.append(text[at : one.span.start])
            out.append(self.stand_in(one, text[one.span.start : one.span.end]))
            at = one.span.end
        out.append(text[at:])
        return "".join(out)

    def stand_in(self, one: Found, original: str) -> str:
        """Return what stands in place of one finding."""
        label = one.recogniser.label
        if one.action != "mask_reversibly":
            return f"[{label}]"
        known = self._known.get((label, original))
        if known is None:
            self._counts[label] = self._counts.get(label, 0) + 1
            known = self._known[label, original] = f"[{label}_{self._counts[label]}]"
            self.restore[known] = original
        return known


class Restorer:
    """Puts originals back into a stream that only their sender reads; after what is recorded of it."""

    __slots__ = ("_held", "_restore", "_size")

    def __init__(self, restore: Mapping[str, str]) -> None:
        self._restore = restore
        self._held: dict[tuple[int, int], str] = {}
        self._size = max((len(one) for one in restore), default=0)

    def feed(self, channel: tuple[int, int], text: str) -> str:
        """Return the text with originals put back; what may be the beginning of a stand-in waits."""
        held = self._held.get(channel, "")
        if not held and "[" not in text:
            return text
        text = held + text
        for stand_in, original in self._restore.items():
            text = text.replace(stand_in, original)
        begin = text.rfind("[", max(0, len(text) - self._size + 1))
        if begin >= 0 and any(one.startswith(text[begin:]) for one in self._restore):
            self._held[channel] = text[begin:]
            return text[:begin]
        self._held.pop(channel, None)
        return text

    def finish(self, channel: tuple[int, int]) -> str:
        """Return what waited."""
        return self._held.pop(channel, "")
