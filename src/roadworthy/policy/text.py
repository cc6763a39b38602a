"""Pure: where the statements of a Cedar text stand: one pass, strings and comments skipped."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"|;|\b(?:permit|forbid)\b')


@dataclass(frozen=True, slots=True)
class Piece:
    """A statement's text, from after the one before it, and the line of its `permit` or `forbid`."""

    text: str
    first_line: int
    line: int

    def line_of(self, word: str) -> int:
        """Return the line where a word stands in this statement, else the statement's."""
        found = re.search(rf"(?<![\w]){re.escape(word)}(?![\w])", self.text)
        return self.line if found is None else self.first_line + self.text.count("\n", 0, found.start())


def pieces(text: str) -> list[Piece]:
    """Cut a text into statements; a last piece without its semicolon is one too."""
    found: list[Piece] = []
    begin = 0
    effect: int | None = None
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word in {"permit", "forbid"} and effect is None:
            effect = token.start()
        elif word == ";":
            found.append(_piece(text, begin, token.end(), effect))
            begin, effect = token.end(), None
    rest = re.sub(r"//[^\n]*", "", text[begin:])
    if rest.strip():
        found.append(_piece(text, begin, len(text), effect))
    return found


def _piece(text: str, begin: int, end: int, effect: int | None) -> Piece:
    at = effect
    if at is None:
        blank = re.match(r"(?:\s|//[^\n]*)*", text[begin:end])
        at = begin + (blank.end() if blank else 0)
    return Piece(text[begin:end], text.count("\n", 0, begin) + 1, text.count("\n", 0, at) + 1)
