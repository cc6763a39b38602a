"""Finds spans in a text: one pass of the engine, then exact patterns, check digits and cues nearby."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import msgspec
import re2

from roadworthy.gateway.filters import personal, phrases, secrets
from roadworthy.gateway.filters.check_digits import iban_prefix
from roadworthy.gateway.filters.engine import Engine, best, options, quick
from roadworthy.gateway.filters.recogniser import NUMBER_REACH, REACH, Recogniser

BUILT_IN: tuple[Recogniser, ...] = (*personal.RECOGNISERS, *secrets.RECOGNISERS, *phrases.RECOGNISERS)
FAMILIES: tuple[str, ...] = tuple(dict.fromkeys(one.family for one in BUILT_IN))
CUE_REACH = 48
_AHEAD = 320
_NUMBERS = frozenset({"CARD", "IBAN", "NATIONAL_ID", "PHONE", "IP"})

_SAME = {
    **{ord(sign): "-" for sign in "\u2010\u2011\u2012\u2013\u2014\u2212\ufe58\ufe63\uff0d"},
    **{ord(sign): " " for sign in map(chr, (*range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000))},
    **{0xFF10 + digit: str(digit) for digit in range(10)},
    **{0x0660 + digit: str(digit) for digit in range(10)},
    **{0x06F0 + digit: str(digit) for digit in range(10)},
    **{0x0966 + digit: str(digit) for digit in range(10)},
    **{0xFF21 + letter: chr(65 + letter) for letter in range(26)},
    **{0xFF41 + letter: chr(97 + letter) for letter in range(26)},
    0xFF20: "@", 0xFF0E: ".", 0x2024: ".", 0xFF0B: "+",
}  # fmt: skip
_ODD = re.compile("[" + "".join(re.escape(chr(sign)) for sign in _SAME) + "]")
_LONE = re.compile("[\ud800-\udfff]")
_UNSEEN = re.compile("[\u00ad\u180e\u200b-\u200f\u2060-\u2064\ufeff]")
_PLAIN_SPACE = bytes(32 if sign == 0xA0 else sign for sign in range(256))


class Span(msgspec.Struct, frozen=True, gc=False):
    """Something found: by which recogniser (its number), from where to where in characters."""

    number: int
    start: int
    end: int


def signs(text: str) -> bytes:
    """Return a text with one byte per character, look-alikes of digits and separators made plain.

    A character that has no such byte becomes a question mark: places stay the same.
    """
    try:
        return text.encode("ascii")
    except UnicodeEncodeError:
        pass
    return plain(text).encode("latin-1", "replace").translate(_PLAIN_SPACE)


def plain(text: str) -> str:
    """Return a text of the same length, with look-alikes of digits and separators made plain."""
    return text if text.isascii() or _ODD.search(text) is None else text.translate(_SAME)


def visible(text: str) -> tuple[str, list[int] | None]:
    """Return a text without the characters that nobody sees, and where the others stood, if that moved."""
    if text.isascii():
        return text, None
    if _LONE.search(text) is not None:
        text = _LONE.sub("?", text)
    if _UNSEEN.search(text) is None:
        return text, None
    kept = [at for at, sign in enumerate(text) if _UNSEEN.match(sign) is None]
    return "".join(text[at] for at in kept), kept


class Reader:
    """Recognisers with the engine that gates them. Not shared between threads."""

    __slots__ = ("_cue_words", "_cues", "_engine", "_exact", "_rest", "recognisers")

    def __init__(self, recognisers: Sequence[Recogniser], engine: Engine | None = None) -> None:
        self.recognisers = tuple(recognisers)
        self._engine = engine if engine is not None else best(self.recognisers)
        self._exact = [
            re.compile(one.pattern, re.IGNORECASE if one.ignore_case else 0) for one in self.recognisers
        ]
        self._cues = [re.compile(one.cue, re.IGNORECASE) if one.cue else None for one in self.recognisers]
        self._cue_words = [_words(one) for one in self.recognisers]
        self._rest = [_rest(one) for one in self.recognisers]

    def is_quiet(self, data: bytes) -> bool:
        """Does nothing match in plain bytes? No gate looks for where a text begins or ends: see the tests."""
        try:
            return self._engine.hits(data) is None
        except Exception:  # noqa: BLE001  a filter that errs is asked again, and answered by its policy
            return False

    def spans(self, text: str, wanted: Sequence[object | None]) -> list[Span] | None:
        """Return what is found of the recognisers whose place in `wanted` is not None; None for nothing."""
        data = signs(text)
        hits = self._engine.hits(data)
        if hits is None:
            return None if text.isascii() or _UNSEEN.search(text) is None else self._unseen(text, wanted)
        found: list[Span] = []
        for number, ends in hits.items():
            if wanted[number] is not None:
                self._look(number, ends, data, found)
        if not text.isascii() and _UNSEEN.search(text) is not None:
            found += self._unseen(text, wanted) or ()
        return arranged(found, self.recognisers) if found else None

    def _unseen(self, text: str, wanted: Sequence[object | None]) -> list[Span] | None:
        """Read the text once more without the characters that nobody sees."""
        seen, kept = visible(text)
        found = self.spans(seen, wanted)
        if found is None or kept is None:
            return found
        return [Span(one.number, kept[one.start], kept[one.end - 1] + 1) for one in found]

    def _look(self, number: int, ends: list[int], data: bytes, found: list[Span]) -> None:
        one = self.recognisers[number]
        if not ends:
            self._within(number, data, 0, len(data), found)
            return
        ahead = _AHEAD if one.gate else 0
        reach = NUMBER_REACH if one.label in _NUMBERS else REACH
        low, high = max(0, ends[0] - reach), ends[0]
        words = self._cue_words[number]
        if words:
            near = data[max(0, low - CUE_REACH) : ends[-1]].lower()
            if not any(word in near for word in words):
                return
        for end in ends:
            if end > high + reach:
                self._within(number, data, low, min(len(data), high + ahead), found)
                low = max(high, end - reach)
            high = max(high, end)
        self._within(number, data, low, min(len(data), high + ahead), found)

    def _within(self, number: int, data: bytes, low: int, high: int, found: list[Span]) -> None:
        one, cue = self.recognisers[number], self._cues[number]
        for match in self._exact[number].finditer(data, low, high):
            start, end = match.span()
            if one.name == "iban":
                size = iban_prefix(match.group())
                if size is None:
                    continue
                end = start + size
            elif one.check is not None and not one.check(match.group()):
                continue
            if one.label in _NUMBERS and _joined(data, start, end):
                continue
            asked = cue if not one.cue_if_bare or match.group().isdigit() else None
            if asked is not None and asked.search(data, max(0, start - CUE_REACH), start) is None:
                continue
            rest = self._rest[number]
            if rest is not None and (more := rest.match(data, end)) is not None:
                end = more.end()  # a pattern knows how a secret begins; all of it has to go
            found.append(Span(number, start, end))


def _joined(data: bytes, start: int, end: int) -> bool:
    """Is a number a part of a longer one, such as of a decimal fraction or of a book's number?"""
    before = start >= 2 and data[start - 1] in b"-.,/" and 48 <= data[start - 2] <= 57
    return before or (end + 1 < len(data) and data[end] in b"-." and 48 <= data[end + 1] <= 57)


