"""Pure: what a filter declares itself, patterns and topics, in any script, by RE2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import re2

from roadworthy.gateway.filters.beginnings import ANYTHING, beginnings
from roadworthy.gateway.filters.reading import Span, arranged, plain, visible
from roadworthy.gateway.filters.recogniser import Recogniser
from roadworthy.gateway.snapshot import FilterEntry

_UNSPACED = 0x2E80
"""From here on scripts write words without spaces: there a word ends wherever it ends."""


def declared(entry: FilterEntry) -> tuple[Recogniser, ...]:
    """Return what a filter declares itself: patterns of RE2, and topics as lists of words."""
    own = [
        Recogniser(name, "own", name, pattern.encode("utf-8"), label_of(name), priority=75)
        for name, pattern in entry.patterns.items()
    ]
    topics = [
        Recogniser(name, "topics", name, topic_pattern(words), label_of(name), priority=15, ignore_case=True)
        for name, words in entry.topics.items()
    ]
    return (*own, *topics)


def label_of(name: str) -> str:
    """Return what stands in a text in place of what was found."""
    return name.upper().replace("-", "_")[:40]


def topic_pattern(words: Sequence[str]) -> bytes:
    """Return the pattern of a topic: any of its words or phrases; longer ones first, to be found whole."""
    longest_first = sorted(words, key=len, reverse=True)
    return "|".join(
        r"[ \t\n-]{1,3}".join(_escaped(part) for part in word.split()) for word in longest_first
    ).encode()


def _escaped(word: str) -> str:
    return "".join(sign if sign.isalnum() else f"\\x{{{ord(sign):x}}}" for sign in word)


def _options(*, ignore_case: bool) -> Any:
    made = re2.Options()
    made.case_sensitive = not ignore_case
    made.log_errors = False
    return made


class DeclaredReader:
    """Finds declared patterns in texts; the places it names are those of characters."""

    __slots__ = ("_exact", "_gate", "recognisers")

    def __init__(self, recognisers: Sequence[Recogniser]) -> None:
        self.recognisers = tuple(recognisers)
        self._exact = [
            re2.compile(one.pattern.decode("utf-8"), _options(ignore_case=one.ignore_case))
            for one in self.recognisers
        ]
        self._gate = re2.Set.SearchSet(_options(ignore_case=False))
        for one in self.recognisers:
            pattern = one.pattern.decode("utf-8")
            self._gate.Add(f"(?i:{pattern})" if one.ignore_case else pattern)
        self._gate.Compile()

    def spans(self, text: str, wanted: Sequence[object | None]) -> list[Span] | None:
        """Return what is found of the recognisers whose place in `wanted` is not None; None for nothing."""
        text, places = visible(plain(text))
        found: list[Span] = []
        for number in self._gate.Match(text) or ():
            if wanted[number] is None:
                continue
            whole_words = self.recognisers[number].family == "topics"
            for match in self._exact[number].finditer(text):
                start, end = match.span()
                if start < end and not (whole_words and _inside_word(text, start, end)):
                    found.append(Span(number, start, end))
        if not found:
            return None
        if places is not None:
            found = [Span(one.number, places[one.start], places[one.end - 1] + 1) for one in found]
        return arranged(found, self.recognisers)


def _inside_word(text: str, start: int, end: int) -> bool:
    before = start > 0 and _one_word(text[start - 1], text[start])
    return before or (end < len(text) and _one_word(text[end - 1], text[end]))


def _one_word(left: str, right: str) -> bool:
    """Do two characters next to each other belong to one word?"""
    if ord(left) >= _UNSPACED or ord(right) >= _UNSPACED:
        return False
    return (left.isalnum() or left == "_") and (right.isalnum() or right == "_")


def holder_of(recognisers: Sequence[Recogniser]) -> Any:
    """Return RE2's pattern of an end of a text that may become something declared; None for none."""
    parts = []
    for one in recognisers:
        begins = beginnings(one.pattern.decode("utf-8"))
        parts.append(f"(?i:{begins})" if one.ignore_case else begins)
    if not parts:
        return None
    try:
        return re2.compile("(?:" + "|".join(parts) + r")\z", _options(ignore_case=False))
    except re2.error:  # too large together: rather hold everything back for a moment than let a part out
        return re2.compile(ANYTHING + r"\z", _options(ignore_case=False))
