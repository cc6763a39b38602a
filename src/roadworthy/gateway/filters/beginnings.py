"""Pure: from a pattern of RE2 to one of all its beginnings, so that a stream can hold back what may grow.

RE2 says whether a text matches, not whether it could if it went on. So the pattern is cut into its parts, and
`abc` becomes `a(?:b(?:c)?)?`. Where it cannot be cut, every end of a text counts as a beginning.
"""

from __future__ import annotations

import re

import msgspec

REACH = 64
"""Characters that are held back at most."""
ANYTHING = rf"(?s:.{{1,{REACH}}})"

_QUANTIFIER = re.compile(r"(?:[*+?]|\{(\d+)(,(\d*))?\})\??")
_CLASS_NAME = re.compile(r"\[:\^?[a-z]+:\]")
_ESCAPE = re.compile(
    r"\\(?:x\{[0-9A-Fa-f]+\}|x[0-9A-Fa-f]{2}|[pP]\{\^?[A-Za-z_]+\}|[pP][A-Za-z]|[0-7]{1,3}|.)", re.DOTALL
)
_GROUP = re.compile(r"\((?:\?P?<[A-Za-z_]\w*>|\?([imsU]*)(?:-[imsU]+)?:)?")


class _Part(msgspec.Struct, frozen=True):
    """One part of a sequence: as it is written, what of it may have begun, and its bounds."""

    whole: str
    beginning: str


class _UncutError(Exception):
    """The pattern has something in it that this does not know."""


class _Cutter:
    """Reads a pattern once, from left to right."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0

    def choices(self) -> str:
        """Return the beginnings of what stands up to a closing bracket or the end."""
        found = [self._sequence()]
        while self._text[self._at : self._at + 1] == "|":
            self._at += 1
            found.append(self._sequence())
        return "|".join(found)

    @property
    def done(self) -> bool:
        """Has all been read?"""
        return self._at == len(self._text)

    def _sequence(self) -> str:
        parts: list[_Part] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._quantified(self._one()))
        after = ""
        for part in reversed(parts):
            if part.whole == part.beginning:
                after = f"{part.whole}(?:{after})?" if after else part.whole
            else:
                after = f"(?:{part.whole}(?:{after})?|{part.beginning})" if after else f"(?:{part.beginning})"
        return after

    def _one(self) -> _Part:
        sign = self._text[self._at]
        if sign == "(":
            return self._group()
        if sign == "[":
            end = self._class_end()
        elif sign == "\\":
            match = _ESCAPE.match(self._text, self._at)
            if match is None or match.group() in {"\\Q", "\\E"}:
                raise _UncutError
            end = match.end()
        else:
            end = self._at + 1
        text = self._text[self._at : end]
        self._at = end
        return _Part(text, text)

    def _group(self) -> _Part:
        start = self._at
        match = _GROUP.match(self._text, start)
        if match is None or (match.group() == "(" and self._text[start + 1 : start + 2] == "?"):
            raise _UncutError
        self._at = match.end()
        flags = f"(?{match.group(1)}:" if match.group(1) else "(?:"
        if "-" in match.group():
            flags = match.group()
        inner = self.choices()
        if self._text[self._at : self._at + 1] != ")":
            raise _UncutError
        self._at += 1
        whole = self._text[start : self._at]
        if match.group() == "(" or "<" in match.group():
            whole = "(?:" + self._text[match.end() : self._at]
        return _Part(whole, f"{flags}{inner})")

    def _quantified(self, part: _Part) -> _Part:
        match = _QUANTIFIER.match(self._text, self._at)
        if match is None:
            return part
        self._at = match.end()
        sign = match.group()
        most = 1 if sign[0] == "?" else REACH
        if sign[0] == "{":
            least = int(match.group(1))
            most = least if match.group(2) is None else int(match.group(3) or REACH)
        more = f"{part.whole}{{0,{min(most, REACH)}}}"
        beginning = more if part.whole == part.beginning else f"{more}(?:{part.beginning})?"
        return _Part(part.whole + sign, beginning)

    def _class_end(self) -> int:
        at = self._at + 1
        if self._text[at : at + 1] == "^":
            at += 1
        if self._text[at : at + 1] == "]":
            at += 1
        while at < len(self._text):
            named = _CLASS_NAME.match(self._text, at)
            if named is not None:
                at = named.end()
            elif self._text[at] == "\\":
                at += 2
            elif self._text[at] == "]":
                return at + 1
            else:
                at += 1
        raise _UncutError


def beginnings(pattern: str) -> str:
    """Return a pattern of what may become a match of `pattern`; `ANYTHING` where that cannot be told."""
    flags = re.match(r"\(\?[ims]+\)", pattern)
    rest = pattern[flags.end() :] if flags is not None else pattern
    try:
        cutter = _Cutter(rest)
        found = cutter.choices()
    except (_UncutError, RecursionError):
        return ANYTHING
    if not cutter.done or not found:
        return ANYTHING
    return f"(?{flags.group()[2:-1]}:{found})" if flags is not None else f"(?:{found})"