def _words(one: Recogniser) -> tuple[bytes, ...]:
    """Return the words one of which stands near whatever has this cue: asked before the exact pattern."""
    if not one.cue or one.cue_if_bare:
        return ()
    return tuple(re.findall(rb"[a-z][a-z -]+", one.cue.replace(rb"\b", b"|").replace(b"(?:", b"|")))


def _rest(one: Recogniser) -> re.Pattern[bytes] | None:
    """Return the pattern of what follows a match and belongs to it, if need be to the end of the text."""
    if one.until:
        return re.compile(b"(?s:.*?(?:" + one.until + rb")|.*\Z)")
    return re.compile(one.goes_on + b"*") if one.goes_on else None


def arranged(found: list[Span], recognisers: Sequence[Recogniser]) -> list[Span]:
    """Return spans in order, without overlaps: the higher priority counts, then the longer one."""
    if len(found) == 1:
        return found
    kept: list[Span] = []
    for one in sorted(found, key=lambda span: (-recognisers[span.number].priority, span.start - span.end)):
        if all(one.end <= other.start or one.start >= other.end for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda span: span.start)


@lru_cache(maxsize=1)
def built_in_reader() -> Reader:
    """Return the reader of everything that is built in: one automaton per process, made once."""
    return Reader(BUILT_IN)


class Holder:
    """Says where an end of a text begins that may become something, for a stream that must not let it out.

    Nearly always there is none: the engine says so first, in a fraction of the time that finding it takes.
    """

    __slots__ = ("_exact", "_hits")

    def __init__(self, pattern: bytes) -> None:
        self._exact = re2.compile(pattern, options())
        engine = quick(pattern)
        self._hits = engine.hits if engine is not None else None

    def start(self, data: bytes) -> int | None:
        """Return where that end begins; None when there is none."""
        if self._hits is not None and self._hits(data) is None:
            return None
        found = self._exact.search(data)
        return found.start() if found is not None else None


def holder(recognisers: Sequence[Recogniser]) -> Holder | None:
    """Return what knows the ends of texts that may become something that these find."""
    parts = [
        b"(?i:" + one.begins + b")" if one.ignore_case else b"(?:" + one.begins + b")"
        for one in recognisers
        if one.begins
    ]
    return Holder(b"(?:" + b"|".join(parts) + rb")\z") if parts else None
